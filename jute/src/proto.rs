//! Requests and replies of the client protocol (IDL module `org.apache.zookeeper.proto`).

use crate::data::{Acl, ClientInfo, Stat};
use crate::record::records;

records! {
    /// `ConnectRequest`.
    ConnectRequest {
        /// `protocolVersion`.
        protocol_version: i32,
        /// `lastZxidSeen`.
        last_zxid_seen: i64,
        /// `timeOut`.
        timeout: i32,
        /// `sessionId`.
        session_id: i64,
        /// `passwd`.
        passwd: Option<Vec<u8>>,
        /// `readOnly`.
        read_only: bool,
    }
    /// `ConnectResponse`.
    ConnectResponse {
        /// `protocolVersion`.
        protocol_version: i32,
        /// `timeOut`.
        timeout: i32,
        /// `sessionId`.
        session_id: i64,
        /// `passwd`.
        passwd: Option<Vec<u8>>,
        /// `readOnly`.
        read_only: bool,
    }
    /// `SetWatches`.
    SetWatches {
        /// `relativeZxid`.
        relative_zxid: i64,
        /// `dataWatches`.
        data_watches: Option<Vec<Option<String>>>,
        /// `existWatches`.
        exist_watches: Option<Vec<Option<String>>>,
        /// `childWatches`.
        child_watches: Option<Vec<Option<String>>>,
    }
    /// `SetWatches2`.
    SetWatches2 {
        /// `relativeZxid`.
        relative_zxid: i64,
        /// `dataWatches`.
        data_watches: Option<Vec<Option<String>>>,
        /// `existWatches`.
        exist_watches: Option<Vec<Option<String>>>,
        /// `childWatches`.
        child_watches: Option<Vec<Option<String>>>,
        /// `persistentWatches`.
        persistent_watches: Option<Vec<Option<String>>>,
        /// `persistentRecursiveWatches`.
        persistent_recursive_watches: Option<Vec<Option<String>>>,
    }
    /// `RequestHeader`.
    RequestHeader {
        /// `xid`.
        xid: i32,
        /// `type`.
        kind: i32,
    }
    /// `MultiHeader`.
    MultiHeader {
        /// `type`.
        kind: i32,
        /// `done`.
        done: bool,
        /// `err`.
        err: i32,
    }
    /// `AuthPacket`.
    AuthPacket {
        /// `type`.
        kind: i32,
        /// `scheme`.
        scheme: Option<String>,
        /// `auth`.
        auth: Option<Vec<u8>>,
    }
    /// `ReplyHeader`.
    ReplyHeader {
        /// `xid`.
        xid: i32,
        /// `zxid`.
        zxid: i64,
        /// `err`.
        err: i32,
    }
    /// `GetDataRequest`.
    GetDataRequest {
        /// `path`.
        path: Option<String>,
        /// `watch`.
        watch: bool,
    }
    /// `SetDataRequest`.
    SetDataRequest {
        /// `path`.
        path: Option<String>,
        /// `data`.
        data: Option<Vec<u8>>,
        /// `version`.
        version: i32,
    }
    /// `ReconfigRequest`.
    ReconfigRequest {
        /// `joiningServers`.
        joining_servers: Option<String>,
        /// `leavingServers`.
        leaving_servers: Option<String>,
        /// `newMembers`.
        new_members: Option<String>,
        /// `curConfigId`.
        cur_config_id: i64,
    }
    /// `SetDataResponse`.
    SetDataResponse {
        /// `stat`.
        stat: Stat,
    }
    /// `GetSASLRequest`.
    GetSASLRequest {
        /// `token`.
        token: Option<Vec<u8>>,
    }
    /// `SetSASLRequest`.
    SetSASLRequest {
        /// `token`.
        token: Option<Vec<u8>>,
    }
    /// `SetSASLResponse`.
    SetSASLResponse {
        /// `token`.
        token: Option<Vec<u8>>,
    }
    /// `CreateRequest`.
    CreateRequest {
        /// `path`.
        path: Option<String>,
        /// `data`.
        data: Option<Vec<u8>>,
        /// `acl`.
        acl: Option<Vec<Acl>>,
        /// `flags`.
        flags: i32,
    }
    /// `CreateTTLRequest`.
    CreateTTLRequest {
        /// `path`.
        path: Option<String>,
        /// `data`.
        data: Option<Vec<u8>>,
        /// `acl`.
        acl: Option<Vec<Acl>>,
        /// `flags`.
        flags: i32,
        /// `ttl`.
        ttl: i64,
    }
    /// `DeleteRequest`.
    DeleteRequest {
        /// `path`.
        path: Option<String>,
        /// `version`.
        version: i32,
    }
    /// `GetChildrenRequest`.
    GetChildrenRequest {
        /// `path`.
        path: Option<String>,
        /// `watch`.
        watch: bool,
    }
    /// `GetAllChildrenNumberRequest`.
    GetAllChildrenNumberRequest {
        /// `path`.
        path: Option<String>,
    }
    /// `GetChildren2Request`.
    GetChildren2Request {
        /// `path`.
        path: Option<String>,
        /// `watch`.
        watch: bool,
    }
    /// `CheckVersionRequest`.
    CheckVersionRequest {
        /// `path`.
        path: Option<String>,
        /// `version`.
        version: i32,
    }
    /// `GetMaxChildrenRequest`.
    GetMaxChildrenRequest {
        /// `path`.
        path: Option<String>,
    }
    /// `GetMaxChildrenResponse`.
    GetMaxChildrenResponse {
        /// `max`.
        max: i32,
    }
    /// `SetMaxChildrenRequest`.
    SetMaxChildrenRequest {
        /// `path`.
        path: Option<String>,
        /// `max`.
        max: i32,
    }
    /// `SyncRequest`.
    SyncRequest {
        /// `path`.
        path: Option<String>,
    }
    /// `SyncResponse`.
    SyncResponse {
        /// `path`.
        path: Option<String>,
    }
    /// `GetACLRequest`.
    GetACLRequest {
        /// `path`.
        path: Option<String>,
    }
    /// `SetACLRequest`.
    SetACLRequest {
        /// `path`.
        path: Option<String>,
        /// `acl`.
        acl: Option<Vec<Acl>>,
        /// `version`.
        version: i32,
    }
    /// `SetACLResponse`.
    SetACLResponse {
        /// `stat`.
        stat: Stat,
    }
    /// `AddWatchRequest`.
    AddWatchRequest {
        /// `path`.
        path: Option<String>,
        /// `mode`.
        mode: i32,
    }
    /// `WatcherEvent`.
    WatcherEvent {
        /// `type`: event type.
        kind: i32,
        /// `state`: state of the Keeper client runtime.
        state: i32,
        /// `path`.
        path: Option<String>,
    }
    /// `ErrorResponse`.
    ErrorResponse {
        /// `err`.
        err: i32,
    }
    /// `CreateResponse`.
    CreateResponse {
        /// `path`.
        path: Option<String>,
    }
    /// `Create2Response`.
    Create2Response {
        /// `path`.
        path: Option<String>,
        /// `stat`.
        stat: Stat,
    }
    /// `ExistsRequest`.
    ExistsRequest {
        /// `path`.
        path: Option<String>,
        /// `watch`.
        watch: bool,
    }
    /// `ExistsResponse`.
    ExistsResponse {
        /// `stat`.
        stat: Stat,
    }
    /// `GetDataResponse`.
    GetDataResponse {
        /// `data`.
        data: Option<Vec<u8>>,
        /// `stat`.
        stat: Stat,
    }
    /// `GetChildrenResponse`.
    GetChildrenResponse {
        /// `children`.
        children: Option<Vec<Option<String>>>,
    }
    /// `GetAllChildrenNumberResponse`.
    GetAllChildrenNumberResponse {
        /// `totalNumber`.
        total_number: i32,
    }
    /// `GetChildren2Response`.
    GetChildren2Response {
        /// `children`.
        children: Option<Vec<Option<String>>>,
        /// `stat`.
        stat: Stat,
    }
    /// `GetACLResponse`.
    GetACLResponse {
        /// `acl`.
        acl: Option<Vec<Acl>>,
        /// `stat`.
        stat: Stat,
    }
    /// `CheckWatchesRequest`.
    CheckWatchesRequest {
        /// `path`.
        path: Option<String>,
        /// `type`.
        kind: i32,
    }
    /// `RemoveWatchesRequest`.
    RemoveWatchesRequest {
        /// `path`.
        path: Option<String>,
        /// `type`.
        kind: i32,
    }
    /// `GetEphemeralsRequest`.
    GetEphemeralsRequest {
        /// `prefixPath`.
        prefix_path: Option<String>,
    }
    /// `GetEphemeralsResponse`.
    GetEphemeralsResponse {
        /// `ephemerals`.
        ephemerals: Option<Vec<Option<String>>>,
    }
    /// `WhoAmIResponse`.
    WhoAmIResponse {
        /// `clientInfo`.
        client_info: Option<Vec<ClientInfo>>,
    }
}

//! Packets between servers (IDL module `org.apache.zookeeper.server.quorum`).

use crate::data::Id;
use crate::record::records;

records! {
    /// `LearnerInfo`.
    LearnerInfo {
        /// `serverid`.
        server_id: i64,
        /// `protocolVersion`.
        protocol_version: i32,
        /// `configVersion`.
        config_version: i64,
    }
    /// `QuorumPacket`.
    QuorumPacket {
        /// `type`: Request, Ack, Commit, Ping.
        kind: i32,
        /// `zxid`.
        zxid: i64,
        /// `data`: Only significant when type is request.
        data: Option<Vec<u8>>,
        /// `authinfo`.
        auth_info: Option<Vec<Id>>,
    }
    /// `QuorumAuthPacket`.
    QuorumAuthPacket {
        /// `magic`.
        magic: i64,
        /// `status`.
        status: i32,
        /// `token`.
        token: Option<Vec<u8>>,
    }
}

//! Transactions, as the log holds them and the leader proposes them (IDL module
//! `org.apache.zookeeper.txn`).

use crate::data::SharedAcl;
use crate::record::{records, vector_of};

records! {
    /// `TxnDigest`.
    TxnDigest {
        /// `version`.
        version: i32,
        /// `treeDigest`.
        tree_digest: i64,
    }
    /// `TxnHeader`.
    TxnHeader {
        /// `clientId`.
        client_id: i64,
        /// `cxid`.
        cxid: i32,
        /// `zxid`.
        zxid: i64,
        /// `time`.
        time: i64,
        /// `type`.
        kind: i32,
    }
    /// `CreateTxnV0`.
    CreateTxnV0 {
        /// `path`.
        path: Option<String>,
        /// `data`.
        data: Option<Vec<u8>>,
        /// `acl`.
        acl: Option<SharedAcl>,
        /// `ephemeral`.
        ephemeral: bool,
    }
    /// `CreateTxn`.
    CreateTxn {
        /// `path`.
        path: Option<String>,
        /// `data`.
        data: Option<Vec<u8>>,
        /// `acl`.
        acl: Option<SharedAcl>,
        /// `ephemeral`.
        ephemeral: bool,
        /// `parentCVersion`.
        parent_cversion: i32,
    }
    /// `CreateTTLTxn`.
    CreateTTLTxn {
        /// `path`.
        path: Option<String>,
        /// `data`.
        data: Option<Vec<u8>>,
        /// `acl`.
        acl: Option<SharedAcl>,
        /// `parentCVersion`.
        parent_cversion: i32,
        /// `ttl`.
        ttl: i64,
    }
    /// `CreateContainerTxn`.
    CreateContainerTxn {
        /// `path`.
        path: Option<String>,
        /// `data`.
        data: Option<Vec<u8>>,
        /// `acl`.
        acl: Option<SharedAcl>,
        /// `parentCVersion`.
        parent_cversion: i32,
    }
    /// `DeleteTxn`.
    DeleteTxn {
        /// `path`.
        path: Option<String>,
    }
    /// `SetDataTxn`.
    SetDataTxn {
        /// `path`.
        path: Option<String>,
        /// `data`.
        data: Option<Vec<u8>>,
        /// `version`.
        version: i32,
    }
    /// `CheckVersionTxn`.
    CheckVersionTxn {
        /// `path`.
        path: Option<String>,
        /// `version`.
        version: i32,
    }
    /// `SetACLTxn`.
    SetACLTxn {
        /// `path`.
        path: Option<String>,
        /// `acl`.
        acl: Option<SharedAcl>,
        /// `version`.
        version: i32,
    }
    /// `SetMaxChildrenTxn`.
    SetMaxChildrenTxn {
        /// `path`.
        path: Option<String>,
        /// `max`.
        max: i32,
    }
    /// `CreateSessionTxn`.
    CreateSessionTxn {
        /// `timeOut`.
        timeout: i32,
    }
    /// `CloseSessionTxn`.
    CloseSessionTxn {
        /// `paths2Delete`.
        paths_to_delete: Option<Vec<Option<String>>>,
    }
    /// `ErrorTxn`.
    ErrorTxn {
        /// `err`.
        err: i32,
    }
    /// `Txn`.
    Txn {
        /// `type`.
        kind: i32,
        /// `data`.
        data: Option<Vec<u8>>,
    }
    /// `MultiTxn`.
    MultiTxn {
        /// `txns`.
        txns: Option<Vec<Txn>>,
    }
}

vector_of!(Txn);

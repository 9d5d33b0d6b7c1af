//! What clients and server share: ids, ACLs, stats (IDL module `org.apache.zookeeper.data`).

use crate::record::{records, vector_of};

records! {
    /// `Id`.
    Id {
        /// `scheme`.
        scheme: Option<String>,
        /// `id`.
        id: Option<String>,
    }
    /// `ACL`.
    Acl {
        /// `perms`.
        perms: i32,
        /// `id`.
        id: Id,
    }
    /// `Stat`.
    Stat {
        /// `czxid`: created zxid.
        czxid: i64,
        /// `mzxid`: last modified zxid.
        mzxid: i64,
        /// `ctime`: created.
        ctime: i64,
        /// `mtime`: last modified.
        mtime: i64,
        /// `version`: version.
        version: i32,
        /// `cversion`: child version.
        cversion: i32,
        /// `aversion`: acl version.
        aversion: i32,
        /// `ephemeralOwner`: owner id if ephemeral, 0 otw.
        ephemeral_owner: i64,
        /// `dataLength`: length of the data in the node.
        data_length: i32,
        /// `numChildren`: number of children of this node.
        num_children: i32,
        /// `pzxid`: last modified children.
        pzxid: i64,
    }
    /// `StatPersisted`.
    StatPersisted {
        /// `czxid`: created zxid.
        czxid: i64,
        /// `mzxid`: last modified zxid.
        mzxid: i64,
        /// `ctime`: created.
        ctime: i64,
        /// `mtime`: last modified.
        mtime: i64,
        /// `version`: version.
        version: i32,
        /// `cversion`: child version.
        cversion: i32,
        /// `aversion`: acl version.
        aversion: i32,
        /// `ephemeralOwner`: owner id if ephemeral, 0 otw.
        ephemeral_owner: i64,
        /// `pzxid`: last modified children.
        pzxid: i64,
    }
    /// `ClientInfo`.
    ClientInfo {
        /// `authScheme`: Authentication scheme.
        auth_scheme: Option<String>,
        /// `user`: user name or any other id(for example ip).
        user: Option<String>,
    }
}

vector_of!(Acl, ClientInfo, Id);

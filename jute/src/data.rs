//! What clients and server share: ids, ACLs, stats (IDL module `org.apache.zookeeper.data`).

use std::sync::{Arc, LazyLock};

use crate::record::{Record, read_vector, records, vector_of, write_vector};
use crate::{DecodeError, Reader};

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

/// An access control list that many nodes and transactions hold at once.
pub type SharedAcl = Arc<[Acl]>;

/// `ZooDefs.Ids.OPEN_ACL_UNSAFE`: everything is allowed to everyone. Nearly every node has it, so
/// there is one of it, and wherever a [`SharedAcl`] is read these bytes become it.
pub fn open_acl() -> &'static SharedAcl {
    static OPEN: LazyLock<SharedAcl> = LazyLock::new(|| {
        let anyone = Id { scheme: Some("world".to_owned()), id: Some("anyone".to_owned()) };
        Arc::from([Acl { perms: 31, id: anyone }])
    });
    &OPEN
}

/// [`open_acl`] as a `vector<ACL>`.
const OPEN_BYTES: &[u8] = b"\0\0\0\x01\0\0\0\x1f\0\0\0\x05world\0\0\0\x06anyone";

/// `vector<ACL>`, shared.
impl Record for Option<SharedAcl> {
    fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        if r.remaining().starts_with(OPEN_BYTES) {
            r.take(OPEN_BYTES.len())?;
            return Ok(Some(Arc::clone(open_acl())));
        }
        Ok(read_vector(r)?.map(Vec::into))
    }
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Some(acl) if Arc::ptr_eq(acl, open_acl()) => out.extend_from_slice(OPEN_BYTES),
            acl => write_vector(acl.as_deref(), out),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::to_bytes;

    #[test]
    fn the_open_acl_is_shared_by_all_that_read_it() {
        let list = Some(open_acl().to_vec());
        assert_eq!(to_bytes(&list), OPEN_BYTES);
        assert_eq!(to_bytes(&Some(Arc::clone(open_acl()))), OPEN_BYTES);
        let read = Option::<SharedAcl>::read(&mut Reader::new(OPEN_BYTES)).unwrap().unwrap();
        assert!(Arc::ptr_eq(&read, open_acl()));
    }

    #[test]
    fn another_acl_is_read_as_it_stands() {
        let digest = Id { scheme: Some("digest".to_owned()), id: Some("u:x".to_owned()) };
        let list = Some(vec![Acl { perms: 1, id: digest }]);
        let bytes = to_bytes(&list);
        let read = Option::<SharedAcl>::read(&mut Reader::new(&bytes)).unwrap();
        assert_eq!(read.as_deref(), list.as_deref());
        assert_eq!(to_bytes(&read), bytes);
        assert_eq!(Option::<SharedAcl>::read(&mut Reader::new(&[0xff; 4])), Ok(None));
    }
}

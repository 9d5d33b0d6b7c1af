//! A node as readers see it.

use jute::data::{Stat, StatPersisted};

use super::arena::{NodeId, NodeRecord};
use super::ephemeral::EphemeralType;
use super::{DataTree, SharedAcl};

/// One node, borrowed from the tree (`DataNode`).
#[derive(Debug, Clone, Copy)]
pub struct Node<'a> {
    pub(super) tree: &'a DataTree,
    pub(super) id: NodeId,
}

impl<'a> Node<'a> {
    fn record(&self) -> &'a NodeRecord {
        &self.tree.arena[self.id]
    }

    /// Its data. Null and empty are different things.
    pub fn data(&self) -> Option<&'a [u8]> {
        self.record().data()
    }

    /// Its ACL.
    pub fn acl(&self) -> &'a SharedAcl {
        self.tree.acls.get(self.record().acl)
    }

    /// Its stat as it is on disk and in the digest.
    pub fn stat_persisted(&self) -> &'a StatPersisted {
        &self.record().stat
    }

    /// Its stat as clients see it (`DataNode.copyStat`): cversion counts deletions too, and only a
    /// session shows as an owner.
    pub fn stat(&self) -> Stat {
        let (record, p) = (self.record(), self.stat_persisted());
        let children = record.children.len() as i32;
        let is_owned = self.ephemeral_type() == EphemeralType::Normal;
        Stat {
            czxid: p.czxid,
            mzxid: p.mzxid,
            ctime: p.ctime,
            mtime: p.mtime,
            version: p.version,
            cversion: p.cversion.wrapping_mul(2).wrapping_sub(children),
            aversion: p.aversion,
            ephemeral_owner: if is_owned { p.ephemeral_owner } else { 0 },
            data_length: record.data_len() as i32,
            num_children: children,
            pzxid: p.pzxid,
        }
    }

    /// The names of its children, in no order that means anything.
    pub fn children(&self) -> impl ExactSizeIterator<Item = &'a str> + use<'a> {
        let arena = &self.tree.arena;
        self.record().children.as_slice().iter().map(|&id| arena[id].name())
    }

    /// How many children it has.
    pub fn num_children(&self) -> usize {
        self.record().children.len()
    }

    /// What ends its life.
    pub fn ephemeral_type(&self) -> EphemeralType {
        self.tree.ephemeral_type(self.record().stat.ephemeral_owner)
    }

    /// The part of its digest over path and data ([`super::digest::content_crc`]); means something
    /// where digests are on and the node has one.
    pub fn content_crc(&self) -> u32 {
        self.record().content_crc
    }

    /// Its part of the tree's digest, 0 for the nodes that have none.
    pub fn digest(&self) -> i64 {
        self.tree.digest_of(self.id)
    }
}

//! A node comes into being. Like the other changes ([`super::delete`], [`super::set`]) it keeps stat,
//! index, parent, owners, quota figures, digest and sizes in step, and tells the sink.

use jute::data::{SharedAcl, StatPersisted};

use super::acl_cache::AclSlot;
use super::arena::{NodeId, NodeRecord, ROOT};
use super::{DataTree, EventSink, EventType, data_len, digest, node_size, path};
use crate::ids::{Millis, Zxid};
use crate::op::Code;

/// A node to be.
pub(super) struct NewNode<'a> {
    pub(super) path: &'a str,
    pub(super) data: Option<&'a [u8]>,
    /// None is the open ACL.
    pub(super) acl: Option<&'a SharedAcl>,
    pub(super) owner: i64,
    /// What the parent's cversion becomes; -1 counts it up (transactions from before 3.4).
    pub(super) parent_cversion: i32,
    pub(super) zxid: Zxid,
    pub(super) time: Millis,
}

/// Where a node is or will be, hashed once for looking and putting.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) parent: NodeId,
    pub(super) parent_path: &'a str,
    pub(super) path: &'a str,
    pub(super) name: &'a str,
    pub(super) hash: u32,
}

impl NewNode<'_> {
    fn stat(&self) -> StatPersisted {
        StatPersisted {
            czxid: self.zxid.0,
            mzxid: self.zxid.0,
            pzxid: self.zxid.0,
            ctime: self.time,
            mtime: self.time,
            ephemeral_owner: self.owner,
            ..StatPersisted::default()
        }
    }
}

impl DataTree {
    /// `createNode`. A node that is there already takes the new ACL all the same: a fuzzy snapshot
    /// may have it with an ACL that the snapshot's map lacks.
    pub(super) fn create_node<S: EventSink>(
        &mut self,
        new: &NewNode<'_>,
        sink: &mut S,
    ) -> Result<NodeId, Code> {
        let place = self.place(new.path).ok_or(Code::NoNode)?;
        let Place { parent, parent_path, name, .. } = place;
        let acl = self.acls.convert(new.acl);
        if let Some(existing) = self.find_at(&place) {
            self.arena[existing].acl = acl;
            return Err(Code::NodeExists);
        }
        self.raise_cversion(parent, parent_path, new.parent_cversion, new.zxid);
        let id = self.plant(&place, new.data, acl, new.stat());
        self.size.cached += node_size(new.path, new.data);
        let kind = self.ephemeral_type(new.owner);
        self.owners.add(kind, new.owner, id);
        self.on_quota_node_created(parent_path, name);
        self.charge_quota(new.path, data_len(new.data), 1);
        sink.on_write(new.path, data_len(new.data) as usize);
        sink.on_event(EventType::NodeCreated, new.path, self.acls.get(acl), new.zxid);
        let parent_acl = self.acls.get(self.arena[parent].acl);
        let parent_path = path::shown(parent_path);
        sink.on_event(EventType::NodeChildrenChanged, parent_path, parent_acl, new.zxid);
        Ok(id)
    }

    /// Where a node at `path` belongs; `None` without a parent.
    pub(super) fn place<'p>(&self, path: &'p str) -> Option<Place<'p>> {
        let (parent_path, name) = path::split(path)?;
        let parent = self.find_parent(parent_path)?;
        Some(Place { parent, parent_path, path, name, hash: self.index.hash(path) })
    }

    /// A parent goes by the empty string where it is the root, never by `/`.
    pub(super) fn find_parent(&self, parent_path: &str) -> Option<NodeId> {
        if parent_path == "/" { None } else { self.find(parent_path) }
    }

    /// The node that is there already.
    pub(super) fn find_at(&self, place: &Place<'_>) -> Option<NodeId> {
        if place.path == "/" {
            return Some(ROOT);
        }
        self.index.find(&self.arena, place.path, place.hash)
    }

    /// Replay over a fuzzy snapshot may meet a parent that is ahead: cversion and pzxid never go
    /// back. Also `setCversionPzxid`.
    pub(super) fn raise_cversion(&mut self, id: NodeId, path: &str, cversion: i32, zxid: Zxid) {
        let current = self.arena[id].stat.cversion;
        let cversion = if cversion == -1 { current.wrapping_add(1) } else { cversion };
        if cversion > current {
            self.change(id, path, |node| {
                node.stat.cversion = cversion;
                node.stat.pzxid = zxid.0;
            });
        }
    }

    /// Changes the node at `path` and keeps the digest in step. Where the data changes, the change
    /// includes the content's CRC.
    pub(super) fn change(&mut self, id: NodeId, path: &str, change: impl FnOnce(&mut NodeRecord)) {
        let node = &mut self.arena[id];
        if !self.digests.enabled || digest::is_excluded(path) {
            return change(node);
        }
        self.digests.remove(digest::stat_digest(node.content_crc, &node.stat));
        change(node);
        self.digests.add(digest::stat_digest(node.content_crc, &node.stat));
    }

    /// Gives the root its content.
    pub(super) fn plant_root(&mut self, data: Option<&[u8]>, acl: AclSlot, stat: StatPersisted) {
        self.arena[ROOT].acl = acl;
        self.write_data(ROOT, "", data, |s| *s = stat);
    }

    /// Puts a node into its place, which is empty. Nothing else changes: neither the parent's stat
    /// nor owners.
    pub(super) fn plant(
        &mut self,
        place: &Place<'_>,
        data: Option<&[u8]>,
        acl: AclSlot,
        stat: StatPersisted,
    ) -> NodeId {
        let mut record = NodeRecord::new(place.name, data, stat);
        record.hash = place.hash;
        record.content_crc = digest::remembered_crc(self.digests.enabled, place.path, data);
        let id = self.plant_unindexed(place, acl, record);
        self.index.insert(&self.arena, id);
        id
    }

    /// As [`DataTree::plant`], of a record that lacks nothing but parent and ACL. Nobody finds the node
    /// by its path until the index has it.
    pub(super) fn plant_unindexed(
        &mut self,
        place: &Place<'_>,
        acl: AclSlot,
        mut record: NodeRecord,
    ) -> NodeId {
        record.parent = place.parent;
        record.acl = acl;
        if self.digests.enabled && !digest::is_excluded(place.path) {
            self.digests.add(digest::stat_digest(record.content_crc, &record.stat));
        }
        self.size.exact += node_size(place.path, record.data());
        let id = self.arena.insert(record);
        self.arena[id].position = self.arena[place.parent].children.push(id);
        id
    }
}

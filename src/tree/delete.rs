//! A node goes, by itself or with its session.

use jute::txn::CloseSessionTxn;

use super::arena::{NodeId, ROOT};
use super::{DataTree, EventSink, EventType, SharedAcl, data_len, digest, node_size, path};
use crate::ids::{SessionId, Zxid};
use crate::op::Code;

/// What is left to say of a node that is gone.
struct Gone {
    acl: SharedAcl,
    data_len: i64,
}

impl DataTree {
    /// `deleteNode`. The parent's pzxid rises even where the node is gone already: a fuzzy snapshot
    /// may lack the node and yet have the parent as it was before.
    pub(super) fn delete_node<S: EventSink>(
        &mut self,
        path: &str,
        zxid: Zxid,
        sink: &mut S,
    ) -> Result<(), Code> {
        let (parent_path, name) = path::split(path).ok_or(Code::NoNode)?;
        let id = self.find(path).filter(|&id| id != ROOT);
        let parent = match id {
            Some(id) => self.arena[id].parent,
            None => self.find_parent(parent_path).ok_or(Code::NoNode)?,
        };
        let stale = id.is_none() && self.options.fault_stale_pzxid;
        if zxid.0 > self.arena[parent].stat.pzxid && !stale {
            self.change(parent, parent_path, |node| node.stat.pzxid = zxid.0);
        }
        let id = id.ok_or(Code::NoNode)?;
        let gone = self.uproot(id, path);
        self.on_quota_node_deleted(parent_path, name);
        self.charge_quota(path, -gone.data_len, -1);
        sink.on_write(path, 0);
        sink.on_event(EventType::NodeDeleted, path, &gone.acl, zxid);
        let parent_acl = self.acls.get(self.arena[parent].acl);
        let parent_path = path::shown(parent_path);
        sink.on_event(EventType::NodeChildrenChanged, parent_path, parent_acl, zxid);
        Ok(())
    }

    /// Takes a node out of its place, and out of all books.
    fn uproot(&mut self, id: NodeId, path: &str) -> Gone {
        self.uproot_descendants(id, path);
        if self.digests.enabled && !digest::is_excluded(path) {
            let node = &self.arena[id];
            self.digests.remove(digest::stat_digest(node.content_crc, &node.stat));
        }
        self.index.remove(&self.arena, id);
        let node = self.arena.remove(id);
        if let Some(moved) = self.arena[node.parent].children.remove(node.position) {
            self.arena[moved].position = node.position;
        }
        let acl = self.acls.get(node.acl).clone();
        self.acls.remove_usage(node.acl);
        let owner = node.stat.ephemeral_owner;
        self.owners.remove(self.ephemeral_type(owner), owner, id);
        let size = node_size(path, node.data());
        self.size.exact -= size;
        self.size.cached -= size;
        Gone { acl, data_len: data_len(node.data()) }
    }

    /// A node had no children when a transaction deleted it. What is beneath it in replay over a
    /// fuzzy snapshot was created afterwards, the node itself too, and the log will say so again: it
    /// goes for now. (Java leaves such children behind without a parent.)
    fn uproot_descendants(&mut self, id: NodeId, path: &str) {
        if self.arena[id].children.len() == 0 {
            return;
        }
        log::debug!("{path} is deleted with the children that it got later");
        let descendants: Vec<NodeId> = self.subtree(id).skip(1).collect();
        for &child in descendants.iter().rev() {
            let path = self.path_of(child);
            self.uproot(child, &path);
        }
    }

    /// `killSession`: the nodes that the transaction names, then what the session owns besides. With
    /// an empty answer to "which" a transaction of before 3.6 leaves it to what the session owns.
    pub(super) fn close_session<S: EventSink>(
        &mut self,
        session: SessionId,
        txn: Option<&CloseSessionTxn>,
        zxid: Zxid,
        sink: &mut S,
    ) {
        let named = txn.and_then(|t| t.paths_to_delete.as_deref());
        for path in named.unwrap_or_default().iter().flatten() {
            self.delete_ephemeral(session, path, zxid, sink);
        }
        let rest: Vec<String> =
            self.owners.close(session).into_iter().map(|id| self.path_of(id)).collect();
        if named.is_some() && !rest.is_empty() {
            log::warn!("session {session} owns nodes that transaction {zxid} lacks: {rest:?}");
        }
        for path in &rest {
            self.delete_ephemeral(session, path, zxid, sink);
        }
    }

    fn delete_ephemeral<S: EventSink>(
        &mut self,
        session: SessionId,
        path: &str,
        zxid: Zxid,
        sink: &mut S,
    ) {
        let deleted = self.delete_node(path, zxid, sink).is_ok();
        if !deleted {
            log::warn!("session {session} is closed, but its ephemeral {path} was gone already");
        }
        sink.on_session_delete(session, path, deleted);
    }
}

//! Walking the tree for a snapshot, in slices: between two of them the tree may change, so what comes
//! out is fuzzy, and replay of the log makes it right. Java: `DataTree.serializeNodes`.
//!
//! Parents come before their children, and no path comes twice: the children of a node are noted when
//! the node is visited, and as long as a walk lives no id is given to another node.

use std::sync::Arc;

use jute::data::StatPersisted;

use super::arena::{NodeId, ROOT};
use super::{DataTree, Node};

/// A walk under way. It holds nothing of the tree but ids.
#[derive(Debug)]
pub struct Walk {
    /// Keeps ids from being used again.
    ids: Arc<()>,
    path: String,
    levels: Vec<Level>,
    /// The root is yet to come.
    at_start: bool,
}

/// Siblings that are yet to be visited, last first.
#[derive(Debug)]
struct Level {
    pending: Vec<NodeId>,
    /// Bytes of the parent's path.
    path_len: usize,
}

/// A node as a snapshot has it.
#[derive(Debug, Clone, Copy)]
pub struct WalkedNode<'a> {
    /// The full path; the root's is the empty string.
    pub path: &'a str,
    /// The data.
    pub data: Option<&'a [u8]>,
    /// Java's index of the ACL, -1 for the open one.
    pub acl: i64,
    /// The stat.
    pub stat: &'a StatPersisted,
}

impl DataTree {
    /// Starts a walk. The ACL map ([`DataTree::acl_entries`]) must be taken before, or under the same
    /// borrow.
    pub fn walk(&self) -> Walk {
        Walk { ids: self.arena.hold_ids(), path: String::new(), levels: Vec::new(), at_start: true }
    }
}

impl Walk {
    /// Whether this is the tree on which the walk was started. A server that loses its leader may put
    /// another in its place, and then the walk is of no more use.
    pub fn is_of(&self, tree: &DataTree) -> bool {
        tree.arena.has_given(&self.ids)
    }

    /// Visits up to `max_nodes` more nodes of the tree on which the walk was started; false once all
    /// were visited, and for another tree. Time goes with `max_nodes` and, for one node with many
    /// children, with their number (four bytes are copied for each).
    pub fn next_slice(
        &mut self,
        tree: &DataTree,
        max_nodes: usize,
        mut visit: impl FnMut(WalkedNode<'_>),
    ) -> bool {
        if !self.is_of(tree) {
            return false;
        }
        for _ in 0..max_nodes {
            let Some(id) = self.next(tree) else { return false };
            let record = &tree.arena[id];
            visit(WalkedNode {
                path: &self.path,
                data: record.data(),
                acl: tree.acls.index(record.acl),
                stat: Node { tree, id }.stat_persisted(),
            });
            let children = record.children.as_slice();
            if !children.is_empty() {
                let pending = children.to_vec();
                self.levels.push(Level { pending, path_len: self.path.len() });
            }
        }
        true
    }

    /// The next node that is still there; its path is then in `self.path`.
    fn next(&mut self, tree: &DataTree) -> Option<NodeId> {
        if std::mem::take(&mut self.at_start) {
            return Some(ROOT);
        }
        loop {
            let level = self.levels.last_mut()?;
            match level.pending.pop() {
                None => {
                    self.levels.pop();
                }
                Some(id) if tree.arena.contains(id) => {
                    self.path.truncate(level.path_len);
                    self.path.push('/');
                    self.path.push_str(tree.arena[id].name());
                    return Some(id);
                }
                Some(_) => {}
            }
        }
    }
}

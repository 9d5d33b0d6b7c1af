//! From a full path to a node: a table of ids keyed by the path's hash, compared by walking up the
//! parents, so that no path is stored.

use std::hash::{BuildHasher, Hasher};

use super::arena::{Arena, NodeId, ROOT};
use super::shards::Shards;

/// Every node but the root, which is known by two names and needs no table.
#[derive(Debug, Default)]
pub(super) struct PathIndex {
    table: Shards,
    /// Seeded: clients choose the names.
    hasher: foldhash::fast::RandomState,
}

/// The table wants 64 bits, good ones at either end; a node stores 32.
fn spread(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// Whether the node `id` is the one at `path`.
fn is_at(arena: &Arena, mut id: NodeId, path: &str) -> bool {
    let mut rest = path.as_bytes();
    while id != ROOT {
        let node = &arena[id];
        let above = rest.strip_suffix(node.name_bytes()).and_then(|r| r.strip_suffix(b"/"));
        let Some(above) = above else { return false };
        rest = above;
        id = node.parent;
    }
    rest.is_empty()
}

impl PathIndex {
    /// The hash under which `path` is kept.
    pub(super) fn hash(&self, path: &str) -> u32 {
        let mut hasher = self.hasher.build_hasher();
        hasher.write(path.as_bytes());
        let hash = hasher.finish();
        (hash ^ (hash >> 32)) as u32
    }

    /// The node at `path`, whose hash is `hash`.
    pub(super) fn find(&self, arena: &Arena, path: &str, hash: u32) -> Option<NodeId> {
        self.table.find(spread(hash), |id| arena[id].hash == hash && is_at(arena, id, path))
    }

    /// Takes in a node that is not there yet.
    pub(super) fn insert(&mut self, arena: &Arena, id: NodeId) {
        self.table.insert(spread(arena[id].hash), id, |id| spread(arena[id].hash));
    }

    /// Makes room for so many more nodes.
    pub(super) fn reserve(&mut self, arena: &Arena, nodes: usize) {
        self.table.reserve(nodes, |id| spread(arena[id].hash));
    }

    /// Takes a node out.
    pub(super) fn remove(&mut self, arena: &Arena, id: NodeId) {
        self.table.remove(spread(arena[id].hash), id);
    }
}

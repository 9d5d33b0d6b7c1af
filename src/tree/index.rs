//! From a full path to a node: a table of ids keyed by the path's hash, compared by walking up the
//! parents, so that no path is stored.

use std::hash::{BuildHasher, Hasher};

use super::arena::{Arena, NodeId, ROOT};
use super::shards::{SHARDS, Shards, shard};

/// How much larger a part of the table is made than what is loaded into it: one of so many. Else many
/// parts would be full, and grow at once while the log is replayed.
const ROOM: usize = 8;

/// Every node but the root, which is known by two names and needs no table.
#[derive(Debug, Default)]
pub(super) struct PathIndex {
    table: Shards,
    hasher: PathHasher,
}

/// Seeded: clients choose the names. Clones hash alike.
#[derive(Debug, Clone, Default)]
pub(super) struct PathHasher(foldhash::fast::RandomState);

impl PathHasher {
    /// The hash under which `path` is kept.
    pub(super) fn hash(&self, path: &str) -> u32 {
        let mut hasher = self.0.build_hasher();
        hasher.write(path.as_bytes());
        let hash = hasher.finish();
        (hash ^ (hash >> 32)) as u32
    }
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

/// Whether two nodes have one path.
fn is_same_path(arena: &Arena, a: NodeId, b: NodeId) -> bool {
    let (mut a, mut b) = (a, b);
    while a != b {
        if a == ROOT || b == ROOT || arena[a].name_bytes() != arena[b].name_bytes() {
            return false;
        }
        (a, b) = (arena[a].parent, arena[b].parent);
    }
    true
}

/// Nodes by the part of the table to which each belongs, ascending in each.
struct Sorted {
    /// With the hash, so that it need not be fetched from afar.
    nodes: Vec<(NodeId, u32)>,
    /// Where each part ends in `nodes`.
    ends: Vec<usize>,
}

impl Sorted {
    /// The nodes from `first` on, whose paths have these hashes.
    fn new(first: NodeId, hashes: &[u32]) -> Self {
        let mut ends = vec![0; SHARDS];
        for &hash in hashes {
            ends[shard(hash)] += 1;
        }
        let mut start = 0;
        for end in &mut ends {
            start += std::mem::replace(end, start);
        }
        let mut nodes = vec![(0, 0); hashes.len()];
        for (id, &hash) in (first..).zip(hashes) {
            let end = &mut ends[shard(hash)];
            nodes[*end] = (id, hash);
            *end += 1;
        }
        Self { nodes, ends }
    }

    fn part(&self, part: usize) -> &[(NodeId, u32)] {
        let start = part.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.nodes[start..self.ends[part]]
    }
}

impl PathIndex {
    /// An index of nothing, for paths that `hasher` hashes.
    pub(super) fn with(hasher: PathHasher) -> Self {
        Self { table: Shards::default(), hasher }
    }

    /// What hashes the paths.
    pub(super) fn hasher(&self) -> &PathHasher {
        &self.hasher
    }

    /// The hash under which `path` is kept.
    pub(super) fn hash(&self, path: &str) -> u32 {
        self.hasher.hash(path)
    }

    /// The node at `path`, whose hash is `hash`.
    pub(super) fn find(&self, arena: &Arena, path: &str, hash: u32) -> Option<NodeId> {
        self.table.find(hash, |id| is_at(arena, id, path))
    }

    /// Takes in a node that is not there yet.
    pub(super) fn insert(&mut self, arena: &Arena, id: NodeId) {
        self.table.insert(arena[id].hash, id);
    }

    /// Takes in a node, unless there is one with its path.
    fn insert_new(&mut self, arena: &Arena, id: NodeId) -> bool {
        let hash = arena[id].hash;
        let is_new = self.table.find(hash, |other| is_same_path(arena, other, id)).is_none();
        if is_new {
            self.table.insert(hash, id);
        }
        is_new
    }

    /// Takes in the nodes from `first` on, whose paths have these hashes, part after part of the table,
    /// so that each part is made once while it is near: many times faster than one node after the other
    /// in an order that jumps through the whole table. False, with the index of no use, if two have one
    /// path.
    pub(super) fn insert_all(&mut self, arena: &Arena, first: NodeId, hashes: &[u32]) -> bool {
        if hashes.len() < SHARDS {
            return (first..).take(hashes.len()).all(|id| self.insert_new(arena, id));
        }
        let sorted = Sorted::new(first, hashes);
        for part in 0..SHARDS {
            let nodes = sorted.part(part);
            self.table.reserve_part(part, nodes.len() + nodes.len() / ROOM);
            for &(id, hash) in nodes {
                let twin = |other| is_same_path(arena, other, id);
                if self.table.find(hash, twin).is_some() {
                    return false;
                }
                self.table.insert(hash, id);
            }
        }
        true
    }

    /// Takes a node out.
    pub(super) fn remove(&mut self, arena: &Arena, id: NodeId) {
        self.table.remove(arena[id].hash, id);
    }
}

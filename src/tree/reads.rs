//! What can be asked of the tree.

use std::borrow::Cow;

use super::arena::{NodeId, ROOT};
use super::digest::{self, ZxidDigest};
use super::quota::{self, StatsTrack};
use super::{DataTree, Node, SharedAcl};
use crate::ids::SessionId;

impl DataTree {
    /// The node at `path`. The root answers to `/` and to the empty string.
    pub fn node(&self, path: &str) -> Option<Node<'_>> {
        self.find(path).map(|id| Node { tree: self, id })
    }

    pub(super) fn find(&self, path: &str) -> Option<NodeId> {
        if matches!(path, "" | "/") {
            return Some(ROOT);
        }
        self.index.find(&self.arena, path, self.index.hash(path))
    }

    /// The full path of a node; the root's is the empty string.
    pub(super) fn path_of(&self, mut id: NodeId) -> String {
        let mut names = Vec::new();
        while id != ROOT {
            names.push(self.arena[id].name());
            id = self.arena[id].parent;
        }
        let mut path = String::with_capacity(names.iter().map(|n| n.len() + 1).sum());
        for name in names.iter().rev() {
            path.push('/');
            path.push_str(name);
        }
        path
    }

    /// Nodes as Java counts them: the root is in its table under two names.
    pub fn node_count(&self) -> usize {
        self.arena.len() + 1
    }

    /// Ephemeral nodes of all sessions.
    pub fn ephemerals_count(&self) -> usize {
        self.owners.ephemerals()
    }

    /// UTF-16 units of all paths plus bytes of all data, the root counted twice
    /// (`approximateDataSize`).
    pub fn approximate_data_size(&self) -> i64 {
        self.size.exact
    }

    /// The same as Java's running figure has it (`cachedApproximateDataSize`), which metrics show: it
    /// misses that quota figures change, and counts a change of the root's data once.
    pub fn cached_approximate_data_size(&self) -> i64 {
        self.size.cached
    }

    /// How many nodes are beneath `path`; 0 where there is none. Takes time with their number.
    pub fn all_children_number(&self, path: &str) -> usize {
        match path {
            "/" => self.node_count() - 2,
            "" => self.node_count() - 1,
            _ => self.find(path).map_or(0, |id| self.subtree(id).count() - 1),
        }
    }

    /// The nodes of the subtree at `top`, itself first.
    pub(super) fn subtree(&self, top: NodeId) -> impl Iterator<Item = NodeId> {
        let mut pending = vec![top];
        std::iter::from_fn(move || {
            let id = pending.pop()?;
            pending.extend_from_slice(self.arena[id].children.as_slice());
            Some(id)
        })
    }

    /// The paths of a session's ephemerals, in no order that means anything.
    pub fn ephemerals_of(&self, session: SessionId) -> impl Iterator<Item = String> {
        self.owners.of(session).map(|id| self.path_of(id))
    }

    /// The sessions that own or owned ephemerals and were not closed since (`getSessions`; `dump`
    /// shows them all).
    pub fn ephemeral_sessions(&self) -> impl Iterator<Item = SessionId> {
        self.owners.sessions()
    }

    /// The containers with their paths.
    pub fn containers(&self) -> impl Iterator<Item = (String, Node<'_>)> {
        self.owners.containers.iter().map(|&id| (self.path_of(id), Node { tree: self, id }))
    }

    /// The nodes with a time to live, with their paths.
    pub fn ttls(&self) -> impl Iterator<Item = (String, Node<'_>)> {
        self.owners.ttls.iter().map(|&id| (self.path_of(id), Node { tree: self, id }))
    }

    /// Distinct ACLs.
    pub fn acl_cache_size(&self) -> usize {
        self.acls.len()
    }

    /// The ACL map as a snapshot has it: Java's index and the list, in Java's order.
    pub fn acl_entries(&self) -> impl Iterator<Item = (i64, &SharedAcl)> {
        self.acls.entries()
    }

    /// The longest prefix of `path` that has a quota (`getMaxPrefixWithQuota`).
    pub fn quota_prefix<'p>(&self, path: &'p str) -> Option<Cow<'p, str>> {
        self.quotas.longest_prefix(path)
    }

    /// The limits of the subtree at `prefix`, which [`DataTree::quota_prefix`] found; `None` if their
    /// node is missing.
    pub fn quota_limits(&self, prefix: &str) -> Option<StatsTrack> {
        self.quota_node(&quota::limits_path(prefix))
    }

    /// What the subtree at `prefix` uses; `None` if the node that says so is missing.
    pub fn quota_usage(&self, prefix: &str) -> Option<StatsTrack> {
        self.quota_node(&quota::stats_path(prefix))
    }

    fn quota_node(&self, path: &str) -> Option<StatsTrack> {
        self.node(path).map(|n| StatsTrack::parse(n.data().unwrap_or_default()))
    }

    /// The tree's digest; 0 where digests are off.
    pub fn digest(&self) -> i64 {
        self.digests.sum()
    }

    pub(super) fn digest_of(&self, id: NodeId) -> i64 {
        let record = &self.arena[id];
        if !self.digests.enabled || self.is_excluded(id) {
            return 0;
        }
        digest::stat_digest(record.content_crc, &record.stat)
    }

    /// Whether a node is beneath `/zookeeper`, told without its path.
    fn is_excluded(&self, mut id: NodeId) -> bool {
        let mut depth = 0;
        let mut top = ROOT;
        while id != ROOT {
            depth += 1;
            top = id;
            id = self.arena[id].parent;
        }
        depth > 1 && self.arena[top].name_bytes() == b"zookeeper"
    }

    /// The history of digests, oldest first: those of zxids that 128 divides, at most 1024.
    pub fn digest_log(&self) -> impl Iterator<Item = ZxidDigest> {
        self.digests.log()
    }

    /// The digest for the end of a snapshot: that after the last transaction. While the tree is fuzzy
    /// it is the one that it waits for, or whoever reads the snapshot would take it for sound too early.
    pub fn snapshot_digest(&self) -> ZxidDigest {
        self.digests.awaited().or(self.digests.last()).unwrap_or(ZxidDigest::EMPTY)
    }

    /// The digest of the snapshot that was loaded, until its zxid was reached.
    pub fn digest_from_loaded_snapshot(&self) -> Option<ZxidDigest> {
        self.digests.awaited()
    }

    /// Whether the tree holds some of what is still to be applied, and so is that of no moment: the
    /// snapshot that it came from was taken meanwhile, and the log lost that again with the power.
    pub fn is_of_no_moment(&self) -> bool {
        self.is_fuzzy() || self.digests.awaited().is_some_and(|d| d.zxid > self.last_processed)
    }

    /// How often the digest was not what a transaction or a snapshot said
    /// (`digest_mismatches_count`).
    pub fn digest_mismatches(&self) -> u64 {
        self.digests.mismatches()
    }
}

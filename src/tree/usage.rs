//! Keeping the figures of quotas: which paths have one, and what their subtrees use.

use super::DataTree;
use super::arena::{NodeId, ROOT};
use super::quota::{LIMITS_NODE, QUOTA_ROOT, STATS_NODE, StatsTrack, stats_path};

impl DataTree {
    /// A node `name` was created under `parent_path`: it may be the limits or the usage of a quota.
    pub(super) fn on_quota_node_created(&mut self, parent_path: &str, name: &str) {
        let Some(path) = parent_path.strip_prefix(QUOTA_ROOT) else { return };
        match name {
            LIMITS_NODE => self.quotas.add(path),
            STATS_NODE => self.recount(path),
            _ => {}
        }
    }

    /// A node `name` under `parent_path` was deleted: without limits there is no quota.
    pub(super) fn on_quota_node_deleted(&mut self, parent_path: &str, name: &str) {
        if let (Some(path), LIMITS_NODE) = (parent_path.strip_prefix(QUOTA_ROOT), name) {
            self.quotas.remove(path);
        }
    }

    /// Adds to the usage of the nearest quota at or above `path` (`updateQuotaStat`).
    pub(super) fn charge_quota(&mut self, path: &str, bytes: i64, count: i64) {
        let Some(prefix) = self.quotas.longest_prefix(path) else { return };
        let stats_path = stats_path(&prefix);
        let Some(id) = self.find(&stats_path) else {
            log::error!("missing node for stat {stats_path}");
            return;
        };
        let mut usage = StatsTrack::parse(self.arena[id].data().unwrap_or_default());
        usage.set_usage(usage.count().wrapping_add(count), usage.bytes().wrapping_add(bytes));
        self.write_usage(id, &stats_path, &usage);
    }

    /// Counts the subtree at `path`, itself included (`updateQuotaForPath`).
    fn recount(&mut self, path: &str) {
        let stats_path = stats_path(path);
        let Some(id) = self.find(&stats_path) else {
            log::warn!("missing quota stat node {stats_path}");
            return;
        };
        let (mut count, mut bytes) = (0, 0);
        if let Some(top) = self.find(path) {
            for id in self.subtree(top) {
                count += 1;
                bytes += self.arena[id].data_len() as i64;
            }
        }
        let mut usage = StatsTrack::default();
        usage.set_usage(count, bytes);
        self.write_usage(id, &stats_path, &usage);
    }

    /// No transaction makes this change, so the stat does not show it.
    fn write_usage(&mut self, id: NodeId, path: &str, usage: &StatsTrack) {
        self.write_data(id, path, Some(usage.to_string().as_bytes()), |_| {});
    }

    /// Finds the quotas of a tree that was loaded, and counts what they use (`setupQuota`).
    pub(super) fn set_up_quotas(&mut self) {
        let Some(top) = self.find(QUOTA_ROOT).filter(|&id| id != ROOT) else { return };
        let is_limits = |&id: &NodeId| {
            let node = &self.arena[id];
            node.children.len() == 0 && node.name_bytes() == LIMITS_NODE.as_bytes()
        };
        let found: Vec<NodeId> = self.subtree(top).filter(is_limits).collect();
        for id in found {
            let parent = self.path_of(self.arena[id].parent);
            if let Some(path) = parent.strip_prefix(QUOTA_ROOT).filter(|p| !p.is_empty()) {
                self.recount(path);
                self.quotas.add(path);
            }
        }
    }
}

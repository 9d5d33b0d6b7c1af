//! What can be read off the server at any moment, by the names of `ZooKeeperServer.registerMetrics`.

use std::collections::BTreeMap;
use std::sync::PoisonError;

use super::Front;
use crate::ids::Millis;
use crate::server::histogram::Value;
use crate::tree::path::top_namespace;
use crate::tree::quota::{LIMITS_NODE, QUOTA_ROOT, STATS_NODE, StatsTrack};
use crate::tree::{DataTree, Node};

impl Front {
    /// Every figure that this room knows with its name, as `mntr` lists them (without the `zk_` in
    /// front): the metrics and the gauges. Whoever prints them adds those of the process (file
    /// descriptors), of sessions and of the ensemble.
    pub fn list_metrics(&self, now: Millis, sink: &mut dyn FnMut(String, Value)) {
        self.list_stats(now, sink);
        self.list_tree(sink);
        self.list_quotas(sink);
        self.metrics.list(sink);
    }

    fn list_stats(&self, now: Millis, sink: &mut dyn FnMut(String, Value)) {
        let stats = &self.stats;
        let (non_mtls_local, non_mtls_remote) = stats.non_mtls();
        let drop_chance =
            self.connect_throttle.lock().unwrap_or_else(PoisonError::into_inner).drop_chance();
        sink("avg_latency".to_owned(), Value::Float(stats.latency.avg()));
        sink("connection_drop_probability".to_owned(), Value::Float(drop_chance));
        for (name, value) in [
            ("max_latency", stats.latency.max()),
            ("min_latency", stats.latency.min()),
            ("packets_received", stats.packets_received() as i64),
            ("packets_sent", stats.packets_sent() as i64),
            ("num_alive_connections", self.db.conns.len() as i64),
            ("outstanding_requests", self.load.in_process()),
            ("uptime", stats.uptime(now)),
            ("last_client_response_size", i64::from(stats.response_size.last())),
            ("max_client_response_size", i64::from(stats.response_size.max())),
            ("min_client_response_size", i64::from(stats.response_size.min())),
            ("auth_failed_count", stats.auth_failed()),
            ("non_mtls_remote_conn_count", non_mtls_remote),
            ("non_mtls_local_conn_count", non_mtls_local),
        ] {
            sink(name.to_owned(), Value::Int(value));
        }
    }

    fn list_tree(&self, sink: &mut dyn FnMut(String, Value)) {
        let tree = self.db.read_tree();
        for (name, value) in [
            ("znode_count", tree.node_count() as i64),
            ("ephemerals_count", tree.ephemerals_count() as i64),
            ("approximate_data_size", tree.cached_approximate_data_size()),
            ("watch_count", self.db.lock_watches().watch_count() as i64),
        ] {
            sink(name.to_owned(), Value::Int(value));
        }
    }

    fn list_quotas(&self, sink: &mut dyn FnMut(String, Value)) {
        let quotas = quotas(&self.db.read_tree());
        for (namespace, q) in quotas {
            for (name, value) in [
                ("quota_count_limit_per_namespace", q.count_limit),
                ("quota_bytes_limit_per_namespace", q.bytes_limit),
                ("quota_count_usage_per_namespace", q.count_usage),
                ("quota_bytes_usage_per_namespace", q.bytes_usage),
            ] {
                value.iter().for_each(|v| sink(format!("{namespace}_{name}"), Value::Int(*v)));
            }
        }
    }
}

/// The quotas of one namespace, summed up.
#[derive(Debug, Default, PartialEq, Eq)]
struct QuotaSums {
    count_limit: Option<i64>,
    bytes_limit: Option<i64>,
    count_usage: Option<i64>,
    bytes_usage: Option<i64>,
}

fn add(sum: &mut Option<i64>, value: i64) {
    *sum = Some(sum.unwrap_or(0).wrapping_add(value));
}

/// A hard limit counts before a soft one.
fn limit(hard: i64, soft: i64) -> i64 {
    if hard > -1 { hard } else { soft }
}

impl QuotaSums {
    fn collect(&mut self, leaf: &str, track: &StatsTrack) {
        if leaf == LIMITS_NODE {
            add(&mut self.count_limit, limit(track.count_hard_limit(), track.count()));
            add(&mut self.bytes_limit, limit(track.byte_hard_limit(), track.bytes()));
        } else {
            add(&mut self.count_usage, track.count());
            add(&mut self.bytes_usage, track.bytes());
        }
    }
}

/// The quotas by namespace, read off the nodes that hold them (`QuotaMetricsUtils`).
fn quotas(tree: &DataTree) -> BTreeMap<String, QuotaSums> {
    let mut sums: BTreeMap<String, QuotaSums> = BTreeMap::new();
    let mut pending = vec![QUOTA_ROOT.to_owned()];
    while let Some(path) = pending.pop() {
        let Some(node) = tree.node(&path) else { continue };
        pending.extend(node.children().map(|name| format!("{path}/{name}")));
        if let Some((namespace, leaf, data)) = quota_leaf(&path, node) {
            sums.entry(namespace.to_owned()).or_default().collect(leaf, &StatsTrack::parse(data));
        }
    }
    sums
}

/// The namespace, the name and the data of a node that holds limits or usage.
fn quota_leaf<'a>(path: &'a str, node: Node<'a>) -> Option<(&'a str, &'a str, &'a [u8])> {
    let (_, leaf) = path.rsplit_once('/')?;
    let namespace = top_namespace(path.strip_prefix(QUOTA_ROOT)?)?;
    let is_leaf = node.num_children() == 0 && [LIMITS_NODE, STATS_NODE].contains(&leaf);
    node.data().filter(|_| is_leaf).map(|data| (namespace, leaf, data))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::harness::World;

    #[test]
    fn quotas_are_summed_by_namespace() {
        let mut world = World::new();
        for path in ["/app", "/app/x", "/zookeeper/quota/app", "/zookeeper/quota/app/x"] {
            world.create(path, b"");
        }
        for (path, data) in [
            ("/zookeeper/quota/app/zookeeper_limits", "count=5,bytes=-1"),
            ("/zookeeper/quota/app/zookeeper_stats", "count=2,bytes=7"),
            ("/zookeeper/quota/app/x/zookeeper_limits", "count=1,bytes=9;countHardLimit=3"),
        ] {
            world.create(path, data.as_bytes());
        }
        let found = quotas(&world.front.db.read_tree());
        assert_eq!(found.len(), 1);
        let sums = &found["app"];
        assert_eq!((sums.count_limit, sums.bytes_limit), (Some(5 + 3), Some(-1 + 9)));
        assert!(sums.count_usage.is_some());
    }
}

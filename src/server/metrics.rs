//! Every metric of the server, by the name that `mntr` and Prometheus know it under
//! (`ServerMetrics`). A field is a metric's name.
//!
//! Some stay at zero here because what they measure does not exist in this server (netty's buffers,
//! the pauses of a JVM's collector, the queue of dead watchers): a dashboard finds them all the same.

use std::sync::{Arc, PoisonError, RwLock};

use hashbrown::HashMap;

use super::histogram::{Batch, Counter, Quantiles, Summary, Value};
use crate::tree::path::top_namespace;

macro_rules! metrics {
    (
        counters { $($counter:ident,)* }
        basic { $($basic:ident,)* }
        advanced { $($advanced:ident,)* }
    ) => {
        /// The metrics that are the same for every server.
        #[derive(Debug, Default)]
        #[allow(missing_docs)] // Each field is the metric of its name.
        pub struct ServerMetrics {
            $(pub $counter: Counter,)*
            $(pub $basic: Summary,)*
            $(pub $advanced: Quantiles,)*
            pub write_per_namespace: MetricSet<Summary>,
            pub read_per_namespace: MetricSet<Summary>,
            pub learner_handler_qp_size: MetricSet<Summary>,
            pub learner_handler_qp_time_ms: MetricSet<Quantiles>,
            pub ack_latency: MetricSet<Quantiles>,
            pub quota_exceeded_error_per_namespace: MetricSet<Counter>,
        }

        impl ServerMetrics {
            /// Every figure with its name, as `mntr` lists them (without the `zk_` in front).
            pub fn list(&self, sink: &mut dyn FnMut(String, Value)) {
                $(sink(stringify!($counter).to_owned(), Value::Int(self.$counter.get()));)*
                $(self.$basic.list("", stringify!($basic), sink);)*
                $(self.$advanced.list("", stringify!($advanced), sink);)*
                self.list_sets(sink);
            }

            /// `srst`: forgets all.
            pub fn reset(&self) {
                $(self.$counter.reset();)*
                $(self.$basic.reset();)*
                $(self.$advanced.reset();)*
                self.reset_sets();
            }
        }
    };
}

metrics! {
    counters {
        snapshot_error_count,
        snapshot_rate_limited_count,
        restore_error_count,
        restore_rate_limited_count,
        looking_count,
        diff_count,
        snap_count,
        commit_count,
        connection_request_count,
        connection_rejected,
        bytes_received_count,
        unrecoverable_error_count,
        add_dead_watcher_stall_time,
        dead_watchers_queued,
        dead_watchers_cleared,
        response_packet_cache_hits,
        response_packet_cache_misses,
        response_packet_get_children_cache_hits,
        response_packet_get_children_cache_misses,
        ensemble_auth_success,
        ensemble_auth_fail,
        ensemble_auth_skip,
        prep_processor_request_queued,
        outstanding_changes_queued,
        outstanding_changes_removed,
        revalidate_count,
        connection_drop_count,
        connection_revalidate_count,
        sessionless_connections_expired,
        stale_sessions_expired,
        request_commit_queued,
        throttled_ops,
        learner_proposal_received_count,
        learner_commit_received_count,
        sync_processor_request_queued,
        proposal_count,
        quit_leading_due_to_disloyal_voter,
        stale_requests,
        stale_requests_dropped,
        stale_replies,
        request_throttle_wait_count,
        large_requests_rejected,
        digest_mismatches_count,
        unsuccessful_handshake,
        insecure_admin_count,
        tls_handshake_exceeded,
        cnxn_closed_without_zk_server_running,
        skip_learner_request_to_next_processor_count,
        requests_not_forwarded_to_commit_processor,
        response_bytes,
        watch_bytes,
    }
    basic {
        fsynctime,
        snapshottime,
        restore_time,
        dbinittime,
        follower_sync_time,
        observer_sync_time,
        election_time,
        connection_token_deficit,
        inflight_snap_count,
        inflight_diff_count,
        node_created_watch_count,
        node_deleted_watch_count,
        node_changed_watch_count,
        node_children_watch_count,
        prep_processor_queue_size,
        prep_process_time,
        proposal_process_time,
        unavailable_time,
        leader_unavailable_time,
        requests_in_session_queue,
        pending_session_queue_size,
        reads_after_write_in_session_queue,
        reads_issued_from_session_queue,
        session_queues_drained,
        time_waiting_empty_pool_in_commit_processor_read_ms,
        write_batch_time_in_commit_processor,
        concurrent_request_processing_in_commit_processor,
        read_commit_proc_req_queued,
        write_commit_proc_req_queued,
        commit_commit_proc_req_queued,
        read_commit_proc_issued,
        write_commit_proc_issued,
        commit_process_time,
        startup_txns_loaded,
        startup_txns_load_time,
        startup_snap_load_time,
        sync_processor_queue_size,
        sync_process_time,
        sync_processor_batch_size,
        netty_queued_buffer_capacity,
        learner_request_processor_queue_size,
        socket_closing_time,
    }
    advanced {
        readlatency,
        updatelatency,
        propagation_latency,
        dead_watchers_cleaner_latency,
        prep_processor_queue_time_ms,
        close_session_prep_time,
        read_commitproc_time_ms,
        write_commitproc_time_ms,
        local_write_committed_time_ms,
        server_write_committed_time_ms,
        om_proposal_process_time_ms,
        om_commit_process_time_ms,
        read_final_proc_time_ms,
        write_final_proc_time_ms,
        proposal_latency,
        proposal_ack_creation_latency,
        commit_propagation_latency,
        sync_processor_queue_and_flush_time_ms,
        sync_processor_queue_time_ms,
        sync_processor_queue_flush_time_ms,
        quorum_ack_latency,
        request_throttle_queue_time_ms,
        jvm_pause_time_ms,
    }
}

impl ServerMetrics {
    fn list_sets(&self, sink: &mut dyn FnMut(String, Value)) {
        self.quota_exceeded_error_per_namespace.each(|key, counter| {
            sink(format!("{key}_quota_exceeded_error_per_namespace"), Value::Int(counter.get()));
        });
        for (name, set) in [
            ("write_per_namespace", &self.write_per_namespace),
            ("read_per_namespace", &self.read_per_namespace),
            ("learner_handler_qp_size", &self.learner_handler_qp_size),
        ] {
            set.each(|key, summary| summary.list(&format!("{key}_"), name, sink));
        }
        for (name, set) in [
            ("learner_handler_qp_time_ms", &self.learner_handler_qp_time_ms),
            ("ack_latency", &self.ack_latency),
        ] {
            set.each(|key, summary| summary.list(&format!("{key}_"), name, sink));
        }
    }

    fn reset_sets(&self) {
        self.quota_exceeded_error_per_namespace.each(|_, m| m.reset());
        self.write_per_namespace.each(|_, m| m.reset());
        self.read_per_namespace.each(|_, m| m.reset());
        self.learner_handler_qp_size.each(|_, m| m.reset());
        self.learner_handler_qp_time_ms.each(|_, m| m.reset());
        self.ack_latency.each(|_, m| m.reset());
    }
}

/// One metric for each key that turned up, as far as there is room.
#[derive(Debug, Default)]
pub struct MetricSet<M> {
    members: RwLock<HashMap<String, Arc<M>, foldhash::fast::RandomState>>,
}

/// The most keys of a set. The names of nodes are among them, so without a limit a million nodes
/// beneath the root would cost a million metrics.
const MEMBERS_MAX: usize = 4096;

impl<M: Default> MetricSet<M> {
    /// The metric of `key`, made if it is the first time; none if there are too many already.
    pub fn of(&self, key: &str) -> Option<Arc<M>> {
        let members = self.members.read().unwrap_or_else(PoisonError::into_inner);
        let found = members.get(key).cloned();
        if found.is_some() || members.len() >= MEMBERS_MAX {
            return found;
        }
        drop(members);
        let mut members = self.members.write().unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(members.entry(key.to_owned()).or_default()))
    }

    fn each(&self, mut visit: impl FnMut(&str, &M)) {
        for (key, metric) in self.members.read().unwrap_or_else(PoisonError::into_inner).iter() {
            visit(key, metric);
        }
    }
}

/// What the reads of one thread weighed, by the first component of their paths; gathered over a run
/// of requests, for most of a run is in one namespace (`DataTree.updateReadStat`).
#[derive(Debug)]
pub struct NamespaceBatch {
    namespace: String,
    batch: Batch,
}

impl Default for NamespaceBatch {
    fn default() -> Self {
        Self { namespace: String::new(), batch: Batch::EMPTY }
    }
}

/// What a stat weighs in these figures (`DataTree.STAT_OVERHEAD_BYTES`).
const STAT_OVERHEAD_BYTES: i64 = 6 * 8 + 5 * 4;

impl NamespaceBatch {
    /// A node at `path` was read: `bytes` of data or of children's names.
    #[inline]
    pub fn add(&mut self, path: &str, bytes: usize, set: &MetricSet<Summary>) {
        let Some(namespace) = top_namespace(path) else { return };
        if namespace != self.namespace {
            self.flush(set);
            self.namespace.clear();
            self.namespace.push_str(namespace);
        }
        self.batch.add((path.len() + bytes) as i64 + STAT_OVERHEAD_BYTES);
    }

    /// Hands over what was gathered.
    pub fn flush(&mut self, set: &MetricSet<Summary>) {
        if self.batch.count > 0 {
            set.of(&self.namespace).iter().for_each(|summary| summary.add_batch(&self.batch));
            self.batch = Batch::EMPTY;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn names_are_those_of_the_java_server() {
        let metrics = ServerMetrics::default();
        metrics.bytes_received_count.add(7);
        metrics.read_per_namespace.of("app").unwrap().add(80);
        let mut all = BTreeMap::new();
        metrics.list(&mut |name, value| {
            assert!(all.insert(name.clone(), value).is_none(), "{name} twice");
        });
        assert_eq!(all["bytes_received_count"], Value::Int(7));
        assert_eq!(all["p999_readlatency"], Value::Int(0));
        assert_eq!(all["avg_fsynctime"], Value::Float(0.0));
        assert_eq!(all["sum_app_read_per_namespace"], Value::Int(80));
        let summaries = all.keys().filter(|k| k.starts_with("avg_")).count();
        let advanced = all.keys().filter(|k| k.starts_with("p50_")).count();
        assert_eq!((summaries, advanced), (65 + 1, 23));
    }

    #[test]
    fn a_run_over_two_namespaces() {
        let set = MetricSet::default();
        let mut batch = NamespaceBatch::default();
        for path in ["/a/x", "/a/y", "/b", "/"] {
            batch.add(path, 10, &set);
        }
        batch.flush(&set);
        let figures = |key| set.of(key).map(|m: Arc<Summary>| (m.count(), m.sum()));
        assert_eq!(figures("a"), Some((2, 2 * (4 + 10 + 68))));
        assert_eq!(figures("b"), Some((1, 2 + 10 + 68)));
    }

    #[test]
    fn a_set_has_room_for_so_many() {
        let set = MetricSet::<Counter>::default();
        let keys: Vec<String> = (0..=MEMBERS_MAX).map(|i| i.to_string()).collect();
        assert!(keys[..MEMBERS_MAX].iter().all(|key| set.of(key).is_some()));
        assert!(set.of(&keys[MEMBERS_MAX]).is_none());
        assert!(set.of(&keys[7]).is_some());
    }
}

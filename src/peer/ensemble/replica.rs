//! What a member of an ensemble has in every role: the tree, the end of its history, what is in the
//! log and not yet applied.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use jute::Limits;
use log::error;

use super::Faults;
use crate::ids::{Millis, SessionId, Zxid};
use crate::op::Code;
use crate::peer::snapshots::SnapshotPolicy;
use crate::peer::{LogBatch, Now};
use crate::server::apply::{self, Applier};
use crate::server::front::Front;
use crate::server::front::Serving;
use crate::server::reason::DisconnectReason;
use crate::server::request::Request;
use crate::tree::{CONFIG_NODE, DataTree};
use crate::txn::{Txn, TxnRecord};
use crate::zab::packet::RecordBytes;
use crate::zab::sync::{CommittedLog, Entry, History};

/// A database as it comes from the disk or from a leader.
#[derive(Debug)]
pub struct Loaded {
    /// The tree.
    pub tree: DataTree,
    /// The sessions and their timeouts in ms.
    pub sessions: HashMap<SessionId, i32>,
    /// The end of the history, oldest first; empty behind a snapshot.
    pub committed: Vec<Entry>,
}

/// The configuration as its node shows it.
#[derive(Debug, Clone)]
pub struct ConfigText {
    /// `QuorumVerifier.toString`.
    pub text: String,
    /// Its version.
    pub version: i64,
}

/// A member's copy of the state.
#[derive(Debug)]
pub(super) struct Replica {
    pub(super) front: Arc<Front>,
    pub(super) applier: Applier,
    pub(super) history: History,
    /// The sessions that are committed, and their timeouts in ms.
    pub(super) sessions: HashMap<SessionId, i32>,
    /// In the log, or on the way there, and not applied.
    appended: VecDeque<Entry>,
    batch: LogBatch,
    snapshots: SnapshotPolicy,
    committed_limit: usize,
    config: ConfigText,
    limits: Limits,
    faults: Faults,
}

impl Replica {
    pub(super) fn new(
        front: Arc<Front>,
        snapshots: SnapshotPolicy,
        committed_limit: usize,
        config: ConfigText,
        faults: Faults,
    ) -> Self {
        Self {
            limits: front.settings.limits,
            front,
            applier: Applier::new(),
            history: History::default(),
            sessions: HashMap::new(),
            appended: VecDeque::new(),
            batch: LogBatch::default(),
            snapshots,
            committed_limit,
            config,
            faults,
        }
    }

    /// Takes a database in the place of what was there. `now` is wall time.
    pub(super) fn install(&mut self, loaded: Loaded, now: Millis) {
        let Loaded { mut tree, sessions, committed } = loaded;
        if let Some(written) = self.front.metrics.write_per_namespace.of("zookeeper") {
            written.add((CONFIG_NODE.len() + self.config.text.len()) as i64);
        }
        tree.set_config(
            self.config.text.as_bytes(),
            self.config.version,
            now,
            &mut crate::tree::NoEvents,
        );
        self.history = History::new(self.empty_committed_log(), tree.last_processed_zxid());
        for entry in committed {
            self.remember(entry);
        }
        self.sessions = sessions;
        self.appended.clear();
        *self.front.db.write_tree() = tree;
    }

    fn empty_committed_log(&self) -> CommittedLog {
        CommittedLog::new(self.committed_limit).with_fault(self.faults.forget_synced)
    }

    /// The zxid of the tree.
    pub(super) fn last_zxid(&self) -> Zxid {
        self.history.last_processed
    }

    /// A leader's tree stands at the beginning of its epoch.
    pub(super) fn begin_epoch(&mut self, zxid: Zxid) {
        if self.history.last_processed < zxid {
            self.history.begin_epoch(zxid);
            self.front.db.write_tree().set_last_processed_zxid(zxid);
        }
    }

    /// A transaction goes to the log.
    pub(super) fn append(&mut self, zxid: Zxid, record: RecordBytes) {
        self.batch.push_encoded(zxid, &record);
        self.appended.push_back(Entry { zxid, record });
    }

    /// What gathered for the log, and whether a snapshot is due behind it.
    pub(super) fn take_batch(&mut self) -> Option<(LogBatch, bool)> {
        if self.batch.is_empty() {
            return None;
        }
        let mut batch = self.batch.take();
        let snapshot_due = self.snapshots.count(&mut batch);
        batch.may_wait = self.appended.is_empty();
        Some((batch, snapshot_due))
    }

    /// A transaction is committed and was applied by whoever prepared it.
    pub(super) fn note_applied(&mut self, entry: Entry) {
        while self.appended.front().is_some_and(|a| a.zxid <= entry.zxid) {
            self.appended.pop_front();
        }
        self.history.last_processed = self.history.last_processed.max(entry.zxid);
        if self.faults.forget_synced && self.front.serving() != Serving::Yes {
            return;
        }
        self.remember(entry);
    }

    /// What is in the log and not applied is forgotten: a bug of old.
    pub(super) fn forget_logged(&mut self) {
        self.appended.clear();
    }

    /// What a client's end in read-only mode left in the history: a bug of old.
    pub(super) fn write_read_only(&mut self) {
        self.history.committed = self.empty_committed_log();
        self.remember(Entry { zxid: Zxid(1), record: RecordBytes::from([]) });
    }

    /// A hole in what would be passed on to learners is the end of this server (ZOOKEEPER-4925).
    fn remember(&mut self, entry: Entry) {
        if let Err(hole) = self.history.committed.add(entry) {
            panic!("{hole}");
        }
    }

    /// Applies a committed transaction to the tree, which is this server's, and answers `origin`, the
    /// request of a client of this server that it came from. A leader's snapshot may hold it already:
    /// it is taken while the leader goes on, and what was committed meanwhile is sent again behind it.
    pub(super) fn commit(
        &mut self,
        now: Now,
        tree: &mut DataTree,
        entry: Entry,
        origin: Option<&Request>,
        record: &TxnRecord,
    ) {
        let now = apply::Now { monotonic: now.mono, wall: now.wall };
        let before = tree.last_processed_zxid();
        let in_order = entry.zxid > before || tree.is_fuzzy();
        assert!(in_order, "{} is committed behind {before}", entry.zxid);
        self.applier.commit(&self.front, tree, record, origin, now);
        let session = SessionId(record.header.client_id);
        match &record.txn {
            Txn::CreateSession(txn) => {
                self.sessions.insert(session, txn.timeout);
            }
            Txn::CloseSession(_) => {
                self.sessions.remove(&session);
            }
            _ => {}
        }
        self.note_applied(entry);
    }

    /// Answers a request that makes no transaction.
    pub(super) fn answer(
        &mut self,
        now: Now,
        tree: &DataTree,
        request: &Request,
        error: Option<Code>,
    ) {
        let now = apply::Now { monotonic: now.mono, wall: now.wall };
        self.applier.answer(&self.front, tree, request, error, now);
    }

    /// Reads a transaction that was logged.
    fn decode(&self, entry: &Entry) -> Option<TxnRecord> {
        match TxnRecord::decode(&entry.record, self.limits) {
            Ok(record) => Some(record),
            Err(e) => {
                error!("the transaction {} cannot be read: {e}", entry.zxid);
                None
            }
        }
    }

    /// What is in the log becomes part of the tree, committed or not: a server that votes with its
    /// log must have what it votes for (ZOOKEEPER-2845). False if some of it cannot be read.
    pub(super) fn apply_logged(&mut self, now: Now) -> bool {
        if self.faults.forget_logged {
            self.forget_logged();
        }
        let front = Arc::clone(&self.front);
        let mut tree = front.db.write_tree();
        while let Some(entry) = self.appended.pop_front() {
            if entry.zxid <= self.last_zxid() {
                continue;
            }
            let Some(record) = self.decode(&entry) else { return false };
            self.commit(now, &mut tree, entry, None, &record);
        }
        // A learner that is left with a tree from its leader has had NEWLEADER, and with that all that
        // the tree may hold ahead of its zxid. Its next leader may be itself.
        tree.set_fuzzy(false);
        true
    }

    /// Clients are served no more; those that are there go.
    pub(super) fn stop_serving(&mut self) {
        self.front.set_serving(Serving::No);
        self.front.db.conns.close_all(DisconnectReason::ServerShutdown);
    }
}

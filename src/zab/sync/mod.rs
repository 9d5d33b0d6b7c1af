//! How a learner that connects is brought to the leader's history: by the proposals that it lacks
//! (DIFF), by cutting off what nobody committed (TRUNC), or by a snapshot (SNAP). Pure functions of
//! plain values; Java: `LearnerHandler.syncFollower`, `queueCommittedProposals`, `ZKDatabase`.

mod committed_log;
#[cfg(test)]
mod tests;

pub use committed_log::{CommittedLog, DEFAULT_COMMIT_LOG_COUNT, Discontinuity, Entry};

use crate::ids::Zxid;

/// What a server knows of its committed transactions without reading its log.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// The last of them.
    pub committed: CommittedLog,
    /// The zxid of the tree: the last transaction applied, or counter 0 of the leader's epoch.
    pub last_processed: Zxid,
    /// The last transaction applied, where that is counter 0 of an epoch.
    before_epoch: Zxid,
}

impl History {
    /// A history that ends with `last_processed`.
    pub fn new(committed: CommittedLog, last_processed: Zxid) -> Self {
        Self { committed, last_processed, before_epoch: Zxid::ZERO }
    }

    /// The tree stands at counter 0 of an epoch now: no transaction, and nothing is missing before it.
    pub fn begin_epoch(&mut self, zxid: Zxid) {
        if !is_new_epoch(self.last_processed) {
            self.before_epoch = self.last_processed;
        }
        self.last_processed = zxid;
    }

    /// First and last zxid that a learner can be synced by without the log; the tree's own where
    /// nothing is kept (ZOOKEEPER-4352: never 0).
    fn range(&self, faults: Faults) -> (Zxid, Zxid) {
        let last = self.last_processed;
        let min = if faults.begins_with_nothing { Some(Zxid::ZERO) } else { self.committed.min() };
        (min.unwrap_or(last), self.committed.max().unwrap_or(last))
    }

    /// Whether the kept transactions lead up to the tree. Where they end before it, as after a time
    /// in read-only mode, a TRUNC to their end would take committed ones away (ZOOKEEPER-3526).
    fn is_whole(&self) -> bool {
        let last = self.last_processed;
        let max = self.committed.max().unwrap_or(last);
        max == last || (max == self.before_epoch && is_new_epoch(last))
    }
}

/// Switches of the choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// `snapshotSizeFactor` is not negative: proposals may be taken from the log on disk.
    pub txn_log: bool,
    /// `zookeeper.forceSnapshotSync`: always a snapshot, for tests.
    pub force_snapshot: bool,
    /// None, but in the simulator.
    pub faults: Faults,
}

/// Bugs of old, to be switched on by the simulator alone, as those of
/// [`learner::Faults`](crate::zab::learner::Faults).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Faults {
    /// ZOOKEEPER-3526: a committed log that ends before the tree is trusted.
    pub trust_short_log: bool,
    /// ZOOKEEPER-4352: the committed log is taken to begin with the first transaction of all.
    pub begins_with_nothing: bool,
    /// ZOOKEEPER-2832: what a learner has of an epoch that the leader knows nothing of stays.
    pub keep_foreign_end: bool,
    /// ZOOKEEPER-4925: a hole in the committed log is passed on.
    pub pass_holes_on: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { txn_log: true, force_snapshot: false, faults: Faults::default() }
    }
}

/// The packet that a sync begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SyncOp {
    /// The learner keeps what it has; it is told the last committed zxid.
    Diff(Zxid),
    /// The learner cuts its log after this zxid.
    Trunc(Zxid),
    /// The learner gets a snapshot that holds at least this zxid.
    Snap(Zxid),
}

/// What to send to a learner before NEWLEADER.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncPlan {
    /// First this,
    pub op: SyncOp,
    /// then these, each as PROPOSAL and COMMIT,
    pub proposals: Vec<Entry>,
    /// and then what is newer than this: committed but not yet applied, and proposed.
    pub sent_up_to: Zxid,
}

/// What came of a look at the memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// All is known.
    Plan(SyncPlan),
    /// The learner is behind what is kept in memory: first read the log, then ask
    /// [`plan_with_txn_log`].
    ReadTxnLog,
}

/// Chooses for a learner whose last logged zxid is `peer`.
pub fn decide(history: &History, peer: Zxid, options: Options) -> Decision {
    let (min, max) = history.range(options.faults);
    let plan = if options.force_snapshot {
        snapshot(history)
    } else if peer == history.last_processed {
        SyncPlan { op: SyncOp::Diff(peer), proposals: Vec::new(), sent_up_to: peer }
    } else if !history.is_whole() && !options.faults.trust_short_log {
        snapshot(history)
    } else if peer > max && !is_new_epoch(peer) {
        SyncPlan { op: SyncOp::Trunc(max), proposals: Vec::new(), sent_up_to: max }
    } else if min <= peer && peer <= max {
        let mut queue = Queue::new(options.faults);
        let sent = queue.add(history.committed.iter(), peer, None, max);
        queue.plan(sent).unwrap_or_else(|| snapshot(history))
    } else if peer < min && options.txn_log {
        return Decision::ReadTxnLog;
    } else {
        snapshot(history)
    };
    Decision::Plan(plan)
}

/// Chooses with the help of the log: `entries` are its transactions from the last one at or before
/// `peer` on, in order; empty if it does not reach back so far, or is longer than
/// `snapshotSizeFactor` times the last snapshot. The memory may have moved on since [`decide`].
pub fn plan_with_txn_log(
    history: &History,
    peer: Zxid,
    options: Options,
    entries: &[Entry],
) -> SyncPlan {
    if let Decision::Plan(plan) = decide(history, peer, options) {
        return plan;
    }
    let (min, max) = history.range(options.faults);
    let reaches_back = entries.first().is_some_and(|e| e.zxid <= peer);
    if !reaches_back {
        return snapshot(history);
    }
    let mut queue = Queue::new(options.faults);
    let mut sent = queue.add(entries.iter(), peer, Some(min), max);
    if sent < min {
        return snapshot(history);
    }
    sent = queue.add(history.committed.iter(), sent, None, max);
    queue.plan(sent).unwrap_or_else(|| snapshot(history))
}

/// A leader's tree stands at counter 0 of its epoch before the first transaction, and so does that
/// of a learner synced to it: no log holds this zxid.
fn is_new_epoch(zxid: Zxid) -> bool {
    zxid.counter() == 0
}

/// Whether `zxid` may stand behind `before` in a log: it is the next, or the first of a later epoch.
fn is_next(before: Zxid, zxid: Zxid) -> bool {
    zxid == before.next() || (zxid.epoch() > before.epoch() && zxid.counter() <= 1)
}

fn snapshot(history: &History) -> SyncPlan {
    let zxid = history.last_processed;
    SyncPlan { op: SyncOp::Snap(zxid), proposals: Vec::new(), sent_up_to: zxid }
}

/// Proposals being put together.
struct Queue {
    op: Option<SyncOp>,
    proposals: Vec<Entry>,
    /// There is a hole: what a snapshot of an earlier leader held is not in the log of this one.
    broken: bool,
    faults: Faults,
}

impl Queue {
    fn new(faults: Faults) -> Self {
        Self { op: None, proposals: Vec::new(), broken: false, faults }
    }

    /// Without a first packet there is no plan, nor with a hole.
    fn plan(self, sent_up_to: Zxid) -> Option<SyncPlan> {
        if self.broken && !self.faults.pass_holes_on {
            return None;
        }
        Some(SyncPlan { op: self.op?, proposals: self.proposals, sent_up_to })
    }

    /// Adds those of `entries` that are newer than `peer` and not newer than `limit`, and settles
    /// the first packet if it is open. The last zxid added, or `peer`.
    fn add<'a>(
        &mut self,
        entries: impl Iterator<Item = &'a Entry>,
        peer: Zxid,
        limit: Option<Zxid>,
        last_committed: Zxid,
    ) -> Zxid {
        let mut sent = peer;
        let mut previous: Option<Zxid> = None;
        for entry in entries.take_while(|e| limit.is_none_or(|limit| e.zxid <= limit)) {
            let before = previous.replace(entry.zxid);
            self.broken |= before.is_some_and(|before| !is_next(before, entry.zxid));
            if entry.zxid < peer {
                continue;
            }
            if self.op.is_none() {
                self.op = first_packet(entry.zxid, peer, before, last_committed);
                if self.op.is_none() && self.faults.keep_foreign_end {
                    self.op = Some(SyncOp::Diff(last_committed));
                }
                if self.op.is_none() {
                    return sent;
                }
            }
            if entry.zxid > sent {
                self.proposals.push(entry.clone());
                sent = entry.zxid;
            }
        }
        if self.op.is_none() && is_new_epoch(peer) {
            self.op = Some(SyncOp::Diff(last_committed));
        }
        sent
    }
}

/// What the first transaction at or after `peer` means for it. `None`: the learner has something
/// from an epoch of which it should have nothing, and no TRUNC may cross epochs.
fn first_packet(
    entry: Zxid,
    peer: Zxid,
    previous: Option<Zxid>,
    last_committed: Zxid,
) -> Option<SyncOp> {
    if entry == peer || is_new_epoch(peer) {
        return Some(SyncOp::Diff(last_committed));
    }
    if entry.epoch() != peer.epoch() {
        return None;
    }
    previous.map(SyncOp::Trunc)
}

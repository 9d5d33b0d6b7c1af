//! What `mntr` tells of elections and of the traffic between members, and when it is counted.
//! Java: `QuorumPeer.run`, `setZabState`, `Follower`, `Observer`, `Leader`, `LearnerHandler`.

use jute::txn::TxnHeader;
use jute::{Reader, Record};
use log::info;

use super::{Ensemble, Role};
use crate::ids::Millis;
use crate::peer::Now;
use crate::server::metrics::ServerMetrics;
use crate::txn::TxnRecord;
use crate::zab::packet::Packet;
use crate::zab::sync::Entry;
use crate::zab::{LearnerType, ServerState};

/// What is under way and is told when it is done.
#[derive(Debug, Default)]
pub(super) struct Figures {
    /// Since when there has been no leader that takes requests.
    unavailable_since: Option<Millis>,
    /// Since when a learner has been brought up to date.
    syncing_since: Option<Millis>,
}

impl Ensemble {
    fn metrics(&self) -> &ServerMetrics {
        &self.replica.front.metrics
    }

    pub(super) fn note_looking(&mut self, now: Now) {
        self.figures.unavailable_since.get_or_insert(now.mono);
        self.metrics().looking_count.add(1);
    }

    /// Observers do not tell how long it took.
    pub(super) fn note_elected(&mut self, now: Now, state: ServerState) {
        let Role::Looking(looking) = &self.role else { return };
        let Some(took) = looking.time(now.mono) else { return };
        let doing = match state {
            ServerState::Leading => "LEADING",
            ServerState::Following => "FOLLOWING",
            ServerState::Looking | ServerState::Observing => return,
        };
        info!("{doing} - LEADER ELECTION TOOK - {took} MS");
        self.metrics().election_time.add(took);
    }

    pub(super) fn note_synchronizing(&mut self, now: Now) {
        self.figures.syncing_since = Some(now.mono);
    }

    /// Requests are taken.
    pub(super) fn note_broadcasting(&mut self, now: Now) {
        let metrics = &self.replica.front.metrics;
        if let Some(since) = self.figures.unavailable_since.take() {
            metrics.unavailable_time.add(now.mono - since);
            if matches!(self.role, Role::Leading(_)) {
                metrics.leader_unavailable_time.add(now.mono - since);
            }
        }
        if let Some(since) = self.figures.syncing_since.take() {
            let time = match self.settings.kind {
                LearnerType::Participant => &metrics.follower_sync_time,
                LearnerType::Observer => &metrics.observer_sync_time,
            };
            time.add(now.mono - since);
        }
    }
}

/// A packet of the leader has arrived.
pub(super) fn note_received(metrics: &ServerMetrics, packet: &Packet, now: Now) {
    match packet {
        Packet::Proposal { record, .. } => {
            metrics.learner_proposal_received_count.add(1);
            if let Some(age) = age(record, now) {
                metrics.proposal_latency.add(age);
            }
        }
        Packet::Commit { .. } | Packet::Inform { .. } => {
            metrics.learner_commit_received_count.add(1);
        }
        _ => {}
    }
}

/// A learner has acknowledged NEWLEADER: how many are still being brought up to date, by DIFF or TRUNC
/// and by SNAP.
pub(super) fn note_synced(metrics: &ServerMetrics, before: [usize; 2], left: [usize; 2]) {
    let counts = [&metrics.inflight_diff_count, &metrics.inflight_snap_count];
    for (count, (before, left)) in counts.iter().zip(before.into_iter().zip(left)) {
        if left < before {
            count.add(left as i64);
        }
    }
}

/// A learner applies what its leader has committed.
pub(super) fn note_committed_here(metrics: &ServerMetrics, record: &TxnRecord, now: Now) {
    if let Some(age) = age_of(record.header.time, now) {
        metrics.commit_propagation_latency.add(age);
    }
}

/// How old a record's transaction is, in ms.
pub(super) fn age(record: &[u8], now: Now) -> Option<Millis> {
    age_of(TxnHeader::read(&mut Reader::new(record)).ok()?.time, now)
}

/// How old a transaction is that was prepared at `time`, in ms; none if the clock of its leader is
/// ahead. A time comes from another server and may be anything.
pub(super) fn age_of(time: Millis, now: Now) -> Option<Millis> {
    now.wall.checked_sub(time).filter(|age| *age >= 0)
}

/// A leader applies what a quorum has.
pub(super) fn note_committed(metrics: &ServerMetrics, commits: &[Entry], now: Now) {
    metrics.commit_count.add(commits.len() as i64);
    for age in commits.iter().filter_map(|entry| age(&entry.record, now)) {
        metrics.quorum_ack_latency.add(age);
    }
}

//! What the leader knows of one learner (`LearnerHandler`).

use crate::ids::{Millis, Sid, Zxid};
use crate::zab::LearnerType;

/// A connected learner.
#[derive(Debug)]
pub(super) struct LearnerHandler {
    /// Who it is, once it has said so.
    pub(super) sid: Option<Sid>,
    pub(super) kind: LearnerType,
    pub(super) stage: Stage,
    /// When it was last heard of; `None` while it is kept busy by a snapshot.
    pub(super) last_heard: Option<Millis>,
    /// The last tick in which it still counts as synced.
    pub(super) tick_of_next_ack_deadline: i64,
    /// Which throttle its sync counts in.
    pub(super) sync_slot: Option<SyncSlot>,
    pub(super) sync_limit_check: SyncLimitCheck,
    /// Acks that came before that of NEWLEADER (ZOOKEEPER-4685).
    pub(super) early_acks: Vec<Zxid>,
    /// It gets proposals with their commits only (see [`super::thrift`]).
    pub(super) is_spared: bool,
    /// The first of the outstanding proposals that it was not sent, if there is one.
    pub(super) held_from: Option<Zxid>,
    /// How many proposals it has acknowledged before they were committed, since that was last looked at.
    pub(super) quorums_made: u32,
}

/// How far a learner is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// It has to introduce itself.
    Connected,
    /// It has; the epoch is not settled.
    WaitingForEpoch,
    /// It has LEADERINFO.
    AckingEpoch,
    /// It has accepted the epoch; a quorum has not.
    WaitingForElection {
        /// Its last zxid.
        last_zxid: Zxid,
    },
    /// The log is read for it.
    ReadingTxnLog {
        /// Its last zxid.
        last_zxid: Zxid,
    },
    /// It is being sent a snapshot, and what is committed meanwhile; NEWLEADER comes behind that.
    TakingSnapshot,
    /// It was sent its sync and NEWLEADER, and is sent what is proposed.
    AckingNewLeader,
    /// It has acked; the leader does not lead yet.
    WaitingForStartup,
    /// It was sent UPTODATE.
    Following,
}

/// The two throttles of syncs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SyncSlot {
    Diff,
    Snap,
}

impl LearnerHandler {
    pub(super) fn new(now: Millis, tick_of_next_ack_deadline: i64) -> Self {
        Self {
            sid: None,
            kind: LearnerType::Participant,
            stage: Stage::Connected,
            last_heard: Some(now),
            tick_of_next_ack_deadline,
            sync_slot: None,
            sync_limit_check: SyncLimitCheck::default(),
            early_acks: Vec::new(),
            is_spared: false,
            held_from: None,
            quorums_made: 0,
        }
    }

    /// Whether it is sent what happens: proposals, or what is committed.
    pub(super) fn is_forwarding(&self) -> bool {
        self.has_new_leader() || self.stage == Stage::TakingSnapshot
    }

    /// Whether it was sent NEWLEADER, and so, if it votes, what is proposed.
    pub(super) fn has_new_leader(&self) -> bool {
        self.has_acked_new_leader() || self.stage == Stage::AckingNewLeader
    }

    pub(super) fn has_acked_new_leader(&self) -> bool {
        matches!(self.stage, Stage::WaitingForStartup | Stage::Following)
    }

    pub(super) fn is_handshaking(&self) -> bool {
        !self.has_acked_new_leader()
    }

    /// Since when something is expected of it; `None` where it waits for the leader.
    pub(super) fn expected_since(&self) -> Option<Millis> {
        match self.stage {
            Stage::WaitingForEpoch
            | Stage::WaitingForElection { .. }
            | Stage::ReadingTxnLog { .. }
            | Stage::WaitingForStartup => None,
            _ => self.last_heard,
        }
    }

    /// Whether it counts in the quorum that a leader must keep.
    pub(super) fn is_synced(&self, tick: i64) -> bool {
        tick <= self.tick_of_next_ack_deadline
    }
}

/// How long the learner leaves a proposal unacknowledged. As in Java only one proposal is watched at
/// a time: when it is acknowledged, the last one sent after it takes its place.
#[derive(Debug, Default)]
pub(super) struct SyncLimitCheck {
    started: bool,
    current: Option<(Zxid, Millis)>,
    next: Option<(Zxid, Millis)>,
}

impl SyncLimitCheck {
    pub(super) fn start(&mut self) {
        self.started = true;
    }

    pub(super) fn proposal_sent(&mut self, zxid: Zxid, now: Millis) {
        if !self.started {
            return;
        }
        if self.current.is_none() {
            self.current = Some((zxid, now));
        } else {
            self.next = Some((zxid, now));
        }
    }

    pub(super) fn acknowledged(&mut self, zxid: Zxid) {
        if self.current.is_some_and(|(watched, _)| watched == zxid) {
            self.current = self.next.take();
        } else if self.next.is_some_and(|(watched, _)| watched == zxid) {
            self.next = None;
        }
    }

    /// Whether the learner keeps up.
    pub(super) fn check(&self, now: Millis, timeout: Millis) -> bool {
        self.current.is_none_or(|(_, since)| now - since < timeout)
    }
}

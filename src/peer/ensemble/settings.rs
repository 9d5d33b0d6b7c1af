//! What a member is made of: the configuration as far as it depends on it, and what was on its disk.

use std::sync::Arc;

use super::replica::{ConfigText, Loaded};
use crate::ids::{Millis, Sid};
use crate::peer::pipeline::PipelineSettings;
use crate::peer::snapshots::SnapshotPolicy;
use crate::server::auth::Auth;
use crate::server::front::Front;
use crate::server::sessions::LocalSessions;
use crate::zab::quorum::Quorums;
use crate::zab::sync::Options;
use crate::zab::{LearnerType, leader, learner};

/// What does not change while the server runs.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `myid`.
    pub my_id: Sid,
    /// `peerType`.
    pub kind: LearnerType,
    /// `tickTime` in ms.
    pub tick_time: Millis,
    /// `initLimit` in ticks.
    pub init_limit: i64,
    /// `syncLimit` in ticks.
    pub sync_limit: i64,
    /// `connectToLearnerMasterLimit` in ticks; 0 for `initLimit`.
    pub connect_limit: i64,
    /// How long is waited before a leader is called or looked for again.
    pub pauses: Pauses,
    /// `leader.maxTimeToWaitForEpoch` in ms; negative for none.
    pub max_time_to_wait_for_epoch: Millis,
    /// `leader.maxConcurrentSnapSyncs`.
    pub max_concurrent_snap_syncs: usize,
    /// `leader.maxConcurrentDiffSyncs`.
    pub max_concurrent_diff_syncs: usize,
    /// How many learners may be there that are no members.
    pub max_strangers: usize,
    /// After so many commits in half a tick a leader knows which followers make its quorums, and does not
    /// hurry the others.
    pub spare_after: u32,
    /// `leaderServes`: a leader takes clients.
    pub leader_serves: bool,
    /// An observer keeps a log (`syncEnabled`); participants always do.
    pub log_enabled: bool,
    /// How learners are brought up to date.
    pub sync: Options,
    /// `commitLogCount`.
    pub committed_limit: usize,
    /// The configuration as its node shows it.
    pub config: ConfigText,
    /// Reads are served while there is no leader (`readonlymode.enabled`).
    pub read_only_mode: bool,
    /// Which sessions are known to their server alone.
    pub local_sessions: LocalSessions,
    /// Where a leader's transactions begin in its epoch (`testingonly.initialZxid`).
    pub initial_zxid: Option<i64>,
    /// The acks of one proposal in so many are measured, of none if it is not above 0
    /// (`leader.ackLoggingFrequency`).
    pub ack_logging_frequency: i64,
    /// What a leader prepares requests with.
    pub pipeline: PipelineSettings,
    /// None, but in the simulator.
    pub faults: Faults,
}

/// Pauses, in ms. Those of an observer are drawn anew each time, up to the value: where there are hundreds
/// of them they should not all come at once. 0 or less is none.
#[derive(Debug, Clone, Copy)]
pub struct Pauses {
    /// The longest between two calls to an elected leader that cannot be reached
    /// (`leaderConnectDelayDuringRetryMs`).
    pub between_calls: Millis,
    /// Before an observer calls the leader that it has found (`observer.reconnectDelayMs`).
    pub observer_calls: Millis,
    /// Before an observer that has lost its leader looks for one (`observer.election.DelayMs`).
    pub observer_looks: Millis,
}

impl Pauses {
    /// A part of `longest`, another one for each server and each moment.
    pub(super) fn draw(longest: Millis, my_id: Sid, now: Millis) -> Option<Millis> {
        let longest = u64::try_from(longest).ok().filter(|longest| *longest > 0)?;
        let mixed = (my_id.0 ^ now << 8).cast_unsigned().wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Some(((mixed >> 32) % longest).cast_signed())
    }
}

/// Bugs of old, to be switched on by the simulator alone: a scenario that does not fail with its bug
/// proves nothing. No configuration sets them.
#[derive(Debug, Clone, Copy, Default)]
pub struct Faults {
    /// Those of a learner.
    pub learner: learner::Faults,
    /// Those of a leader.
    pub leader: leader::Faults,
    /// ZOOKEEPER-2845: what was logged and not committed is not applied when a term ends.
    pub forget_logged: bool,
    /// ZOOKEEPER-4712, 4541: a term ends while its log is still being written.
    pub leave_log_behind: bool,
    /// ZOOKEEPER-4925: what is committed during a sync is not kept for other learners.
    pub forget_synced: bool,
    /// ZOOKEEPER-3526: a server without a leader writes to its history, as one in read-only mode did.
    pub read_only_writes: bool,
}

/// What a member is made of when it starts.
#[derive(Debug)]
pub struct Parts {
    /// What the connections share; the tree is in it.
    pub front: Arc<Front>,
    /// Who may do what.
    pub auth: Arc<Auth>,
    /// When snapshots are due.
    pub snapshots: SnapshotPolicy,
    /// The members.
    pub quorums: Quorums,
    /// The epochs on disk.
    pub epochs: Epochs,
    /// The database on disk.
    pub loaded: Loaded,
}

/// The two epochs, as they are on disk.
#[derive(Debug, Clone, Copy)]
pub struct Epochs {
    /// `acceptedEpoch`.
    pub accepted: i64,
    /// `currentEpoch`.
    pub current: i64,
}

//! The face of a server: what happens to it, and what it wants done.

use crate::ids::{Millis, Sid, Zxid};
use crate::peer::LogBatch;
use crate::peer::ensemble::Loaded;
use crate::server::request::Input;
use crate::zab::election::vote::Vote;
use crate::zab::sync::Entry;
use crate::zab::{LinkId, ServerState};

/// What happens to a server. One alone knows the first three only.
#[derive(Debug)]
pub enum Event {
    /// Requests of clients; the order within one connection counts.
    Inputs(Vec<Input>),
    /// Every transaction up to this one is on disk.
    Durable(Zxid),
    /// Time has passed. Comes several times per tick.
    Tick {
        /// Everything that clients sent before this moment (monotonic) has been counted as heard.
        heard_until: Millis,
    },
    /// What the last barrier asked for is durable.
    Done,
    /// The database as the disk has it: the answer to [`Effect::Truncate`] and [`Effect::Reload`].
    Reloaded(Box<Loaded>),
    /// The election is over.
    Elected(Vote, ServerState),
    /// A voter is looking for a leader.
    VoterLooking {
        /// The voter.
        sid: Sid,
        /// The epoch of the history that it votes for.
        epoch: i64,
    },
    /// The connection that [`Effect::ConnectLeader`] asked for is there.
    LeaderConnected(LinkId),
    /// It could not be made.
    LeaderUnreachable,
    /// There is no port for the learners of [`Effect::Listen`].
    CannotListen,
    /// Somebody called on the quorum port.
    Accepted(LinkId),
    /// Bytes have come over the quorum port.
    Bytes(LinkId, Vec<u8>),
    /// A connection of the quorum port is gone, and not because of [`Effect::Close`].
    Closed(LinkId),
    /// The snapshot of [`Effect::SendSnapshot`] is on its way.
    SnapshotSent(LinkId),
    /// The answer to [`Effect::ReadTxnLog`].
    TxnLogRead(LinkId, Vec<Entry>),
}

/// What a server wants done, in this order. One alone wants the first two only.
#[derive(Debug)]
pub enum Effect {
    /// Append these to the log and sync; then [`Event::Durable`] with the last of them.
    Log(LogBatch),
    /// Take a snapshot in the background. The log has been rolled by the batch before.
    Snapshot,
    /// Barrier: all that was handed to the log is durable; then [`Event::Done`].
    SyncLog,
    /// Barrier: the file holds this epoch; then [`Event::Done`].
    WriteAcceptedEpoch(i64),
    /// Barrier: the file holds this epoch; then [`Event::Done`].
    WriteCurrentEpoch(i64),
    /// Barrier: the tree as it is now is in a snapshot file; then [`Event::Done`].
    SaveSnapshot,
    /// Barrier: the log ends with this transaction; then [`Event::Reloaded`]. The process stops if
    /// that cannot be.
    Truncate(Zxid),
    /// Barrier: [`Event::Reloaded`].
    Reload,
    /// Elect a leader; then [`Event::Elected`].
    Look {
        /// The last transaction here; -1 for a server that must not vote with what it has.
        zxid: Zxid,
        /// `currentEpoch`.
        peer_epoch: i64,
    },
    /// Votes tell this epoch from now on.
    EpochEstablished(i64),
    /// Call a leader's quorum port; then [`Event::LeaderConnected`] or [`Event::LeaderUnreachable`].
    ConnectLeader(Sid),
    /// Take learners' calls, or take none any more; [`Event::CannotListen`] if that cannot be.
    Listen(bool),
    /// Write to a connection of the quorum port.
    Send(LinkId, Vec<u8>),
    /// Write this packet, and behind it the tree as the body of a snapshot and
    /// [`super::ensemble::SIGNATURE`]; then
    /// [`Event::SnapshotSent`].
    SendSnapshot(LinkId, Vec<u8>),
    /// Read the log from the last transaction at or before this one; then [`Event::TxnLogRead`].
    ReadTxnLog(LinkId, Zxid),
    /// The caller has said that it is a learner: it is no stranger any more.
    Know(LinkId),
    /// Close a connection of the quorum port.
    Close(LinkId),
    /// End the process with this code.
    Exit(i32),
}

/// What operators are told of a server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Status {
    /// `standalone`, `leader`, `follower`, `observer`, `read-only`, or `looking`.
    pub state: &'static str,
    /// What `peer_state` of `mntr` says: `leading - broadcast`; empty for a server alone.
    pub peer_state: String,
    /// How many sessions the database has (`global_sessions`).
    pub sessions: usize,
    /// How many sessions only this server knows.
    pub local_sessions: usize,
    /// A leader's learners: followers, observers, and those of neither that are synced.
    pub learners: Option<Learners>,
    /// Since when a leader has had its quorum (monotonic, ms).
    pub leading_since: Option<Millis>,
    /// Last, least and greatest size of a leader's proposals in bytes; -1 before the first.
    pub proposal_sizes: Option<[i32; 3]>,
    /// Whom an observer follows.
    pub observer_master: Option<Sid>,
}

/// A leader's learners, for `mntr`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Learners {
    /// All that are connected.
    pub connected: usize,
    /// `synced_followers`: all that are no observers.
    pub synced_followers: usize,
    /// `synced_non_voting_followers`: those of them that nobody lists.
    pub synced_non_voting: usize,
    /// `synced_observers`.
    pub synced_observers: usize,
    /// `pending_syncs`.
    pub pending_syncs: usize,
}

//! The leader's face: what it is told, and what it wants done.

use std::fmt;
use std::sync::Arc;

use crate::ids::{Millis, SessionId, Sid, Zxid};
use crate::zab::packet::{ForwardedRequest, Packet, RecordBytes};
use crate::zab::quorum::QuorumVerifier;
use crate::zab::sync::{Entry, Options};
use crate::zab::{LearnerType, LinkId};

/// What does not change while the server leads.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// `myid`.
    pub my_id: Sid,
    /// `tickTime` in ms.
    pub tick_time: Millis,
    /// `initLimit` in ticks: for each step of the handshake.
    pub init_limit: i64,
    /// `syncLimit` in ticks: how long a learner may be silent, or leave a proposal unacknowledged.
    pub sync_limit: i64,
    /// `leader.maxTimeToWaitForEpoch` in ms; negative: as long as `initLimit`.
    pub max_time_to_wait_for_epoch: Millis,
    /// `leader.maxConcurrentSnapSyncs`: observers beyond it are sent away.
    pub max_concurrent_snap_syncs: usize,
    /// `leader.maxConcurrentDiffSyncs`, likewise.
    pub max_concurrent_diff_syncs: usize,
    /// How many learners may be there that are no members; more are sent away.
    pub max_strangers: usize,
    /// `reconfigEnabled`: the configuration gets a version.
    pub reconfig_enabled: bool,
    /// After so many commits in half a tick it is known which followers make the quorums, and the others
    /// get proposals with their commits only.
    pub spare_after: u32,
    /// How syncs are chosen.
    pub sync: Options,
    /// None, but in the simulator.
    pub faults: Faults,
}

/// Bugs of old, to be switched on by the simulator alone, as those of
/// [`learner::Faults`](crate::zab::learner::Faults).
#[derive(Debug, Clone, Copy, Default)]
pub struct Faults {
    /// ZOOKEEPER-3104: NEWLEADER goes before the history that it is about.
    pub new_leader_first: bool,
    /// ZOOKEEPER-4394: what is proposed goes before NEWLEADER, as Java sends it, so that it may be
    /// committed behind it.
    pub proposed_first: bool,
    /// ZOOKEEPER-3104 of a snapshot: NEWLEADER goes before what is committed while that is sent.
    pub new_leader_behind_start: bool,
    /// The acks of a learner count that was since told to cut off what they are about.
    pub count_cut_acks: bool,
    /// ZOOKEEPER-4685: the first ack of a learner is taken for that of NEWLEADER.
    pub any_ack_ends_sync: bool,
}

/// What the server has when it is elected.
#[derive(Debug, Clone, Copy)]
pub struct Start {
    /// `acceptedEpoch`.
    pub accepted_epoch: i64,
    /// `currentEpoch`.
    pub current_epoch: i64,
    /// The last zxid of its tree, which stands at the end of its log (ZOOKEEPER-2845).
    pub last_zxid: Zxid,
}

/// Who wants to know that all before it is committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SyncOrigin {
    /// A client of this server; the number is the shell's.
    Local(u64),
    /// A client of a learner.
    Learner(LinkId),
}

/// What the leader is told.
#[derive(Debug, Clone)]
pub enum Event {
    /// Somebody connected to the quorum port.
    LearnerConnected {
        /// The connection.
        link: LinkId,
    },
    /// A connection is gone, and not because of [`Effect::Close`].
    LearnerClosed {
        /// The connection.
        link: LinkId,
    },
    /// A packet from a learner.
    Packet {
        /// Its connection.
        link: LinkId,
        /// The packet.
        packet: Packet,
    },
    /// Bytes have come that may not be a packet yet: the learner lives.
    Progress {
        /// The connection.
        link: LinkId,
    },
    /// The snapshot of [`Effect::SendSnapshot`] has been handed to the kernel.
    SnapshotSent {
        /// The connection.
        link: LinkId,
    },
    /// What [`Effect::ReadTxnLog`] asked for; empty if the log cannot give it.
    TxnLogRead {
        /// The connection.
        link: LinkId,
        /// The transactions from the last one at or before `from` on.
        entries: Vec<Entry>,
    },
    /// The election says that a voter is looking.
    VoterLooking {
        /// The voter.
        sid: Sid,
        /// The epoch of the history that it votes for.
        epoch: i64,
    },
    /// `deadline()` has come. Packets that have arrived are stepped first, or a server that was
    /// stopped for a while would take all others for silent.
    Timer,
    /// A transaction made by this leader.
    Propose {
        /// The zxid after the last; in a new epoch the first.
        zxid: Zxid,
        /// Its record.
        record: RecordBytes,
    },
    /// The log is durable up to here.
    Durable(Zxid),
    /// What [`Effect::Commit`] said is in tree and committed log up to here.
    Applied(Zxid),
    /// A sync request, in the order of requests.
    Sync(SyncOrigin),
    /// The answer to [`Effect::Revalidate`].
    Revalidated {
        /// The connection that asked.
        link: LinkId,
        /// The session.
        session: SessionId,
        /// Whether it lives; the learner is its owner then.
        valid: bool,
    },
}

/// What the leader wants done, in this order and never overtaking: **no effect is begun before all
/// barriers in front of it are done**. A barrier is done when what it writes is durable; if it
/// cannot be made so, the process stops.
///
/// Packets to one link leave in the order of their effects, behind the snapshot if there is one.
/// PROPOSALs leave at once, side by side with the log, but those to followers that no quorum needs, which
/// come with their COMMIT. That follows from acks, of which the leader's own is [`Event::Durable`].
#[derive(Debug, Clone)]
pub enum Effect {
    /// Send to a learner.
    Send {
        /// The connection.
        link: LinkId,
        /// The packet.
        packet: Packet,
    },
    /// Send SNAP and a snapshot of the tree with its signature; then [`Event::SnapshotSent`].
    /// Packets of later effects follow behind it; then [`Event::SnapshotSent`]. The tree may change
    /// meanwhile (fuzzy): it must hold at least `zxid`, and everything newer is sent behind it.
    SendSnapshot {
        /// The connection.
        link: LinkId,
        /// The zxid for SNAP.
        zxid: Zxid,
    },
    /// Read the log from the last transaction at or before `from` to its end, at most
    /// `snapshotSizeFactor` times the size of the last snapshot; then [`Event::TxnLogRead`].
    ReadTxnLog {
        /// The connection for which.
        link: LinkId,
        /// The learner's last zxid.
        from: Zxid,
    },
    /// Close a learner's connection. No event of it may follow.
    Close {
        /// The connection.
        link: LinkId,
        /// Who it was, if it said so.
        sid: Option<Sid>,
        /// For the log.
        why: LearnerFault,
    },
    /// Barrier: `acceptedEpoch` is this.
    WriteAcceptedEpoch(i64),
    /// Barrier: `currentEpoch` is this.
    WriteCurrentEpoch(i64),
    /// Barrier: all of the log is durable, what was there at the start included: after a crash of
    /// the process alone the end of it may never have been synced.
    SyncLog,
    /// Append to the log; [`Event::Durable`] when it is.
    Append {
        /// Its zxid.
        zxid: Zxid,
        /// Its record.
        record: RecordBytes,
    },
    /// Apply to tree and committed log: it is committed; then [`Event::Applied`].
    Commit {
        /// Its zxid.
        zxid: Zxid,
        /// Its record.
        record: RecordBytes,
    },
    /// A quorum has the history. The tree's zxid is now counter 0 of the epoch, sessions are
    /// tracked, clients are served, votes tell the new epoch; [`Event::Propose`] may come.
    Lead {
        /// Counter 0 of the epoch.
        zxid: Zxid,
    },
    /// Sessions that a learner has heard of, with their timeouts in ms.
    Touch {
        /// The learner.
        link: LinkId,
        /// The sessions.
        sessions: Vec<(SessionId, i32)>,
    },
    /// A learner asks whether a session lives; then [`Event::Revalidated`].
    Revalidate {
        /// The learner, which becomes the session's owner.
        link: LinkId,
        /// The session.
        session: SessionId,
        /// Its timeout in ms.
        timeout: i32,
    },
    /// A client's request from a learner, sync included.
    Request {
        /// The learner, which is the session's owner.
        link: LinkId,
        /// The request.
        request: ForwardedRequest,
    },
    /// All that was proposed before a sync of this server is committed; what is not applied yet
    /// stands in effects before this one.
    SyncDone(u64),
    /// The leader proposes this configuration (`setLastSeenQuorumVerifier`).
    SetLastSeenConfig(Arc<QuorumVerifier>),
    /// This configuration is in force (`processReconfig`).
    ActivateConfig(Arc<QuorumVerifier>),
    /// The server leads no more. Close all learners and clients, and look for a leader; the machine
    /// is of no more use. What was logged and not applied is applied before the next election
    /// (ZOOKEEPER-2845).
    GiveUp(GiveUpReason),
}

/// Why a leader gives up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GiveUpReason {
    /// No quorum told its accepted epoch in time.
    EpochTimeout,
    /// No quorum accepted the epoch in time.
    EpochAckTimeout,
    /// No quorum was synced in time; who was.
    NewLeaderTimeout(String),
    /// A voter looks for another leader.
    DisloyalVoter(Sid),
    /// The quorum is lost; who is left.
    NoQuorum(String),
    /// The counter of the epoch is exhausted (ZOOKEEPER-1277).
    ZxidRollover,
    /// A voter cannot follow, for it has accepted a later epoch.
    Outranked {
        /// The voter.
        sid: Sid,
        /// Its epoch.
        epoch: i64,
    },
}

impl fmt::Display for GiveUpReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EpochTimeout => f.write_str("Timeout while waiting for epoch from quorum"),
            Self::EpochAckTimeout => {
                f.write_str("Timeout while waiting for epoch to be acked by quorum")
            }
            Self::NewLeaderTimeout(sids) => {
                write!(f, "Waiting for a quorum of followers, only synced with sids: [ {sids} ]")
            }
            Self::DisloyalVoter(sid) => write!(f, "Quit leading due to voter {sid} changed mind."),
            Self::NoQuorum(sids) => {
                write!(f, "Not sufficient followers synced, only synced with sids: [ {sids} ]")
            }
            Self::ZxidRollover => f.write_str(
                "zxid lower 32 bits have rolled over, forcing re-election, and therefore new \
                 epoch start",
            ),
            Self::Outranked { sid, epoch } => write!(
                f,
                "voter {sid} has accepted epoch {epoch} and cannot follow an earlier one, forcing \
                 re-election"
            ),
        }
    }
}

/// Why a learner is sent away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LearnerFault {
    /// A packet that has no place in its stage.
    Unexpected(&'static str),
    /// It speaks a protocol of before 3.4.
    OldProtocol(i32),
    /// It has a configuration that this leader does not have.
    ConfigAhead(i64),
    /// An accepted epoch that no server can have.
    BadEpoch(i64),
    /// It has a later epoch, or more transactions, than this leader: another should lead.
    MoreRecent {
        /// Its `currentEpoch`.
        current_epoch: i64,
        /// Its last zxid.
        last_zxid: Zxid,
    },
    /// Too many observers are being synced.
    Throttled,
    /// It said nothing for so many milliseconds.
    Silent(Millis),
    /// It left a proposal unacknowledged.
    TransactionTimeout,
    /// It acknowledged what was never proposed.
    FutureAck(Zxid),
    /// It is no member, and there are as many such as there may be.
    Stranger,
    /// It claims the id of this server, or of a learner that answers.
    SidTaken(Sid),
    /// It has called again.
    CalledAgain,
}

impl fmt::Display for LearnerFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unexpected(name) => write!(f, "unexpected {name}"),
            Self::OldProtocol(v) => write!(f, "protocol version 0x{v:x} is of before 3.4"),
            Self::ConfigAhead(v) => write!(
                f,
                "Follower is ahead of the leader (has a later activated configuration, 0x{v:x})"
            ),
            Self::BadEpoch(epoch) => write!(f, "impossible accepted epoch {epoch}"),
            Self::MoreRecent { current_epoch, last_zxid } => write!(
                f,
                "Follower is ahead of the leader: current epoch {current_epoch}, last zxid \
                 {last_zxid}"
            ),
            Self::Throttled => f.write_str("too many concurrent sync."),
            Self::Silent(ms) => write!(f, "silent for {ms} ms"),
            Self::TransactionTimeout => {
                f.write_str("Closing connection to peer due to transaction timeout.")
            }
            Self::FutureAck(zxid) => write!(f, "acknowledged {zxid}, which was not proposed"),
            Self::Stranger => f.write_str("too many learners that are no members"),
            Self::SidTaken(sid) => write!(f, "another server with id {sid} is here already"),
            Self::CalledAgain => f.write_str("it has called again"),
        }
    }
}

/// What is to be told of a learner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LearnerStatus {
    /// Its connection.
    pub link: LinkId,
    /// Its id, if it has said so.
    pub sid: Option<Sid>,
    /// Follower or observer.
    pub kind: LearnerType,
    /// It is sent what is proposed or committed (`synced_followers`, `synced_observers`).
    pub forwarding: bool,
    /// It was heard of lately enough to count in the quorum.
    pub synced: bool,
}

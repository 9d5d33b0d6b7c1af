//! A follower or observer, from the first packet to its leader to the loss of it
//! (`Learner`, `Follower`, `Observer`).
//!
//! One struct for each phase: [`Discovery`](discovery) (the new epoch), then
//! [`Synchronizing`](synchronizing) (the leader's history), then [`Broadcasting`](broadcasting). Each
//! packet that has no place in a phase ends the connection: nothing of an old term can act in a new
//! one.

mod broadcasting;
mod discovery;
mod pending;
mod synchronizing;

use std::fmt;

use self::broadcasting::Broadcasting;
use self::discovery::Discovery;
use self::synchronizing::Synchronizing;
use super::LearnerType;
use super::packet::{ForwardedRequest, Packet, RecordBytes};
use crate::ids::{Millis, SessionId, Sid, Zxid};
use crate::txn::TxnRecord;

/// What does not change while the learner has this leader.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// `myid`.
    pub my_id: Sid,
    /// Follower or observer.
    pub kind: LearnerType,
    /// `tickTime` in ms.
    pub tick_time: Millis,
    /// `initLimit` in ticks: how long the leader may be silent until NEWLEADER.
    pub init_limit: i64,
    /// `syncLimit` in ticks: how long afterwards.
    pub sync_limit: i64,
    /// The version of the committed configuration.
    pub config_version: i64,
    /// `reconfigEnabled`: configurations are taken from the leader.
    pub reconfig_enabled: bool,
    /// Transactions are logged; false only for an observer with `syncEnabled=false`.
    pub log_enabled: bool,
    /// None, but in the simulator.
    pub faults: Faults,
}

/// Bugs of old, to be switched on by the simulator alone: a scenario that does not fail with its bug
/// proves nothing. No configuration sets them.
#[derive(Debug, Clone, Copy, Default)]
pub struct Faults {
    /// ZOOKEEPER-3911, 4646: NEWLEADER is acknowledged before the log is durable.
    pub ack_before_durable: bool,
    /// ZOOKEEPER-2872: NEWLEADER is acknowledged before the leader's snapshot is in a file.
    pub ack_before_snapshot: bool,
    /// ZOOKEEPER-4643: `currentEpoch` is written before the log.
    pub epoch_before_log: bool,
    /// ZOOKEEPER-4394, 3023: what was proposed and not committed at NEWLEADER is no longer known when
    /// its commit comes.
    pub forget_proposed: bool,
    /// ZOOKEEPER-4785: what came between NEWLEADER and UPTODATE is applied and never logged.
    pub apply_without_log: bool,
    /// ZOOKEEPER-5094: what is committed behind a TRUNC is applied at once, and for the disk a
    /// snapshot follows with NEWLEADER.
    pub trunc_into_memory: bool,
    /// ZOOKEEPER-4685: the transactions of the sync are acknowledged before NEWLEADER is.
    pub ack_sync_first: bool,
    /// ZOOKEEPER-4925: proposals need not follow each other.
    pub accept_gaps: bool,
    /// ZOOKEEPER-3642, 2872: half of a snapshot is taken for a tree.
    pub keep_half_snapshot: bool,
}

/// What the server has when it finds a leader.
#[derive(Debug, Clone, Copy)]
pub struct Start {
    /// `acceptedEpoch`.
    pub accepted_epoch: i64,
    /// `currentEpoch`.
    pub current_epoch: i64,
    /// The last zxid of its tree, which stands at the end of its log: whatever was logged in an
    /// earlier term, committed or not, has been applied since (ZOOKEEPER-2845).
    pub last_zxid: Zxid,
}

/// What the learner is told.
#[derive(Debug, Clone)]
pub enum Event {
    /// A packet from the leader.
    Packet(Packet),
    /// Bytes have come that may not be a packet yet (of a snapshot, say): the leader lives. Or nobody
    /// could listen to it until now.
    Progress,
    /// The snapshot that [`Effect::ReceiveSnapshot`] asked for is in memory, its signature checked.
    SnapshotReceived,
    /// The log is durable up to here.
    Durable(Zxid),
    /// A client's request is to go to the leader.
    Forward(ForwardedRequest),
    /// Ask the leader whether a session lives.
    Revalidate {
        /// The session.
        session: SessionId,
        /// Its timeout in ms.
        timeout: i32,
    },
    /// `deadline()` has come. Packets that have arrived are stepped first.
    Timer,
    /// The connection is gone.
    Closed,
}

/// What the learner wants done, in this order and never overtaking: **no effect is begun before
/// all barriers in front of it are done**. A barrier is done when what it writes is durable; if it
/// cannot be made so, the process stops, and nothing behind it ever happens. The shell may go on
/// taking events meanwhile; their effects wait behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Send to the leader. An ACK of a transaction is only ever sent after [`Event::Durable`]; the
    /// ACKs of the epoch and of NEWLEADER stand behind barriers.
    Send(Packet),
    /// Barrier: `acceptedEpoch` is this.
    WriteAcceptedEpoch(i64),
    /// Barrier: `currentEpoch` is this.
    WriteCurrentEpoch(i64),
    /// Forget the tree and the committed log, and read the snapshot that follows in the stream, to
    /// the signature behind it; then [`Event::SnapshotReceived`]. Packets behind it in the stream
    /// come later.
    ReceiveSnapshot {
        /// The tree's zxid afterwards.
        zxid: Zxid,
    },
    /// Barrier: forget the tree and the committed log *first* (ZOOKEEPER-5094: an interrupted cut
    /// must not leave memory ahead of the log), cut the log after `zxid`, put snapshots that hold
    /// more out of use, load again. The log must end with `zxid` then, or the process stops. One
    /// case is no fault: a snapshot at counter 0 of a later epoch with nothing left behind it holds
    /// what the leader had when that epoch began, and this is `zxid`.
    Truncate {
        /// The last transaction that stays.
        zxid: Zxid,
    },
    /// Barrier: the tree as it is now is in a snapshot file.
    SaveSnapshot,
    /// Append to the log; [`Event::Durable`] when it is.
    Append {
        /// Its zxid.
        zxid: Zxid,
        /// Its record.
        record: RecordBytes,
        /// When its leader prepared it (wall clock, the leader's word).
        time: Millis,
    },
    /// Barrier: all that was appended is durable.
    SyncLog,
    /// Apply to tree and committed log: it is committed. During the sync no client waits for it;
    /// afterwards one of this server may. Behind a snapshot it may be at or below the tree's zxid:
    /// then it is applied as the log is over a fuzzy snapshot, and the zxid does not go back.
    Commit {
        /// Its zxid.
        zxid: Zxid,
        /// Its record.
        record: RecordBytes,
        /// What the record says.
        txn: Box<TxnRecord>,
    },
    /// Serve clients. Votes tell the new epoch from now on; the tree's zxid stays what it is.
    Serve {
        /// The epoch.
        epoch: i64,
    },
    /// Answer the leader's ping with the sessions that were heard of since the last.
    AnswerPing {
        /// The zxid for the answer.
        zxid: Zxid,
    },
    /// The leader knows, or does not know, a session that was asked for.
    Revalidated {
        /// The session.
        session: SessionId,
        /// Whether it lives.
        valid: bool,
    },
    /// All that was committed before the oldest waiting sync is applied when this effect is
    /// reached.
    SyncDone,
    /// The leader has proposed this configuration (`setLastSeenQuorumVerifier`).
    SetLastSeenConfig(Vec<u8>),
    /// This configuration is in force (`processReconfig`).
    ActivateConfig {
        /// Its text.
        config: Vec<u8>,
        /// Who is to lead, where a reconfiguration says so.
        designated_leader: Option<Sid>,
    },
    /// The leader is lost. Close the connection and look for another; the machine is of no more
    /// use. Before the next election the tree must be what the log says: what was logged and not
    /// applied is applied now (ZOOKEEPER-2845), or, with `reload`, all is loaded from disk.
    GiveUp {
        /// Why.
        why: Reason,
        /// The tree is half of a snapshot (ZOOKEEPER-3642, 2872).
        reload: bool,
    },
    /// The leader contradicts what this server has logged: going on would lose data. The process
    /// exits with this code (Java: 12, UNMATCHED_TXN_COMMIT).
    Exit {
        /// The exit code.
        code: i32,
        /// Why.
        why: Reason,
    },
}

/// Why a learner leaves its leader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// The connection broke.
    Closed,
    /// The leader was silent for so many milliseconds.
    Silent(Millis),
    /// A packet that has no place in the phase.
    Unexpected {
        /// The phase.
        phase: &'static str,
        /// The packet.
        packet: &'static str,
    },
    /// The leader speaks a protocol of before 3.4.
    OldProtocol,
    /// The new epoch is lower than one that was accepted.
    EpochTooLow {
        /// The leader's.
        found: i64,
        /// Ours.
        accepted: i64,
    },
    /// The history that the leader is about to send ends in no epoch from 0 to its own.
    NotBeforeEpoch {
        /// Its own.
        epoch: i64,
        /// The end of the history.
        found: Zxid,
    },
    /// A proposal that does not follow the last (ZOOKEEPER-4925).
    Gap {
        /// The last.
        last: Zxid,
        /// What came.
        found: Zxid,
    },
    /// A commit that is not that of the next proposal.
    Unmatched {
        /// The next proposal, if there is one.
        expected: Option<Zxid>,
        /// What was committed.
        found: Zxid,
    },
    /// A record that is too short, or has another zxid than its packet.
    BadRecord(Zxid),
    /// A reconfiguration has been committed that changes who leads.
    Reconfigured,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("the leader closed the connection"),
            Self::Silent(ms) => write!(f, "the leader was silent for {ms} ms"),
            Self::Unexpected { phase, packet } => write!(f, "unexpected {packet} in {phase}"),
            Self::OldProtocol => f.write_str("the leader speaks a protocol of before 3.4"),
            Self::EpochTooLow { found, accepted } => {
                write!(f, "Leaders epoch, {found} is less than accepted epoch, {accepted}")
            }
            Self::NotBeforeEpoch { epoch, found } => {
                write!(f, "the leader of epoch {epoch} has a history up to {found}")
            }
            Self::Gap { last, found } => {
                write!(f, "got proposal {found}, last queued {last}, expected {}", last.next())
            }
            Self::Unmatched { expected: Some(expected), found } => {
                write!(f, "Committing zxid {found} but next pending txn {expected}")
            }
            Self::Unmatched { expected: None, found } => {
                write!(f, "Committing {found} without seeing txn")
            }
            Self::BadRecord(zxid) => write!(f, "the record of proposal {zxid} is malformed"),
            Self::Reconfigured => f.write_str("changes proposed in reconfig"),
        }
    }
}

/// A learner with its leader.
#[derive(Debug)]
pub struct Learner {
    settings: Settings,
    phase: Phase,
    /// When the leader was last heard of; unknown while a snapshot is loaded.
    last_heard: Millis,
}

#[derive(Debug)]
enum Phase {
    Discovery(Discovery),
    Synchronizing(Synchronizing),
    Broadcasting(Broadcasting),
    Over,
}

/// What a phase makes of a packet: the phase that follows, none if it goes on, or why all is over.
type Next = Result<Option<Phase>, Reason>;

impl Learner {
    /// The connection to the leader is there: the learner introduces itself.
    pub fn new(settings: Settings, start: Start, now: Millis, out: &mut Vec<Effect>) -> Self {
        let phase = Phase::Discovery(Discovery::new(&settings, start, out));
        Self { settings, phase, last_heard: now }
    }

    /// When the machine wants an [`Event::Timer`].
    pub fn deadline(&self) -> Option<Millis> {
        match self.phase {
            Phase::Over => None,
            _ => Some(self.last_heard + self.patience()),
        }
    }

    /// Whether the sync is over and clients are served.
    pub fn is_broadcasting(&self) -> bool {
        matches!(self.phase, Phase::Broadcasting(_))
    }

    /// How long the leader may be silent, in ms.
    fn patience(&self) -> Millis {
        let settled = match &self.phase {
            Phase::Synchronizing(phase) => phase.has_new_leader(),
            phase => matches!(phase, Phase::Broadcasting(_)),
        };
        let ticks = if settled { self.settings.sync_limit } else { self.settings.init_limit };
        ticks * self.settings.tick_time
    }

    /// Takes an event, appends what is to be done.
    pub fn step(&mut self, now: Millis, event: Event, out: &mut Vec<Effect>) {
        match event {
            Event::Packet(packet) => {
                self.last_heard = now;
                self.on_packet(packet, out);
            }
            Event::Progress => self.last_heard = now,
            Event::SnapshotReceived => {
                self.last_heard = now;
                if let Phase::Synchronizing(phase) = &mut self.phase {
                    phase.on_snapshot_received();
                }
            }
            Event::Timer => self.on_timer(now, out),
            Event::Closed => self.give_up(Reason::Closed, out),
            Event::Durable(zxid) => {
                if let Phase::Broadcasting(phase) = &mut self.phase {
                    phase.on_durable(zxid, out);
                }
            }
            Event::Forward(request) => self.send_served(Packet::Request(request), out),
            Event::Revalidate { session, timeout } => {
                self.send_served(Packet::Revalidate { session, timeout }, out);
            }
        }
    }

    /// Clients are only there while they are served; what comes later has lost its leader.
    fn send_served(&self, packet: Packet, out: &mut Vec<Effect>) {
        if self.is_broadcasting() {
            out.push(Effect::Send(packet));
        }
    }

    fn on_timer(&mut self, now: Millis, out: &mut Vec<Effect>) {
        if self.deadline().is_some_and(|at| now >= at) {
            self.give_up(Reason::Silent(now - self.last_heard), out);
        }
    }

    fn on_packet(&mut self, packet: Packet, out: &mut Vec<Effect>) {
        let settings = &self.settings;
        let next = match &mut self.phase {
            Phase::Discovery(phase) => phase.on_packet(settings, packet, out),
            Phase::Synchronizing(phase) => phase.on_packet(settings, packet, out),
            Phase::Broadcasting(phase) => phase.on_packet(settings, packet, out),
            Phase::Over => Ok(None),
        };
        match next {
            Ok(None) => {}
            Ok(Some(phase)) => self.phase = phase,
            Err(why) => self.give_up(why, out),
        }
    }

    fn give_up(&mut self, why: Reason, out: &mut Vec<Effect>) {
        let reload = self.is_half_loaded();
        if !matches!(std::mem::replace(&mut self.phase, Phase::Over), Phase::Over) {
            out.push(Effect::GiveUp { why, reload });
        }
    }

    fn is_half_loaded(&self) -> bool {
        !self.settings.faults.keep_half_snapshot
            && matches!(&self.phase, Phase::Synchronizing(phase) if phase.is_half_loaded())
    }
}

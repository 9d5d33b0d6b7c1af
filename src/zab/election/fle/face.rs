//! The face of the election: what it is told, and what it wants done.

use std::fmt;
use std::sync::Arc;

use crate::config::ConfigOptions;
use crate::ids::{Millis, Sid, Zxid};
use crate::zab::election::notification::NotificationError;
use crate::zab::election::vote::Vote;
use crate::zab::quorum::{QuorumVerifier, Quorums};
use crate::zab::{LearnerType, ServerState};

/// What does not change while the server runs.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `myid`.
    pub my_id: Sid,
    /// `peerType`.
    pub kind: LearnerType,
    /// How long to wait for a better candidate once a quorum agrees; 200 ms in Java.
    pub finalize_wait: Millis,
    /// `fastleader.minNotificationInterval`.
    pub min_notification_interval: Millis,
    /// `fastleader.maxNotificationInterval`.
    pub max_notification_interval: Millis,
    /// `reconfigEnabled`: a newer configuration in a notification is adopted.
    pub reconfig_enabled: bool,
    /// What is allowed in such a configuration.
    pub config_options: ConfigOptions,
}

impl Settings {
    /// Java's defaults for server `my_id`.
    pub fn new(my_id: Sid) -> Self {
        Self {
            my_id,
            kind: LearnerType::Participant,
            finalize_wait: 200,
            min_notification_interval: 200,
            max_notification_interval: 60_000,
            reconfig_enabled: false,
            config_options: ConfigOptions::default(),
        }
    }
}

/// What the election is told.
#[derive(Debug, Clone)]
pub enum Event<'a> {
    /// The server has no leader: a new round begins.
    Look {
        /// The last zxid in the server's log; -1 keeps it out of the vote (an empty server with
        /// `db.autocreate=false`).
        zxid: Zxid,
        /// Its `currentEpoch`.
        peer_epoch: i64,
    },
    /// A message of the election port, from the peer that the connection belongs to. Those of the
    /// server to itself come this way too.
    Message {
        /// The peer.
        from: Sid,
        /// A notification.
        bytes: &'a [u8],
    },
    /// A peer cannot be connected to: it has nothing to say now.
    Unreachable(Sid),
    /// `deadline()` has come. Early or late ones do no harm.
    Timer {
        /// Whether the connections have sent something to at least one peer
        /// (`QuorumCnxManager::have_delivered`).
        have_delivered: bool,
    },
    /// The ensemble agreed on a new epoch: votes tell it from now on (ZOOKEEPER-1732,
    /// `updateElectionVote`).
    EpochEstablished(i64),
    /// The configurations have changed.
    Quorums(Quorums),
}

/// What the election wants done, in this order.
#[derive(Debug, Clone)]
pub enum Effect {
    /// Send a notification; `to` may be the server itself. Nothing must be durable before it: a
    /// vote promises nothing.
    Send {
        /// The peer.
        to: Sid,
        /// The notification.
        bytes: Arc<[u8]>,
    },
    /// Connect to all peers that something waits for.
    ConnectAll,
    /// The round is over. The machine rests until the next `Look`.
    Decided {
        /// What was agreed on.
        vote: Vote,
        /// What the server is to do: lead, follow or observe.
        state: ServerState,
    },
    /// A voter is looking while this server is not: a leader that still waits for its epoch counts
    /// that (`Leader.reportLookingSid`).
    VoterLooking {
        /// The voter.
        sid: Sid,
        /// The epoch of the history that it votes for; its own is not of a later one.
        epoch: i64,
    },
    /// A newer configuration is in force elsewhere. The machine has adopted it and begun a new
    /// round; the shell stores it.
    AdoptConfig(Arc<QuorumVerifier>),
    /// A message made no sense and was dropped. For the log.
    Rejected {
        /// Its sender.
        from: Sid,
        /// What is wrong with it.
        why: Rejection,
    },
}

/// Why a message was dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rejection {
    /// It is no notification.
    Notification(NotificationError),
    /// Its sender does what no server does.
    State,
    /// It is a vote for a server that has none itself.
    Leader(Sid),
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Notification(e) => e.fmt(f),
            Self::State => f.write_str("a state that no server has"),
            Self::Leader(sid) => write!(f, "a vote for server {sid}, which is not a voting member"),
        }
    }
}

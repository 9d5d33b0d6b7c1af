//! The face of the connections: what they are told, and what they want done.

use std::fmt;
use std::sync::Arc;

use crate::ids::{Millis, Sid};
use crate::zab::LinkId;
use crate::zab::election::initial::{ElectionAddr, InitialError};
use crate::zab::quorum::Quorums;

/// What does not change while the server runs.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `myid`.
    pub my_id: Sid,
    /// The server's own election addresses, the first of which is told where only one can be.
    pub addresses: Vec<ElectionAddr>,
    /// `multiAddress.enabled`: the initial message is of version 2.
    pub multi_address: bool,
    /// How long a caller may take to say who it is (`quorumCnxnTimeoutMs`, else
    /// tickTime * syncLimit).
    pub greeting_timeout: Millis,
    /// How many callers may be there that have not said who they are, and how many connections to
    /// servers that are no members; the oldest goes first.
    pub max_strangers: usize,
    /// ZOOKEEPER-4787, for the simulator alone: the server says who it is in EBCDIC, the charset of
    /// its platform.
    pub fault_ebcdic: bool,
}

/// What the connections are told.
#[derive(Debug, Clone)]
pub enum Event<'a> {
    /// A message is to go to a peer, or to the server itself.
    Send {
        /// The peer.
        to: Sid,
        /// The message, without its length.
        bytes: Arc<[u8]>,
    },
    /// Connect to each peer that something was to be sent to and that has no connection.
    ConnectAll,
    /// A connection that [`Effect::Connect`] asked for is there.
    Connected {
        /// The peer.
        sid: Sid,
        /// The connection.
        link: LinkId,
    },
    /// It could not be made: refused, timed out, not resolved.
    ConnectFailed {
        /// The peer.
        sid: Sid,
    },
    /// Somebody called.
    Accepted {
        /// The connection.
        link: LinkId,
    },
    /// Bytes have come.
    Bytes {
        /// The connection.
        link: LinkId,
        /// What came, in order.
        bytes: &'a [u8],
    },
    /// All that was written to a connection has been taken by the kernel.
    Flushed {
        /// The connection.
        link: LinkId,
    },
    /// A connection is gone, and not because of [`Effect::Close`].
    Closed {
        /// The connection.
        link: LinkId,
    },
    /// As `Closed`, because nothing comes back from the peer's address: the last message is not there.
    Lost {
        /// The connection.
        link: LinkId,
    },
    /// `deadline()` has come.
    Timer,
    /// The configurations have changed.
    Quorums(Quorums),
}

/// What the connections want done, in this order. Nothing must be durable before any of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Connect to a peer, trying its addresses side by side, names resolved anew (a peer may have
    /// moved); then [`Event::Connected`] or [`Event::ConnectFailed`], always one of them.
    Connect {
        /// The peer.
        sid: Sid,
        /// Its election addresses.
        addresses: Vec<ElectionAddr>,
        /// They are what a caller said, not what the configuration says.
        told: bool,
    },
    /// Write to a connection; [`Event::Flushed`] when all of it is out.
    Write {
        /// The connection.
        link: LinkId,
        /// What to write.
        bytes: Vec<u8>,
    },
    /// Write out what was written, then close. No event follows, and what comes in is dropped.
    Close {
        /// The connection.
        link: LinkId,
        /// For the log.
        why: CloseReason,
    },
    /// A message for the election.
    Deliver {
        /// Its sender.
        from: Sid,
        /// The message.
        bytes: Vec<u8>,
    },
    /// A peer cannot be connected to, and has not called either. For the election.
    Unreachable(Sid),
    /// Something was to be sent to a server that is no member. For the log.
    UnknownSid(Sid),
    /// A connection is to a server that is no member. For the log.
    Stranger {
        /// The connection.
        link: LinkId,
        /// Who it says it is, or the id that it was given.
        sid: Sid,
    },
}

/// Why a connection is closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CloseReason {
    /// The peer has the larger sid and calls back.
    PeerCallsBack(Sid),
    /// The caller has the smaller sid and is called back.
    CallingBack(Sid),
    /// The caller has the smaller sid and cannot be called back: it is no member and says not where it
    /// is, or too many such are being called.
    NotCallingBack(Sid),
    /// A newer connection to the same peer took its place.
    Replaced(Sid),
    /// There are too many connections to servers that are no members.
    TooManyStrangers,
    /// The caller says that it is this server (ZOOKEEPER-2164).
    OwnSid,
    /// The first message makes no sense.
    Initial(InitialError),
    /// The caller did not say who it is in time, or too many did not.
    Silent,
    /// A message of an impossible length.
    MessageLength {
        /// The peer.
        from: Sid,
        /// What it claimed.
        found: i32,
    },
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PeerCallsBack(sid) => write!(f, "server {sid} has the larger id and calls back"),
            Self::CallingBack(sid) => write!(f, "server {sid} has the smaller id, calling it back"),
            Self::NotCallingBack(sid) => {
                write!(f, "server {sid} is no member, and cannot be called back")
            }
            Self::Replaced(sid) => write!(f, "server {sid} has a newer connection"),
            Self::TooManyStrangers => f.write_str("too many servers call that are no members"),
            Self::OwnSid => f.write_str("the caller claims our own id: a configuration error"),
            Self::Initial(e) => e.fmt(f),
            Self::Silent => f.write_str("the caller did not say who it is"),
            Self::MessageLength { from, found } => {
                write!(f, "server {from} sent a message of {found} bytes")
            }
        }
    }
}

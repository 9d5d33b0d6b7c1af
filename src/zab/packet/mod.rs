//! What leader and learners tell each other, on the quorum port.
//!
//! A packet is the record `QuorumPacket{type int, zxid long, data buffer, authinfo vector<Id>}`. On
//! the wire they stand back to back, without a length in front: a reader knows where one ends only
//! by reading it ([`PacketReader`]). After SNAP the stream of a snapshot follows, then packets
//! again. Java: the constants of `Leader`, the layouts of `Learner` and `LearnerHandler`.
//!
//! ```text
//! type               data
//!  1 REQUEST          session long, cxid int, type int, request; authinfo: the client's ids
//!  2 PROPOSAL         the transaction's record            8 INFORM  the same
//!  3 ACK, 4 COMMIT, 7 SYNC, 12 UPTODATE, 13 DIFF, 14 TRUNC, 15 SNAP         null
//!  5 PING             from the leader null; from learners (session long, timeout int)*
//!  6 REVALIDATE       to the leader session long, timeout int; from it session long, valid bool
//!  9 COMMITANDACTIVATE  designated leader long           19 INFORMANDACTIVATE  then the record
//! 10 NEWLEADER        the configuration as text, or null
//! 11 FOLLOWERINFO, 16 OBSERVERINFO   sid long, protocol version int, config version long
//! 17 LEADERINFO       protocol version int               18 ACKEPOCH  current epoch int, or -1
//! ```

mod decode;
mod encode;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use jute::DecodeError;
use jute::data::Id;

use crate::ids::{SessionId, Sid, Zxid};
use crate::zab::LearnerType;

pub use decode::PacketReader;

/// The protocol version of LEADERINFO and of the learner's info since 3.4 (Zab 1.0).
pub const PROTOCOL_VERSION: i32 = 0x10000;

/// A transaction's record (`TxnRecord::encode`), encoded once and shared by the log, the proposal
/// and the committed log.
pub type RecordBytes = Arc<[u8]>;

mod kind {
    pub(super) const REQUEST: i32 = 1;
    pub(super) const PROPOSAL: i32 = 2;
    pub(super) const ACK: i32 = 3;
    pub(super) const COMMIT: i32 = 4;
    pub(super) const PING: i32 = 5;
    pub(super) const REVALIDATE: i32 = 6;
    pub(super) const SYNC: i32 = 7;
    pub(super) const INFORM: i32 = 8;
    pub(super) const COMMITANDACTIVATE: i32 = 9;
    pub(super) const NEWLEADER: i32 = 10;
    pub(super) const FOLLOWERINFO: i32 = 11;
    pub(super) const UPTODATE: i32 = 12;
    pub(super) const DIFF: i32 = 13;
    pub(super) const TRUNC: i32 = 14;
    pub(super) const SNAP: i32 = 15;
    pub(super) const OBSERVERINFO: i32 = 16;
    pub(super) const LEADERINFO: i32 = 17;
    pub(super) const ACKEPOCH: i32 = 18;
    pub(super) const INFORMANDACTIVATE: i32 = 19;
}

/// A client's request that a learner hands to the leader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForwardedRequest {
    /// The client's session.
    pub session: SessionId,
    /// The client's number for the request.
    pub cxid: i32,
    /// What it asks for.
    pub op: i32,
    /// The request, as the client sent it.
    pub body: Vec<u8>,
    /// Who the client has proved to be.
    pub auth: Vec<Id>,
}

/// What a learner tells of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LearnerInfo {
    /// FOLLOWERINFO or OBSERVERINFO.
    pub kind: LearnerType,
    /// The epoch of this zxid is the learner's `acceptedEpoch`.
    pub zxid: Zxid,
    /// Its id; `None` before 3.4.
    pub sid: Option<Sid>,
    /// Its protocol version; 1 where it tells none.
    pub protocol_version: i32,
    /// The version of its committed configuration; 0 where it tells none.
    pub config_version: i64,
}

/// One packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Packet {
    /// A client's request, learner to leader.
    Request(ForwardedRequest),
    /// A transaction to be logged and acknowledged.
    Proposal {
        /// Its zxid.
        zxid: Zxid,
        /// Its record.
        record: RecordBytes,
    },
    /// A transaction, or the NEWLEADER of this zxid, is durable at the learner.
    Ack {
        /// Of which.
        zxid: Zxid,
    },
    /// A transaction is committed.
    Commit {
        /// Which.
        zxid: Zxid,
    },
    /// A sign of life, and the answer to it.
    Ping {
        /// The leader's last proposal; the answer repeats it.
        zxid: Zxid,
        /// The answer's, which the leader's has not: sessions that were heard of since the last,
        /// with their timeouts in ms.
        touched: Option<Vec<(SessionId, i32)>>,
    },
    /// Does this session still live?
    Revalidate {
        /// The session.
        session: SessionId,
        /// Its timeout in ms.
        timeout: i32,
    },
    /// It does, or does not.
    Revalidated {
        /// The session.
        session: SessionId,
        /// Whether it lives; then the learner is its owner.
        valid: bool,
    },
    /// All that was proposed before the sync is committed.
    Sync,
    /// A committed transaction, to observers.
    Inform {
        /// Its zxid.
        zxid: Zxid,
        /// Its record.
        record: RecordBytes,
    },
    /// Commit of a reconfiguration.
    CommitAndActivate {
        /// Its zxid.
        zxid: Zxid,
        /// Who is to lead from now on.
        designated_leader: Sid,
    },
    /// Inform of a reconfiguration.
    InformAndActivate {
        /// Its zxid.
        zxid: Zxid,
        /// Who is to lead from now on.
        designated_leader: Sid,
        /// Its record.
        record: RecordBytes,
    },
    /// The history up to here is the leader's.
    NewLeader {
        /// Counter 0 of the new epoch.
        zxid: Zxid,
        /// The leader's last seen configuration, as text.
        config: Option<Vec<u8>>,
    },
    /// FOLLOWERINFO and OBSERVERINFO: the first packet of a learner.
    LearnerInfo(LearnerInfo),
    /// The learner may serve.
    UpToDate,
    /// The proposals that the learner lacks follow.
    Diff {
        /// The last of them, or the learner's own last.
        zxid: Zxid,
    },
    /// The learner's log is to be cut.
    Trunc {
        /// After this transaction.
        zxid: Zxid,
    },
    /// A snapshot follows.
    Snap {
        /// What it holds at least.
        zxid: Zxid,
    },
    /// The new epoch.
    LeaderInfo {
        /// Counter 0 of the new epoch.
        zxid: Zxid,
        /// [`PROTOCOL_VERSION`].
        protocol_version: i32,
    },
    /// The learner accepts the new epoch.
    AckEpoch {
        /// The last zxid in its log.
        zxid: Zxid,
        /// Its `currentEpoch`; -1 if it had accepted this epoch before, so that it does not count.
        current_epoch: i32,
    },
    /// A type that no version of ZooKeeper sends.
    Unknown {
        /// The type.
        kind: i32,
        /// Its zxid.
        zxid: Zxid,
    },
}

impl Packet {
    /// The name of its type (`Leader.getPacketType`).
    pub fn name(&self) -> &'static str {
        match self {
            Self::Request(_) => "REQUEST",
            Self::Proposal { .. } => "PROPOSAL",
            Self::Ack { .. } => "ACK",
            Self::Commit { .. } => "COMMIT",
            Self::Ping { .. } => "PING",
            Self::Revalidate { .. } | Self::Revalidated { .. } => "REVALIDATE",
            Self::Sync => "SYNC",
            Self::Inform { .. } => "INFORM",
            Self::CommitAndActivate { .. } => "COMMITANDACTIVATE",
            Self::InformAndActivate { .. } => "INFORMANDACTIVATE",
            Self::NewLeader { .. } => "NEWLEADER",
            Self::LearnerInfo(info) => match info.kind {
                LearnerType::Participant => "FOLLOWERINFO",
                LearnerType::Observer => "OBSERVERINFO",
            },
            Self::UpToDate => "UPTODATE",
            Self::Diff { .. } => "DIFF",
            Self::Trunc { .. } => "TRUNC",
            Self::Snap { .. } => "SNAP",
            Self::LeaderInfo { .. } => "LEADERINFO",
            Self::AckEpoch { .. } => "ACKEPOCH",
            Self::Unknown { .. } => "UNKNOWN",
        }
    }
}

/// Why bytes are no packet. The connection that they came from is of no more use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PacketError {
    /// The record itself is malformed.
    Record(DecodeError),
    /// More ids of a client than any has.
    TooManyIds(usize),
    /// The data of a packet is shorter than its type demands.
    Data {
        /// The packet's type.
        kind: i32,
        /// The length of its data.
        len: usize,
    },
}

impl fmt::Display for PacketError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Record(e) => write!(f, "malformed packet: {e}"),
            Self::TooManyIds(n) => write!(f, "packet with {n} ids"),
            Self::Data { kind, len } => {
                write!(f, "packet of type {kind} with {len} bytes of data, too few")
            }
        }
    }
}

impl std::error::Error for PacketError {}

impl From<DecodeError> for PacketError {
    fn from(e: DecodeError) -> Self {
        Self::Record(e)
    }
}

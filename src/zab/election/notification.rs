//! A vote on the wire (`FastLeaderElection.buildMsg`, `WorkerReceiver.run`):
//!
//! ```text
//!  0 int   state of the sender
//!  4 long  proposed leader
//! 12 long  its last zxid
//! 20 long  the sender's round
//! 28 long  the leader's epoch       absent in 28 bytes (before 3.3.3): the zxid's epoch
//! 36 int   version                  in 40 bytes (3.4.0 to 3.4.5) these four mean nothing
//! 40 int   length of the configuration    from version 2 (3.5)
//! 44       configuration, as text
//! ```

use std::fmt;

use jute::{DecodeError, Reader, Write};

use super::vote::{Candidate, Vote};
use crate::ids::{Sid, Zxid};
use crate::zab::ServerState;

/// The version that carries a configuration.
pub const CURRENT_VERSION: i32 = 2;

const WITHOUT_EPOCH_LEN: usize = 28;
const WITHOUT_VERSION_LEN: usize = 40;

/// A vote as it was received.
#[derive(Debug, Clone, Copy)]
pub struct Notification<'a> {
    /// What the sender was doing; `None` for a number that no state has.
    pub state: Option<ServerState>,
    /// Whom it votes for.
    pub candidate: Candidate,
    /// Its round.
    pub election_epoch: i64,
    /// The version of the layout; 0 where it has none.
    pub version: i32,
    /// The sender's committed configuration, from version 2.
    pub config: Option<&'a [u8]>,
}

/// Why bytes are no notification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotificationError {
    /// Fewer bytes than the oldest layout has.
    Short(usize),
    /// A field is cut.
    Cut(DecodeError),
    /// A configuration of negative length, or longer than the message.
    ConfigLength(i32),
}

impl fmt::Display for NotificationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Short(len) => write!(f, "notification of {len} bytes is too short"),
            Self::Cut(e) => write!(f, "notification is cut: {e}"),
            Self::ConfigLength(len) => {
                write!(f, "Invalid configLength in notification message: {len}")
            }
        }
    }
}

impl std::error::Error for NotificationError {}

impl From<DecodeError> for NotificationError {
    fn from(e: DecodeError) -> Self {
        Self::Cut(e)
    }
}

impl<'a> Notification<'a> {
    /// Reads a message of the election port.
    ///
    /// # Errors
    /// If it is shorter than its layout.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, NotificationError> {
        if bytes.len() < WITHOUT_EPOCH_LEN {
            return Err(NotificationError::Short(bytes.len()));
        }
        let mut r = Reader::new(bytes);
        let state = ServerState::from_wire(r.int()?);
        let leader = Sid(r.long()?);
        let zxid = Zxid(r.long()?);
        let election_epoch = r.long()?;
        let (peer_epoch, version) = match bytes.len() {
            WITHOUT_EPOCH_LEN => (zxid.epoch(), 0),
            WITHOUT_VERSION_LEN => (r.long()?, 0),
            _ => (r.long()?, r.int()?),
        };
        let config = if version > 1 { Some(read_config(&mut r, bytes.len())?) } else { None };
        let candidate = Candidate { leader, zxid, peer_epoch };
        Ok(Self { state, candidate, election_epoch, version, config })
    }
}

fn read_config<'a>(r: &mut Reader<'a>, capacity: usize) -> Result<&'a [u8], NotificationError> {
    let found = r.int()?;
    match usize::try_from(found) {
        Ok(len) if len <= capacity => Ok(r.take(len)?),
        _ => Err(NotificationError::ConfigLength(found)),
    }
}

/// The bytes of a notification of the current version.
pub fn encode(vote: &Vote, config: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(44 + config.len());
    out.put_int(vote.state as i32);
    out.put_long(vote.candidate.leader.0);
    out.put_long(vote.candidate.zxid.0);
    out.put_long(vote.election_epoch);
    out.put_long(vote.candidate.peer_epoch);
    out.put_int(CURRENT_VERSION);
    out.put_buffer(Some(config));
    out
}

//! A vote (`quorum.Vote`).

use std::fmt;

use crate::ids::{Sid, Zxid};
use crate::zab::ServerState;

/// Whom a server wants to lead, and what that one has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    /// The proposed leader; [`NOBODY`] where the voter is an observer that knows of none.
    pub leader: Sid,
    /// The last zxid in the proposed leader's log.
    pub zxid: Zxid,
    /// The proposed leader's `currentEpoch`.
    pub peer_epoch: i64,
}

/// The leader in the first vote of an observer, which wants nobody.
pub const NOBODY: Sid = Sid(i64::MIN);

impl Candidate {
    /// Whether this one would be the better leader: by epoch, then by zxid, then by id. The caller
    /// has made sure that it has weight (`totalOrderPredicate`).
    pub fn is_better_than(&self, other: &Self) -> bool {
        (self.peer_epoch, self.zxid, self.leader) > (other.peer_epoch, other.zxid, other.leader)
    }
}

/// A candidate, and the circumstances in which it was voted for.
#[derive(Debug, Clone, Copy)]
pub struct Vote {
    /// Who is to lead.
    pub candidate: Candidate,
    /// The round in which the vote was cast (the voter's logical clock).
    pub election_epoch: i64,
    /// What the voter was doing.
    pub state: ServerState,
    /// The version of the notification; 0 where it had none or where it does not matter.
    pub version: i32,
}

impl Vote {
    /// A vote of a server that is looking.
    pub fn looking(candidate: Candidate, election_epoch: i64) -> Self {
        Self { candidate, election_epoch, state: ServerState::Looking, version: 0 }
    }

    /// Whether both want the same (`Vote.equals`).
    ///
    /// While one of them is looking, all of it must be the same. Else it is enough that leader and
    /// epoch are: zxid and round differ between members of one ensemble (ZOOKEEPER-1805). Where
    /// only one of the two has a version, one of the voters reports another epoch than the rest
    /// (it runs without ZOOKEEPER-1732), so that only the leader counts.
    pub fn agrees_with(&self, other: &Self) -> bool {
        let (a, b) = (&self.candidate, &other.candidate);
        if self.state == ServerState::Looking || other.state == ServerState::Looking {
            a == b && self.election_epoch == other.election_epoch
        } else if (self.version > 0) != (other.version > 0) {
            a.leader == b.leader
        } else {
            a.leader == b.leader && a.peer_epoch == b.peer_epoch
        }
    }
}

/// As Java's `toString`.
impl fmt::Display for Vote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let c = &self.candidate;
        write!(f, "({}, {:x}, {:x})", c.leader, c.zxid.0, c.peer_epoch)
    }
}

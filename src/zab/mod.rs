//! The protocol of the ensemble: who leads, who has what, what is committed.
//!
//! Floor 2, and pure: no clock, no file, no socket, no thread. Each machine has one face,
//! `step(&mut self, now, event, &mut effects)`, and one question, `deadline()`: when it wants to be
//! stepped though nothing happened. `now` is monotonic and in milliseconds. Effects are carried out
//! in their order; the type of each machine's `Effect` says which of them are barriers.
//!
//! - [`quorum`]: the members, and what a quorum of them is.
//! - [`election`]: who leads.
//! - [`packet`]: what leader and learners tell each other.
//! - [`sync`]: how a learner is brought to the history of the leader.
//! - [`leader`] and [`learner`]: discovery, synchronization, broadcast.

pub mod election;
pub mod leader;
pub mod learner;
pub mod packet;
pub mod quorum;
pub mod sync;
#[cfg(test)]
mod tests;

/// What a server does in the ensemble (`QuorumPeer.ServerState`), by the number on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(i32)]
pub enum ServerState {
    /// It is looking for a leader.
    Looking = 0,
    /// It follows a leader and votes.
    Following = 1,
    /// It leads.
    Leading = 2,
    /// It follows a leader and has no vote.
    Observing = 3,
}

impl ServerState {
    /// The state that has the number `n`.
    pub fn from_wire(n: i32) -> Option<Self> {
        Some(match n {
            0 => Self::Looking,
            1 => Self::Following,
            2 => Self::Leading,
            3 => Self::Observing,
            _ => return None,
        })
    }
}

/// Whether a server has a vote (`QuorumPeer.LearnerType`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum LearnerType {
    /// It votes for leaders and for proposals.
    #[default]
    Participant,
    /// It is told of what was committed.
    Observer,
}

/// A connection between two servers, as the shell counts them. Never used twice in a process, so
/// that an event of a dead connection cannot be taken for one of its successor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId(pub u64);

//! One server's life, pure: events in, effects out. What joins protocol, server and storage stands
//! here; what carries the effects out (threads, sockets, files) is [`crate::runtime`].
//!
//! The disk is a peer: [`Effect::Log`] hands a batch of transactions over, and some events later
//! [`Event::Durable`] says how far the log has been synced. Nothing is committed, applied or answered
//! before the `Durable` that covers it; while one batch is being synced the next is prepared.

pub mod ensemble;
mod face;
mod gate;
pub mod log_batch;
pub mod pipeline;
pub mod snapshots;
pub mod standalone;
#[cfg(test)]
mod tests;

use crate::ids::{Millis, SessionId};
use ensemble::Ensemble;
use standalone::Standalone;

pub use face::{Effect, Event, Learners, Status};
pub use log_batch::LogBatch;

/// The time, by both clocks.
#[derive(Debug, Clone, Copy, Default)]
pub struct Now {
    /// Monotonic ms: for timeouts.
    pub mono: Millis,
    /// Wall-clock ms since 1970: for transactions' headers.
    pub wall: Millis,
}

/// A server in one of its two forms. See [`Event`] and [`Effect`] for its face.
#[derive(Debug)]
pub enum Server {
    /// Alone.
    Standalone(Box<Standalone>),
    /// A member of an ensemble.
    Member(Box<Ensemble>),
}

impl Server {
    /// Takes in what happened, in this order; what is to be done is appended to `effects`.
    pub fn step(
        &mut self,
        now: Now,
        events: impl IntoIterator<Item = Event>,
        effects: &mut Vec<Effect>,
    ) {
        match self {
            Self::Standalone(server) => {
                events.into_iter().for_each(|event| server.step(now, event, effects));
            }
            Self::Member(server) => server.step(now, events, effects),
        }
    }

    /// The committed sessions and their timeouts in ms: what a snapshot holds.
    pub fn committed_sessions(&self) -> Vec<(SessionId, i32)> {
        match self {
            Self::Standalone(server) => server.pipeline().committed_sessions(),
            Self::Member(server) => server.committed_sessions(),
        }
    }

    /// Whether requests are served: nothing but the log is written then.
    pub fn is_settled(&self) -> bool {
        match self {
            Self::Standalone(_) => true,
            Self::Member(server) => server.is_settled(),
        }
    }

    /// Whether everything that was taken in has been answered.
    pub fn is_idle(&self) -> bool {
        match self {
            Self::Standalone(server) => server.pipeline().is_idle(),
            Self::Member(server) => server.is_idle(),
        }
    }

    /// Whether what changes anything is for another server to do.
    pub fn asks_leader(&self) -> bool {
        match self {
            Self::Standalone(_) => false,
            Self::Member(server) => server.asks_leader(),
        }
    }

    /// When an [`Event::Tick`] is wanted that does not wait for its turn.
    pub fn deadline(&self) -> Option<Millis> {
        match self {
            Self::Standalone(server) => Some(server.pipeline().deadline()),
            Self::Member(server) => server.deadline(),
        }
    }

    /// What operators are told.
    pub fn status(&self) -> Status {
        match self {
            Self::Standalone(server) => server.status(),
            Self::Member(server) => server.status(),
        }
    }

    /// Forgets the sizes of a leader's proposals (`srst`).
    pub fn reset_proposal_sizes(&self) {
        if let Self::Member(server) = self {
            server.reset_proposal_sizes();
        }
    }

    /// The sessions as `dump` shows them; `now` and `now_wall` are the same moment.
    pub fn dump_sessions(&self, now: Millis, now_wall: Millis) -> String {
        match self {
            Self::Standalone(server) => server.pipeline().sessions().dump(now, now_wall),
            Self::Member(server) => server.dump_sessions(now, now_wall),
        }
    }
}

//! One server's life, pure: events in, effects out. What joins protocol, server and storage stands
//! here; what carries the effects out (threads, sockets, files) is [`crate::runtime`].
//!
//! The disk is a peer: [`Effect::Log`] hands a batch of transactions over, and some events later
//! [`Event::Durable`] says how far the log has been synced. Nothing is committed, applied or answered
//! before the `Durable` that covers it; while one batch is being synced the next is prepared.

pub mod ensemble;
pub mod log_batch;
pub mod pipeline;
pub mod snapshots;
pub mod standalone;

use crate::ids::{Millis, Zxid};
use crate::server::request::Input;

pub use log_batch::LogBatch;

/// The time, by both clocks.
#[derive(Debug, Clone, Copy, Default)]
pub struct Now {
    /// Monotonic ms: for timeouts.
    pub mono: Millis,
    /// Wall-clock ms since 1970: for transactions' headers.
    pub wall: Millis,
}

/// What happens to a server.
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
}

/// What a server wants done, in this order.
#[derive(Debug)]
pub enum Effect {
    /// Append these to the log and sync; then [`Event::Durable`] with the last of them. Batches are
    /// appended in their order; one sync may cover several.
    Log(LogBatch),
    /// Take a snapshot in the background. The log has been rolled by the batch before
    /// ([`LogBatch::roll`]).
    Snapshot,
}

//! What happens to a request: sessions, authentication, preparation (request to transaction),
//! application (transaction to tree and reply), reads, limits and throttles.
//!
//! This room is pure: it never blocks on the world and never looks at a clock, a socket, a thread or a
//! file. The shared state is behind locks, taken in one order only: tree, watches, connection output.

pub mod auth;
pub mod conn;
pub mod conn_stats;
pub mod front;
pub mod histogram;
pub mod metrics;
pub mod reason;
pub mod registry;
pub mod request;
pub mod sessions;
pub mod stats;
pub mod throttle;

use std::sync::{Mutex, RwLock};

use registry::Connections;

/// The tree and the watches on it, shared by the threads that read and the one that writes; and the
/// connections that are to hear of changes.
///
/// Lock order: `tree`, then `watches`, then a connection's output. Replies and events enter an output
/// while `tree` is held, so a watch event precedes every reply that shows the change.
#[derive(Debug)]
pub struct Database<Tree, Watches> {
    /// Written only by the pipeline, a batch of commits under one write lock.
    pub tree: RwLock<Tree>,
    /// Reads add to it, commits trigger it.
    pub watches: Mutex<Watches>,
    /// Who is connected.
    pub conns: Connections,
}

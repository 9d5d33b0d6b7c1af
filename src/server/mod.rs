//! What happens to a request: sessions, authentication, preparation (request to transaction),
//! application (transaction to tree and reply), reads, limits and throttles.
//!
//! This room is pure: it never blocks on the world and never looks at a clock, a socket, a thread or a
//! file. The shared state is behind locks, taken in one order only: tree, watches, connection output.

pub mod apply;
pub mod audit;
pub mod auth;
pub mod conn;
pub mod conn_stats;
pub mod connect;
pub mod container;
pub mod front;
#[cfg(test)]
pub(crate) mod harness;
pub mod histogram;
pub mod metrics;
pub mod prep;
pub mod read;
pub mod reason;
pub mod registry;
pub mod reply;
pub mod request;
pub mod sessions;
pub mod stats;
pub mod throttle;
pub mod upgrade;

use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::ids::ConnId;
use crate::tree::DataTree;
use crate::tree::watch::WatchManager;
use conn::ConnShared;
use reason::DisconnectReason;
use registry::Connections;

/// The tree and the watches on it, shared by the threads that read and the one that writes; and the
/// connections that are to hear of changes.
///
/// Lock order: `tree`, then `watches`, then a connection's output. A reader may hold the output of its
/// own connection while it adds a watch, for whoever takes an output after the watches holds the
/// tree's write lock. Replies and events enter an output while `tree` is held, so a watch event
/// precedes every reply that shows the change.
#[derive(Debug)]
pub struct Database {
    /// Written only by the pipeline, a batch of commits under one write lock.
    pub tree: RwLock<DataTree>,
    /// Reads add to it, commits trigger it.
    pub watches: Mutex<WatchManager>,
    /// Who is connected.
    pub conns: Connections,
}

impl Database {
    /// A database around a tree; nobody is connected.
    pub fn new(tree: DataTree) -> Self {
        Self { tree: RwLock::new(tree), watches: Mutex::default(), conns: Connections::default() }
    }

    /// The tree, to read.
    ///
    /// # Panics
    /// If its writer panicked: a tree with half a transaction is not to be shown to anyone.
    pub fn read_tree(&self) -> RwLockReadGuard<'_, DataTree> {
        self.tree.read().expect("the tree holds whole transactions")
    }

    /// The tree, to write.
    ///
    /// # Panics
    /// As [`Database::read_tree`].
    pub fn write_tree(&self) -> RwLockWriteGuard<'_, DataTree> {
        self.tree.write().expect("the tree holds whole transactions")
    }

    /// The watches.
    pub fn lock_watches(&self) -> MutexGuard<'_, WatchManager> {
        self.watches.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection's socket is closed: it is forgotten, and so are its watches. What the pipeline
    /// still does for it adds no more.
    pub fn disconnected(&self, id: ConnId) {
        if let Some(conn) = self.conns.remove(id) {
            conn.set_stale(DisconnectReason::Unknown);
        }
        self.lock_watches().remove_all(id);
    }
}

/// Whether watches may still be added for a connection. Asked with the watches locked:
/// [`Database::disconnected`] sets it stale before it locks them.
fn may_watch(conn: &ConnShared) -> bool {
    !conn.is_stale()
}

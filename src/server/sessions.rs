//! Sessions: what a connection and the tracker share of one.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64};

use crate::ids::SessionId;

/// A session, shared by the tracker and the connection that serves it.
#[derive(Debug)]
pub struct Session {
    /// Its name.
    pub id: SessionId,
    /// The negotiated timeout in ms.
    pub timeout_ms: i32,
    /// When its client was last heard, by the monotonic clock. The connection stores, the tracker
    /// looks when a bucket is due.
    pub last_heard: AtomicI64,
    /// The connection that serves it, 0 for none.
    pub owner: AtomicU64,
    /// It is being closed: nothing of it is accepted any more.
    pub closing: AtomicBool,
}

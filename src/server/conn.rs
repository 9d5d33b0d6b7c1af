//! What a client connection shares between the thread that owns it and the pipeline: the output
//! buffer, the count of requests in flight, and the figures that `cons` prints.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::ids::ConnId;

/// The part of a connection that more than one thread touches.
#[derive(Debug)]
pub struct ConnShared {
    /// Its name.
    pub id: ConnId,
    /// Frames on their way to the client. Locked last (see [`super::Database`]).
    pub output: Mutex<Vec<u8>>,
    /// Requests handed to the pipeline.
    submitted: AtomicU64,
    /// Requests of those that the pipeline has answered.
    completed: AtomicU64,
    /// Set once: after what is in the output, the connection ends.
    closing: AtomicBool,
}

impl ConnShared {
    /// A connection with nothing in flight.
    pub fn new(id: ConnId) -> Self {
        Self {
            id,
            output: Mutex::default(),
            submitted: AtomicU64::new(0),
            completed: AtomicU64::new(0),
            closing: AtomicBool::new(false),
        }
    }

    /// How many of its requests are with the pipeline. Zero means that the owner may answer reads by
    /// itself: everything before them is in the output already.
    pub fn in_flight(&self) -> u64 {
        self.submitted.load(Ordering::Relaxed) - self.completed.load(Ordering::Acquire)
    }

    /// One more request is handed to the pipeline. Called by the owner only.
    pub fn submit(&self) {
        self.submitted.fetch_add(1, Ordering::Relaxed);
    }

    /// A request's reply is in the output (or it has none). Called by the pipeline only, after the
    /// reply was appended.
    pub fn complete(&self) {
        self.completed.fetch_add(1, Ordering::Release);
    }

    /// Ends the connection once the output is written.
    pub fn close(&self) {
        self.closing.store(true, Ordering::Release);
    }

    /// Whether the connection ends once its output is written.
    pub fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Acquire)
    }
}

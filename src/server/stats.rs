//! The figures of the server as a whole that `srvr`, `stat` and `mntr` print (`ServerStats`).

use std::sync::atomic::{AtomicI32, AtomicI64, AtomicU64, Ordering::Relaxed};

use super::histogram::Summary;
use crate::ids::Millis;

/// Figures since the start or the last `srst`.
#[derive(Debug)]
pub struct ServerStats {
    started: Millis,
    received: AtomicU64,
    sent: AtomicU64,
    /// Request latency in ms, of requests that came to this server.
    pub latency: Summary,
    /// Sizes of replies in bytes, without their length field.
    pub response_size: BufferStats,
    fsync_threshold_exceeded: AtomicI64,
    auth_failed: AtomicI64,
    non_mtls_remote: AtomicI64,
    non_mtls_local: AtomicI64,
}

impl ServerStats {
    /// All zero. `started` is monotonic time.
    pub fn new(started: Millis) -> Self {
        Self {
            started,
            received: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            latency: Summary::default(),
            response_size: BufferStats::default(),
            fsync_threshold_exceeded: AtomicI64::new(0),
            auth_failed: AtomicI64::new(0),
            non_mtls_remote: AtomicI64::new(0),
            non_mtls_local: AtomicI64::new(0),
        }
    }

    /// How long the server has been up, in ms.
    pub fn uptime(&self, now: Millis) -> Millis {
        now - self.started
    }

    /// `n` packets came from clients.
    pub fn add_received(&self, n: u64) {
        self.received.fetch_add(n, Relaxed);
    }

    /// `n` packets went into clients' outputs.
    pub fn add_sent(&self, n: u64) {
        self.sent.fetch_add(n, Relaxed);
    }

    /// Packets from clients.
    pub fn packets_received(&self) -> u64 {
        self.received.load(Relaxed)
    }

    /// Packets to clients: replies and notifications.
    pub fn packets_sent(&self) -> u64 {
        self.sent.load(Relaxed)
    }

    /// An fsync took longer than `fsync.warningthresholdms`.
    pub fn add_fsync_threshold_exceeded(&self) {
        self.fsync_threshold_exceeded.fetch_add(1, Relaxed);
    }

    /// How many fsyncs took too long.
    pub fn fsync_threshold_exceeded(&self) -> i64 {
        self.fsync_threshold_exceeded.load(Relaxed)
    }

    /// A client failed to prove who it is.
    pub fn add_auth_failed(&self) {
        self.auth_failed.fetch_add(1, Relaxed);
    }

    /// How often a client failed to prove who it is.
    pub fn auth_failed(&self) -> i64 {
        self.auth_failed.load(Relaxed)
    }

    /// A client connected without a certificate; `local` if from this machine.
    pub fn add_non_mtls(&self, local: bool) {
        if local { &self.non_mtls_local } else { &self.non_mtls_remote }.fetch_add(1, Relaxed);
    }

    /// Connections without a certificate, from this machine and from others.
    pub fn non_mtls(&self) -> (i64, i64) {
        (self.non_mtls_local.load(Relaxed), self.non_mtls_remote.load(Relaxed))
    }

    /// `srst`: latency, packet counts and reply sizes start afresh. The metrics are the caller's.
    pub fn reset(&self) {
        self.latency.reset();
        self.received.store(0, Relaxed);
        self.sent.store(0, Relaxed);
        self.response_size.reset();
    }
}

/// The last, least and greatest of some sizes (`BufferStats`); -1 before there is any.
#[derive(Debug)]
pub struct BufferStats {
    last: AtomicI32,
    min: AtomicI32,
    max: AtomicI32,
}

impl Default for BufferStats {
    fn default() -> Self {
        Self { last: AtomicI32::new(-1), min: AtomicI32::new(-1), max: AtomicI32::new(-1) }
    }
}

impl BufferStats {
    /// One size.
    pub fn set(&self, size: i32) {
        self.set_run(size, size, size);
    }

    /// The last, least and greatest of a run of sizes.
    pub fn set_run(&self, last: i32, min: i32, max: i32) {
        self.last.store(last, Relaxed);
        let least = self.min.load(Relaxed);
        if least == -1 || min < least {
            self.min.store(min, Relaxed);
        }
        if max > self.max.load(Relaxed) {
            self.max.fetch_max(max, Relaxed);
        }
    }

    /// The last size.
    pub fn last(&self) -> i32 {
        self.last.load(Relaxed)
    }

    /// The least size.
    pub fn min(&self) -> i32 {
        self.min.load(Relaxed)
    }

    /// The greatest size.
    pub fn max(&self) -> i32 {
        self.max.load(Relaxed)
    }

    /// Forgets all.
    pub fn reset(&self) {
        for field in [&self.last, &self.min, &self.max] {
            field.store(-1, Relaxed);
        }
    }
}

//! The figures of one connection, as `cons` prints them (`ServerCnxn.dumpConnectionInfo`).
//!
//! Relaxed atomics: the owner adds a whole batch at a time, the pipeline one reply at a time, and
//! whoever prints them sees each figure whole, though not all of one moment.

use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering::Relaxed};

use crate::ids::{Millis, Zxid};

/// Figures of one connection. Latencies in ms.
#[derive(Debug)]
pub struct ConnStats {
    established: Millis,
    received: AtomicU64,
    sent: AtomicU64,
    last_op: AtomicUsize,
    last_cxid: AtomicI64,
    last_zxid: AtomicI64,
    last_response: AtomicI64,
    last_latency: AtomicI64,
    min_latency: AtomicI64,
    max_latency: AtomicI64,
    count: AtomicU64,
    total_latency: AtomicI64,
}

/// What became of a reply, for the figures.
#[derive(Debug, Clone, Copy)]
pub struct Response {
    /// The request's op.
    pub op: LastOp,
    /// The request's number; a negative one is not noted.
    pub cxid: i32,
    /// The zxid of the reply's header.
    pub zxid: Zxid,
    /// When it was answered, by the monotonic clock.
    pub now: Millis,
    /// How long it took, in ms.
    pub latency: Millis,
}

/// An op as `cons` abbreviates it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
#[allow(missing_docs)] // Each variant is the op of its name.
pub enum LastOp {
    None,
    Ping,
    CreateSession,
    Multi,
    MultiRead,
    Create,
    Delete,
    SetData,
    Reconfig,
    SetAcl,
    CloseSession,
    Sync,
    Check,
    Exists,
    GetData,
    SetWatches,
    SetWatches2,
    AddWatch,
    GetAcl,
    GetChildren,
    GetAllChildrenNumber,
    CheckWatches,
    RemoveWatches,
    WhoAmI,
    GetEphemerals,
}

const NAMES: [&str; 25] = [
    "NA", "PING", "SESS", "MULT", "MLTR", "CREA", "DELE", "SETD", "RECO", "SETA", "CLOS", "SYNC",
    "CHEC", "EXIS", "GETD", "SETW", "STW2", "ADDW", "GETA", "GETC", "GETACN", "CHKW", "REMW",
    "HOMI", "GETE",
];

/// A reading of all the figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // Named as in `ServerCnxn.getConnectionInfo`; times in ms.
pub struct ConnFigures {
    pub established: Millis,
    pub packets_received: u64,
    pub packets_sent: u64,
    pub last_operation: &'static str,
    pub last_cxid: i64,
    pub last_zxid: i64,
    pub last_response_time: Millis,
    pub last_latency: Millis,
    pub min_latency: Millis,
    pub avg_latency: Millis,
    pub max_latency: Millis,
}

impl ConnStats {
    /// All zero. `established` is wall-clock time.
    pub fn new(established: Millis) -> Self {
        Self {
            established,
            received: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            last_op: AtomicUsize::new(LastOp::None as usize),
            last_cxid: AtomicI64::new(0),
            last_zxid: AtomicI64::new(0),
            last_response: AtomicI64::new(0),
            last_latency: AtomicI64::new(0),
            min_latency: AtomicI64::new(i64::MAX),
            max_latency: AtomicI64::new(0),
            count: AtomicU64::new(0),
            total_latency: AtomicI64::new(0),
        }
    }

    /// `crst`: back to the start (`ServerCnxn.resetStats`).
    pub fn reset(&self) {
        self.received.store(0, Relaxed);
        self.sent.store(0, Relaxed);
        self.last_op.store(LastOp::None as usize, Relaxed);
        self.last_cxid.store(-1, Relaxed);
        self.last_zxid.store(-1, Relaxed);
        self.last_response.store(0, Relaxed);
        self.last_latency.store(0, Relaxed);
        self.min_latency.store(i64::MAX, Relaxed);
        self.max_latency.store(0, Relaxed);
        self.count.store(0, Relaxed);
        self.total_latency.store(0, Relaxed);
    }

    /// `n` packets came in.
    pub fn received(&self, n: u64) {
        self.received.fetch_add(n, Relaxed);
    }

    /// `n` packets were put into the output.
    pub fn sent(&self, n: u64) {
        self.sent.fetch_add(n, Relaxed);
    }

    /// `n` replies went out that took equally long; `last` is the last of them.
    pub fn responded(&self, n: u64, last: Response) {
        if last.cxid >= 0 {
            self.last_cxid.store(i64::from(last.cxid), Relaxed);
        }
        self.last_zxid.store(last.zxid.0, Relaxed);
        self.last_op.store(last.op as usize, Relaxed);
        self.last_response.store(last.now, Relaxed);
        self.last_latency.store(last.latency, Relaxed);
        if last.latency < self.min_latency.load(Relaxed) {
            self.min_latency.fetch_min(last.latency, Relaxed);
        }
        if last.latency > self.max_latency.load(Relaxed) {
            self.max_latency.fetch_max(last.latency, Relaxed);
        }
        self.count.fetch_add(n, Relaxed);
        self.total_latency.fetch_add(last.latency.wrapping_mul(n as i64), Relaxed);
    }

    /// All the figures.
    pub fn figures(&self) -> ConnFigures {
        let min = self.min_latency.load(Relaxed);
        let count = self.count.load(Relaxed) as i64;
        ConnFigures {
            established: self.established,
            packets_received: self.received.load(Relaxed),
            packets_sent: self.sent.load(Relaxed),
            last_operation: NAMES[self.last_op.load(Relaxed)],
            last_cxid: self.last_cxid.load(Relaxed),
            last_zxid: self.last_zxid.load(Relaxed),
            last_response_time: self.last_response.load(Relaxed),
            last_latency: self.last_latency.load(Relaxed),
            min_latency: if min == i64::MAX { 0 } else { min },
            avg_latency: self.total_latency.load(Relaxed).checked_div(count).unwrap_or(0),
            max_latency: self.max_latency.load(Relaxed),
        }
    }
}

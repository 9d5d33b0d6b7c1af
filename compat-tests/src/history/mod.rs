//! Histories of clients, and the judge over them.
//!
//! ZooKeeper gives every reply a zxid, and the logs of the members say which transaction stands behind
//! each: the total order of writes is *observed* and need not be searched for. So the judgement costs
//! n log n, and the same code judges simulated runs, real processes, and runs of Java's own server
//! (which in turn shows that the judge asks for nothing that ZooKeeper does not promise).
//!
//! [`model`] is the state of the tree at every zxid, built from the committed transactions by a naive
//! reading of the rules that shares no code with the server. [`check`] holds the calls and events
//! against it.

pub mod check;
pub mod model;
#[cfg(test)]
mod tests;
mod watches;

use gamekeeper::ids::{SessionId, Zxid};
use gamekeeper::txn::TxnRecord;
use jute::data::Stat;

pub use watches::count_due as count_due_watches;

/// What clients saw, and what the ensemble committed.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// The committed transactions in the order of their zxids, without a gap from the first one that
    /// matters to the calls.
    pub committed: Vec<TxnRecord>,
    /// Every call of every client.
    pub calls: Vec<Call>,
    /// Every watch event that arrived.
    pub events: Vec<SeenEvent>,
}

/// One request of a client and what became of it.
#[derive(Debug, Clone)]
pub struct Call {
    /// Which client.
    pub client: usize,
    /// Which of the client's connections, counted from 0.
    pub conn: u32,
    /// The session at the time.
    pub session: SessionId,
    /// The session's negotiated timeout in ms.
    pub session_timeout_ms: i64,
    /// The request's number on its connection.
    pub xid: i32,
    /// When it was sent: wall clock, ms.
    pub start_ms: i64,
    /// What was asked.
    pub request: Request,
    /// Whether a watch was asked for.
    pub watch: bool,
    /// The answer; none if the connection broke first, and then the write may or may not have happened.
    pub reply: Option<Reply>,
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Reply {
    /// When it arrived: wall clock, ms.
    pub end_ms: i64,
    /// Its place among everything that arrived on this client's connections.
    pub position: u64,
    /// The zxid in its header.
    pub zxid: Zxid,
    /// The error in its header, 0 for none.
    pub err: i32,
    /// What it says.
    pub body: Body,
}

/// What a client may ask for in a judged run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// `create`, `create2` and their sequential and ephemeral forms.
    Create {
        /// As asked: without the sequence number.
        path: String,
        /// The node's data.
        data: Vec<u8>,
    },
    /// `setData`.
    Set {
        /// The node.
        path: String,
        /// Its new data.
        data: Vec<u8>,
    },
    /// `delete`.
    Delete {
        /// The node.
        path: String,
    },
    /// A multi: judged by its transaction alone.
    Multi,
    /// `getData`.
    Get {
        /// The node.
        path: String,
    },
    /// `exists`.
    Exists {
        /// The node.
        path: String,
    },
    /// `getChildren`.
    Children {
        /// The node.
        path: String,
    },
    /// `sync`.
    Sync,
    /// The end of the session.
    Close,
}

impl Request {
    /// Whether it makes a transaction.
    pub fn is_write(&self) -> bool {
        use Request::{Close, Create, Delete, Multi, Set};
        matches!(self, Create { .. } | Set { .. } | Delete { .. } | Multi | Close)
    }
}

/// What a reply says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// Nothing, or nothing that is judged.
    None,
    /// The path of a created node, with the sequence number.
    Created(String),
    /// A stat (`exists`, `setData`).
    Stat(Stat),
    /// Data and stat.
    Data(Vec<u8>, Stat),
    /// Children in any order.
    Children(Vec<String>),
}

/// A watch event as it arrived.
#[derive(Debug, Clone)]
pub struct SeenEvent {
    /// Which client.
    pub client: usize,
    /// Which of the client's connections.
    pub conn: u32,
    /// Its place among everything that arrived on this client's connections.
    pub position: u64,
    /// The zxid in its header; -1 for one that `setWatches` made up.
    pub zxid: Zxid,
    /// The event type's number.
    pub kind: i32,
    /// The node.
    pub path: String,
}

/// A promise that was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which promise.
    pub rule: Rule,
    /// What was seen, and what should have been.
    pub what: String,
}

/// The promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// The committed zxids rise, without a gap within an epoch.
    Contiguous,
    /// An acknowledged write is among the committed transactions, with the effect that was told.
    AckedIsCommitted,
    /// A write that was answered before another began has the lower zxid.
    RealTime,
    /// A session's writes have zxids in the order in which they were sent.
    SessionFifo,
    /// A read shows the state at the zxid in its header.
    ReadAtZxid,
    /// A client never sees a lower zxid after a higher one, across connections too.
    Monotonic,
    /// An event comes before every reply on its connection that could show its cause.
    EventFirst,
    /// An event has a cause: the transaction of its zxid does that to that node.
    EventCause,
    /// A watch tells of the first change, if its connection sees a later state.
    EventMissing,
    /// A sync is answered in a state that has what was answered before it in the same epoch.
    Synced,
    /// No ephemeral outlives its session, and none goes before it unless deleted.
    EphemeralLife,
    /// No session expires that was heard within its timeout.
    ExpiredTooSoon,
}

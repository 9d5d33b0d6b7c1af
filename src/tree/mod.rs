//! The replicated state, in memory and nothing else: nodes and their stats, ACLs, quotas, ephemerals,
//! containers and TTLs, the digest; and the watches on them.
//!
//! This room is pure: no clock, no file, no socket, no thread. Time comes in transactions' headers.
//! Java: `DataTree`, `DataNode`, `ReferenceCountedACLCache`, `EphemeralType`, `DigestCalculator`,
//! `Quotas`, `StatsTrack`, `WatchManager`.

use jute::data::Stat;

use crate::ids::Zxid;

/// An access control list, shared by the nodes that have it.
pub use jute::data::SharedAcl;

/// What happened to a node, by the number on the wire (`Watcher.Event.EventType`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(i32)]
pub enum EventType {
    /// The node came into being.
    NodeCreated = 1,
    /// The node went away.
    NodeDeleted = 2,
    /// The node's data was set.
    NodeDataChanged = 3,
    /// A child came or went.
    NodeChildrenChanged = 4,
}

/// Told of each change while it is applied, in the order in which Java triggers watches.
pub trait EventSink {
    /// `acl` is the one that decides who may be told: the node's own (its last, where it was
    /// deleted).
    fn on_event(&mut self, kind: EventType, path: &str, acl: &SharedAcl, zxid: Zxid);
}

/// What became of a transaction (`DataTree.ProcessTxnResult`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Applied {
    /// The op code as the reply needs it: the header's type, or the inner type within a multi.
    pub kind: i32,
    /// 0, or the number of the error.
    pub err: i32,
    /// The node's stat after a create, setData or setACL.
    pub stat: Option<Stat>,
    /// The results of a multi's parts.
    pub multi: Vec<Applied>,
}

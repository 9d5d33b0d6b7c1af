//! What the tree tells while it changes.

/// An access control list, shared by the nodes that have it.
pub use jute::data::SharedAcl;

use crate::ids::{SessionId, Zxid};

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

    /// A node was written with `bytes` of data (0 for a deletion): the figure behind
    /// `write_per_namespace` is the path's UTF-16 length plus these.
    fn on_write(&mut self, path: &str, bytes: usize) {
        let _ = (path, bytes);
    }

    /// The end of `session` deleted its ephemeral at `path`, or found it gone: a line of the audit
    /// log.
    fn on_session_delete(&mut self, session: SessionId, path: &str, deleted: bool) {
        let _ = (session, path, deleted);
    }
}

/// A sink that nobody listens to, for replay.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoEvents;

impl EventSink for NoEvents {
    fn on_event(&mut self, _: EventType, _: &str, _: &SharedAcl, _: Zxid) {}
}

//! A client that reconnects names its watches and the last zxid it saw: what changed since is told at
//! once, the rest is watched. Java: `DataTree.setWatches`.

use jute::proto;

use super::{WatchKind, WatchManager};
use crate::ids::{ConnId, Zxid};
use crate::tree::{DataTree, EventType, Node};

/// The watches of a client, from either request.
#[derive(Debug, Clone, Copy)]
pub struct SetWatches<'a> {
    /// The last zxid that the client saw.
    pub relative_zxid: Zxid,
    /// One-shot watches of data on nodes that were there.
    pub data: &'a [Option<String>],
    /// One-shot watches on nodes that were not there.
    pub exist: &'a [Option<String>],
    /// One-shot watches of children.
    pub child: &'a [Option<String>],
    /// Persistent watches.
    pub persistent: &'a [Option<String>],
    /// Persistent recursive watches.
    pub persistent_recursive: &'a [Option<String>],
}

impl<'a> From<&'a proto::SetWatches> for SetWatches<'a> {
    fn from(request: &'a proto::SetWatches) -> Self {
        Self {
            relative_zxid: Zxid(request.relative_zxid),
            data: request.data_watches.as_deref().unwrap_or_default(),
            exist: request.exist_watches.as_deref().unwrap_or_default(),
            child: request.child_watches.as_deref().unwrap_or_default(),
            persistent: &[],
            persistent_recursive: &[],
        }
    }
}

impl<'a> From<&'a proto::SetWatches2> for SetWatches<'a> {
    fn from(request: &'a proto::SetWatches2) -> Self {
        Self {
            relative_zxid: Zxid(request.relative_zxid),
            data: request.data_watches.as_deref().unwrap_or_default(),
            exist: request.exist_watches.as_deref().unwrap_or_default(),
            child: request.child_watches.as_deref().unwrap_or_default(),
            persistent: request.persistent_watches.as_deref().unwrap_or_default(),
            persistent_recursive: request
                .persistent_recursive_watches
                .as_deref()
                .unwrap_or_default(),
        }
    }
}

/// Sends what the client missed, in the order of its lists, and registers the other watches. The
/// events carry zxid -1, and no ACL keeps them back. Nothing is told of persistent watches.
pub fn set_watches(
    tree: &DataTree,
    watches: &mut WatchManager,
    conn: ConnId,
    request: &SetWatches<'_>,
    mut send: impl FnMut(EventType, &str),
) {
    let since = request.relative_zxid.0;
    let data = |node: Option<Node<'_>>| match node {
        None => Some(EventType::NodeDeleted),
        Some(n) => (n.stat_persisted().mzxid > since).then_some(EventType::NodeDataChanged),
    };
    let exist = |node: Option<Node<'_>>| node.map(|_| EventType::NodeCreated);
    let child = |node: Option<Node<'_>>| match node {
        None => Some(EventType::NodeDeleted),
        Some(n) => (n.stat_persisted().pzxid > since).then_some(EventType::NodeChildrenChanged),
    };
    let mut set = |paths: &[Option<String>], kind, missed: &dyn Fn(Option<Node<'_>>) -> _| {
        for path in paths.iter().flatten() {
            match missed(tree.node(path)) {
                Some(event) => send(event, path),
                None => {
                    watches.add(conn, path, kind);
                }
            }
        }
    };
    set(request.data, WatchKind::Data, &data);
    set(request.exist, WatchKind::Data, &exist);
    set(request.child, WatchKind::Child, &child);
    set(request.persistent, WatchKind::Persistent, &|_| None);
    set(request.persistent_recursive, WatchKind::PersistentRecursive, &|_| None);
}

//! A client that reconnects names its watches and the last zxid it saw: what changed since is told at
//! once, the rest is watched. Java: `DataTree.setWatches`.

use jute::proto;

use super::{WatchKind, WatchManager};
use crate::ids::{ConnId, Zxid};
use crate::tree::{DataTree, EventType, Node};

/// Paths as a request names them; null lists and null paths included.
type List<'a> = Option<&'a [Option<String>]>;

/// The watches of a client, from either request.
#[derive(Debug, Clone, Copy)]
pub struct SetWatches<'a> {
    /// The last zxid that the client saw.
    pub relative_zxid: Zxid,
    /// One-shot watches of data on nodes that were there.
    pub data: List<'a>,
    /// One-shot watches on nodes that were not there.
    pub exist: List<'a>,
    /// One-shot watches of children.
    pub child: List<'a>,
    /// Persistent watches.
    pub persistent: List<'a>,
    /// Persistent recursive watches.
    pub persistent_recursive: List<'a>,
}

impl<'a> From<&'a proto::SetWatches> for SetWatches<'a> {
    fn from(request: &'a proto::SetWatches) -> Self {
        Self {
            relative_zxid: Zxid(request.relative_zxid),
            data: request.data_watches.as_deref(),
            exist: request.exist_watches.as_deref(),
            child: request.child_watches.as_deref(),
            persistent: Some(&[]),
            persistent_recursive: Some(&[]),
        }
    }
}

impl<'a> From<&'a proto::SetWatches2> for SetWatches<'a> {
    fn from(request: &'a proto::SetWatches2) -> Self {
        Self {
            relative_zxid: Zxid(request.relative_zxid),
            data: request.data_watches.as_deref(),
            exist: request.exist_watches.as_deref(),
            child: request.child_watches.as_deref(),
            persistent: request.persistent_watches.as_deref(),
            persistent_recursive: request.persistent_recursive_watches.as_deref(),
        }
    }
}

/// Sends what the client missed, in the order of its lists, and registers the other watches. The
/// events carry zxid -1, and no ACL keeps them back. Nothing is told of persistent watches.
///
/// False where Java throws: at a null list, and at a null path where a node is looked up. What comes
/// before it has happened, what comes behind it has not. (A persistent watch on null is taken, and never
/// told anything.)
pub fn set_watches(
    tree: &DataTree,
    watches: &mut WatchManager,
    conn: ConnId,
    request: &SetWatches<'_>,
    mut send: impl FnMut(EventType, &str),
) -> bool {
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
    let none = |_: Option<Node<'_>>| None;
    let mut set = |paths: List<'_>, kind: WatchKind, missed: &dyn Fn(Option<Node<'_>>) -> _| {
        let Some(paths) = paths else { return false };
        for path in paths {
            let Some(path) = path else {
                if matches!(kind, WatchKind::Data | WatchKind::Child) {
                    return false;
                }
                continue;
            };
            match missed(tree.node(path)) {
                Some(event) => send(event, path),
                None => {
                    watches.add(conn, path, kind);
                }
            }
        }
        true
    };
    set(request.data, WatchKind::Data, &data)
        && set(request.exist, WatchKind::Data, &exist)
        && set(request.child, WatchKind::Child, &child)
        && set(request.persistent, WatchKind::Persistent, &none)
        && set(request.persistent_recursive, WatchKind::PersistentRecursive, &none)
}

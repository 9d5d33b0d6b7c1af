//! Which watches a session has, so that a new connection can set them again (Java:
//! `ZKWatchManager`, `ClientCnxn.SendThread.primeConnection`). Paths are the server's.

use std::collections::BTreeSet;

use jute::Record;
use jute::proto::{SetWatches, SetWatches2};

use crate::op::op;
use crate::tree::EventType;

use super::{AddWatchMode, WatcherType};

/// One `setWatches` holds paths up to about this many bytes (`SET_WATCHES_MAX_LENGTH`).
const BATCH_BYTES: usize = 128 * 1024;

/// The lists of `SetWatches2`, in its order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Data,
    Exist,
    Child,
    Persistent,
    PersistentRecursive,
}

const KINDS: [Kind; 5] =
    [Kind::Data, Kind::Exist, Kind::Child, Kind::Persistent, Kind::PersistentRecursive];

impl From<AddWatchMode> for Kind {
    fn from(mode: AddWatchMode) -> Self {
        match mode {
            AddWatchMode::Persistent => Self::Persistent,
            AddWatchMode::PersistentRecursive => Self::PersistentRecursive,
        }
    }
}

fn kinds_of(kind: WatcherType) -> &'static [Kind] {
    match kind {
        WatcherType::Children => &[Kind::Child],
        WatcherType::Data => &[Kind::Data, Kind::Exist],
        WatcherType::Any => {
            &[Kind::Child, Kind::Data, Kind::Exist, Kind::Persistent, Kind::PersistentRecursive]
        }
        WatcherType::Persistent => &[Kind::Persistent],
        WatcherType::PersistentRecursive => &[Kind::PersistentRecursive],
    }
}

/// What a watch was that the client removed (`EventType.ChildWatchRemoved`...).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RemovedWatch {
    /// One of `getChildren`.
    Child,
    /// One of `getData` or `exists`.
    Data,
    /// One of `addWatch`.
    Persistent,
}

/// The watches of a session.
#[derive(Debug, Default)]
pub(super) struct Watches {
    lists: [BTreeSet<String>; 5],
}

impl Watches {
    /// The server has set a watch.
    pub(super) fn add(&mut self, kind: Kind, path: String) {
        self.lists[kind as usize].insert(path);
    }

    /// An event came: the watches that are good for one event only are gone.
    pub(super) fn triggered(&mut self, event: EventType, path: &str) {
        let kinds: &[Kind] = match event {
            EventType::NodeCreated | EventType::NodeDataChanged => &[Kind::Data, Kind::Exist],
            EventType::NodeDeleted => &[Kind::Data, Kind::Exist, Kind::Child],
            EventType::NodeChildrenChanged => &[Kind::Child],
        };
        for &kind in kinds {
            self.lists[kind as usize].remove(path);
        }
    }

    /// Whether there is a watch that [`Watches::remove`] would remove.
    pub(super) fn has(&self, kind: WatcherType, path: &str) -> bool {
        kinds_of(kind).iter().any(|&kind| self.lists[kind as usize].contains(path))
    }

    /// Removes watches; the result is what they were, each kind once.
    pub(super) fn remove(&mut self, kind: WatcherType, path: &str) -> Vec<RemovedWatch> {
        let mut removed = Vec::new();
        for &kind in kinds_of(kind) {
            let what = match kind {
                Kind::Child => RemovedWatch::Child,
                Kind::Data | Kind::Exist => RemovedWatch::Data,
                Kind::Persistent | Kind::PersistentRecursive => RemovedWatch::Persistent,
            };
            if self.lists[kind as usize].remove(path) && !removed.contains(&what) {
                removed.push(what);
            }
        }
        removed
    }

    /// The requests (op code and body) that set them all again, at a server from which changes since
    /// `last_zxid` are still to be told.
    pub(super) fn set_again(&self, last_zxid: i64) -> Vec<(i32, Vec<u8>)> {
        let all = KINDS.iter().flat_map(|&kind| {
            self.lists[kind as usize].iter().map(move |path| (kind, path.as_str()))
        });
        let mut requests = Vec::new();
        let (mut batch, mut bytes) = (Batch::default(), 0);
        for (kind, path) in all {
            batch[kind as usize].push(Some(path.to_owned()));
            bytes += path.len();
            if bytes >= BATCH_BYTES {
                requests.push(request(std::mem::take(&mut batch), last_zxid));
                bytes = 0;
            }
        }
        if batch.iter().any(|list| !list.is_empty()) {
            requests.push(request(batch, last_zxid));
        }
        requests
    }
}

type Batch = [Vec<Option<String>>; 5];

/// Without persistent watches it is the old request, which servers before 3.6 know.
fn request(batch: Batch, relative_zxid: i64) -> (i32, Vec<u8>) {
    let old = batch[3].is_empty() && batch[4].is_empty();
    let [data_watches, exist_watches, child_watches, persistent_watches, recursive] =
        batch.map(Some);
    let mut body = Vec::new();
    if old {
        SetWatches { relative_zxid, data_watches, exist_watches, child_watches }.write(&mut body);
        return (op::SET_WATCHES, body);
    }
    SetWatches2 {
        relative_zxid,
        data_watches,
        exist_watches,
        child_watches,
        persistent_watches,
        persistent_recursive_watches: recursive,
    }
    .write(&mut body);
    (op::SET_WATCHES2, body)
}

//! Who wants to be told of what. Java: `WatchManager` (two of them, for data and for children),
//! `WatchStats`, `WatcherMode`, and the watch parts of `DataTree`.
//!
//! A watch is a connection, a path and a set of modes; one entry holds the modes of Java's both
//! managers. Watches are kept by path, for the nodes may not exist, and by connection, whose end
//! removes them all. Each list knows the places in the other, so that neither 100,000 connections on one
//! path nor 100,000 paths of one connection need a hash of their own.

mod modes;
mod replay;
mod report;
mod table;
#[cfg(test)]
mod tests;

pub use modes::{WatchKind, WatcherType};
pub use replay::{SetWatches, set_watches};
pub use report::WatchesSummary;

use super::{EventType, path};
use crate::ids::ConnId;
use modes::Modes;
use table::{Entry, Table};

/// All watches of a server.
#[derive(Debug, Default)]
pub struct WatchManager {
    table: Table,
    /// Which event is being told, so that each connection is told once.
    event: u64,
}

impl WatchManager {
    /// No watches.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a watch; false if it was there. A watch of `exists` on a node that is missing is of kind
    /// [`WatchKind::Data`]. The connection must be open: what is added behind its
    /// [`WatchManager::remove_all`] stays.
    pub fn add(&mut self, conn: ConnId, path: &str, kind: WatchKind) -> bool {
        let entry = self.table.enter(path, conn);
        let modes = self.table.modes(entry);
        self.table.set_modes(entry, modes | kind.modes());
        !modes.contains(kind.modes())
    }

    /// Appends to `told` the connections that are to be told of an event, each once, and removes
    /// the one-shot watches that brought it about.
    ///
    /// Events of data go to watches of data on the path and to recursive ones on it or above;
    /// events of children to watches of children on the path; a deletion to all of these.
    pub fn trigger(&mut self, kind: EventType, path: &str, told: &mut Vec<ConnId>) {
        self.event += 1;
        if kind != EventType::NodeChildrenChanged {
            self.fire(path, Modes::DATA, told);
            self.fire_recursive(path, told);
        }
        if matches!(kind, EventType::NodeChildrenChanged | EventType::NodeDeleted) {
            self.fire(path, Modes::CHILD, told);
        }
    }

    /// Tells whoever has one of `modes` on the path, and takes the one-shot of these away.
    fn fire(&mut self, path: &str, modes: Modes, told: &mut Vec<ConnId>) {
        let Some(path) = self.table.path(path) else { return };
        let mut left = self.table.watchers(path);
        while left > 0 {
            // From the end: what takes the place of a removed watch was visited before.
            left -= 1;
            let entry = (path, left as u32);
            let has = self.table.modes(entry);
            if has.intersects(modes) {
                self.tell(entry, told);
                self.table.set_modes(entry, has - (modes & Modes::ONE_SHOT));
            }
        }
    }

    /// Tells whoever watches a node above `path` recursively.
    fn fire_recursive(&mut self, path: &str, told: &mut Vec<ConnId>) {
        if self.table.recursive() == 0 {
            return;
        }
        let mut above = path::parent(path);
        while let Some(path) = above {
            if let Some(slot) = self.table.path(path) {
                for at in 0..self.table.watchers(slot) as u32 {
                    if self.table.modes((slot, at)).intersects(Modes::RECURSIVE) {
                        self.tell((slot, at), told);
                    }
                }
            }
            above = path::parent(path);
        }
    }

    fn tell(&mut self, entry: Entry, told: &mut Vec<ConnId>) {
        let conn = self.table.conn_of(entry);
        told.extend(self.table.told_first(conn, self.event));
    }

    /// Whether there is such a watch (`DataTree.containsWatcher`).
    pub fn contains(&self, conn: ConnId, path: &str, kind: WatcherType) -> bool {
        let entry = self.table.entry(path, conn);
        entry.is_some_and(|entry| self.table.modes(entry).intersects(kind.looked_for()))
    }

    /// Removes such watches; false if there was none (`DataTree.removeWatch`).
    pub fn remove(&mut self, conn: ConnId, path: &str, kind: WatcherType) -> bool {
        let Some(entry) = self.table.entry(path, conn) else { return false };
        let has = self.table.modes(entry);
        let left = has - kind.removed();
        self.table.set_modes(entry, left);
        if has.intersects(Modes::DATA) && !left.intersects(Modes::DATA) {
            self.table.unlist_if_dataless(conn);
        }
        has != left
    }

    /// Removes all watches of a connection, and the connection.
    pub fn remove_all(&mut self, conn: ConnId) {
        self.table.remove_conn(conn);
    }

    /// Watches of data plus watches of children, as `watch_count` has it (`getWatchCount`).
    pub fn watch_count(&self) -> usize {
        self.table.data_watches() + self.table.child_watches()
    }
}

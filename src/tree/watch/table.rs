//! The watches, linked from both sides: a path lists its watchers, a connection its paths, and each
//! entry knows where its twin stands. Removing one swaps the last into its place and mends the twin's
//! note, so it takes constant time; finding one scans the shorter of the two lists.

use std::collections::HashMap;

use super::modes::Modes;
use crate::ids::ConnId;
use crate::tree::index::PathHasher;
use crate::tree::shards::Shards;

/// Where a path stands.
pub(super) type PathSlot = u32;
/// Where a connection stands.
pub(super) type ConnSlot = u32;
/// A watch: its path, and its place in the path's list.
pub(super) type Entry = (PathSlot, u32);

#[derive(Debug)]
pub(super) struct PathWatches {
    pub(super) path: Box<str>,
    pub(super) watchers: Vec<Watcher>,
    /// Watchers with modes of data.
    pub(super) data: u32,
}

#[derive(Debug)]
pub(super) struct Watcher {
    pub(super) conn: ConnSlot,
    /// Place in the connection's list.
    link: u32,
    pub(super) modes: Modes,
}

#[derive(Debug)]
pub(super) struct Connection {
    pub(super) id: ConnId,
    pub(super) links: Vec<Link>,
    /// Paths with modes of data.
    data: u32,
    /// Whether Java's manager of data watches knows the connection: from its first watch of data
    /// until it removes its last; it stays known when the last one fires.
    pub(super) is_listed: bool,
    /// The last event that it was told of.
    told: u64,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Link {
    pub(super) path: PathSlot,
    at: u32,
}

impl Link {
    pub(super) fn entry(self) -> Entry {
        (self.path, self.at)
    }
}

#[derive(Debug, Default)]
pub(super) struct Table {
    pub(super) paths: Vec<Option<PathWatches>>,
    free_paths: Vec<PathSlot>,
    by_path: Shards,
    hasher: PathHasher,
    pub(super) conns: Vec<Option<Connection>>,
    free_conns: Vec<ConnSlot>,
    by_conn: HashMap<ConnId, ConnSlot>,
    data: usize,
    child: usize,
    recursive: usize,
    data_paths: usize,
    listed: usize,
}

/// Puts a value into a free slot or a new one.
fn place<T>(slots: &mut Vec<Option<T>>, free: &mut Vec<u32>, value: T) -> u32 {
    if let Some(slot) = free.pop() {
        slots[slot as usize] = Some(value);
        return slot;
    }
    slots.push(Some(value));
    u32::try_from(slots.len() - 1).expect("fewer than 2^32 watches")
}

impl Table {
    fn at(&self, path: PathSlot) -> &PathWatches {
        self.paths[path as usize].as_ref().expect("a slot in use")
    }

    fn at_mut(&mut self, path: PathSlot) -> &mut PathWatches {
        self.paths[path as usize].as_mut().expect("a slot in use")
    }

    fn conn(&self, conn: ConnSlot) -> &Connection {
        self.conns[conn as usize].as_ref().expect("a slot in use")
    }

    fn conn_mut(&mut self, conn: ConnSlot) -> &mut Connection {
        self.conns[conn as usize].as_mut().expect("a slot in use")
    }

    fn watcher(&self, (path, at): Entry) -> &Watcher {
        &self.at(path).watchers[at as usize]
    }

    /// The slot of a path that is watched.
    pub(super) fn path(&self, path: &str) -> Option<PathSlot> {
        if self.paths.len() == self.free_paths.len() {
            return None;
        }
        self.by_path.find(self.hasher.hash(path), |slot| *self.at(slot).path == *path)
    }

    /// How many watch a path.
    pub(super) fn watchers(&self, path: PathSlot) -> usize {
        self.at(path).watchers.len()
    }

    /// The modes of a watch.
    pub(super) fn modes(&self, entry: Entry) -> Modes {
        self.watcher(entry).modes
    }

    /// Whose watch it is.
    pub(super) fn conn_of(&self, entry: Entry) -> ConnSlot {
        self.watcher(entry).conn
    }

    /// The connection's name, if it was not told of `event` yet.
    pub(super) fn told_first(&mut self, conn: ConnSlot, event: u64) -> Option<ConnId> {
        let conn = self.conn_mut(conn);
        (std::mem::replace(&mut conn.told, event) != event).then_some(conn.id)
    }

    /// The watch of a connection on a path.
    pub(super) fn entry(&self, path: &str, conn: ConnId) -> Option<Entry> {
        self.find(self.path(path)?, *self.by_conn.get(&conn)?)
    }

    fn find(&self, path: PathSlot, conn: ConnSlot) -> Option<Entry> {
        let (watchers, links) = (&self.at(path).watchers, &self.conn(conn).links);
        if watchers.len() <= links.len() {
            let at = watchers.iter().position(|w| w.conn == conn)?;
            Some((path, at as u32))
        } else {
            links.iter().find(|l| l.path == path).map(|l| (path, l.at))
        }
    }

    /// The watch of a connection on a path, made without any mode if it is not there.
    pub(super) fn enter(&mut self, path: &str, conn: ConnId) -> Entry {
        let path = self.path(path).unwrap_or_else(|| self.enter_path(path));
        let conn = self.enter_conn(conn);
        if let Some(entry) = self.find(path, conn) {
            return entry;
        }
        let at = self.watchers(path) as u32;
        let links = &mut self.conn_mut(conn).links;
        let link = links.len() as u32;
        links.push(Link { path, at });
        let watchers = &mut self.at_mut(path).watchers;
        if watchers.is_empty() {
            watchers.reserve_exact(1);
        }
        watchers.push(Watcher { conn, link, modes: Modes::default() });
        (path, at)
    }

    fn enter_path(&mut self, path: &str) -> PathSlot {
        let hash = self.hasher.hash(path);
        let watches = PathWatches { path: path.into(), watchers: Vec::new(), data: 0 };
        let slot = place(&mut self.paths, &mut self.free_paths, watches);
        self.by_path.insert(hash, slot);
        slot
    }

    fn enter_conn(&mut self, id: ConnId) -> ConnSlot {
        let Self { conns, free_conns, by_conn, .. } = self;
        *by_conn.entry(id).or_insert_with(|| {
            let conn = Connection { id, links: Vec::new(), data: 0, is_listed: false, told: 0 };
            place(conns, free_conns, conn)
        })
    }

    /// Sets the modes of a watch and keeps all counts; without any the watch goes.
    pub(super) fn set_modes(&mut self, entry: Entry, modes: Modes) {
        let (path, at) = entry;
        let watcher = &mut self.at_mut(path).watchers[at as usize];
        let conn = watcher.conn;
        let old = std::mem::replace(&mut watcher.modes, modes);
        let step = |count: usize, mask| {
            count + usize::from(modes.intersects(mask)) - usize::from(old.intersects(mask))
        };
        self.data = step(self.data, Modes::DATA);
        self.child = step(self.child, Modes::CHILD);
        self.recursive = step(self.recursive, Modes::RECURSIVE);
        if modes.intersects(Modes::DATA) != old.intersects(Modes::DATA) {
            self.count_data(path, conn, modes.intersects(Modes::DATA));
        }
        if modes.is_empty() {
            self.unlink(entry);
        }
    }

    /// A watch of data came or went.
    fn count_data(&mut self, path: PathSlot, conn: ConnSlot, came: bool) {
        let (before, after) = step_by_one(&mut self.at_mut(path).data, came);
        self.data_paths = self.data_paths + usize::from(after > 0) - usize::from(before > 0);
        let conn = self.conn_mut(conn);
        step_by_one(&mut conn.data, came);
        if came && !conn.is_listed {
            conn.is_listed = true;
            self.listed += 1;
        }
    }

    /// After a connection has itself removed a watch of data: without another it is known no more.
    pub(super) fn unlist_if_dataless(&mut self, conn: ConnId) {
        let Some(&slot) = self.by_conn.get(&conn) else { return };
        let conn = self.conn_mut(slot);
        if conn.is_listed && conn.data == 0 {
            conn.is_listed = false;
            self.listed -= 1;
        }
    }

    /// Takes a watch out of both lists.
    fn unlink(&mut self, (path, at): Entry) {
        let watches = self.at_mut(path);
        let Watcher { conn, link, .. } = watches.watchers.swap_remove(at as usize);
        let moved = watches.watchers.get(at as usize).map(|w| (w.conn, w.link));
        if let Some((conn, link)) = moved {
            self.conn_mut(conn).links[link as usize].at = at;
        }
        let links = &mut self.conn_mut(conn).links;
        links.swap_remove(link as usize);
        if let Some(&Link { path, at }) = links.get(link as usize) {
            self.at_mut(path).watchers[at as usize].link = link;
        }
        if self.watchers(path) == 0 {
            self.remove_path(path);
        }
    }

    fn remove_path(&mut self, slot: PathSlot) {
        let hash = self.hasher.hash(&self.at(slot).path);
        self.by_path.remove(hash, slot);
        self.paths[slot as usize] = None;
        self.free_paths.push(slot);
    }

    /// Removes a connection with all its watches.
    pub(super) fn remove_conn(&mut self, id: ConnId) {
        let Some(slot) = self.by_conn.get(&id).copied() else { return };
        while let Some(&Link { path, at }) = self.conn(slot).links.last() {
            self.set_modes((path, at), Modes::default());
        }
        self.listed -= usize::from(self.conn(slot).is_listed);
        self.by_conn.remove(&id);
        self.conns[slot as usize] = None;
        self.free_conns.push(slot);
    }

    /// The path itself.
    pub(super) fn name(&self, path: PathSlot) -> &str {
        &self.at(path).path
    }

    /// The connection's name.
    pub(super) fn conn_id(&self, conn: ConnSlot) -> ConnId {
        self.conn(conn).id
    }

    /// Watches of data.
    pub(super) fn data_watches(&self) -> usize {
        self.data
    }

    /// Watches of children.
    pub(super) fn child_watches(&self) -> usize {
        self.child
    }

    /// Recursive watches.
    pub(super) fn recursive(&self) -> usize {
        self.recursive
    }

    /// Paths with watches of data.
    pub(super) fn data_paths(&self) -> usize {
        self.data_paths
    }

    /// Connections that Java's manager of data watches knows.
    pub(super) fn listed(&self) -> usize {
        self.listed
    }
}

fn step_by_one(count: &mut u32, up: bool) -> (u32, u32) {
    let before = *count;
    *count = if up { before + 1 } else { before - 1 };
    (before, *count)
}

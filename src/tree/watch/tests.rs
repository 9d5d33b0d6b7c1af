//! Watches, rule by rule, and against two naive managers kept as Java keeps them.

use std::collections::{BTreeMap, BTreeSet};

use jute::txn::{CreateTxn, SetDataTxn, TxnHeader};
use proptest::prelude::*;

use super::*;
use crate::ids::Zxid;
use crate::op::op;
use crate::tree::{DataTree, NoEvents, TreeOptions};
use crate::txn::Txn;
use EventType::{NodeChildrenChanged, NodeCreated, NodeDataChanged, NodeDeleted};
use WatchKind::{Child, Data, Persistent, PersistentRecursive};

const A: ConnId = ConnId(1);
const B: ConnId = ConnId(2);

fn told(watches: &mut WatchManager, kind: EventType, path: &str) -> Vec<ConnId> {
    let mut told = Vec::new();
    watches.trigger(kind, path, &mut told);
    told.sort();
    told
}

fn with(entries: &[(ConnId, &str, WatchKind)]) -> WatchManager {
    let mut watches = WatchManager::new();
    for &(conn, path, kind) in entries {
        assert!(watches.add(conn, path, kind));
    }
    watches
}

#[test]
fn a_plain_watch_fires_once() {
    let mut watches = with(&[(A, "/a", Data), (B, "/a", Data), (A, "/b", Child)]);
    assert!(!watches.add(A, "/a", Data));
    assert_eq!(told(&mut watches, NodeChildrenChanged, "/a"), []);
    assert_eq!(told(&mut watches, NodeDataChanged, "/a"), [A, B]);
    assert_eq!(told(&mut watches, NodeDataChanged, "/a"), []);
    assert_eq!(told(&mut watches, NodeCreated, "/b"), []);
    assert_eq!(told(&mut watches, NodeChildrenChanged, "/b"), [A]);
    assert_eq!(watches.watch_count(), 0);
}

#[test]
fn a_deletion_fires_both_and_tells_once() {
    let mut watches = with(&[(A, "/a", Data), (A, "/a", Child), (B, "/a", Child)]);
    assert_eq!(watches.watch_count(), 3);
    assert_eq!(told(&mut watches, NodeDeleted, "/a"), [A, B]);
    assert_eq!(watches.watch_count(), 0);
}

#[test]
fn a_persistent_watch_stays_and_hears_both() {
    let mut watches = with(&[(A, "/a", Persistent), (A, "/a", Data)]);
    for kind in [NodeCreated, NodeDataChanged, NodeChildrenChanged, NodeDeleted] {
        assert_eq!(told(&mut watches, kind, "/a"), [A]);
    }
    assert_eq!(told(&mut watches, NodeCreated, "/a/b"), []);
    assert!(!watches.contains(A, "/a", WatcherType::Data));
    assert!(watches.contains(A, "/a", WatcherType::Persistent));
}

#[test]
fn a_recursive_watch_hears_of_nodes_beneath_but_not_of_children() {
    let mut watches = with(&[(A, "/a", PersistentRecursive), (B, "/", PersistentRecursive)]);
    assert_eq!(told(&mut watches, NodeCreated, "/a/b/c"), [A, B]);
    assert_eq!(told(&mut watches, NodeDeleted, "/a"), [A, B]);
    assert_eq!(told(&mut watches, NodeDataChanged, "/ab"), [B]);
    assert_eq!(told(&mut watches, NodeDataChanged, "/"), [B]);
    assert_eq!(told(&mut watches, NodeChildrenChanged, "/a"), []);
    watches.add(A, "/a/b", Data);
    assert_eq!(told(&mut watches, NodeDataChanged, "/a/b"), [A, B], "each is told once");
}

#[test]
fn watches_are_removed_by_type() {
    let kinds = [Data, Child, Persistent, PersistentRecursive];
    let all = [
        WatcherType::Children,
        WatcherType::Data,
        WatcherType::Persistent,
        WatcherType::PersistentRecursive,
    ];
    let mut watches = with(&kinds.map(|kind| (A, "/a", kind)));
    for kind in all {
        assert!(watches.contains(A, "/a", kind));
        assert!(!watches.remove(B, "/a", kind) && !watches.remove(A, "/b", kind));
        assert!(watches.contains(A, "/a", WatcherType::Any));
        assert!(watches.remove(A, "/a", kind));
        assert!(!watches.remove(A, "/a", kind) && !watches.contains(A, "/a", kind));
    }
    assert!(!watches.contains(A, "/a", WatcherType::Any));
    for kind in kinds {
        watches.add(A, "/a", kind);
    }
    assert!(watches.remove(A, "/a", WatcherType::Any));
    assert_eq!(watches.watch_count(), 0);
    assert_eq!(told(&mut watches, NodeCreated, "/a/b"), []);
}

#[test]
fn the_end_of_a_connection_ends_its_watches() {
    let mut watches = with(&[(A, "/a", Data), (A, "/b", PersistentRecursive), (B, "/a", Child)]);
    watches.remove_all(A);
    watches.remove_all(A);
    assert_eq!(watches.watch_count(), 1);
    assert_eq!(told(&mut watches, NodeDeleted, "/a"), [B]);
}

#[test]
fn reports_show_watches_of_data_only() {
    let mut watches = with(&[(A, "/a", Data), (A, "/c", Child), (B, "/a", Persistent)]);
    let summary = watches.summary();
    assert_eq!(summary.to_string(), "2 connections watching 1 paths\nTotal watches:2");
    let by_path: Vec<(&str, Vec<ConnId>)> =
        watches.by_path().map(|(path, conns)| (path, conns.collect())).collect();
    assert_eq!(by_path, [("/a", vec![A, B])]);
    told(&mut watches, NodeDataChanged, "/a");
    let by_connection: Vec<(ConnId, Vec<&str>)> =
        watches.by_connection().map(|(conn, paths)| (conn, paths.collect())).collect();
    assert_eq!(by_connection, [(A, vec![]), (B, vec!["/a"])], "A watched until its watch fired");
    assert!(watches.remove(B, "/a", WatcherType::Any));
    assert_eq!(watches.summary().connections, 1);
}

#[test]
fn a_hundred_thousand_connections_may_watch_one_node() {
    let mut watches = WatchManager::new();
    let conns = 100_000;
    for i in 0..conns {
        watches.add(ConnId(i), "/a", Data);
        watches.add(ConnId(i), "/b", Data);
    }
    for i in (0..conns).step_by(2) {
        watches.remove_all(ConnId(i));
    }
    assert_eq!(told(&mut watches, NodeDataChanged, "/a").len(), 50_000);
    for i in (1..conns).step_by(2) {
        assert!(watches.remove(ConnId(i), "/b", WatcherType::Data));
    }
    assert_eq!(watches.watch_count(), 0);
}

#[test]
fn a_client_that_comes_back_is_told_what_it_missed() {
    let mut tree = DataTree::new(TreeOptions::default());
    let mut apply = |zxid, kind, txn: &Txn| {
        let header = TxnHeader { zxid, kind, ..TxnHeader::default() };
        tree.apply(&header, txn, &mut NoEvents);
    };
    for (zxid, path) in [(1, "/old"), (2, "/new"), (3, "/old/child"), (4, "/still")] {
        let path = Some(path.to_owned());
        let txn = CreateTxn { path, parent_cversion: -1, ..CreateTxn::default() };
        apply(zxid, op::CREATE, &Txn::Create(txn));
    }
    let path = Some("/new".to_owned());
    apply(5, op::SET_DATA, &Txn::SetData(SetDataTxn { path, ..SetDataTxn::default() }));
    let paths = ["/old", "/new", "/gone"].map(|p| Some(p.to_owned()));
    let mut events = Vec::new();
    let mut watches = WatchManager::new();
    let request = SetWatches {
        relative_zxid: Zxid(2),
        data: Some(&paths),
        exist: Some(&paths),
        child: Some(&paths),
        persistent: Some(&paths[..1]),
        persistent_recursive: Some(&paths[1..2]),
    };
    let whole = set_watches(&tree, &mut watches, A, &request, |kind, path| {
        events.push((kind, path.to_owned()))
    });
    assert!(whole);
    let expected = [
        (NodeDataChanged, "/new"),
        (NodeDeleted, "/gone"),
        (NodeCreated, "/old"),
        (NodeCreated, "/new"),
        (NodeChildrenChanged, "/old"),
        (NodeDeleted, "/gone"),
    ];
    assert_eq!(events, expected.map(|(kind, path)| (kind, path.to_owned())));
    for (path, kind, there) in [
        ("/old", WatcherType::Data, true),
        ("/new", WatcherType::Data, false),
        ("/gone", WatcherType::Data, true),
        ("/new", WatcherType::Children, true),
        ("/old", WatcherType::Children, false),
        ("/old", WatcherType::Persistent, true),
        ("/new", WatcherType::PersistentRecursive, true),
    ] {
        assert_eq!(watches.contains(A, path, kind), there, "{path} {kind:?}");
    }
}

/// One of Java's managers: modes by connection and path. A connection is known by an entry, be it
/// empty.
#[derive(Default)]
struct Manager(BTreeMap<ConnId, BTreeMap<&'static str, BTreeSet<u8>>>);

const ONCE: u8 = 0;
const KEEPS: u8 = 1;
const RECURSIVE: u8 = 2;

impl Manager {
    fn add(&mut self, conn: ConnId, path: &'static str, mode: u8) {
        self.0.entry(conn).or_default().entry(path).or_default().insert(mode);
    }

    fn has(&self, conn: ConnId, path: &str, mode: Option<u8>) -> bool {
        let modes = self.0.get(&conn).and_then(|paths| paths.get(path));
        modes.is_some_and(|modes| mode.is_none_or(|mode| modes.contains(&mode)))
    }

    fn remove(&mut self, conn: ConnId, path: &str, mode: Option<u8>) -> bool {
        if !self.has(conn, path, mode) {
            return false;
        }
        let paths = self.0.get_mut(&conn).unwrap();
        let modes = paths.get_mut(path).unwrap();
        modes.retain(|m| mode.is_some_and(|mode| *m != mode));
        if modes.is_empty() {
            paths.remove(path);
            if paths.is_empty() {
                self.0.remove(&conn);
            }
        }
        true
    }

    fn trigger(&mut self, path: &'static str) -> BTreeSet<ConnId> {
        let mut told = BTreeSet::new();
        for (conn, paths) in &mut self.0 {
            if let Some(modes) = paths.get_mut(path) {
                told.insert(*conn);
                modes.remove(&ONCE);
            }
            paths.retain(|_, modes| !modes.is_empty());
            let above =
                |p: &str| p == "/" || path.strip_prefix(p).is_some_and(|r| r.starts_with('/'));
            if paths.iter().any(|(p, modes)| above(p) && modes.contains(&RECURSIVE)) {
                told.insert(*conn);
            }
        }
        told
    }

    fn size(&self) -> usize {
        self.0.values().map(BTreeMap::len).sum()
    }
}

#[derive(Debug, Clone)]
enum Step {
    Add(u64, usize, WatchKind),
    Trigger(EventType, usize),
    Remove(u64, usize, WatcherType),
    End(u64),
}

const PATHS: [&str; 6] = ["/", "/a", "/a/b", "/a/b/c", "/ab", "/b"];
const TYPES: [WatcherType; 5] = [
    WatcherType::Children,
    WatcherType::Data,
    WatcherType::Any,
    WatcherType::Persistent,
    WatcherType::PersistentRecursive,
];

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let kinds = prop_oneof![Just(Data), Just(Child), Just(Persistent), Just(PersistentRecursive)];
    let events = prop_oneof![
        Just(NodeCreated),
        Just(NodeDeleted),
        Just(NodeDataChanged),
        Just(NodeChildrenChanged)
    ];
    let path = 0..PATHS.len();
    let step = prop_oneof![
        6 => (0..5_u64, path.clone(), kinds).prop_map(|(c, p, k)| Step::Add(c, p, k)),
        3 => (events, path.clone()).prop_map(|(e, p)| Step::Trigger(e, p)),
        3 => (0..5_u64, path, 0..5_usize).prop_map(|(c, p, t)| Step::Remove(c, p, TYPES[t])),
        1 => (0..5_u64).prop_map(Step::End),
    ];
    proptest::collection::vec(step, 1..150)
}

#[derive(Default)]
struct Naive {
    data: Manager,
    child: Manager,
}

impl Naive {
    fn add(&mut self, conn: ConnId, path: &'static str, kind: WatchKind) {
        match kind {
            Data => self.data.add(conn, path, ONCE),
            Child => self.child.add(conn, path, ONCE),
            PersistentRecursive => self.data.add(conn, path, RECURSIVE),
            Persistent => {
                self.data.add(conn, path, KEEPS);
                self.child.add(conn, path, KEEPS);
            }
        }
    }

    fn trigger(&mut self, kind: EventType, path: &'static str) -> BTreeSet<ConnId> {
        match kind {
            NodeChildrenChanged => self.child.trigger(path),
            NodeDeleted => &self.data.trigger(path) | &self.child.trigger(path),
            _ => self.data.trigger(path),
        }
    }

    fn contains(&self, conn: ConnId, path: &str, kind: WatcherType) -> bool {
        match kind {
            WatcherType::Children => self.child.has(conn, path, Some(ONCE)),
            WatcherType::Data => self.data.has(conn, path, Some(ONCE)),
            WatcherType::Persistent => self.data.has(conn, path, Some(KEEPS)),
            WatcherType::PersistentRecursive => self.data.has(conn, path, Some(RECURSIVE)),
            WatcherType::Any => self.child.has(conn, path, None) || self.data.has(conn, path, None),
        }
    }

    fn remove(&mut self, conn: ConnId, path: &str, kind: WatcherType) -> bool {
        match kind {
            WatcherType::Children => self.child.remove(conn, path, Some(ONCE)),
            WatcherType::Data => self.data.remove(conn, path, Some(ONCE)),
            WatcherType::PersistentRecursive => self.data.remove(conn, path, Some(RECURSIVE)),
            WatcherType::Persistent => {
                self.child.remove(conn, path, Some(KEEPS))
                    | self.data.remove(conn, path, Some(KEEPS))
            }
            WatcherType::Any => {
                self.child.remove(conn, path, None) | self.data.remove(conn, path, None)
            }
        }
    }
}

fn check(watches: &WatchManager, naive: &Naive) {
    assert_eq!(watches.watch_count(), naive.data.size() + naive.child.size());
    let by_connection: BTreeMap<ConnId, BTreeSet<&str>> =
        watches.by_connection().map(|(conn, paths)| (conn, paths.collect())).collect();
    let expected: BTreeMap<ConnId, BTreeSet<&str>> =
        naive.data.0.iter().map(|(c, paths)| (*c, paths.keys().copied().collect())).collect();
    assert_eq!(by_connection, expected);
    let by_path: BTreeMap<&str, BTreeSet<ConnId>> =
        watches.by_path().map(|(path, conns)| (path, conns.collect())).collect();
    let summary = watches.summary();
    assert_eq!(summary.connections, expected.len());
    assert_eq!(summary.paths, by_path.len());
    assert_eq!(summary.watches, naive.data.size());
    for path in PATHS {
        let watching = expected.iter().filter(|(_, paths)| paths.contains(path));
        let watching: BTreeSet<ConnId> = watching.map(|(conn, _)| *conn).collect();
        assert_eq!(by_path.get(path).cloned().unwrap_or_default(), watching);
    }
}

proptest! {
    #[test]
    fn the_manager_does_what_two_naive_ones_do(steps in steps()) {
        let mut watches = WatchManager::new();
        let mut naive = Naive::default();
        for step in &steps {
            match *step {
                Step::Add(conn, path, kind) => {
                    watches.add(ConnId(conn), PATHS[path], kind);
                    naive.add(ConnId(conn), PATHS[path], kind);
                }
                Step::Trigger(kind, path) => {
                    let expected = naive.trigger(kind, PATHS[path]);
                    let found = told(&mut watches, kind, PATHS[path]);
                    prop_assert_eq!(found, expected.into_iter().collect::<Vec<_>>());
                }
                Step::Remove(conn, path, kind) => {
                    let (conn, path) = (ConnId(conn), PATHS[path]);
                    prop_assert_eq!(watches.contains(conn, path, kind), naive.contains(conn, path, kind));
                    prop_assert_eq!(watches.remove(conn, path, kind), naive.remove(conn, path, kind));
                }
                Step::End(conn) => {
                    watches.remove_all(ConnId(conn));
                    naive.data.0.remove(&ConnId(conn));
                    naive.child.0.remove(&ConnId(conn));
                }
            }
            check(&watches, &naive);
        }
    }
}

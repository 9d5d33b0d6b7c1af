//! Snapshots that are taken while the tree changes: with the log replayed over them they are the tree
//! again. The log is a leader's: what it says was right when it was said. Sessions are closed with the
//! list of their nodes; without it (before 3.6) replay cannot know whose end raised which pzxid.

use std::collections::BTreeMap;

use jute::txn::CreateContainerTxn;
use proptest::prelude::*;

use super::*;
use crate::ids::SessionId;

/// What a client asks for, as numbers; what is wrong at the time is dropped.
#[derive(Debug, Clone)]
struct Ask {
    kind: u8,
    path: usize,
    session: i64,
    number: u8,
}

const PATHS: [&str; 9] = ["/a", "/b", "/a/a", "/a/b", "/b/a", "/b/b", "/a/a/a", "/a/a/b", "/b/a/a"];

fn asks(len: std::ops::Range<usize>) -> impl Strategy<Value = Vec<Ask>> {
    let ask = (0..12_u8, 0..PATHS.len(), 1..4_i64, any::<u8>())
        .prop_map(|(kind, path, session, number)| Ask { kind, path, session, number });
    proptest::collection::vec(ask, len)
}

type Logged = (i64, i64, i32, Txn);

impl Ask {
    /// The transaction that a leader would make of it.
    fn prepare(&self, tree: &DataTree) -> Option<(i32, Txn)> {
        let path = PATHS[self.path];
        let acl = (!self.number.is_multiple_of(3))
            .then(|| acl_of(["u", "v"][usize::from(self.number % 2)]));
        let node = tree.node(path);
        let version = i32::from(self.number);
        match self.kind {
            0..=5 => self.prepare_create(tree, acl),
            6 | 7 => (node?.num_children() == 0).then(|| (op::DELETE, delete_txn(path))),
            8 => node.map(|_| (op::SET_DATA, set_data_txn(path, Some("set"), version))),
            9 => node.map(|_| (op::SET_ACL, set_acl_txn(path, &acl_of("s"), version))),
            10 => self.prepare_multi(tree),
            _ => {
                let paths: Vec<String> = tree.ephemerals_of(SessionId(self.session)).collect();
                let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
                Some((op::CLOSE_SESSION, close_txn(&paths)))
            }
        }
    }

    fn prepare_create(&self, tree: &DataTree, acl: Option<SharedAcl>) -> Option<(i32, Txn)> {
        let path = PATHS[self.path];
        let parent = tree.node(path::split(path)?.0)?;
        if tree.node(path).is_some() || parent.ephemeral_type() == EphemeralType::Normal {
            return None;
        }
        let parent_cversion = parent.stat_persisted().cversion + 1;
        let (path, data) = (Some(path.to_owned()), Some(vec![self.number]));
        let ephemeral = self.kind > 3;
        if self.kind == 3 {
            let txn = CreateContainerTxn { path, data, acl, parent_cversion };
            return Some((op::CREATE_CONTAINER, Txn::CreateContainer(txn)));
        }
        let kind = if self.kind.is_multiple_of(2) { op::CREATE } else { op::CREATE2 };
        Some((kind, Txn::Create(CreateTxn { path, data, acl, ephemeral, parent_cversion })))
    }

    /// A deletion and a creation in one.
    fn prepare_multi(&self, tree: &DataTree) -> Option<(i32, Txn)> {
        let path = PATHS[self.path];
        let create = Ask { kind: self.number % 6, ..self.clone() };
        if tree.node(path).is_none() {
            let (kind, txn) = create.prepare_create(tree, None)?;
            return Some((op::MULTI, multi(vec![part(kind, &txn)])));
        }
        let parts = vec![
            part(op::SET_DATA, &set_data_txn(path, None, 3)),
            part(op::DELETE, &delete_txn(path)),
        ];
        (tree.node(path)?.num_children() == 0).then(|| (op::MULTI, multi(parts)))
    }
}

/// A server's life: what it is asked for goes through the log into the tree.
struct Server {
    run: Run,
    log: Vec<Logged>,
}

impl Server {
    fn serve(&mut self, asks: &[Ask]) {
        for ask in asks {
            let Some((kind, txn)) = ask.prepare(&self.run.tree) else { continue };
            let applied = self.run.apply_as(ask.session, kind, &txn);
            assert_eq!(applied.err, 0, "{ask:?}");
            self.log.push((ask.session, self.run.zxid, kind, txn));
        }
    }

    /// Takes a snapshot while `asks` are served between its slices; with it comes the zxid at its
    /// start.
    fn snapshot(&mut self, slices: &[usize], asks: &[Ask]) -> (DataTree, i64) {
        let start = self.run.zxid;
        let acls = acls(&self.run.tree);
        let mut walk = self.run.tree.walk();
        let mut nodes = Vec::new();
        let mut asks = asks.chunks(2);
        for &slice in slices.iter().cycle() {
            if !walk.next_slice(&self.run.tree, slice, |n| nodes.push(Loaded::from(n))) {
                break;
            }
            self.serve(asks.next().unwrap_or_default());
        }
        (load(self.run.tree.options(), &acls, &nodes).unwrap(), start)
    }

    fn replay(&self, tree: &mut DataTree, after: i64) {
        for (session, zxid, kind, txn) in self.log.iter().filter(|(_, zxid, ..)| *zxid > after) {
            let time = time_of(*zxid);
            let header = TxnHeader { client_id: *session, cxid: 1, zxid: *zxid, time, kind: *kind };
            tree.apply(&header, txn, &mut NoEvents);
        }
    }
}

/// All that clients can tell trees apart by, and the sessions that own something.
fn seen(tree: &DataTree) -> impl PartialEq + std::fmt::Debug + use<> {
    let nodes: BTreeMap<String, _> = nodes(tree)
        .into_iter()
        .map(|n| {
            let node = tree.node(&n.path).unwrap();
            (n.path, (n.data, node.acl().clone(), n.stat, node.stat()))
        })
        .collect();
    let ephemerals: Vec<_> = tree
        .ephemeral_sessions()
        .map(|s| {
            let mut paths: Vec<String> = tree.ephemerals_of(s).collect();
            paths.sort();
            (s, paths)
        })
        .filter(|(_, paths)| !paths.is_empty())
        .collect();
    let containers: std::collections::BTreeSet<_> = tree.containers().map(|(p, _)| p).collect();
    let sizes = (tree.node_count(), tree.ephemerals_count(), tree.approximate_data_size());
    (nodes, ephemerals, containers, sizes, tree.digest())
}

proptest! {
    #[test]
    fn replay_over_a_fuzzy_snapshot_makes_the_tree(
        before in asks(0..60),
        during in asks(0..40),
        after in asks(0..30),
        slices in proptest::collection::vec(1..4_usize, 1..4),
    ) {
        let mut server = Server { run: Run::new(), log: Vec::new() };
        server.serve(&before);
        let (mut tree, start) = server.snapshot(&slices, &during);
        server.serve(&after);
        server.replay(&mut tree, start);
        prop_assert_eq!(seen(&tree), seen(&server.run.tree));
        prop_assert_eq!(tree.digest(), recomputed_digest(&tree));
    }

    /// Also from further back than need be, and twice: a restart may find more log than it needs.
    #[test]
    fn replaying_a_suffix_of_the_log_again_changes_nothing(
        asks in asks(0..80),
        from in 0..80_i64,
    ) {
        let mut server = Server { run: Run::new(), log: Vec::new() };
        server.serve(&asks);
        let (mut tree, _) = server.snapshot(&[3], &[]);
        server.replay(&mut tree, from);
        prop_assert_eq!(seen(&tree), seen(&server.run.tree));
    }
}

//! The tree against a map from paths to nodes, over transactions of any kind, right and wrong.

use std::collections::{BTreeMap, BTreeSet};

use jute::txn::CreateTTLTxn;
use proptest::prelude::*;

use super::*;
use crate::ids::SessionId;

/// One transaction, as numbers.
#[derive(Debug, Clone)]
struct Step {
    kind: u8,
    path: usize,
    session: i64,
    number: u8,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = (0..10_u8, 0..PATHS.len(), 1..4_i64, any::<u8>())
        .prop_map(|(kind, path, session, number)| Step { kind, path, session, number });
    proptest::collection::vec(step, 1..120)
}

const PATHS: [&str; 12] = [
    "/a",
    "/b",
    "/a/a",
    "/a/b",
    "/b/a",
    "/a/a/a",
    "/a/a/b",
    "/a/b/a",
    "/\u{e9}",
    "/\u{e9}/x y",
    "/",
    "/zookeeper/z",
];

impl Step {
    fn data(&self) -> Option<Vec<u8>> {
        (!self.number.is_multiple_of(5)).then(|| vec![self.number; usize::from(self.number % 40)])
    }

    fn acl(&self) -> Option<SharedAcl> {
        (!self.number.is_multiple_of(3))
            .then(|| acl_of(["u", "v", "w"][usize::from(self.number) / 3 % 3]))
    }

    fn txn(&self) -> (i32, Txn) {
        let path = Some(PATHS[self.path].to_owned());
        let parent_cversion = i32::from(self.number) - 1;
        match self.kind {
            0..=3 => {
                let (data, acl, ephemeral) = (self.data(), self.acl(), self.number % 2 == 1);
                let txn = CreateTxn { path, data, acl, ephemeral, parent_cversion };
                (op::CREATE2, Txn::Create(txn))
            }
            4 => {
                let (data, acl, ttl) = (self.data(), self.acl(), i64::from(self.number) + 1);
                let txn = CreateTTLTxn { path, data, acl, parent_cversion, ttl };
                (op::CREATE_TTL, Txn::CreateTtl(txn))
            }
            5 | 6 => (op::DELETE, Txn::Delete(DeleteTxn { path })),
            7 => {
                let version = i32::from(self.number);
                (op::SET_DATA, Txn::SetData(SetDataTxn { path, data: self.data(), version }))
            }
            8 => {
                let version = i32::from(self.number);
                (op::SET_ACL, Txn::SetAcl(SetACLTxn { path, acl: self.acl(), version }))
            }
            _ => (op::CLOSE_SESSION, Txn::CloseSession(None)),
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
struct ModelNode {
    data: Option<Vec<u8>>,
    acl: SharedAcl,
    stat: StatPersisted,
}

/// Nodes by path, the root by the empty string.
struct Model(BTreeMap<String, ModelNode>);

impl Model {
    fn of(tree: &DataTree) -> Self {
        let nodes = nodes(tree).into_iter().map(|n| {
            let acl = tree.node(&n.path).unwrap().acl().clone();
            (n.path, ModelNode { data: n.data, acl, stat: n.stat })
        });
        Self(nodes.collect())
    }

    fn children(&self, path: &str) -> usize {
        let beneath = format!("{path}/");
        let is_child = |p: &&String| {
            p.strip_prefix(&beneath).is_some_and(|name| !name.is_empty() && !name.contains('/'))
        };
        self.0.keys().filter(is_child).count()
    }

    fn create(&mut self, path: &str, node: ModelNode, cversion: i32) -> i32 {
        let parent = path.rsplit_once('/').unwrap().0;
        if !self.0.contains_key(parent) {
            return NO_NODE;
        }
        if let Some(existing) = self.0.get_mut(path.trim_end_matches('/')) {
            existing.acl = node.acl;
            return NODE_EXISTS;
        }
        let stat = &mut self.0.get_mut(parent).unwrap().stat;
        let cversion = if cversion == -1 { stat.cversion + 1 } else { cversion };
        if cversion > stat.cversion {
            (stat.cversion, stat.pzxid) = (cversion, node.stat.czxid);
        }
        self.0.insert(path.to_owned(), node);
        0
    }

    fn delete(&mut self, path: &str, zxid: i64) -> i32 {
        let parent = path.rsplit_once('/').unwrap().0;
        let Some(parent) = self.0.get_mut(parent) else { return NO_NODE };
        parent.stat.pzxid = parent.stat.pzxid.max(zxid);
        if path == "/" || self.0.remove(path).is_none() {
            return NO_NODE;
        }
        let beneath = format!("{path}/");
        self.0.retain(|p, _| !p.starts_with(&beneath));
        0
    }

    fn apply(&mut self, session: i64, zxid: i64, txn: &Txn) -> i32 {
        let acl = |acl: &Option<SharedAcl>| acl.clone().unwrap_or(jute::data::open_acl().clone());
        let new = |data: &Option<Vec<u8>>, list: &Option<SharedAcl>, owner: i64| {
            let time = time_of(zxid);
            let stat = StatPersisted {
                czxid: zxid,
                mzxid: zxid,
                pzxid: zxid,
                ctime: time,
                mtime: time,
                ephemeral_owner: owner,
                ..StatPersisted::default()
            };
            ModelNode { data: data.clone(), acl: acl(list), stat }
        };
        match txn {
            Txn::Create(t) => {
                let owner = if t.ephemeral { session } else { 0 };
                let node = new(&t.data, &t.acl, owner);
                self.create(t.path.as_ref().unwrap(), node, t.parent_cversion)
            }
            Txn::CreateTtl(t) => {
                let owner = ephemeral::ttl_to_owner(t.ttl).unwrap();
                let node = new(&t.data, &t.acl, owner);
                self.create(t.path.as_ref().unwrap(), node, t.parent_cversion)
            }
            Txn::Delete(t) => self.delete(t.path.as_ref().unwrap(), zxid),
            Txn::SetData(t) => self.change(&t.path, |node| {
                node.data.clone_from(&t.data);
                node.stat.mzxid = zxid;
                node.stat.mtime = time_of(zxid);
                node.stat.version = t.version;
            }),
            Txn::SetAcl(t) => self.change(&t.path, |node| {
                node.acl = acl(&t.acl);
                node.stat.aversion = t.version;
            }),
            _ => {
                for path in self.owned(session) {
                    self.delete(&path, zxid);
                }
                0
            }
        }
    }

    fn change(&mut self, path: &Option<String>, change: impl FnOnce(&mut ModelNode)) -> i32 {
        let path = path.as_ref().unwrap().trim_end_matches('/');
        self.0.get_mut(path).map_or(NO_NODE, |node| {
            change(node);
            0
        })
    }

    fn owned(&self, session: i64) -> BTreeSet<String> {
        let owned = self.0.iter().filter(|(_, n)| n.stat.ephemeral_owner == session);
        owned.map(|(path, _)| path.clone()).collect()
    }

    /// Everything that can be seen of the tree is what the model says.
    fn check(&self, tree: &DataTree) {
        assert_eq!(tree.node_count(), self.0.len() + 1);
        for (path, expected) in &self.0 {
            let node = tree.node(path).unwrap();
            assert_eq!(node.data(), expected.data.as_deref(), "{path}");
            assert_eq!(node.acl(), &expected.acl, "{path}");
            assert_eq!(node.stat_persisted(), &expected.stat, "{path}");
            assert_eq!(node.num_children(), self.children(path), "{path}");
        }
        for session in 1..4 {
            let owned: BTreeSet<String> = tree.ephemerals_of(SessionId(session)).collect();
            assert_eq!(owned, self.owned(session));
        }
        let size = |(path, n): (&String, &ModelNode)| {
            path.encode_utf16().count() + n.data.as_ref().map_or(0, Vec::len)
        };
        let root = self.0[""].data.as_ref().map_or(0, Vec::len);
        let sum = self.0.iter().map(size).sum::<usize>() + 1 + root;
        assert_eq!(tree.approximate_data_size(), sum as i64);
        assert_eq!(tree.digest(), recomputed_digest(tree));
    }

    /// The ACL map holds what nodes have, and perhaps what a create gave to a node that was there.
    fn check_acls(&self, tree: &DataTree) {
        let mapped: Vec<SharedAcl> = acls(tree).into_iter().map(|(_, acl)| acl).collect();
        let is_known = |n: &ModelNode| *jute::data::open_acl() == n.acl || mapped.contains(&n.acl);
        assert!(self.0.values().all(is_known));
    }
}

proptest! {
    #[test]
    fn the_tree_is_the_model(steps in steps()) {
        let mut run = Run::with(TreeOptions { extended_types: true, ..TreeOptions::default() });
        let mut model = Model::of(&run.tree);
        for step in &steps {
            let (kind, txn) = step.txn();
            let err = run.apply_as(step.session, kind, &txn).err;
            prop_assert_eq!(err, model.apply(step.session, run.zxid, &txn));
        }
        model.check(&run.tree);
        model.check_acls(&run.tree);
        let loaded = load(run.tree.options(), &acls(&run.tree), &nodes(&run.tree)).unwrap();
        model.check(&loaded);
        prop_assert_eq!(loaded.digest(), run.tree.digest());
    }

    /// A path is fine exactly if each of its components is.
    #[test]
    fn paths_are_judged_by_their_components(path in "/?[a./\u{0}\u{1f}\u{e9}\u{1f600}\u{fff0}]{0,9}") {
        let is_fine = |name: &str| {
            !matches!(name, "" | "." | "..")
                && name.chars().all(|c| matches!(c, 'a' | '.' | '\u{e9}'))
        };
        let fine = path == "/"
            || path.strip_prefix('/').is_some_and(|names| names.split('/').all(is_fine));
        prop_assert_eq!(path::validate(&path).is_ok(), fine);
    }
}

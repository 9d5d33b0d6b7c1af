//! The tree's rules, one test each; then the tree against a naive model, and fuzzy snapshots against
//! the tree that they were taken of.

mod fuzzy;
mod loading;
mod model;
mod quotas;
mod rules;
mod sessions;
mod transactions;
mod units;

use jute::data::{Acl, Id, SharedAcl, StatPersisted};
use jute::txn::{
    CloseSessionTxn, CreateTxn, DeleteTxn, MultiTxn, SetACLTxn, SetDataTxn, TxnHeader,
};

use super::*;
use crate::op::op;
use crate::txn::Txn;

/// Codes as they are on the wire.
const NO_NODE: i32 = -101;
const NODE_EXISTS: i32 = -110;

/// The time of transaction `zxid`.
fn time_of(zxid: i64) -> i64 {
    1_000_000 + zxid
}

/// `digest:<user>` with all permissions.
fn acl_of(user: &str) -> SharedAcl {
    let id = Id { scheme: Some("digest".to_owned()), id: Some(user.to_owned()) };
    SharedAcl::from([Acl { perms: 31, id }])
}

/// Who an ACL is for.
fn user(acl: &SharedAcl) -> &str {
    acl[0].id.id.as_deref().unwrap()
}

/// A tree with a log of its events.
struct Run {
    tree: DataTree,
    zxid: i64,
    events: Events,
}

/// Each event as `<kind> <path> <user of the ACL>`.
#[derive(Default)]
struct Events(Vec<String>);

impl EventSink for Events {
    fn on_event(&mut self, kind: EventType, path: &str, acl: &SharedAcl, _: Zxid) {
        let kind = match kind {
            EventType::NodeCreated => "created",
            EventType::NodeDeleted => "deleted",
            EventType::NodeDataChanged => "changed",
            EventType::NodeChildrenChanged => "children",
        };
        self.0.push(format!("{kind} {path} {}", user(acl)));
    }
}

/// The body of a plain create, as a leader writes it that leaves the cversion to the tree.
fn create_txn(path: &str, data: &str) -> CreateTxn {
    CreateTxn {
        path: Some(path.to_owned()),
        data: Some(data.as_bytes().to_vec()),
        acl: None,
        ephemeral: false,
        parent_cversion: -1,
    }
}

fn set_data_txn(path: &str, data: Option<&str>, version: i32) -> Txn {
    let data = data.map(|d| d.as_bytes().to_vec());
    Txn::SetData(SetDataTxn { path: Some(path.to_owned()), data, version })
}

fn delete_txn(path: &str) -> Txn {
    Txn::Delete(DeleteTxn { path: Some(path.to_owned()) })
}

fn set_acl_txn(path: &str, acl: &SharedAcl, version: i32) -> Txn {
    Txn::SetAcl(SetACLTxn { path: Some(path.to_owned()), acl: Some(acl.clone()), version })
}

fn close_txn(paths: &[&str]) -> Txn {
    let paths_to_delete = paths.iter().map(|&p| Some(p.to_owned())).collect();
    Txn::CloseSession(Some(CloseSessionTxn { paths_to_delete: Some(paths_to_delete) }))
}

fn part(kind: i32, txn: &Txn) -> jute::txn::Txn {
    let mut data = Vec::new();
    txn.write(&mut data);
    jute::txn::Txn { kind, data: Some(data) }
}

fn multi(parts: Vec<jute::txn::Txn>) -> Txn {
    Txn::Multi(MultiTxn { txns: Some(parts) })
}

impl Run {
    fn new() -> Self {
        Self::with(TreeOptions::default())
    }

    fn with(options: TreeOptions) -> Self {
        Self { tree: DataTree::new(options), zxid: 0, events: Events::default() }
    }

    /// Applies the next transaction, as session 7.
    fn apply(&mut self, kind: i32, txn: &Txn) -> Applied {
        self.apply_as(7, kind, txn)
    }

    fn apply_as(&mut self, session: i64, kind: i32, txn: &Txn) -> Applied {
        self.zxid += 1;
        self.apply_at(session, self.zxid, kind, txn)
    }

    fn apply_at(&mut self, session: i64, zxid: i64, kind: i32, txn: &Txn) -> Applied {
        let time = time_of(zxid);
        let header = TxnHeader { client_id: session, cxid: 1, zxid, time, kind };
        self.tree.apply(&header, txn, &mut self.events)
    }

    fn create(&mut self, path: &str, data: &str) -> Applied {
        self.apply(op::CREATE2, &Txn::Create(create_txn(path, data)))
    }

    fn create_ephemeral(&mut self, session: i64, path: &str) -> Applied {
        let txn = CreateTxn { ephemeral: true, ..create_txn(path, "") };
        self.apply_as(session, op::CREATE, &Txn::Create(txn))
    }

    fn delete(&mut self, path: &str) -> i32 {
        self.apply(op::DELETE, &delete_txn(path)).err
    }

    fn set(&mut self, path: &str, data: &str) -> Applied {
        self.apply(op::SET_DATA, &set_data_txn(path, Some(data), 1))
    }

    fn stat(&self, path: &str) -> &StatPersisted {
        self.tree.node(path).unwrap().stat_persisted()
    }

    fn data(&self, path: &str) -> Option<&str> {
        self.tree.node(path).unwrap().data().map(|d| str::from_utf8(d).unwrap())
    }

    fn events(&mut self) -> Vec<String> {
        std::mem::take(&mut self.events.0)
    }

    fn ephemerals(&self, session: i64) -> Vec<String> {
        let mut paths: Vec<String> =
            self.tree.ephemerals_of(crate::ids::SessionId(session)).collect();
        paths.sort();
        paths
    }
}

/// All nodes of a tree, in the order of the walk.
fn nodes(tree: &DataTree) -> Vec<Loaded> {
    let mut found = Vec::new();
    let mut walk = tree.walk();
    while walk.next_slice(tree, 2, |n| found.push(Loaded::from(n))) {}
    found
}

/// A node as a snapshot holds it.
#[derive(Debug, Clone, PartialEq)]
struct Loaded {
    path: String,
    data: Option<Vec<u8>>,
    acl: i64,
    stat: StatPersisted,
}

impl From<WalkedNode<'_>> for Loaded {
    fn from(n: WalkedNode<'_>) -> Self {
        let data = n.data.map(<[u8]>::to_vec);
        Self { path: n.path.to_owned(), data, acl: n.acl, stat: n.stat.clone() }
    }
}

/// The tree that a snapshot of these makes.
fn load(
    options: TreeOptions,
    acls: &[(i64, SharedAcl)],
    nodes: &[Loaded],
) -> Result<DataTree, LoadError> {
    let mut loader = Loader::new(options);
    for (index, acl) in acls {
        loader.acl(*index, acl.clone());
    }
    for n in nodes {
        loader.node(&n.path, n.data.as_deref(), n.acl, n.stat.clone())?;
    }
    loader.finish()
}

fn acls(tree: &DataTree) -> Vec<(i64, SharedAcl)> {
    tree.acl_entries().map(|(index, acl)| (index, acl.clone())).collect()
}

/// The digest summed up anew.
fn recomputed_digest(tree: &DataTree) -> i64 {
    nodes(tree)
        .iter()
        .fold(0, |sum: i64, n| sum.wrapping_add(node_digest(&n.path, n.data.as_deref(), &n.stat)))
}

//! The tree at every zxid: a naive reading of the rules, kept apart from the server's own code.

use std::collections::{BTreeSet, HashMap};

use gamekeeper::op::op;
use gamekeeper::txn::{Txn, TxnRecord};
use jute::Reader;
use jute::txn::Txn as InnerTxn;

/// A node as it was from some zxid on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeState {
    /// Its data; null and empty are told apart.
    pub data: Option<Vec<u8>>,
    /// The zxid that created it.
    pub czxid: i64,
    /// The zxid that last set its data.
    pub mzxid: i64,
    /// The zxid that last changed its children.
    pub pzxid: i64,
    /// How often its data was set.
    pub version: i32,
    /// How many children were ever created below it.
    pub creates: i32,
    /// How many children it has.
    pub children: i32,
    /// The session that it lives by, 0 for none.
    pub owner: i64,
}

/// What a transaction did to a node, by the number of the event that tells of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(i32)]
pub enum Change {
    /// It was created.
    Created = 1,
    /// It was deleted.
    Deleted = 2,
    /// Its data was set.
    Data = 3,
    /// A child came or went.
    Children = 4,
}

/// All versions of all nodes.
#[derive(Debug, Default)]
pub struct Model {
    /// For each path its states by rising zxid; `None` where it was gone.
    versions: HashMap<String, Vec<(i64, Option<NodeState>)>>,
    /// For each parent its children's comings (true) and goings by rising zxid.
    families: HashMap<String, HashMap<String, Vec<(i64, bool)>>>,
    changes: HashMap<i64, BTreeSet<(Change, String)>>,
    /// The same by path, by rising zxid.
    changes_of: HashMap<String, Vec<(i64, Change)>>,
    owned: HashMap<i64, BTreeSet<String>>,
    /// Ephemerals that a session left behind when it was closed: (session, zxid of the close, path).
    pub orphans: Vec<(i64, i64, String)>,
}

fn parent_of(path: &str) -> &str {
    match path.rfind('/') {
        Some(0) | None => "/",
        Some(at) => &path[..at],
    }
}

impl Model {
    /// The model of `committed`, which begins at an empty tree.
    pub fn new(committed: &[TxnRecord]) -> Self {
        let mut model = Self::default();
        let root = NodeState {
            data: None,
            czxid: 0,
            mzxid: 0,
            pzxid: 0,
            version: 0,
            creates: 0,
            children: 0,
            owner: 0,
        };
        model.versions.insert("/".into(), vec![(0, Some(root))]);
        for record in committed {
            model.commit(record);
        }
        model
    }

    /// The node at `path` after the transaction `zxid`.
    pub fn at(&self, path: &str, zxid: i64) -> Option<&NodeState> {
        let versions = self.versions.get(path)?;
        let later = versions.partition_point(|(from, _)| *from <= zxid);
        versions[..later].last()?.1.as_ref()
    }

    /// Whether `parent` had a child `name` after the transaction `zxid`.
    pub fn has_child(&self, parent: &str, name: &str, zxid: i64) -> bool {
        let Some(turns) = self.families.get(parent).and_then(|f| f.get(name)) else { return false };
        let later = turns.partition_point(|(from, _)| *from <= zxid);
        turns[..later].last().is_some_and(|(_, there)| *there)
    }

    /// Whether the transaction `zxid` did that to that node.
    pub fn changed(&self, zxid: i64, kind: i32, path: &str) -> bool {
        let changes = self.changes.get(&zxid);
        changes.is_some_and(|all| all.iter().any(|(c, p)| *c as i32 == kind && p == path))
    }

    /// The first transaction after `zxid` that did one of `kinds` to the node.
    pub fn next_change(&self, path: &str, zxid: i64, kinds: &[Change]) -> Option<i64> {
        let changes = self.changes_of.get(path)?;
        let later = &changes[changes.partition_point(|(at, _)| *at <= zxid)..];
        later.iter().find(|(_, change)| kinds.contains(change)).map(|(at, _)| *at)
    }

    /// The ephemerals that a session owns in the end.
    pub fn ephemerals_of(&self, session: i64) -> Vec<String> {
        self.owned.get(&session).into_iter().flatten().cloned().collect()
    }

    fn commit(&mut self, record: &TxnRecord) {
        let header = &record.header;
        let zxid = header.zxid;
        match &record.txn {
            Txn::Multi(multi) => self.commit_multi(header.client_id, zxid, multi.txns.as_deref()),
            Txn::CloseSession(_) => self.close_session(header.client_id, zxid),
            txn => self.change(header.client_id, zxid, txn),
        }
    }

    /// All parts or none: one failed part undoes the others.
    fn commit_multi(&mut self, session: i64, zxid: i64, parts: Option<&[InnerTxn]>) {
        let parts = parts.unwrap_or_default();
        if parts.iter().any(|part| part.kind == op::ERROR) {
            return;
        }
        for part in parts {
            let bytes = part.data.as_deref().unwrap_or_default();
            if let Ok(txn) = Txn::read(part.kind, &mut Reader::new(bytes)) {
                self.change(session, zxid, &txn);
            }
        }
    }

    fn change(&mut self, session: i64, zxid: i64, txn: &Txn) {
        match txn {
            Txn::Create(t) => {
                let owner = if t.ephemeral { session } else { 0 };
                self.create(t.path.as_deref(), t.data.as_deref(), owner, zxid);
            }
            Txn::CreateContainer(t) => self.create(t.path.as_deref(), t.data.as_deref(), 0, zxid),
            Txn::CreateTtl(t) => self.create(t.path.as_deref(), t.data.as_deref(), 0, zxid),
            Txn::Delete(t) => self.delete(t.path.as_deref().unwrap_or_default(), zxid),
            Txn::SetData(t) => self.set(t.path.as_deref(), t.data.as_deref(), t.version, zxid),
            _ => {}
        }
    }

    fn create(&mut self, path: Option<&str>, data: Option<&[u8]>, owner: i64, zxid: i64) {
        let path = path.unwrap_or_default();
        let node = NodeState {
            data: data.map(<[u8]>::to_vec),
            czxid: zxid,
            mzxid: zxid,
            pzxid: zxid,
            version: 0,
            creates: 0,
            children: 0,
            owner,
        };
        self.push(path, zxid, Some(node));
        self.note(zxid, Change::Created, path);
        if owner != 0 {
            self.owned.entry(owner).or_default().insert(path.to_owned());
        }
        self.family(path, zxid, true);
    }

    fn delete(&mut self, path: &str, zxid: i64) {
        let owner = self.at(path, zxid).map_or(0, |node| node.owner);
        if let Some(owned) = self.owned.get_mut(&owner) {
            owned.remove(path);
        }
        self.push(path, zxid, None);
        self.note(zxid, Change::Deleted, path);
        self.family(path, zxid, false);
    }

    fn set(&mut self, path: Option<&str>, data: Option<&[u8]>, version: i32, zxid: i64) {
        let path = path.unwrap_or_default();
        let Some(mut node) = self.at(path, zxid).cloned() else { return };
        node.data = data.map(<[u8]>::to_vec);
        node.version = version;
        node.mzxid = zxid;
        self.push(path, zxid, Some(node));
        self.note(zxid, Change::Data, path);
    }

    fn close_session(&mut self, session: i64, zxid: i64) {
        for path in self.owned.remove(&session).unwrap_or_default() {
            self.orphans.push((session, zxid, path.clone()));
            self.delete(&path, zxid);
        }
    }

    /// A child of its parent came or went.
    fn family(&mut self, path: &str, zxid: i64, came: bool) {
        let parent = parent_of(path);
        let name = path.rsplit('/').next().unwrap_or_default();
        if let Some(mut node) = self.at(parent, zxid).cloned() {
            node.children += if came { 1 } else { -1 };
            node.creates += i32::from(came);
            node.pzxid = zxid;
            self.push(parent, zxid, Some(node));
        }
        self.note(zxid, Change::Children, parent);
        let family = self.families.entry(parent.to_owned()).or_default();
        family.entry(name.to_owned()).or_default().push((zxid, came));
    }

    fn push(&mut self, path: &str, zxid: i64, state: Option<NodeState>) {
        self.versions.entry(path.to_owned()).or_default().push((zxid, state));
    }

    fn note(&mut self, zxid: i64, change: Change, path: &str) {
        self.changes_of.entry(path.to_owned()).or_default().push((zxid, change));
        self.changes.entry(zxid).or_default().insert((change, path.to_owned()));
    }
}

/// The paths that a `closeSession` names, where it names any.
pub fn closed_paths(record: &TxnRecord) -> Option<Vec<String>> {
    match &record.txn {
        Txn::CloseSession(Some(t)) => {
            Some(t.paths_to_delete.iter().flatten().flatten().cloned().collect())
        }
        _ => None,
    }
}

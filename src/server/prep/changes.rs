//! What the transactions that are prepared and not yet applied make of the tree: for each node that
//! they touch its latest state. Java: `outstandingChanges`, `outstandingChangesForPath`,
//! `ChangeRecord`, `precalculateDigest`.
//!
//! Java keeps one record per change and a map to the latest of each path. Here a path has one slot,
//! changed in place, and a queue says which transaction touched which slots. A multi remembers what
//! it overwrote, to take it back. Data is not kept, only its length and its part of the digest.

use std::collections::VecDeque;
use std::hash::{BuildHasher, Hasher};

use hashbrown::HashTable;
use jute::data::{SharedAcl, StatPersisted, open_acl};

use crate::ids::Zxid;
use crate::tree::{DataTree, Node, digest};

/// More slots than this are given back once they are not needed.
const KEPT_SLOTS: usize = 1 << 14;

/// A node as it will be once all that is prepared is applied.
#[derive(Debug, Clone)]
pub(super) struct State {
    /// False: it will be gone.
    pub(super) exists: bool,
    pub(super) stat: StatPersisted,
    pub(super) children: usize,
    pub(super) acl: SharedAcl,
    pub(super) data_len: usize,
    /// The part of the digest over path and data; none where the node has no digest.
    pub(super) content_crc: Option<u32>,
}

impl State {
    fn digest(&self) -> i64 {
        match self.content_crc {
            Some(crc) if self.exists => digest::stat_digest(crc, &self.stat),
            _ => 0,
        }
    }
}

#[derive(Debug)]
struct Slot {
    path: Box<str>,
    hash: u64,
    /// The last transaction that touched it.
    zxid: Zxid,
    state: State,
}

/// What a multi overwrote: the state before it, none where the slot is its own.
#[derive(Debug)]
struct Undo {
    slot: u32,
    before: Option<(Zxid, State)>,
}

/// A path that was looked up: where its node is, if anywhere. Good until the next change to the same
/// path.
#[derive(Debug, Clone, Copy)]
pub(super) struct At<'t> {
    hash: u64,
    slot: Option<u32>,
    node: Option<Node<'t>>,
}

/// A node as it will be, borrowed.
#[derive(Debug, Clone, Copy)]
pub(super) struct View<'a> {
    pub(super) stat: &'a StatPersisted,
    pub(super) acl: &'a SharedAcl,
    pub(super) children: usize,
    pub(super) data_len: usize,
}

/// The changes that are prepared and not yet applied.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// Whether the tree's digest is predicted.
    digests: bool,
    hasher: foldhash::fast::RandomState,
    index: HashTable<u32>,
    slots: Vec<Slot>,
    free: Vec<u32>,
    /// Which transaction touched which slot, oldest first; a slot once per transaction.
    queue: VecDeque<(Zxid, u32)>,
    /// Set while a multi is prepared.
    undo: Option<Vec<Undo>>,
    /// The tree's digest once everything is applied; means something while the queue is not empty.
    predicted: i64,
}

/// The root is known by two names; here it has one.
fn canonical(path: &str) -> &str {
    if path == "/" { "" } else { path }
}

impl Changes {
    pub(super) fn new(digests: bool) -> Self {
        Self { digests, ..Self::default() }
    }

    /// The tree's digest once everything that is prepared is applied.
    pub(super) fn digest(&self, tree: &DataTree) -> i64 {
        if self.queue.is_empty() { tree.digest() } else { self.predicted }
    }

    /// Looks `path` up, here first and then in the tree.
    pub(super) fn locate<'t>(&self, tree: &'t DataTree, path: &str) -> At<'t> {
        let path = canonical(path);
        let hash = self.hash(path);
        let slot = self.index.find(hash, |&slot| *self.slots[slot as usize].path == *path).copied();
        let node = if slot.is_none() { tree.node(path) } else { None };
        At { hash, slot, node }
    }

    fn hash(&self, path: &str) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        hasher.write(path.as_bytes());
        hasher.finish()
    }

    /// The node at a place that was looked up; none if there is or will be none
    /// (`getRecordForPath`).
    pub(super) fn view<'a>(&'a self, at: &At<'a>) -> Option<View<'a>> {
        let Some(slot) = at.slot else {
            return at.node.map(|node| View {
                stat: node.stat_persisted(),
                acl: node.acl(),
                children: node.num_children(),
                data_len: data_len(node.data()),
            });
        };
        let state = &self.slots[slot as usize].state;
        state.exists.then_some(View {
            stat: &state.stat,
            acl: &state.acl,
            children: state.children,
            data_len: state.data_len,
        })
    }

    /// Transaction `zxid` changes the node at `path`, which is there.
    pub(super) fn update(
        &mut self,
        tree: &DataTree,
        at: At<'_>,
        path: &str,
        zxid: Zxid,
        change: impl FnOnce(&mut State),
    ) {
        self.begin(tree);
        let path = canonical(path);
        let slot = match (at.slot, at.node) {
            (Some(slot), _) => self.touch(slot, zxid),
            (None, Some(node)) => self.add(at.hash, path, zxid, self.state_of(path, node)),
            (None, None) => return,
        };
        let state = &mut self.slots[slot as usize].state;
        let before = if self.digests { state.digest() } else { 0 };
        change(state);
        let after = if self.digests { state.digest() } else { 0 };
        self.predicted = self.predicted.wrapping_add(after).wrapping_sub(before);
    }

    /// Transaction `zxid` creates the node at `path`, which is not there.
    pub(super) fn insert(
        &mut self,
        tree: &DataTree,
        at: At<'_>,
        path: &str,
        zxid: Zxid,
        state: State,
    ) {
        self.begin(tree);
        if self.digests {
            self.predicted = self.predicted.wrapping_add(state.digest());
        }
        match at.slot {
            Some(slot) => {
                let slot = self.touch(slot, zxid);
                self.slots[slot as usize].state = state;
            }
            None => {
                self.add(at.hash, canonical(path), zxid, state);
            }
        }
    }

    /// The part of the digest over `path` and `data`; none where the node has no digest.
    pub(super) fn content_crc(&self, path: &str, data: Option<&[u8]>) -> Option<u32> {
        (self.digests && !digest::is_excluded(path)).then(|| digest::content_crc(path, data))
    }

    /// Paths of the nodes of a session that are created here and not in the tree's books yet.
    pub(super) fn created_by<'a>(
        &'a self,
        tree: &'a DataTree,
        owner: i64,
    ) -> impl Iterator<Item = &'a str> {
        let owns = move |stat: &StatPersisted| stat.ephemeral_owner == owner;
        self.slots
            .iter()
            .filter(move |slot| slot.state.exists && owns(&slot.state.stat))
            .map(|slot| &*slot.path)
            .filter(move |path| !tree.node(path).is_some_and(|n| owns(n.stat_persisted())))
    }

    /// Transaction `zxid` is applied, and all before it: the tree knows by itself now.
    pub(super) fn applied(&mut self, zxid: Zxid) {
        if self.queue.back().is_some_and(|&(last, _)| last <= zxid) {
            return self.clear();
        }
        while let Some(&(touched, slot)) = self.queue.front()
            && touched <= zxid
        {
            self.queue.pop_front();
            if self.slots[slot as usize].zxid == touched {
                self.forget(slot);
            }
        }
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        if self.slots.len() > KEPT_SLOTS {
            *self = Self::new(self.digests);
            return;
        }
        self.index.clear();
        self.slots.clear();
        self.free.clear();
        self.queue.clear();
    }

    /// From here on changes can be taken back, until [`Changes::keep`] or [`Changes::take_back`].
    pub(super) fn begin_multi(&mut self) {
        self.undo = Some(Vec::new());
    }

    /// The multi succeeded.
    pub(super) fn keep(&mut self) {
        self.undo = None;
    }

    /// The multi failed: what it changed is as before (`rollbackPendingChanges`).
    pub(super) fn take_back(&mut self, digest_before: i64) {
        for Undo { slot, before } in self.undo.take().unwrap_or_default().into_iter().rev() {
            self.queue.pop_back();
            match before {
                None => self.forget(slot),
                Some((zxid, state)) => {
                    let slot = &mut self.slots[slot as usize];
                    (slot.zxid, slot.state) = (zxid, state);
                }
            }
        }
        self.predicted = digest_before;
    }

    fn begin(&mut self, tree: &DataTree) {
        if self.queue.is_empty() {
            self.predicted = tree.digest();
        }
    }

    fn state_of(&self, path: &str, node: Node<'_>) -> State {
        let has_digest = self.digests && !digest::is_excluded(path);
        State {
            exists: true,
            stat: node.stat_persisted().clone(),
            children: node.num_children(),
            acl: SharedAcl::clone(node.acl()),
            data_len: data_len(node.data()),
            content_crc: has_digest.then(|| node.content_crc()),
        }
    }

    /// Transaction `zxid` is about to change a slot.
    fn touch(&mut self, slot: u32, zxid: Zxid) -> u32 {
        let touched = &mut self.slots[slot as usize];
        if touched.zxid != zxid {
            if let Some(undo) = &mut self.undo {
                undo.push(Undo { slot, before: Some((touched.zxid, touched.state.clone())) });
            }
            touched.zxid = zxid;
            self.queue.push_back((zxid, slot));
        }
        slot
    }

    fn add(&mut self, hash: u64, path: &str, zxid: Zxid, state: State) -> u32 {
        let added = Slot { path: path.into(), hash, zxid, state };
        let slot = match self.free.pop() {
            Some(slot) => {
                self.slots[slot as usize] = added;
                slot
            }
            None => {
                self.slots.push(added);
                (self.slots.len() - 1) as u32
            }
        };
        self.index.insert_unique(hash, slot, |&slot| self.slots[slot as usize].hash);
        if let Some(undo) = &mut self.undo {
            undo.push(Undo { slot, before: None });
        }
        self.queue.push_back((zxid, slot));
        slot
    }

    fn forget(&mut self, slot: u32) {
        let forgotten = &mut self.slots[slot as usize];
        forgotten.state.exists = false;
        forgotten.state.acl = SharedAcl::clone(open_acl());
        if let Ok(entry) = self.index.find_entry(forgotten.hash, |&other| other == slot) {
            entry.remove();
        }
        self.free.push(slot);
    }
}

fn data_len(data: Option<&[u8]>) -> usize {
    data.map_or(0, <[u8]>::len)
}

//! Building a tree from a snapshot, in the file's order: the ACL map, then the nodes, each parent
//! before its children. Java: `DataTree.deserialize`.
//!
//! Nodes enter the index all at once at the end: until then a parent is found in the line of its child,
//! for that is the order in which Java and this server write. Other orders are read, too, and so is a
//! path that comes twice; both take longer.

use std::collections::HashMap;
use std::fmt;

use jute::data::{SharedAcl, StatPersisted};

use super::acl_cache::{self, AclCache, AclSlot};
use super::arena::{NodeId, NodeRecord, ROOT};
use super::create::Place;
use super::ephemeral::InvalidOwner;
use super::index::PathIndex;
use super::nursery::{Nursery, Seedling};
use super::{DataTree, TreeOptions, ZxidDigest, path};
use crate::ids::Zxid;

/// Why the nodes of a snapshot make no tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoadError {
    /// A node came before its parent, or without one.
    NoParent {
        /// The node.
        path: String,
    },
    /// A node's owner means nothing.
    Owner {
        /// The node.
        path: String,
        /// What it has.
        owner: InvalidOwner,
    },
    /// The snapshot ended without a root.
    NoRoot,
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoParent { path } => {
                let parent = path::split(path).map_or("", |(parent, _)| parent);
                write!(f, "Invalid Datatree, unable to find parent {parent} of path {path}")
            }
            Self::Owner { path, owner } => write!(f, "{owner} of path {path}"),
            Self::NoRoot => f.write_str("Invalid Datatree, it has no root"),
        }
    }
}

impl std::error::Error for LoadError {}

/// A tree in the making.
#[derive(Debug)]
pub struct Loader {
    tree: DataTree,
    nursery: Nursery,
    /// From the file's indexes to the cache's slots.
    acls: HashMap<i64, AclSlot>,
    /// The one that was asked for last will mostly be asked for next.
    recent_acl: (i64, AclSlot),
    has_root: bool,
    /// The path of the node that came last and its ancestors: in a snapshot's order the parent is
    /// nearly always among them, so it is found without a look-up.
    last_path: String,
    line: Vec<Ancestor>,
    /// The first node that the index does not have yet. Ids are given in ascending order here, for
    /// no node goes.
    unindexed: NodeId,
    /// The hashes of the paths of those nodes.
    hashes: Vec<u32>,
    /// Some path came twice: each node is looked for before it is taken.
    twice: bool,
}

#[derive(Debug)]
struct Ancestor {
    id: NodeId,
    path_len: usize,
}

impl Loader {
    /// Nothing loaded yet.
    pub fn new(options: TreeOptions) -> Self {
        let mut tree = DataTree::bare(options);
        tree.acls.start_indexes_at(1);
        let nursery = Nursery::new(options, tree.index.hasher().clone());
        Self {
            tree,
            nursery,
            acls: HashMap::from([(acl_cache::OPEN_INDEX, acl_cache::OPEN)]),
            recent_acl: (acl_cache::OPEN_INDEX, acl_cache::OPEN),
            has_root: false,
            last_path: String::new(),
            line: Vec::new(),
            unindexed: ROOT + 1,
            hashes: Vec::new(),
            twice: false,
        }
    }

    /// What makes nodes ready for [`Loader::plant`].
    pub fn nursery(&self) -> Nursery {
        self.nursery.clone()
    }

    /// Takes an entry of the ACL map.
    pub fn acl(&mut self, index: i64, acl: SharedAcl) {
        let slot = self.tree.acls.map(index, acl);
        self.acls.insert(index, slot);
        self.recent_acl = (index, slot);
    }

    /// Takes a node. A path that comes twice has what came last, as in Java.
    ///
    /// # Errors
    /// If its parent is missing or its owner means nothing. The loader is of no use then.
    pub fn node(
        &mut self,
        path: &str,
        data: Option<&[u8]>,
        acl: i64,
        stat: StatPersisted,
    ) -> Result<(), LoadError> {
        let seedling = self.nursery.raise(path, data, stat)?;
        self.plant(path, acl, seedling)
    }

    /// Takes a node as [`Loader::node`], made ready by this loader's nursery.
    ///
    /// # Errors
    /// If its parent is missing. The loader is of no use then.
    pub fn plant(&mut self, path: &str, acl: i64, seedling: Seedling) -> Result<(), LoadError> {
        let slot = self.slot(acl);
        self.tree.acls.add_usage(slot);
        if path.is_empty() {
            self.has_root = true;
            let root = seedling.record;
            self.tree.plant_root(root.data(), slot, root.stat.clone());
            return Ok(());
        }
        self.put(path, slot, seedling)
    }

    /// Takes a node other than the root, whose ACL is counted already.
    fn put(&mut self, path: &str, slot: AclSlot, seedling: Seedling) -> Result<(), LoadError> {
        let Seedling { record, kind } = seedling;
        let owner = record.stat.ephemeral_owner;
        let place = self.place(path, &record)?;
        let id = match self.twin(&place) {
            Some(id) => self.replace(id, path, slot, &record),
            None => {
                self.hashes.push(record.hash);
                self.tree.plant_unindexed(&place, slot, record)
            }
        };
        self.remember(id, path);
        self.tree.owners.add(kind, owner, id);
        Ok(())
    }

    /// The node that has this place already, as far as that is looked at now.
    fn twin(&mut self, place: &Place<'_>) -> Option<NodeId> {
        if !self.twice && place.path != "/" {
            return None;
        }
        self.index_all();
        self.tree.find_at(place)
    }

    /// Lets the index have all nodes; false if some path came twice.
    fn index_all(&mut self) -> bool {
        let (first, hashes) = (self.unindexed, std::mem::take(&mut self.hashes));
        self.unindexed = self.tree.arena.end();
        self.tree.index.insert_all(&self.tree.arena, first, &hashes)
    }

    /// As [`Loader::index_all`]. Where a path came twice all nodes are put into a new tree, one by
    /// one: those between the two may be children of either.
    fn settle_index(&mut self) -> Result<(), LoadError> {
        if self.index_all() {
            return Ok(());
        }
        let mut fresh = DataTree::bare(self.tree.options);
        fresh.acls = std::mem::replace(&mut self.tree.acls, AclCache::new());
        fresh.index = PathIndex::with(self.tree.index.hasher().clone());
        let old = std::mem::replace(&mut self.tree, fresh);
        let root = &old.arena[ROOT];
        self.tree.plant_root(root.data(), root.acl, root.stat.clone());
        self.line.clear();
        (self.unindexed, self.twice) = (ROOT + 1, true);
        for id in ROOT + 1..old.arena.end() {
            let node = &old.arena[id];
            let path = old.path_of(id);
            let seedling = self.nursery.raise(&path, node.data(), node.stat.clone())?;
            self.put(&path, node.acl, seedling)?;
        }
        self.index_all();
        Ok(())
    }

    fn slot(&mut self, index: i64) -> AclSlot {
        if self.recent_acl.0 != index {
            let tree = &mut self.tree;
            let slot = *self.acls.entry(index).or_insert_with(|| {
                log::warn!("the snapshot's ACL map lacks the ACL {index}, which a node has");
                tree.acls.missing(index)
            });
            self.recent_acl = (index, slot);
        }
        self.recent_acl.1
    }

    fn place<'p>(&mut self, path: &'p str, record: &NodeRecord) -> Result<Place<'p>, LoadError> {
        let no_parent = || LoadError::NoParent { path: path.to_owned() };
        let (above, name) = path.split_at(path.len() - record.name_bytes().len());
        let parent_path = above.strip_suffix('/').ok_or_else(no_parent)?;
        let parent = self.parent(parent_path)?.ok_or_else(no_parent)?;
        Ok(Place { parent, parent_path, path, name, hash: record.hash })
    }

    fn remember(&mut self, id: NodeId, path: &str) {
        self.line.push(Ancestor { id, path_len: path.len() });
        self.last_path.clear();
        self.last_path.push_str(path);
    }

    /// Finds the parent among the last node and its ancestors, else in the index.
    fn parent(&mut self, parent_path: &str) -> Result<Option<NodeId>, LoadError> {
        while let Some(last) = self.line.last() {
            if last.path_len <= parent_path.len() {
                break;
            }
            self.line.pop();
        }
        Ok(match self.line.last() {
            Some(a) if self.last_path.get(..a.path_len) == Some(parent_path) => Some(a.id),
            _ if parent_path.is_empty() => self.has_root.then_some(ROOT),
            _ => {
                self.line.clear();
                self.settle_index()?;
                self.tree.find_parent(parent_path)
            }
        })
    }

    fn replace(&mut self, id: NodeId, path: &str, acl: AclSlot, new: &NodeRecord) -> NodeId {
        log::warn!("the snapshot has {path} twice: the later one counts");
        let owner = self.tree.arena[id].stat.ephemeral_owner;
        self.tree.owners.remove(self.tree.ephemeral_type(owner), owner, id);
        self.tree.acls.remove_usage(self.tree.arena[id].acl);
        self.tree.arena[id].acl = acl;
        self.tree.write_data(id, path, new.data(), |s| s.clone_from(&new.stat));
        id
    }

    /// The tree: quotas are counted, ACLs that nobody has are dropped.
    ///
    /// # Errors
    /// If there was no root, or where [`Loader::node`] says so.
    pub fn finish(mut self) -> Result<DataTree, LoadError> {
        if !self.has_root {
            return Err(LoadError::NoRoot);
        }
        self.settle_index()?;
        self.tree.size.cached = self.tree.size.exact;
        self.tree.set_up_quotas();
        self.tree.acls.purge_unused();
        Ok(self.tree)
    }
}

impl DataTree {
    /// Takes the digest that a snapshot carries; `snapshot_start` is the zxid in the file's name.
    /// Until its zxid is reached in replay the tree is fuzzy, and no digest is compared.
    pub fn expect_digest(&mut self, digest: ZxidDigest, snapshot_start: Zxid) {
        self.digests.expect(digest, snapshot_start);
    }

    /// Says whether the tree is ahead of its zxid by an unknown part of what is still to be applied,
    /// so that no digest can be compared. A snapshot from a leader carries no digest; it is fuzzy by
    /// what is committed before the leader says that the learner is up to date.
    pub fn set_fuzzy(&mut self, fuzzy: bool) {
        self.digests.set_fuzzy(fuzzy);
    }

    /// What [`DataTree::set_fuzzy`] said last.
    pub fn is_fuzzy(&self) -> bool {
        self.digests.is_fuzzy()
    }
}

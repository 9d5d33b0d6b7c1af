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
use super::arena::{NodeId, ROOT};
use super::create::Place;
use super::ephemeral::{Encodings, EphemeralType, InvalidOwner};
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
    /// From the file's indexes to the cache's slots.
    acls: HashMap<i64, AclSlot>,
    has_root: bool,
    /// The path of the node that came last and its ancestors: in a snapshot's order the parent is
    /// nearly always among them, so it is found without a look-up.
    last_path: String,
    line: Vec<Ancestor>,
    /// The first node that the index does not have yet. Ids are given in ascending order here, for
    /// no node goes.
    unindexed: NodeId,
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
        Self {
            tree,
            acls: HashMap::from([(acl_cache::OPEN_INDEX, acl_cache::OPEN)]),
            has_root: false,
            last_path: String::new(),
            line: Vec::new(),
            unindexed: ROOT + 1,
            twice: false,
        }
    }

    /// Takes an entry of the ACL map.
    pub fn acl(&mut self, index: i64, acl: SharedAcl) {
        let slot = self.tree.acls.map(index, acl);
        self.acls.insert(index, slot);
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
        stat: &StatPersisted,
    ) -> Result<(), LoadError> {
        let slot = self.slot(acl);
        self.tree.acls.add_usage(slot);
        if path.is_empty() {
            self.has_root = true;
            self.tree.plant_root(data, slot, stat.clone());
            return Ok(());
        }
        self.put(path, data, slot, stat)
    }

    /// Takes a node other than the root, whose ACL is counted already.
    fn put(
        &mut self,
        path: &str,
        data: Option<&[u8]>,
        slot: AclSlot,
        stat: &StatPersisted,
    ) -> Result<(), LoadError> {
        let owner = stat.ephemeral_owner;
        let kind = self.kind(path, owner)?;
        let place = self.place(path)?;
        let id = match self.twin(&place) {
            Some(id) => self.replace(id, path, data, slot, stat),
            None => self.tree.plant_unindexed(&place, data, slot, stat.clone()),
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
        let end = self.tree.arena.end();
        let ids = self.unindexed..end;
        self.unindexed = end;
        self.tree.index.insert_all(&self.tree.arena, ids)
    }

    /// As [`Loader::index_all`]. Where a path came twice all nodes are put into a new tree, one by
    /// one: those between the two may be children of either.
    fn settle_index(&mut self) -> Result<(), LoadError> {
        if self.index_all() {
            return Ok(());
        }
        let mut fresh = DataTree::bare(self.tree.options);
        fresh.acls = std::mem::replace(&mut self.tree.acls, AclCache::new());
        let old = std::mem::replace(&mut self.tree, fresh);
        let root = &old.arena[ROOT];
        self.tree.plant_root(root.data(), root.acl, root.stat.clone());
        self.line.clear();
        (self.unindexed, self.twice) = (ROOT + 1, true);
        for id in ROOT + 1..old.arena.end() {
            let node = &old.arena[id];
            self.put(&old.path_of(id), node.data(), node.acl, &node.stat)?;
        }
        self.index_all();
        Ok(())
    }

    fn slot(&mut self, index: i64) -> AclSlot {
        let tree = &mut self.tree;
        *self.acls.entry(index).or_insert_with(|| {
            log::warn!("the snapshot's ACL map lacks the ACL {index}, which a node has");
            tree.acls.missing(index)
        })
    }

    fn kind(&self, path: &str, owner: i64) -> Result<EphemeralType, LoadError> {
        let TreeOptions { extended_types, emulate_353_ttl, .. } = self.tree.options;
        EphemeralType::of(owner, Encodings { extended_types, emulate_353_ttl })
            .map_err(|owner| LoadError::Owner { path: path.to_owned(), owner })
    }

    fn place<'p>(&mut self, path: &'p str) -> Result<Place<'p>, LoadError> {
        let no_parent = || LoadError::NoParent { path: path.to_owned() };
        let (parent_path, name) = path::split(path).ok_or_else(no_parent)?;
        let parent = self.parent(parent_path)?.ok_or_else(no_parent)?;
        Ok(Place { parent, parent_path, path, name, hash: self.tree.index.hash(path) })
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

    fn replace(
        &mut self,
        id: NodeId,
        path: &str,
        data: Option<&[u8]>,
        acl: AclSlot,
        stat: &StatPersisted,
    ) -> NodeId {
        log::warn!("the snapshot has {path} twice: the later one counts");
        let owner = self.tree.arena[id].stat.ephemeral_owner;
        self.tree.owners.remove(self.tree.ephemeral_type(owner), owner, id);
        self.tree.acls.remove_usage(self.tree.arena[id].acl);
        self.tree.arena[id].acl = acl;
        self.tree.write_data(id, path, data, |s| s.clone_from(stat));
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

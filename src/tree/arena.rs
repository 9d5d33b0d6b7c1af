//! The nodes themselves, in chunks that never move, named by u32 ids.
//!
//! Memory decides here (the goal is 300 bytes for a znode with 100 bytes of data, all in): a record is
//! 112 bytes, name and data are one allocation, and the path is not stored at all.

use std::ops::{Index, IndexMut};
use std::sync::Arc;

use jute::data::StatPersisted;

use super::acl_cache::AclSlot;
use super::children::Children;

/// A node's place in the arena.
pub(super) type NodeId = u32;

/// The root is made first and never goes.
pub(super) const ROOT: NodeId = 0;

const CHUNK_BITS: u32 = 12;
const CHUNK_LEN: usize = 1 << CHUNK_BITS;
const NULL_DATA: u32 = 1 << 31;
/// A name length that no name has: the record is vacant.
const VACANT: u32 = u32::MAX;

/// What a node is (`DataNode`).
#[derive(Debug)]
pub(super) struct NodeRecord {
    pub(super) stat: StatPersisted,
    /// The name's bytes, then the data's.
    blob: Box<[u8]>,
    pub(super) children: Children,
    /// Bytes of the name; the top bit is set where the data is null.
    name_len: u32,
    pub(super) parent: NodeId,
    /// Where the parent's list of children has it.
    pub(super) position: u32,
    pub(super) acl: AclSlot,
    /// Hash of the full path, so that the index can grow without walking.
    pub(super) hash: u32,
    /// CRC32 of path and data: the costly part of the digest (0 where there is none).
    pub(super) content_crc: u32,
}

fn blob(name: &[u8], data: Option<&[u8]>) -> Box<[u8]> {
    let data = data.unwrap_or_default();
    let mut bytes = Vec::with_capacity(name.len() + data.len());
    bytes.extend_from_slice(name);
    bytes.extend_from_slice(data);
    bytes.into_boxed_slice()
}

impl NodeRecord {
    /// A node without children.
    ///
    /// # Panics
    /// If the name has 2^31 - 1 bytes or more, which no Jute string has.
    pub(super) fn new(name: &str, data: Option<&[u8]>, stat: StatPersisted) -> Self {
        let len = u32::try_from(name.len()).expect("a name is shorter than 2 GiB");
        assert!(len < NULL_DATA - 1, "a name is shorter than 2 GiB");
        Self {
            stat,
            blob: blob(name.as_bytes(), data),
            children: Children::default(),
            name_len: if data.is_some() { len } else { len | NULL_DATA },
            parent: ROOT,
            position: 0,
            acl: 0,
            hash: 0,
            content_crc: 0,
        }
    }

    fn vacant() -> Self {
        let mut record = Self::new("", None, StatPersisted::default());
        record.name_len = VACANT;
        record
    }

    fn name_end(&self) -> usize {
        (self.name_len & !NULL_DATA) as usize
    }

    pub(super) fn name_bytes(&self) -> &[u8] {
        &self.blob[..self.name_end()]
    }

    pub(super) fn name(&self) -> &str {
        str::from_utf8(self.name_bytes()).expect("a name came from a str")
    }

    pub(super) fn data(&self) -> Option<&[u8]> {
        (self.name_len & NULL_DATA == 0).then(|| &self.blob[self.name_end()..])
    }

    pub(super) fn data_len(&self) -> usize {
        self.blob.len() - self.name_end()
    }

    pub(super) fn set_data(&mut self, data: Option<&[u8]>) {
        let end = self.name_end();
        let bytes = data.unwrap_or_default();
        if bytes.len() == self.data_len() {
            self.blob[end..].copy_from_slice(bytes);
        } else {
            self.blob = blob(&self.blob[..end], data);
        }
        self.name_len = if data.is_some() { end as u32 } else { end as u32 | NULL_DATA };
    }
}

/// All records, and which ids are free.
#[derive(Debug, Default)]
pub(super) struct Arena {
    chunks: Vec<Vec<NodeRecord>>,
    free: Vec<NodeId>,
    /// Freed while someone walks: a walker holds ids, and none may come to mean another node.
    quarantine: Vec<NodeId>,
    /// Cloned by each walker.
    walkers: Arc<()>,
    live: usize,
}

impl Arena {
    /// Takes a record in.
    ///
    /// # Panics
    /// If there are 2^32 of them, which no memory holds.
    pub(super) fn insert(&mut self, record: NodeRecord) -> NodeId {
        self.live += 1;
        if let Some(id) = self.free.pop() {
            self[id] = record;
            return id;
        }
        if self.chunks.last().is_none_or(|c| c.len() == CHUNK_LEN) {
            self.chunks.push(Vec::with_capacity(CHUNK_LEN));
        }
        let chunk = self.chunks.len() - 1;
        let at = self.chunks[chunk].len();
        self.chunks[chunk].push(record);
        NodeId::try_from(chunk * CHUNK_LEN + at).expect("fewer than 2^32 nodes")
    }

    /// Takes a record out.
    pub(super) fn remove(&mut self, id: NodeId) -> NodeRecord {
        self.live -= 1;
        let record = std::mem::replace(&mut self[id], NodeRecord::vacant());
        if Arc::strong_count(&self.walkers) > 1 {
            self.quarantine.push(id);
        } else {
            self.free.append(&mut self.quarantine);
            self.free.push(id);
        }
        record
    }

    /// As long as the returned guard lives, no id is given to another node.
    pub(super) fn hold_ids(&self) -> Arc<()> {
        self.walkers.clone()
    }

    /// Whether the guard is of this arena.
    pub(super) fn has_given(&self, guard: &Arc<()>) -> bool {
        Arc::ptr_eq(&self.walkers, guard)
    }

    /// Whether a node has this id.
    pub(super) fn contains(&self, id: NodeId) -> bool {
        self[id].name_len != VACANT
    }

    /// The id behind the last that was ever given out.
    pub(super) fn end(&self) -> NodeId {
        let full = self.chunks.len().saturating_sub(1) * CHUNK_LEN;
        (full + self.chunks.last().map_or(0, Vec::len)) as NodeId
    }

    /// How many nodes there are.
    pub(super) fn len(&self) -> usize {
        self.live
    }
}

impl Index<NodeId> for Arena {
    type Output = NodeRecord;

    fn index(&self, id: NodeId) -> &NodeRecord {
        &self.chunks[(id >> CHUNK_BITS) as usize][id as usize & (CHUNK_LEN - 1)]
    }
}

impl IndexMut<NodeId> for Arena {
    fn index_mut(&mut self, id: NodeId) -> &mut NodeRecord {
        &mut self.chunks[(id >> CHUNK_BITS) as usize][id as usize & (CHUNK_LEN - 1)]
    }
}

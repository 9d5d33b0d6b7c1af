//! A hash table in a thousand parts, each of which grows by itself: one table over ten million
//! entries would stop the server for the better part of a second whenever it doubles.

use hashbrown::HashTable;

/// How many parts.
pub(super) const SHARDS: usize = 1024;

/// Ids by the hash of what they stand for, which the caller knows and compares.
#[derive(Debug)]
pub(super) struct Shards(Box<[HashTable<u32>]>);

impl Default for Shards {
    fn default() -> Self {
        Self((0..SHARDS).map(|_| HashTable::new()).collect())
    }
}

/// The part that a hash belongs to. The tables place by the lowest bits and tell apart by the highest;
/// these are in between.
pub(super) fn shard(hash: u64) -> usize {
    (hash >> 32) as usize & (SHARDS - 1)
}

impl Shards {
    /// The id with this hash that `is_it`.
    pub(super) fn find(&self, hash: u64, mut is_it: impl FnMut(u32) -> bool) -> Option<u32> {
        self.0[shard(hash)].find(hash, |&id| is_it(id)).copied()
    }

    /// Takes in an id that is not there; `hash_of` is asked for the hashes of others when a part
    /// grows.
    pub(super) fn insert(&mut self, hash: u64, id: u32, hash_of: impl Fn(u32) -> u64) {
        self.0[shard(hash)].insert_unique(hash, id, |&id| hash_of(id));
    }

    /// Makes room for so many more ids in one part, so that it does not grow on the way.
    pub(super) fn reserve_part(&mut self, part: usize, ids: usize, hash_of: impl Fn(u32) -> u64) {
        self.0[part].reserve(ids, |&id| hash_of(id));
    }

    /// Takes an id out.
    pub(super) fn remove(&mut self, hash: u64, id: u32) {
        if let Ok(entry) = self.0[shard(hash)].find_entry(hash, |&other| other == id) {
            entry.remove();
        }
    }
}

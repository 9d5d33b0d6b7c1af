//! A hash table in a thousand parts, each of which grows by itself: one table over ten million
//! entries would stop the server for the better part of a second whenever it doubles.

use hashbrown::HashTable;

/// How many parts.
pub(super) const SHARDS: usize = 1024;

/// Ids by the hash of what they stand for, which the caller knows and compares.
#[derive(Debug)]
pub(super) struct Shards(Box<[HashTable<Entry>]>);

/// The hash stands here, too, for a part that grows asks for all of its hashes, and each would have to be
/// fetched from afar.
#[derive(Debug, Clone, Copy)]
struct Entry {
    hash: u32,
    id: u32,
}

impl Entry {
    fn spread(&self) -> u64 {
        spread(self.hash)
    }
}

impl Default for Shards {
    fn default() -> Self {
        Self((0..SHARDS).map(|_| HashTable::new()).collect())
    }
}

/// The tables want 64 bits, good ones at either end.
fn spread(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// The part that a hash belongs to. The tables place by the lowest bits and tell apart by the highest;
/// these are in between.
pub(super) fn shard(hash: u32) -> usize {
    (spread(hash) >> 32) as usize & (SHARDS - 1)
}

impl Shards {
    /// The id with this hash that `is_it`.
    pub(super) fn find(&self, hash: u32, mut is_it: impl FnMut(u32) -> bool) -> Option<u32> {
        let is_it = |entry: &Entry| entry.hash == hash && is_it(entry.id);
        self.0[shard(hash)].find(spread(hash), is_it).map(|entry| entry.id)
    }

    /// Takes in an id that is not there.
    pub(super) fn insert(&mut self, hash: u32, id: u32) {
        self.0[shard(hash)].insert_unique(spread(hash), Entry { hash, id }, Entry::spread);
    }

    /// Makes room for so many more ids in one part, so that it does not grow on the way.
    pub(super) fn reserve_part(&mut self, part: usize, ids: usize) {
        self.0[part].reserve(ids, Entry::spread);
    }

    /// Takes an id out.
    pub(super) fn remove(&mut self, hash: u32, id: u32) {
        if let Ok(entry) = self.0[shard(hash)].find_entry(spread(hash), |other| other.id == id) {
            entry.remove();
        }
    }
}

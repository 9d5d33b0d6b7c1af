//! ACLs, each distinct one once, counted by the nodes that have it. Java:
//! `ReferenceCountedACLCache`.
//!
//! Nodes hold a slot (u32); files hold Java's index (i64, counted up, never given out twice). -1 is
//! the open ACL, which is in no map and not counted.

use std::collections::HashMap;
use std::sync::Arc;

use jute::data::{Acl, Id, SharedAcl, open_acl};

/// Where an ACL stands in the cache.
pub(super) type AclSlot = u32;

/// The slot of `OPEN_ACL_UNSAFE`.
pub(super) const OPEN: AclSlot = 0;
/// Java's index of it.
pub(super) const OPEN_INDEX: i64 = -1;

#[derive(Debug)]
struct Entry {
    index: i64,
    acl: SharedAcl,
    uses: i64,
    /// Whether the map of a snapshot has it. Without: a node of a fuzzy snapshot names an ACL that
    /// was made after the map was written; the log will give that node its ACL.
    mapped: bool,
    /// When it came, for the order of Java's map.
    arrival: u64,
}

#[derive(Debug)]
pub(super) struct AclCache {
    slots: Vec<Option<Entry>>,
    free: Vec<AclSlot>,
    by_acl: HashMap<SharedAcl, AclSlot>,
    /// The one that was asked for last will mostly be asked for next.
    recent: AclSlot,
    last_index: i64,
    arrivals: u64,
    mapped: usize,
    /// Buckets of Java's `longKeyMap`, which grow and never shrink.
    buckets: usize,
}

/// `world:anyone` with `perms`.
pub(super) fn anyone(perms: i32) -> Acl {
    let id = Id { scheme: Some("world".to_owned()), id: Some("anyone".to_owned()) };
    Acl { perms, id }
}

const MIN_BUCKETS: usize = 16;

impl AclCache {
    pub(super) fn new() -> Self {
        let open = Entry {
            index: OPEN_INDEX,
            acl: Arc::clone(open_acl()),
            uses: 0,
            mapped: false,
            arrival: 0,
        };
        Self {
            slots: vec![Some(open)],
            free: Vec::new(),
            by_acl: HashMap::new(),
            recent: OPEN,
            last_index: 0,
            arrivals: 0,
            mapped: 0,
            buckets: MIN_BUCKETS,
        }
    }

    /// The slot of `acl`, counted once more; no list is the open ACL (`convertAcls`).
    pub(super) fn convert(&mut self, acl: Option<&SharedAcl>) -> AclSlot {
        let Some(acl) = acl else { return OPEN };
        if !self.is_recent(acl) {
            self.recent = match self.by_acl.get(acl) {
                Some(&slot) => slot,
                None => {
                    self.last_index += 1;
                    self.map(self.last_index, Arc::clone(acl))
                }
            };
        }
        self.add_usage(self.recent);
        self.recent
    }

    fn is_recent(&self, acl: &SharedAcl) -> bool {
        let entry = self.slots[self.recent as usize].as_ref();
        self.recent != OPEN && entry.is_some_and(|e| e.mapped && e.acl == *acl)
    }

    /// Enters `acl` under `index`, used by nobody yet.
    pub(super) fn map(&mut self, index: i64, acl: SharedAcl) -> AclSlot {
        self.last_index = self.last_index.max(index);
        let slot = self.place(index, acl.clone(), true);
        self.by_acl.insert(acl, slot);
        self.mapped += 1;
        while self.mapped > self.buckets / 4 * 3 {
            self.buckets *= 2;
        }
        slot
    }

    /// Java's tree gives index 1 to the configuration's ACL before a snapshot is loaded, and does not
    /// start anew then.
    pub(super) fn start_indexes_at(&mut self, last: i64) {
        self.last_index = self.last_index.max(last);
    }

    /// Enters an index that a node names and the map lacks. Until the log says better nobody may do
    /// anything with such a node (Java: "Failed to fetch acls"). The index is never given out again.
    pub(super) fn missing(&mut self, index: i64) -> AclSlot {
        self.last_index = self.last_index.max(index);
        self.place(index, Arc::from([anyone(0)]), false)
    }

    fn place(&mut self, index: i64, acl: SharedAcl, mapped: bool) -> AclSlot {
        self.arrivals += 1;
        let entry = Some(Entry { index, acl, uses: 0, mapped, arrival: self.arrivals });
        if let Some(slot) = self.free.pop() {
            self.slots[slot as usize] = entry;
            return slot;
        }
        self.slots.push(entry);
        AclSlot::try_from(self.slots.len() - 1).expect("fewer ACLs than nodes")
    }

    fn entry(&self, slot: AclSlot) -> &Entry {
        self.slots[slot as usize].as_ref().expect("a node's ACL is counted, so it is there")
    }

    /// The ACL itself (`convertLong`).
    pub(super) fn get(&self, slot: AclSlot) -> &SharedAcl {
        &self.entry(slot).acl
    }

    /// Java's index of it.
    pub(super) fn index(&self, slot: AclSlot) -> i64 {
        self.entry(slot).index
    }

    /// One more node has it.
    pub(super) fn add_usage(&mut self, slot: AclSlot) {
        if let Some(entry) = self.slots[slot as usize].as_mut() {
            entry.uses += 1;
        }
    }

    /// One node less has it; the last one's going removes it.
    pub(super) fn remove_usage(&mut self, slot: AclSlot) {
        if slot == OPEN {
            return;
        }
        if let Some(entry) = self.slots[slot as usize].as_mut() {
            entry.uses -= 1;
            if entry.uses <= 0 {
                self.evict(slot);
            }
        }
    }

    /// Removes what no node has, after a snapshot was loaded.
    pub(super) fn purge_unused(&mut self) {
        for slot in 1..self.slots.len() {
            if self.slots[slot].as_ref().is_some_and(|e| e.uses <= 0) {
                self.evict(slot as AclSlot);
            }
        }
    }

    fn evict(&mut self, slot: AclSlot) {
        let Some(entry) = self.slots[slot as usize].take() else { return };
        self.free.push(slot);
        if entry.mapped {
            self.mapped -= 1;
            self.by_acl.remove(&entry.acl);
        }
    }

    /// Distinct ACLs (`aclCacheSize`).
    pub(super) fn len(&self) -> usize {
        self.by_acl.len()
    }

    /// The map as a snapshot has it: in the order in which Java iterates over a copy of its
    /// `HashMap`, which is by bucket of the copy, within one by bucket of the original, within one
    /// by arrival.
    pub(super) fn entries(&self) -> impl Iterator<Item = (i64, &SharedAcl)> {
        let copy = copy_buckets(self.mapped);
        let mut entries: Vec<&Entry> = self.slots.iter().flatten().filter(|e| e.mapped).collect();
        entries.sort_by_key(|e| (bucket(e.index, copy), bucket(e.index, self.buckets), e.arrival));
        entries.into_iter().map(|e| (e.index, &e.acl))
    }
}

/// How many buckets `new HashMap<>(map)` makes for `len` entries.
fn copy_buckets(len: usize) -> usize {
    ((len as f32 / 0.75 + 1.0) as usize).next_power_of_two()
}

/// The bucket of a `Long` key.
fn bucket(key: i64, buckets: usize) -> usize {
    let hash = (key ^ ((key as u64) >> 32) as i64) as u32;
    (hash ^ (hash >> 16)) as usize & (buckets - 1)
}

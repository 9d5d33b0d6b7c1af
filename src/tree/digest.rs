//! The digest of the whole tree, kept up to date change by change, and its history.
//! Java: `DigestCalculator` (version 2), `AdHash`, the digest parts of `DataTree`.
//!
//! A node's digest is the CRC32 of its path, its data and 60 bytes of its stat; the tree's is the
//! wrapping sum over its nodes. CRC32 can be continued, so a node remembers the part over path and
//! data, and a change of its stat costs 60 bytes, however much data there is.

use std::collections::VecDeque;

use crc32fast::Hasher;
use jute::data::StatPersisted;
use jute::txn::TxnDigest;

use crate::ids::Zxid;

/// The way digests are computed; those of another version are never compared.
pub const DIGEST_VERSION: i32 = 2;
/// How many digests the history holds.
pub const DIGEST_LOG_LIMIT: usize = 1024;
/// The history takes the digest of each zxid that this divides.
pub const DIGEST_LOG_INTERVAL: i64 = 128;

/// Everything beneath `/zookeeper` is left out: quota figures are each server's own.
const EXCLUDED: &str = "/zookeeper/";

/// A digest and the zxid after which the tree had it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ZxidDigest {
    /// The last transaction that it covers.
    pub zxid: Zxid,
    /// [`DIGEST_VERSION`] of its maker.
    pub version: i32,
    /// The digest.
    pub digest: i64,
}

impl ZxidDigest {
    /// What a snapshot carries when no transaction was applied yet.
    pub const EMPTY: Self = Self { zxid: Zxid::ZERO, version: DIGEST_VERSION, digest: 0 };
}

/// The digest of a node; 0 for what is left out.
pub fn node_digest(path: &str, data: Option<&[u8]>, stat: &StatPersisted) -> i64 {
    if is_excluded(path) { 0 } else { stat_digest(content_crc(path, data), stat) }
}

/// Whether the node at `path` has no part in the digest.
pub fn is_excluded(path: &str) -> bool {
    path.starts_with(EXCLUDED)
}

/// The part over path and data. The root's path counts as empty.
pub fn content_crc(path: &str, data: Option<&[u8]>) -> u32 {
    let mut crc = Hasher::new();
    if path != "/" {
        crc.update(path.as_bytes());
    }
    crc.update(data.unwrap_or_default());
    crc.finalize()
}

/// What a node remembers: [`content_crc`] where it counts, else 0.
pub(super) fn remembered_crc(enabled: bool, path: &str, data: Option<&[u8]>) -> u32 {
    if enabled && !is_excluded(path) { content_crc(path, data) } else { 0 }
}

/// The digest of the node whose path and data have `content_crc`.
pub fn stat_digest(content_crc: u32, stat: &StatPersisted) -> i64 {
    let mut bytes = [0; 60];
    let longs = [stat.czxid, stat.mzxid, stat.pzxid, stat.ctime, stat.mtime];
    for (to, long) in bytes.chunks_exact_mut(8).zip(longs) {
        to.copy_from_slice(&long.to_be_bytes());
    }
    let ints = [stat.version, stat.cversion, stat.aversion];
    for (to, int) in bytes[40..52].chunks_exact_mut(4).zip(ints) {
        to.copy_from_slice(&int.to_be_bytes());
    }
    bytes[52..].copy_from_slice(&stat.ephemeral_owner.to_be_bytes());
    let mut crc = Hasher::new_with_initial(content_crc);
    crc.update(&bytes);
    i64::from(crc.finalize())
}

/// The tree's digest with its history and what it is to be compared with.
#[derive(Debug)]
pub(super) struct Digests {
    pub(super) enabled: bool,
    sum: i64,
    log: VecDeque<ZxidDigest>,
    last: Option<ZxidDigest>,
    /// While this is set the tree is fuzzy: a snapshot was loaded and the zxid of its digest is
    /// still to come, so nothing is compared or recorded.
    from_snapshot: Option<ZxidDigest>,
    /// While this is set the tree is fuzzy, and it is not known up to which zxid: see
    /// [`DataTree::set_fuzzy`].
    fuzzy: bool,
    /// The last transaction while that was so: its digest is known when it ends.
    unrecorded: Option<Zxid>,
    mismatches: u64,
}

impl Digests {
    pub(super) fn new(enabled: bool) -> Self {
        Self {
            enabled,
            sum: 0,
            log: VecDeque::new(),
            last: None,
            from_snapshot: None,
            fuzzy: false,
            unrecorded: None,
            mismatches: 0,
        }
    }

    pub(super) fn sum(&self) -> i64 {
        self.sum
    }

    pub(super) fn add(&mut self, digest: i64) {
        self.sum = self.sum.wrapping_add(digest);
    }

    pub(super) fn remove(&mut self, digest: i64) {
        self.sum = self.sum.wrapping_sub(digest);
    }

    pub(super) fn log(&self) -> impl Iterator<Item = ZxidDigest> {
        self.log.iter().copied()
    }

    pub(super) fn last(&self) -> Option<ZxidDigest> {
        self.last
    }

    pub(super) fn awaited(&self) -> Option<ZxidDigest> {
        self.from_snapshot
    }

    pub(super) fn mismatches(&self) -> u64 {
        self.mismatches
    }

    /// Takes the digest that a loaded snapshot carries (`DataTree.deserializeZxidDigest`). One from
    /// before the snapshot's start belongs to no state on the way: a new leader had moved the zxid
    /// to its epoch without a transaction. The snapshot is then not fuzzy, and comparing starts at
    /// once.
    pub(super) fn expect(&mut self, digest: ZxidDigest, snapshot_start: Zxid) {
        let usable = digest.zxid > Zxid::ZERO && digest.zxid >= snapshot_start;
        self.from_snapshot = (self.enabled && usable).then_some(digest);
        if let Some(target) = self.from_snapshot {
            // A snapshot that was taken while nothing changed is not fuzzy.
            self.compare_snapshot(snapshot_start, target);
        }
    }

    /// The digest that the tree has when it is fuzzy no more is that of the last transaction: a snapshot
    /// that is taken now, as at the end of a start, has it at its end.
    pub(super) fn set_fuzzy(&mut self, fuzzy: bool) {
        self.fuzzy = fuzzy;
        if let Some(zxid) = self.unrecorded.take_if(|_| !fuzzy) {
            self.record(zxid);
        }
    }

    pub(super) fn is_fuzzy(&self) -> bool {
        self.fuzzy
    }

    /// Records the digest after transaction `zxid`, or compares it where the tree was fuzzy until
    /// now.
    pub(super) fn after_txn(&mut self, zxid: Zxid) {
        if let Some(target) = self.from_snapshot {
            self.compare_snapshot(zxid, target);
        }
        // Also where the snapshot's was met just now: a snapshot that is being taken began while the
        // tree was fuzzy, and is to say that it was so until here. (Java records the next one.)
        if self.fuzzy {
            self.unrecorded = Some(zxid);
        } else if self.from_snapshot.is_none() {
            self.record(zxid);
        }
    }

    fn record(&mut self, zxid: Zxid) {
        let now = ZxidDigest { zxid, version: DIGEST_VERSION, digest: self.sum };
        self.last = Some(now);
        if zxid.0 % DIGEST_LOG_INTERVAL == 0 {
            self.log.push_back(now);
            if self.log.len() > DIGEST_LOG_LIMIT {
                self.log.pop_front();
            }
        }
    }

    fn compare_snapshot(&mut self, zxid: Zxid, target: ZxidDigest) {
        if zxid > target.zxid {
            log::debug!("the transaction {} of the snapshot's digest does not exist", target.zxid);
        }
        if zxid != target.zxid {
            return;
        }
        self.from_snapshot = None;
        if target.version == DIGEST_VERSION && target.digest != self.sum {
            self.report(zxid, target.digest, "snapshot");
        }
    }

    /// Whether the digest that the maker of transaction `zxid` predicted is the tree's now; true
    /// where the two cannot be compared.
    pub(super) fn compare_txn(&mut self, zxid: Zxid, predicted: Option<&TxnDigest>) -> bool {
        let Some(predicted) = predicted else { return true };
        let fuzzy = self.fuzzy || self.from_snapshot.is_some();
        let comparable = self.enabled && !fuzzy && predicted.version == DIGEST_VERSION;
        if !comparable || predicted.tree_digest == self.sum {
            return true;
        }
        self.report(zxid, predicted.tree_digest, "transaction");
        false
    }

    /// A mismatch is reported and counted, never fatal. Only the first is an error in the log: each
    /// later transaction mismatches for the same cause.
    fn report(&mut self, zxid: Zxid, expected: i64, source: &str) {
        self.mismatches += 1;
        let level = if self.mismatches == 1 { log::Level::Error } else { log::Level::Debug };
        log::log!(
            level,
            "digest mismatch at zxid {zxid}: the {source} has {expected}, the tree {}",
            self.sum
        );
    }
}

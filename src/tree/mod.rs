//! The replicated state, in memory and nothing else: nodes and their stats, ACLs, quotas, ephemerals,
//! containers and TTLs, the digest; and the watches on them.
//!
//! This room is pure: no clock, no file, no socket, no thread. Time comes in transactions' headers.
//! Java: `DataTree`, `DataNode`, `ReferenceCountedACLCache`, `EphemeralType`, `DigestCalculator`,
//! `Quotas`, `StatsTrack`, `WatchManager`.
//!
//! Nodes are records in an arena ([`arena`]), found by the hash of their path ([`index`]); all change
//! comes through [`DataTree::apply`]. A snapshot is written by [`Walk`] and read by [`Loader`].

mod acl_cache;
mod apply;
mod arena;
mod children;
mod create;
mod delete;
pub mod digest;
pub mod ephemeral;
mod event;
mod index;
mod load;
mod node;
mod nursery;
mod owners;
pub mod path;
pub mod quota;
mod reads;
mod set;
mod shards;
#[cfg(test)]
mod tests;
mod usage;
mod walk;
pub mod watch;

pub use apply::Applied;
pub use digest::{ZxidDigest, node_digest};
pub use ephemeral::EphemeralType;
pub use event::{EventSink, EventType, NoEvents, SharedAcl};
pub use load::{LoadError, Loader};
pub use node::Node;
pub use nursery::{Nursery, Seedling};
pub use walk::{Walk, WalkedNode};

use jute::data::StatPersisted;

use crate::ids::Zxid;
use acl_cache::AclCache;
use arena::{Arena, NodeRecord};
use digest::Digests;
use ephemeral::Encodings;
use index::PathIndex;
use owners::Owners;
use quota::QuotaPaths;

/// The node under which the server keeps its own.
pub const ZOOKEEPER: &str = "/zookeeper";
/// The node that holds the ensemble's configuration.
pub const CONFIG_NODE: &str = "/zookeeper/config";

/// What of the configuration the state depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TreeOptions {
    /// `zookeeper.extendedTypesEnabled`: nodes with a time to live.
    pub extended_types: bool,
    /// `zookeeper.emulate353TTLNodes`: also those that 3.5.3 wrote.
    pub emulate_353_ttl: bool,
    /// `zookeeper.digest.enabled`.
    pub digest: bool,
    /// ZOOKEEPER-3145, for the simulator alone: the deletion of what is gone already leaves its
    /// parent as it is.
    pub fault_stale_pzxid: bool,
}

/// As Java without configuration: no extended types, a digest.
impl Default for TreeOptions {
    fn default() -> Self {
        Self {
            extended_types: false,
            emulate_353_ttl: false,
            digest: true,
            fault_stale_pzxid: false,
        }
    }
}

/// The tree of nodes.
#[derive(Debug)]
pub struct DataTree {
    options: TreeOptions,
    arena: Arena,
    index: PathIndex,
    acls: AclCache,
    owners: Owners,
    quotas: QuotaPaths,
    digests: Digests,
    last_processed: Zxid,
    size: Sizes,
}

/// UTF-16 units of all paths plus bytes of all data. Java keeps the root under two names and counts
/// it twice; its running figure misses some changes that a recount finds.
#[derive(Debug)]
struct Sizes {
    /// What a recount would find (`approximateDataSize`).
    exact: i64,
    /// What Java's running figure says (`cachedApproximateDataSize`).
    cached: i64,
}

/// UTF-16 units of the path plus bytes of the data.
fn node_size(path: &str, data: Option<&[u8]>) -> i64 {
    path::java_len(path) as i64 + data_len(data)
}

fn data_len(data: Option<&[u8]>) -> i64 {
    data.map_or(0, <[u8]>::len) as i64
}

impl DataTree {
    /// The tree of a server without data: `/`, `/zookeeper`, its `quota` and its `config`.
    pub fn new(options: TreeOptions) -> Self {
        let mut tree = Self::bare(options);
        tree.plant_root(Some(b""), acl_cache::OPEN, StatPersisted::default());
        for path in [ZOOKEEPER, quota::QUOTA_ROOT] {
            tree.plant_empty(path);
        }
        tree.ensure_config_node();
        tree.size.cached = tree.size.exact;
        tree
    }

    /// A tree of nothing but an empty root.
    fn bare(options: TreeOptions) -> Self {
        let mut arena = Arena::default();
        let root = NodeRecord::new("", None, StatPersisted::default());
        let mut digests = Digests::new(options.digest);
        if options.digest {
            digests.add(node_digest("", None, &root.stat));
        }
        arena.insert(root);
        Self {
            options,
            arena,
            index: PathIndex::default(),
            acls: AclCache::new(),
            owners: Owners::default(),
            quotas: QuotaPaths::default(),
            digests,
            last_processed: Zxid::ZERO,
            size: Sizes { exact: node_size("/", None), cached: 0 },
        }
    }

    /// What the tree was made with.
    pub fn options(&self) -> TreeOptions {
        self.options
    }

    /// The last transaction that was applied.
    pub fn last_processed_zxid(&self) -> Zxid {
        self.last_processed
    }

    /// Moves the zxid without a transaction: after a snapshot, at the start of an epoch.
    pub fn set_last_processed_zxid(&mut self, zxid: Zxid) {
        self.last_processed = zxid;
    }

    fn ephemeral_type(&self, owner: i64) -> EphemeralType {
        let TreeOptions { extended_types, emulate_353_ttl, .. } = self.options;
        // Snapshots with an invalid owner are refused, so none gets here but by a broken leader.
        EphemeralType::of(owner, Encodings { extended_types, emulate_353_ttl })
            .unwrap_or(EphemeralType::Normal)
    }
}

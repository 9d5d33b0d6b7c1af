//! What outlives the process: transaction logs, snapshots and epoch files, byte for byte those of
//! Java, and how a database comes back from them.
//!
//! Everything goes through one narrow door, [`Disk`]; this room knows the tree and the transactions,
//! and nothing of requests, peers or sockets. Java: package `server.persistence`, `PurgeTxnLog`, the
//! epoch files of `QuorumPeer`.
//!
//! A start: [`DataDirs::open`], [`snapshot::remove_leftovers`], [`restore()`], [`Epochs::load`].
//! Then [`txnlog::TxnLog`] takes what is proposed, and [`snapshot::take`] and [`purge()`] keep the
//! logs short.
//!
//! Loading a snapshot starts two threads of its own and waits for them. They only read, and hand over in
//! the order of the file, so what comes of it depends on the bytes alone: a seed of the simulator, which
//! loads this way, too, replays as before.

mod dirs;
pub mod disk;
mod epoch;
mod error;
pub mod names;
mod planting;
mod purge;
mod replay;
mod restore;
mod since;
pub mod snapshot;
#[cfg(test)]
mod testing;
mod truncate;
pub mod txnlog;

pub use dirs::{DataDirs, Faults, HistoryCut};
pub use disk::{Disk, DiskError, DiskFile, MemDisk, RealDisk};
pub use epoch::Epochs;
pub use error::{Error, Result};
pub use purge::{MIN_RETAIN, Purged, purge};
pub use replay::{Continuity, Replay};
pub use restore::{
    CommittedLog, MIN_COMMITTED_LOG, RestoreOptions, RestoreStats, Restored, restore,
};
pub use since::{bytes_worth_reading, read_since};
pub use truncate::{forget_after, truncate};

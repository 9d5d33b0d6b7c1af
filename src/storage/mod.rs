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
mod threads;
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
pub use threads::{Job, StartThread};
pub use truncate::{forget_after, truncate};

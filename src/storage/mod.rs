//! What outlives the process: transaction logs, snapshots and epoch files, byte for byte those of
//! Java, and how a database comes back from them.
//!
//! Everything goes through one narrow door, [`Disk`]; this room knows the tree and the transactions,
//! and nothing of requests, peers or sockets. Java: package `server.persistence`, `PurgeTxnLog`, the
//! epoch files of `QuorumPeer`.

pub mod disk;
mod error;
pub mod names;
pub mod txnlog;

pub use disk::{Disk, DiskError, DiskFile, MemDisk, RealDisk};
pub use error::{Error, Result};

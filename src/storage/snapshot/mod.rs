//! Snapshots. Java: `persistence.FileSnap`, `SnapStream`, `util.SerializeUtils`, `DataTree.serialize`.
//!
//! ```text
//! header   int    magic "ZKSN"
//!          int    version, 2
//!          long   dbid, -1
//! body     see [`body`]: sessions, ACL map, nodes, "/"
//! seal     long   Adler32 of all bytes so far, earlier seals included
//!          string "/"
//! digest   long   zxid             if digest.enabled, since 3.6
//!          int    digest version
//!          long   digest           (a hexadecimal string before version 2)
//!          seal
//! zxid     long   last processed   if serializeLastProcessedZxid.enabled, since 3.9
//!          seal
//! ```
//!
//! All of it is one stream, plain, gzipped, or in the container of snappy-java, as the name's
//! extension says. Which of the last two parts are there follows from the length of what stands
//! behind the first seal and is proven by the seals; Java goes by its own settings instead, and so
//! refuses snapshots that were written under others.

mod ahead;
pub mod body;
mod container;
mod find;
mod read;
mod take;
mod write;

use crate::config::Compression;
use crate::ids::Zxid;
use crate::tree::ZxidDigest;

pub use find::{newest_valid, remove_leftovers, valid};
pub use read::{read, read_stream};
pub use take::{SnapshotOptions, TakenSnapshot, take};
pub use write::SnapshotWriter;

/// "ZKSN".
pub const MAGIC: i32 = 0x5a4b_534e;
/// The version in the header.
pub const VERSION: i32 = 2;
/// The dbid in the header.
const DB_ID: i64 = -1;
/// Bytes of the header.
const HEADER_LEN: usize = 16;
/// Bytes of a seal.
const SEAL_LEN: usize = 13;
/// With which a seal, the body, and so every snapshot ends: the string "/".
const LAST_BYTES: [u8; 5] = [0, 0, 0, 1, b'/'];

/// What a snapshot says of itself behind its nodes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Trailer {
    /// The tree's digest when the walk was over.
    pub digest: Option<ZxidDigest>,
    /// The last processed zxid when the walk was over: at or after the one in the file's name.
    pub last_zxid: Option<Zxid>,
}

impl Trailer {
    /// The last transaction that the snapshot may hold some of, as far as it says so. Counter 0 of an
    /// epoch is none.
    pub fn last_txn(&self) -> Option<Zxid> {
        let digest = self.digest.map(|digest| digest.zxid);
        digest.max(self.last_zxid.filter(|zxid| zxid.counter() != 0))
    }
}

/// The extension of a snapshot's name (`StreamMode.getFileExtension`).
pub fn extension(compression: Compression) -> &'static str {
    match compression {
        Compression::None => "",
        Compression::Gzip => ".gz",
        Compression::Snappy => ".snappy",
    }
}

/// How a file of this name is compressed (`SnapStream.getStreamMode`).
pub fn compression_of(name: &str) -> Compression {
    match name.rsplit_once('.').map(|(_, last)| last.to_ascii_lowercase()).as_deref() {
        Some("gz") => Compression::Gzip,
        Some("snappy") => Compression::Snappy,
        _ => Compression::None,
    }
}

#[cfg(test)]
mod tests;

//! What of the server's properties the tools heed (`JVMFLAGS=-Djute.maxbuffer=...`).

use jute::{DEFAULT_MAX_BUFFER, Limits};

use crate::config::Properties;
use crate::config::java::decode_long;

/// The smallest `zookeeper.jute.maxbuffer.extrasize`, in bytes (`BinaryInputArchive`).
const MIN_EXTRA: i64 = 1024;
/// Default of `zookeeper.preAllocSize`, in KiB.
const PREALLOC_KIB: i64 = 64 * 1024;

/// Bounds for reading, and how files are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// The longest record.
    pub limits: Limits,
    /// Bytes by which a log grows; 0: by what is written.
    pub prealloc: u64,
}

impl Settings {
    /// Reads `jute.maxbuffer`, `zookeeper.jute.maxbuffer.extrasize` and `zookeeper.preAllocSize`. A
    /// value that is no number counts as none (`Integer.getInteger`).
    pub fn new(properties: &Properties) -> Self {
        let number = |name: &str| properties.get(name).and_then(decode_long);
        let max = number("jute.maxbuffer").unwrap_or(DEFAULT_MAX_BUFFER as i64);
        let extra = number("zookeeper.jute.maxbuffer.extrasize").unwrap_or(max).max(MIN_EXTRA);
        let size = |n: i64| usize::try_from(n).unwrap_or(0);
        let prealloc = number("zookeeper.preAllocSize").unwrap_or(PREALLOC_KIB);
        Self {
            limits: Limits::new(size(max), size(extra)),
            prealloc: u64::try_from(prealloc).unwrap_or(0).saturating_mul(1024),
        }
    }
}

//! Why a disk's content cannot be used, or not be written: with the file, the place in it and the
//! zxid, so that an operator knows what to look at.

use std::fmt;
use std::path::PathBuf;

use super::disk::DiskError;
use super::names;
use crate::ids::Zxid;
use crate::txn::TxnError;

/// Everything that can go wrong with the files of a server.
#[derive(Debug, Clone)]
pub enum Error {
    /// The disk refused.
    Disk(DiskError),
    /// A log's bytes are not what was written, where a crash cannot have been the cause.
    LogDamaged {
        /// The log.
        path: PathBuf,
        /// Offset of the record that cannot be read, in bytes.
        offset: u64,
        /// The last transaction that was readable before it, in this log or an earlier one.
        last: Option<Zxid>,
        /// What is wrong there.
        what: String,
    },
    /// A record is intact but holds no transaction that this server knows.
    LogTxn {
        /// The log.
        path: PathBuf,
        /// Offset of the record, in bytes.
        offset: u64,
        /// Its zxid.
        zxid: Zxid,
        /// Why.
        cause: TxnError,
    },
    /// Transactions are missing between two that are there.
    LogGap {
        /// The log in which the later one is.
        path: PathBuf,
        /// Offset of the later one, in bytes.
        offset: u64,
        /// The earlier one.
        last: Zxid,
        /// The later one.
        found: Zxid,
    },
    /// Nothing to cut: no log holds a transaction at or after the wanted one (`FileTxnLog.truncate`).
    NothingToTruncate,
    /// Cutting would leave no snapshot to start from.
    NoBaseForTruncate {
        /// What was to be the last transaction.
        zxid: Zxid,
    },
    /// A file is no snapshot, or a damaged one.
    Snapshot {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// There are snapshots but none can be loaded.
    NoValidSnapshot {
        /// Their directory.
        dir: PathBuf,
    },
    /// There are logs but no snapshot to apply them to.
    EmptySnapshot,
    /// The directories are missing, not writable, or mixed up (`DatadirException` and its kin).
    DataDir(String),
    /// The epoch files are missing, unreadable, or contradict each other or the log.
    Epoch(String),
}

/// Result of an operation of this room.
pub type Result<T> = std::result::Result<T, Error>;

impl From<DiskError> for Error {
    fn from(e: DiskError) -> Self {
        Self::Disk(e)
    }
}

/// "after zxid 0x5" or "before any transaction".
struct After(Option<Zxid>);

impl fmt::Display for After {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(zxid) => write!(f, "after zxid {zxid}"),
            None => f.write_str("before any transaction"),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disk(e) => e.fmt(f),
            Self::LogDamaged { path, offset, last, what } => write!(
                f,
                "transaction log {} is damaged at offset {offset}, {}: {what}. Nothing was changed; \
                 acknowledged transactions may be affected. A member whose ensemble has a leader \
                 without it may start anew: move its logs and snapshots aside, and the leader sends \
                 it everything. A server alone needs a backup, or zkTxnLogToolkit.sh to see what is \
                 lost",
                path.display(),
                After(*last)
            ),
            Self::LogTxn { path, offset, zxid, cause } => write!(
                f,
                "transaction log {}: the transaction at offset {offset}, zxid {zxid}, makes no \
                 sense: {cause}",
                path.display()
            ),
            Self::LogGap { path, offset, last, found } => write!(
                f,
                "transaction log {}: {found} at offset {offset} is not the next proposal of {last}; \
                 the transactions between them are missing",
                path.display()
            ),
            Self::NothingToTruncate => f.write_str(
                "No log files found to truncate! This could happen if you still have snapshots from \
                 an old setup or log files were deleted accidentally or dataLogDir was changed in \
                 zoo.cfg.",
            ),
            Self::NoBaseForTruncate { zxid } => {
                write!(f, "cannot truncate to {zxid}: there is no valid snapshot at or before it")
            }
            Self::Snapshot { path, what } => {
                write!(f, "{} {} is not usable: {what}", names::SNAPSHOT, path.display())
            }
            Self::NoValidSnapshot { dir } => {
                write!(f, "Not able to find valid snapshots in {}", dir.display())
            }
            Self::EmptySnapshot => {
                f.write_str("No snapshot found, but there are log entries. Something is broken!")
            }
            Self::DataDir(what) | Self::Epoch(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for Error {}

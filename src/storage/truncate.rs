//! Going back to an earlier transaction, as a leader asks of a learner that has logged more than was
//! ever committed (TRUNC). Java: `ZKDatabase.truncateLog`.

use std::sync::Arc;

use jute::Limits;

use super::names::{SNAPSHOT, files};
use super::{DataDirs, Error, Result, snapshot, txnlog};
use crate::ids::Zxid;

/// How many snapshots are looked at for one that is old enough.
const MAX_CANDIDATES: usize = usize::MAX;

/// Removes every transaction after `zxid` from the logs, and the snapshots that hold such. The tree is
/// then to be restored anew. Java leaves the snapshots, and restores the transactions from them.
///
/// # Errors
/// [`Error::NoBaseForTruncate`] or [`Error::NothingToTruncate`], both before anything was changed: this
/// server needs a snapshot of its leader.
pub fn truncate(dirs: &DataDirs, zxid: Zxid, limits: Limits) -> Result<()> {
    let disk = Arc::clone(dirs.disk());
    let whole = snapshot::newest_valid(&*disk, dirs.snap(), MAX_CANDIDATES)?;
    if whole.iter().all(|s| s.zxid > zxid) {
        return Err(Error::NoBaseForTruncate { zxid });
    }
    txnlog::truncate(Arc::clone(&disk), dirs.log(), zxid, limits)?;
    for newer in files(&*disk, dirs.snap(), SNAPSHOT)?.iter().rev().filter(|s| s.zxid > zxid) {
        log::info!("Removing snapshot {}, it is newer than {zxid}", newer.path.display());
        disk.remove(&newer.path)?;
        disk.sync_dir(dirs.snap())?;
    }
    Ok(())
}

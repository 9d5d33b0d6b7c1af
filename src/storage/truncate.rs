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
    txnlog::truncate(disk, dirs.log(), zxid, limits)?;
    remove_newer_snapshots(dirs, zxid)
}

/// The database was replaced by that of a leader, and a snapshot says so, named after `zxid`: whatever
/// stands behind that in logs and snapshots is of a history that was given up. A restart would bring it
/// back, for it looks newer. Java leaves it.
///
/// # Errors
/// If the disk refuses, or a log is damaged.
pub fn forget_after(dirs: &DataDirs, zxid: Zxid, limits: Limits) -> Result<()> {
    match txnlog::truncate(Arc::clone(dirs.disk()), dirs.log(), zxid, limits) {
        Ok(()) | Err(Error::NothingToTruncate) => remove_newer_snapshots(dirs, zxid),
        Err(e) => Err(e),
    }
}

fn remove_newer_snapshots(dirs: &DataDirs, zxid: Zxid) -> Result<()> {
    if dirs.faults().keep_cut_snapshots {
        return Ok(());
    }
    let disk = dirs.disk();
    for newer in files(&**disk, dirs.snap(), SNAPSHOT)?.iter().rev().filter(|s| s.zxid > zxid) {
        log::info!("Removing snapshot {}, it is newer than {zxid}", newer.path.display());
        disk.remove(&newer.path)?;
        disk.sync_dir(dirs.snap())?;
    }
    Ok(())
}

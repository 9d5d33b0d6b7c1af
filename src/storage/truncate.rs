//! Going back to an earlier transaction, as a leader asks of a learner that has logged more than was
//! ever committed (TRUNC). Java: `ZKDatabase.truncateLog`.

use std::sync::Arc;

use jute::Limits;

use super::names::{SNAPSHOT, ZxidFile, files};
use super::{DataDirs, Error, Result, snapshot, txnlog};
use crate::ids::Zxid;

/// How many snapshots are looked at for one that is old enough.
const MAX_CANDIDATES: usize = usize::MAX;

/// Removes every transaction after `zxid` from the logs, and the snapshots that hold such. The tree is
/// then to be restored anew. Java leaves the snapshots, and restores the transactions from them.
///
/// # Errors
/// [`Error::NoBaseForTruncate`] or [`Error::NothingToTruncate`], both before the log was changed: this
/// server needs a snapshot of its leader.
pub fn truncate(dirs: &DataDirs, zxid: Zxid, limits: Limits) -> Result<()> {
    let ahead = snapshots_ahead(dirs, zxid, limits)?;
    if !dirs.faults().keep_cut_snapshots {
        // Before the log: a start between the two finds what the log says, and is told to cut it again.
        ahead.iter().try_for_each(|snapshot| remove(dirs, snapshot, zxid))?;
    }
    txnlog::truncate(Arc::clone(dirs.disk()), dirs.log(), zxid, limits)
}

/// The snapshots that are newer than the newest one that holds nothing after `zxid`, newest first.
/// One that was begun before may hold it all the same (ZOOKEEPER-1549): a term ended while it was
/// taken, and what was logged became part of the tree.
fn snapshots_ahead(dirs: &DataDirs, zxid: Zxid, limits: Limits) -> Result<Vec<ZxidFile>> {
    let disk = &**dirs.disk();
    let mut ahead = snapshot::newest_valid(disk, dirs.snap(), MAX_CANDIDATES)?.into_iter();
    let is_base = |snapshot: &ZxidFile| {
        snapshot.zxid <= zxid
            && match snapshot::read(disk, snapshot, limits, None, |_| Ok(())) {
                Ok(trailer) => trailer.last_txn().is_none_or(|last| last <= zxid),
                Err(e) => {
                    log::warn!("problem reading snap file {}: {e}", snapshot.path.display());
                    false
                }
            }
    };
    let mut found = Vec::new();
    loop {
        match ahead.next() {
            None => return Err(Error::NoBaseForTruncate { zxid }),
            Some(snapshot) if is_base(&snapshot) => return Ok(found),
            Some(snapshot) => found.push(snapshot),
        }
    }
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
    let all = files(&**dirs.disk(), dirs.snap(), SNAPSHOT)?;
    let mut newer = all.iter().rev().filter(|s| s.zxid > zxid);
    newer.try_for_each(|snapshot| remove(dirs, snapshot, zxid))
}

fn remove(dirs: &DataDirs, snapshot: &ZxidFile, zxid: Zxid) -> Result<()> {
    log::info!("Removing snapshot {}, it holds more than {zxid}", snapshot.path.display());
    dirs.disk().remove(&snapshot.path)?;
    Ok(dirs.disk().sync_dir(dirs.snap())?)
}

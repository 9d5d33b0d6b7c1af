//! The end of a log: which transaction is last, and how it becomes the last.

use std::path::Path;
use std::sync::Arc;

use jute::Limits;

use super::HEADER_LEN;
use super::iter::{LogIter, Tail};
use crate::ids::Zxid;
use crate::storage::disk::{self, Disk};
use crate::storage::names::{LOG, ZxidFile, files};
use crate::storage::{Error, Result};

/// The last transaction in the logs of `dir`; `None` where there is none (`getLastLoggedZxid`, which
/// takes the name of a log for a transaction).
///
/// # Errors
/// If a log is damaged.
pub fn last_zxid(disk: Arc<dyn Disk>, dir: &Path, limits: Limits) -> Result<Option<Zxid>> {
    let mut last = None;
    for log in files(&*disk, dir, LOG)?.iter().rev() {
        let mut iter = LogIter::open(Arc::clone(&disk), dir, log.zxid, limits)?;
        while iter.advance()? {
            last = iter.record().map(|r| r.zxid).max(last);
        }
        if last.is_some() {
            break;
        }
    }
    Ok(last)
}

/// Removes every transaction after `zxid` (`FileTxnLog.truncate`). Later logs go first and the newest
/// before the others, so that a crash in between leaves no hole.
///
/// # Errors
/// [`Error::NothingToTruncate`] where the logs end before `zxid`: it is not this server's to cut.
pub(in crate::storage) fn truncate(
    disk: Arc<dyn Disk>,
    dir: &Path,
    zxid: Zxid,
    limits: Limits,
) -> Result<()> {
    let mut iter = LogIter::open(Arc::clone(&disk), dir, zxid, limits)?;
    let mut last = None;
    while iter.advance()? {
        let (Some(record), Some(path)) = (iter.record(), iter.path()) else { break };
        if record.zxid > zxid {
            return cut_at(&*disk, dir, path, record.offset);
        }
        last = Some(record.zxid);
    }
    if last == Some(zxid) { Ok(()) } else { Err(Error::NothingToTruncate) }
}

/// Cuts `path` at `offset` and removes the logs after it.
fn cut_at(disk: &dyn Disk, dir: &Path, path: &Path, offset: u64) -> Result<()> {
    let logs = files(disk, dir, LOG)?;
    let later = |f: &&ZxidFile| f.path != path;
    for log in logs.iter().rev().take_while(later) {
        disk.remove(&log.path)?;
        disk.sync_dir(dir)?;
    }
    Ok(cut_file(disk, path, offset)?)
}

/// Removes an interrupted write, so that Java, too, can read the log once it is not the newest.
///
/// # Errors
/// If the disk refuses.
pub(in crate::storage) fn cut_tail(disk: &dyn Disk, tail: &Tail) -> disk::Result<()> {
    cut_file(disk, &tail.path, tail.offset)
}

/// Cuts a log at `offset`; one without records goes as a whole.
fn cut_file(disk: &dyn Disk, path: &Path, offset: u64) -> disk::Result<()> {
    if offset > HEADER_LEN as u64 {
        let mut file = disk.open_rw(path)?;
        file.set_len(offset)?;
        return file.sync();
    }
    disk.remove(path)?;
    path.parent().map_or(Ok(()), |dir| disk.sync_dir(dir))
}

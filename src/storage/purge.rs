//! Removing what no start will need. Java: `PurgeTxnLog`, run by `DatadirCleanupManager`.

use std::path::PathBuf;

use super::names::{self, LOG, SNAPSHOT, ZxidFile};
use super::{DataDirs, Result, snapshot};
use crate::ids::Zxid;

/// The fewest snapshots that a purge keeps.
pub const MIN_RETAIN: usize = 3;

/// What a purge did.
#[derive(Debug, Clone, Default)]
pub struct Purged {
    /// The files that are gone.
    pub removed: Vec<ZxidFile>,
    /// Those that should be.
    pub failed: Vec<PathBuf>,
}

/// Keeps the `retain` newest snapshots (at least [`MIN_RETAIN`]) that look whole, whatever else is
/// newer, and every log that the oldest of these may need; removes older snapshots and logs. Only
/// snapshots that look whole count (ZOOKEEPER-3231), and without any nothing is removed.
///
/// # Errors
/// If a directory cannot be listed.
pub fn purge(dirs: &DataDirs, retain: usize) -> Result<Purged> {
    let kept = newest(dirs, retain.max(MIN_RETAIN))?;
    let Some(oldest) = kept.last() else { return Ok(Purged::default()) };
    let mut purged = Purged::default();
    for file in candidates(dirs, oldest.zxid)? {
        match dirs.disk().remove(&file.path) {
            Ok(()) => {
                log::info!("Removing file: {}", file.path.display());
                purged.removed.push(file);
            }
            Err(e) => {
                log::warn!("Failed to remove {e}");
                purged.failed.push(file.path);
            }
        }
    }
    Ok(purged)
}

/// The newest snapshots that look whole.
fn newest(dirs: &DataDirs, count: usize) -> Result<Vec<ZxidFile>> {
    let disk = &**dirs.disk();
    if dirs.faults().count_broken_snapshots {
        let all = names::files(disk, dirs.snap(), SNAPSHOT)?;
        return Ok(all.into_iter().rev().take(count).collect());
    }
    Ok(snapshot::newest_valid(disk, dirs.snap(), count)?)
}

/// Logs and snapshots older than the oldest snapshot that is kept, less the log that it may go on in.
fn candidates(dirs: &DataDirs, oldest: Zxid) -> Result<Vec<ZxidFile>> {
    let disk = &**dirs.disk();
    let needed = names::logs_from(disk, dirs.log(), oldest)?;
    let mut files = names::files(disk, dirs.log(), LOG)?;
    files.retain(|f| needed.iter().all(|n| n.path != f.path));
    files.extend(names::files(disk, dirs.snap(), SNAPSHOT)?);
    files.retain(|f| f.zxid < oldest);
    Ok(files)
}

#[cfg(test)]
mod tests;

//! Which snapshots there are, and which of them were written to the end. Java:
//! `FileSnap.findNValidSnapshots`, `SnapStream.isValidSnapshot`.

use std::path::Path;

use super::container::{GZIP_MAGIC, SNAPPY_MAGIC};
use super::write::TMP_PREFIX;
use super::{LAST_BYTES, compression_of};
use crate::config::Compression;
use crate::storage::disk::{self, Disk};
use crate::storage::names::{SNAPSHOT, ZxidFile, files};

/// The shortest plain file that is looked at, in bytes.
const SHORTEST: u64 = 10;

/// Up to `max` snapshots that look whole, newest first. Looking costs a read of a few bytes; whether a
/// snapshot is whole indeed is known once it was loaded.
///
/// # Errors
/// If the directory cannot be listed.
pub fn newest_valid(disk: &dyn Disk, dir: &Path, max: usize) -> disk::Result<Vec<ZxidFile>> {
    let found = files(disk, dir, SNAPSHOT)?;
    let whole = |f: &ZxidFile| match valid(disk, f) {
        Ok(valid) => valid,
        Err(e) => {
            log::warn!("invalid snapshot {}: {e}", f.path.display());
            false
        }
    };
    Ok(found.into_iter().rev().filter(whole).take(max).collect())
}

/// Whether a snapshot looks whole: it ends as snapshots do, or is compressed as its name says
/// (`isValidSnapshot`).
///
/// # Errors
/// If the file cannot be read.
pub fn valid(disk: &dyn Disk, snapshot: &ZxidFile) -> disk::Result<bool> {
    let name = snapshot.path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
    let file = disk.open(&snapshot.path)?;
    let len = file.len()?;
    let mut buf = [0; 8];
    Ok(match compression_of(name) {
        Compression::None => {
            let last = &mut buf[..LAST_BYTES.len()];
            len >= SHORTEST && file.read_at(len - 5, last)? == 5 && *last == LAST_BYTES
        }
        Compression::Gzip => file.read_at(0, &mut buf[..2])? == 2 && buf[..2] == GZIP_MAGIC,
        Compression::Snappy => file.read_at(0, &mut buf)? == 8 && buf == SNAPPY_MAGIC,
    })
}

/// Removes what a crash left of snapshots that were being written. For the start of the process, when
/// nobody writes.
///
/// # Errors
/// If the disk refuses.
pub fn remove_leftovers(disk: &dyn Disk, dir: &Path) -> disk::Result<()> {
    for entry in disk.list(dir)? {
        if entry.name.starts_with(TMP_PREFIX) {
            log::info!("Removing unfinished snapshot {}", entry.name);
            disk.remove(&dir.join(&entry.name))?;
        }
    }
    Ok(())
}

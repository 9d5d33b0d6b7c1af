//! What the files are called, and which zxid a name stands for. Java: `persistence.Util`.

use std::path::{Path, PathBuf};

use super::disk::{self, Disk};
use crate::ids::{Millis, Zxid};

/// Prefix of transaction logs, before the dot.
pub const LOG: &str = "log";
/// Prefix of snapshots, before the dot.
pub const SNAPSHOT: &str = "snapshot";

/// A log or snapshot in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZxidFile {
    /// The zxid of its name: the first record of a log, the last processed zxid of a snapshot.
    pub zxid: Zxid,
    /// Where it is.
    pub path: PathBuf,
    /// Length in bytes.
    pub len: u64,
    /// Last modification, wall clock.
    pub modified: Millis,
}

/// The name of the log that starts at `zxid` (`makeLogName`).
pub fn log_name(zxid: Zxid) -> String {
    format!("{LOG}.{:x}", zxid.0)
}

/// The name of the snapshot of `zxid`; `extension` is empty or starts with a dot
/// (`makeSnapshotName`).
pub fn snapshot_name(zxid: Zxid, extension: &str) -> String {
    format!("{SNAPSHOT}.{:x}{extension}", zxid.0)
}

/// The zxid in a name of the form `prefix.<hex>` or `prefix.<hex>.<anything>`
/// (`getZxidFromName`, which says -1 for `None`). Negative ones name nothing.
pub fn zxid_of(name: &str, prefix: &str) -> Option<Zxid> {
    let mut parts = name.split('.');
    if parts.next() != Some(prefix) {
        return None;
    }
    let zxid = i64::from_str_radix(parts.next()?, 16).ok()?;
    (zxid >= 0).then_some(Zxid(zxid))
}

/// Whether a file counts as a log or snapshot to `prefix` by its name alone, readable or not
/// (`isLogFileName`, `isSnapshotFileName`).
pub fn has_prefix(name: &str, prefix: &str) -> bool {
    name.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('.'))
}

/// The files of `prefix` in `dir`, by ascending zxid (`sortDataDir`).
///
/// # Errors
/// If the directory cannot be listed.
pub fn files(disk: &dyn Disk, dir: &Path, prefix: &str) -> disk::Result<Vec<ZxidFile>> {
    let mut found: Vec<ZxidFile> = disk
        .list(dir)?
        .into_iter()
        .filter_map(|f| {
            let zxid = zxid_of(&f.name, prefix)?;
            Some(ZxidFile { zxid, path: dir.join(f.name), len: f.len, modified: f.modified })
        })
        .collect();
    found.sort_by(|a, b| (a.zxid, &a.path).cmp(&(b.zxid, &b.path)));
    Ok(found)
}

/// The logs that may hold transactions from `zxid` on: the last that starts at or before it, and all
/// later ones, ascending (`FileTxnLog.getLogFiles`).
///
/// # Errors
/// If the directory cannot be listed.
pub fn logs_from(disk: &dyn Disk, dir: &Path, zxid: Zxid) -> disk::Result<Vec<ZxidFile>> {
    let mut logs = files(disk, dir, LOG)?;
    let start = logs.iter().rev().map(|f| f.zxid).find(|z| *z <= zxid).unwrap_or(Zxid::ZERO);
    logs.retain(|f| f.zxid >= start);
    Ok(logs)
}

#[cfg(test)]
mod tests {
    use super::super::disk::MemDisk;
    use super::*;

    #[test]
    fn names_are_those_of_java() {
        assert_eq!(log_name(Zxid::new(1, 0x1f)), "log.10000001f");
        assert_eq!(snapshot_name(Zxid::ZERO, ".gz"), "snapshot.0.gz");
        assert_eq!(zxid_of("snapshot.10000001f.snappy", SNAPSHOT), Some(Zxid::new(1, 0x1f)));
        for bad in ["snapshot", "snapshot.", "snapshot.x", "snapshots.1", "log.1", "snapshot.-1"] {
            assert_eq!(zxid_of(bad, SNAPSHOT), None, "{bad}");
        }
        assert!(has_prefix("snapshot.x", SNAPSHOT) && !has_prefix("snapshotx", SNAPSHOT));
    }

    #[test]
    fn the_log_before_a_zxid_may_hold_it() {
        let disk = MemDisk::new();
        let dir = Path::new("/d");
        disk.create_dir_all(dir).unwrap();
        for name in ["log.1", "log.5", "log.a", "log.x", "snapshot.5"] {
            disk.create(&dir.join(name)).unwrap();
        }
        let from = |z| -> Vec<i64> {
            logs_from(&disk, dir, Zxid(z)).unwrap().iter().map(|f| f.zxid.0).collect()
        };
        assert_eq!(from(0), [1, 5, 10]);
        assert_eq!(from(4), [1, 5, 10]);
        assert_eq!(from(5), [5, 10]);
        assert_eq!(from(99), [10]);
    }
}

//! The end of a log as a machine leaves it that stops in the middle of a write.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use compat_tests::{Failure, Result};

/// Magic, version, dbid.
const HEADER: usize = 16;
/// Checksum and length stand before the payload, one byte 0x42 behind it.
const FRAME: usize = 8 + 4;

/// Writes the first part of a record behind the last whole one of the newest log in `dir`.
pub(crate) fn tear_newest_log(dir: &Path) -> Result<()> {
    let log = newest_log(dir)?;
    let bytes = fs::read(&log)?;
    let (last, end) = last_record(&bytes)
        .ok_or_else(|| Failure::new(format!("no record in {}", log.display())))?;
    // The last record once more, but for its last bytes: what is behind it stays zero, or ends.
    let torn = &bytes[last..end - 9];
    OpenOptions::new().write(true).open(&log)?.write_all_at(torn, end as u64)?;
    Ok(())
}

/// Where the last whole record begins and ends.
fn last_record(bytes: &[u8]) -> Option<(usize, usize)> {
    let (mut last, mut at) = (None, HEADER);
    while let Some(length) = bytes.get(at + 8..at + FRAME) {
        let length = u32::from_be_bytes(length.try_into().ok()?) as usize;
        let end = at + FRAME + length + 1;
        if length == 0 || bytes.get(end - 1) != Some(&0x42) {
            break;
        }
        last = Some((at, end));
        at = end;
    }
    last
}

/// The log with the highest zxid in its name.
fn newest_log(dir: &Path) -> Result<PathBuf> {
    let mut newest = None;
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let zxid = name.strip_prefix("log.").and_then(|hex| u64::from_str_radix(hex, 16).ok());
        newest = newest.max(zxid.map(|zxid| (zxid, path)));
    }
    let newest = newest.ok_or_else(|| Failure::new(format!("no log in {}", dir.display())))?;
    Ok(newest.1)
}

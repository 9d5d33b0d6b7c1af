//! What the tests of this room share: files of Java servers, payloads, and a disk that fails.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jute::txn::{CreateSessionTxn, TxnHeader};
use jute::{Record, to_bytes};

use super::disk::{Disk, MemDisk};
use super::txnlog::{TxnLog, TxnLogOptions};
use super::{DataDirs, names};
use crate::ids::Zxid;
use crate::op::op;

/// The golden files of a server version: `(version, file name, bytes)`.
pub(super) fn golden() -> Vec<(String, String, Vec<u8>)> {
    let base = Path::new(env!("CARGO_MANIFEST_DIR")).join("compat-tests/golden/files");
    let mut found = BTreeMap::new();
    for dir in std::fs::read_dir(&base).unwrap().map(|d| d.unwrap().path()) {
        for file in std::fs::read_dir(&dir).unwrap().map(|f| f.unwrap().path()) {
            let part = |p: &Path| p.file_name().unwrap().to_str().unwrap().to_owned();
            found.insert((part(&dir), part(&file)), std::fs::read(&file).unwrap());
        }
    }
    found.into_iter().map(|((version, name), bytes)| (version, name, bytes)).collect()
}

/// Those of one version whose names start with `prefix`.
pub(super) fn golden_of(version: &str, prefix: &str) -> Vec<(String, Vec<u8>)> {
    let mine = golden().into_iter().filter(|(v, n, _)| v == version && n.starts_with(prefix));
    mine.map(|(_, name, bytes)| (name, bytes)).collect()
}

/// Directories on a disk in memory, with these files where they belong.
pub(super) fn dirs_with(files: &[(String, Vec<u8>)]) -> DataDirs {
    dirs_on(Arc::new(MemDisk::new()), files)
}

/// Directories on `disk`, with these files where they belong.
pub(super) fn dirs_on(disk: Arc<dyn Disk>, files: &[(String, Vec<u8>)]) -> DataDirs {
    let dirs = DataDirs::open(disk, Path::new("/d"), Path::new("/l"), true).unwrap();
    for (name, bytes) in files {
        put(&dirs, name, bytes);
    }
    dirs
}

/// The place of a file by its name.
pub(super) fn path_of(dirs: &DataDirs, name: &str) -> PathBuf {
    let dir = if names::has_prefix(name, names::LOG) { dirs.log() } else { dirs.snap() };
    dir.join(name)
}

/// Writes a file.
pub(super) fn put(dirs: &DataDirs, name: &str, bytes: &[u8]) {
    let mut file = dirs.disk().create(&path_of(dirs, name)).unwrap();
    file.write_at(0, bytes).unwrap();
}

/// All bytes of a file.
pub(super) fn get(dirs: &DataDirs, name: &str) -> Vec<u8> {
    let file = dirs.disk().open(&path_of(dirs, name)).unwrap();
    let mut bytes = vec![0; usize::try_from(file.len().unwrap()).unwrap()];
    file.read_at(0, &mut bytes).unwrap();
    bytes
}

/// The names in a directory, sorted.
pub(super) fn list(dirs: &DataDirs, dir: &Path) -> Vec<String> {
    let mut names: Vec<_> = dirs.disk().list(dir).unwrap().into_iter().map(|f| f.name).collect();
    names.sort();
    names
}

/// A transaction's payload; `fill` bytes longer than it need be, none of them zero.
pub(super) fn payload(zxid: Zxid, fill: usize) -> Vec<u8> {
    let kind = op::CREATE_SESSION;
    let mut bytes =
        to_bytes(&TxnHeader { client_id: zxid.0 + 7, cxid: 1, zxid: zxid.0, time: 3, kind });
    CreateSessionTxn { timeout: 4000 }.write(&mut bytes);
    bytes.resize(bytes.len() + fill, b'x');
    bytes
}

/// A log writer that pads by `prealloc` bytes, on a clock that stands still.
pub(super) fn log_of(dirs: &DataDirs, prealloc: u64) -> TxnLog {
    let options = TxnLogOptions { prealloc, ..TxnLogOptions::default() };
    TxnLog::new(dirs, options, Box::new(|| 0))
}

/// Appends and syncs transactions `from` to `to`.
pub(super) fn append(log: &mut TxnLog, from: i64, to: i64, fill: usize) {
    for zxid in (from..=to).map(Zxid) {
        log.append(zxid, &payload(zxid, fill)).unwrap();
    }
    log.sync().unwrap();
}

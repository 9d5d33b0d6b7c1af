//! Files that hold anything: transaction logs and snapshots as somebody may have left them.

use std::path::Path;
use std::sync::Arc;

use gamekeeper::config::Compression;
use gamekeeper::ids::Zxid;
use gamekeeper::storage::disk::{Disk, MemDisk};
use gamekeeper::storage::snapshot::{self, SnapshotOptions};
use gamekeeper::storage::txnlog::{LogIter, TxnLog, TxnLogOptions};
use gamekeeper::storage::{DataDirs, RestoreOptions, read_since, restore, truncate};
use gamekeeper::tree::TreeOptions;
use jute::Limits;
use jute::txn::{ErrorTxn, TxnHeader};

const DATA: &str = "/data";
/// No more than this of what a file claims is believed.
const LIMITS: Limits = Limits { max_field: 1 << 20 };

fn options() -> RestoreOptions {
    RestoreOptions {
        tree: TreeOptions::default(),
        limits: LIMITS,
        db_autocreate: true,
        trust_empty_snapshot: true,
        committed_log: 500,
        snapshot: snapshot_options(),
        threads: None,
    }
}

fn snapshot_options() -> SnapshotOptions {
    SnapshotOptions { compression: Compression::None, digest: true, last_zxid: true }
}

/// A data directory with one file in it.
fn dirs_with(name: &str, content: &[u8]) -> DataDirs {
    let disk: Arc<dyn Disk> = Arc::new(MemDisk::new());
    let dirs = DataDirs::open(Arc::clone(&disk), Path::new(DATA), Path::new(DATA), true)
        .expect("an empty disk");
    let path = dirs.log().join(name);
    let mut file = disk.create(&path).expect("there is a directory");
    file.write_at(0, content).expect("there is room");
    dirs
}

/// Any bytes as `log.1`: read, restored from, cut, written on.
pub(super) fn txnlog(data: &[u8]) {
    let dirs = dirs_with("log.1", data);
    let read = count(&dirs);
    let _ = read_since(&dirs, Zxid(1), LIMITS, f64::MAX);
    let restored = restore(&dirs, options(), || 0);
    let Ok(restored) = restored else { return };
    // What a start accepts can be gone on with: more is appended behind it and read again.
    let last = restored.last_zxid;
    let next = Zxid(last.0.wrapping_add(1));
    if last.0 > 0 && next.counter() != 0 {
        let options_small = TxnLogOptions { prealloc: 0, ..TxnLogOptions::default() };
        let mut log = TxnLog::new(&dirs, options_small, Box::new(|| 0));
        let record = error_record(next);
        let appended = log.append(next, &record).and_then(|()| log.sync().map(drop));
        appended.expect("a sound log can be written on");
        drop(log);
        let again = restore(&dirs, options(), || 0).expect("what was sound stays so");
        assert_eq!(again.last_zxid, next, "what was appended is not there");
        assert_eq!(again.tree.digest(), restored.tree.digest());
        assert!(count(&dirs) > 0 || read == 0);
        let _ = truncate(&dirs, last, LIMITS);
        let _ = restore(&dirs, options(), || 0);
    }
}

/// A transaction that changes nothing.
fn error_record(zxid: Zxid) -> Vec<u8> {
    use gamekeeper::op::op;
    use gamekeeper::txn::{Txn, TxnRecord};
    let header = TxnHeader { client_id: 1, cxid: 1, zxid: zxid.0, time: 1, kind: op::ERROR };
    let mut out = Vec::new();
    TxnRecord { header, txn: Txn::Error(ErrorTxn { err: -101 }), digest: None }.encode(&mut out);
    out
}

/// How many transactions the log gives.
fn count(dirs: &DataDirs) -> usize {
    let logs = LogIter::open(Arc::clone(dirs.disk()), dirs.log(), Zxid(0), LIMITS);
    let Ok(mut logs) = logs else { return 0 };
    let mut count = 0;
    while let Ok(true) = logs.advance() {
        count += 1;
    }
    count
}

/// The first byte says which kind of file the rest is.
pub(super) fn snapshot(data: &[u8]) {
    let [kind, content @ ..] = data else { return };
    let name = match kind % 3 {
        0 => "snapshot.5",
        1 => "snapshot.5.gz",
        _ => "snapshot.5.snappy",
    };
    let dirs = dirs_with(name, content);
    let found = snapshot::newest_valid(&**dirs.disk(), dirs.snap(), 10);
    let _ = snapshot::read_stream(content, LIMITS, |_| Ok(()));
    let Ok(restored) = restore(&dirs, options(), || 0) else { return };
    if found.is_ok_and(|found| found.is_empty()) || restored.snapshot.is_none() {
        return;
    }
    // What a start accepts can be written again, and is the same then.
    let disk: Arc<dyn Disk> = Arc::new(MemDisk::new());
    let copy = DataDirs::open(Arc::clone(&disk), Path::new(DATA), Path::new(DATA), true)
        .expect("an empty disk");
    let sessions: Vec<_> = restored.sessions.iter().map(|(id, timeout)| (*id, *timeout)).collect();
    let taken = snapshot::take(&copy, snapshot_options(), || sessions, |look| look(&restored.tree));
    taken.expect("there is room");
    let again = restore(&copy, options(), || 0).expect("our own snapshot");
    assert_eq!(again.tree.digest(), restored.tree.digest(), "a snapshot changes the tree");
    assert_eq!(again.tree.node_count(), restored.tree.node_count());
    assert_eq!(again.sessions, restored.sessions);
}

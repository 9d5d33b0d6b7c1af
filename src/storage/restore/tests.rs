use std::path::Path;

use jute::data::{SharedAcl, StatPersisted, open_acl};
use jute::txn::{CreateTxn, DeleteTxn, SetDataTxn, TxnDigest, TxnHeader};
use proptest::prelude::*;

use super::super::snapshot::SnapshotWriter;
use super::super::snapshot::body::BodyWalk;
use super::super::testing::*;
use super::super::{Disk, MemDisk, truncate};
use super::*;
use crate::config::Compression;
use crate::op::op;
use crate::runtime::start_thread;
use crate::tree::NoEvents;
use crate::txn::{Txn, TxnRecord};

fn options() -> RestoreOptions {
    RestoreOptions {
        tree: TreeOptions { extended_types: true, ..TreeOptions::default() },
        limits: Limits::default(),
        db_autocreate: true,
        trust_empty_snapshot: false,
        committed_log: 0,
        snapshot: SnapshotOptions { compression: Compression::None, digest: true, last_zxid: true },
        threads: None,
    }
}

fn run(dirs: &DataDirs, options: RestoreOptions) -> Result<Restored> {
    restore(dirs, options, || 0)
}

type Dump = Vec<(String, Option<Vec<u8>>, SharedAcl, StatPersisted)>;

/// All nodes, sorted.
fn dump(tree: &DataTree) -> Dump {
    let mut nodes = Vec::new();
    tree.walk().next_slice(tree, usize::MAX, |n| {
        let acl = tree.node(if n.path.is_empty() { "/" } else { n.path }).unwrap().acl().clone();
        nodes.push((n.path.to_owned(), n.data.map(<[u8]>::to_vec), acl, n.stat.clone()));
    });
    nodes.sort_by(|a, b| a.0.cmp(&b.0));
    nodes
}

#[test]
fn the_log_of_a_java_server_makes_the_tree_of_its_snapshot() {
    for version in ["3.4.14", "3.5.10", "3.9.5"] {
        let logs = dirs_with(&golden_of(version, "log."));
        let trusting = RestoreOptions { trust_empty_snapshot: true, ..options() };
        let replayed = run(&logs, trusting).unwrap();
        assert_eq!(replayed.tree.digest_mismatches(), 0, "{version}");
        assert!(replayed.stats.txns_loaded > 20);
        assert_eq!(replayed.committed.len() as u64, replayed.stats.txns_loaded);
        assert!(replayed.snapshot.is_none());

        let all: Vec<_> =
            golden_of(version, "log.").into_iter().chain(golden_of(version, "snapshot.")).collect();
        let dirs = dirs_with(&all);
        let restored = run(&dirs, options()).unwrap();
        assert_eq!(restored.tree.digest_mismatches(), 0, "{version}");
        assert_eq!(restored.tree.digest_from_loaded_snapshot(), None, "{version}");
        assert_eq!(restored.last_zxid, replayed.last_zxid, "{version}");
        assert_eq!(restored.sessions, replayed.sessions, "{version}");
        let threads = Some(start_thread as StartThread);
        let by_threads = run(&dirs, RestoreOptions { threads, ..options() }).unwrap();
        assert_eq!(dump(&by_threads.tree), dump(&restored.tree), "{version}");
        assert_eq!(by_threads.tree.digest(), restored.tree.digest(), "{version}");
        assert_eq!(by_threads.sessions, restored.sessions, "{version}");
        assert_eq!(restored.sessions.len(), 1);
        // Versions before 3.5 have no config node in their snapshots.
        let without_config = |tree| {
            let mut nodes = dump(tree);
            nodes.retain(|n| n.0 != "/zookeeper/config" && n.0 != "/zookeeper");
            nodes
        };
        let (a, b) = (without_config(&restored.tree), without_config(&replayed.tree));
        assert_eq!(a, b, "{version}");
    }
}

#[test]
fn every_java_snapshot_holds_the_same_tree_whatever_its_container() {
    let tree = |version: &str| {
        let dirs = dirs_with(&golden_of(version, "snapshot."));
        let restored = run(&dirs, options()).unwrap();
        assert_eq!(restored.last_zxid, restored.snapshot.unwrap().zxid);
        let nodes = dump(&restored.tree);
        nodes.into_iter().map(|(path, data, acl, _)| (path, data, acl)).collect::<Vec<_>>()
    };
    let plain = tree("3.9.5");
    for version in ["3.9.5-gz", "3.9.5-snappy", "3.9.5-nodigest"] {
        assert_eq!(tree(version), plain, "{version}");
    }
}

/// Java's next snapshot has it, too.
#[test]
fn behind_a_snapshot_without_a_digest_the_last_transaction_has_one() {
    let files = ["log.", "snapshot."].map(|prefix| golden_of("3.4.14", prefix));
    let Restored { tree, last_zxid, stats, .. } =
        run(&dirs_with(&files.concat()), options()).unwrap();
    assert_eq!((last_zxid, stats.txns_loaded), (Zxid(0x16), 8));
    let digest = ZxidDigest { zxid: last_zxid, version: 2, digest: tree.digest() };
    assert_eq!(tree.snapshot_digest(), digest);
}

#[test]
fn an_empty_directory_becomes_an_empty_database() {
    let dirs = dirs_with(&[]);
    let restored = run(&dirs, options()).unwrap();
    assert_eq!(restored.last_zxid, Zxid::ZERO);
    assert_eq!(restored.snapshot.unwrap().path, dirs.snap().join("snapshot.0"));
    assert_eq!(restored.stats.txns_load_ms, None, "nothing is replayed on it, and counted");
    let again = run(&dirs, options()).unwrap();
    assert_eq!((again.last_zxid, again.stats.txns_load_ms.is_some()), (Zxid::ZERO, true));
}

#[test]
fn without_autocreate_an_empty_directory_has_no_vote() {
    let dirs = dirs_with(&[]);
    let strict = RestoreOptions { db_autocreate: false, ..options() };
    let restored = run(&dirs, strict).unwrap();
    assert_eq!((restored.last_zxid, restored.tree.last_processed_zxid()), (Zxid(-1), Zxid(-1)));
    assert!(list(&dirs, dirs.snap()).is_empty());
    dirs.disk().create(Path::new("/l/initialize")).unwrap();
    assert_eq!(run(&dirs, strict).unwrap().last_zxid, Zxid::ZERO);
    assert!(dirs.disk().open(Path::new("/l/initialize")).is_err());
}

#[test]
fn logs_without_a_snapshot_stop_the_start() {
    let dirs = dirs_with(&[]);
    append(&mut log_of(&dirs, 0), 1, 2, 0);
    let error = run(&dirs, options()).unwrap_err().to_string();
    assert_eq!(error, "No snapshot found, but there are log entries. Something is broken!");
}

/// A server's directories after `txns`, with snapshots taken after these of them.
fn server(txns: i64, snapshots: &[i64]) -> DataDirs {
    let dirs = dirs_with(&[]);
    run(&dirs, options()).unwrap();
    let mut log = log_of(&dirs, 4096);
    for zxid in 1..=txns {
        append(&mut log, zxid, zxid, 0);
        if snapshots.contains(&zxid) {
            log.roll().unwrap();
            let tree = run(&dirs, options()).unwrap();
            let sessions = tree.sessions.into_iter().collect();
            let snapshot = options().snapshot;
            snapshot::take(&dirs, snapshot, || sessions, |f| f(&tree.tree)).unwrap();
        }
    }
    dirs
}

#[test]
fn the_newest_transactions_are_kept_for_learners() {
    let dirs = server(700, &[]);
    let restored = run(&dirs, options()).unwrap();
    let zxids: Vec<_> = restored.committed.iter().map(|c| c.0.0).collect();
    assert_eq!(zxids, (201..=700).collect::<Vec<_>>());
    assert_eq!(&*restored.committed[0].1, payload(Zxid(201), 0));
    assert_eq!(restored.sessions.len(), 700);
}

#[test]
fn a_broken_newest_snapshot_gives_way_to_an_older_one() {
    let dirs = server(30, &[10, 20]);
    let good = run(&dirs, options()).unwrap();
    let mut bytes = get(&dirs, "snapshot.14");
    bytes[100] ^= 1;
    put(&dirs, "snapshot.14", &bytes);
    put(&dirs, "snapshot.15", b"cut off");
    let restored = run(&dirs, options()).unwrap();
    assert_eq!(restored.snapshot.unwrap().zxid, Zxid(10));
    assert_eq!((restored.last_zxid, restored.sessions), (good.last_zxid, good.sessions));
    // If the logs do not reach from the older one to here, it is no base.
    dirs.disk().remove(&dirs.log().join("log.b")).unwrap();
    let error = run(&dirs, options()).unwrap_err();
    assert!(matches!(error, Error::LogGap { last: Zxid(10), found: Zxid(21), .. }), "{error}");
    for name in ["snapshot.0", "snapshot.a"] {
        put(&dirs, name, &bytes);
    }
    assert!(matches!(run(&dirs, options()), Err(Error::NoValidSnapshot { .. })));
}

#[test]
fn a_hole_within_an_epoch_stops_the_start() {
    let dirs = server(30, &[10, 20]);
    let mut log = log_of(&dirs, 0);
    append(&mut log, Zxid::new(2, 1).0, Zxid::new(2, 3).0, 0);
    assert_eq!(run(&dirs, options()).unwrap().last_zxid, Zxid::new(2, 3));
    append(&mut log, Zxid::new(2, 5).0, Zxid::new(2, 5).0, 0);
    let error = run(&dirs, options()).unwrap_err().to_string();
    assert!(error.contains("0x200000005") && error.contains("0x200000003"), "{error}");
}

/// As a follower of Java leaves its log whose sync has failed twice, by two threads of which neither
/// knows of the other.
#[test]
fn what_stands_in_the_log_again_is_passed_over() {
    let dirs = dirs_with(&[]);
    let mut tree = run(&dirs, options()).unwrap().tree;
    let mut records = Vec::new();
    for zxid in 1..=40 {
        let record = txn(&tree, zxid, zxid as u8 / 3 * 2, zxid as usize % 2 * 4);
        tree.apply_record(&record, &mut NoEvents);
        let mut payload = Vec::new();
        record.encode(&mut payload);
        records.push(payload);
    }
    for runs in [vec![1..=40], vec![1..=20, 11..=15, 21..=30, 16..=25, 31..=40, 26..=33]] {
        let dirs = dirs_with(&[]);
        run(&dirs, options()).unwrap();
        let mut log = log_of(&dirs, 4096);
        for zxid in runs.into_iter().flatten() {
            log.append(Zxid(zxid), &records[zxid as usize - 1]).unwrap();
        }
        log.sync().unwrap();
        let restored = run(&dirs, options()).unwrap();
        assert_eq!(dump(&restored.tree), dump(&tree));
        assert_eq!((restored.last_zxid, restored.committed.len()), (Zxid(40), 40));
    }
}

#[test]
fn an_interrupted_write_is_cut_and_the_server_goes_on() {
    let dirs = server(5, &[]);
    let whole = get(&dirs, "log.1");
    let last = payload(Zxid(5), 0).len() + 13;
    let end = whole.iter().rposition(|b| *b != 0).unwrap() + 1;
    let mut torn = whole;
    torn[end - 20..].fill(0);
    put(&dirs, "log.1", &torn);
    assert_eq!(run(&dirs, options()).unwrap().last_zxid, Zxid(4));
    assert_eq!(get(&dirs, "log.1").len(), end - last);
    append(&mut log_of(&dirs, 0), 5, 6, 0);
    assert_eq!(run(&dirs, options()).unwrap().last_zxid, Zxid(6));
}

#[test]
fn damage_stops_the_start_and_nothing_is_changed() {
    let dirs = server(5, &[]);
    let mut bytes = get(&dirs, "log.1");
    bytes[150] ^= 4;
    put(&dirs, "log.1", &bytes);
    let error = run(&dirs, options()).unwrap_err().to_string();
    assert!(error.contains("/l/version-2/log.1") && error.contains("zxid 0x"), "{error}");
    assert_eq!(get(&dirs, "log.1"), bytes);
}

#[test]
fn an_intact_record_of_an_unknown_type_stops_the_start() {
    let dirs = server(2, &[]);
    let mut strange = payload(Zxid(3), 0);
    strange[28..32].copy_from_slice(&77i32.to_be_bytes());
    let mut log = log_of(&dirs, 0);
    log.append(Zxid(3), &strange).unwrap();
    log.sync().unwrap();
    let error = run(&dirs, options()).unwrap_err().to_string();
    assert!(error.contains("log.3") && error.contains("Unsupported Txn with type=77"), "{error}");
}

#[test]
fn truncation_removes_snapshots_that_hold_what_was_cut() {
    let dirs = server(30, &[10, 20]);
    let mut log = log_of(&dirs, 0);
    log.truncate(Zxid(15)).unwrap();
    assert_eq!(run(&dirs, options()).unwrap().last_zxid, Zxid(15));
    assert_eq!(list(&dirs, dirs.snap()), ["snapshot.0", "snapshot.a"]);
    append(&mut log, 16, 17, 0);
    assert_eq!(run(&dirs, options()).unwrap().last_zxid, Zxid(17));
    dirs.disk().remove(&dirs.snap().join("snapshot.0")).unwrap();
    let error = truncate(&dirs, Zxid(9), Limits::default()).unwrap_err();
    assert!(matches!(error, Error::NoBaseForTruncate { zxid: Zxid(9) }));
    assert_eq!(run(&dirs, options()).unwrap().last_zxid, Zxid(17));
}

/// A snapshot that was begun before the cut may end with what was cut: ZOOKEEPER-1549.
#[test]
fn truncation_removes_a_snapshot_that_was_begun_before_what_was_cut() {
    let dirs = server(30, &[10]);
    let later = run(&server(30, &[]), options()).unwrap();
    let mut out = Vec::new();
    let mut walk = BodyWalk::start(&later.tree, &[], &mut out);
    while walk.next(&later.tree, usize::MAX, usize::MAX, &mut out) {}
    let begun = Zxid(12);
    let disk = Arc::clone(dirs.disk());
    let mut writer = SnapshotWriter::create(disk, dirs.snap(), begun, Compression::None).unwrap();
    writer.put(&out).unwrap();
    let trailer = Trailer { digest: None, last_zxid: Some(Zxid(30)) };
    writer.finish(trailer).unwrap();
    assert_eq!(list(&dirs, dirs.snap()), ["snapshot.0", "snapshot.a", "snapshot.c"]);
    truncate(&dirs, Zxid(30), Limits::default()).unwrap();
    assert_eq!(list(&dirs, dirs.snap()), ["snapshot.0", "snapshot.a", "snapshot.c"]);
    truncate(&dirs, Zxid(15), Limits::default()).unwrap();
    assert_eq!(list(&dirs, dirs.snap()), ["snapshot.0", "snapshot.a"]);
    let (found, expected) = (run(&dirs, options()).unwrap(), run(&server(15, &[]), options()));
    assert_eq!(dump(&found.tree), dump(&expected.unwrap().tree));
}

/// The leader's history ends before this server's, and came as a snapshot.
#[test]
fn what_is_behind_a_snapshot_of_a_leader_does_not_come_back() {
    let dirs = server(30, &[10, 20]);
    let theirs = run(&server(15, &[]), options()).unwrap();
    let snapshot = options().snapshot;
    let sessions = theirs.sessions.clone().into_iter().collect();
    snapshot::take(&dirs, snapshot, || sessions, |f| f(&theirs.tree)).unwrap();
    assert_eq!(run(&dirs, options()).unwrap().last_zxid, Zxid(30));
    let mut log = log_of(&dirs, 0);
    log.forget_after(Zxid(15)).unwrap();
    log.forget_after(Zxid(15)).unwrap();
    let restored = run(&dirs, options()).unwrap();
    assert_eq!((restored.last_zxid, restored.sessions), (Zxid(15), theirs.sessions));
    let epoch = Zxid::new(1, 1).0;
    append(&mut log, epoch, epoch, 0);
    assert_eq!(run(&dirs, options()).unwrap().last_zxid, Zxid(epoch));
}

#[test]
fn directories_are_checked_as_java_checks_them() {
    let open = |disk: &MemDisk, data: &str, log: &str, autocreate| {
        DataDirs::open(Arc::new(disk.clone()), Path::new(data), Path::new(log), autocreate)
    };
    let disk = MemDisk::new();
    let text = open(&disk, "/d", "/l", false).unwrap_err().to_string();
    assert_eq!(
        text,
        "Missing data directory /l/version-2, automatic data directory creation is disabled \
         (zookeeper.datadir.autocreate is false). Please create this directory manually."
    );
    disk.create_dir_all(Path::new("/l/version-2")).unwrap();
    let text = open(&disk, "/d", "/l", false).unwrap_err().to_string();
    assert_eq!(
        text,
        "Missing snap directory /d/version-2, automatic data directory creation is disabled \
         (zookeeper.datadir.autocreate is false).Please create this directory manually."
    );
    let dirs = open(&disk, "/d", "/l", true).unwrap();
    dirs.disk().create(Path::new("/d/version-2/log.1")).unwrap();
    let text = open(&disk, "/d", "/l", true).unwrap_err().to_string();
    assert!(text.starts_with("Snapshot directory has log files."), "{text}");
    dirs.disk().create(Path::new("/l/version-2/snapshot.1")).unwrap();
    let text = open(&disk, "/d", "/l", true).unwrap_err().to_string();
    assert!(text.starts_with("Log directory has snapshot files."), "{text}");
    assert!(open(&disk, "/d", "/d", true).is_ok());
    assert_eq!(dirs.snap_size() + dirs.log_size(), 0);
}

/// A transaction of a random history over a few paths.
fn txn(tree: &DataTree, zxid: i64, what: u8, path: usize) -> TxnRecord {
    let paths = ["/a", "/a/b", "/a/b/c", "/a/d", "/e", "/e/f", "/g"];
    let path = paths[path % paths.len()];
    let exists = tree.node(path).is_some();
    let parent = crate::tree::path::parent(path).unwrap();
    let possible = tree.node(parent).is_some();
    let leaf = tree.node(path).is_some_and(|n| n.num_children() == 0);
    let path = Some(path.to_owned());
    let data = Some(vec![what; usize::from(what) % 9]);
    let (kind, txn) = if !exists && possible {
        let cversion = tree.node(parent).map_or(0, |n| n.stat_persisted().cversion) + 1;
        let ephemeral = what.is_multiple_of(4) && path.as_deref() == Some("/g");
        let acl = Some(if what.is_multiple_of(2) { open_acl().clone() } else { acl_of(what) });
        let create = CreateTxn { path, data, acl, ephemeral, parent_cversion: cversion };
        (op::CREATE, Txn::Create(create))
    } else if leaf && what.is_multiple_of(2) {
        (op::DELETE, Txn::Delete(DeleteTxn { path }))
    } else if exists {
        let version = tree.node(path.as_deref().unwrap()).unwrap().stat_persisted().version + 1;
        (op::SET_DATA, Txn::SetData(SetDataTxn { path, data, version }))
    } else {
        (op::ERROR, Txn::Error(jute::txn::ErrorTxn { err: -101 }))
    };
    let header = TxnHeader { client_id: 7, cxid: 0, zxid, time: zxid * 10, kind };
    TxnRecord { header, txn, digest: None }
}

fn acl_of(n: u8) -> SharedAcl {
    let id = jute::data::Id { scheme: Some("ip".into()), id: Some(format!("10.0.0.{}", n % 3)) };
    Arc::from([jute::data::Acl { perms: 31, id }])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// A snapshot that was taken while the tree changed, and the log behind its zxid, make the tree; also
    /// where it does not tell how far it came, as that of a learner does not, which a leader sent.
    #[test]
    fn replay_mends_a_fuzzy_snapshot(
        before in proptest::collection::vec((any::<u8>(), 0usize..7), 0..25),
        during in proptest::collection::vec((any::<u8>(), 0usize..7), 0..25),
        after in proptest::collection::vec((any::<u8>(), 0usize..7), 0..5),
        pace in 1usize..4,
        told: bool,
    ) {
        // At zxid 0 there is nothing that a leader could send.
        prop_assume!(told || !before.is_empty());
        let dirs = dirs_with(&[]);
        let mut log = log_of(&dirs, 4096);
        let mut tree = run(&dirs, options()).unwrap().tree;
        let mut zxid = 0;
        let mut apply = |tree: &mut DataTree, (what, path): (u8, usize)| {
            zxid += 1;
            let mut record = txn(tree, zxid, what, path);
            tree.apply_record(&record, &mut NoEvents);
            record.digest = Some(TxnDigest { version: 2, tree_digest: tree.digest() });
            let mut payload = Vec::new();
            record.encode(&mut payload);
            log.append(Zxid(zxid), &payload).unwrap();
            log.sync().unwrap();
        };
        before.into_iter().for_each(|t| apply(&mut tree, t));

        let start = tree.last_processed_zxid();
        let disk = Arc::clone(dirs.disk());
        let mut writer =
            SnapshotWriter::create(disk, dirs.snap(), start, Compression::Snappy).unwrap();
        let mut out = Vec::new();
        let mut walk = BodyWalk::start(&tree, &[], &mut out);
        let mut during = during.into_iter();
        while walk.next(&tree, 1, usize::MAX, &mut out) {
            during.by_ref().take(pace).for_each(|t| apply(&mut tree, t));
        }
        during.for_each(|t| apply(&mut tree, t));
        writer.put(&out).unwrap();
        writer.finish(Trailer {
            digest: Some(if told { tree.snapshot_digest() } else { ZxidDigest::EMPTY }),
            last_zxid: Some(tree.last_processed_zxid()),
        }).unwrap();
        after.into_iter().for_each(|t| apply(&mut tree, t));

        let restored = run(&dirs, options()).unwrap();
        prop_assert_eq!(restored.snapshot.unwrap().zxid, start);
        prop_assert_eq!(restored.last_zxid, tree.last_processed_zxid());
        prop_assert_eq!(restored.tree.digest_mismatches(), 0);
        prop_assert_eq!(dump(&restored.tree), dump(&tree));
        prop_assert_eq!(restored.tree.digest(), tree.digest());
    }
}

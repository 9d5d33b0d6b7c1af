use super::*;
use crate::storage::testing::{dirs_with, list, put};

const WHOLE: &[u8] = b"ZKSN......\0\0\0\x01/";

fn dirs(snapshots: &[&str], broken: &[&str], logs: &[&str]) -> DataDirs {
    let dirs = dirs_with(&[]);
    snapshots.iter().chain(logs).for_each(|name| put(&dirs, name, WHOLE));
    broken.iter().for_each(|name| put(&dirs, name, b"broken"));
    dirs
}

#[test]
fn old_snapshots_go_and_the_logs_that_only_they_need() {
    let dirs = dirs(
        &["snapshot.0", "snapshot.5", "snapshot.a", "snapshot.f", "snapshot.14"],
        &["acceptedEpoch", "tmp.snapshot.1"],
        &["log.1", "log.6", "log.8", "log.b", "log.10"],
    );
    let purged = purge(&dirs, 1).unwrap();
    assert_eq!(purged.removed.len(), 4);
    let left = ["acceptedEpoch", "snapshot.14", "snapshot.a", "snapshot.f", "tmp.snapshot.1"];
    assert_eq!(list(&dirs, dirs.snap()), left);
    // snapshot.a may go on in log.8.
    assert_eq!(list(&dirs, dirs.log()), ["log.10", "log.8", "log.b"]);
    assert!(purge(&dirs, 3).unwrap().removed.is_empty());
}

#[test]
fn broken_snapshots_do_not_count() {
    let names = ["snapshot.1", "snapshot.2", "snapshot.3", "snapshot.4"];
    let dirs = dirs(&names, &["snapshot.0", "snapshot.8", "snapshot.9"], &["log.1", "log.2"]);
    purge(&dirs, 3).unwrap();
    let left = ["snapshot.2", "snapshot.3", "snapshot.4", "snapshot.8", "snapshot.9"];
    assert_eq!(list(&dirs, dirs.snap()), left);
    assert_eq!(list(&dirs, dirs.log()), ["log.2"]);
}

#[test]
fn without_a_whole_snapshot_nothing_goes() {
    let dirs = dirs(&[], &["snapshot.1", "snapshot.2"], &["log.1", "log.2"]);
    assert!(purge(&dirs, 3).unwrap().removed.is_empty());
    assert_eq!(list(&dirs, dirs.snap()).len() + list(&dirs, dirs.log()).len(), 4);
}

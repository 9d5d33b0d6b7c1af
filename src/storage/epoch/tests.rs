use super::*;
use crate::storage::testing::{dirs_with, get, list, put};

fn epoch(n: i64) -> Zxid {
    Zxid::new(n, 9)
}

#[test]
fn missing_files_are_written_with_the_epoch_of_the_log() {
    let dirs = dirs_with(&[]);
    let mut epochs = Epochs::load(&dirs, epoch(3)).unwrap();
    assert_eq!((epochs.current(), epochs.accepted()), (3, 3));
    assert_eq!(get(&dirs, "currentEpoch"), b"3");
    epochs.set_accepted(12).unwrap();
    epochs.set_current(11).unwrap();
    assert_eq!(list(&dirs, dirs.snap()), ["acceptedEpoch", "currentEpoch"]);
    let epochs = Epochs::load(&dirs, epoch(3)).unwrap();
    assert_eq!((epochs.current(), epochs.accepted()), (11, 12));
}

#[test]
fn epochs_that_contradict_each_other_stop_the_start() {
    let dirs = dirs_with(&[]);
    put(&dirs, "currentEpoch", b"16");
    put(&dirs, "acceptedEpoch", b"15");
    let error = Epochs::load(&dirs, epoch(1)).unwrap_err().to_string();
    assert_eq!(error, "The accepted epoch, f is less than the current epoch, 10");
    put(&dirs, "currentEpoch", b"1");
    put(&dirs, "acceptedEpoch", b"1");
    let error = Epochs::load(&dirs, epoch(2)).unwrap_err().to_string();
    assert_eq!(error, "The current epoch, 1, is older than the last zxid, 8589934601");
}

#[test]
fn an_interrupted_write_of_the_current_epoch_is_carried_out() {
    let dirs = dirs_with(&[]);
    put(&dirs, "currentEpoch", b"1");
    put(&dirs, "currentEpoch.tmp", b"2");
    put(&dirs, "acceptedEpoch", b"2\n");
    let epochs = Epochs::load(&dirs, epoch(2)).unwrap();
    assert_eq!((epochs.current(), epochs.accepted()), (2, 2));
    assert_eq!(list(&dirs, dirs.snap()), ["acceptedEpoch", "currentEpoch"]);
}

/// A sync was logged and the epoch was not yet written when the power failed: ZOOKEEPER-4643.
#[test]
fn a_log_of_an_epoch_that_was_accepted_makes_it_the_current_one() {
    let dirs = dirs_with(&[]);
    put(&dirs, "currentEpoch", b"1");
    put(&dirs, "currentEpoch.tmp", b"");
    put(&dirs, "acceptedEpoch", b"3");
    let epochs = Epochs::load(&dirs, epoch(3)).unwrap();
    assert_eq!((epochs.current(), epochs.accepted()), (3, 3));
    assert_eq!(get(&dirs, "currentEpoch"), b"3");
}

#[test]
fn what_is_no_number_is_named() {
    for bad in [&b""[..], b"x", b"1 ", &[b'1'; 200]] {
        let dirs = dirs_with(&[]);
        put(&dirs, "currentEpoch", bad);
        let error = Epochs::load(&dirs, epoch(0)).unwrap_err().to_string();
        assert!(error.contains("/d/version-2/currentEpoch"), "{error}");
    }
}

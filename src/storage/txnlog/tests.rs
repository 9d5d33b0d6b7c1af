use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use jute::Limits;
use proptest::prelude::*;

use super::*;
use crate::storage::disk::{self, DirEntry, Disk, DiskError, DiskFile, MemDisk};
use crate::storage::testing::*;
use crate::storage::{DataDirs, Error, Result};
use crate::txn::TxnRecord;

fn iter(dirs: &DataDirs) -> LogIter {
    LogIter::open(Arc::clone(dirs.disk()), dirs.log(), Zxid::ZERO, Limits::default()).unwrap()
}

/// All zxids, and where an interrupted write was found.
fn read_all(dirs: &DataDirs) -> Result<(Vec<i64>, Option<Tail>)> {
    let mut iter = iter(dirs);
    let mut zxids = Vec::new();
    while iter.advance()? {
        zxids.push(iter.record().unwrap().zxid.0);
    }
    Ok((zxids, iter.tail().cloned()))
}

#[test]
fn every_record_of_a_java_log_comes_out_as_it_went_in() {
    for (version, name, bytes) in golden().into_iter().filter(|g| g.1.starts_with("log.")) {
        let dirs = dirs_with(&[(name.clone(), bytes.clone())]);
        let mut iter = iter(&dirs);
        let mut again = file_header().to_vec();
        while iter.advance().unwrap() {
            let record = iter.record().unwrap();
            assert_eq!(record.offset, again.len() as u64);
            let txn = TxnRecord::decode(record.payload, Limits::default()).unwrap();
            let mut payload = Vec::new();
            txn.encode(&mut payload);
            assert_eq!(payload, record.payload, "{version} {name} {}", record.zxid);
            put_record(&mut again, &payload);
        }
        assert!(iter.tail().is_none());
        let end = bytes.iter().rposition(|b| *b != 0).unwrap() + 1;
        assert_eq!(again, bytes[..end], "{version} {name}");
    }
}

#[test]
fn a_log_is_padded_as_java_pads_it() {
    let (name, bytes) = golden_of("3.9.5", "log.1").remove(0);
    let source = dirs_with(&[(name, bytes.clone())]);
    let dirs = dirs_with(&[]);
    let mut log = log_of(&dirs, 4096);
    let mut iter = iter(&source);
    while iter.advance().unwrap() {
        let record = iter.record().unwrap();
        log.append(record.zxid, record.payload).unwrap();
        log.sync().unwrap();
    }
    assert_eq!(get(&dirs, "log.1"), bytes);
}

#[test]
fn padding_grows_by_the_rule_of_java() {
    let dirs = dirs_with(&[]);
    let mut log = log_of(&dirs, 65536 * 1024);
    append(&mut log, 1, 1, 0);
    assert_eq!(get(&dirs, "log.1").len(), 65536 * 1024 + 16);
    let mut log = log_of(&dirs, 10_000);
    append(&mut log, 0x20, 0x20, 100);
    assert_eq!(get(&dirs, "log.20").len(), 10_016);
    // The batch runs over the end; the next one begins behind it and rounds to a multiple.
    append(&mut log, 0x21, 0x22, 8_000);
    assert_eq!(get(&dirs, "log.20").len() as u64, log.current_size());
    append(&mut log, 0x23, 0x23, 0);
    assert_eq!(get(&dirs, "log.20").len(), 20_000);
    let mut log = log_of(&dirs, 0);
    append(&mut log, 0x30, 0x30, 0);
    assert_eq!(get(&dirs, "log.30").len() as u64, log.current_size());
    assert_eq!(read_all(&dirs).unwrap().0, [1, 0x20, 0x21, 0x22, 0x23, 0x30]);
}

#[test]
fn files_start_with_the_record_that_names_them() {
    let dirs = dirs_with(&[]);
    let mut log = log_of(&dirs, 0);
    assert!(list(&dirs, dirs.log()).is_empty());
    append(&mut log, 1, 9, 10);
    log.append(Zxid(10), &payload(Zxid(10), 0)).unwrap();
    log.roll().unwrap();
    assert_eq!(log.current_size(), 0);
    append(&mut log, 11, 12, 0);
    assert_eq!(list(&dirs, dirs.log()), ["log.1", "log.b"]);
    assert_eq!(read_all(&dirs).unwrap(), ((1..=12).collect(), None));
    let sizes = get(&dirs, "log.1").len() + get(&dirs, "log.b").len();
    assert_eq!(log.total_size(), sizes as u64);
    log.reset_total_size();
    assert_eq!(log.total_size(), log.current_size());
    assert_eq!(log.last_zxid(), Some(Zxid(12)));
    let last = last_zxid(Arc::clone(dirs.disk()), dirs.log(), Limits::default());
    assert_eq!(last.unwrap(), Some(Zxid(12)));
}

#[test]
fn a_size_limit_ends_the_file_after_a_batch() {
    let dirs = dirs_with(&[]);
    let options = TxnLogOptions { size_limit: Some(300), ..TxnLogOptions::default() };
    let mut log = TxnLog::new(&dirs, options, Box::new(|| 0));
    append(&mut log, 1, 2, 0);
    append(&mut log, 3, 9, 0);
    append(&mut log, 10, 10, 0);
    assert_eq!(list(&dirs, dirs.log()), ["log.1", "log.a"]);
}

#[test]
fn a_log_of_a_history_that_was_given_up_is_set_aside() {
    let dirs = dirs_with(&[]);
    append(&mut log_of(&dirs, 0), 5, 7, 0);
    append(&mut log_of(&dirs, 0), 5, 5, 1);
    assert_eq!(list(&dirs, dirs.log()), ["log.5", "replaced.log.5"]);
    assert_eq!(read_all(&dirs).unwrap().0, [5]);
}

#[test]
fn iteration_starts_at_the_wanted_record() {
    let dirs = dirs_with(&[]);
    let mut log = log_of(&dirs, 0);
    for from in [1, 11, 21] {
        append(&mut log, from, from + 9, 0);
        log.roll().unwrap();
    }
    let open = |z| LogIter::open(Arc::clone(dirs.disk()), dirs.log(), Zxid(z), Limits::default());
    let mut iter = open(15).unwrap();
    assert!(iter.advance_to(Zxid(15)).unwrap());
    assert_eq!(iter.record().unwrap().zxid, Zxid(15));
    assert!(iter.path().unwrap().ends_with("log.b"));
    assert_eq!(iter.storage_size(), (get(&dirs, "log.b").len() * 2) as u64);
    assert!(!open(15).unwrap().advance_to(Zxid(31)).unwrap());
}

#[test]
fn a_live_log_ends_where_it_cannot_be_read() {
    let dirs = dirs_with(&[]);
    append(&mut log_of(&dirs, 0), 1, 3, 0);
    let mut bytes = get(&dirs, "log.1");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    put(&dirs, "log.1", &bytes);
    let limits = Limits::default();
    let mut live =
        LogIter::open_live(Arc::clone(dirs.disk()), dirs.log(), Zxid(1), limits).unwrap();
    assert!(live.advance().unwrap());
    assert!(!live.advance().unwrap());
    assert!(matches!(read_all(&dirs), Err(Error::LogDamaged { .. })));
}

/// A log of three records of about 1,000 bytes, in a file of 8,192; the offset of the third.
fn three() -> (DataDirs, Vec<u8>, usize) {
    let dirs = dirs_with(&[]);
    let mut log = log_of(&dirs, 8176);
    append(&mut log, 1, 3, 1000);
    let bytes = get(&dirs, "log.1");
    assert_eq!(bytes.len(), 8192);
    let third = 16 + 2 * (12 + payload(Zxid(1), 1000).len() + 1);
    (dirs, bytes, third)
}

fn third_len() -> usize {
    12 + payload(Zxid(1), 1000).len() + 1
}

#[test]
fn a_write_that_was_cut_at_any_byte_is_torn() {
    let (dirs, bytes, third) = three();
    for keep in 0..third_len() {
        let mut zeroed = bytes.clone();
        zeroed[third + keep..].fill(0);
        put(&dirs, "log.1", &zeroed);
        let (zxids, tail) = read_all(&dirs).unwrap();
        assert_eq!(zxids, [1, 2], "zeros from byte {keep}");
        // The first four bytes of a record are zero anyway.
        assert_eq!(tail.map(|t| t.offset), (keep > 4).then_some(third as u64), "{keep}");
        put(&dirs, "log.1", &bytes[..third + keep]);
        assert_eq!(read_all(&dirs).unwrap().0, [1, 2], "end at byte {keep}");
    }
}

#[test]
fn a_sector_that_was_never_written_is_torn() {
    let (dirs, bytes, third) = three();
    let first = third.div_ceil(512) * 512;
    for sector in [first, first + 512] {
        let mut lost = bytes.clone();
        lost[sector..sector + 512].fill(0);
        put(&dirs, "log.1", &lost);
        let (zxids, tail) = read_all(&dirs).unwrap();
        assert_eq!((zxids.as_slice(), tail.unwrap().offset), (&[1, 2][..], third as u64));
    }
}

#[test]
fn a_changed_byte_is_damage_even_in_the_last_record() {
    let (dirs, bytes, third) = three();
    for at in [third + 5, third + 12, third + 500, third + third_len() - 1] {
        let mut changed = bytes.clone();
        changed[at] ^= 0x11;
        put(&dirs, "log.1", &changed);
        let Err(Error::LogDamaged { path, offset, last, .. }) = read_all(&dirs) else {
            panic!("byte {at}");
        };
        assert!(path.ends_with("log.1"));
        assert_eq!((offset, last), (third as u64, Some(Zxid(2))));
        assert_eq!(get(&dirs, "log.1"), changed);
    }
}

#[test]
fn a_hole_before_a_readable_record_is_damage() {
    let (dirs, bytes, third) = three();
    let second = 16 + third_len();
    for range in [second..third, second + 20..second + 30, 1536..2048] {
        let mut changed = bytes.clone();
        changed[range].fill(0);
        put(&dirs, "log.1", &changed);
        let error = read_all(&dirs).unwrap_err().to_string();
        assert!(error.contains("log.1") && error.contains("zxid 0x3 follows"), "{error}");
        assert!(error.contains(&format!("offset {second}, after zxid 0x1")), "{error}");
    }
}

#[test]
fn garbage_in_the_padding_is_no_record() {
    let (dirs, mut bytes, third) = three();
    bytes[third + third_len() + 100] = b'B';
    put(&dirs, "log.1", &bytes);
    let (zxids, tail) = read_all(&dirs).unwrap();
    assert_eq!(zxids, [1, 2, 3]);
    assert_eq!(tail.unwrap().offset, (third + third_len()) as u64);
}

#[test]
fn an_older_log_may_end_torn_only_where_the_next_goes_on() {
    let (dirs, bytes, third) = three();
    let mut torn = bytes.clone();
    torn[third + 100..].fill(0);
    put(&dirs, "log.1", &torn);
    append(&mut log_of(&dirs, 0), 3, 4, 0);
    assert_eq!(read_all(&dirs).unwrap(), (vec![1, 2, 3, 4], None));
    let dirs = dirs_with(&[("log.1".to_owned(), torn.clone())]);
    append(&mut log_of(&dirs, 0), Zxid::new(1, 1).0, Zxid::new(1, 1).0, 0);
    assert_eq!(read_all(&dirs).unwrap().0, [1, 2, Zxid::new(1, 1).0]);
    let dirs = dirs_with(&[("log.1".to_owned(), torn)]);
    append(&mut log_of(&dirs, 0), 4, 4, 0);
    assert!(matches!(read_all(&dirs), Err(Error::LogDamaged { .. })));
    // What Java would stop at is damage, too, where a crash cannot have been the cause.
    let mut lost = bytes;
    let sector = third.div_ceil(512) * 512;
    lost[sector..sector + 512].fill(0);
    let dirs = dirs_with(&[("log.1".to_owned(), lost)]);
    append(&mut log_of(&dirs, 0), 3, 3, 0);
    assert!(matches!(read_all(&dirs), Err(Error::LogDamaged { .. })));
}

#[test]
fn the_newest_log_may_lack_its_header() {
    let (dirs, bytes, _) = three();
    for header in [&b""[..], &b"ZK"[..], &b"ZKLG\0\0"[..], &[0; 16][..], &[0; 8192][..]] {
        put(&dirs, "log.4", header);
        let (zxids, tail) = read_all(&dirs).unwrap();
        assert_eq!(zxids, [1, 2, 3]);
        assert_eq!(tail.as_ref().map(|t| t.offset), Some(0));
        cut_tail(&**dirs.disk(), &tail.unwrap()).unwrap();
        assert_eq!(list(&dirs, dirs.log()), ["log.1"]);
    }
    put(&dirs, "log.4", b"");
    append(&mut log_of(&dirs, 0), 5, 5, 0);
    assert!(matches!(read_all(&dirs), Err(Error::LogDamaged { .. })));
    let mut headless = bytes;
    headless[..16].fill(0);
    let dirs = dirs_with(&[("log.1".to_owned(), headless)]);
    assert!(matches!(read_all(&dirs), Err(Error::LogDamaged { .. })));
    put(&dirs, "log.1", b"ZKSN............");
    assert!(read_all(&dirs).unwrap_err().to_string().contains("invalid magic number"));
}

#[test]
fn cutting_a_tail_leaves_the_records_before_it() {
    let (dirs, mut bytes, third) = three();
    bytes[third + 50..].fill(0);
    put(&dirs, "log.1", &bytes);
    let tail = read_all(&dirs).unwrap().1.unwrap();
    cut_tail(&**dirs.disk(), &tail).unwrap();
    assert_eq!(get(&dirs, "log.1"), bytes[..third]);
    assert_eq!(read_all(&dirs).unwrap(), (vec![1, 2], None));
}

#[test]
fn truncation_leaves_nothing_after_its_zxid() {
    for cut in 1..=12 {
        let dirs = dirs_with(&[]);
        let mut log = log_of(&dirs, 4096);
        for from in [1, 5, 9] {
            append(&mut log, from, from + 3, 0);
            log.roll().unwrap();
        }
        let disk = Arc::clone(dirs.disk());
        truncate(disk, dirs.log(), Zxid(cut), Limits::default()).unwrap();
        assert_eq!(read_all(&dirs).unwrap().0, (1..=cut).collect::<Vec<_>>());
        append(&mut log, cut + 1, cut + 1, 1);
        assert_eq!(read_all(&dirs).unwrap().0, (1..=cut + 1).collect::<Vec<_>>());
    }
    let dirs = dirs_with(&[]);
    append(&mut log_of(&dirs, 0), 1, 3, 0);
    let past = truncate(Arc::clone(dirs.disk()), dirs.log(), Zxid(4), Limits::default());
    assert!(matches!(past, Err(Error::NothingToTruncate)));
}

/// A disk whose syncs fail once told to.
#[derive(Debug, Clone, Default)]
struct Failing {
    disk: MemDisk,
    fail: Arc<AtomicBool>,
    /// What a sync takes, on `clock`.
    slow: Arc<AtomicI64>,
    clock: Arc<AtomicI64>,
}

#[derive(Debug)]
struct FailingFile {
    file: Box<dyn DiskFile>,
    of: Failing,
}

impl Disk for Failing {
    fn create(&self, path: &Path) -> disk::Result<Box<dyn DiskFile>> {
        Ok(Box::new(FailingFile { file: self.disk.create(path)?, of: self.clone() }))
    }
    fn open(&self, path: &Path) -> disk::Result<Box<dyn DiskFile>> {
        self.disk.open(path)
    }
    fn open_rw(&self, path: &Path) -> disk::Result<Box<dyn DiskFile>> {
        self.disk.open_rw(path)
    }
    fn rename(&self, from: &Path, to: &Path) -> disk::Result<()> {
        self.disk.rename(from, to)
    }
    fn remove(&self, path: &Path) -> disk::Result<()> {
        self.disk.remove(path)
    }
    fn list(&self, dir: &Path) -> disk::Result<Vec<DirEntry>> {
        self.disk.list(dir)
    }
    fn is_dir(&self, dir: &Path) -> bool {
        self.disk.is_dir(dir)
    }
    fn create_dir_all(&self, dir: &Path) -> disk::Result<()> {
        self.disk.create_dir_all(dir)
    }
    fn is_writable(&self, dir: &Path) -> bool {
        self.disk.is_writable(dir)
    }
    fn sync_dir(&self, dir: &Path) -> disk::Result<()> {
        self.disk.sync_dir(dir)
    }
}

impl DiskFile for FailingFile {
    fn path(&self) -> &Path {
        self.file.path()
    }
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> disk::Result<usize> {
        self.file.read_at(offset, buf)
    }
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> disk::Result<()> {
        self.file.write_at(offset, bytes)
    }
    fn len(&self) -> disk::Result<u64> {
        self.file.len()
    }
    fn set_len(&mut self, len: u64) -> disk::Result<()> {
        self.file.set_len(len)
    }
    fn sync(&mut self) -> disk::Result<()> {
        self.of.clock.fetch_add(self.of.slow.load(Ordering::Relaxed), Ordering::Relaxed);
        if self.of.fail.swap(false, Ordering::Relaxed) {
            let cause = std::io::Error::other("the platter is gone");
            return Err(DiskError::new("fdatasync", self.path(), cause));
        }
        self.file.sync()
    }
}

#[test]
fn a_failed_sync_is_final() {
    let disk = Failing::default();
    let dirs = dirs_on(Arc::new(disk.clone()), &[]);
    let mut log = log_of(&dirs, 0);
    append(&mut log, 1, 1, 0);
    log.append(Zxid(2), &payload(Zxid(2), 0)).unwrap();
    disk.fail.store(true, Ordering::Relaxed);
    let first = log.sync().unwrap_err().to_string();
    assert!(first.contains("fdatasync") && first.contains("log.1"), "{first}");
    // The disk would work again, but what it holds is unknown.
    assert_eq!(log.sync().unwrap_err().to_string(), first);
    assert_eq!(log.append(Zxid(3), &payload(Zxid(3), 0)).unwrap_err().to_string(), first);
    assert_eq!(log.roll().unwrap_err().to_string(), first);
    assert_eq!(log.truncate(Zxid(1)).unwrap_err().to_string(), first);
}

#[test]
fn a_slow_sync_is_told_and_no_sync_without_force_sync() {
    let disk = Failing::default();
    let dirs = dirs_on(Arc::new(disk.clone()), &[]);
    let clock = Arc::clone(&disk.clock);
    let options = TxnLogOptions { fsync_warning: 50, ..TxnLogOptions::default() };
    let now = move || clock.load(Ordering::Relaxed);
    let mut log = TxnLog::new(&dirs, options, Box::new(now));
    for (slow, took) in [(50, false), (51, true)] {
        disk.slow.store(slow, Ordering::Relaxed);
        log.append(Zxid(slow), &payload(Zxid(slow), 0)).unwrap();
        assert_eq!(log.sync().unwrap(), Synced { took: Some(slow), slow: took });
    }
    assert_eq!(log.sync().unwrap(), Synced::default());
    disk.fail.store(true, Ordering::Relaxed);
    let options = TxnLogOptions { force_sync: false, ..TxnLogOptions::default() };
    let mut log = TxnLog::new(&dirs, options, Box::new(|| 0));
    log.append(Zxid(99), &payload(Zxid(99), 0)).unwrap();
    assert_eq!(log.sync().unwrap(), Synced::default());
    assert_eq!(read_all(&dirs).unwrap().0, [50, 51, 99]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Whatever is done to a log's bytes: reading ends, without a panic, and what it yields is a
    /// beginning of what was written, or it is refused.
    #[test]
    fn a_changed_log_never_yields_what_was_not_written(
        edits in proptest::collection::vec((0usize..3200, 0u8..4, any::<u8>(), 1usize..600), 1..4),
    ) {
        let (dirs, mut bytes, _) = three();
        for (at, kind, value, len) in edits {
            let at = at.min(bytes.len() - 1);
            let to = (at + len).min(bytes.len());
            match kind {
                0 => bytes[at] ^= value,
                1 => bytes.truncate(at.max(1)),
                2 => bytes[at..to].fill(0),
                _ => drop(bytes.splice(at..at, std::iter::repeat_n(value, len))),
            }
        }
        put(&dirs, "log.1", &bytes);
        if let Ok((zxids, _)) = read_all(&dirs) {
            prop_assert!([1, 2, 3].starts_with(&zxids));
        }
    }

    /// The same for what Java wrote, with every length in it replaced.
    #[test]
    fn lengths_are_not_trusted(at in 16usize..9000, value in any::<i32>()) {
        let (name, mut bytes) = golden_of("3.9.5", "log.1").remove(0);
        bytes[at..at + 4].copy_from_slice(&value.to_be_bytes());
        let dirs = dirs_with(&[(name, bytes)]);
        let mut iter = iter(&dirs);
        while let Ok(true) = iter.advance() {
            let _ = TxnRecord::decode(iter.record().unwrap().payload, Limits::default());
        }
    }
}

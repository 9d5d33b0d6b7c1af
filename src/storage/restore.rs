//! How a database comes back from the disk: the newest snapshot that can be read, then the logs behind
//! it. Java: `FileTxnSnapLog.restore` and `fastForwardFromEdits`, `FileSnap.deserialize`,
//! `ZKDatabase.loadDataBase`.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use jute::Limits;

use super::disk::DiskError;
use super::names::ZxidFile;
use super::planting::Planting;
use super::replay::{Continuity, Replay};
use super::snapshot::body::Item;
use super::snapshot::{self, SnapshotOptions, Trailer};
use super::threads::StartThread;
use super::txnlog::{self, LogIter};
use super::{DataDirs, Error, Result, names};
use crate::ids::{Millis, SessionId, Zxid};
use crate::tree::{DataTree, LoadError, TreeOptions, ZxidDigest};

/// How many snapshots are tried before the start is given up.
const MAX_CANDIDATES: usize = 100;
/// The fewest transactions that are kept for learners (`ZKDatabase.DEFAULT_COMMIT_LOG_COUNT`).
pub const MIN_COMMITTED_LOG: usize = 500;

/// What a start may do and what it keeps.
#[derive(Debug, Clone, Copy)]
pub struct RestoreOptions {
    /// For the tree.
    pub tree: TreeOptions,
    /// Bounds for reading.
    pub limits: Limits,
    /// Whether a server without any data starts with an empty tree (`db.autocreate`).
    pub db_autocreate: bool,
    /// Whether logs are replayed without any snapshot (`snapshot.trust.empty`).
    pub trust_empty_snapshot: bool,
    /// Transactions kept for learners, at least [`MIN_COMMITTED_LOG`] (`commitLogCount`).
    pub committed_log: usize,
    /// For the snapshot of an empty tree.
    pub snapshot: SnapshotOptions,
    /// Two of these help loading a snapshot; `None`: all of it is done by the calling thread.
    pub threads: Option<StartThread>,
}

/// The newest transactions with their log payloads, oldest first.
pub type CommittedLog = VecDeque<(Zxid, Arc<[u8]>)>;

/// A database as the disk has it.
#[derive(Debug)]
pub struct Restored {
    /// The tree after the last transaction in the log. Where [`Restored::last_zxid`] is -1, so is its
    /// zxid.
    pub tree: DataTree,
    /// The sessions and their timeouts in milliseconds.
    pub sessions: HashMap<SessionId, i32>,
    /// The last transaction; -1 where there is nothing and nobody said that this is right: such a
    /// server must not vote with it.
    pub last_zxid: Zxid,
    /// The tail of the log.
    pub committed: CommittedLog,
    /// The snapshot from which the tree was built; `None` where there was none
    /// (`getLastSnapshotInfo`).
    pub snapshot: Option<ZxidFile>,
    /// For metrics.
    pub stats: RestoreStats,
}

/// Figures of a start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RestoreStats {
    /// `startup_snap_load_time`.
    pub snap_load_ms: Millis,
    /// `startup_txns_loaded`.
    pub txns_loaded: u64,
    /// `startup_txns_load_time`; `None` where the directory was empty and nothing was replayed.
    pub txns_load_ms: Option<Millis>,
    /// `dbinittime`.
    pub total_ms: Millis,
}

/// Restores the database. `clock` says milliseconds of a monotonic clock. Nobody may write to the log
/// meanwhile: an interrupted write at its end is removed.
///
/// # Errors
/// [`Error::LogDamaged`], [`Error::LogGap`], [`Error::LogTxn`], [`Error::NoValidSnapshot`] or
/// [`Error::EmptySnapshot`] where the disk's content cannot be trusted; nothing was changed then.
pub fn restore(
    dirs: &DataDirs,
    options: RestoreOptions,
    mut clock: impl FnMut() -> Millis,
) -> Result<Restored> {
    let start = clock();
    let loaded = load_snapshot(dirs, &options)?;
    let snap_load_ms = clock() - start;
    let trusted = dirs.take_initialize()? || options.db_autocreate;
    let mut restored = match loaded {
        Some((loaded, continuity)) => replay(dirs, &options, loaded, continuity, &mut clock)?,
        None if has_logs(dirs)? => {
            if !options.trust_empty_snapshot {
                return Err(Error::EmptySnapshot);
            }
            log::warn!(
                "No snapshot found, but there are log entries. This should only be allowed during \
                 upgrading."
            );
            let empty = Loaded::empty(&options);
            replay(dirs, &options, empty, Continuity::Unknown, &mut clock)?
        }
        None => start_empty(dirs, &options, trusted)?,
    };
    settle(dirs)?;
    restored.stats.snap_load_ms = snap_load_ms;
    restored.stats.total_ms = clock() - start;
    log::info!(
        "Snapshot loaded in {} ms, highest zxid is {}, digest is {}",
        restored.stats.total_ms,
        restored.last_zxid,
        restored.tree.digest()
    );
    Ok(restored)
}

/// A tree out of a snapshot, or an empty one.
struct Loaded {
    tree: DataTree,
    sessions: HashMap<SessionId, i32>,
    snapshot: Option<ZxidFile>,
}

impl Loaded {
    fn empty(options: &RestoreOptions) -> Self {
        Self { tree: DataTree::new(options.tree), sessions: HashMap::new(), snapshot: None }
    }
}

/// What was read may never have been synced: a killed process leaves it to the system's cache. The
/// server is about to vote with it, so it is made durable now. Only the newest log can be in question.
fn settle(dirs: &DataDirs) -> Result<()> {
    let disk = dirs.disk();
    if let Some(newest) = names::files(&**disk, dirs.log(), names::LOG)?.last() {
        disk.open_rw(&newest.path)?.sync()?;
    }
    disk.sync_dir(dirs.log())?;
    Ok(disk.sync_dir(dirs.snap())?)
}

fn has_logs(dirs: &DataDirs) -> Result<bool> {
    Ok(!names::files(&**dirs.disk(), dirs.log(), names::LOG)?.is_empty())
}

/// Loads the newest snapshot that can be loaded; `None` where there is none that looks whole.
fn load_snapshot(
    dirs: &DataDirs,
    options: &RestoreOptions,
) -> Result<Option<(Loaded, Continuity)>> {
    let candidates = snapshot::newest_valid(&**dirs.disk(), dirs.snap(), MAX_CANDIDATES)?;
    if candidates.is_empty() {
        return Ok(None);
    }
    let mut continuity = Continuity::Expected;
    for file in candidates {
        log::info!("Reading snapshot {}", file.path.display());
        match load_one(dirs, options, &file) {
            Ok(loaded) => return Ok(Some((loaded, continuity))),
            Err(e) => log::warn!("problem reading snap file {}: {e}", file.path.display()),
        }
        continuity = Continuity::Required;
    }
    Err(Error::NoValidSnapshot { dir: dirs.snap().to_path_buf() })
}

fn load_one(dirs: &DataDirs, options: &RestoreOptions, file: &ZxidFile) -> Result<Loaded> {
    let path = &file.path;
    let mut planting = Planting::start(options.tree, options.threads)
        .map_err(|e| DiskError::new("start a thread to load", path, e))?;
    let take = |item: Item<'_>| planting.take(item);
    let read = snapshot::read(&**dirs.disk(), file, options.limits, options.threads, take);
    let no_tree = |e: LoadError| Error::Snapshot { path: path.clone(), what: e.to_string() };
    // What could not be planted is the cause of what was said to the reader.
    let (loader, sessions) = planting.finish().map_err(no_tree)?;
    let trailer = read?;
    let mut tree = loader.finish().map_err(no_tree)?;
    // The name counts: the zxid within the file is that of the walk's end.
    let end = trailer.last_zxid.filter(|_| dirs.faults().trust_end_of_walk);
    tree.set_last_processed_zxid(end.unwrap_or(file.zxid));
    expect_digest(&mut tree, trailer, file.zxid);
    Ok(Loaded { tree, sessions, snapshot: Some(file.clone()) })
}

/// A snapshot without a digest, or with an empty one, may be of a tree that a leader sent while it went
/// on; how far it is ahead is written nowhere. (Java compares all the same, and counts mismatches.)
fn expect_digest(tree: &mut DataTree, trailer: Trailer, start: Zxid) {
    if !tree.options().digest {
        return;
    }
    let digest = trailer.digest.unwrap_or(ZxidDigest::EMPTY);
    tree.expect_digest(digest, start);
    tree.set_fuzzy(digest.zxid == Zxid::ZERO && start > Zxid::ZERO);
}

/// Applies the logs behind what was loaded.
fn replay(
    dirs: &DataDirs,
    options: &RestoreOptions,
    loaded: Loaded,
    continuity: Continuity,
    clock: &mut impl FnMut() -> Millis,
) -> Result<Restored> {
    let start = clock();
    let from = loaded.tree.last_processed_zxid().next();
    let mut logs = LogIter::open(Arc::clone(dirs.disk()), dirs.log(), from, options.limits)?;
    let keep = options.committed_log.max(MIN_COMMITTED_LOG);
    let mut replay = Replay::new(loaded.tree, loaded.sessions, CommittedLog::new(), keep);
    let txns_loaded = replay.run(&mut logs, continuity, options.limits)?;
    if let Some(tail) = logs.tail() {
        log::warn!(
            "Transaction log {} ends with an interrupted write, cutting it at offset {}",
            tail.path.display(),
            tail.offset
        );
        txnlog::cut_tail(&**dirs.disk(), tail)?;
    }
    let (mut tree, sessions, committed) = replay.finish();
    tree.set_fuzzy(false);
    let txns_load_ms = clock() - start;
    log::info!("{txns_loaded} txns loaded in {txns_load_ms} ms");
    let last_zxid = tree.last_processed_zxid();
    let stats =
        RestoreStats { txns_loaded, txns_load_ms: Some(txns_load_ms), ..RestoreStats::default() };
    Ok(Restored { tree, sessions, last_zxid, committed, snapshot: loaded.snapshot, stats })
}

/// There is nothing: either that is right, and a snapshot says so from now on, or data was lost.
fn start_empty(dirs: &DataDirs, options: &RestoreOptions, trusted: bool) -> Result<Restored> {
    let Loaded { mut tree, sessions, mut snapshot } = Loaded::empty(options);
    if trusted {
        let taken = snapshot::take(dirs, options.snapshot, Vec::new, |f| f(&tree))?;
        let saved = names::files(&**dirs.disk(), dirs.snap(), names::SNAPSHOT)?;
        snapshot = taken.and_then(|t| saved.into_iter().find(|f| f.path == t.path));
    } else {
        log::warn!("Unexpected empty data tree, setting zxid to -1");
        tree.set_last_processed_zxid(Zxid(-1));
    }
    let last_zxid = tree.last_processed_zxid();
    let (committed, stats) = (CommittedLog::new(), RestoreStats::default());
    Ok(Restored { tree, sessions, last_zxid, committed, snapshot, stats })
}

#[cfg(test)]
mod tests;

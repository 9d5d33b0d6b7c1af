//! `dataDir` and `dataLogDir`. Java: the constructor of `FileTxnSnapLog`.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::disk::{self, Disk};
use super::names::{self, LOG, SNAPSHOT};
use super::{Error, Result};

/// The directory within `dataDir` and `dataLogDir` that holds the files.
const VERSION_DIR: &str = "version-2";
/// The file with which an operator says that an empty database is meant to be.
const INITIALIZE: &str = "initialize";
/// The switch that the messages name.
const AUTOCREATE: &str = "zookeeper.datadir.autocreate";

/// Where a server's files are.
#[derive(Debug, Clone)]
pub struct DataDirs {
    disk: Arc<dyn Disk>,
    snap: PathBuf,
    log: PathBuf,
    faults: Faults,
    /// How often the history was cut. Whoever cuts it holds this, and whoever lets a snapshot appear.
    cuts: Arc<Mutex<u64>>,
}

/// As long as this is there no snapshot appears, and those that were begun before never do.
#[must_use = "what is done after it is gone is not covered"]
#[derive(Debug)]
pub struct HistoryCut<'a> {
    _cuts: MutexGuard<'a, u64>,
}

/// Bugs of old, to be switched on by the simulator alone: a scenario that does not fail with its bug
/// proves nothing. No configuration sets them.
#[derive(Debug, Clone, Copy, Default)]
pub struct Faults {
    /// ZOOKEEPER-3127, 3144: a snapshot is taken for what the tree was when the last of it was written.
    pub trust_end_of_walk: bool,
    /// ZOOKEEPER-1549: a log is cut, and snapshots that hold what was cut off are kept.
    pub keep_cut_snapshots: bool,
    /// ZOOKEEPER-3231: a purge counts snapshots that cannot be read.
    pub count_broken_snapshots: bool,
    /// ZOOKEEPER-2354: `currentEpoch` behind the log is never put right.
    pub keep_old_epoch: bool,
    /// ZOOKEEPER-4882: a log whose write failed is written on.
    pub write_on_after_errors: bool,
}

impl DataDirs {
    /// Checks `data_dir` and `data_log_dir`, which may be the same, and creates what is missing in
    /// them, if `autocreate` (`datadir.autocreate`) allows.
    ///
    /// # Errors
    /// [`Error::DataDir`] where one is missing, not writable, or holds the other's files.
    pub fn open(
        disk: Arc<dyn Disk>,
        data_dir: &Path,
        data_log_dir: &Path,
        autocreate: bool,
    ) -> Result<Self> {
        let (snap, log) = (data_dir.join(VERSION_DIR), data_log_dir.join(VERSION_DIR));
        // The two messages differ by a blank in Java, and scripts look for them.
        prepare(&*disk, &log, "data", " Please", autocreate)?;
        prepare(&*disk, &snap, "snap", "Please", autocreate)?;
        let (faults, cuts) = (Faults::default(), Arc::default());
        let dirs = Self { disk, snap, log, faults, cuts };
        if dirs.snap != dirs.log {
            dirs.check_separate()?;
        }
        Ok(dirs)
    }

    /// With bugs of old: for the simulator.
    #[must_use]
    pub fn with_faults(self, faults: Faults) -> Self {
        Self { faults, ..self }
    }

    pub(super) fn faults(&self) -> Faults {
        self.faults
    }

    /// The disk.
    pub fn disk(&self) -> &Arc<dyn Disk> {
        &self.disk
    }

    /// Snapshots and epoch files: `dataDir/version-2`.
    pub fn snap(&self) -> &Path {
        &self.snap
    }

    /// Transaction logs: `dataLogDir/version-2`.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// To be held while transactions are removed and the database is restored without them: a snapshot
    /// that is being written may hold them, and must not appear in between. Waits for one that appears
    /// at this moment.
    pub fn cut_history(&self) -> HistoryCut<'_> {
        let mut cuts = self.cuts();
        *cuts += 1;
        HistoryCut { _cuts: cuts }
    }

    /// Who only counts cannot leave it half done.
    pub(super) fn cuts(&self) -> MutexGuard<'_, u64> {
        self.cuts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes in the snapshots' directory (`getDataDirSize`).
    pub fn snap_size(&self) -> u64 {
        disk::dir_size(&*self.disk, &self.snap)
    }

    /// Bytes in the logs' directory (`getLogDirSize`).
    pub fn log_size(&self) -> u64 {
        disk::dir_size(&*self.disk, &self.log)
    }

    /// Removes the file `initialize`; says whether there was one. As in Java it is looked for beside
    /// the logs.
    ///
    /// # Errors
    /// If it is there and cannot be removed.
    pub fn take_initialize(&self) -> Result<bool> {
        let Some(parent) = self.log.parent() else { return Ok(false) };
        match self.disk.remove(&parent.join(INITIALIZE)) {
            Ok(()) => Ok(true),
            Err(e) if e.is_not_found() => Ok(false),
            Err(e) => Err(e.into()),
        }
    }

    fn check_separate(&self) -> Result<()> {
        if self.holds(&self.log, SNAPSHOT)? {
            return Err(Error::DataDir(
                "Log directory has snapshot files. Check if dataLogDir and dataDir configuration is \
                 correct."
                    .to_owned(),
            ));
        }
        if self.holds(&self.snap, LOG)? {
            return Err(Error::DataDir(
                "Snapshot directory has log files. Check if dataLogDir and dataDir configuration is \
                 correct."
                    .to_owned(),
            ));
        }
        Ok(())
    }

    fn holds(&self, dir: &Path, prefix: &str) -> Result<bool> {
        Ok(self.disk.list(dir)?.iter().any(|f| names::has_prefix(&f.name, prefix)))
    }
}

fn prepare(disk: &dyn Disk, dir: &Path, what: &str, please: &str, autocreate: bool) -> Result<()> {
    if !disk.is_dir(dir) {
        if !autocreate {
            return Err(Error::DataDir(format!(
                "Missing {what} directory {}, automatic data directory creation is disabled \
                 ({AUTOCREATE} is false).{please} create this directory manually.",
                dir.display()
            )));
        }
        disk.create_dir_all(dir).map_err(|e| {
            Error::DataDir(format!("Unable to create {what} directory {}: {e}", dir.display()))
        })?;
    }
    if disk.is_writable(dir) {
        return Ok(());
    }
    Err(Error::DataDir(format!("Cannot write to {what} directory {}", dir.display())))
}

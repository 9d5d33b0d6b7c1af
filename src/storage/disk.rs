//! The one door to the file system: everything that logs, snapshots and epoch files need of it, and
//! nothing more, so that a simulated disk can stand in for the real one.
//!
//! The contract that a simulated disk may use to the full: what was written is on the platter only
//! after [`DiskFile::sync`]; a name that was created, renamed or removed is there, or gone, for good
//! only after [`Disk::sync_dir`] of its directory. There is no `allocate`: space that is reserved but
//! not written makes `fdatasync` as slow as space that is not reserved (measured on ext4), so the log
//! writes its zeros itself.

mod mem;
mod real;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::ids::Millis;

pub use mem::MemDisk;
pub use real::RealDisk;

/// What failed, on which file, and what the system said.
#[derive(Debug, Clone)]
pub struct DiskError {
    /// The operation: `open`, `read`, `write`, `fdatasync`...
    pub op: &'static str,
    /// The file or directory.
    pub path: PathBuf,
    /// The system's answer.
    pub cause: Arc<io::Error>,
}

impl DiskError {
    /// An error of `op` on `path`.
    pub fn new(op: &'static str, path: &Path, cause: io::Error) -> Self {
        Self { op, path: path.to_path_buf(), cause: Arc::new(cause) }
    }

    /// Whether the file was not there.
    pub fn is_not_found(&self) -> bool {
        self.cause.kind() == io::ErrorKind::NotFound
    }
}

impl fmt::Display for DiskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.op, self.path.display(), self.cause)
    }
}

impl std::error::Error for DiskError {}

/// Result of a disk operation.
pub type Result<T> = std::result::Result<T, DiskError>;

/// A file in a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirEntry {
    /// The name within the directory. Names that are not Unicode are not listed: none is ours.
    pub name: String,
    /// Length in bytes.
    pub len: u64,
    /// Last modification, wall clock.
    pub modified: Millis,
}

/// A file system, or the part of one below `dataDir`.
pub trait Disk: Send + Sync + fmt::Debug {
    /// Creates a file for reading and writing, emptying one that is there.
    ///
    /// # Errors
    /// As the system says; so for all operations.
    fn create(&self, path: &Path) -> Result<Box<dyn DiskFile>>;
    /// Opens a file for reading.
    ///
    /// # Errors
    /// [`DiskError::is_not_found`] where there is none.
    fn open(&self, path: &Path) -> Result<Box<dyn DiskFile>>;
    /// Opens a file for reading and writing.
    ///
    /// # Errors
    /// [`DiskError::is_not_found`] where there is none.
    fn open_rw(&self, path: &Path) -> Result<Box<dyn DiskFile>>;
    /// Gives a file another name in the same directory, in place of what has that name.
    ///
    /// # Errors
    /// As the system says.
    fn rename(&self, from: &Path, to: &Path) -> Result<()>;
    /// Removes a file.
    ///
    /// # Errors
    /// [`DiskError::is_not_found`] where there is none.
    fn remove(&self, path: &Path) -> Result<()>;
    /// The plain files of a directory, in no order.
    ///
    /// # Errors
    /// [`DiskError::is_not_found`] where there is no such directory.
    fn list(&self, dir: &Path) -> Result<Vec<DirEntry>>;
    /// Whether there is such a directory.
    fn is_dir(&self, dir: &Path) -> bool;
    /// Creates a directory and those above it.
    ///
    /// # Errors
    /// As the system says.
    fn create_dir_all(&self, dir: &Path) -> Result<()>;
    /// Whether files may be created in `dir` (`File.canWrite`).
    fn is_writable(&self, dir: &Path) -> bool;
    /// Makes the names in a directory durable.
    ///
    /// # Errors
    /// As the system says.
    fn sync_dir(&self, dir: &Path) -> Result<()>;
}

/// An open file. Dropping it closes it, and makes nothing durable.
pub trait DiskFile: Send + fmt::Debug {
    /// The name under which it was opened.
    fn path(&self) -> &Path;
    /// Reads at `offset`; fewer bytes than asked for only at the end, 0 behind it.
    ///
    /// # Errors
    /// As the system says; so for all operations.
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<usize>;
    /// Writes all of `bytes` at `offset`; bytes between the end and `offset` become zero.
    ///
    /// # Errors
    /// As the system says. How much was written is then unknown.
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> Result<()>;
    /// Length in bytes.
    ///
    /// # Errors
    /// As the system says.
    fn len(&self) -> Result<u64>;
    /// Whether the length is zero.
    ///
    /// # Errors
    /// As [`DiskFile::len`].
    fn is_empty(&self) -> Result<bool> {
        Ok(self.len()? == 0)
    }
    /// Cuts the file, or makes it longer with zeros.
    ///
    /// # Errors
    /// As the system says.
    fn set_len(&mut self, len: u64) -> Result<()>;
    /// Makes content and length durable (`fdatasync`).
    ///
    /// # Errors
    /// As the system says. What is on the platter is then unknown for good: the caller must not try
    /// again.
    fn sync(&mut self) -> Result<()>;
}

/// The bytes of a small file; at most `max`.
///
/// # Errors
/// As the system says, or `InvalidData` where the file is longer.
pub fn read_small(disk: &dyn Disk, path: &Path, max: usize) -> Result<Vec<u8>> {
    let file = disk.open(path)?;
    let len = usize::try_from(file.len()?).unwrap_or(usize::MAX);
    if len > max {
        let what = format!("{len} bytes where at most {max} are expected");
        return Err(DiskError::new("read", path, io::Error::new(io::ErrorKind::InvalidData, what)));
    }
    let mut bytes = vec![0; len];
    let found = file.read_at(0, &mut bytes)?;
    bytes.truncate(found);
    Ok(bytes)
}

/// Replaces `name` in `dir` by a file of these bytes, so that after a crash there is the old one or
/// the new one: written as `<name>.tmp`, synced, renamed, and the directory synced
/// (`AtomicFileOutputStream`, which leaves out the last step).
///
/// # Errors
/// As the system says.
pub fn replace(disk: &dyn Disk, dir: &Path, name: &str, bytes: &[u8]) -> Result<()> {
    let tmp = dir.join(format!("{name}.tmp"));
    let mut file = disk.create(&tmp)?;
    file.write_at(0, bytes)?;
    file.sync()?;
    drop(file);
    disk.rename(&tmp, &dir.join(name))?;
    disk.sync_dir(dir)
}

/// Sum of the lengths of the files in `dir`, 0 where there is none (`ZooKeeperServer.getDirSize`).
pub fn dir_size(disk: &dyn Disk, dir: &Path) -> u64 {
    disk.list(dir).map_or(0, |files| files.iter().map(|f| f.len).sum())
}

#[cfg(test)]
mod tests;

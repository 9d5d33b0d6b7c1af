//! The disk of this machine with a sheet of glass over it: a start may write, rename, cut and remove
//! as it likes, nothing of it gets through, and what it wanted is noted.

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::storage::disk::{DirEntry, DiskError, Result};
use crate::storage::{Disk, DiskFile, MemDisk, RealDisk};

/// What a start wants to change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Change {
    CreateDir(PathBuf),
    Write(PathBuf),
    Cut(PathBuf, u64),
    Remove(PathBuf),
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CreateDir(path) => write!(f, "create the directory {}", path.display()),
            Self::Write(path) => write!(f, "write {}", path.display()),
            Self::Cut(path, len) => write!(f, "cut {} at offset {len}", path.display()),
            Self::Remove(path) => write!(f, "remove {}", path.display()),
        }
    }
}

/// Who is told how many bytes have been read so far.
pub(super) type OnRead = Box<dyn Fn(u64) + Send + Sync>;

/// The glass.
pub(super) struct Overlay {
    lower: RealDisk,
    upper: MemDisk,
    notes: Arc<Notes>,
}

struct Notes {
    changes: Mutex<Vec<Change>>,
    gone: Mutex<BTreeSet<PathBuf>>,
    read: AtomicU64,
    on_read: OnRead,
}

/// A panic elsewhere leaves the notes as they are.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Overlay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Overlay({:?})", lock(&self.notes.changes))
    }
}

impl Overlay {
    pub(super) fn new(on_read: OnRead) -> Self {
        let notes = Notes {
            changes: Mutex::default(),
            gone: Mutex::default(),
            read: AtomicU64::new(0),
            on_read,
        };
        Self { lower: RealDisk, upper: MemDisk::new(), notes: Arc::new(notes) }
    }

    /// What was to be changed so far.
    pub(super) fn changes(&self) -> Vec<Change> {
        lock(&self.notes.changes).clone()
    }

    fn note(&self, change: Change) {
        lock(&self.notes.changes).push(change);
    }

    fn is_gone(&self, path: &Path) -> bool {
        lock(&self.notes.gone).contains(path)
    }

    fn open_lower(&self, path: &Path) -> Result<Box<dyn DiskFile>> {
        if self.is_gone(path) {
            return Err(DiskError::new("open", path, io::ErrorKind::NotFound.into()));
        }
        let file = self.lower.open(path)?;
        Ok(Box::new(Seen { file, notes: Arc::clone(&self.notes) }))
    }
}

impl Disk for Overlay {
    fn create(&self, path: &Path) -> Result<Box<dyn DiskFile>> {
        if let Some(parent) = path.parent() {
            self.upper.create_dir_all(parent)?;
        }
        self.upper.create(path)
    }

    fn open(&self, path: &Path) -> Result<Box<dyn DiskFile>> {
        self.upper.open(path).or_else(|_| self.open_lower(path))
    }

    fn open_rw(&self, path: &Path) -> Result<Box<dyn DiskFile>> {
        self.upper.open_rw(path).or_else(|_| self.open_lower(path))
    }

    /// Everything that is there to stay was written under another name first.
    fn rename(&self, from: &Path, to: &Path) -> Result<()> {
        self.upper.rename(from, to)?;
        self.note(Change::Write(to.to_path_buf()));
        Ok(())
    }

    fn remove(&self, path: &Path) -> Result<()> {
        if self.upper.remove(path).is_ok() {
            return Ok(());
        }
        self.open_lower(path)?;
        lock(&self.notes.gone).insert(path.to_path_buf());
        self.note(Change::Remove(path.to_path_buf()));
        Ok(())
    }

    fn list(&self, dir: &Path) -> Result<Vec<DirEntry>> {
        let mut files = match self.lower.list(dir) {
            Err(e) if e.is_not_found() && self.upper.is_dir(dir) => Vec::new(),
            listed => listed?,
        };
        let written = self.upper.list(dir).unwrap_or_default();
        let is_new = |name: &str| written.iter().any(|new| new.name == name);
        files.retain(|f| !is_new(&f.name) && !self.is_gone(&dir.join(&f.name)));
        files.extend(written.iter().cloned());
        Ok(files)
    }

    fn is_dir(&self, dir: &Path) -> bool {
        self.lower.is_dir(dir) || self.upper.is_dir(dir)
    }

    fn create_dir_all(&self, dir: &Path) -> Result<()> {
        self.note(Change::CreateDir(dir.to_path_buf()));
        self.upper.create_dir_all(dir)
    }

    /// A directory that is still to be created is as writable as the nearest one above it.
    fn is_writable(&self, dir: &Path) -> bool {
        let mut there = dir.ancestors().filter(|dir| self.lower.is_dir(dir));
        let nearest = there.next().unwrap_or(Path::new("."));
        self.lower.is_writable(nearest)
    }

    fn sync_dir(&self, _dir: &Path) -> Result<()> {
        Ok(())
    }
}

/// A file of the machine: it can be read, and one may say that one wants to cut it.
struct Seen {
    file: Box<dyn DiskFile>,
    notes: Arc<Notes>,
}

impl fmt::Debug for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.file.fmt(f)
    }
}

impl DiskFile for Seen {
    fn path(&self) -> &Path {
        self.file.path()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<usize> {
        let n = self.file.read_at(offset, buf)?;
        let before = self.notes.read.fetch_add(n as u64, Ordering::Relaxed);
        (self.notes.on_read)(before + n as u64);
        Ok(n)
    }

    fn write_at(&mut self, _offset: u64, _bytes: &[u8]) -> Result<()> {
        Err(DiskError::new("write", self.path(), io::ErrorKind::ReadOnlyFilesystem.into()))
    }

    fn len(&self) -> Result<u64> {
        self.file.len()
    }

    fn set_len(&mut self, len: u64) -> Result<()> {
        let change = Change::Cut(self.path().to_path_buf(), len);
        lock(&self.notes.changes).push(change);
        Ok(())
    }

    fn sync(&mut self) -> Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::storage::disk::replace;

    #[test]
    fn nothing_gets_through() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("log"), "0123456789").unwrap();
        fs::write(at("old"), "old").unwrap();
        let disk = Overlay::new(Box::new(|_| {}));
        replace(&disk, dir.path(), "new", b"new").unwrap();
        disk.remove(&at("old")).unwrap();
        disk.open_rw(&at("log")).unwrap().set_len(3).unwrap();
        disk.create_dir_all(&at("sub")).unwrap();

        let mut names: Vec<_> =
            disk.list(dir.path()).unwrap().into_iter().map(|f| f.name).collect();
        names.sort();
        assert_eq!(names, ["log", "new"]);
        assert!(disk.open(&at("old")).unwrap_err().is_not_found());
        assert!(disk.is_dir(&at("sub")) && disk.is_writable(&at("sub")));
        let changes = [
            Change::Write(at("new")),
            Change::Remove(at("old")),
            Change::Cut(at("log"), 3),
            Change::CreateDir(at("sub")),
        ];
        assert_eq!(disk.changes(), changes);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);
        assert_eq!(fs::read(at("log")).unwrap(), b"0123456789");
    }
}

//! A disk in memory, for tests and the simulator. It forgets nothing: a crash is the business of who
//! wraps it.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{DirEntry, Disk, DiskError, DiskFile, Result};

/// A disk in memory. Clones are the same disk.
#[derive(Debug, Clone, Default)]
pub struct MemDisk {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    files: BTreeMap<PathBuf, Arc<Mutex<Content>>>,
    dirs: BTreeSet<PathBuf>,
}

/// Bytes behind `bytes` and before `len` are zero and cost nothing: a log is mostly padding.
#[derive(Debug, Default)]
struct Content {
    bytes: Vec<u8>,
    len: u64,
}

#[derive(Debug)]
struct MemFile {
    path: PathBuf,
    content: Arc<Mutex<Content>>,
}

/// A panic elsewhere leaves the bytes as they are.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl MemDisk {
    /// An empty disk, without any directory.
    pub fn new() -> Self {
        Self::default()
    }

    fn handle(&self, path: &Path) -> Result<Box<dyn DiskFile>> {
        match lock(&self.state).files.get(path) {
            Some(c) => Ok(Box::new(MemFile { path: path.to_path_buf(), content: Arc::clone(c) })),
            None => Err(not_found("open", path)),
        }
    }
}

fn not_found(op: &'static str, path: &Path) -> DiskError {
    DiskError::new(op, path, io::ErrorKind::NotFound.into())
}

impl Disk for MemDisk {
    fn create(&self, path: &Path) -> Result<Box<dyn DiskFile>> {
        let mut state = lock(&self.state);
        if !path.parent().is_some_and(|dir| state.dirs.contains(dir)) {
            return Err(not_found("create", path));
        }
        let content = Arc::clone(state.files.entry(path.to_path_buf()).or_default());
        *lock(&content) = Content::default();
        Ok(Box::new(MemFile { path: path.to_path_buf(), content }))
    }

    fn open(&self, path: &Path) -> Result<Box<dyn DiskFile>> {
        self.handle(path)
    }

    fn open_rw(&self, path: &Path) -> Result<Box<dyn DiskFile>> {
        self.handle(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<()> {
        let mut state = lock(&self.state);
        let content = state.files.remove(from).ok_or_else(|| not_found("rename", from))?;
        state.files.insert(to.to_path_buf(), content);
        Ok(())
    }

    fn remove(&self, path: &Path) -> Result<()> {
        let removed = lock(&self.state).files.remove(path);
        removed.map(drop).ok_or_else(|| not_found("remove", path))
    }

    fn list(&self, dir: &Path) -> Result<Vec<DirEntry>> {
        let state = lock(&self.state);
        if !state.dirs.contains(dir) {
            return Err(not_found("list", dir));
        }
        let mine = state.files.iter().filter(|(path, _)| path.parent() == Some(dir));
        let entry = |(path, content): (&PathBuf, &Arc<Mutex<Content>>)| {
            let name = path.file_name()?.to_str()?.to_owned();
            Some(DirEntry { name, len: lock(content).len, modified: 0 })
        };
        Ok(mine.filter_map(entry).collect())
    }

    fn is_dir(&self, dir: &Path) -> bool {
        lock(&self.state).dirs.contains(dir)
    }

    fn create_dir_all(&self, dir: &Path) -> Result<()> {
        lock(&self.state).dirs.extend(dir.ancestors().map(Path::to_path_buf));
        Ok(())
    }

    fn is_writable(&self, dir: &Path) -> bool {
        self.is_dir(dir)
    }

    fn sync_dir(&self, dir: &Path) -> Result<()> {
        if self.is_dir(dir) { Ok(()) } else { Err(not_found("fsync", dir)) }
    }
}

impl DiskFile for MemFile {
    fn path(&self) -> &Path {
        &self.path
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<usize> {
        let content = lock(&self.content);
        let there = content.len.saturating_sub(offset).min(buf.len() as u64) as usize;
        let from = usize::try_from(offset).unwrap_or(usize::MAX).min(content.bytes.len());
        let stored = &content.bytes[from..(from.saturating_add(there)).min(content.bytes.len())];
        buf[..stored.len()].copy_from_slice(stored);
        buf[stored.len()..there].fill(0);
        Ok(there)
    }

    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> Result<()> {
        let mut content = lock(&self.content);
        let from = usize::try_from(offset).unwrap_or(usize::MAX);
        let end = from + bytes.len();
        if content.bytes.len() < end {
            content.bytes.resize(end, 0);
        }
        content.bytes[from..end].copy_from_slice(bytes);
        content.len = content.len.max(end as u64);
        Ok(())
    }

    fn len(&self) -> Result<u64> {
        Ok(lock(&self.content).len)
    }

    fn set_len(&mut self, len: u64) -> Result<()> {
        let mut content = lock(&self.content);
        content.bytes.truncate(usize::try_from(len).unwrap_or(usize::MAX));
        content.len = len;
        Ok(())
    }

    fn sync(&mut self) -> Result<()> {
        Ok(())
    }
}

//! A disk that forgets: what was not synced may vanish, be torn or be there all the same after the
//! power failed; names come back that were taken away. It uses the contract of [`Disk`] to the full.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gamekeeper::storage::disk::{DirEntry, Disk, DiskError, DiskFile, Result};

use super::random::Random;

/// A disk. Clones are the same disk.
#[derive(Debug, Clone)]
pub struct CrashDisk {
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    random: Random,
    files: Vec<Content>,
    /// What a process sees.
    names: BTreeMap<PathBuf, usize>,
    /// What is on the platter.
    durable_names: BTreeMap<PathBuf, usize>,
    /// What was done to the names since the directory was synced, in order.
    unsynced_names: Vec<NameChange>,
    dirs: BTreeSet<PathBuf>,
    /// Operations until the power fails, if it is to fail within them.
    countdown: Option<u64>,
    off: bool,
    fail_next_sync: bool,
    full: bool,
    /// Operations that changed something.
    ops: u64,
}

#[derive(Debug, Clone)]
enum NameChange {
    Set(PathBuf, usize),
    Remove(PathBuf),
    Rename(PathBuf, PathBuf),
}

impl NameChange {
    fn dir(&self) -> Option<&Path> {
        match self {
            Self::Set(path, _) | Self::Remove(path) | Self::Rename(path, _) => path.parent(),
        }
    }

    fn apply(&self, names: &mut BTreeMap<PathBuf, usize>) {
        match self {
            Self::Set(path, id) => {
                names.insert(path.clone(), *id);
            }
            Self::Remove(path) => {
                names.remove(path);
            }
            Self::Rename(from, to) => {
                if let Some(id) = names.remove(from) {
                    names.insert(to.clone(), id);
                }
            }
        }
    }
}

#[derive(Debug, Default)]
struct Content {
    bytes: Vec<u8>,
    durable: Vec<u8>,
    unsynced: Vec<Write>,
}

#[derive(Debug)]
enum Write {
    Bytes(usize, Vec<u8>),
    Len(usize),
}

impl Write {
    fn apply(&self, to: &mut Vec<u8>) {
        match self {
            Self::Bytes(at, bytes) => put(to, *at, bytes),
            Self::Len(len) => to.resize(*len, 0),
        }
    }
}

fn put(to: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    if to.len() < at + bytes.len() {
        to.resize(at + bytes.len(), 0);
    }
    to[at..at + bytes.len()].copy_from_slice(bytes);
}

/// What becomes of what was not synced in a file. What was written later is never there without what
/// was written before: a log whose end has holes cannot be told from a damaged one, and a server that
/// finds one does not start.
#[derive(Debug, Clone, Copy)]
enum Fate {
    Lost,
    Kept,
    /// All up to some byte.
    Torn,
}

impl Content {
    /// What was not synced meets its fate; what is left is durable.
    fn settle(&mut self, random: &mut Random) {
        let fate = random.pick(&[Fate::Lost, Fate::Kept, Fate::Torn]);
        let last = random.below(self.unsynced.len() as u64 + 1) as usize;
        for (i, write) in std::mem::take(&mut self.unsynced).into_iter().enumerate() {
            match (fate, &write) {
                (Fate::Lost, _) => {}
                (Fate::Kept, _) => write.apply(&mut self.durable),
                (Fate::Torn, Write::Bytes(at, bytes)) if i == last => {
                    let len = random.below(bytes.len() as u64 + 1) as usize;
                    put(&mut self.durable, *at, &bytes[..len]);
                }
                (Fate::Torn, _) if i < last => write.apply(&mut self.durable),
                (Fate::Torn, _) => {}
            }
        }
        self.bytes.clone_from(&self.durable);
    }

    fn sync(&mut self) {
        for write in self.unsynced.drain(..) {
            write.apply(&mut self.durable);
        }
    }
}

impl State {
    /// Counts an operation that changes something; fails it if there is no power.
    fn change(&mut self, op: &'static str, path: &Path) -> Result<()> {
        if let Some(left) = &mut self.countdown {
            if *left == 0 {
                self.off = true;
            } else {
                *left -= 1;
            }
        }
        if self.off {
            return Err(DiskError::new(op, path, io::Error::other("the power failed")));
        }
        self.ops += 1;
        Ok(())
    }

    fn grow(&mut self, op: &'static str, path: &Path) -> Result<()> {
        self.change(op, path)?;
        if self.full {
            return Err(DiskError::new(op, path, io::ErrorKind::StorageFull.into()));
        }
        Ok(())
    }

    fn rename(&mut self, change: NameChange) {
        change.apply(&mut self.names);
        self.unsynced_names.push(change);
    }
}

#[derive(Debug)]
struct CrashFile {
    path: PathBuf,
    id: usize,
    disk: CrashDisk,
}

fn not_found(op: &'static str, path: &Path) -> DiskError {
    DiskError::new(op, path, io::ErrorKind::NotFound.into())
}

impl CrashDisk {
    /// An empty disk.
    pub fn new(random: Random) -> Self {
        let state = State {
            random,
            files: Vec::new(),
            names: BTreeMap::new(),
            durable_names: BTreeMap::new(),
            unsynced_names: Vec::new(),
            dirs: BTreeSet::new(),
            countdown: None,
            off: false,
            fail_next_sync: false,
            full: false,
            ops: 0,
        };
        Self { state: Arc::new(Mutex::new(state)) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The power fails in the middle of what is done next: after `ops` more changes.
    pub fn fail_power_after(&self, ops: u64) {
        self.lock().countdown = Some(ops);
    }

    /// Whether the power has failed.
    pub fn is_off(&self) -> bool {
        self.lock().off
    }

    /// The next sync fails; what it was to make durable may be there or not.
    pub fn fail_next_sync(&self) {
        self.lock().fail_next_sync = true;
    }

    /// There is no space, or there is again.
    pub fn set_full(&self, full: bool) {
        self.lock().full = full;
    }

    /// The power fails, or has failed, and comes back.
    pub fn power_cycle(&self) {
        let mut guard = self.lock();
        let state = &mut *guard;
        state.countdown = None;
        state.off = false;
        state.fail_next_sync = false;
        let kept = state.random.below(state.unsynced_names.len() as u64 + 1) as usize;
        for change in state.unsynced_names.drain(..).take(kept) {
            change.apply(&mut state.durable_names);
        }
        state.names.clone_from(&state.durable_names);
        for content in &mut state.files {
            if !content.unsynced.is_empty() {
                content.settle(&mut state.random);
            }
        }
    }

    /// The process has ended, the machine has not: all that was written is there.
    pub fn process_ended(&self) {
        let mut state = self.lock();
        state.countdown = None;
        state.fail_next_sync = false;
    }

    /// The second half of a file is gone, on the platter too.
    pub fn damage(&self, path: &Path) {
        let mut state = self.lock();
        let Some(id) = state.names.get(path).copied() else { return };
        let content = &mut state.files[id];
        content.bytes.truncate(content.bytes.len() / 2);
        content.durable.clone_from(&content.bytes);
        content.unsynced.clear();
    }

    /// Another disk with what this one shows now.
    pub fn copy(&self) -> Self {
        let state = self.lock();
        let copy = Self::new(Random::new(0));
        let mut other = copy.lock();
        for (path, id) in &state.names {
            let bytes = state.files[*id].bytes.clone();
            let content = Content { durable: bytes.clone(), bytes, unsynced: Vec::new() };
            other.files.push(content);
            let id = other.files.len() - 1;
            other.names.insert(path.clone(), id);
            other.durable_names.insert(path.clone(), id);
        }
        other.dirs.clone_from(&state.dirs);
        drop(other);
        copy
    }

    fn handle(&self, path: &Path) -> Result<Box<dyn DiskFile>> {
        let id = self.lock().names.get(path).copied().ok_or_else(|| not_found("open", path))?;
        Ok(Box::new(CrashFile { path: path.to_path_buf(), id, disk: self.clone() }))
    }
}

impl Disk for CrashDisk {
    fn create(&self, path: &Path) -> Result<Box<dyn DiskFile>> {
        let mut state = self.lock();
        if !path.parent().is_some_and(|dir| state.dirs.contains(dir)) {
            return Err(not_found("create", path));
        }
        state.grow("create", path)?;
        let id = match state.names.get(path).copied() {
            Some(id) => {
                state.files[id].bytes.clear();
                state.files[id].unsynced.push(Write::Len(0));
                id
            }
            None => {
                state.files.push(Content::default());
                let id = state.files.len() - 1;
                state.rename(NameChange::Set(path.to_path_buf(), id));
                id
            }
        };
        Ok(Box::new(CrashFile { path: path.to_path_buf(), id, disk: self.clone() }))
    }

    fn open(&self, path: &Path) -> Result<Box<dyn DiskFile>> {
        self.handle(path)
    }

    fn open_rw(&self, path: &Path) -> Result<Box<dyn DiskFile>> {
        self.handle(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<()> {
        let mut state = self.lock();
        state.change("rename", from)?;
        if !state.names.contains_key(from) {
            return Err(not_found("rename", from));
        }
        state.rename(NameChange::Rename(from.to_path_buf(), to.to_path_buf()));
        Ok(())
    }

    fn remove(&self, path: &Path) -> Result<()> {
        let mut state = self.lock();
        if !state.names.contains_key(path) {
            return Err(not_found("remove", path));
        }
        state.change("remove", path)?;
        state.rename(NameChange::Remove(path.to_path_buf()));
        Ok(())
    }

    fn list(&self, dir: &Path) -> Result<Vec<DirEntry>> {
        let state = self.lock();
        if !state.dirs.contains(dir) {
            return Err(not_found("list", dir));
        }
        let mine = state.names.iter().filter(|(path, _)| path.parent() == Some(dir));
        let entry = |(path, id): (&PathBuf, &usize)| {
            let name = path.file_name()?.to_str()?.to_owned();
            Some(DirEntry { name, len: state.files[*id].bytes.len() as u64, modified: 0 })
        };
        Ok(mine.filter_map(entry).collect())
    }

    fn is_dir(&self, dir: &Path) -> bool {
        self.lock().dirs.contains(dir)
    }

    fn create_dir_all(&self, dir: &Path) -> Result<()> {
        self.lock().dirs.extend(dir.ancestors().map(Path::to_path_buf));
        Ok(())
    }

    fn is_writable(&self, dir: &Path) -> bool {
        self.is_dir(dir)
    }

    fn sync_dir(&self, dir: &Path) -> Result<()> {
        let mut guard = self.lock();
        let state = &mut *guard;
        state.change("fsync", dir)?;
        if !state.dirs.contains(dir) {
            return Err(not_found("fsync", dir));
        }
        let (synced, rest): (Vec<_>, Vec<_>) =
            state.unsynced_names.drain(..).partition(|change| change.dir() == Some(dir));
        synced.iter().for_each(|change| change.apply(&mut state.durable_names));
        state.unsynced_names = rest;
        Ok(())
    }
}

impl DiskFile for CrashFile {
    fn path(&self) -> &Path {
        &self.path
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<usize> {
        let state = self.disk.lock();
        let bytes = &state.files[self.id].bytes;
        let from = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
        let len = buf.len().min(bytes.len() - from);
        buf[..len].copy_from_slice(&bytes[from..from + len]);
        Ok(len)
    }

    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> Result<()> {
        let mut state = self.disk.lock();
        let at = usize::try_from(offset).unwrap_or(usize::MAX);
        let grown = state.grow("write", &self.path);
        let content = &mut state.files[self.id];
        // What a write that failed has written is unknown; here it is half of it.
        let bytes = if grown.is_ok() { bytes } else { &bytes[..bytes.len() / 2] };
        put(&mut content.bytes, at, bytes);
        content.unsynced.push(Write::Bytes(at, bytes.to_vec()));
        grown
    }

    fn len(&self) -> Result<u64> {
        Ok(self.disk.lock().files[self.id].bytes.len() as u64)
    }

    fn set_len(&mut self, len: u64) -> Result<()> {
        let mut state = self.disk.lock();
        state.change("truncate", &self.path)?;
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        let content = &mut state.files[self.id];
        content.bytes.resize(len, 0);
        content.unsynced.push(Write::Len(len));
        Ok(())
    }

    fn sync(&mut self) -> Result<()> {
        let mut guard = self.disk.lock();
        let state = &mut *guard;
        state.change("fdatasync", &self.path)?;
        let content = &mut state.files[self.id];
        if std::mem::take(&mut state.fail_next_sync) {
            content.settle(&mut state.random);
            let cause = io::Error::other("the device reports an error");
            return Err(DiskError::new("fdatasync", &self.path, cause));
        }
        content.sync();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use gamekeeper::ids::Zxid;
    use gamekeeper::storage::txnlog::{TxnLog, TxnLogOptions};
    use gamekeeper::storage::{DataDirs, restore};
    use gamekeeper::txn::{Txn, TxnRecord};
    use jute::txn::{CreateSessionTxn, TxnHeader};

    use super::*;
    use crate::sim::node::restore_options;
    use crate::sim::plan::Plan;

    fn record(zxid: i64) -> Vec<u8> {
        let kind = gamekeeper::op::op::CREATE_SESSION;
        let header = TxnHeader { zxid, client_id: zxid, kind, ..TxnHeader::default() };
        let txn = Txn::CreateSession(CreateSessionTxn { timeout: 1000 });
        let mut bytes = Vec::new();
        TxnRecord { header, txn, digest: None }.encode(&mut bytes);
        bytes
    }

    /// A killed process has written a transaction and not synced it; the next one reads it, votes with
    /// it, and then the power fails.
    #[test]
    fn what_a_start_has_read_is_durable() {
        let plan = Plan::draw(&mut Random::new(1));
        for seed in 0..20 {
            let disk = CrashDisk::new(Random::new(seed));
            let path = Path::new("/data");
            let open = || DataDirs::open(Arc::new(disk.clone()), path, path, true).unwrap();
            let read = || restore(&open(), restore_options(&plan), || 0).unwrap().last_zxid;
            read();
            let options = TxnLogOptions { prealloc: 0, ..TxnLogOptions::default() };
            let mut log = TxnLog::new(&open(), options, Box::new(|| 0));
            log.append(Zxid(1), &record(1)).unwrap();
            log.roll().unwrap();
            disk.process_ended();
            assert_eq!(read(), Zxid(1));
            disk.power_cycle();
            assert_eq!(read(), Zxid(1), "seed {seed}");
        }
    }
}

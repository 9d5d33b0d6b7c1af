//! The disk of the machine.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use rustix::fs::Access;

use super::{DirEntry, Disk, DiskError, DiskFile, Result};
use crate::ids::Millis;

/// The file system of this machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct RealDisk;

#[derive(Debug)]
struct RealFile {
    file: File,
    path: PathBuf,
}

fn at<T>(op: &'static str, path: &Path, result: io::Result<T>) -> Result<T> {
    result.map_err(|e| DiskError::new(op, path, e))
}

fn boxed(op: &'static str, path: &Path, file: io::Result<File>) -> Result<Box<dyn DiskFile>> {
    Ok(Box::new(RealFile { file: at(op, path, file)?, path: path.to_path_buf() }))
}

impl Disk for RealDisk {
    fn create(&self, path: &Path) -> Result<Box<dyn DiskFile>> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(true);
        boxed("create", path, options.open(path))
    }

    fn open(&self, path: &Path) -> Result<Box<dyn DiskFile>> {
        boxed("open", path, File::open(path))
    }

    fn open_rw(&self, path: &Path) -> Result<Box<dyn DiskFile>> {
        boxed("open", path, OpenOptions::new().read(true).write(true).open(path))
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<()> {
        at("rename", from, fs::rename(from, to))
    }

    fn remove(&self, path: &Path) -> Result<()> {
        at("remove", path, fs::remove_file(path))
    }

    fn list(&self, dir: &Path) -> Result<Vec<DirEntry>> {
        let mut files = Vec::new();
        for entry in at("list", dir, fs::read_dir(dir))? {
            let entry = at("list", dir, entry)?;
            // A file that was removed since is none.
            let Ok(meta) = fs::metadata(entry.path()) else { continue };
            let Ok(name) = entry.file_name().into_string() else { continue };
            if meta.is_file() {
                files.push(DirEntry { name, len: meta.len(), modified: modified(&meta) });
            }
        }
        Ok(files)
    }

    fn is_dir(&self, dir: &Path) -> bool {
        dir.is_dir()
    }

    fn create_dir_all(&self, dir: &Path) -> Result<()> {
        at("create directory", dir, fs::create_dir_all(dir))
    }

    fn is_writable(&self, dir: &Path) -> bool {
        rustix::fs::access(dir, Access::WRITE_OK).is_ok()
    }

    fn sync_dir(&self, dir: &Path) -> Result<()> {
        let handle = at("open", dir, File::open(dir))?;
        at("fsync", dir, handle.sync_all())
    }
}

fn modified(meta: &fs::Metadata) -> Millis {
    let since = meta.modified().ok().and_then(|t| t.duration_since(UNIX_EPOCH).ok());
    since.map_or(0, |d| Millis::try_from(d.as_millis()).unwrap_or(Millis::MAX))
}

impl DiskFile for RealFile {
    fn path(&self) -> &Path {
        &self.path
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<usize> {
        let mut done = 0;
        while done < buf.len() {
            match self.file.read_at(&mut buf[done..], offset + done as u64) {
                Ok(0) => break,
                Ok(n) => done += n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(DiskError::new("read", &self.path, e)),
            }
        }
        Ok(done)
    }

    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> Result<()> {
        at("write", &self.path, self.file.write_all_at(bytes, offset))
    }

    fn len(&self) -> Result<u64> {
        Ok(at("stat", &self.path, self.file.metadata())?.len())
    }

    fn set_len(&mut self, len: u64) -> Result<()> {
        at("truncate", &self.path, self.file.set_len(len))
    }

    fn sync(&mut self) -> Result<()> {
        at("fdatasync", &self.path, self.file.sync_data())
    }
}

//! Writing a snapshot so that it is there whole or not at all.
//!
//! Java writes periodic snapshots under their final name and without a sync. A crash then leaves a
//! broken newest snapshot; and one that looks whole may have lost blocks to a power cut when the older
//! ones, and the logs that go with them, were purged already. So here a snapshot is written under a
//! name that no reader takes for one, synced, renamed, and the directory synced.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use adler32::RollingAdler32;
use jute::persistence::FileHeader;
use jute::{Record, Write, to_bytes};

use super::container::{Sink, disk_error};
use super::{DB_ID, LAST_BYTES, MAGIC, Trailer, VERSION, extension};
use crate::config::Compression;
use crate::ids::Zxid;
use crate::storage::disk::{self, Disk, DiskError};
use crate::storage::names::snapshot_name;

/// How the names of snapshots start that are being written. Java's purge removes everything that
/// starts with `snapshot.`, so a suffix would not do.
pub(super) const TMP_PREFIX: &str = "tmp.snapshot.";

/// A snapshot that is being written. Dropped unfinished, it leaves nothing.
#[derive(Debug)]
pub struct SnapshotWriter {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    name: String,
    sink: Option<Sink>,
    /// Adler32 of what was put.
    sum: u32,
}

impl SnapshotWriter {
    /// Starts the snapshot that is to be named after `zxid`, in `dir`.
    ///
    /// # Errors
    /// If the file cannot be created.
    pub fn create(
        disk: Arc<dyn Disk>,
        dir: &Path,
        zxid: Zxid,
        compression: Compression,
    ) -> disk::Result<Self> {
        let name = snapshot_name(zxid, extension(compression));
        let file = disk.create(&dir.join(format!("tmp.{name}")))?;
        let sink = Some(Sink::new(file, compression));
        let sum = RollingAdler32::new().hash();
        let mut writer = Self { disk, dir: dir.to_path_buf(), name, sink, sum };
        writer.put(&to_bytes(&FileHeader { magic: MAGIC, version: VERSION, db_id: DB_ID }))?;
        Ok(writer)
    }

    /// Where the snapshot will be.
    pub fn path(&self) -> PathBuf {
        self.dir.join(&self.name)
    }

    fn tmp_path(&self) -> PathBuf {
        self.dir.join(format!("tmp.{}", self.name))
    }

    /// Appends a piece of the body (see [`super::body`]), of any length.
    ///
    /// # Errors
    /// If the disk refuses. The writer is of no use then.
    pub fn put(&mut self, bytes: &[u8]) -> disk::Result<()> {
        let mut sum = RollingAdler32::from_value(self.sum);
        sum.update_buffer(bytes);
        self.sum = sum.hash();
        let Some(sink) = &mut self.sink else { return Ok(()) };
        sink.put(bytes).map_err(|e| disk_error(&self.tmp_path(), e))
    }

    fn seal(&mut self) -> disk::Result<()> {
        let mut seal = Vec::new();
        seal.put_long(i64::from(self.sum));
        seal.extend_from_slice(&LAST_BYTES);
        self.put(&seal)
    }

    /// Seals the body, which was put to its end, appends the trailer, and gives the file its name; says
    /// how many bytes it has.
    ///
    /// # Errors
    /// If the disk refuses. There is no new snapshot then.
    pub fn finish(mut self, trailer: Trailer) -> disk::Result<u64> {
        self.seal()?;
        if let Some(digest) = trailer.digest {
            let mut bytes = Vec::new();
            bytes.put_long(digest.zxid.0);
            bytes.put_int(digest.version);
            bytes.put_long(digest.digest);
            self.put(&bytes)?;
            self.seal()?;
        }
        if let Some(zxid) = trailer.last_zxid {
            let mut bytes = Vec::new();
            zxid.0.write(&mut bytes);
            self.put(&bytes)?;
            self.seal()?;
        }
        self.publish()
    }

    fn publish(&mut self) -> disk::Result<u64> {
        let tmp = self.tmp_path();
        let Some(sink) = self.sink.take() else {
            return Err(DiskError::new("write", &tmp, std::io::ErrorKind::NotFound.into()));
        };
        let published = sink.finish().map_err(|e| disk_error(&tmp, e)).and_then(|len| {
            self.disk.rename(&tmp, &self.path())?;
            self.disk.sync_dir(&self.dir)?;
            Ok(len)
        });
        if published.is_err() {
            self.discard();
        }
        published
    }

    /// Makes room; where even that fails, the next start removes the file.
    fn discard(&self) {
        let _ = self.disk.remove(&self.tmp_path());
    }
}

impl Drop for SnapshotWriter {
    fn drop(&mut self) {
        if self.sink.take().is_some() {
            self.discard();
        }
    }
}

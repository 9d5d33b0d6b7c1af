//! The two epochs that a server must not forget: `acceptedEpoch`, the last that it promised to a
//! leader, and `currentEpoch`, the last whose history it took over. Decimal text in a file each,
//! beside the snapshots. Java: `QuorumPeer.loadDataBase`, `writeLongToFile`.

use std::sync::Arc;

use super::disk::{self, Disk, read_small};
use super::{DataDirs, Error, Result};
use crate::ids::Zxid;

const CURRENT: &str = "currentEpoch";
const ACCEPTED: &str = "acceptedEpoch";
/// A file longer than this, in bytes, holds no number.
const MAX_LEN: usize = 128;

/// Both epochs, on disk as they are here.
#[derive(Debug, Clone)]
pub struct Epochs {
    dirs: DataDirs,
    current: i64,
    accepted: i64,
}

impl Epochs {
    /// Reads both files. Where one is missing, as before 3.4, it is written with the epoch of
    /// `last_zxid`, the last transaction that was restored.
    ///
    /// # Errors
    /// [`Error::Epoch`] where a file holds no number, the log is ahead of what was accepted, or
    /// `acceptedEpoch` is behind `currentEpoch`.
    pub fn load(dirs: &DataDirs, last_zxid: Zxid) -> Result<Self> {
        let epoch_of_zxid = last_zxid.epoch();
        let mut epochs = Self { dirs: dirs.clone(), current: 0, accepted: 0 };
        epochs.current = epochs.read_or_create(CURRENT, epoch_of_zxid)?;
        if epoch_of_zxid > epochs.current {
            epochs.recover_current(last_zxid)?;
        }
        epochs.accepted = epochs.read_or_create(ACCEPTED, epoch_of_zxid)?;
        if epochs.accepted < epochs.current {
            return Err(Error::Epoch(format!(
                "The accepted epoch, {:x} is less than the current epoch, {:x}",
                epochs.accepted, epochs.current
            )));
        }
        Ok(epochs)
    }

    /// The epoch whose history this server has.
    pub fn current(&self) -> i64 {
        self.current
    }

    /// The epoch that this server has promised to take part in.
    pub fn accepted(&self) -> i64 {
        self.accepted
    }

    /// Writes `currentEpoch`; it is durable on return.
    ///
    /// # Errors
    /// If the disk refuses. What a restart would find is then unknown.
    pub fn set_current(&mut self, epoch: i64) -> Result<()> {
        self.write(CURRENT, epoch)?;
        self.current = epoch;
        Ok(())
    }

    /// Writes `acceptedEpoch`; it is durable on return.
    ///
    /// # Errors
    /// As [`Epochs::set_current`].
    pub fn set_accepted(&mut self, epoch: i64) -> Result<()> {
        self.write(ACCEPTED, epoch)?;
        self.accepted = epoch;
        Ok(())
    }

    /// The log is ahead of `currentEpoch`. That is right if the server stopped while it wrote that
    /// file, or before: what a leader sent was logged and synced, and the epoch was to follow
    /// (ZOOKEEPER-4643). Whoever has a transaction of an epoch has all that the epoch began with, so
    /// the server may say so, if it has accepted that epoch. Java starts only where it finds the
    /// unfinished file.
    fn recover_current(&mut self, last_zxid: Zxid) -> Result<()> {
        let tmp = format!("{CURRENT}.tmp");
        let known = !self.dirs.faults().keep_old_epoch;
        let epoch = match self.read(&tmp) {
            Ok(Some(epoch)) if known && epoch >= last_zxid.epoch() => {
                log::info!("{tmp} found. Setting current epoch to {epoch}.");
                epoch
            }
            _ if known
                && self.read(ACCEPTED)?.is_some_and(|accepted| accepted >= last_zxid.epoch()) =>
            {
                log::info!("Setting current epoch to that of the last zxid, {last_zxid}.");
                last_zxid.epoch()
            }
            _ => {
                return Err(Error::Epoch(format!(
                    "The current epoch, {:x}, is older than the last zxid, {}",
                    self.current, last_zxid.0
                )));
            }
        };
        self.set_current(epoch)
    }

    fn read_or_create(&self, name: &str, default: i64) -> Result<i64> {
        if let Some(epoch) = self.read(name)? {
            return Ok(epoch);
        }
        log::info!(
            "{name} not found! Creating with a reasonable default of {default}. This should only \
             happen when you are upgrading your installation"
        );
        self.write(name, default)?;
        Ok(default)
    }

    fn disk(&self) -> &Arc<dyn Disk> {
        self.dirs.disk()
    }

    fn read(&self, name: &str) -> Result<Option<i64>> {
        let path = self.dirs.snap().join(name);
        let bytes = match read_small(&**self.disk(), &path, MAX_LEN) {
            Ok(bytes) => bytes,
            Err(e) if e.is_not_found() => return Ok(None),
            Err(e) => return Err(e.into()),
        };
        let text = String::from_utf8_lossy(&bytes);
        let line = text.split(['\n', '\r']).next().unwrap_or_default();
        line.parse()
            .map(Some)
            .map_err(|_| Error::Epoch(format!("Found {line} in {}", path.display())))
    }

    fn write(&self, name: &str, epoch: i64) -> Result<()> {
        let text = epoch.to_string();
        Ok(disk::replace(&**self.disk(), self.dirs.snap(), name, text.as_bytes())?)
    }
}

#[cfg(test)]
mod tests;

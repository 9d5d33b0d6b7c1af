//! All transactions from one on, through as many logs as there are.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jute::Limits;

use super::HEADER_LEN;
use super::reader::{Header, LogReader, Stop};
use super::tail::{Verdict, judge};
use crate::ids::Zxid;
use crate::storage::disk::Disk;
use crate::storage::names::{ZxidFile, logs_from};
use crate::storage::{Error, Result};

/// A record of a log.
#[derive(Debug, Clone, Copy)]
pub struct LogRecord<'a> {
    /// The transaction's zxid.
    pub zxid: Zxid,
    /// Offset of the record in its file, in bytes.
    pub offset: u64,
    /// Header, transaction and digest: a proposal's body.
    pub payload: &'a [u8],
}

/// An interrupted write at the end of the newest log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tail {
    /// The log.
    pub path: PathBuf,
    /// Where the record starts that was not written to its end; 0 where the file's header was not.
    pub offset: u64,
}

/// Reads transactions in the order of the logs (`FileTxnLog.FileTxnIterator`).
#[derive(Debug)]
pub struct LogIter {
    disk: Arc<dyn Disk>,
    limits: Limits,
    files: VecDeque<ZxidFile>,
    size: u64,
    current: Option<LogReader>,
    last: Option<Zxid>,
    live: bool,
    tail: Option<Tail>,
}

impl LogIter {
    /// Starts with the log that may hold `from`; its records before `from` are not skipped. For a
    /// directory that no one writes to.
    ///
    /// # Errors
    /// If the directory cannot be listed.
    pub fn open(disk: Arc<dyn Disk>, dir: &Path, from: Zxid, limits: Limits) -> Result<Self> {
        let files: VecDeque<_> = logs_from(&*disk, dir, from)?.into();
        let size = files.iter().map(|f| f.len).sum();
        Ok(Self { disk, limits, files, size, current: None, last: None, live: false, tail: None })
    }

    /// As [`LogIter::open`], while the newest log is being written: it ends where it cannot be read,
    /// and what is wrong there is not asked.
    ///
    /// # Errors
    /// As [`LogIter::open`].
    pub fn open_live(disk: Arc<dyn Disk>, dir: &Path, from: Zxid, limits: Limits) -> Result<Self> {
        Ok(Self { live: true, ..Self::open(disk, dir, from, limits)? })
    }

    /// Bytes of all logs that this iterator goes through, padding included (`getStorageSize`).
    pub fn storage_size(&self) -> u64 {
        self.size
    }

    /// The interrupted write, once the iterator has come to the end and found one.
    pub fn tail(&self) -> Option<&Tail> {
        self.tail.as_ref()
    }

    /// The file of the current record, as long as there is one.
    pub fn path(&self) -> Option<&Path> {
        self.current.as_ref().map(LogReader::path)
    }

    /// Goes to the first record with at least this zxid; false if there is none.
    ///
    /// # Errors
    /// As [`LogIter::advance`].
    pub fn advance_to(&mut self, zxid: Zxid) -> Result<bool> {
        while self.advance()? {
            if self.last >= Some(zxid) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Goes to the next record; false if there is none.
    ///
    /// # Errors
    /// [`Error::LogDamaged`] where a log is not readable and no crash explains it.
    pub fn advance(&mut self) -> Result<bool> {
        loop {
            let Some(reader) = &mut self.current else {
                if !self.next_file()? {
                    return Ok(false);
                }
                continue;
            };
            match reader.advance()? {
                None => {
                    self.last = Some(reader.zxid());
                    return Ok(true);
                }
                Some(stop) => self.end_file(stop)?,
            }
        }
    }

    /// The current record. There is one after `advance` said true.
    pub fn record(&self) -> Option<LogRecord<'_>> {
        let reader = self.current.as_ref()?;
        Some(LogRecord {
            zxid: reader.zxid(),
            offset: reader.record_offset(),
            payload: reader.payload(),
        })
    }

    /// Opens the next file that has records; false if there is none.
    fn next_file(&mut self) -> Result<bool> {
        let Some(next) = self.files.pop_front() else { return Ok(false) };
        let reader = LogReader::new(self.disk.open(&next.path)?, self.limits);
        let what = match reader.header()? {
            Header::Good => {
                self.current = Some(reader);
                return Ok(true);
            }
            Header::Unwritten if self.files.is_empty() => return self.end_unwritten(&reader),
            Header::Unwritten => "its header was not written, yet later logs follow".to_owned(),
            Header::Foreign(found) => {
                format!("has invalid magic number {found} != {}", super::MAGIC)
            }
        };
        Err(self.damaged(next.path, 0, what))
    }

    /// The newest log has no header: nothing in it was acknowledged, unless it holds records.
    fn end_unwritten(&mut self, reader: &LogReader) -> Result<bool> {
        let path = reader.path().to_path_buf();
        if !self.live {
            let at = HEADER_LEN as u64;
            match judge(reader.file(), at, Stop::Padding, self.last, self.limits)? {
                Verdict::Damaged(what) => return Err(self.damaged(path, 0, what)),
                Verdict::Clean | Verdict::Torn { .. } => {}
            }
            self.tail = Some(Tail { path, offset: 0 });
        }
        Ok(false)
    }

    /// The current file has no further record.
    fn end_file(&mut self, stop: Stop) -> Result<()> {
        let Some(reader) = self.current.take() else { return Ok(()) };
        let newest = self.files.is_empty();
        if self.live && newest {
            return Ok(());
        }
        let (path, offset) = (reader.path().to_path_buf(), reader.offset());
        let next = self.files.front().map(|f| f.zxid);
        match judge(reader.file(), offset, stop, self.last, self.limits)? {
            Verdict::Clean => {}
            Verdict::Torn { .. } if newest => self.tail = Some(Tail { path, offset }),
            // A crash, and a start after it that left the interrupted write where it was, as Java
            // does. The server went on in a new log.
            Verdict::Torn { readable_by_java: true } if self.continues(next) => {
                log::warn!(
                    "Transaction log {} ends with an interrupted write at offset {offset}",
                    path.display()
                );
            }
            Verdict::Torn { .. } => {
                let what = "an interrupted write, yet later logs follow that do not continue it";
                return Err(self.damaged(path, offset, what.to_owned()));
            }
            Verdict::Damaged(what) => return Err(self.damaged(path, offset, what)),
        }
        Ok(())
    }

    /// Whether a log that starts with `next` may follow the last record: nothing of its epoch is
    /// missing in between.
    fn continues(&self, next: Option<Zxid>) -> bool {
        match (self.last, next) {
            (Some(last), Some(next)) => next <= last.next() || next.epoch() > last.epoch(),
            _ => true,
        }
    }

    fn damaged(&self, path: PathBuf, offset: u64, what: String) -> Error {
        Error::LogDamaged { path, offset, last: self.last, what }
    }
}

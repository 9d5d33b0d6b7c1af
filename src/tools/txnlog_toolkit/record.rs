//! A log, record by record, as Java's tool reads it: what is wrong with a record is the caller's to
//! judge, and the next one may still be read.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use adler32::RollingAdler32;
use byteorder::{BigEndian, ByteOrder};
use jute::Limits;

use crate::storage::txnlog::HEADER_LEN;
use crate::tools::Failure;

/// Bytes read ahead.
const BUFFER: usize = 256 * 1024;
/// Bytes of a record before its payload.
const HEAD_LEN: u64 = 12;
/// The byte behind a payload.
pub(super) const END: u8 = b'B';

/// The 16 bytes with which a log starts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Header {
    pub(super) bytes: [u8; HEADER_LEN],
}

impl Header {
    pub(super) fn magic(&self) -> i32 {
        BigEndian::read_i32(&self.bytes)
    }

    /// The line that says what the file is.
    pub(super) fn describe(&self) -> String {
        format!(
            "ZooKeeper Transactional Log File with dbid {} txnlog format version {}",
            BigEndian::read_i64(&self.bytes[8..]),
            BigEndian::read_i32(&self.bytes[4..])
        )
    }
}

/// What comes next in a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// A payload, with the checksum that stands before it.
    Record(i64),
    /// No more: padding, or the file's end.
    End,
    /// No more, but not as a log ends: for this reason.
    Torn(&'static str),
}

/// A log that is being read. It holds the longest payload so far.
#[derive(Debug)]
pub(super) struct LogFile {
    file: BufReader<File>,
    path: PathBuf,
    len: u64,
    /// Offset of what comes next.
    at: u64,
    /// Offset of the current record.
    start: u64,
    limits: Limits,
    buf: Vec<u8>,
    payload_len: usize,
}

impl LogFile {
    /// Opens a log.
    pub(super) fn open(path: &Path, limits: Limits) -> io::Result<Self> {
        let file = File::open(path)?;
        let meta = file.metadata()?;
        if meta.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        Ok(Self {
            file: BufReader::with_capacity(BUFFER, file),
            path: path.to_path_buf(),
            len: meta.len(),
            at: 0,
            start: 0,
            limits,
            buf: Vec::new(),
            payload_len: 0,
        })
    }

    /// Length of the file in bytes.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// Offset of what comes next.
    pub(super) fn offset(&self) -> u64 {
        self.at
    }

    /// The payload of the current record.
    pub(super) fn payload(&self) -> &[u8] {
        &self.buf[..self.payload_len]
    }

    /// The checksum that the payload should have.
    pub(super) fn checksum(&self) -> i64 {
        i64::from(RollingAdler32::from_buffer(self.payload()).hash())
    }

    /// A line about the current record, or about the file where there is none yet.
    pub(super) fn note(&self, what: impl std::fmt::Display) -> String {
        format!("{}: offset {}: {what}", self.path.display(), self.start)
    }

    /// A failure that names file and offset.
    pub(super) fn failure(&self, what: impl std::fmt::Display) -> Failure {
        Failure::uncaught(self.note(what))
    }

    /// The file's header; `None` where the file is shorter.
    pub(super) fn header(&mut self) -> Result<Option<Header>, Failure> {
        let mut bytes = [0; HEADER_LEN];
        Ok(self.read(&mut bytes)?.then_some(Header { bytes }))
    }

    /// Reads the next record up to its payload's end.
    pub(super) fn next(&mut self) -> Result<Next, Failure> {
        self.start = self.at;
        let left = self.len.saturating_sub(self.at);
        let mut head = [0; HEAD_LEN as usize];
        if left == 0 {
            return Ok(Next::End);
        }
        if left < HEAD_LEN || !self.read(&mut head)? {
            return Ok(Next::Torn("the file ends within a record's head"));
        }
        let (sum, found) = (BigEndian::read_i64(&head), BigEndian::read_i32(&head[8..]));
        if found == 0 {
            let torn = Next::Torn("a record has a checksum but no length");
            return Ok(if sum == 0 { Next::End } else { torn });
        }
        let len = match usize::try_from(found) {
            Ok(len) if len <= self.limits.max_field => len,
            _ => return Err(self.failure(format!("Unreasonable length = {found}"))),
        };
        // Memory is taken only for bytes that the file has.
        if len as u64 > left - HEAD_LEN || !self.read_payload(len)? {
            return Ok(Next::Torn("the file ends within a record"));
        }
        Ok(Next::Record(sum))
    }

    /// The byte behind the payload; `None` at the file's end.
    pub(super) fn end_of_record(&mut self) -> Result<Option<u8>, Failure> {
        let mut byte = [0];
        Ok(self.read(&mut byte)?.then_some(byte[0]))
    }

    fn read_payload(&mut self, len: usize) -> Result<bool, Failure> {
        let mut buf = std::mem::take(&mut self.buf);
        if buf.len() < len {
            buf.resize(len, 0);
        }
        let whole = self.read(&mut buf[..len]);
        self.buf = buf;
        self.payload_len = len;
        whole
    }

    /// Fills `buf`; false where the file ends before that.
    fn read(&mut self, buf: &mut [u8]) -> Result<bool, Failure> {
        match self.file.read_exact(buf) {
            Ok(()) => {
                self.at += buf.len() as u64;
                Ok(true)
            }
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
            Err(e) => Err(self.failure(e)),
        }
    }
}

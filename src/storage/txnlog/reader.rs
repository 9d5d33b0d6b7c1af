//! One log file, record by record.

use std::path::Path;

use byteorder::{BigEndian, ByteOrder};
use jute::Limits;

use super::{END, HEAD_LEN, HEADER_LEN, checksum, file_header, zxid_of};
use crate::ids::Zxid;
use crate::storage::disk::{self, DiskFile};

/// How much is read ahead.
const CHUNK: usize = 256 * 1024;

/// Why there is no further record at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// The file ends here.
    Eof,
    /// Checksum and length are zero: padding, or bytes that never reached the disk.
    Padding,
    /// A checksum, but the length is zero.
    HeadOnly,
    /// The file ends within the record.
    Short,
    /// A length that no record has.
    Length(i32),
    /// This byte stands where the 'B' should.
    NoEnd {
        /// The byte.
        found: u8,
        /// Offset behind it.
        end: u64,
    },
    /// The payload does not match its checksum.
    Checksum {
        /// Offset behind the record.
        end: u64,
    },
    /// A payload that matches its checksum but is too short for a transaction.
    TooSmall,
}

/// A log file that is being read. It holds one chunk, or one record where that is longer.
#[derive(Debug)]
pub(super) struct LogReader {
    file: Box<dyn DiskFile>,
    limits: Limits,
    /// Bytes of the file from `base` on.
    buf: Vec<u8>,
    base: u64,
    /// The next record's place in `buf`.
    pos: usize,
    /// The current record's payload in `buf`.
    payload: std::ops::Range<usize>,
    zxid: Zxid,
}

impl LogReader {
    /// Reads `file` from its first record on. The file's header is the caller's to check.
    pub(super) fn new(file: Box<dyn DiskFile>, limits: Limits) -> Self {
        let base = HEADER_LEN as u64;
        Self { file, limits, buf: Vec::new(), base, pos: 0, payload: 0..0, zxid: Zxid::ZERO }
    }

    pub(super) fn path(&self) -> &Path {
        self.file.path()
    }

    pub(super) fn file(&self) -> &dyn DiskFile {
        &*self.file
    }

    /// Offset of the next record.
    pub(super) fn offset(&self) -> u64 {
        self.base + self.pos as u64
    }

    /// The record that was read last.
    pub(super) fn payload(&self) -> &[u8] {
        &self.buf[self.payload.clone()]
    }

    /// The zxid of the record that was read last.
    pub(super) fn zxid(&self) -> Zxid {
        self.zxid
    }

    /// Offset of the record that was read last.
    pub(super) fn record_offset(&self) -> u64 {
        (self.base + self.payload.start as u64).saturating_sub(HEAD_LEN as u64)
    }

    /// Whether the file begins as a log does.
    pub(super) fn header(&self) -> disk::Result<Header> {
        let mut found = [0; HEADER_LEN];
        let len = self.file.read_at(0, &mut found)?;
        Ok(Header::of(&found[..len]))
    }

    /// Goes to the next record, or says why there is none. The position is then unchanged.
    pub(super) fn advance(&mut self) -> disk::Result<Option<Stop>> {
        let there = self.fill(HEAD_LEN)?;
        if there < HEAD_LEN {
            return Ok(Some(if there == 0 { Stop::Eof } else { Stop::Short }));
        }
        let head = &self.buf[self.pos..self.pos + HEAD_LEN];
        let (sum, found) = (BigEndian::read_i64(head), BigEndian::read_i32(&head[8..]));
        if found == 0 {
            return Ok(Some(if sum == 0 { Stop::Padding } else { Stop::HeadOnly }));
        }
        let len = match usize::try_from(found) {
            Ok(len) if len <= self.limits.max_field => len,
            _ => return Ok(Some(Stop::Length(found))),
        };
        let all = HEAD_LEN + len + 1;
        if !self.is_there(all)? || self.fill(all)? < all {
            return Ok(Some(Stop::Short));
        }
        Ok(self.accept(sum, all))
    }

    /// Whether the file has `want` bytes from `pos` on. Memory is taken only for bytes that it has; it
    /// is asked only where the buffer does not show them.
    fn is_there(&self, want: usize) -> disk::Result<bool> {
        let buffered = self.buf.len() - self.pos >= want;
        Ok(buffered || self.offset() + want as u64 <= self.file.len()?)
    }

    /// Checks the record of `all` bytes, which are in the buffer, and steps behind it.
    fn accept(&mut self, sum: i64, all: usize) -> Option<Stop> {
        let end = self.offset() + all as u64;
        let last = self.pos + all - 1;
        let found = self.buf[last];
        if found != END {
            return Some(Stop::NoEnd { found, end });
        }
        let payload = self.pos + HEAD_LEN..last;
        if checksum(&self.buf[payload.clone()]) != sum {
            return Some(Stop::Checksum { end });
        }
        let Some(zxid) = zxid_of(&self.buf[payload.clone()]) else { return Some(Stop::TooSmall) };
        self.zxid = zxid;
        self.payload = payload;
        self.pos = last + 1;
        None
    }

    /// Sees to it that `want` bytes from `pos` on are in the buffer; says how many are, which is less
    /// only at the file's end.
    fn fill(&mut self, want: usize) -> disk::Result<usize> {
        let have = self.buf.len() - self.pos;
        if have >= want {
            return Ok(have);
        }
        self.base += self.pos as u64;
        self.buf.drain(..self.pos);
        self.pos = 0;
        self.payload = 0..0;
        let len = want.max(CHUNK);
        self.buf.resize(len, 0);
        let read = self.file.read_at(self.base + have as u64, &mut self.buf[have..])?;
        self.buf.truncate(have + read);
        Ok(self.buf.len())
    }
}

/// What stands where a log's header should.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Header {
    /// A header.
    Good,
    /// The first bytes of one and then zeros or nothing: it was never written to the end.
    Unwritten,
    /// Something else, with this in the magic's place.
    Foreign(i32),
}

impl Header {
    fn of(found: &[u8]) -> Self {
        let good = file_header();
        if found.len() >= 4 && found[..4] == good[..4] && found.len() == HEADER_LEN {
            // As in Java only the magic counts.
            return Self::Good;
        }
        let same = found.iter().zip(good).take_while(|(a, b)| **a == *b).count();
        if found[same..].iter().all(|b| *b == 0) {
            return Self::Unwritten;
        }
        let mut magic = [0; 4];
        let n = found.len().min(4);
        magic[..n].copy_from_slice(&found[..n]);
        Self::Foreign(i32::from_be_bytes(magic))
    }
}

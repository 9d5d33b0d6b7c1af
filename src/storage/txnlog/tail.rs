//! Where a log stops being readable: did it end there, was the server interrupted while it wrote, or
//! has the log been damaged since?
//!
//! A log is written from front to back over zeros, and a transaction is acknowledged only when it is
//! on disk. So what a crash leaves is: records up to a place, and there a record of which some bytes
//! are still zero, from a byte of it on or in whole sectors (a disk may write those in any order). It
//! was never acknowledged, and nothing that was stands behind it. Everything else is damage:
//!
//! - a readable record behind the place: what stood between may have been acknowledged;
//! - a record that is there to its 'B' and has no sector of zeros, but does not match its checksum;
//! - a length that no record has: a byte that was not written can only make a length smaller;
//! - a byte that is neither zero nor 'B' where the 'B' should be, and no sector of zeros before it.
//!
//! Java calls a failed checksum fatal wherever it is, and takes everything else for the log's end.

use byteorder::{BigEndian, ByteOrder};
use jute::Limits;

use super::reader::Stop;
use super::{END, HEAD_LEN, TXN_HEADER_LEN, checksum, zxid_of};
use crate::ids::Zxid;
use crate::storage::disk::{self, DiskFile};

/// The smallest unit that a disk writes whole, in bytes.
const SECTOR: u64 = 512;
/// How much is looked at in one piece, in bytes.
const CHUNK: usize = 1024 * 1024;
/// More than this, in bytes, does not stand behind the last synced record: no batch is so large.
const MAX_REST: usize = 64 * CHUNK;

/// What a log's end is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing but padding.
    Clean,
    /// An interrupted write.
    Torn {
        /// Whether Java, too, takes it for the log's end; it calls a failed checksum fatal.
        readable_by_java: bool,
    },
    /// Neither of the two, and why.
    Damaged(String),
}

/// Judges the place `offset` of `file`, at which reading stopped because of `stop`, `last` being the
/// last readable zxid before it.
pub(super) fn judge(
    file: &dyn DiskFile,
    offset: u64,
    stop: Stop,
    last: Option<Zxid>,
    limits: Limits,
) -> disk::Result<Verdict> {
    if stop == Stop::Eof {
        return Ok(Verdict::Clean);
    }
    let Some(rest) = Rest::read(file, offset)? else { return Ok(too_much(stop)) };
    if rest.bytes.is_empty() {
        return Ok(Verdict::Clean);
    }
    match rest.find_record(last, limits) {
        Search::Nothing => Ok(judge_last(&rest, stop)),
        Search::Found { offset, zxid } => Ok(Verdict::Damaged(format!(
            "{}, yet a readable record with zxid {zxid} follows at offset {offset}",
            describe(stop)
        ))),
        Search::GaveUp => Ok(too_much(stop)),
    }
}

fn too_much(stop: Stop) -> Verdict {
    let what = "and too much data follows to tell whether records are in it";
    Verdict::Damaged(format!("{}, {what}", describe(stop)))
}

/// Judges a record behind which no other is readable.
fn judge_last(rest: &Rest, stop: Stop) -> Verdict {
    let torn = |readable_by_java| Verdict::Torn { readable_by_java };
    match stop {
        Stop::Eof | Stop::Padding | Stop::HeadOnly | Stop::Short => torn(true),
        Stop::NoEnd { found: 0, .. } => torn(true),
        Stop::NoEnd { end, .. } if rest.has_hole(end) => torn(true),
        Stop::Checksum { end } if rest.has_hole(end) => torn(false),
        Stop::NoEnd { .. } | Stop::Checksum { .. } | Stop::Length(_) | Stop::TooSmall => {
            Verdict::Damaged(describe(stop))
        }
    }
}

fn describe(stop: Stop) -> String {
    match stop {
        Stop::Eof => "the file ends".to_owned(),
        Stop::Padding => "padding begins".to_owned(),
        Stop::HeadOnly => "a record has a checksum but no length".to_owned(),
        Stop::Short => "the file ends within a record".to_owned(),
        Stop::Length(n) => format!("Unreasonable length = {n}"),
        Stop::NoEnd { found, .. } => format!("a record ends with byte {found:#04x} instead of 'B'"),
        Stop::Checksum { .. } => "CRC check failed".to_owned(),
        Stop::TooSmall => "a record is too short for a transaction".to_owned(),
    }
}

/// What stands from a place in the file on, without the zeros at its end.
struct Rest {
    offset: u64,
    bytes: Vec<u8>,
}

/// Without a way out of the inner loop, so that it goes through many bytes at a time.
fn is_zero(bytes: &[u8]) -> bool {
    bytes.chunks(SECTOR as usize).all(|piece| piece.iter().fold(0, |all, b| all | b) == 0)
}

enum Search {
    Nothing,
    Found { offset: u64, zxid: Zxid },
    GaveUp,
}

impl Rest {
    /// `None` where it is more than [`MAX_REST`].
    fn read(file: &dyn DiskFile, offset: u64) -> disk::Result<Option<Self>> {
        let mut bytes = Vec::new();
        let mut chunk = vec![0; CHUNK];
        let (mut at, mut zeros) = (offset, 0);
        loop {
            let n = file.read_at(at, &mut chunk)?;
            if n == 0 {
                return Ok(Some(Self { offset, bytes }));
            }
            at += n as u64;
            // Padding, of which there may be gigabytes, is counted and not kept.
            let found = &chunk[..n];
            let last = if is_zero(found) { None } else { found.iter().rposition(|b| *b != 0) };
            match last {
                None => zeros += n,
                Some(_) if bytes.len() + zeros > MAX_REST => return Ok(None),
                Some(last) => {
                    bytes.resize(bytes.len() + zeros, 0);
                    bytes.extend_from_slice(&chunk[..=last]);
                    zeros = n - last - 1;
                }
            }
        }
    }

    /// Whether a sector, or the record's part of one, is zero between the start and offset `end`.
    /// The four bytes with which every record starts are zero anyway and do not count.
    fn has_hole(&self, end: u64) -> bool {
        let mut from = self.offset;
        while from < end {
            let to = (from / SECTOR + 1) * SECTOR;
            let piece = self.slice(from, to.min(end));
            let significant = to.min(end) > self.offset + 4;
            if significant && is_zero(piece) {
                return true;
            }
            from = to;
        }
        false
    }

    /// The bytes from offset `from` to `to`, less the zeros at the end of everything.
    fn slice(&self, from: u64, to: u64) -> &[u8] {
        let index = |at: u64| ((at - self.offset) as usize).min(self.bytes.len());
        &self.bytes[index(from)..index(to)]
    }

    /// Looks for a whole record at any byte behind the first. The work is bounded: bytes that look
    /// like very many long records are not worth more than a refusal.
    fn find_record(&self, last: Option<Zxid>, limits: Limits) -> Search {
        let mut budget = 64 * self.bytes.len() + CHUNK;
        let mut at = 1;
        while at + HEAD_LEN + TXN_HEADER_LEN < self.bytes.len() {
            if let Some((sum, payload)) = self.candidate(at, limits) {
                if payload.len() > budget {
                    return Search::GaveUp;
                }
                budget -= payload.len();
                let zxid = zxid_of(payload).filter(|z| last.is_none_or(|last| *z > last));
                if let Some(zxid) = zxid.filter(|_| checksum(payload) == sum) {
                    return Search::Found { offset: self.offset + at as u64, zxid };
                }
            }
            at += 1;
        }
        Search::Nothing
    }

    /// What stands at `at` if it could be a record: an Adler32 has four bytes of eight, a length is
    /// within bounds, and a 'B' stands where it says.
    fn candidate(&self, at: usize, limits: Limits) -> Option<(i64, &[u8])> {
        let head = &self.bytes[at..at + HEAD_LEN];
        if head[..4] != [0; 4] {
            return None;
        }
        let len = usize::try_from(BigEndian::read_i32(&head[8..])).ok()?;
        if len < TXN_HEADER_LEN || len > limits.max_field {
            return None;
        }
        let end = at + HEAD_LEN + len;
        if self.bytes.get(end) != Some(&END) {
            return None;
        }
        Some((BigEndian::read_i64(head), &self.bytes[at + HEAD_LEN..end]))
    }
}

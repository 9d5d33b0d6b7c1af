//! Reading a snapshot from its first byte to its last, in memory that does not depend on its size.

use std::io::Read;

use adler32::RollingAdler32;
use byteorder::{BigEndian, ByteOrder};
use jute::{Limits, Reader};

use super::body::{BodyParser, Item};
use super::container::source;
use super::{HEADER_LEN, LAST_BYTES, MAGIC, SEAL_LEN, Trailer, compression_of};
use crate::ids::Zxid;
use crate::storage::disk::Disk;
use crate::storage::names::ZxidFile;
use crate::storage::{Error, Result};
use crate::tree::ZxidDigest;

/// Bytes per read.
const CHUNK: usize = 256 * 1024;
/// What may stand behind the first seal, in bytes.
const MAX_TRAILER: usize = 4096;
/// From this version on a digest is a long.
const LONG_DIGEST_VERSION: i32 = 2;
/// Bytes of a digest with its seal, plus a zxid with its seal.
const LONGEST_KNOWN_TRAILER: usize = 20 + SEAL_LEN + 8 + SEAL_LEN;
const ENDS_EARLY: &str = "it ends too early";

/// Success, or what is wrong.
type Outcome<T> = std::result::Result<T, String>;

/// Reads a snapshot, handing each session, ACL and node, and then the nodes' end, to `take` in the
/// file's order. Only when this returns `Ok` was the snapshot whole.
///
/// # Errors
/// [`Error::Snapshot`] where the file is damaged, not written to its end, or `take` does not want what
/// is in it.
pub fn read(
    disk: &dyn Disk,
    snapshot: &ZxidFile,
    limits: Limits,
    take: impl FnMut(Item<'_>) -> Outcome<()>,
) -> Result<Trailer> {
    let name = snapshot.path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
    let file = disk.open(&snapshot.path)?;
    read_stream(source(file, compression_of(name)), limits, take)
        .map_err(|what| Error::Snapshot { path: snapshot.path.clone(), what })
}

/// As [`read()`], from a plain stream that is no file: what an administrator hands in to be restored.
///
/// # Errors
/// What is wrong with the stream or its content.
pub fn read_stream<'a>(
    stream: impl Read + 'a,
    limits: Limits,
    mut take: impl FnMut(Item<'_>) -> Outcome<()>,
) -> Outcome<Trailer> {
    let mut input = Input::new(Box::new(stream));
    read_parts(&mut input, limits, &mut take)
        .map_err(|what| format!("{what}, at offset {} of its content", input.at))
}

fn read_parts(
    input: &mut Input<'_>,
    limits: Limits,
    take: &mut impl FnMut(Item<'_>) -> Outcome<()>,
) -> Outcome<Trailer> {
    read_header(input)?;
    read_body(input, limits, take)?;
    read_seal(input)?;
    read_trailer(input)
}

fn read_header(input: &mut Input<'_>) -> Outcome<()> {
    let magic = BigEndian::read_i32(input.need(HEADER_LEN)?);
    if magic != MAGIC {
        return Err(format!("mismatching magic headers {magic} !=  {MAGIC}"));
    }
    input.consume(HEADER_LEN);
    Ok(())
}

fn read_body(
    input: &mut Input<'_>,
    limits: Limits,
    take: &mut impl FnMut(Item<'_>) -> Outcome<()>,
) -> Outcome<()> {
    let mut parser = BodyParser::new(limits);
    loop {
        let parsed = parser.next(input.bytes()).map_err(|e| e.to_string())?;
        let Some((item, len)) = parsed else {
            input.grow()?;
            continue;
        };
        let end = item == Item::End;
        take(item)?;
        input.consume(len);
        if end {
            return Ok(());
        }
    }
}

fn read_seal(input: &mut Input<'_>) -> Outcome<()> {
    let sum = input.sum();
    // Whatever string follows the checksum is covered by the next seal, if by any.
    let bytes = input.need(SEAL_LEN)?;
    if BigEndian::read_i64(bytes) != sum || bytes[8..] != LAST_BYTES {
        return Err("CRC corruption".to_owned());
    }
    input.consume(SEAL_LEN);
    Ok(())
}

fn read_trailer(input: &mut Input<'_>) -> Outcome<Trailer> {
    let rest = input.rest(MAX_TRAILER)?;
    let sum = input.adler();
    let attempts = [(false, false), (true, false), (false, true), (true, true)];
    let found =
        attempts.iter().find_map(|&(digest, zxid)| trailer(&rest, sum.clone(), digest, zxid));
    match found {
        Some(trailer) => Ok(trailer),
        None if rest.len() > LONGEST_KNOWN_TRAILER && rest.ends_with(&LAST_BYTES) => {
            log::warn!("Ignoring {} bytes behind a snapshot's seal", rest.len());
            Ok(Trailer::default())
        }
        None => Err("CRC corruption behind the nodes".to_owned()),
    }
}

/// Takes `bytes` for a trailer with or without a digest and a zxid; `None` if it is not one.
fn trailer(bytes: &[u8], mut sum: RollingAdler32, digest: bool, zxid: bool) -> Option<Trailer> {
    let mut r = Reader::new(bytes);
    let mut trailer = Trailer::default();
    let mut summed = 0;
    let mut seal = |r: &mut Reader<'_>| -> Option<()> {
        sum.update_buffer(&bytes[summed..r.position()]);
        summed = r.position();
        let good = r.long().ok()? == i64::from(sum.hash()) && r.take(5).ok()? == LAST_BYTES;
        good.then_some(())
    };
    if digest {
        trailer.digest = Some(read_digest(&mut r)?);
        seal(&mut r)?;
    }
    if zxid {
        trailer.last_zxid = Some(Zxid(r.long().ok()?));
        seal(&mut r)?;
    }
    r.is_empty().then_some(trailer)
}

/// `ZxidDigest.deserialize`.
fn read_digest(r: &mut Reader<'_>) -> Option<ZxidDigest> {
    let zxid = Zxid(r.long().ok()?);
    let version = r.int().ok()?;
    let digest = if version < LONG_DIGEST_VERSION {
        r.str().ok()?.map_or(Some(0), |hex| i64::from_str_radix(&hex, 16).ok())?
    } else {
        r.long().ok()?
    };
    Some(ZxidDigest { zxid, version, digest })
}

/// A stream with its checksum.
struct Input<'a> {
    stream: Box<dyn Read + 'a>,
    buf: Vec<u8>,
    /// What is before this was consumed.
    pos: usize,
    /// Bytes consumed since the stream's start.
    at: u64,
    /// What is before this is in `sum`.
    summed: usize,
    sum: RollingAdler32,
    eof: bool,
}

impl<'a> Input<'a> {
    fn new(stream: Box<dyn Read + 'a>) -> Self {
        let sum = RollingAdler32::new();
        Self { stream, buf: Vec::new(), pos: 0, at: 0, summed: 0, sum, eof: false }
    }

    /// What was read and not consumed.
    fn bytes(&self) -> &[u8] {
        &self.buf[self.pos..]
    }

    fn consume(&mut self, n: usize) {
        self.pos += n;
        self.at += n as u64;
    }

    /// Checksum of all that was consumed.
    fn adler(&mut self) -> RollingAdler32 {
        self.sum.update_buffer(&self.buf[self.summed..self.pos]);
        self.summed = self.pos;
        self.sum.clone()
    }

    fn sum(&mut self) -> i64 {
        i64::from(self.adler().hash())
    }

    /// The next `n` bytes that were not consumed.
    fn need(&mut self, n: usize) -> Outcome<&[u8]> {
        while self.bytes().len() < n && !self.eof {
            self.read_more()?;
        }
        if self.bytes().len() < n {
            return Err(ENDS_EARLY.to_owned());
        }
        Ok(&self.bytes()[..n])
    }

    /// More bytes than there are: twice as many, so that a long item is not parsed over and over.
    fn grow(&mut self) -> Outcome<()> {
        let before = self.bytes().len();
        while self.bytes().len() <= 2 * before && !self.eof {
            self.read_more()?;
        }
        if self.bytes().len() == before { Err(ENDS_EARLY.to_owned()) } else { Ok(()) }
    }

    /// All that is left, at most `max` bytes.
    fn rest(&mut self, max: usize) -> Outcome<Vec<u8>> {
        while !self.eof && self.bytes().len() <= max {
            self.read_more()?;
        }
        if self.bytes().len() > max {
            return Err("too much stands behind the nodes".to_owned());
        }
        Ok(self.bytes().to_vec())
    }

    fn read_more(&mut self) -> Outcome<()> {
        self.adler();
        self.buf.drain(..self.pos);
        (self.pos, self.summed) = (0, 0);
        let have = self.buf.len();
        let mut chunk = (&mut self.stream).take(CHUNK as u64);
        let read = chunk.read_to_end(&mut self.buf).map_err(|e| e.to_string())?;
        debug_assert_eq!(self.buf.len(), have + read);
        self.eof = read == 0;
        Ok(())
    }
}

//! Reading a snapshot from its first byte to its last, in memory that does not depend on its size.

use std::io::Read;
use std::mem;

use adler32::RollingAdler32;
use byteorder::{BigEndian, ByteOrder};
use jute::{Limits, Reader};

use super::ahead::{Chunk, Chunks, ROOM};
use super::body::{BodyParser, Item};
use super::container::source;
use super::{HEADER_LEN, LAST_BYTES, MAGIC, SEAL_LEN, Trailer, compression_of};
use crate::ids::Zxid;
use crate::storage::disk::{Disk, DiskError};
use crate::storage::names::ZxidFile;
use crate::storage::threads::StartThread;
use crate::storage::{Error, Result};
use crate::tree::ZxidDigest;

/// Bytes that are read at a time.
const CHUNK: usize = 128 * 1024;
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
/// file's order. Only when this returns `Ok` was the snapshot whole. With `threads` the file is read ahead
/// by one of them.
///
/// # Errors
/// [`Error::Snapshot`] where the file is damaged, not written to its end, or `take` does not want what
/// is in it.
pub fn read(
    disk: &dyn Disk,
    snapshot: &ZxidFile,
    limits: Limits,
    threads: Option<StartThread>,
    take: impl FnMut(Item<'_>) -> Outcome<()>,
) -> Result<Trailer> {
    let name = snapshot.path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
    let stream = source(disk.open(&snapshot.path)?, compression_of(name));
    let chunks = match threads {
        Some(start) => Chunks::ahead(stream, CHUNK, start)
            .map_err(|e| DiskError::new("start a thread to read", &snapshot.path, e))?,
        None => Chunks::of(stream, CHUNK),
    };
    read_chunks(chunks, limits, take)
        .map_err(|what| Error::Snapshot { path: snapshot.path.clone(), what })
}

/// As [`read()`], from a plain stream that is no file: what an administrator hands in to be restored.
///
/// # Errors
/// What is wrong with the stream or its content.
pub fn read_stream(
    stream: impl Read,
    limits: Limits,
    take: impl FnMut(Item<'_>) -> Outcome<()>,
) -> Outcome<Trailer> {
    read_chunks(Chunks::of(stream, CHUNK), limits, take)
}

pub(super) fn read_chunks(
    chunks: Chunks<'_>,
    limits: Limits,
    mut take: impl FnMut(Item<'_>) -> Outcome<()>,
) -> Outcome<Trailer> {
    let mut input = Input::new(chunks);
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
    let sum = i64::from(input.adler()?.hash());
    // Whatever string follows the checksum is covered by the next seal, if by any.
    let bytes = input.need(SEAL_LEN)?;
    if BigEndian::read_i64(bytes) != sum || bytes[8..] != LAST_BYTES {
        return Err("CRC corruption".to_owned());
    }
    input.consume(SEAL_LEN);
    Ok(())
}

fn read_trailer(input: &mut Input<'_>) -> Outcome<Trailer> {
    let sum = input.adler()?;
    let rest = input.rest(MAX_TRAILER)?;
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
    chunks: Chunks<'a>,
    buf: Vec<u8>,
    /// What is before this was consumed.
    pos: usize,
    /// Bytes consumed since the stream's start.
    at: u64,
    /// Checksums of all before these places.
    sums: Vec<(u64, RollingAdler32)>,
    eof: bool,
}

impl<'a> Input<'a> {
    fn new(chunks: Chunks<'a>) -> Self {
        Self { chunks, buf: Vec::new(), pos: 0, at: 0, sums: Vec::new(), eof: false }
    }

    /// What was read and not consumed.
    fn bytes(&self) -> &[u8] {
        &self.buf[self.pos..]
    }

    fn consume(&mut self, n: usize) {
        self.pos += n;
        self.at += n as u64;
    }

    /// Checksum of all that was consumed: from the last place before, where it is known, on. To be
    /// asked for before more is read, which forgets the bytes in between.
    fn adler(&mut self) -> Outcome<RollingAdler32> {
        let known = self.sums.iter().filter(|(place, _)| *place <= self.at);
        let Some((place, sum)) = known.max_by_key(|(place, _)| *place) else {
            return Err("its checksum is not known".to_owned());
        };
        let mut sum = sum.clone();
        sum.update_buffer(&self.buf[self.pos - (self.at - place) as usize..self.pos]);
        self.sums.push((self.at, sum.clone()));
        Ok(sum)
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

    /// Takes the next chunk, behind what was not consumed of those before; of the rest nothing stays.
    fn read_more(&mut self) -> Outcome<()> {
        let Some(chunk) = self.chunks.next() else {
            self.eof = true;
            return Ok(());
        };
        let Chunk { mut buf, before } = chunk.map_err(|e| e.to_string())?;
        let left = &self.buf[self.pos..];
        self.sums.retain(|(place, _)| *place >= self.at);
        self.sums.push((self.at + left.len() as u64, before));
        if let Some(start) = ROOM.checked_sub(left.len()) {
            buf[start..ROOM].copy_from_slice(left);
            mem::swap(&mut self.buf, &mut buf);
            self.pos = start;
        } else {
            self.buf.drain(..self.pos);
            self.buf.extend_from_slice(&buf[ROOM..]);
            self.pos = 0;
        }
        self.chunks.reuse(buf);
        Ok(())
    }
}

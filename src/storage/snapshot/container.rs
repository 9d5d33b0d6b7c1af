//! The stream of a snapshot as bytes on the disk: plain, gzip, or the container of snappy-java
//! (`SnappyOutputStream`, which is not the standard's frame format).
//!
//! ```text
//! snappy   0  0x82 "SNAPPY" 0x00
//!          8  int version 1, int oldest compatible version 1
//!         16  blocks: int length n, n bytes of raw snappy for at most 32 KiB of input
//! ```

use std::io::{self, BufReader, Read, Write};
use std::path::Path;

use byteorder::{BigEndian, ByteOrder};
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;

use crate::config::Compression;
use crate::storage::disk::{DiskError, DiskFile};

/// How a gzip file starts.
pub(super) const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
/// How a snappy container starts.
pub(super) const SNAPPY_MAGIC: [u8; 8] = *b"\x82SNAPPY\0";
/// Both versions in the container's header.
const SNAPPY_VERSION: i32 = 1;
/// Bytes of input in a block (`SnappyOutputStream.DEFAULT_BLOCK_SIZE`).
const SNAPPY_BLOCK: usize = 32 * 1024;
/// A block of input that is still believed, in bytes.
const MAX_SNAPPY_BLOCK: usize = 16 * 1024 * 1024;
/// Bytes per read and write.
const BUFFER: usize = 256 * 1024;
/// Bytes between syncs. The log's own syncs wait behind what is under way: beside small writes, and at 80
/// MB a second, one in a hundred took 3.7 ms with 4 MiB, 1.7 with 1, 1.5 with a quarter, and 1.0 alone.
const SYNC_EVERY: u64 = 1024 * 1024;

/// A stream out of `file`, decompressed.
pub(super) fn source(file: Box<dyn DiskFile>, compression: Compression) -> Box<dyn Read + Send> {
    let file = FileReader { file, offset: 0 };
    match compression {
        Compression::None => Box::new(file),
        Compression::Gzip => Box::new(MultiGzDecoder::new(BufReader::with_capacity(BUFFER, file))),
        Compression::Snappy => Box::new(SnappyReader::new(BufReader::with_capacity(BUFFER, file))),
    }
}

struct FileReader {
    file: Box<dyn DiskFile>,
    offset: u64,
}

impl Read for FileReader {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.file.read_at(self.offset, buf).map_err(io::Error::other)?;
        self.offset += n as u64;
        Ok(n)
    }
}

struct SnappyReader<R> {
    inner: R,
    started: bool,
    packed: Vec<u8>,
    block: Vec<u8>,
    pos: usize,
}

impl<R: Read> SnappyReader<R> {
    fn new(inner: R) -> Self {
        Self { inner, started: false, packed: Vec::new(), block: Vec::new(), pos: 0 }
    }

    fn read_header(&mut self) -> io::Result<()> {
        let mut header = [0; 16];
        self.inner.read_exact(&mut header)?;
        if header[..8] != SNAPPY_MAGIC {
            return Err(invalid("no snappy-java container"));
        }
        let compatible = BigEndian::read_i32(&header[12..]);
        if compatible > SNAPPY_VERSION {
            return Err(invalid(&format!("snappy-java container of version {compatible}")));
        }
        self.started = true;
        Ok(())
    }

    /// Unpacks the next block; false at the end.
    fn next_block(&mut self) -> io::Result<bool> {
        let mut len = [0; 4];
        match self.inner.read(&mut len)? {
            0 => return Ok(false),
            n => self.inner.read_exact(&mut len[n..])?,
        }
        let len = usize::try_from(i32::from_be_bytes(len)).unwrap_or(usize::MAX);
        if len > snap::raw::max_compress_len(MAX_SNAPPY_BLOCK) {
            return Err(invalid(&format!("a snappy block of {len} bytes")));
        }
        self.packed.clear();
        let found = (&mut self.inner).take(len as u64).read_to_end(&mut self.packed)?;
        if found < len {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let unpacked = snap::raw::decompress_len(&self.packed).map_err(snappy)?;
        if unpacked > MAX_SNAPPY_BLOCK {
            return Err(invalid(&format!("a snappy block of {unpacked} bytes of input")));
        }
        self.block.resize(unpacked, 0);
        let n = snap::raw::Decoder::new().decompress(&self.packed, &mut self.block);
        self.block.truncate(n.map_err(snappy)?);
        self.pos = 0;
        Ok(true)
    }
}

impl<R: Read> Read for SnappyReader<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if !self.started {
            self.read_header()?;
        }
        while self.pos == self.block.len() {
            if !self.next_block()? {
                return Ok(0);
            }
        }
        let n = buf.len().min(self.block.len() - self.pos);
        buf[..n].copy_from_slice(&self.block[self.pos..self.pos + n]);
        self.pos += n;
        Ok(n)
    }
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}

fn snappy(e: snap::Error) -> io::Error {
    invalid(&e.to_string())
}

/// A stream into a file, compressed.
#[derive(Debug)]
pub(super) enum Sink {
    Plain(FileWriter),
    Gzip(GzEncoder<FileWriter>),
    Snappy(SnappyWriter),
}

impl Sink {
    pub(super) fn new(file: Box<dyn DiskFile>, compression: Compression) -> Self {
        let file = FileWriter { file, offset: 0, synced: 0, buffer: Vec::with_capacity(BUFFER) };
        match compression {
            Compression::None => Self::Plain(file),
            Compression::Gzip => Self::Gzip(GzEncoder::new(file, flate2::Compression::default())),
            Compression::Snappy => Self::Snappy(SnappyWriter::new(file)),
        }
    }

    pub(super) fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Plain(w) => w.write_all(bytes),
            Self::Gzip(w) => w.write_all(bytes),
            Self::Snappy(w) => w.put(bytes),
        }
    }

    /// Writes what is left and makes the file durable; says its length.
    pub(super) fn finish(self) -> io::Result<u64> {
        let file = match self {
            Self::Plain(w) => w,
            Self::Gzip(w) => w.finish()?,
            Self::Snappy(w) => w.finish()?,
        };
        file.finish()
    }
}

/// The error of the disk within one of a stream that goes through it.
pub(super) fn disk_error(path: &Path, error: io::Error) -> DiskError {
    match error.get_ref().and_then(|e| e.downcast_ref::<DiskError>()) {
        Some(disk) => disk.clone(),
        None => DiskError::new("write", path, error),
    }
}

/// Appends to a file in large pieces, and lets no more than a few of them wait for the platter.
#[derive(Debug)]
pub(super) struct FileWriter {
    file: Box<dyn DiskFile>,
    offset: u64,
    synced: u64,
    buffer: Vec<u8>,
}

impl FileWriter {
    fn spill(&mut self) -> Result<(), DiskError> {
        self.file.write_at(self.offset, &self.buffer)?;
        self.offset += self.buffer.len() as u64;
        self.buffer.clear();
        if self.offset - self.synced >= SYNC_EVERY {
            self.file.sync()?;
            self.synced = self.offset;
        }
        Ok(())
    }

    fn finish(mut self) -> io::Result<u64> {
        self.spill().and_then(|()| self.file.sync()).map_err(io::Error::other)?;
        Ok(self.offset)
    }
}

impl Write for FileWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= BUFFER {
            self.spill().map_err(io::Error::other)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[derive(Debug)]
pub(super) struct SnappyWriter {
    inner: FileWriter,
    input: Vec<u8>,
    packed: Vec<u8>,
}

impl SnappyWriter {
    fn new(mut inner: FileWriter) -> Self {
        inner.buffer.extend_from_slice(&SNAPPY_MAGIC);
        inner.buffer.extend_from_slice(&SNAPPY_VERSION.to_be_bytes());
        inner.buffer.extend_from_slice(&SNAPPY_VERSION.to_be_bytes());
        let packed = vec![0; snap::raw::max_compress_len(SNAPPY_BLOCK)];
        Self { inner, input: Vec::with_capacity(SNAPPY_BLOCK), packed }
    }

    fn put(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let n = bytes.len().min(SNAPPY_BLOCK - self.input.len());
            self.input.extend_from_slice(&bytes[..n]);
            bytes = &bytes[n..];
            if self.input.len() == SNAPPY_BLOCK {
                self.write_block()?;
            }
        }
        Ok(())
    }

    fn write_block(&mut self) -> io::Result<()> {
        let n = snap::raw::Encoder::new().compress(&self.input, &mut self.packed);
        let n = n.map_err(snappy)?;
        self.inner.write_all(&(n as i32).to_be_bytes())?;
        self.inner.write_all(&self.packed[..n])?;
        self.input.clear();
        Ok(())
    }

    fn finish(mut self) -> io::Result<FileWriter> {
        if !self.input.is_empty() {
            self.write_block()?;
        }
        Ok(self.inner)
    }
}

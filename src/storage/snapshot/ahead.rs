//! Reading ahead: a snapshot is read, unpacked and summed up in chunks, each when it is asked for, or all of
//! them by a thread that does it while what it has read before is decoded.

use std::io::{self, Read};
use std::iter;
use std::sync::mpsc::{Receiver, Sender, channel, sync_channel};

use adler32::RollingAdler32;

use crate::storage::threads::StartThread;

/// Chunks that may wait. They are all that is read in vain where the reader is given up.
const WAITING: usize = 4;
/// Room in front of a chunk's bytes, for what is left of those before.
pub(super) const ROOM: usize = 4096;

/// What was read.
pub(super) struct Chunk {
    /// [`ROOM`], then the bytes.
    pub(super) buf: Vec<u8>,
    /// Checksum of all that came before.
    pub(super) before: RollingAdler32,
}

/// The chunks of a stream, in their order, to its end or to the first error.
pub(super) struct Chunks<'a> {
    chunks: Box<dyn Iterator<Item = io::Result<Chunk>> + 'a>,
    spare: Sender<Vec<u8>>,
}

impl<'a> Chunks<'a> {
    /// Chunks of `len` bytes, the last one shorter, that are read when they are asked for.
    pub(super) fn of(stream: impl Read + 'a, len: usize) -> Self {
        let (reader, spare) = ChunkReader::new(stream, len);
        Self { chunks: Box::new(reader), spare }
    }

    /// As [`Chunks::of`], read by a thread of their own. Dropping the chunks ends it.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub(super) fn ahead(
        stream: impl Read + Send + 'static,
        len: usize,
        start: StartThread,
    ) -> io::Result<Self> {
        let (mut reader, spare) = ChunkReader::new(stream, len);
        let (read, chunks) = sync_channel(WAITING);
        let job = move || {
            loop {
                let chunk = reader.next();
                let ends = chunk.is_none();
                if read.send(chunk).is_err() || ends {
                    return;
                }
            }
        };
        start("ReadAhead", Box::new(job))?;
        let next = move || chunks.recv().expect("who reads ahead says where the end is");
        Ok(Self { chunks: Box::new(iter::from_fn(next)), spare })
    }

    /// The next one; `None` at the end. Not to be asked for again then.
    pub(super) fn next(&mut self) -> Option<io::Result<Chunk>> {
        self.chunks.next()
    }

    /// Gives a buffer back, of any length: new memory costs more than what is read into it.
    pub(super) fn reuse(&self, buf: Vec<u8>) {
        // At the end there is nobody who needs it.
        let _ = self.spare.send(buf);
    }
}

/// Makes chunks of a stream, in buffers that were given back.
struct ChunkReader<R> {
    stream: R,
    len: usize,
    spares: Receiver<Vec<u8>>,
    sum: RollingAdler32,
    ended: bool,
}

impl<R: Read> ChunkReader<R> {
    fn new(stream: R, len: usize) -> (Self, Sender<Vec<u8>>) {
        let (spare, spares) = channel();
        (Self { stream, len, spares, sum: RollingAdler32::new(), ended: false }, spare)
    }

    /// Only the stream's end makes a chunk shorter.
    fn read(&mut self) -> io::Result<Chunk> {
        let mut buf = self.spares.try_recv().unwrap_or_default();
        buf.resize(ROOM + self.len, 0);
        let mut end = ROOM;
        while end < buf.len() {
            match self.stream.read(&mut buf[end..]) {
                Ok(0) => buf.truncate(end),
                Ok(n) => end += n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        let before = self.sum.clone();
        self.sum.update_buffer(&buf[ROOM..]);
        Ok(Chunk { buf, before })
    }
}

impl<R: Read> Iterator for ChunkReader<R> {
    type Item = io::Result<Chunk>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let chunk = self.read();
        self.ended = !matches!(&chunk, Ok(chunk) if chunk.buf.len() == ROOM + self.len);
        Some(chunk)
    }
}

//! Reading ahead: a thread of its own reads, unpacks and sums up a snapshot, while what it has read
//! before is decoded.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, Sender, channel, sync_channel};
use std::thread::{Builder, Scope};

use adler32::RollingAdler32;

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
pub(super) struct Chunks {
    chunks: Receiver<io::Result<Chunk>>,
    spare: Sender<Vec<u8>>,
}

impl Chunks {
    /// The next one; `None` at the end.
    pub(super) fn next(&self) -> Option<io::Result<Chunk>> {
        self.chunks.recv().ok()
    }

    /// Gives a buffer back, of any length: new memory costs more than what is read into it.
    pub(super) fn reuse(&self, buf: Vec<u8>) {
        // At the end there is nobody who needs it.
        let _ = self.spare.send(buf);
    }
}

/// Starts reading `stream` in chunks of `len` bytes, the last one shorter. Dropping the chunks ends it.
///
/// # Errors
/// If the system gives no thread.
pub(super) fn read_ahead<'scope>(
    scope: &'scope Scope<'scope, '_>,
    mut stream: impl Read + Send + 'scope,
    len: usize,
) -> io::Result<Chunks> {
    let (read, chunks) = sync_channel(WAITING);
    let (spare, spares) = channel();
    let mut sum = RollingAdler32::new();
    Builder::new().name("ReadAhead".to_owned()).spawn_scoped(scope, move || {
        loop {
            let buf = spares.try_recv().unwrap_or_default();
            let chunk = read_chunk(&mut stream, buf, len, &mut sum);
            let ends = !matches!(&chunk, Ok(chunk) if chunk.buf.len() == ROOM + len);
            if read.send(chunk).is_err() || ends {
                return;
            }
        }
    })?;
    Ok(Chunks { chunks, spare })
}

/// Only the stream's end makes a chunk shorter.
fn read_chunk(
    stream: &mut impl Read,
    mut buf: Vec<u8>,
    len: usize,
    sum: &mut RollingAdler32,
) -> io::Result<Chunk> {
    buf.resize(ROOM + len, 0);
    let mut end = ROOM;
    while end < buf.len() {
        match stream.read(&mut buf[end..]) {
            Ok(0) => buf.truncate(end),
            Ok(n) => end += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    let before = sum.clone();
    sum.update_buffer(&buf[ROOM..]);
    Ok(Chunk { buf, before })
}

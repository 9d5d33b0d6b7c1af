//! One link: its socket, what is being written to it, and its end.

use std::collections::VecDeque;
use std::io::{self, IoSlice, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use mio::net::TcpStream;

use super::{Chunk, LinkSink, Port};
use crate::zab::LinkId;

/// How many pieces are written at once.
const SLICES: usize = 64;
/// How many bytes are written in one turn, so that one eager peer does not hold up the others.
const WRITE: usize = 256 << 10;

/// A number that no other link of this process has had.
pub(super) fn next_id() -> LinkId {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    LinkId(NEXT.fetch_add(1, Ordering::Relaxed))
}

/// How far a link is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Open,
    /// To be closed when all is written.
    Flushing,
    /// All is written and our side shut; what comes in is dropped until the peer hangs up. To close
    /// with bytes unread would reset the connection, and the peer might never see our last ones.
    Draining,
}

pub(super) struct Link {
    pub(super) id: LinkId,
    pub(super) port: Port,
    pub(super) remote: SocketAddr,
    pub(super) sink: Arc<dyn LinkSink>,
    pub(super) phase: Phase,
    /// The kernel may have something for us, or room; it says so only once.
    pub(super) readable: bool,
    pub(super) writable: bool,
    /// The peer's end may be in the queue behind what is to be read: a short read is not the last.
    pub(super) ended: bool,
    /// The user wants no more for now.
    pub(super) paused: bool,
    /// It is to have a turn.
    pub(super) queued: bool,
    /// It took something since somebody looked.
    pub(super) progress: bool,
    pub(super) output: VecDeque<Chunk>,
    /// Bytes of the first chunk that are written.
    written: usize,
    pub(super) socket: Arc<TcpStream>,
}

/// What became of an attempt to read.
pub(super) enum Got {
    Bytes(usize),
    Nothing,
    /// The peer has hung up, or the connection broke.
    End(End),
}

/// Why a link is at its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    /// What the peer did, or what the kernel said.
    pub why: String,
    /// Nothing comes back from the peer's address any more: what was written last has not come there.
    pub is_lost: bool,
}

impl End {
    /// The kernel has given the connection up, in the midst of `doing` something.
    pub(super) fn broken(doing: &str, e: &io::Error) -> Self {
        use io::ErrorKind::{HostUnreachable, NetworkUnreachable, TimedOut};
        let is_lost = matches!(e.kind(), HostUnreachable | NetworkUnreachable | TimedOut);
        Self { why: format!("cannot {doing}: {e}"), is_lost }
    }
}

impl From<&str> for End {
    fn from(why: &str) -> Self {
        Self { why: why.to_owned(), is_lost: false }
    }
}

impl Link {
    /// A fresh connection. It is taken for ready, for what the kernel said of it is gone by now.
    pub(super) fn new(
        id: LinkId,
        port: Port,
        socket: TcpStream,
        remote: SocketAddr,
        sink: Arc<dyn LinkSink>,
    ) -> Self {
        Self {
            id,
            port,
            remote,
            sink,
            phase: Phase::Open,
            readable: true,
            writable: true,
            ended: true,
            paused: false,
            queued: false,
            progress: false,
            output: VecDeque::new(),
            written: 0,
            socket: Arc::new(socket),
        }
    }

    /// Whether another turn would find something to do.
    pub(super) fn is_ready(&self) -> bool {
        (self.writable && !self.output.is_empty()) || (self.readable && !self.paused)
    }

    /// Writes once; returns how many bytes the kernel took.
    pub(super) fn write(&mut self) -> io::Result<usize> {
        let (mut slices, mut total) = (Vec::with_capacity(SLICES.min(self.output.len())), 0);
        for (i, chunk) in self.output.iter().enumerate().take(SLICES) {
            let bytes = if i == 0 { &chunk[self.written..] } else { chunk };
            let bytes = &bytes[..bytes.len().min(WRITE - total)];
            slices.push(IoSlice::new(bytes));
            total += bytes.len();
            if total == WRITE {
                break;
            }
        }
        match (&*self.socket).write_vectored(&slices) {
            Ok(n) => {
                self.writable = n == total;
                self.progress |= n > 0;
                self.advance(n);
                Ok(n)
            }
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                self.writable = false;
                Ok(0)
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => Ok(0),
            Err(e) => Err(e),
        }
    }

    fn advance(&mut self, n: usize) {
        self.written += n;
        while let Some(first) = self.output.front() {
            if self.written < first.len() {
                return;
            }
            self.written -= first.len();
            self.output.pop_front();
        }
    }

    pub(super) fn read(&mut self, buffer: &mut [u8]) -> Got {
        match (&*self.socket).read(buffer) {
            Ok(0) => Got::End("the peer closed the connection".into()),
            Ok(n) => {
                self.readable = n == buffer.len() || self.ended;
                Got::Bytes(n)
            }
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                self.readable = false;
                self.ended = false;
                Got::Nothing
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => Got::Nothing,
            Err(e) => Got::End(End::broken("read", &e)),
        }
    }

    /// One step towards the end of a link that is to be closed; false when it is reached.
    pub(super) fn linger(&mut self, buffer: &mut [u8]) -> bool {
        if self.phase == Phase::Flushing {
            if self.writable && !self.output.is_empty() && self.write().is_err() {
                return false;
            }
            if self.output.is_empty() {
                self.phase = Phase::Draining;
                if self.socket.shutdown(Shutdown::Write).is_err() {
                    return false;
                }
            }
        }
        !self.readable || !matches!(self.read(buffer), Got::End(_))
    }
}

//! From the shared output to the socket, and the end of a connection that has been answered for the
//! last time.

use std::io::{self, Read, Write};
use std::net::Shutdown;

use super::{Conn, End, Outcome, Phase, Scratch};
use crate::ids::Millis;
use crate::net::{Env, address};
use crate::server::reason::DisconnectReason;

/// How much is written in one turn at most, so that one eager reader does not hold up the others.
const WRITE: usize = 256 << 10;
/// Buffers that hold no more than this are left to an idle connection.
const IDLE_CAPACITY: usize = 512;
/// How much a client may still send that has been answered for the last time.
const LINGER_BYTES: usize = 1 << 20;
/// A connection over its hard bound is given up only if it took nothing for so long, in ms.
const STALLED: Millis = 1_000;

impl Conn {
    pub(super) fn unwritten(&self) -> usize {
        self.output.len() - self.written
    }

    /// Writes once. True if there is room for more, and may be more to write.
    pub(super) fn write_output(&mut self) -> Result<bool, End> {
        // Behind what was left of an earlier turn, more may have gathered whose mark is spent.
        let is_rest = self.unwritten() > 0;
        if !is_rest && !self.refill() {
            return Ok(false);
        }
        if !self.writable {
            return Ok(false);
        }
        let end = self.output.len().min(self.written + WRITE);
        match self.write(end) {
            Ok(n) => {
                self.writable = n == end - self.written;
                self.written += n;
                self.progress = self.touched;
            }
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => self.writable = false,
            Err(e) => return Err(self.failed(&e)),
        }
        Ok(self.writable && (is_rest || self.unwritten() > 0))
    }

    fn write(&mut self, end: usize) -> io::Result<usize> {
        loop {
            match self.socket.write(&self.output[self.written..end]) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                result => return result,
            }
        }
    }

    /// Trades the written buffer for what has gathered in the shared output: the lock is held for a
    /// swap, not for a system call, and neither side allocates.
    fn refill(&mut self) -> bool {
        self.output.clear();
        self.written = 0;
        let mut shared = self.shared.lock_output();
        if shared.is_empty() {
            return false;
        }
        std::mem::swap(&mut *shared, &mut self.output);
        true
    }

    /// Looks how much waits to be written: stops reading above the soft bound, gives up above the
    /// hard ones.
    pub(super) fn measure(&mut self, env: &Env) -> Result<(), End> {
        let waiting = self.unwritten() + self.shared.lock_output().len();
        let bounds = &env.settings;
        self.choked = waiting > bounds.output_soft;
        let stalled = !self.writable && self.touched - self.progress >= STALLED;
        if (waiting > bounds.output_hard && stalled) || waiting > bounds.output_limit {
            log::warn!(
                "Closing session {}: {} does not read, {waiting} bytes wait to be written to it",
                self.shared.session_id(),
                address::remote(self.shared.remote)
            );
            return Err(End::Now(DisconnectReason::ConnectionCloseForced));
        }
        Ok(())
    }

    /// Writes what is left, shuts our side, waits for the client to hang up. When its time is over it
    /// gets more only if it still takes what is written.
    pub(super) fn linger(&mut self, scratch: &mut Scratch, expired: bool) -> Outcome {
        if expired {
            let takes = self.touched - self.progress < STALLED;
            if self.phase != Phase::Flushing || !takes {
                return Outcome::Gone;
            }
            self.timed = false;
        }
        if self.phase == Phase::Flushing {
            match self.write_output() {
                Err(_) => return Outcome::Gone,
                Ok(true) => return Outcome::Again,
                Ok(false) if self.unwritten() > 0 => return Outcome::Wait,
                Ok(false) if self.refill() => return Outcome::Again,
                Ok(false) => {}
            }
            if self.socket.shutdown(Shutdown::Write).is_err() {
                return Outcome::Gone;
            }
            self.phase = Phase::Draining(0);
        }
        self.drain(scratch)
    }

    fn drain(&mut self, scratch: &mut Scratch) -> Outcome {
        let Phase::Draining(seen) = self.phase else { return Outcome::Gone };
        if !self.readable {
            return Outcome::Wait;
        }
        match self.socket.read(&mut scratch.buffer) {
            Ok(n) if n > 0 && seen + n < LINGER_BYTES => {
                self.phase = Phase::Draining(seen + n);
                Outcome::Again
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => Outcome::Again,
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                self.readable = false;
                Outcome::Wait
            }
            _ => Outcome::Gone,
        }
    }

    /// Whether it holds buffers that an idle connection should not.
    pub(in crate::net) fn is_large(&self) -> bool {
        self.input.capacity() > IDLE_CAPACITY || self.output.capacity() > IDLE_CAPACITY
    }

    /// Gives back empty buffers of its own that could hold more than `capacity`.
    pub(super) fn give_back(&mut self, capacity: usize) {
        if self.input.is_empty() && self.input.capacity() > capacity {
            self.input = Vec::new();
        }
        if self.unwritten() == 0 && self.output.capacity() > capacity {
            self.output = Vec::new();
            self.written = 0;
        }
    }

    /// Gives back what an idle connection does not need; of the shared output too, for buffers are
    /// traded with it.
    pub(in crate::net) fn slim(&mut self) {
        self.give_back(IDLE_CAPACITY);
        for buffer in [&mut self.input, &mut *self.shared.lock_output()] {
            if buffer.capacity() > IDLE_CAPACITY {
                buffer.shrink_to_fit();
            }
        }
    }
}

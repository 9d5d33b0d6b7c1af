//! One client connection: its socket, what was read of it and not understood yet, what is to be
//! written to it. Moves between its selector and the workers; whoever has it gives it a *turn*.
//!
//! Readiness is edge-triggered: the kernel says once that there is something to read, or room to
//! write, and then not again before that has been used up. So a connection remembers both
//! (`readable`, `writable`) and only a system call takes them back:
//!
//! - A read that returns less than was asked for has emptied the socket; what arrives later raises a
//!   new edge. That spares the read that would only return EAGAIN. The end of the stream is no byte
//!   and would be missed that way if it was there already, so an event that announces it makes the
//!   connection read on until it has seen it (`ended`).
//! - A write that takes less than it was given has filled the socket; room raises a new edge.
//!
//! Memory: input is read into the thread's buffer and only an unfinished packet is copied into
//! `input`; both `input` and the output are given back, the large ones as soon as they are empty and
//! the others once a connection has been quiet for a while ([`Conn::slim`]), so that an idle session
//! costs little more than its structs.

mod input;
mod output;

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use mio::net::TcpStream;

use super::{Env, address};
use crate::ids::Millis;
use crate::server::conn::{Closing, ConnShared};
use crate::server::front::Client;
use crate::server::reason::DisconnectReason;
use crate::server::request::Input;

/// How much is read in one turn at most, and how much of an unfinished packet may stand before it in
/// the thread's buffer. What is larger is gathered in the connection itself.
const READ: usize = 64 << 10;

/// Buffers that hold no more than this are left to a connection that has nothing to do for now. Larger
/// ones go at once, to be used by the next: many connections with one large reply each would keep
/// them all.
const QUIET_CAPACITY: usize = 16 << 10;

/// What has come up for a connection since its last turn.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Signals {
    /// There may be something to read.
    pub(super) readable: bool,
    /// There may be room to write.
    pub(super) writable: bool,
    /// The client will send no more.
    pub(super) ended: bool,
    /// The socket is dead in both directions.
    pub(super) broken: bool,
    /// Someone has put something into the output, or wants the connection closed.
    pub(super) marked: bool,
    /// The time that a connection may spend without a session, or lingering, is over.
    pub(super) expired: bool,
    /// The server stops.
    pub(super) stopped: bool,
}

impl Signals {
    pub(super) fn merge(&mut self, more: Self) {
        self.readable |= more.readable;
        self.writable |= more.writable;
        self.ended |= more.ended;
        self.broken |= more.broken;
        self.marked |= more.marked;
        self.expired |= more.expired;
        self.stopped |= more.stopped;
    }

    /// Whether anything has come up.
    pub(super) fn any(&self) -> bool {
        let io = self.readable | self.writable | self.ended | self.broken;
        io | self.marked | self.expired | self.stopped
    }
}

/// What became of a connection in its turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It waits for a signal.
    Wait,
    /// It could go on at once; the others come first.
    Again,
    /// It is over: the socket is to be closed.
    Gone,
}

/// What a thread that gives turns keeps for all of them.
pub(super) struct Scratch {
    buffer: Box<[u8]>,
    /// What the turns have for the pipeline; sent in one piece when all have been had.
    pub(super) batch: Vec<Input>,
    /// Someone was given something that the pipeline had no part in.
    pub(super) answered: bool,
}

impl Scratch {
    pub(super) fn new() -> Self {
        Self { buffer: vec![0; 2 * READ].into_boxed_slice(), batch: Vec::new(), answered: false }
    }
}

/// What a connection is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Serving.
    Open,
    /// Given up; the last of the output is being written.
    Flushing,
    /// All is written and our side is shut. What the client still sends is thrown away, so many bytes
    /// by now, until it hangs up: closing a socket with unread bytes sends a reset, which can destroy
    /// a reply on its way.
    Draining(usize),
}

/// How a connection that serves comes to its end.
enum End {
    /// At once.
    Now(DisconnectReason),
    /// When the output is written.
    AfterOutput(DisconnectReason),
}

/// A client connection as its owner sees it.
pub(super) struct Conn {
    pub(super) shared: Arc<ConnShared>,
    client: Client,
    pub(super) socket: TcpStream,
    /// Read and not consumed: an unfinished packet, or what waits until the pipeline is done.
    input: Vec<u8>,
    /// Taken from the shared output, written up to `written`.
    output: Vec<u8>,
    written: usize,
    /// Bytes of requests that were in flight when it last looked.
    submitted: usize,
    pub(super) signals: Signals,
    readable: bool,
    writable: bool,
    ended: bool,
    /// `input` holds no whole packet: more must be read before the client is asked again.
    hungry: bool,
    /// The client reads nothing before the mailbox was marked.
    paused: bool,
    /// It has asked a four-letter word: nothing more is read.
    asked: bool,
    /// There is more unwritten than the soft bound allows: nothing is read.
    choked: bool,
    phase: Phase,
    /// When it had its last turn.
    pub(super) touched: Millis,
    /// When the socket last took something.
    progress: Millis,
    /// It is in its selector's list of connections to give a turn to.
    pub(super) queued: bool,
    /// It is in its selector's list of connections with large buffers.
    pub(super) fat: bool,
    /// Its selector knows that it lingers.
    pub(super) timed: bool,
    /// The half of its selector's reckoning that it was sent to a worker in (see `Heard`).
    pub(super) epoch: usize,
}

impl Conn {
    pub(super) fn new(client: Client, socket: TcpStream, now: Millis) -> Self {
        Self {
            shared: Arc::clone(client.conn()),
            client,
            socket,
            input: Vec::new(),
            output: Vec::new(),
            written: 0,
            submitted: 0,
            signals: Signals::default(),
            readable: false,
            writable: true,
            ended: false,
            hungry: true,
            paused: false,
            asked: false,
            choked: false,
            phase: Phase::Open,
            touched: now,
            progress: now,
            queued: false,
            fat: false,
            timed: false,
            epoch: 0,
        }
    }

    /// Whether it has a session, or waits for the pipeline to give it one.
    pub(super) fn serves(&self) -> bool {
        !self.is_leaving() && !self.client.is_sessionless()
    }

    /// Whether it has been given up and only lingers.
    pub(super) fn is_leaving(&self) -> bool {
        self.phase != Phase::Open
    }

    /// [`Conn::turn`], but a fault in it costs no more than the connection that met it.
    pub(super) fn safe_turn(&mut self, env: &Env, scratch: &mut Scratch, now: Millis) -> Outcome {
        let turn = AssertUnwindSafe(|| self.turn(env, scratch, now));
        catch_unwind(turn).unwrap_or_else(|_| {
            log::error!(
                "Closing session {}: a fault in this server while serving {}",
                self.shared.session_id(),
                address::remote(self.shared.remote)
            );
            self.drop_now(env, scratch, DisconnectReason::Unknown)
        })
    }

    /// Does what can be done now without waiting.
    fn turn(&mut self, env: &Env, scratch: &mut Scratch, now: Millis) -> Outcome {
        let signals = self.take_signals(now);
        if signals.broken {
            return self.drop_now(env, scratch, DisconnectReason::IoException);
        }
        if signals.stopped {
            return self.finish(env, scratch);
        }
        if self.is_leaving() {
            return self.linger(scratch, signals.expired);
        }
        if signals.expired && !self.serves() {
            env.front.metrics.sessionless_connections_expired.add(1);
            return self.drop_now(env, scratch, DisconnectReason::ConnectionExpired);
        }
        match self.serve(env, scratch, signals) {
            Ok(true) => Outcome::Again,
            Ok(false) => {
                self.give_back(QUIET_CAPACITY);
                Outcome::Wait
            }
            Err(End::Now(reason)) => self.drop_now(env, scratch, reason),
            Err(End::AfterOutput(reason)) => {
                self.detach(env, scratch, reason);
                self.phase = Phase::Flushing;
                self.linger(scratch, false)
            }
        }
    }

    fn take_signals(&mut self, now: Millis) -> Signals {
        let signals = std::mem::take(&mut self.signals);
        self.touched = now;
        self.readable |= signals.readable | signals.ended;
        self.writable |= signals.writable;
        self.ended |= signals.ended;
        self.paused &= !signals.marked;
        signals
    }

    /// Input, then output. True if there is more that could be done at once.
    fn serve(&mut self, env: &Env, scratch: &mut Scratch, why: Signals) -> Result<bool, End> {
        self.closing()?;
        let mut more = false;
        if self.may_take() && self.has_leave(env) {
            more = self.take_input(env, scratch)?;
        } else if why.readable {
            self.prove_alive();
        }
        more |= self.write_output()?;
        if why.marked || self.choked || self.unwritten() > 0 {
            self.measure(env)?;
        }
        self.closing()?;
        Ok(more || (self.may_take() && (self.readable || !self.hungry) && self.has_leave(env)))
    }

    /// Whether the client may be given input, as far as the connection itself is concerned.
    fn may_take(&self) -> bool {
        !self.paused && !self.choked && !self.asked
    }

    /// Whether someone has asked for the end.
    fn closing(&self) -> Result<(), End> {
        match self.shared.closing() {
            None => Ok(()),
            Some(Closing::Now(reason)) => Err(End::Now(reason)),
            Some(Closing::AfterOutput(reason)) => Err(End::AfterOutput(reason)),
        }
    }

    fn failed(&self, e: &io::Error) -> End {
        log::warn!(
            "Close of session {}: socket of {}: {e}",
            self.shared.session_id(),
            address::remote(self.shared.remote)
        );
        End::Now(DisconnectReason::IoException)
    }

    /// From now on the pipeline and the watches know nothing of the connection.
    fn detach(&mut self, env: &Env, scratch: &mut Scratch, reason: DisconnectReason) {
        self.forget_submitted(env);
        self.client.disconnected(&env.front, &mut scratch.batch);
        log::debug!(
            "Closed socket connection for client {} with session {}: {reason}",
            address::remote(self.shared.remote),
            self.shared.session_id()
        );
    }

    /// The end without another word; in the middle of a turn too.
    fn drop_now(&mut self, env: &Env, scratch: &mut Scratch, reason: DisconnectReason) -> Outcome {
        if !self.is_leaving() {
            self.detach(env, scratch, reason);
        }
        Outcome::Gone
    }

    /// The server stops: what the socket takes at once is still written.
    fn finish(&mut self, env: &Env, scratch: &mut Scratch) -> Outcome {
        while let Ok(true) = self.write_output() {}
        self.drop_now(env, scratch, DisconnectReason::ServerShutdown)
    }
}

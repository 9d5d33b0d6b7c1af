//! What the callers of a client and its two threads share: the queue of requests, the calls that
//! wait for replies, and the state of the session, behind one lock.

use std::collections::VecDeque;
use std::fmt;
use std::net::{Shutdown, TcpStream};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError, channel};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jute::{Limits, Reader, Write};

use crate::op::{Code, op};

use super::connect_string::ConnectString;
use super::watches::{Kind, Watches};
use super::{Error, Event, KeeperState, Options, Session, WatcherType};

/// A request that was sent (or is about to be); its result comes later.
pub struct Call<T> {
    reply: Receiver<Result<Vec<u8>, Error>>,
    decode: Decode<T>,
}

type Decode<T> = Box<dyn FnOnce(&mut Reader<'_>) -> Result<T, Error> + Send>;

impl<T> fmt::Debug for Call<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").finish_non_exhaustive()
    }
}

impl<T> Call<T> {
    /// Waits for the result.
    ///
    /// # Errors
    /// What the server answered, or why there is no answer.
    pub fn wait(self) -> Result<T, Error> {
        let reply = self.reply.recv().unwrap_or(Err(Error::Code(Code::ConnectionLoss)))?;
        Self::decode(self.decode, &reply)
    }

    /// Waits for the result, but not for longer than `patience`; `None` after that.
    pub fn wait_for(self, patience: Duration) -> Option<Result<T, Error>> {
        match self.reply.recv_timeout(patience) {
            Ok(reply) => Some(reply.and_then(|reply| Self::decode(self.decode, &reply))),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => Some(Err(Error::Code(Code::ConnectionLoss))),
        }
    }

    /// The result if it is there, or the call back again.
    ///
    /// # Errors
    /// The call itself, while there is no answer.
    pub fn poll(self) -> Result<Result<T, Error>, Self> {
        match self.reply.try_recv() {
            Ok(reply) => Ok(reply.and_then(|reply| Self::decode(self.decode, &reply))),
            Err(TryRecvError::Empty) => Err(self),
            Err(TryRecvError::Disconnected) => Ok(Err(Error::Code(Code::ConnectionLoss))),
        }
    }

    /// The frame's length is bounded already, so no field needs a bound of its own.
    fn decode(decode: Decode<T>, reply: &[u8]) -> Result<T, Error> {
        decode(&mut Reader::with_limits(reply, Limits::new(reply.len(), 0)))
    }
}

/// What a reply does to the client's own list of watches.
#[derive(Debug)]
pub(super) enum WatchChange {
    /// Nothing.
    None,
    /// Success sets this watch.
    Add(Kind, String),
    /// `exists`: success sets a data watch, `NoNode` one for the node to come.
    Exists(String),
    /// Success removes these; if `local`, so does a failure.
    Remove { kind: WatcherType, path: String, local: bool },
}

/// A request on its way, in the order in which replies must come.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) xid: i32,
    pub(super) watch: WatchChange,
    pub(super) reply: Sender<Result<Vec<u8>, Error>>,
}

/// Where the session stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Connecting,
    Connected {
        read_only: bool,
    },
    /// For good, for this reason.
    Gone(Code),
}

/// Everything behind the lock.
#[derive(Debug)]
pub(super) struct State {
    pub(super) phase: Phase,
    pub(super) closing: bool,
    pub(super) session: Session,
    /// Whether a server of a quorum gave the session: a read-only server's id means nothing
    /// elsewhere (`seenRwServerBefore`).
    pub(super) seen_rw: bool,
    pub(super) timeout: Duration,
    pub(super) last_zxid: i64,
    next_xid: i32,
    /// Frames that the writer has not taken yet.
    pub(super) output: Vec<u8>,
    pub(super) pending: VecDeque<Pending>,
    pub(super) watches: Watches,
    pub(super) auth: Vec<(String, Vec<u8>)>,
    /// The connection, to cut it.
    pub(super) stream: Option<TcpStream>,
    /// How many attempts to connect have failed since the last success.
    pub(super) failed_attempts: usize,
    /// To name paths as the client does.
    servers: ConnectString,
    events: Sender<Event>,
}

/// The lock and the one condition behind it: "something changed".
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) options: Options,
    state: Mutex<State>,
    pub(super) changed: Condvar,
}

impl Shared {
    pub(super) fn new(options: Options, events: Sender<Event>) -> Self {
        let state = State {
            phase: Phase::Connecting,
            closing: false,
            session: options.session.clone().unwrap_or_default(),
            seen_rw: options.session.is_some(),
            timeout: options.timeout,
            last_zxid: 0,
            next_xid: 0,
            output: Vec::new(),
            pending: VecDeque::new(),
            watches: Watches::default(),
            auth: Vec::new(),
            stream: None,
            failed_attempts: 0,
            servers: options.servers.clone(),
            events,
        };
        Self { options, state: Mutex::new(state), changed: Condvar::new() }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues a request.
    pub(super) fn submit<T>(
        &self,
        kind: i32,
        body: &[u8],
        watch: WatchChange,
        decode: Decode<T>,
    ) -> Call<T> {
        let (sender, reply) = channel();
        self.lock().queue(kind, body, watch, sender);
        self.changed.notify_all();
        Call { reply, decode }
    }

    /// Waits until connected, for at most `timeout` and `attempts` failures to connect.
    pub(super) fn wait_connected(&self, timeout: Duration, attempts: usize) -> Result<(), Error> {
        let deadline = Instant::now() + timeout;
        let mut state = self.lock();
        loop {
            match state.phase {
                Phase::Connected { .. } => return Ok(()),
                Phase::Gone(code) => return Err(Error::Code(code)),
                Phase::Connecting if state.failed_attempts >= attempts => {
                    return Err(Error::Code(Code::ConnectionLoss));
                }
                Phase::Connecting => {}
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Error::Code(Code::ConnectionLoss));
            }
            let waited = self.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// No new connection from now on. `None` if there is none to say goodbye on.
    pub(super) fn begin_close(&self) -> Option<()> {
        let mut state = self.lock();
        state.closing = true;
        matches!(state.phase, Phase::Connected { .. }).then_some(())
    }

    /// Cuts the connection and ends the threads.
    pub(super) fn abandon(&self) {
        let mut state = self.lock();
        state.closing = true;
        if let Some(stream) = state.stream.take() {
            // A socket that is closed already is as good.
            let _ = stream.shutdown(Shutdown::Both);
        }
        drop(state);
        self.changed.notify_all();
    }
}

impl State {
    fn queue(
        &mut self,
        kind: i32,
        body: &[u8],
        watch: WatchChange,
        reply: Sender<Result<Vec<u8>, Error>>,
    ) {
        if let Phase::Gone(code) = self.phase {
            // Whoever does not wait for the reply has dropped the receiver.
            let _ = reply.send(Err(Error::Code(code)));
            return;
        }
        self.next_xid = if self.next_xid == i32::MAX { 1 } else { self.next_xid + 1 };
        let xid = self.next_xid;
        put_frame(&mut self.output, xid, kind, body);
        self.pending.push_back(Pending { xid, watch, reply });
    }

    pub(super) fn keeper_state(&self) -> KeeperState {
        match self.phase {
            Phase::Connecting => KeeperState::Disconnected,
            Phase::Connected { read_only: false } => KeeperState::SyncConnected,
            Phase::Connected { read_only: true } => KeeperState::ConnectedReadOnly,
            Phase::Gone(Code::AuthFailed) => KeeperState::AuthFailed,
            Phase::Gone(_) if self.closing => KeeperState::Closed,
            Phase::Gone(_) => KeeperState::Expired,
        }
    }

    /// Moves to `phase` and tells the listener.
    pub(super) fn enter(&mut self, phase: Phase) {
        if self.phase != phase {
            self.phase = phase;
            self.tell(Event::State(self.keeper_state()));
        }
    }

    /// Puts an event into the channel; a listener that went away misses it.
    pub(super) fn tell(&self, event: Event) {
        let _ = self.events.send(event);
    }

    /// The connection ended: nothing that was sent on it will be answered.
    pub(super) fn lost(&mut self) {
        self.stream = None;
        self.output.clear();
        match self.phase {
            Phase::Gone(_) => {}
            _ if self.closing => self.enter(Phase::Gone(Code::SessionExpired)),
            _ => self.enter(Phase::Connecting),
        }
        let code = match self.phase {
            Phase::Gone(code) => code,
            _ => Code::ConnectionLoss,
        };
        for pending in std::mem::take(&mut self.pending) {
            self.conclude(pending, code.number(), &[]);
        }
    }

    /// Notes what the reply means for the watches, then hands it over.
    pub(super) fn conclude(&mut self, pending: Pending, mut err: i32, body: &[u8]) {
        match pending.watch {
            WatchChange::Add(kind, path) if err == 0 => self.watches.add(kind, path),
            WatchChange::Exists(path) if err == 0 => self.watches.add(Kind::Data, path),
            WatchChange::Exists(path) if err == Code::NoNode.number() => {
                self.watches.add(Kind::Exist, path);
            }
            WatchChange::Remove { kind, path, local } => {
                err = self.remove_watches(kind, path, local, err);
            }
            _ => {}
        }
        let result = if err == 0 { Ok(body.to_vec()) } else { Err(Error::from_number(err)) };
        // Whoever does not wait for the reply has dropped the receiver.
        let _ = pending.reply.send(result);
    }

    /// The error of a removal, as the client sees it: `NoWatcher` where it has no such watch itself,
    /// whatever the server says (`ZKWatchManager.removeWatcher`).
    fn remove_watches(&mut self, kind: WatcherType, path: String, local: bool, err: i32) -> i32 {
        if !self.watches.has(kind, &path) {
            return Code::NoWatcher.number();
        }
        if err != 0 && !local {
            return err;
        }
        let removed = self.watches.remove(kind, &path);
        let path = self.servers.to_client(path);
        for what in removed {
            self.tell(Event::WatchRemoved { what, path: path.clone() });
        }
        0
    }

    /// What a new connection says first, ahead of everything that waits: authentication, then the
    /// watches.
    pub(super) fn prime(&mut self) {
        let mut first = Vec::new();
        for (scheme, auth) in &self.auth {
            put_auth(&mut first, scheme, auth);
        }
        for (kind, body) in self.watches.set_again(self.last_zxid) {
            put_frame(&mut first, SET_WATCHES_XID, kind, &body);
        }
        first.append(&mut self.output);
        self.output = first;
    }
}

/// `ClientCnxn.NOTIFICATION_XID`.
pub(super) const NOTIFICATION_XID: i32 = -1;
/// `ClientCnxn.PING_XID`.
pub(super) const PING_XID: i32 = -2;
/// `ClientCnxn.AUTHPACKET_XID`.
pub(super) const AUTH_XID: i32 = -4;
/// `ClientCnxn.SET_WATCHES_XID`.
pub(super) const SET_WATCHES_XID: i32 = -8;

/// Appends one request with its length in front.
pub(super) fn put_frame(out: &mut Vec<u8>, xid: i32, kind: i32, body: &[u8]) {
    out.put_int(i32::try_from(8 + body.len()).unwrap_or(i32::MAX));
    out.put_int(xid);
    out.put_int(kind);
    out.extend_from_slice(body);
}

/// Appends an `auth` packet.
pub(super) fn put_auth(out: &mut Vec<u8>, scheme: &str, auth: &[u8]) {
    let mut body = Vec::new();
    body.put_int(0);
    body.put_str(Some(scheme));
    body.put_buffer(Some(auth));
    put_frame(out, AUTH_XID, op::AUTH, &body);
}

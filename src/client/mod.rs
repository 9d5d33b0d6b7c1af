//! A small client: what `zkCli` and the proofs talk to a server with.
//!
//! A [`Client`] keeps one session over a list of servers. Every operation is a method that sends its
//! request and returns a [`Call`]: `wait()` on it at once for a synchronous client, or keep many of
//! them for a pipelined one. Watch events and changes of the connection come out of one channel; an
//! event is in the channel before any reply that shows the change is in its call.
//!
//! When a connection is lost every call in flight fails with `ConnectionLoss` and the client goes
//! on to the next server by itself, with its session, its authentication and its watches. Blocking
//! sockets and two threads per connection (one reads, one writes and pings), no async runtime.
//!
//! This room knows `jute`, ids and op codes, nothing of the server. Java: `ClientCnxn`, `ZooKeeper`.

mod connect_string;
mod link;
mod multi;
mod ops;
mod shared;
#[cfg(test)]
mod tests;
mod watches;

use std::fmt;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use jute::DecodeError;

use crate::ids::{SessionId, Zxid};
use crate::op::{Code, op};
use crate::tree::EventType;

pub use connect_string::{ConnectString, Host};
pub use multi::{Op, OpResult};
pub use ops::{AddWatchMode, CreateMode, WatcherType};
pub use shared::Call;
pub use watches::RemovedWatch;

use shared::Shared;

/// Why a call failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// What the server answered, or `ConnectionLoss`, `SessionExpired`, `AuthFailed` by which the
    /// client itself ends a call.
    Code(Code),
    /// A number from the server that no version of ZooKeeper defines.
    UnknownCode(i32),
    /// The reply is not the record that it should be.
    Malformed(DecodeError),
    /// A connect string that names no server; the text says what is wrong with it.
    ConnectString(String),
}

impl Error {
    /// The error of a number on the wire.
    pub(crate) fn from_number(number: i32) -> Self {
        Code::from_number(number).map_or(Self::UnknownCode(number), Self::Code)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "{code:?} ({})", code.number()),
            Self::UnknownCode(number) => write!(f, "unknown error code {number}"),
            Self::Malformed(e) => write!(f, "malformed reply: {e}"),
            Self::ConnectString(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for Error {}

impl From<DecodeError> for Error {
    fn from(e: DecodeError) -> Self {
        Self::Malformed(e)
    }
}

/// What makes a session one's own, on any server of the ensemble.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Session {
    /// The session's id; [`SessionId::NONE`] before the first connection.
    pub id: SessionId,
    /// Its password, 16 bytes.
    pub password: Vec<u8>,
}

/// How to connect.
#[derive(Debug, Clone)]
pub struct Options {
    /// The servers and the chroot.
    pub servers: ConnectString,
    /// The session timeout to ask for; the server bounds it by its own limits.
    pub timeout: Duration,
    /// Whether a server without a quorum will do (`canBeReadOnly`). The client stays with such a
    /// server until that connection ends.
    pub read_only: bool,
    /// A session to take up again instead of a new one.
    pub session: Option<Session>,
    /// The longest reply to accept, in bytes (`jute.maxbuffer`).
    pub max_packet: usize,
}

impl Options {
    /// A new session at `servers` (`host:port,host:port/chroot`), with Java's defaults.
    ///
    /// # Errors
    /// If the connect string makes no sense.
    pub fn new(servers: &str, timeout: Duration) -> Result<Self, Error> {
        Ok(Self {
            servers: servers.parse()?,
            timeout,
            read_only: false,
            session: None,
            max_packet: jute::DEFAULT_MAX_BUFFER,
        })
    }
}

/// What comes out of a client's channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The connection changed.
    State(KeeperState),
    /// A watch was triggered.
    Watch {
        /// What happened.
        kind: EventType,
        /// To which node, as the client names it.
        path: String,
        /// By which transaction; -1 from servers before 3.9 and where a watch that was set again
        /// finds that it missed something.
        zxid: Zxid,
    },
    /// The client removed a watch of its own.
    WatchRemoved {
        /// What it was.
        what: RemovedWatch,
        /// Of which node, as the client names it.
        path: String,
    },
}

/// The state of a client (`Watcher.Event.KeeperState`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeeperState {
    /// The connection is lost, the next one is being sought.
    Disconnected,
    /// Connected to a server of the quorum.
    SyncConnected,
    /// Connected to a server without a quorum.
    ConnectedReadOnly,
    /// The server refused the authentication. Final.
    AuthFailed,
    /// The client closed its session. Final.
    Closed,
    /// The session is gone. Final.
    Expired,
}

/// One session at an ensemble. Dropping it cuts the connection and leaves the session to expire, as
/// a process does that dies; [`Client::close`] ends the session.
#[derive(Debug)]
pub struct Client {
    shared: Arc<Shared>,
}

impl Client {
    /// Starts connecting, and returns at once. Calls may be made from now on; they wait for the
    /// connection, and fail with `ConnectionLoss` when an attempt to get one fails.
    pub fn start(options: Options) -> (Self, Receiver<Event>) {
        let (events, receiver) = channel();
        let shared = Arc::new(Shared::new(options, events));
        let link = Arc::clone(&shared);
        thread::spawn(move || link::run(&link));
        (Self { shared }, receiver)
    }

    /// Starts, and waits until connected.
    ///
    /// # Errors
    /// `ConnectionLoss` if there is no connection after the session timeout, `SessionExpired` if the
    /// session to take up again is gone.
    pub fn connect(options: Options) -> Result<(Self, Receiver<Event>), Error> {
        let timeout = options.timeout;
        let (client, events) = Self::start(options);
        client.wait_connected(timeout)?;
        Ok((client, events))
    }

    /// Waits until connected.
    ///
    /// # Errors
    /// `ConnectionLoss` after `timeout`, or why there will be no connection any more.
    pub fn wait_connected(&self, timeout: Duration) -> Result<(), Error> {
        self.shared.wait_connected(timeout, usize::MAX)
    }

    /// Waits until connected, or until each server of the list has been tried once: a call made
    /// before that would fail with the first of them that does not answer.
    ///
    /// # Errors
    /// As [`Client::wait_connected`].
    pub fn wait_first_round(&self, timeout: Duration) -> Result<(), Error> {
        self.shared.wait_connected(timeout, self.shared.options.servers.hosts.len())
    }

    /// The state of the connection.
    pub fn state(&self) -> KeeperState {
        self.shared.lock().keeper_state()
    }

    /// The session as it is now.
    pub fn session(&self) -> Session {
        self.shared.lock().session.clone()
    }

    /// The session timeout as the server granted it; what was asked for before the first connection.
    pub fn timeout(&self) -> Duration {
        self.shared.lock().timeout
    }

    /// The largest zxid that any reply has shown.
    pub fn last_zxid(&self) -> Zxid {
        Zxid(self.shared.lock().last_zxid)
    }

    /// Ends the session, with its ephemerals, and the connection.
    ///
    /// # Errors
    /// If the server could not be told; the session is left to expire then.
    pub fn close(self) -> Result<(), Error> {
        match self.shared.begin_close() {
            None => Err(Error::Code(Code::ConnectionLoss)),
            Some(()) => self.submit(op::CLOSE_SESSION, Vec::new()).wait(),
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.shared.abandon();
    }
}

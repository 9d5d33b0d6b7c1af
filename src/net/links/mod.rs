//! The sockets between servers: election port and quorum port, for those who call and those who are
//! called. Pure byte links: what is said over them is understood in [`crate::zab`].
//!
//! One thread owns all of them; no link waits for another. Names are looked up in threads of their
//! own, for the system's resolver blocks. Whoever uses a port gives it a [`LinkSink`], which is told
//! what happens, on the links' thread; what is to be done is handed over with [`Links::send`], from
//! any thread, a batch at a time, and a batch costs one lock and at most one wake-up.

mod connect;
mod link;
mod mail;
mod ports;
mod reactor;
mod resolver;
#[cfg(test)]
mod tests;
mod timers;
mod writer;

use std::io;
use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use crate::ids::{Millis, Sid};
use crate::net::Clock;
use crate::zab::LinkId;

use mail::Mail;
use ports::Ports;
use reactor::Reactor;
use resolver::Lookup;

pub use link::End;
pub use writer::LinkWriter;

/// What a link is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Port {
    /// Votes, 3888 by custom.
    Election,
    /// Leader and learners, 2888 by custom.
    Quorum,
}

/// Whether a link is to be read on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Flow {
    /// Bring more.
    Go,
    /// Bring nothing until [`Order::Resume`]; the peer will be held up by its kernel.
    Pause,
}

/// What one port's user is told, on the links' thread: nothing here may wait. All of it may call the
/// [`Links`]. An order to close a link, given by another thread, may cross one of these calls.
pub trait LinkSink: Send + Sync {
    /// Somebody called.
    fn accepted(&self, link: LinkId, remote: SocketAddr);
    /// What [`Order::Connect`] asked for is there.
    fn connected(&self, sid: Sid, link: LinkId, remote: SocketAddr);
    /// None of the addresses could be reached in time; `why` has them all.
    fn connect_failed(&self, sid: Sid, why: &str);
    /// Bytes have come, in order.
    fn bytes(&self, link: LinkId, bytes: &[u8]) -> Flow;
    /// The kernel has taken all that was written.
    fn flushed(&self, link: LinkId);
    /// The link is gone, and not by our order.
    fn closed(&self, link: LinkId, end: End);
}

/// How many callers a port bears that nobody has vouched for ([`Order::Know`]), and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Strangers {
    /// With more than these the oldest is closed.
    pub max: usize,
    /// After so many milliseconds each is closed.
    pub timeout: Millis,
}

/// How one port's sockets are set up.
#[derive(Debug, Clone)]
pub struct PortSettings {
    /// `TCP_NODELAY` where we were called (`leader.nodelay`).
    pub accepted_nodelay: bool,
    /// `TCP_NODELAY` where we call (`follower.nodelay`).
    pub connected_nodelay: bool,
    /// `SO_KEEPALIVE` (`tcpKeepAlive`, for the election port).
    pub keep_alive: bool,
    /// A link is closed whose peer's address does not confirm for so many ms that what was written came
    /// there (`TCP_USER_TIMEOUT`); none: when the kernel gives up, after a quarter of an hour.
    pub unreachable_after: Option<Millis>,
    /// A link is closed that is to be written to while so many bytes wait in it already.
    pub max_pending: usize,
    /// None: the port's user sees to strangers itself.
    pub strangers: Option<Strangers>,
}

impl Default for PortSettings {
    fn default() -> Self {
        Self {
            accepted_nodelay: true,
            connected_nodelay: true,
            keep_alive: false,
            unreachable_after: None,
            max_pending: 1 << 30,
            strangers: None,
        }
    }
}

/// How all links are set up.
#[derive(Debug, Clone, Default)]
pub struct LinkSettings {
    /// Those of the election port.
    pub election: PortSettings,
    /// Those of the quorum port.
    pub quorum: PortSettings,
}

/// Bytes to be written: of one link alone, or shared by several.
#[derive(Debug, Clone)]
pub enum Chunk {
    /// Of one link.
    Owned(Vec<u8>),
    /// Of several: a proposal that goes to each follower.
    Shared(Arc<[u8]>),
}

impl Deref for Chunk {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Owned(bytes) => bytes,
            Self::Shared(bytes) => bytes,
        }
    }
}

impl From<Vec<u8>> for Chunk {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Owned(bytes)
    }
}

impl From<Arc<[u8]>> for Chunk {
    fn from(bytes: Arc<[u8]>) -> Self {
        Self::Shared(bytes)
    }
}

/// Whom to connect to.
#[derive(Debug, Clone)]
pub struct Connect {
    /// Of ours, whose user is to be told.
    pub port: Port,
    /// The peer.
    pub sid: Sid,
    /// Its addresses, names or numbers (IPv6 without brackets), tried side by side; names are looked
    /// up anew each time. The first that answers wins.
    pub addresses: Vec<(String, u16)>,
    /// How long all of it may take, in ms.
    pub timeout: Millis,
    /// The addresses are what a caller said. Of such calls there may be so many and no more, and their
    /// names are not looked up in front of those of the configuration.
    pub told: bool,
}

/// Something to be done. Orders for links that are gone do nothing.
#[derive(Debug, Clone)]
pub enum Order {
    /// Connect; then [`LinkSink::connected`] or [`LinkSink::connect_failed`], always one of them.
    Connect(Connect),
    /// Write; [`LinkSink::flushed`] when all that was written is out.
    Write {
        /// Where to.
        link: LinkId,
        /// What.
        bytes: Chunk,
    },
    /// Write what waits, then close; the port's user hears no more of it.
    Close(LinkId),
    /// Close, and drop what waits.
    CloseNow(LinkId),
    /// Read on after [`Flow::Pause`].
    Resume(LinkId),
    /// The caller is one of ours: it is no stranger any more.
    Know(LinkId),
}

/// The links of a server; clones are handles to the same.
#[derive(Clone)]
pub struct Links {
    mail: Arc<Mail>,
    ports: Arc<Ports>,
    thread: Arc<Mutex<Option<JoinHandle<()>>>>,
}

impl Links {
    /// Starts the thread. It ends with [`Links::shutdown`].
    ///
    /// # Errors
    /// If the thread or its poller cannot be made.
    pub fn start(settings: LinkSettings, clock: Clock) -> io::Result<Self> {
        Self::start_with(settings, clock, resolver::system())
    }

    fn start_with(settings: LinkSettings, clock: Clock, lookup: Lookup) -> io::Result<Self> {
        let (reactor, mail, ports) = Reactor::new(settings, clock, lookup)?;
        let thread = crate::net::spawn("QuorumLinks", move || reactor.run())?;
        Ok(Self { mail, ports, thread: Arc::new(Mutex::new(Some(thread))) })
    }

    /// Says who is to be told of what happens on `port`, from now on. To come before the first
    /// `listen` and the first `Connect`: nobody is let in, and nobody called, for nobody.
    pub fn serve(&self, port: Port, sink: Arc<dyn LinkSink>) {
        self.ports.serve(port, sink);
    }

    /// Listens for `port` on one more address; a wildcard of either family serves both, and port 0
    /// lets the system choose. Returns where.
    ///
    /// # Errors
    /// If the system refuses; whether to try again (`electionPortBindRetry`) is for the caller to say.
    pub fn listen(&self, port: Port, address: SocketAddr) -> io::Result<SocketAddr> {
        self.ports.listen(port, address)
    }

    /// Listens no more for `port`: its addresses are free when this returns. Links go on.
    pub fn unbind(&self, port: Port) {
        self.ports.unbind(port);
    }

    /// Has a batch of orders carried out, in this order. Does not wait.
    pub fn send(&self, orders: impl IntoIterator<Item = Order>) {
        self.mail.send(orders);
    }

    /// Writes to one link.
    pub fn write(&self, link: LinkId, bytes: impl Into<Chunk>) {
        self.send([Order::Write { link, bytes: bytes.into() }]);
    }

    /// Writes to one link, and on the calling thread as far as nothing waits there and the kernel takes
    /// it: two hand-offs between threads less. [`LinkSink::flushed`] is told only if something was left.
    pub fn write_now(&self, link: LinkId, bytes: Vec<u8>) {
        self.mail.write_now(link, bytes);
    }

    /// How many bytes the kernel has not yet taken; `None` where the link is gone or about to go.
    pub fn pending_bytes(&self, link: LinkId) -> Option<usize> {
        self.mail.pending(link)
    }

    /// A writer for a thread that may wait, with at most about `max_pending` bytes in memory. It
    /// fails if the peer takes nothing for `patience` ms.
    pub fn writer(&self, link: LinkId, max_pending: usize, patience: Millis) -> LinkWriter {
        LinkWriter::new(Arc::clone(&self.mail), link, max_pending, patience)
    }

    /// Closes all ports and links and ends the thread; nobody is told. Not to be called by a sink.
    pub fn shutdown(&self) {
        self.mail.stop();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            crate::net::join(thread);
        }
    }
}

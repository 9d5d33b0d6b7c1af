//! The client port: a reactor in the shape of `NIOServerCnxnFactory`. One accept thread, selector
//! threads that own the connections, a pool of workers that may do the I/O for them, and a thread that
//! answers four-letter words.
//!
//! What clients say is understood by [`crate::server::front`]; here are only sockets, buffers, limits
//! and threads. Reads are answered on the spot; everything else goes to the pipeline through
//! [`Submit`], a batch per round of a selector. Answers come back through the connection's output and
//! its mailbox, which is its selector's inbox.

mod accept;
pub mod address;
mod clock;
mod conn;
mod desk;
mod heard;
mod inbox;
mod limits;
pub mod links;
mod pool;
mod rate_log;
mod selector;
mod slab;
mod socket;
mod timers;
mod turns;

#[cfg(test)]
pub(crate) mod loopback;
#[cfg(test)]
mod tests;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::thread::JoinHandle;

use mio::Waker;
use mio::net::TcpListener;

use accept::Acceptor;
use desk::Desk;
use inbox::Inbox;
use limits::Limits;
use pool::Pool;
use selector::Selector;

use crate::config::NetConfig;
use crate::ids::{ConnId, Millis};
use crate::server::auth::Auth;
use crate::server::conn::{ConnShared, Mailbox};
use crate::server::front::{Client, Front};
use crate::server::request::Input;

pub use clock::Clock;
pub use desk::Words;
pub use heard::HeardUntil;

/// The way of requests into the pipeline.
pub trait Submit: Send + Sync {
    /// Takes a batch. The inputs of one connection come in their order, never from two threads at
    /// once. Must not wait (how much is in flight is bounded by whoever submits), unless the caller
    /// can `spare` its thread for as long as a quick sync of the log takes: then the batch may be
    /// worked off on it. True if it was; its answers have been left with their connections.
    fn submit(&self, batch: Vec<Input>, spare: bool) -> bool;
}

/// How the client port is set up.
#[derive(Debug, Clone)]
pub struct NetSettings {
    /// `clientPortListenBacklog`; none or 0 for the default.
    pub backlog: Option<i32>,
    /// `maxClientCnxns`: connections from one address; 0 for no limit.
    pub max_client_cnxns: u32,
    /// `maxCnxns`: connections in all; 0 for no limit.
    pub max_cnxns: u32,
    /// Selector threads, 1 to 255.
    pub selectors: usize,
    /// Worker threads; with 0 the selectors do the work.
    pub workers: usize,
    /// How long a connection may be without a session, in ms.
    pub sessionless_timeout: Millis,
    /// How long a shutdown waits for connections that workers have, in ms.
    pub shutdown_timeout: Millis,
    /// `SO_KEEPALIVE` on client connections.
    pub keep_alive: bool,
    /// With more bytes than this to be written to it, a connection is not read.
    pub output_soft: usize,
    /// With more than this, it is closed if it takes nothing for a second.
    pub output_hard: usize,
    /// With more than this, it is closed.
    pub output_limit: usize,
    /// Bytes of requests in flight of one connection: above, it is not read until all are answered.
    pub in_flight_of_one: usize,
    /// Bytes of requests in flight in all: above, only connections with none in flight are read.
    pub in_flight: usize,
}

const MIB: usize = 1 << 20;

impl NetSettings {
    /// What the configuration says.
    ///
    /// Java's default is twice as many workers as cores, because it gives a connection back to its
    /// selector after each packet; here a turn is shorter than the way to a worker and back, so there
    /// are none unless `nio.numWorkerThreads` asks for them. Selectors are as in Java: the root of
    /// half the cores.
    pub fn new(config: &NetConfig, cores: usize) -> Self {
        let limit = |n: i32| u32::try_from(n).unwrap_or(0);
        let selectors = config.selector_threads.unwrap_or((cores / 2).isqrt());
        Self {
            backlog: config.listen_backlog,
            max_client_cnxns: limit(config.max_client_cnxns),
            max_cnxns: limit(config.max_cnxns),
            selectors: selectors.clamp(1, 255),
            workers: config.worker_threads.unwrap_or(0),
            sessionless_timeout: config.sessionless_cnxn_timeout_ms.max(1).into(),
            shutdown_timeout: config.shutdown_timeout_ms.max(0),
            keep_alive: config.client_tcp_keep_alive,
            output_soft: MIB / 4,
            output_hard: 64 * MIB,
            output_limit: 1024 * MIB,
            in_flight_of_one: 4 * MIB,
            in_flight: 256 * MIB,
        }
    }
}

/// What all threads of the reactor share.
struct Env {
    settings: NetSettings,
    clock: Clock,
    front: Arc<Front>,
    submit: Arc<dyn Submit>,
    desk: Desk,
    limits: Limits,
    /// Bytes of requests in flight.
    in_flight: AtomicUsize,
    accepting: AtomicBool,
    stopping: AtomicBool,
}

impl Env {
    fn is_accepting(&self) -> bool {
        self.accepting.load(Ordering::Acquire)
    }

    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// Sends what has gathered. True if it is done already.
    fn submit(&self, batch: &mut Vec<Input>, spare: bool) -> bool {
        !batch.is_empty() && self.submit.submit(std::mem::take(batch), spare)
    }

    /// Makes a connection known to the rooms below.
    fn welcome(&self, id: ConnId, remote: SocketAddr, mailbox: Arc<dyn Mailbox>) -> Client {
        let timeout = i32::try_from(self.settings.sessionless_timeout).unwrap_or(i32::MAX);
        let auth = Auth::connect_ids(remote.ip());
        let wall = self.clock.wall();
        let shared = ConnShared::new(id, remote, false, auth, mailbox, wall, timeout);
        Client::new(Arc::new(shared), &self.front)
    }
}

/// A running client port.
pub struct Reactor {
    env: Arc<Env>,
    heard: HeardUntil,
    accept: Option<(JoinHandle<()>, Waker)>,
    selectors: Vec<(JoinHandle<()>, Arc<Inbox>)>,
    pool: Option<(Arc<Pool>, Vec<JoinHandle<()>>)>,
    desk: Option<JoinHandle<()>>,
}

/// The client port, bound: connections queue up in the kernel.
#[derive(Debug)]
pub struct Port {
    listener: TcpListener,
    local: SocketAddr,
}

impl Port {
    /// Binds the port. A wildcard of either family serves both; port 0 lets the system choose.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn bind(wanted: SocketAddr, settings: &NetSettings) -> io::Result<Self> {
        log::info!("{}", settings.summary());
        log::info!("binding to port {}", address::local(wanted));
        let listener = socket::listen(wanted, settings.backlog)?;
        let local = listener.local_addr()?;
        if wanted.port() == 0 {
            log::info!("bound to port {}", address::local(local));
        }
        Ok(Self { listener, local })
    }

    /// Where it is bound.
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }
}

impl Reactor {
    /// Starts the threads that serve `port`. Without one nobody comes.
    ///
    /// # Errors
    /// If a thread or its poller cannot be made.
    pub fn start(
        port: Option<Port>,
        settings: NetSettings,
        clock: Clock,
        front: Arc<Front>,
        submit: Arc<dyn Submit>,
        words: Arc<dyn Words>,
    ) -> io::Result<Self> {
        let (desk, desk_thread) = Desk::open(words)?;
        let env = Arc::new(Env {
            limits: Limits::new(settings.max_client_cnxns, settings.max_cnxns),
            settings,
            clock,
            front,
            submit,
            desk,
            in_flight: AtomicUsize::new(0),
            accepting: AtomicBool::new(true),
            stopping: AtomicBool::new(false),
        });
        let workers = env.settings.workers;
        let pool = if workers > 0 { Some(Pool::open(workers, &env)?) } else { None };
        let (selectors, heard) = start_selectors(&env, pool.as_ref().map(|(pool, _)| pool))?;
        let inboxes = selectors.iter().map(|(_, inbox)| Arc::clone(inbox)).collect();
        let accept = match port {
            Some(Port { listener, local }) => {
                let (acceptor, waker) = Acceptor::new(&env, listener, inboxes)?;
                Some((spawn(&format!("AcceptThread:{local}"), move || acceptor.run())?, waker))
            }
            None => None,
        };
        Ok(Self { env, heard, accept, selectors, pool, desk: Some(desk_thread) })
    }

    /// Up to when all clients have been heard.
    pub fn heard_until(&self) -> HeardUntil {
        self.heard.clone()
    }

    /// Closes the port. Connections that are there go on.
    pub fn stop_accepting(&mut self) {
        self.env.accepting.store(false, Ordering::Release);
        if let Some((thread, waker)) = self.accept.take() {
            if let Err(e) = waker.wake() {
                log::error!("cannot wake the accept thread: {e}");
                return;
            }
            join(thread);
        }
    }

    /// Closes the port, writes what the sockets take at once, closes all connections, and ends all
    /// threads.
    pub fn shutdown(mut self) {
        self.stop();
    }

    fn stop(&mut self) {
        self.stop_accepting();
        self.env.stopping.store(true, Ordering::Release);
        for (_, inbox) in &self.selectors {
            inbox.wake();
        }
        for (thread, _) in self.selectors.drain(..) {
            join(thread);
        }
        if let Some((pool, threads)) = self.pool.take() {
            pool.close();
            threads.into_iter().for_each(join);
        }
        if let Some(thread) = self.desk.take() {
            self.env.desk.close();
            join(thread);
        }
    }
}

impl Drop for Reactor {
    fn drop(&mut self) {
        self.stop();
    }
}

impl NetSettings {
    fn summary(&self) -> String {
        let workers = if self.workers > 0 { self.workers.to_string() } else { "no".to_owned() };
        format!(
            "Configuring NIO connection handler with {}s sessionless connection timeout, \
             {} selector thread(s), {workers} worker threads, and gathered writes.",
            self.sessionless_timeout / 1000,
            self.selectors
        )
    }
}

type Selectors = Vec<(JoinHandle<()>, Arc<Inbox>)>;

fn start_selectors(
    env: &Arc<Env>,
    pool: Option<&Arc<Pool>>,
) -> io::Result<(Selectors, HeardUntil)> {
    let mut threads = Vec::new();
    let mut heard = Vec::new();
    for number in 0..env.settings.selectors.clamp(1, 255) {
        let until = Arc::new(AtomicI64::new(0));
        heard.push(Arc::clone(&until));
        let selector = Selector::new(number as u8, env, pool.cloned(), until)?;
        let inbox = selector.inbox();
        let thread = spawn(&format!("SelectorThread-{number}"), move || selector.run())?;
        threads.push((thread, inbox));
    }
    Ok((threads, HeardUntil(heard.into())))
}

fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name(name.to_owned()).spawn(body)
}

fn join(thread: JoinHandle<()>) {
    let name = thread.thread().name().unwrap_or("unnamed").to_owned();
    if thread.join().is_err() {
        log::error!("thread {name} died of a panic");
    }
}

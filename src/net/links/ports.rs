//! Where we listen, for whom, and what the sockets of each port are like. Listeners are bound and
//! closed by whoever asks, not by the links' thread: the answer is there at once.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mio::net::{TcpListener, TcpStream};
use mio::{Interest, Registry, Token};
use socket2::SockRef;

use super::link::next_id;
use super::{LinkSettings, LinkSink, Port, PortSettings};
use crate::net::{address, socket};

struct Listener {
    token: Token,
    port: Port,
    socket: TcpListener,
}

#[derive(Default)]
struct State {
    election: Option<Arc<dyn LinkSink>>,
    quorum: Option<Arc<dyn LinkSink>>,
    listeners: Vec<Listener>,
}

/// Both ports.
pub(super) struct Ports {
    settings: LinkSettings,
    registry: Registry,
    state: Mutex<State>,
}

/// What became of an attempt to accept.
pub(super) enum Accepted {
    /// Somebody called.
    Caller { port: Port, sink: Arc<dyn LinkSink>, socket: TcpStream, remote: SocketAddr },
    /// Nobody waits, or nobody listens any more.
    Nobody,
    /// The next may be tried at once.
    Next,
    /// It is of no use to try at once again: no file descriptors, no memory.
    Trouble(io::Error),
}

impl Ports {
    pub(super) fn new(settings: LinkSettings, registry: Registry) -> Self {
        Self { settings, registry, state: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn settings(&self, port: Port) -> &PortSettings {
        match port {
            Port::Election => &self.settings.election,
            Port::Quorum => &self.settings.quorum,
        }
    }

    pub(super) fn serve(&self, port: Port, sink: Arc<dyn LinkSink>) {
        *self.lock().sink(port) = Some(sink);
    }

    /// Who is to be told of what happens on `port`.
    pub(super) fn sink(&self, port: Port) -> Option<Arc<dyn LinkSink>> {
        self.lock().sink(port).clone()
    }

    pub(super) fn listen(&self, port: Port, address: SocketAddr) -> io::Result<SocketAddr> {
        let mut socket = socket::listen(address, None)?;
        let local = socket.local_addr()?;
        let token = next_id().0 as usize;
        let mut state = self.lock();
        self.registry.register(&mut socket, Token(token), Interest::READABLE)?;
        state.listeners.push(Listener { token: Token(token), port, socket });
        log::info!("{port:?} port bound to {}", address::local(local));
        Ok(local)
    }

    pub(super) fn unbind(&self, port: Port) {
        self.lock().listeners.retain(|l| l.port != port);
    }

    pub(super) fn is_listener(&self, token: Token) -> bool {
        self.lock().listeners.iter().any(|l| l.token == token)
    }

    /// Takes one caller.
    pub(super) fn accept(&self, token: Token) -> Accepted {
        let mut state = self.lock();
        let Some(listener) = state.listeners.iter().find(|l| l.token == token) else {
            return Accepted::Nobody;
        };
        let port = listener.port;
        match listener.socket.accept() {
            Ok((socket, remote)) => match state.sink(port).clone() {
                Some(sink) => {
                    Accepted::Caller { port, sink, socket, remote: address::canonical(remote) }
                }
                None => Accepted::Next,
            },
            Err(e) => match e.kind() {
                io::ErrorKind::WouldBlock => Accepted::Nobody,
                io::ErrorKind::Interrupted | io::ErrorKind::ConnectionAborted => Accepted::Next,
                _ => Accepted::Trouble(e),
            },
        }
    }

    /// Sets a link's socket up.
    pub(super) fn prepare(
        &self,
        port: Port,
        was_called: bool,
        socket: &TcpStream,
    ) -> io::Result<()> {
        let settings = self.settings(port);
        let nodelay =
            if was_called { settings.accepted_nodelay } else { settings.connected_nodelay };
        socket.set_nodelay(nodelay)?;
        let socket = SockRef::from(socket);
        let patience =
            settings.unreachable_after.map(|ms| Duration::from_millis(ms.unsigned_abs()));
        socket.set_tcp_user_timeout(patience)?;
        socket.set_keepalive(settings.keep_alive)
    }

    /// Ends everything.
    pub(super) fn close(&self) {
        *self.lock() = State::default();
    }
}

impl State {
    fn sink(&mut self, port: Port) -> &mut Option<Arc<dyn LinkSink>> {
        match port {
            Port::Election => &mut self.election,
            Port::Quorum => &mut self.quorum,
        }
    }
}

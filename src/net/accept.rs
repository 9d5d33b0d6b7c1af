//! The accept thread: takes new connections, holds them to the limits, and deals them out to the
//! selectors in turn.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token, Waker};

use super::inbox::Inbox;
use super::rate_log::RateLog;
use super::{Env, address, socket};

const LISTENER: Token = Token(0);
const WAKER: Token = Token(1);
/// How long to leave the queue of connections alone when one could not be taken: without file
/// descriptors the thread would only spin.
const PAUSE: Duration = Duration::from_millis(10);

/// The state of the accept thread.
pub(super) struct Acceptor {
    env: Arc<Env>,
    poll: Poll,
    listener: TcpListener,
    selectors: Vec<Arc<Inbox>>,
    next: usize,
    refusals: RateLog,
}

impl Acceptor {
    /// The thread's state, and what wakes it when the server stops.
    pub(super) fn new(
        env: &Arc<Env>,
        mut listener: TcpListener,
        selectors: Vec<Arc<Inbox>>,
    ) -> io::Result<(Self, Waker)> {
        let poll = Poll::new()?;
        poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
        let waker = Waker::new(poll.registry(), WAKER)?;
        let env = Arc::clone(env);
        let refusals = RateLog::default();
        Ok((Self { env, poll, listener, selectors, next: 0, refusals }, waker))
    }

    /// The thread's body. Its end closes the port.
    pub(super) fn run(mut self) {
        let mut events = Events::with_capacity(8);
        let mut pause = None;
        while self.env.is_accepting() {
            if let Err(e) = self.poll.poll(&mut events, pause)
                && e.kind() != io::ErrorKind::Interrupted
            {
                log::warn!("accept thread cannot wait for connections: {e}");
                std::thread::sleep(PAUSE);
            }
            pause = if self.accept_all() { None } else { Some(PAUSE) };
        }
        log::info!("accept thread exited run method");
    }

    /// Takes all that wait. False if one could not be taken, and waits on.
    fn accept_all(&mut self) -> bool {
        while self.env.is_accepting() {
            match self.listener.accept() {
                Ok((socket, remote)) => self.deal(socket, address::canonical(remote)),
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return true,
                Err(e) if is_passing(&e) => {}
                Err(e) => {
                    self.refused(&e.to_string());
                    return false;
                }
            }
        }
        true
    }

    fn deal(&mut self, socket: TcpStream, remote: SocketAddr) {
        if let Err(refused) = self.env.limits.admit(remote.ip()) {
            self.refused(&refused.to_string());
            return socket::reset(socket);
        }
        log::debug!("Accepted socket connection from {}", address::remote(remote));
        self.selectors[self.next].accepted(socket, remote);
        self.next = (self.next + 1) % self.selectors.len();
        if let Some(line) = self.refusals.flush() {
            log::warn!("{line}");
        }
    }

    fn refused(&mut self, why: &str) {
        self.env.front.metrics.connection_rejected.add(1);
        let message = format!("Error accepting new connection: {why}");
        if let Some(line) = self.refusals.note(self.env.clock.now(), &message) {
            log::warn!("{line}");
        }
    }
}

/// Errors that concern the one connection that was about to be taken, and not the next.
fn is_passing(e: &io::Error) -> bool {
    matches!(e.kind(), io::ErrorKind::Interrupted | io::ErrorKind::ConnectionAborted)
}

//! Calling a peer: its hosts side by side, the addresses of one host one after another, each a moment
//! after the last or as soon as that has failed. The first that answers wins.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::{IpAddr, SocketAddr};

use mio::net::TcpStream;
use mio::{Interest, Registry, Token};

use super::link::next_id;
use super::resolver::{Asker, Found, Resolver};
use super::timers::{Timer, Timers};
use super::{Connect, Port};
use crate::ids::{Millis, Sid};
use crate::zab::LinkId;

/// How long one address of a host is tried alone, in ms.
const HEAD_START: Millis = 250;
/// How many peers are called at the same time where callers said that they are.
const MAX_DIALS_TOLD: usize = 256;

/// One peer that is being called.
struct Dial {
    port: Port,
    sid: Sid,
    timeout: Millis,
    told: bool,
    lanes: Vec<Lane>,
    /// What went wrong so far.
    errors: Vec<String>,
}

/// One of its hosts.
struct Lane {
    host: String,
    port: u16,
    resolving: bool,
    /// Those that have not been tried.
    addresses: VecDeque<SocketAddr>,
}

/// A connection that is being made; it gets to keep its number.
struct Attempt {
    dial: u64,
    lane: usize,
    socket: TcpStream,
    remote: SocketAddr,
}

/// How a call ended.
pub(super) enum Outcome {
    Won { port: Port, sid: Sid, link: LinkId, socket: TcpStream, remote: SocketAddr },
    Lost { port: Port, sid: Sid, why: String },
}

/// All peers that are being called.
pub(super) struct Dialer {
    registry: Registry,
    resolver: Resolver,
    /// For names that callers have told.
    told_resolver: Resolver,
    dials: HashMap<u64, Dial>,
    attempts: HashMap<LinkId, Attempt>,
    next: u64,
}

impl Dialer {
    pub(super) fn new(registry: Registry, resolver: Resolver, told_resolver: Resolver) -> Self {
        let (dials, attempts) = (HashMap::new(), HashMap::new());
        Self { registry, resolver, told_resolver, dials, attempts, next: 0 }
    }

    /// Whether `link` is a connection that is being made.
    pub(super) fn has(&self, link: LinkId) -> bool {
        self.attempts.contains_key(&link)
    }

    /// Begins to call a peer.
    pub(super) fn dial(
        &mut self,
        connect: Connect,
        now: Millis,
        timers: &mut Timers,
    ) -> Option<Outcome> {
        let Connect { port, sid, addresses, timeout, told } = connect;
        if told && self.dials.values().filter(|dial| dial.told).count() >= MAX_DIALS_TOLD {
            let why = format!("{MAX_DIALS_TOLD} peers are being called already");
            return Some(Outcome::Lost { port, sid, why });
        }
        let id = self.next;
        self.next += 1;
        let lanes: Vec<Lane> = addresses.into_iter().map(Lane::new).collect();
        let resolver = if told { &self.told_resolver } else { &self.resolver };
        for (lane, l) in lanes.iter().enumerate().filter(|(_, l)| l.resolving) {
            resolver.ask(&l.host, Asker { dial: id, lane });
        }
        let count = lanes.len();
        self.dials.insert(id, Dial { port, sid, timeout, told, lanes, errors: Vec::new() });
        timers.set(now + timeout.max(0), Timer::ConnectTimeout(id));
        (0..count).for_each(|lane| self.try_next(id, lane));
        self.settle(id)
    }

    /// A host's name was looked up.
    pub(super) fn found(
        &mut self,
        found: Found,
        now: Millis,
        timers: &mut Timers,
    ) -> Option<Outcome> {
        let Asker { dial: id, lane } = found.asker;
        let dial = self.dials.get_mut(&id)?;
        let to = dial.lanes.get_mut(lane)?;
        to.resolving = false;
        match found.addresses {
            Ok(addresses) => to.resolved(addresses),
            Err(e) => dial.errors.push(format!("{}: {e}", to.host)),
        }
        if to.addresses.len() > 1 {
            timers.set(now + HEAD_START, Timer::NextAddress(id));
        }
        self.try_next(id, lane);
        self.settle(id)
    }

    /// The kernel has something to say of a connection that is being made.
    pub(super) fn on_event(&mut self, link: LinkId) -> Option<Outcome> {
        let attempt = self.attempts.get(&link)?;
        let result = match is_connected(&attempt.socket) {
            Ok(false) => return None,
            result => result,
        };
        let Attempt { dial: id, lane, socket, remote } = self.attempts.remove(&link)?;
        match result {
            Ok(_) => {
                let Dial { port, sid, .. } = self.end(id)?;
                Some(Outcome::Won { port, sid, link, socket, remote })
            }
            Err(e) => {
                self.dials.get_mut(&id)?.errors.push(format!("{remote}: {e}"));
                self.try_next(id, lane);
                self.settle(id)
            }
        }
    }

    /// The addresses that are being tried had their head start.
    pub(super) fn next_addresses(&mut self, id: u64, now: Millis, timers: &mut Timers) {
        let Some(dial) = self.dials.get(&id) else { return };
        (0..dial.lanes.len()).for_each(|lane| self.try_next(id, lane));
        let Some(dial) = self.dials.get(&id) else { return };
        if dial.lanes.iter().any(|l| !l.addresses.is_empty()) {
            timers.set(now + HEAD_START, Timer::NextAddress(id));
        }
    }

    /// A peer was called for long enough.
    pub(super) fn time_out(&mut self, id: u64) -> Option<Outcome> {
        let asked = |l: &Lane| l.resolving.then(|| format!("{} not looked up yet", l.host));
        let mut open: Vec<String> = self.dials.get(&id)?.lanes.iter().filter_map(asked).collect();
        let silent = self.attempts.values().filter(|a| a.dial == id);
        open.extend(silent.map(|a| format!("{} silent", a.remote)));
        let Dial { port, sid, timeout, mut errors, .. } = self.end(id)?;
        errors.push(format!("timed out after {timeout} ms ({})", open.join(", ")));
        Some(Outcome::Lost { port, sid, why: errors.join("; ") })
    }

    /// Tries the next address of a host that can be tried.
    fn try_next(&mut self, id: u64, lane: usize) {
        let Some(dial) = self.dials.get_mut(&id) else { return };
        while let Some(remote) = dial.lanes.get_mut(lane).and_then(|l| l.addresses.pop_front()) {
            let link = next_id();
            let begun = TcpStream::connect(remote).and_then(|mut socket| {
                let interest = Interest::READABLE | Interest::WRITABLE;
                self.registry.register(&mut socket, Token(link.0 as usize), interest)?;
                Ok(socket)
            });
            match begun {
                Ok(socket) => {
                    self.attempts.insert(link, Attempt { dial: id, lane, socket, remote });
                    return;
                }
                Err(e) => dial.errors.push(format!("{remote}: {e}")),
            }
        }
    }

    /// Gives a peer up of which nothing is left to try.
    fn settle(&mut self, id: u64) -> Option<Outcome> {
        let dial = self.dials.get(&id)?;
        let hopes = dial.lanes.iter().any(|l| l.resolving || !l.addresses.is_empty());
        if hopes || self.attempts.values().any(|a| a.dial == id) {
            return None;
        }
        let Dial { port, sid, errors, .. } = self.end(id)?;
        let why =
            if errors.is_empty() { "it has no address".to_owned() } else { errors.join("; ") };
        Some(Outcome::Lost { port, sid, why })
    }

    fn end(&mut self, id: u64) -> Option<Dial> {
        self.attempts.retain(|_, a| a.dial != id);
        self.dials.remove(&id)
    }
}

impl Lane {
    fn new((host, port): (String, u16)) -> Self {
        let literal = host.parse::<IpAddr>().ok();
        let addresses = literal.map(|ip| SocketAddr::new(ip, port)).into_iter().collect();
        Self { host, port, resolving: literal.is_none(), addresses }
    }

    /// IPv4 first, as Java prefers it.
    fn resolved(&mut self, addresses: Vec<SocketAddr>) {
        let (v4, v6): (Vec<_>, Vec<_>) = addresses.into_iter().partition(SocketAddr::is_ipv4);
        for mut address in v4.into_iter().chain(v6) {
            address.set_port(self.port);
            if !self.addresses.contains(&address) {
                self.addresses.push_back(address);
            }
        }
    }
}

/// Whether a connection is there, or not yet.
fn is_connected(socket: &TcpStream) -> io::Result<bool> {
    if let Some(e) = socket.take_error()? {
        return Err(e);
    }
    match socket.peer_addr() {
        // A call to a free port of our own can meet itself: the kernel took that port for our end.
        Ok(peer) if socket.local_addr()? == peer => Err(io::ErrorKind::ConnectionRefused.into()),
        Ok(_) => Ok(true),
        Err(e) if e.kind() == io::ErrorKind::NotConnected => Ok(false),
        Err(e) => Err(e),
    }
}

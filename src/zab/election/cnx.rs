//! One connection for each pair of servers, over which votes are sent (`QuorumCnxManager`).
//!
//! Of two connections between the same servers the one survives that the larger sid has begun: a
//! server that is called by a smaller sid hangs up and calls back. What is to be sent to a peer
//! waits in a queue of one, for only the latest vote matters; on a new connection the last one is
//! sent again, for nobody knows whether it arrived.
//!
//! Message on the wire: int length (1 to 524288), then as many bytes.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt;
use std::sync::Arc;

use super::initial::{ElectionAddr, InitialError, InitialMessage, OBSERVER_ID, TEXT_AT};
use crate::ids::{Millis, Sid};
use crate::zab::LinkId;
use crate::zab::quorum::Quorums;

/// The longest message (`PACKETMAXSIZE`).
pub const MAX_MESSAGE_LEN: usize = 512 * 1024;

/// How many connections may be open that have not said who they are; the oldest goes first.
const MAX_UNNAMED: usize = 256;

/// What does not change while the server runs.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `myid`.
    pub my_id: Sid,
    /// The server's own election addresses, the first of which is told where only one can be.
    pub addresses: Vec<ElectionAddr>,
    /// `multiAddress.enabled`: the initial message is of version 2.
    pub multi_address: bool,
    /// How long a caller may take to say who it is (`quorumCnxnTimeoutMs`, else
    /// tickTime * syncLimit).
    pub greeting_timeout: Millis,
    /// ZOOKEEPER-4787, for the simulator alone: the server says who it is in EBCDIC, the charset of
    /// its platform.
    pub fault_ebcdic: bool,
}

/// What the connections are told.
#[derive(Debug, Clone)]
pub enum Event<'a> {
    /// A message is to go to a peer, or to the server itself.
    Send {
        /// The peer.
        to: Sid,
        /// The message, without its length.
        bytes: Arc<[u8]>,
    },
    /// Connect to each peer that something was to be sent to and that has no connection.
    ConnectAll,
    /// A connection that [`Effect::Connect`] asked for is there.
    Connected {
        /// The peer.
        sid: Sid,
        /// The connection.
        link: LinkId,
    },
    /// It could not be made: refused, timed out, not resolved.
    ConnectFailed {
        /// The peer.
        sid: Sid,
    },
    /// Somebody called.
    Accepted {
        /// The connection.
        link: LinkId,
    },
    /// Bytes have come.
    Bytes {
        /// The connection.
        link: LinkId,
        /// What came, in order.
        bytes: &'a [u8],
    },
    /// All that was written to a connection has been taken by the kernel.
    Flushed {
        /// The connection.
        link: LinkId,
    },
    /// A connection is gone, and not because of [`Effect::Close`].
    Closed {
        /// The connection.
        link: LinkId,
    },
    /// As `Closed`, because nothing comes back from the peer's address: the last message is not there.
    Lost {
        /// The connection.
        link: LinkId,
    },
    /// `deadline()` has come.
    Timer,
    /// The configurations have changed.
    Quorums(Quorums),
}

/// What the connections want done, in this order. Nothing must be durable before any of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Connect to a peer, trying its addresses side by side, names resolved anew (a peer may have
    /// moved); then [`Event::Connected`] or [`Event::ConnectFailed`], always one of them.
    Connect {
        /// The peer.
        sid: Sid,
        /// Its election addresses.
        addresses: Vec<ElectionAddr>,
    },
    /// Write to a connection; [`Event::Flushed`] when all of it is out.
    Write {
        /// The connection.
        link: LinkId,
        /// What to write.
        bytes: Vec<u8>,
    },
    /// Write out what was written, then close. No event follows, and what comes in is dropped.
    Close {
        /// The connection.
        link: LinkId,
        /// For the log.
        why: CloseReason,
    },
    /// A message for the election.
    Deliver {
        /// Its sender.
        from: Sid,
        /// The message.
        bytes: Vec<u8>,
    },
    /// A peer cannot be connected to, and has not called either. For the election.
    Unreachable(Sid),
    /// Something was to be sent to a server that is no member. For the log.
    UnknownSid(Sid),
}

/// Why a connection is closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CloseReason {
    /// The peer has the larger sid and calls back.
    PeerCallsBack(Sid),
    /// The caller has the smaller sid and is called back.
    CallingBack(Sid),
    /// A newer connection to the same peer took its place.
    Replaced(Sid),
    /// The caller says that it is this server (ZOOKEEPER-2164).
    OwnSid,
    /// The first message makes no sense.
    Initial(InitialError),
    /// The caller did not say who it is in time, or too many did not.
    Silent,
    /// A message of an impossible length.
    MessageLength {
        /// The peer.
        from: Sid,
        /// What it claimed.
        found: i32,
    },
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PeerCallsBack(sid) => write!(f, "server {sid} has the larger id and calls back"),
            Self::CallingBack(sid) => write!(f, "server {sid} has the smaller id, calling it back"),
            Self::Replaced(sid) => write!(f, "server {sid} has a newer connection"),
            Self::OwnSid => f.write_str("the caller claims our own id: a configuration error"),
            Self::Initial(e) => e.fmt(f),
            Self::Silent => f.write_str("the caller did not say who it is"),
            Self::MessageLength { from, found } => {
                write!(f, "server {from} sent a message of {found} bytes")
            }
        }
    }
}

/// The connections of one server.
#[derive(Debug)]
pub struct QuorumCnxManager {
    settings: Settings,
    quorums: Quorums,
    links: HashMap<LinkId, Link>,
    peers: BTreeMap<Sid, Peer>,
    /// Callers that have not said who they are, oldest first; some may be gone or known by now.
    unnamed: VecDeque<(LinkId, Millis)>,
    /// The next id for an observer that has none.
    observer_counter: i64,
}

/// An open connection; `peer` is unknown until the caller has said who it is.
#[derive(Debug, Default)]
struct Link {
    peer: Option<Sid>,
    input: Vec<u8>,
}

#[derive(Debug, Default)]
struct Peer {
    link: Option<LinkId>,
    connecting: bool,
    /// A write is not out yet.
    busy: bool,
    queue: Option<Arc<[u8]>>,
    last_sent: Option<Arc<[u8]>>,
    /// Something was to be sent at some time: it counts in `have_delivered`.
    addressed: bool,
}

impl QuorumCnxManager {
    /// No connections yet.
    pub fn new(settings: Settings, quorums: Quorums) -> Self {
        Self {
            settings,
            quorums,
            links: HashMap::new(),
            peers: BTreeMap::new(),
            unnamed: VecDeque::new(),
            observer_counter: -1,
        }
    }

    /// When the machine wants an [`Event::Timer`].
    pub fn deadline(&self) -> Option<Millis> {
        self.unnamed.front().map(|(_, since)| since + self.settings.greeting_timeout)
    }

    /// Whether what was to be sent has gone out to at least one peer (`haveDelivered`).
    pub fn have_delivered(&self) -> bool {
        self.peers.values().any(|p| p.addressed && p.queue.is_none())
    }

    /// Whether there is a connection to `sid`.
    pub fn is_connected(&self, sid: Sid) -> bool {
        self.peers.get(&sid).is_some_and(|p| p.link.is_some())
    }

    /// Takes an event, appends what is to be done. Events of connections that are closed change
    /// nothing.
    pub fn step(&mut self, now: Millis, event: Event<'_>, out: &mut Vec<Effect>) {
        match event {
            Event::Send { to, bytes } => self.on_send(to, bytes, out),
            Event::ConnectAll => self.on_connect_all(out),
            Event::Connected { sid, link } => self.on_connected(sid, link, out),
            Event::ConnectFailed { sid } => self.on_connect_failed(sid, out),
            Event::Accepted { link } => self.on_accepted(now, link, out),
            Event::Bytes { link, bytes } => self.on_bytes(link, bytes, out),
            Event::Flushed { link } => self.on_flushed(link, out),
            Event::Closed { link } => self.forget(link),
            Event::Lost { link } => self.on_lost(link, out),
            Event::Timer => self.on_timer(now, out),
            Event::Quorums(quorums) => self.quorums = quorums,
        }
    }

    fn peer(&mut self, sid: Sid) -> &mut Peer {
        self.peers.entry(sid).or_default()
    }

    fn on_send(&mut self, to: Sid, bytes: Arc<[u8]>, out: &mut Vec<Effect>) {
        if to == self.settings.my_id {
            return out.push(Effect::Deliver { from: to, bytes: bytes.to_vec() });
        }
        if !self.is_connected(to) && self.known_addresses(to).is_none() {
            return out.push(Effect::UnknownSid(to));
        }
        let peer = self.peer(to);
        peer.addressed = true;
        peer.queue = Some(bytes);
        self.connect(to, Vec::new(), out);
        self.pump(to, out);
    }

    fn on_connect_all(&mut self, out: &mut Vec<Effect>) {
        let sids: Vec<Sid> =
            self.peers.iter().filter(|(_, p)| p.addressed).map(|(sid, _)| *sid).collect();
        for sid in sids {
            self.connect(sid, Vec::new(), out);
        }
    }

    /// Begins to connect, unless there is a connection or will be. `told` are the addresses that
    /// the peer gave itself; without any, those of the configuration count.
    fn connect(&mut self, sid: Sid, told: Vec<ElectionAddr>, out: &mut Vec<Effect>) {
        let addresses = if told.is_empty() { self.known_addresses(sid) } else { Some(told) };
        let Some(addresses) = addresses else { return };
        let peer = self.peer(sid);
        if peer.link.is_none() && !peer.connecting {
            peer.connecting = true;
            out.push(Effect::Connect { sid, addresses });
        }
    }

    fn known_addresses(&self, sid: Sid) -> Option<Vec<ElectionAddr>> {
        let committed = self.quorums.committed().member(sid);
        let member = committed.or_else(|| self.quorums.last_seen().member(sid))?;
        let addr = |a: &crate::zab::quorum::ServerAddr| ElectionAddr {
            host: a.host.clone(),
            port: a.election_port,
        };
        Some(member.addrs.iter().map(addr).collect())
    }

    fn on_connected(&mut self, sid: Sid, link: LinkId, out: &mut Vec<Effect>) {
        self.peer(sid).connecting = false;
        let hello =
            InitialMessage { sid: self.settings.my_id, addresses: self.settings.addresses.clone() };
        let mut bytes = hello.encode(self.settings.multi_address);
        if self.settings.fault_ebcdic {
            // What EBCDIC makes of digits; and what it makes of the rest is no UTF-8 either.
            bytes.iter_mut().skip(TEXT_AT).for_each(|byte| *byte |= 0xc0);
        }
        out.push(Effect::Write { link, bytes });
        if sid > self.settings.my_id {
            return out.push(Effect::Close { link, why: CloseReason::PeerCallsBack(sid) });
        }
        self.links.insert(link, Link { peer: Some(sid), input: Vec::new() });
        self.adopt(sid, link, out);
    }

    fn on_connect_failed(&mut self, sid: Sid, out: &mut Vec<Effect>) {
        self.peer(sid).connecting = false;
        if !self.is_connected(sid) {
            out.push(Effect::Unreachable(sid));
        }
        self.forget_stranger(sid);
    }

    fn on_accepted(&mut self, now: Millis, link: LinkId, out: &mut Vec<Effect>) {
        self.unnamed.retain(|(l, _)| self.links.get(l).is_some_and(|l| l.peer.is_none()));
        if self.unnamed.len() >= MAX_UNNAMED {
            self.close_oldest_unnamed(out);
        }
        self.links.insert(link, Link::default());
        self.unnamed.push_back((link, now));
    }

    fn close_oldest_unnamed(&mut self, out: &mut Vec<Effect>) {
        let Some((link, _)) = self.unnamed.pop_front() else { return };
        if self.links.get(&link).is_some_and(|l| l.peer.is_none()) {
            self.close(link, CloseReason::Silent, out);
        }
    }

    fn on_timer(&mut self, now: Millis, out: &mut Vec<Effect>) {
        while self.deadline().is_some_and(|at| now >= at) {
            self.close_oldest_unnamed(out);
        }
    }

    fn on_bytes(&mut self, link: LinkId, bytes: &[u8], out: &mut Vec<Effect>) {
        let Some(state) = self.links.get_mut(&link) else { return };
        state.input.extend_from_slice(bytes);
        if state.peer.is_none() {
            self.on_greeting(link, out);
        }
        self.deliver_messages(link, out);
    }

    /// Somebody says who it is.
    fn on_greeting(&mut self, link: LinkId, out: &mut Vec<Effect>) {
        let Some(state) = self.links.get_mut(&link) else { return };
        let (message, len) = match InitialMessage::parse(&state.input) {
            Ok(Some(found)) => found,
            Ok(None) => return,
            Err(e) => return self.close(link, CloseReason::Initial(e), out),
        };
        state.input.drain(..len);
        let sid = match message.sid {
            OBSERVER_ID => self.next_observer_id(),
            sid if sid == self.settings.my_id => {
                return self.close(link, CloseReason::OwnSid, out);
            }
            sid if sid < self.settings.my_id => {
                return self.call_back(sid, link, message.addresses, out);
            }
            sid => sid,
        };
        self.links.entry(link).or_default().peer = Some(sid);
        self.adopt(sid, link, out);
    }

    fn next_observer_id(&mut self) -> Sid {
        let sid = Sid(self.observer_counter);
        self.observer_counter -= 1;
        sid
    }

    /// The caller has the smaller sid. It would not call if it had a connection, so ours is dead.
    fn call_back(
        &mut self,
        sid: Sid,
        link: LinkId,
        told: Vec<ElectionAddr>,
        out: &mut Vec<Effect>,
    ) {
        if let Some(old) = self.peer(sid).link {
            self.close(old, CloseReason::Replaced(sid), out);
        }
        self.close(link, CloseReason::CallingBack(sid), out);
        self.connect(sid, told, out);
    }

    /// `link` is from now on the connection to `sid`.
    fn adopt(&mut self, sid: Sid, link: LinkId, out: &mut Vec<Effect>) {
        if let Some(old) = self.peer(sid).link {
            self.close(old, CloseReason::Replaced(sid), out);
        }
        let peer = self.peer(sid);
        peer.link = Some(link);
        peer.addressed = true;
        if peer.queue.is_none() {
            peer.queue.clone_from(&peer.last_sent);
        }
        self.pump(sid, out);
    }

    /// Sends what waits for `sid`, if its connection is free.
    fn pump(&mut self, sid: Sid, out: &mut Vec<Effect>) {
        let peer = self.peer(sid);
        let (Some(link), false) = (peer.link, peer.busy) else { return };
        let Some(message) = peer.queue.take() else { return };
        let mut bytes = Vec::with_capacity(4 + message.len());
        jute::Write::put_buffer(&mut bytes, Some(&message));
        peer.last_sent = Some(message);
        peer.busy = true;
        out.push(Effect::Write { link, bytes });
    }

    fn on_flushed(&mut self, link: LinkId, out: &mut Vec<Effect>) {
        let Some(sid) = self.links.get(&link).and_then(|l| l.peer) else { return };
        self.peer(sid).busy = false;
        self.pump(sid, out);
    }

    fn deliver_messages(&mut self, link: LinkId, out: &mut Vec<Effect>) {
        let Some(Link { peer: Some(from), input }) = self.links.get_mut(&link) else { return };
        let from = *from;
        let mut at = 0;
        let fault = loop {
            let Some((head, rest)) = input[at..].split_first_chunk::<4>() else { break None };
            let found = i32::from_be_bytes(*head);
            let len = usize::try_from(found).unwrap_or(0);
            if len == 0 || len > MAX_MESSAGE_LEN {
                break Some(CloseReason::MessageLength { from, found });
            }
            let Some(bytes) = rest.get(..len) else { break None };
            out.push(Effect::Deliver { from, bytes: bytes.to_vec() });
            at += 4 + len;
        };
        input.drain(..at);
        if let Some(why) = fault {
            self.close(link, why, out);
        }
    }

    fn close(&mut self, link: LinkId, why: CloseReason, out: &mut Vec<Effect>) {
        self.forget(link);
        out.push(Effect::Close { link, why });
    }

    fn forget(&mut self, link: LinkId) {
        let Some(sid) = self.links.remove(&link).and_then(|l| l.peer) else { return };
        let peer = self.peer(sid);
        if peer.link == Some(link) {
            peer.link = None;
            peer.busy = false;
            self.forget_stranger(sid);
        }
    }

    /// Another of the peer's addresses may lead to it, so it is called at once and told the last message
    /// again. Java does it with the next message, and an election's pauses get longer and longer.
    fn on_lost(&mut self, link: LinkId, out: &mut Vec<Effect>) {
        let Some(sid) = self.links.get(&link).and_then(|l| l.peer) else { return };
        let is_current = self.peer(sid).link == Some(link);
        self.forget(link);
        if is_current {
            self.connect(sid, Vec::new(), out);
        }
    }

    /// Who is no member is forgotten with its connection, so that made-up sids fill no memory.
    fn forget_stranger(&mut self, sid: Sid) {
        let idle = self.peers.get(&sid).is_some_and(|p| p.link.is_none() && !p.connecting);
        if idle && self.known_addresses(sid).is_none() {
            self.peers.remove(&sid);
        }
    }
}

//! One connection for each pair of servers, over which votes are sent (`QuorumCnxManager`).
//!
//! Of two connections between the same servers the one survives that the larger sid has begun: a
//! server that is called by a smaller sid hangs up and calls back. What is to be sent to a peer
//! waits in a queue of one, for only the latest vote matters; on a new connection the last one is
//! sent again, for nobody knows whether it arrived.
//!
//! Message on the wire: int length (1 to 524288), then as many bytes.

mod face;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

pub use self::face::{CloseReason, Effect, Event, Settings};
use super::initial::{ElectionAddr, InitialMessage, OBSERVER_ID, TEXT_AT};
use crate::config::PeerAddress;
use crate::ids::{Millis, Sid};
use crate::zab::LinkId;
use crate::zab::quorum::Quorums;

/// The longest message (`PACKETMAXSIZE`).
pub const MAX_MESSAGE_LEN: usize = 512 * 1024;

/// The longest message of a server that is no member: many of them must not fill the memory.
const MAX_MESSAGE_LEN_OF_STRANGERS: usize = 64 * 1024;

/// How many servers that are no members may be called back at a time.
const MAX_STRANGERS_CALLED: usize = 16;

/// How many of the addresses that a caller tells are called.
const MAX_ADDRESSES_CALLED: usize = 8;

/// The connections of one server.
#[derive(Debug)]
pub struct QuorumCnxManager {
    settings: Settings,
    quorums: Quorums,
    links: HashMap<LinkId, Link>,
    peers: BTreeMap<Sid, Peer>,
    /// Callers that have not said who they are, oldest first; some may be gone or known by now.
    unnamed: VecDeque<(LinkId, Millis)>,
    /// Connections to servers that are no members, oldest first; some may be members by now.
    strangers: VecDeque<LinkId>,
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
            strangers: VecDeque::new(),
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

    /// How many connections and peers are kept in mind.
    #[cfg(test)]
    pub(super) fn size(&self) -> usize {
        self.links.len() + self.peers.len() + self.strangers.len()
    }

    /// Whether there is a connection to `sid`.
    pub fn is_connected(&self, sid: Sid) -> bool {
        self.link(sid).is_some()
    }

    /// The connection to `sid`.
    pub fn link(&self, sid: Sid) -> Option<LinkId> {
        self.peers.get(&sid).and_then(|p| p.link)
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
        if !self.is_connected(to) && self.quorums.member(to).is_none() {
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
        let is_told = !told.is_empty();
        let addresses = if is_told { Some(told) } else { self.known_addresses(sid) };
        let Some(addresses) = addresses else { return };
        let peer = self.peer(sid);
        if peer.link.is_none() && !peer.connecting {
            peer.connecting = true;
            out.push(Effect::Connect { sid, addresses, told: is_told });
        }
    }

    fn known_addresses(&self, sid: Sid) -> Option<Vec<ElectionAddr>> {
        let member = self.quorums.member(sid)?;
        let addr = |a: &PeerAddress| ElectionAddr { host: a.host.clone(), port: a.election_port };
        Some(member.addresses.iter().map(addr).collect())
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
        if self.unnamed.len() >= self.settings.max_strangers {
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
        mut told: Vec<ElectionAddr>,
        out: &mut Vec<Effect>,
    ) {
        if self.quorums.member(sid).is_none() && (told.is_empty() || !self.may_call_stranger()) {
            return self.close(link, CloseReason::NotCallingBack(sid), out);
        }
        told.truncate(MAX_ADDRESSES_CALLED);
        if let Some(old) = self.link(sid) {
            self.close(old, CloseReason::Replaced(sid), out);
        }
        self.close(link, CloseReason::CallingBack(sid), out);
        self.connect(sid, told, out);
    }

    fn may_call_stranger(&self) -> bool {
        let called = self
            .peers
            .iter()
            .filter(|(sid, p)| p.connecting && self.quorums.member(**sid).is_none());
        called.count() < MAX_STRANGERS_CALLED
    }

    /// `link` is from now on the connection to `sid`.
    fn adopt(&mut self, sid: Sid, link: LinkId, out: &mut Vec<Effect>) {
        if let Some(old) = self.link(sid) {
            self.close(old, CloseReason::Replaced(sid), out);
        }
        if self.quorums.member(sid).is_none() {
            self.admit_stranger(sid, link, out);
        }
        let peer = self.peer(sid);
        peer.link = Some(link);
        peer.addressed = true;
        if peer.queue.is_none() {
            peer.queue.clone_from(&peer.last_sent);
        }
        self.pump(sid, out);
    }

    /// Observers that are in nobody's configuration are served, and so are those who are to join; but
    /// anybody can say that.
    fn admit_stranger(&mut self, sid: Sid, link: LinkId, out: &mut Vec<Effect>) {
        out.push(Effect::Stranger { link, sid });
        let mut open = std::mem::take(&mut self.strangers);
        open.retain(|l| self.peer_of(*l).is_some_and(|sid| self.quorums.member(sid).is_none()));
        if open.len() >= self.settings.max_strangers
            && let Some(oldest) = open.pop_front()
        {
            self.close(oldest, CloseReason::TooManyStrangers, out);
        }
        open.push_back(link);
        self.strangers = open;
    }

    fn peer_of(&self, link: LinkId) -> Option<Sid> {
        self.links.get(&link).and_then(|l| l.peer)
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
        let Some(sid) = self.peer_of(link) else { return };
        self.peer(sid).busy = false;
        self.pump(sid, out);
    }

    fn deliver_messages(&mut self, link: LinkId, out: &mut Vec<Effect>) {
        let Some(from) = self.peer_of(link) else { return };
        let is_member = self.quorums.member(from).is_some();
        let max_len = if is_member { MAX_MESSAGE_LEN } else { MAX_MESSAGE_LEN_OF_STRANGERS };
        let Some(Link { input, .. }) = self.links.get_mut(&link) else { return };
        let mut at = 0;
        let fault = loop {
            let Some((head, rest)) = input[at..].split_first_chunk::<4>() else { break None };
            let found = i32::from_be_bytes(*head);
            let len = usize::try_from(found).unwrap_or(0);
            if len == 0 || len > max_len {
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
        self.strangers.retain(|l| *l != link);
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
        let Some(sid) = self.peer_of(link) else { return };
        let is_current = self.peer(sid).link == Some(link);
        self.forget(link);
        if is_current {
            self.connect(sid, Vec::new(), out);
        }
    }

    /// Who is no member is forgotten with its connection, so that made-up sids fill no memory.
    fn forget_stranger(&mut self, sid: Sid) {
        let idle = self.peers.get(&sid).is_some_and(|p| p.link.is_none() && !p.connecting);
        if idle && self.quorums.member(sid).is_none() {
            self.peers.remove(&sid);
        }
    }
}

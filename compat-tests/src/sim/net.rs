//! The network: connections that carry bytes in order, late, or not at all; that break, hang behind a
//! partition, or are refused.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use gamekeeper::ids::Sid;
use gamekeeper::zab::LinkId;

use super::Micros;
use super::random::Random;

/// Who has an end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// A member.
    Node(Sid),
    /// A client, by its number.
    Client(usize),
}

/// Which of a member's ports a connection goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Port {
    /// Learners call here.
    Quorum,
    /// Votes.
    Election,
    /// Clients.
    Client,
}

/// What arrives at an end.
#[derive(Debug, Clone)]
pub enum Arrival {
    /// Bytes.
    Bytes(Vec<u8>),
    /// The other end was closed, behind all that it had sent.
    Closed,
    /// The connection broke; what was under way is lost.
    Reset,
}

/// An end of a connection.
#[derive(Debug)]
pub struct End {
    /// Whose it is.
    pub place: Place,
    /// What the connection is for.
    pub port: Port,
    /// The other end.
    pub peer: LinkId,
    /// Its owner has not closed it.
    pub open: bool,
    /// It is broken: of what arrives only that counts.
    reset: bool,
    /// When the last arrival so far is due.
    busy_until: Micros,
    /// What waits for the end of a partition.
    held: VecDeque<Arrival>,
}

/// All connections.
#[derive(Debug)]
pub struct Net {
    /// The ends.
    pub ends: BTreeMap<LinkId, End>,
    random: Random,
    next_link: u64,
    cut: BTreeSet<(Place, Place)>,
    /// By how much the latency of a pair is multiplied.
    slow: BTreeMap<(Place, Place), u64>,
    latency: (Micros, Micros),
}

/// Something is to arrive at a time.
pub type Due = (Micros, LinkId, Arrival);

impl Net {
    /// A network with delays between those two, in microseconds.
    pub fn new(random: Random, latency: (Micros, Micros)) -> Self {
        Self {
            ends: BTreeMap::new(),
            random,
            next_link: 1,
            cut: BTreeSet::new(),
            slow: BTreeMap::new(),
            latency,
        }
    }

    /// How long something takes from one to the other, now.
    pub fn delay(&mut self, from: Place, to: Place) -> Micros {
        let factor = self.slow.get(&(from, to)).copied().unwrap_or(1);
        self.random.between(self.latency.0, self.latency.1) * factor
    }

    /// Whether nothing gets from one to the other.
    pub fn is_cut(&self, from: Place, to: Place) -> bool {
        self.cut.contains(&(from, to))
    }

    /// Nothing gets from one to the other any more.
    pub fn cut(&mut self, from: Place, to: Place) {
        self.cut.insert((from, to));
    }

    /// From one to the other everything takes so many times as long.
    pub fn slow_down(&mut self, from: Place, to: Place, factor: u64) {
        self.slow.insert((from, to), factor);
    }

    /// All is as it should be; what waited is under way.
    pub fn heal(&mut self, now: Micros) -> Vec<Due> {
        self.cut.clear();
        self.slow.clear();
        let waiting: Vec<LinkId> =
            self.ends.iter().filter(|(_, e)| !e.held.is_empty()).map(|(l, _)| *l).collect();
        let mut due = Vec::new();
        for link in waiting {
            let Some(end) = self.ends.get_mut(&link) else { continue };
            for arrival in std::mem::take(&mut end.held) {
                due.extend(self.deliver(now, link, arrival));
            }
        }
        due
    }

    /// A new connection: the caller's end and the other, each with the time when it is known there.
    pub fn connect(
        &mut self,
        (from, known): (Place, Micros),
        (to, called): (Place, Micros),
        port: Port,
    ) -> (LinkId, LinkId) {
        let (mine, theirs) = (LinkId(self.next_link), LinkId(self.next_link + 1));
        self.next_link += 2;
        let end = |place, peer, busy_until| End {
            place,
            port,
            peer,
            open: true,
            reset: false,
            busy_until,
            held: VecDeque::new(),
        };
        self.ends.insert(mine, end(from, theirs, known));
        self.ends.insert(theirs, end(to, mine, called));
        (mine, theirs)
    }

    /// Sends from the end `link`.
    pub fn send(&mut self, now: Micros, link: LinkId, arrival: Arrival) -> Option<Due> {
        let (place, peer) = self.ends.get(&link).map(|end| (end.place, end.peer))?;
        let to = self.ends.get_mut(&peer)?;
        if self.cut.contains(&(place, to.place)) {
            to.held.push_back(arrival);
            return None;
        }
        self.deliver(now, peer, arrival)
    }

    fn deliver(&mut self, now: Micros, link: LinkId, arrival: Arrival) -> Option<Due> {
        let (place, peer) = self.ends.get(&link).map(|end| (end.place, end.peer))?;
        let from = self.ends.get(&peer)?.place;
        let at = now + self.delay(from, place);
        let end = self.ends.get_mut(&link)?;
        end.busy_until = end.busy_until.max(at) + 1;
        Some((end.busy_until, link, arrival))
    }

    /// The owner of an end closes it: the other end hears of it behind what was sent.
    pub fn close(&mut self, now: Micros, link: LinkId) -> Option<Due> {
        let end = self.ends.get_mut(&link)?;
        if !std::mem::take(&mut end.open) {
            return None;
        }
        self.send(now, link, Arrival::Closed)
    }

    /// A connection breaks: both ends hear of it, and what was under way is lost.
    pub fn break_link(&mut self, now: Micros, link: LinkId) -> Vec<Due> {
        let Some(peer) = self.ends.get(&link).map(|end| end.peer) else { return Vec::new() };
        let mut due = Vec::new();
        for link in [link, peer] {
            let at = now + self.random.between(1, 50_000);
            if let Some(end) = self.ends.get_mut(&link) {
                let at = at.max(end.busy_until.min(at + 1_000_000)) + 1;
                end.reset = true;
                end.held.clear();
                due.push((at, link, Arrival::Reset));
            }
        }
        due
    }

    /// A process is gone: the others hear of it after `delay` at most, unless they are cut off.
    pub fn node_gone(&mut self, now: Micros, place: Place, delay: Micros) -> Vec<Due> {
        let mine: Vec<LinkId> =
            self.ends.iter().filter(|(_, e)| e.place == place && e.open).map(|(l, _)| *l).collect();
        let mut due = Vec::new();
        for link in mine {
            let wait = self.random.below(delay + 1);
            if let Some(end) = self.ends.get_mut(&link) {
                end.open = false;
            }
            due.extend(self.send(now + wait, link, Arrival::Reset));
        }
        due
    }

    /// Whether what arrives is to be shown to the owner; a connection that ends so is forgotten.
    pub fn accept(&mut self, link: LinkId, arrival: &Arrival) -> Option<(Place, Port)> {
        let end = self.ends.get_mut(&link)?;
        let found = (end.place, end.port);
        let counts = end.open && (!end.reset || matches!(arrival, Arrival::Reset));
        match arrival {
            Arrival::Bytes(_) => {}
            Arrival::Closed | Arrival::Reset => end.open = false,
        }
        counts.then_some(found)
    }

    /// The ends of connections between leader and learners that are at `place`.
    pub fn quorum_links(&self, place: Place) -> Vec<LinkId> {
        let mine = |e: &End| e.place == place && e.port == Port::Quorum && e.open;
        self.ends.iter().filter(|(_, e)| mine(e)).map(|(link, _)| *link).collect()
    }

    /// Some open end, by chance.
    pub fn any_link(&mut self) -> Option<LinkId> {
        let open: Vec<LinkId> = self.ends.iter().filter(|(_, e)| e.open).map(|(l, _)| *l).collect();
        (!open.is_empty()).then(|| self.random.pick(&open))
    }

    /// Forgets connections that both have closed.
    pub fn sweep(&mut self) {
        let dead: Vec<LinkId> = self
            .ends
            .iter()
            .filter(|(_, e)| !e.open && self.ends.get(&e.peer).is_none_or(|p| !p.open))
            .map(|(l, _)| *l)
            .collect();
        dead.into_iter().for_each(|link| {
            self.ends.remove(&link);
        });
    }
}

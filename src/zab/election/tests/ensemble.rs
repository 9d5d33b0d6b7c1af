//! Whole ensembles of election and connection machines over a network in memory, on a virtual
//! clock, from a seed.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use proptest::prelude::*;

use super::quorums;
use crate::ids::{Millis, Sid, Zxid};
use crate::zab::election::cnx::{self, QuorumCnxManager};
use crate::zab::election::fle::{self, FastLeaderElection};
use crate::zab::election::initial::ElectionAddr;
use crate::zab::election::vote::Vote;
use crate::zab::quorum::{Quorums, SidSet};
use crate::zab::{LearnerType, LinkId, ServerState};

struct Node {
    fle: FastLeaderElection,
    cnx: QuorumCnxManager,
    decided: Option<(ServerState, Vote)>,
    decided_at: Millis,
    zxid: Zxid,
    up: bool,
}

/// What reaches a node.
enum Arrival {
    Look(Zxid),
    Connected { peer: Sid, link: LinkId },
    ConnectFailed { peer: Sid },
    Accepted { link: LinkId },
    Bytes { link: LinkId, bytes: Vec<u8> },
    Flushed { link: LinkId },
    Closed { link: LinkId },
    Lost { link: LinkId },
}

/// After how long the system gives up a link over which nothing comes back, in ms.
const SILENCE: Millis = 1000;

struct Net {
    now: Millis,
    quorums: Quorums,
    seed: u64,
    nodes: BTreeMap<Sid, Node>,
    /// In the order of time, then of sending.
    arrivals: BTreeMap<(Millis, u64), (Sid, Arrival)>,
    sent: u64,
    /// The other end of each open link, and when the last bytes to it arrive.
    ends: HashMap<LinkId, (Sid, LinkId)>,
    busy_until: HashMap<LinkId, Millis>,
    next_link: u64,
    cut: BTreeSet<(Sid, Sid)>,
    /// Links, by both ends, whose addresses are gone: nothing arrives any more, and nobody says so.
    silent: BTreeSet<LinkId>,
}

impl Net {
    fn new(voters: i64, observers: i64, seed: u64) -> Self {
        let mut net = Self {
            now: 0,
            quorums: quorums(voters, observers),
            seed: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
            nodes: BTreeMap::new(),
            arrivals: BTreeMap::new(),
            sent: 0,
            ends: HashMap::new(),
            busy_until: HashMap::new(),
            next_link: 0,
            cut: BTreeSet::new(),
            silent: BTreeSet::new(),
        };
        for id in 1..=voters + observers {
            let kind = if id > voters { LearnerType::Observer } else { LearnerType::Participant };
            let quorums = quorums(voters, observers);
            let settings = fle::Settings { kind, ..fle::Settings::new(Sid(id)) };
            let fle = FastLeaderElection::new(settings, quorums.clone(), Zxid(0), 0);
            let settings = cnx::Settings {
                my_id: Sid(id),
                addresses: vec![ElectionAddr { host: format!("h{id}"), port: 3888 }],
                multi_address: id % 2 == 0,
                greeting_timeout: 5000,
                max_strangers: 256,
                fault_ebcdic: false,
            };
            let cnx = QuorumCnxManager::new(settings, quorums);
            net.nodes.insert(
                Sid(id),
                Node { fle, cnx, decided: None, decided_at: 0, zxid: Zxid(0), up: true },
            );
        }
        net
    }

    fn random(&mut self, below: u64) -> u64 {
        self.seed ^= self.seed << 13;
        self.seed ^= self.seed >> 7;
        self.seed ^= self.seed << 17;
        self.seed % below
    }

    fn arrive(&mut self, at: Millis, node: Sid, arrival: Arrival) {
        self.sent += 1;
        self.arrivals.insert((at, self.sent), (node, arrival));
    }

    fn soon(&mut self) -> Millis {
        self.now + 1 + self.random(20) as Millis
    }

    /// Runs until `until`, or until nothing is left to happen.
    fn run(&mut self, until: Millis) {
        loop {
            let arrival = self.arrivals.keys().next().map(|(at, _)| *at);
            let timer = self.nodes.values().filter(|n| n.up).filter_map(deadline).min();
            let Some(next) = arrival.into_iter().chain(timer).min() else { break };
            if next > until {
                break;
            }
            self.now = self.now.max(next);
            match self.arrivals.first_entry() {
                Some(entry) if entry.key().0 <= self.now => {
                    let (node, arrival) = entry.remove();
                    self.handle(node, arrival);
                }
                _ => self.fire_timers(),
            }
        }
        self.now = until;
    }

    fn fire_timers(&mut self) {
        let sids: Vec<Sid> = self.nodes.keys().copied().collect();
        for sid in sids {
            let now = self.now;
            let node = self.nodes.get_mut(&sid).unwrap();
            if !node.up || deadline(node).is_none_or(|at| at > now) {
                continue;
            }
            let have_delivered = node.cnx.have_delivered();
            self.cnx(sid, cnx::Event::Timer);
            self.fle(sid, fle::Event::Timer { have_delivered });
        }
    }

    fn handle(&mut self, node: Sid, arrival: Arrival) {
        if !self.nodes[&node].up {
            return;
        }
        match arrival {
            Arrival::Look(zxid) => self.look(node, zxid),
            Arrival::Connected { peer, link } => {
                self.cnx(node, cnx::Event::Connected { sid: peer, link });
            }
            Arrival::ConnectFailed { peer } => {
                self.cnx(node, cnx::Event::ConnectFailed { sid: peer });
            }
            Arrival::Accepted { link } => self.cnx(node, cnx::Event::Accepted { link }),
            Arrival::Bytes { link, .. } | Arrival::Closed { link }
                if self.silent.contains(&link) =>
            {
                if let Some((from, theirs)) = self.ends.get(&link).copied() {
                    self.arrive(self.now + SILENCE, from, Arrival::Lost { link: theirs });
                }
            }
            Arrival::Bytes { link, bytes } => {
                self.cnx(node, cnx::Event::Bytes { link, bytes: &bytes });
            }
            Arrival::Lost { link } => self.cnx(node, cnx::Event::Lost { link }),
            Arrival::Flushed { link } => self.cnx(node, cnx::Event::Flushed { link }),
            Arrival::Closed { link } => self.cnx(node, cnx::Event::Closed { link }),
        }
    }

    fn look(&mut self, sid: Sid, zxid: Zxid) {
        self.nodes.get_mut(&sid).unwrap().zxid = zxid;
        self.fle(sid, fle::Event::Look { zxid, peer_epoch: 1 });
    }

    fn fle(&mut self, sid: Sid, event: fle::Event<'_>) {
        let mut out = Vec::new();
        let now = self.now;
        self.nodes.get_mut(&sid).unwrap().fle.step(now, event, &mut out);
        for effect in out {
            match effect {
                fle::Effect::Send { to, bytes } => self.cnx(sid, cnx::Event::Send { to, bytes }),
                fle::Effect::ConnectAll => self.cnx(sid, cnx::Event::ConnectAll),
                fle::Effect::Decided { vote, state } => {
                    let node = self.nodes.get_mut(&sid).unwrap();
                    node.decided = Some((state, vote));
                    node.decided_at = now;
                }
                fle::Effect::VoterLooking { .. } => {}
                other => panic!("{other:?}"),
            }
        }
    }

    fn cnx(&mut self, sid: Sid, event: cnx::Event<'_>) {
        let mut out = Vec::new();
        let now = self.now;
        self.nodes.get_mut(&sid).unwrap().cnx.step(now, event, &mut out);
        for effect in out {
            match effect {
                cnx::Effect::Connect { sid: peer, .. } => self.connect(sid, peer),
                cnx::Effect::Write { link, bytes } => self.write(sid, link, bytes),
                cnx::Effect::Close { link, .. } => self.close(link),
                cnx::Effect::Deliver { from, bytes } => {
                    self.fle(sid, fle::Event::Message { from, bytes: &bytes });
                }
                cnx::Effect::Unreachable(peer) => {
                    self.fle(sid, fle::Event::Unreachable(peer));
                }
                cnx::Effect::UnknownSid(peer) | cnx::Effect::Stranger { sid: peer, .. } => {
                    panic!("{peer}")
                }
            }
        }
    }

    fn connect(&mut self, from: Sid, to: Sid) {
        let at = self.soon();
        if !self.nodes[&to].up || self.cut.contains(&(from, to)) {
            return self.arrive(at, from, Arrival::ConnectFailed { peer: to });
        }
        let (mine, theirs) = (LinkId(self.next_link), LinkId(self.next_link + 1));
        self.next_link += 2;
        self.ends.insert(mine, (to, theirs));
        self.ends.insert(theirs, (from, mine));
        self.busy_until.insert(theirs, at);
        self.busy_until.insert(mine, at);
        self.arrive(at, from, Arrival::Connected { peer: to, link: mine });
        self.arrive(at, to, Arrival::Accepted { link: theirs });
    }

    fn write(&mut self, from: Sid, link: LinkId, bytes: Vec<u8>) {
        let flushed = self.soon();
        self.arrive(flushed, from, Arrival::Flushed { link });
        let at = self.in_order(link);
        let Some((to, theirs)) = self.ends.get(&link).copied() else { return };
        self.arrive(at, to, Arrival::Bytes { link: theirs, bytes });
    }

    fn close(&mut self, link: LinkId) {
        let at = self.in_order(link);
        if let Some((to, theirs)) = self.ends.remove(&link) {
            self.arrive(at, to, Arrival::Closed { link: theirs });
        }
    }

    /// When the next thing sent over `link` arrives: never before what was sent earlier.
    fn in_order(&mut self, link: LinkId) -> Millis {
        let at = self.soon();
        let last = self.busy_until.entry(link).or_default();
        *last = at.max(*last);
        *last
    }

    /// The addresses of all links are gone; each peer has others.
    fn lose_addresses(&mut self) {
        self.silent.extend(self.ends.keys().copied());
    }

    /// Stops a node; its peers notice.
    fn kill(&mut self, sid: Sid) {
        self.nodes.get_mut(&sid).unwrap().up = false;
        let dead: Vec<LinkId> =
            self.ends.iter().filter(|(_, (to, _))| *to == sid).map(|(link, _)| *link).collect();
        for mine in dead {
            if let Some((_, theirs)) = self.ends.get(&mine).copied() {
                self.ends.remove(&theirs);
                self.ends.remove(&mine);
            }
            let at = self.soon();
            for node in self.nodes.keys().copied().collect::<Vec<_>>() {
                self.arrive(at, node, Arrival::Closed { link: mine });
            }
        }
    }

    /// Runs for `ms`, and every second sends those back to look whose leader does not lead, or who
    /// lead without a quorum: what discovery would do. (Two may win in one round where the better
    /// candidate is heard of just as the wait ends, in Java too.)
    fn settle(&mut self, ms: Millis) {
        let end = self.now + ms;
        while self.now < end {
            self.run(self.now + 1000);
            for sid in self.forsaken() {
                let zxid = self.nodes[&sid].zxid;
                self.nodes.get_mut(&sid).unwrap().decided = None;
                self.arrive(self.now, sid, Arrival::Look(zxid));
            }
        }
    }

    fn forsaken(&self) -> Vec<Sid> {
        let following = |leader: Sid| {
            let all = self.nodes.iter().filter(|(_, n)| n.up && leader_of(n) == Some(leader));
            all.map(|(sid, _)| *sid).collect::<SidSet>()
        };
        let leads = |node: &Node| node.up && node.fle.state() == ServerState::Leading;
        let is_forsaken = |(sid, node): &(&Sid, &Node)| {
            let Some(leader) = leader_of(node).filter(|_| node.up) else { return false };
            let patient = self.now - node.decided_at < 10_000;
            !leads(&self.nodes[&leader])
                || leader == **sid && !patient && !self.quorums.contain_quorums(&following(leader))
        };
        self.nodes.iter().filter(is_forsaken).map(|(sid, _)| *sid).collect()
    }

    /// The leader on whom all who are up agree.
    fn leader(&self) -> Sid {
        let up: Vec<(&Sid, &Node)> = self.nodes.iter().filter(|(_, n)| n.up).collect();
        let decided = |n: &Node| n.decided.expect("everyone decides");
        let leaders: Vec<Sid> = up
            .iter()
            .filter(|(_, n)| decided(n).0 == ServerState::Leading)
            .map(|(s, _)| **s)
            .collect();
        assert_eq!(leaders.len(), 1, "one leader");
        for (_, node) in up {
            assert_eq!(decided(node).1.candidate.leader, leaders[0]);
        }
        leaders[0]
    }
}

fn leader_of(node: &Node) -> Option<Sid> {
    node.decided.map(|(_, vote)| vote.candidate.leader)
}

fn deadline(node: &Node) -> Option<Millis> {
    node.fle.deadline().into_iter().chain(node.cnx.deadline()).min()
}

/// All servers begin to look, at random times within `spread` ms and with random logs.
fn begin(net: &mut Net, spread: u64) {
    for sid in net.nodes.keys().copied().collect::<Vec<_>>() {
        let at = net.now + net.random(spread) as Millis;
        let zxid = Zxid(net.random(4) as i64);
        net.arrive(at, sid, Arrival::Look(zxid));
    }
}

#[test]
fn the_longest_log_leads_and_the_largest_id_among_equals() {
    let mut net = Net::new(5, 0, 1);
    for (id, zxid) in [(1, 7), (2, 9), (3, 9), (4, 8), (5, 1)] {
        net.arrive(0, Sid(id), Arrival::Look(Zxid(zxid)));
    }
    net.run(5_000);
    assert_eq!(net.leader(), Sid(3));
}

#[test]
fn a_single_server_elects_itself() {
    let mut net = Net::new(1, 0, 1);
    begin(&mut net, 1);
    net.run(1_000);
    assert_eq!(net.leader(), Sid(1));
}

#[test]
fn without_a_quorum_nobody_leads() {
    let mut net = Net::new(5, 0, 3);
    for id in [3, 4, 5] {
        net.kill(Sid(id));
    }
    begin(&mut net, 100);
    net.run(200_000);
    assert!(net.nodes.values().all(|n| n.decided.is_none()));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 50, ..ProptestConfig::default() })]

    #[test]
    fn one_leader_is_elected_by_all(
        seed: u64,
        voters in 1i64..8,
        observers in 0i64..3,
        spread in 1u64..3000,
    ) {
        let mut net = Net::new(voters, observers, seed);
        begin(&mut net, spread);
        net.settle(300_000);
        net.leader();
    }

    #[test]
    fn the_rest_elects_another_and_who_comes_back_joins(seed: u64, voters in 3i64..8, spread in 1u64..500) {
        let mut net = Net::new(voters, 1, seed);
        begin(&mut net, spread);
        net.settle(300_000);
        let first = net.leader();
        net.kill(first);
        for node in net.nodes.values_mut() {
            node.decided = None;
        }
        begin(&mut net, spread);
        net.settle(300_000);
        let second = net.leader();
        prop_assert_ne!(first, second);
        let fresh = Net::new(voters, 1, seed).nodes.remove(&first).unwrap();
        net.nodes.insert(first, fresh);
        net.arrive(net.now, first, Arrival::Look(Zxid(99)));
        net.settle(300_000);
        prop_assert_eq!(net.leader(), second);
    }

    /// However long one has waited in vain for the other, and however long its pauses are by then: they
    /// find each other as soon as the system notices.
    #[test]
    fn addresses_that_go_away_hold_an_election_up_no_longer_than_it_takes_to_notice(
        seed: u64,
        first in 0i64..20_000,
        second in 0i64..20_000,
        after in 0i64..60,
    ) {
        let mut net = Net::new(3, 0, seed);
        begin(&mut net, 1);
        net.settle(20_000);
        net.kill(Sid(3));
        let start = net.now;
        for (sid, after) in [(1, first), (2, second)] {
            net.nodes.get_mut(&Sid(sid)).unwrap().decided = None;
            net.arrive(start + after, Sid(sid), Arrival::Look(Zxid(1)));
        }
        let gone = start + first.max(second) + after;
        net.run(gone);
        net.lose_addresses();
        net.run(start + 60_000);
        prop_assert_eq!(net.leader(), Sid(2));
        let last = net.nodes.values().filter(|n| n.up).map(|n| n.decided_at).max().unwrap();
        prop_assert!(last < gone + SILENCE + 300, "{} ms", last - gone);
    }

    #[test]
    fn one_pair_that_cannot_connect_keeps_nobody_from_electing(seed: u64, a in 1i64..6, b in 1i64..6) {
        let mut net = Net::new(5, 0, seed);
        net.cut.extend([(Sid(a), Sid(b)), (Sid(b), Sid(a))]);
        begin(&mut net, 300);
        net.settle(300_000);
        let decided = net.nodes.values().filter(|n| n.decided.is_some()).count();
        prop_assert!(decided >= 4, "{}", decided);
    }
}

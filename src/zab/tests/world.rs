//! Servers with a log in memory, and the links between them.

mod disk;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use jute::Limits;
use jute::txn::TxnHeader;

use crate::config::ConfigOptions;
use crate::ids::{Millis, SessionId, Sid, Zxid};
use crate::op::op;
use crate::zab::leader::{self, Leader};
use crate::zab::learner::{self, Learner};
use crate::zab::packet::{ForwardedRequest, Packet, PacketReader};
use crate::zab::quorum::{QuorumVerifier, Quorums};
use crate::zab::sync::{CommittedLog, Entry, History};
use crate::zab::{LearnerType, LinkId};

/// Half of the `tickTime` of all, in ms.
const HALF_TICK: Millis = 50;

pub(super) struct Node {
    pub(super) kind: LearnerType,
    pub(super) accepted: i64,
    pub(super) current: i64,
    pub(super) history: History,
    pub(super) log: Vec<Entry>,
    /// The zxid of the last snapshot: what the log need not hold.
    pub(super) snapshot: Zxid,
    pub(super) applied: Vec<Zxid>,
    pub(super) slow: bool,
    /// What it sends is lost.
    pub(super) mute: bool,
    pub(super) role: Role,
    pub(super) serving: bool,
}

pub(super) enum Role {
    None,
    Leader(Box<Leader>),
    Learner(Box<Learner>),
}

/// What is under way on a link.
pub(super) enum Item {
    Packet(Packet),
    /// What the sender has applied, and its zxid. It goes on while it is sent: the snapshot has what was
    /// applied until it arrives.
    Snapshot(LinkId, Zxid),
}

pub(super) struct World {
    pub(super) now: Millis,
    pub(super) nodes: BTreeMap<Sid, Node>,
    /// In order, for each direction.
    pub(super) wires: BTreeMap<(Sid, Sid), VecDeque<Item>>,
    /// The leader's link to each learner.
    pub(super) links: BTreeMap<LinkId, Sid>,
    next_link: u64,
    /// `maxTimeToWaitForEpoch` in ms, `maxConcurrentSnapSyncs` and `maxConcurrentDiffSyncs`.
    pub(super) limits: (Millis, usize, usize),
    /// See [`leader::Settings::spare_after`].
    pub(super) spare_after: u32,
    pub(super) trace: Vec<String>,
}

pub(super) fn show(zxid: Zxid) -> String {
    format!("{}.{}", zxid.epoch(), zxid.counter())
}

pub(super) fn parse_zxid(text: &str) -> Zxid {
    let (epoch, counter) = text.split_once('.').unwrap();
    Zxid::new(epoch.parse().unwrap(), counter.parse().unwrap())
}

pub(super) fn entry(zxid: Zxid) -> Entry {
    let header = TxnHeader { zxid: zxid.0, kind: op::ERROR, ..TxnHeader::default() };
    let mut bytes = jute::to_bytes(&header);
    bytes.extend([0, 0, 0, 0]);
    Entry { zxid, record: bytes.into() }
}

fn packet_text(packet: &Packet) -> String {
    let zxid = match packet {
        Packet::Proposal { zxid, .. }
        | Packet::Ack { zxid }
        | Packet::Commit { zxid }
        | Packet::Ping { zxid, .. }
        | Packet::Inform { zxid, .. }
        | Packet::NewLeader { zxid, .. }
        | Packet::Diff { zxid }
        | Packet::Trunc { zxid }
        | Packet::LeaderInfo { zxid, .. } => format!(" {}", show(*zxid)),
        Packet::LearnerInfo(info) => format!(" {}", show(info.zxid)),
        Packet::AckEpoch { zxid, current_epoch } => {
            format!(" {} current={current_epoch}", show(*zxid))
        }
        Packet::Revalidated { valid, .. } => format!(" {valid}"),
        _ => String::new(),
    };
    format!("{}{zxid}", packet.name())
}

impl World {
    pub(super) fn new() -> Self {
        Self {
            now: 0,
            nodes: BTreeMap::new(),
            wires: BTreeMap::new(),
            links: BTreeMap::new(),
            next_link: 1,
            limits: (-1, 1, 100),
            spare_after: 16,
            trace: Vec::new(),
        }
    }

    pub(super) fn note(&mut self, line: impl Into<String>) {
        self.trace.push(line.into());
    }

    pub(super) fn add(&mut self, id: Sid, kind: LearnerType, epochs: (i64, i64), log: &[Zxid]) {
        let mut history = History::new(CommittedLog::new(4), Zxid::ZERO);
        let log: Vec<Entry> = log.iter().map(|z| entry(*z)).collect();
        for e in &log {
            history.committed.add(e.clone()).unwrap();
            history.last_processed = e.zxid;
        }
        let node = Node {
            kind,
            accepted: epochs.0,
            current: epochs.1,
            applied: log.iter().map(|e| e.zxid).collect(),
            history,
            log,
            snapshot: Zxid::ZERO,
            slow: false,
            mute: false,
            role: Role::None,
            serving: false,
        };
        self.nodes.insert(id, node);
    }

    pub(super) fn node(&mut self, id: Sid) -> &mut Node {
        self.nodes.get_mut(&id).unwrap()
    }

    fn quorums(&self) -> Quorums {
        let line = |(id, node): (&Sid, &Node)| {
            let role = match node.kind {
                LearnerType::Participant => "participant",
                LearnerType::Observer => "observer",
            };
            format!("server.{id}=h{id}:2888:3888:{role}\n")
        };
        let text: String = self.nodes.iter().map(line).collect();
        let options = ConfigOptions { standalone: false, ..ConfigOptions::default() };
        Quorums::new(Arc::new(QuorumVerifier::parse(&text, options).unwrap()))
    }

    pub(super) fn lead(&mut self, id: Sid) {
        let (max_time_to_wait_for_epoch, max_snaps, max_diffs) = self.limits;
        let settings = leader::Settings {
            my_id: id,
            tick_time: 100,
            init_limit: 10,
            sync_limit: 5,
            max_time_to_wait_for_epoch,
            max_concurrent_snap_syncs: max_snaps,
            max_concurrent_diff_syncs: max_diffs,
            max_strangers: 100,
            spare_after: self.spare_after,
            reconfig_enabled: false,
            sync: crate::zab::sync::Options::default(),
            faults: leader::Faults::default(),
        };
        let (quorums, now) = (self.quorums(), self.now);
        let node = self.node(id);
        let start = leader::Start {
            accepted_epoch: node.accepted,
            current_epoch: node.current,
            last_zxid: node.history.last_processed,
        };
        let mut out = Vec::new();
        let leader = Leader::new(settings, quorums, start, now, &node.history, &mut out);
        node.role = Role::Leader(Box::new(leader));
        self.leader_effects(id, out);
    }

    pub(super) fn follow(&mut self, id: Sid, leader: Sid) {
        let link = LinkId(self.next_link);
        self.next_link += 1;
        self.links.insert(link, id);
        let node = self.node(id);
        let (kind, epoch) = (node.kind, node.current);
        if kind == LearnerType::Participant {
            self.leader_event(leader, leader::Event::VoterLooking { sid: id, epoch });
        }
        self.leader_event(leader, leader::Event::LearnerConnected { link });
        let now = self.now;
        let node = self.node(id);
        let settings = learner::Settings {
            my_id: id,
            kind: node.kind,
            tick_time: 100,
            init_limit: 10,
            sync_limit: 5,
            config_version: 0,
            reconfig_enabled: false,
            log_enabled: true,
            faults: learner::Faults::default(),
        };
        let start = learner::Start {
            accepted_epoch: node.accepted,
            current_epoch: node.current,
            last_zxid: node.history.last_processed,
        };
        let mut out = Vec::new();
        let learner = Learner::new(settings, start, now, &mut out);
        node.role = Role::Learner(Box::new(learner));
        self.learner_effects(id, out);
    }

    pub(super) fn leader_event(&mut self, id: Sid, event: leader::Event) {
        let now = self.now;
        let node = self.node(id);
        let mut out = Vec::new();
        if let Role::Leader(leader) = &mut node.role {
            leader.step(now, event, &node.history, &mut out);
        }
        self.leader_effects(id, out);
    }

    pub(super) fn learner_event(&mut self, id: Sid, event: learner::Event) {
        let now = self.now;
        let mut out = Vec::new();
        if let Role::Learner(learner) = &mut self.node(id).role {
            learner.step(now, event, &mut out);
        }
        self.learner_effects(id, out);
    }

    fn send(&mut self, from: Sid, to: Sid, item: Item) {
        if self.node(from).mute {
            return;
        }
        self.wires.entry((from, to)).or_default().push_back(item);
    }

    fn leader_effects(&mut self, id: Sid, effects: Vec<leader::Effect>) {
        for effect in effects {
            self.leader_effect(id, effect);
        }
    }

    fn leader_effect(&mut self, id: Sid, effect: leader::Effect) {
        use leader::Effect;
        match effect {
            Effect::Send { link, packet } => {
                let to = self.links[&link];
                self.send(id, to, Item::Packet(packet));
            }
            Effect::SendSnapshot { link, zxid } => {
                let to = self.links[&link];
                self.send(id, to, Item::Packet(Packet::Snap { zxid }));
                self.send(id, to, Item::Snapshot(link, zxid));
            }
            Effect::ReadTxnLog { link, from } => {
                let log = &self.node(id).log;
                let start = log.iter().rposition(|e| e.zxid <= from);
                let entries = start.map_or(Vec::new(), |at| log[at..].to_vec());
                self.note(format!("{id}: read log from {}", show(from)));
                self.leader_event(id, leader::Event::TxnLogRead { link, entries });
            }
            Effect::Close { link, why, .. } => {
                let learner = self.links.remove(&link).unwrap();
                self.note(format!("{id}: close {learner}: {why}"));
                self.cut(id, learner);
                self.learner_event(learner, learner::Event::Closed);
            }
            Effect::WriteAcceptedEpoch(epoch) => self.write_accepted(id, epoch),
            Effect::WriteCurrentEpoch(epoch) => self.write_current(id, epoch),
            Effect::SyncLog => self.note(format!("{id}: sync log")),
            Effect::Append { zxid, record } => self.append(id, Entry { zxid, record }),
            Effect::Commit { zxid, record } => {
                self.apply(id, Entry { zxid, record });
                self.leader_event(id, leader::Event::Applied(zxid));
            }
            Effect::Lead { zxid } => {
                self.note(format!("{id}: lead {}", show(zxid)));
                let node = self.node(id);
                node.history.begin_epoch(zxid);
                node.serving = true;
            }
            Effect::Touch { sessions, .. } => self.note(format!("{id}: touch {sessions:?}")),
            Effect::Revalidate { link, session, .. } => {
                let event = leader::Event::Revalidated { link, session, valid: true };
                self.leader_event(id, event);
            }
            Effect::Request { link, request } if request.op == op::SYNC => {
                let origin = leader::SyncOrigin::Learner(link);
                self.leader_event(id, leader::Event::Sync(origin));
            }
            Effect::Request { .. } => {
                self.note(format!("{id}: request"));
                self.put(id);
            }
            Effect::GiveUp(why) => {
                self.note(format!("{id}: give up: {why}"));
                self.leave(id);
            }
            other => self.note(format!("{id}: {other:?}")),
        }
    }

    fn learner_effects(&mut self, id: Sid, effects: Vec<learner::Effect>) {
        for effect in effects {
            self.learner_effect(id, effect);
        }
    }

    fn learner_effect(&mut self, id: Sid, effect: learner::Effect) {
        use learner::Effect;
        match effect {
            Effect::Send(packet) => {
                let leader = self.leader();
                self.send(id, leader, Item::Packet(packet));
            }
            Effect::WriteAcceptedEpoch(epoch) => self.write_accepted(id, epoch),
            Effect::WriteCurrentEpoch(epoch) => self.write_current(id, epoch),
            Effect::ReceiveSnapshot { zxid } => {
                self.note(format!("{id}: receive snapshot {}", show(zxid)));
            }
            Effect::Truncate { zxid } => self.truncate(id, zxid),
            Effect::SaveSnapshot => {
                let node = self.node(id);
                node.snapshot = node.history.last_processed;
                let newest = node.applied.last();
                assert!(newest.is_none_or(|z| *z <= node.snapshot), "it is that of one moment");
                node.log.clear();
                self.note(format!("{id}: save snapshot"));
            }
            Effect::Append { zxid, record, .. } => self.append(id, Entry { zxid, record }),
            Effect::SyncLog => self.note(format!("{id}: sync log")),
            Effect::Commit { zxid, record, .. } => self.apply(id, Entry { zxid, record }),
            Effect::Serve { epoch } => {
                self.note(format!("{id}: serve epoch {epoch}"));
                self.node(id).serving = true;
            }
            Effect::AnswerPing { zxid } => {
                let touched = Some(vec![(SessionId(id.0), 1000)]);
                self.learner_effect(id, Effect::Send(Packet::Ping { zxid, touched }));
            }
            Effect::GiveUp { why, reload } => {
                let reload = if reload { ", reload" } else { "" };
                self.note(format!("{id}: give up: {why}{reload}"));
                self.leave(id);
            }
            other => self.note(format!("{id}: {other:?}")),
        }
    }

    /// A learner says that it has a transaction on its disk.
    pub(super) fn ack(&mut self, id: Sid, zxid: Zxid) {
        self.learner_effect(id, learner::Effect::Send(Packet::Ack { zxid }));
    }

    fn leader(&self) -> Sid {
        let is_leader = |(_, n): &(&Sid, &Node)| matches!(n.role, Role::Leader(_));
        *self.nodes.iter().find(is_leader).unwrap().0
    }

    fn leave(&mut self, id: Sid) {
        let node = self.node(id);
        node.role = Role::None;
        node.serving = false;
        self.reload(id);
        for (link, learner) in self.links.clone() {
            let leader = self.nodes.iter().find(|(_, n)| matches!(n.role, Role::Leader(_)));
            let leader = leader.map(|(sid, _)| *sid);
            if learner == id {
                self.links.remove(&link);
                leader.into_iter().for_each(|leader| self.cut(leader, id));
                leader.into_iter().for_each(|l| {
                    self.leader_event(l, leader::Event::LearnerClosed { link });
                });
            } else if leader.is_none() {
                self.links.remove(&link);
                self.cut(id, learner);
                self.learner_event(learner, learner::Event::Closed);
            }
        }
    }

    fn cut(&mut self, a: Sid, b: Sid) {
        self.wires.remove(&(a, b));
        self.wires.remove(&(b, a));
    }

    /// Breaks the connection of a learner.
    pub(super) fn disconnect(&mut self, id: Sid) {
        self.learner_event(id, learner::Event::Closed);
    }

    pub(super) fn put(&mut self, leader: Sid) {
        let node = self.node(leader);
        let outstanding = node.log.last().map_or(Zxid::ZERO, |e| e.zxid);
        let zxid = outstanding.max(Zxid::new(node.current, 0)).next();
        let record = entry(zxid).record;
        self.leader_event(leader, leader::Event::Propose { zxid, record });
    }

    pub(super) fn forward(&mut self, id: Sid, op: i32) {
        let request =
            ForwardedRequest { session: SessionId(1), cxid: 1, op, body: vec![], auth: vec![] };
        self.learner_event(id, learner::Event::Forward(request));
    }

    /// Delivers what is next from one server to another; false if there is nothing.
    pub(super) fn deliver_one(&mut self, from: Sid, to: Sid) -> bool {
        let Some(item) = self.wires.get_mut(&(from, to)).and_then(VecDeque::pop_front) else {
            return false;
        };
        match item {
            Item::Packet(packet) => {
                let packet = over_the_wire(&packet);
                self.note(format!("{from} > {to} {}", packet_text(&packet)));
                self.arrive(from, to, packet);
            }
            Item::Snapshot(link, zxid) => {
                let applied = self.node(from).applied.clone();
                let node = self.node(to);
                node.history = History::new(CommittedLog::new(4), zxid);
                node.applied = applied;
                self.learner_event(to, learner::Event::SnapshotReceived);
                self.leader_event(from, leader::Event::SnapshotSent { link });
            }
        }
        true
    }

    fn arrive(&mut self, from: Sid, to: Sid, packet: Packet) {
        if matches!(self.node(to).role, Role::Leader(_)) {
            let link = *self.links.iter().find(|(_, sid)| **sid == from).unwrap().0;
            self.leader_event(to, leader::Event::Packet { link, packet });
        } else {
            self.learner_event(to, learner::Event::Packet(packet));
        }
    }

    /// Delivers until nothing is under way, in the order of the servers' ids.
    pub(super) fn deliver_all(&mut self) {
        loop {
            let busy = self.wires.iter().find(|(_, w)| !w.is_empty()).map(|(ends, _)| *ends);
            let Some((from, to)) = busy else { return };
            self.deliver_one(from, to);
        }
    }

    /// Time passes, and all is delivered; pings are not told.
    pub(super) fn run(&mut self, ms: Millis) {
        let end = self.now + ms;
        while self.now < end {
            self.tick(HALF_TICK.min(end - self.now));
            self.deliver_all();
        }
        self.trace.retain(|line| !line.contains(" PING ") && !line.contains(": touch "));
    }

    /// Time passes, and nothing is delivered.
    pub(super) fn tick(&mut self, ms: Millis) {
        let end = self.now + ms;
        while self.now < end {
            self.now = (self.now + HALF_TICK).min(end);
            for id in self.nodes.keys().copied().collect::<BTreeSet<_>>() {
                match self.node(id).role {
                    Role::Leader(_) => self.leader_event(id, leader::Event::Timer),
                    _ => self.learner_event(id, learner::Event::Timer),
                }
            }
        }
    }
}

fn over_the_wire(packet: &Packet) -> Packet {
    let mut bytes = Vec::new();
    packet.encode(&mut bytes);
    let mut reader = PacketReader::new(Limits::default());
    reader.feed(bytes);
    reader.next_packet().unwrap().unwrap()
}

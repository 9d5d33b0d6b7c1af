//! What the runtime does around a member, on the virtual clock, disk and network: feeds it with what
//! happens, and carries its effects out one by one. Between any two of them the power may fail.

use std::sync::Arc;

use gamekeeper::ids::{ConnId, Sid, Zxid};
use gamekeeper::peer::ensemble::{Effect, Event, SIGNATURE};
use gamekeeper::server::auth::Auth;
use gamekeeper::server::conn::{Closing, ConnShared, Mailbox};
use gamekeeper::server::front::{Client as Connection, Next};
use gamekeeper::storage;
use gamekeeper::storage::snapshot::body::BodyWalk;
use gamekeeper::zab::LinkId;
use gamekeeper::zab::election::{cnx, fle};
use gamekeeper::zab::sync::Entry;
use jute::Write;

use super::Micros;
use super::files::HELD;
use super::net::{Arrival, Place, Port};
use super::node::Conn;
use super::world::{CnxNews, Happening, World};

/// For how long a member's thread is at work, in microseconds, at the most.
const BUSY_MAX: Micros = 3_000;

/// Into how many slices a snapshot is cut on its way to a learner, at the most: it hears nothing until the
/// last, and must not give its leader up meanwhile.
const SLICES_SENT: usize = 50;

/// A snapshot on its way to a learner while the tree changes.
#[derive(Debug)]
pub struct Sending {
    link: LinkId,
    walk: BodyWalk,
    bytes: Vec<u8>,
}

impl World {
    /// Brings something to a member's thread, which takes it at once unless it is at work.
    pub(super) fn step(&mut self, sid: Sid, event: Event) {
        let is_busy = self.plan.busy > 0.0 && self.random.chance(self.plan.busy);
        let Some(node) = self.nodes.get_mut(&sid) else { return };
        let incarnation = node.incarnation;
        let Some(life) = &mut node.life else { return };
        life.arrived.push(event);
        match (life.arrived.len(), is_busy) {
            (1, false) => self.on_work(sid),
            (1, true) => {
                let wait = self.random.between(1, BUSY_MAX);
                self.after(wait, Happening::Work(sid, incarnation));
            }
            _ => {}
        }
    }

    /// The member's thread takes what has waited.
    pub(super) fn on_work(&mut self, sid: Sid) {
        let Some(life) = self.nodes.get_mut(&sid).and_then(|n| n.life.as_mut()) else { return };
        let arrived = std::mem::take(&mut life.arrived);
        self.work(sid, arrived);
    }

    /// Steps a member, carries out what it wants, and looks at what became of it.
    fn work(&mut self, sid: Sid, events: Vec<Event>) {
        events.iter().for_each(|event| self.trace_event(sid, event));
        let Some(node) = self.nodes.get_mut(&sid) else { return };
        let now = node.now(self.now);
        let Some(life) = &mut node.life else { return };
        let mut effects = Vec::new();
        let led = life.ensemble.status().state == "leader";
        life.ensemble.step(now, events, &mut effects);
        // At once: when the power fails between two effects, this has happened all the same.
        for effect in &effects {
            if let Effect::EpochEstablished(epoch) = effect {
                self.on_established(sid, *epoch);
            }
        }
        self.look_at(sid, led);
        self.push_effects(sid, effects);
        self.carry_out(sid);
    }

    fn trace_event(&mut self, sid: Sid, event: &Event) {
        let detail = match event {
            Event::Tick { .. } => return,
            Event::Inputs(inputs) => format!("inputs {}", inputs.len()),
            Event::Durable(zxid) => format!("durable {zxid}"),
            Event::Done => "done".to_owned(),
            Event::Reloaded(loaded) => format!("reloaded {}", loaded.tree.last_processed_zxid()),
            Event::Elected(vote, state) => format!("elected {vote} {state:?}"),
            Event::Bytes(link, bytes) => format!("bytes {} {}", link.0, packets(bytes)),
            other => format!("{other:?}"),
        };
        self.note(Place::Node(sid), "event", &detail);
    }

    /// Carries out effects until there are none, or the process ends.
    pub(super) fn carry_out(&mut self, sid: Sid) {
        while self.violation.is_none() {
            let Some(life) = self.nodes.get_mut(&sid).and_then(|n| n.life.as_mut()) else { return };
            let held = |effect: &Effect| self.holds.effects.contains(&(sid, name(effect)));
            if life.effects.front().is_some_and(held) {
                break;
            }
            let Some(effect) = life.effects.pop_front() else { break };
            if self.plan.crash_at_effect > 0.0 && self.random.chance(self.plan.crash_at_effect) {
                return self.stop(sid, &format!("before {}", name(&effect)), true);
            }
            self.trace_effect(sid, &effect);
            if let Err(e) = self.carry_out_one(sid, effect) {
                return self.end_process(sid, &e.to_string());
            }
        }
        self.pump_clients(sid);
        self.schedule_timer(sid);
    }

    fn trace_effect(&mut self, sid: Sid, effect: &Effect) {
        let detail = match effect {
            Effect::Log(batch) => {
                let first = batch.iter().next().map_or(Zxid::ZERO, |(zxid, _)| zxid);
                format!("{first}..{}", batch.last_zxid().unwrap_or_default())
            }
            Effect::Send(link, bytes) => format!("{} {}", link.0, packets(bytes)),
            Effect::SendSnapshot(link, _) => format!("{}", link.0),
            other => format!("{other:?}"),
        };
        self.note(Place::Node(sid), name(effect), &detail);
    }

    fn carry_out_one(&mut self, sid: Sid, effect: Effect) -> storage::Result<()> {
        match effect {
            Effect::Log(batch) => self.log(sid, batch),
            Effect::Snapshot => return self.begin_snapshot(sid),
            Effect::SyncLog
            | Effect::WriteAcceptedEpoch(_)
            | Effect::WriteCurrentEpoch(_)
            | Effect::SaveSnapshot
            | Effect::Truncate(_)
            | Effect::Reload => self.begin_barrier(sid, effect),
            Effect::Look { zxid, peer_epoch } => {
                if let Some(node) = self.nodes.get_mut(&sid) {
                    node.looks += 1;
                }
                self.tell_fle(sid, fle::Event::Look { zxid, peer_epoch });
            }
            Effect::EpochEstablished(epoch) => {
                self.tell_fle(sid, fle::Event::EpochEstablished(epoch));
            }
            Effect::ConnectLeader(leader) => self.connect_leader(sid, leader),
            Effect::Listen(listen) => {
                if let Some(life) = self.nodes.get_mut(&sid).and_then(|n| n.life.as_mut()) {
                    life.listening = listen;
                }
            }
            Effect::Send(link, bytes) => {
                self.check_legal(sid, link, &bytes);
                let due = self.net.send(self.now, link, Arrival::Bytes(bytes));
                self.schedule(due);
            }
            Effect::SendSnapshot(link, head) => self.send_snapshot(sid, link, head),
            Effect::ReadTxnLog(link, from) => self.read_txn_log(sid, link, from),
            Effect::Close(link) => {
                let due = self.net.close(self.now, link);
                self.schedule(due);
            }
            Effect::Know(_) => {}
            Effect::Exit(code) => self.violated(format!("{sid} exits with {code}")),
        }
        Ok(())
    }

    fn check_legal(&mut self, sid: Sid, link: LinkId, bytes: &[u8]) {
        let Some(peer) = self.net.ends.get(&link).map(|end| end.peer) else { return };
        if self.plan.legality
            && let Err(why) = self.legality.on_sent((sid, link, peer), bytes, &mut self.judge)
        {
            self.violated(why);
        }
    }

    pub(super) fn done(&mut self, sid: Sid, wait: Micros, event: Event) {
        let incarnation = self.nodes[&sid].incarnation;
        self.after(wait, Happening::Step(sid, incarnation, Box::new(event)));
    }

    // ---- the quorum port

    fn connect_leader(&mut self, sid: Sid, leader: Sid) {
        let (from, to) = (Place::Node(sid), Place::Node(leader));
        match self.call(from, leader, Port::Quorum) {
            Ok((link, wait)) => self.done(sid, wait, Event::LeaderConnected(link)),
            Err(wait) => {
                let cut = self.net.is_cut(from, to) || self.net.is_cut(to, from);
                let silence = if cut { self.plan.tick_ms as Micros * 1000 } else { 0 };
                self.done(sid, wait + silence, Event::LeaderUnreachable);
            }
        }
    }

    fn send_snapshot(&mut self, sid: Sid, link: LinkId, mut bytes: Vec<u8>) {
        self.check_legal(sid, link, &bytes);
        let Some(life) = self.nodes.get_mut(&sid).and_then(|n| n.life.as_mut()) else { return };
        let sessions = life.ensemble.committed_sessions();
        let walk = BodyWalk::start(&life.front.db.read_tree(), &sessions, &mut bytes);
        self.on_sending(sid, Sending { link, walk, bytes });
    }

    /// The leader goes on while its tree is walked: what is committed meanwhile waits in the member.
    pub(super) fn on_sending(&mut self, sid: Sid, sending: Sending) {
        if self.holds.snapshots.contains(&sid) {
            let incarnation = self.nodes[&sid].incarnation;
            return self.after(HELD, Happening::Sending(sid, incarnation, Box::new(sending)));
        }
        let Sending { link, mut walk, mut bytes } = sending;
        let Some(life) = self.nodes.get_mut(&sid).and_then(|n| n.life.as_mut()) else { return };
        let tree = life.front.db.read_tree();
        let nodes = self.plan.slice_nodes.max(tree.node_count() / SLICES_SENT);
        if walk.next(&tree, nodes, usize::MAX, &mut bytes) {
            drop(tree);
            let (wait, incarnation) = (self.random.below(2_000), self.nodes[&sid].incarnation);
            let sending = Box::new(Sending { link, walk, bytes });
            return self.after(wait, Happening::Sending(sid, incarnation, sending));
        }
        if !walk.is_of(&tree) {
            // The term is over, and with it the connection.
            return;
        }
        drop(tree);
        bytes.put_str(Some(SIGNATURE));
        if self.holds.breaks_snapshots {
            bytes.truncate(bytes.len() / 2);
            self.after(1_000_000, Happening::Break(link));
        }
        // In two halves, so that the connection may break between them.
        let rest = bytes.split_off(self.random.below(bytes.len() as u64) as usize);
        for part in [bytes, rest] {
            let due = self.net.send(self.now, link, Arrival::Bytes(part));
            self.schedule(due);
        }
        let wait = self.random.below(50_000);
        self.done(sid, wait, Event::SnapshotSent(link));
    }

    fn read_txn_log(&mut self, sid: Sid, link: LinkId, from: Zxid) {
        let wait = self.disk_time(sid);
        let Some(life) = self.nodes.get_mut(&sid).and_then(|n| n.life.as_mut()) else { return };
        let found = storage::read_since(&life.dirs, from, jute::Limits::default(), f64::MAX);
        let entries = found.unwrap_or_default().into_iter();
        let entries = entries.map(|(zxid, record)| Entry { zxid, record }).collect();
        self.done(sid, wait, Event::TxnLogRead(link, entries));
    }

    // ---- the election

    pub(super) fn tell_fle(&mut self, sid: Sid, event: fle::Event<'_>) {
        let Some(node) = self.nodes.get_mut(&sid) else { return };
        let now = node.now(self.now).mono;
        let Some(life) = &mut node.life else { return };
        let mut out = Vec::new();
        life.fle.step(now, event, &mut out);
        for effect in out {
            match effect {
                fle::Effect::Send { to, bytes } => {
                    self.tell_cnx(sid, cnx::Event::Send { to, bytes });
                }
                fle::Effect::ConnectAll => self.tell_cnx(sid, cnx::Event::ConnectAll),
                fle::Effect::Decided { vote, state } => {
                    self.done(sid, 1, Event::Elected(vote, state));
                }
                fle::Effect::VoterLooking { sid: voter, epoch } => {
                    self.done(sid, 1, Event::VoterLooking { sid: voter, epoch });
                }
                fle::Effect::AdoptConfig(_) | fle::Effect::Rejected { .. } => {
                    self.violated(format!("{sid}: {effect:?}"));
                }
            }
        }
        self.schedule_timer(sid);
    }

    pub(super) fn on_cnx_news(&mut self, sid: Sid, news: CnxNews) {
        self.tell_cnx(
            sid,
            match news {
                CnxNews::Connected(peer, link) if !self.is_open(link) => {
                    cnx::Event::ConnectFailed { sid: peer }
                }
                CnxNews::Connected(sid, link) => cnx::Event::Connected { sid, link },
                CnxNews::Failed(sid) => cnx::Event::ConnectFailed { sid },
                CnxNews::Flushed(link) => cnx::Event::Flushed { link },
            },
        );
    }

    pub(super) fn tell_cnx(&mut self, sid: Sid, event: cnx::Event<'_>) {
        let Some(node) = self.nodes.get_mut(&sid) else { return };
        let now = node.now(self.now).mono;
        let Some(life) = &mut node.life else { return };
        let mut out = Vec::new();
        life.cnx.step(now, event, &mut out);
        for effect in out {
            match effect {
                cnx::Effect::Connect { sid: peer, .. } => self.connect_peer(sid, peer),
                cnx::Effect::Write { link, bytes } => {
                    let due = self.net.send(self.now, link, Arrival::Bytes(bytes));
                    self.schedule(due);
                    self.cnx_later(sid, 10, CnxNews::Flushed(link));
                }
                cnx::Effect::Close { link, .. } => {
                    let due = self.net.close(self.now, link);
                    self.schedule(due);
                }
                cnx::Effect::Deliver { from, bytes } => {
                    self.tell_fle(sid, fle::Event::Message { from, bytes: &bytes });
                }
                cnx::Effect::Unreachable(peer) => {
                    self.tell_fle(sid, fle::Event::Unreachable(peer));
                }
                cnx::Effect::UnknownSid(peer) | cnx::Effect::Stranger { sid: peer, .. } => {
                    self.violated(format!("{sid} does not know {peer}"));
                }
            }
        }
        self.schedule_timer(sid);
    }

    fn cnx_later(&mut self, sid: Sid, wait: Micros, news: CnxNews) {
        let incarnation = self.nodes[&sid].incarnation;
        self.after(wait, Happening::Cnx(sid, incarnation, news));
    }

    fn connect_peer(&mut self, sid: Sid, peer: Sid) {
        let (from, to) = (Place::Node(sid), Place::Node(peer));
        match self.call(from, peer, Port::Election) {
            Ok((link, wait)) => self.cnx_later(sid, wait, CnxNews::Connected(peer, link)),
            Err(wait) => {
                let cut = self.net.is_cut(from, to) || self.net.is_cut(to, from);
                let silence = if cut { 5_000_000 } else { 0 };
                self.cnx_later(sid, wait + silence, CnxNews::Failed(peer));
            }
        }
    }

    // ---- clients

    pub(super) fn accept_client(&mut self, sid: Sid, link: LinkId) {
        let Some(life) = self.nodes.get_mut(&sid).and_then(|n| n.life.as_mut()) else { return };
        let id = ConnId(life.next_conn);
        life.next_conn += 1;
        let remote = std::net::SocketAddr::from(([10, 1, 0, 1], 40_000));
        let ids = Auth::connect_ids(remote.ip());
        let marks = Arc::clone(&life.marks) as _;
        let conn = Arc::new(ConnShared::new(id, remote, false, ids, marks, 0, 10_000));
        let connection = Connection::new(conn, &life.front);
        life.conns.insert(link, Conn { connection, input: Vec::new() });
        life.links.insert(id, link);
    }

    pub(super) fn on_server_arrival(&mut self, sid: Sid, link: LinkId, arrival: Arrival) {
        let Some(life) = self.nodes.get_mut(&sid).and_then(|n| n.life.as_mut()) else { return };
        let Some(conn) = life.conns.get_mut(&link) else { return };
        match arrival {
            Arrival::Bytes(bytes) => {
                conn.input.extend_from_slice(&bytes);
                self.serve(sid, link);
            }
            Arrival::Closed | Arrival::Reset => self.drop_client(sid, link),
        }
        self.pump_clients(sid);
    }

    fn drop_client(&mut self, sid: Sid, link: LinkId) {
        let Some(life) = self.nodes.get_mut(&sid).and_then(|n| n.life.as_mut()) else { return };
        let Some(conn) = life.conns.remove(&link) else { return };
        let mut inputs = Vec::new();
        conn.connection.disconnected(&life.front, &mut inputs);
        life.links.remove(&conn.connection.conn().id);
        self.step(sid, Event::Inputs(inputs));
    }

    /// Takes what a client has sent, as far as it can be taken now.
    fn serve(&mut self, sid: Sid, link: LinkId) {
        let Some(node) = self.nodes.get_mut(&sid) else { return };
        let now = node.now(self.now).mono;
        let Some(life) = &mut node.life else { return };
        let Some(conn) = life.conns.get_mut(&link) else { return };
        let mut inputs = Vec::new();
        let progress = conn.connection.on_bytes(&life.front, now, &conn.input, &mut inputs);
        conn.input.drain(..progress.consumed);
        if progress.consumed > 0 || matches!(progress.next, Next::Close(_) | Next::Again) {
            life.marks.mark(conn.connection.conn().id);
        }
        if !inputs.is_empty() {
            self.step(sid, Event::Inputs(inputs));
        }
    }

    /// Writes what is to be written to clients, closes what is to be closed, and reads on.
    pub(super) fn pump_clients(&mut self, sid: Sid) {
        while let Some(life) = self.nodes.get_mut(&sid).and_then(|n| n.life.as_mut()) {
            let marked = life.marks.take();
            if marked.is_empty() {
                return;
            }
            let links: Vec<LinkId> =
                marked.iter().filter_map(|id| life.links.get(id).copied()).collect();
            for link in links {
                self.pump_client(sid, link);
            }
        }
    }

    fn pump_client(&mut self, sid: Sid, link: LinkId) {
        let Some(life) = self.nodes.get_mut(&sid).and_then(|n| n.life.as_mut()) else { return };
        let Some(conn) = life.conns.get_mut(&link) else { return };
        let shared = Arc::clone(conn.connection.conn());
        let waits = !conn.input.is_empty();
        let closing = shared.closing();
        let output = std::mem::take(&mut *shared.lock_output());
        if !output.is_empty() && !matches!(closing, Some(Closing::Now(_))) {
            let due = self.net.send(self.now, link, Arrival::Bytes(output));
            self.schedule(due);
        }
        if closing.is_some() {
            let due = self.net.close(self.now, link);
            self.schedule(due);
            self.drop_client(sid, link);
        } else if waits && shared.is_ready() {
            self.serve(sid, link);
        }
    }
}

pub(super) fn name(effect: &Effect) -> &'static str {
    match effect {
        Effect::Log(_) => "log",
        Effect::Snapshot => "snapshot",
        Effect::SyncLog => "sync log",
        Effect::WriteAcceptedEpoch(_) => "accepted",
        Effect::WriteCurrentEpoch(_) => "current",
        Effect::SaveSnapshot => "save",
        Effect::Truncate(_) => "truncate",
        Effect::Reload => "reload",
        Effect::Look { .. } => "look",
        Effect::EpochEstablished(_) => "established",
        Effect::ConnectLeader(_) => "connect",
        Effect::Listen(_) => "listen",
        Effect::Send(..) => "send",
        Effect::SendSnapshot(..) => "send snap",
        Effect::ReadTxnLog(..) => "read log",
        Effect::Know(_) => "know",
        Effect::Close(_) => "close",
        Effect::Exit(_) => "exit",
    }
}

/// The names of the packets in some bytes, as far as they are whole.
fn packets(bytes: &[u8]) -> String {
    let mut reader = gamekeeper::zab::packet::PacketReader::new(jute::Limits::default());
    reader.feed(bytes);
    let mut text = String::new();
    while let Ok(Some(packet)) = reader.next_packet() {
        text.push_str(packet.name());
        text.push(' ');
    }
    text
}

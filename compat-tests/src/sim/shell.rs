//! What the runtime does around a member, on the virtual clock, disk and network: feeds it with what
//! happens, and carries its effects out one by one. Between any two of them the power may fail.

use std::sync::Arc;

use gamekeeper::ids::{ConnId, Sid, Zxid};
use gamekeeper::peer::LogBatch;
use gamekeeper::peer::ensemble::{Effect, Event, SIGNATURE};
use gamekeeper::server::auth::Auth;
use gamekeeper::server::conn::{Closing, ConnShared, Mailbox};
use gamekeeper::server::front::{Client as Connection, Next};
use gamekeeper::storage::snapshot::body::BodyWalk;
use gamekeeper::storage::snapshot::{SnapshotWriter, Trailer};
use gamekeeper::storage::{self, purge};
use gamekeeper::tree::ZxidDigest;
use gamekeeper::zab::LinkId;
use gamekeeper::zab::election::{cnx, fle};
use gamekeeper::zab::sync::Entry;
use jute::Write;

use super::Micros;
use super::net::{Arrival, Place, Port};
use super::node::{Conn, Snapshotting, snapshot_options};
use super::world::{CnxNews, Happening, World};

/// How often what a script holds back looks whether it may go on, in microseconds.
const HELD: Micros = 1_000;

impl World {
    /// Steps a member, carries out what it wants, and looks at what became of it.
    pub(super) fn step(&mut self, sid: Sid, event: Event) {
        self.trace_event(sid, &event);
        let Some(node) = self.nodes.get_mut(&sid) else { return };
        let now = node.now(self.now);
        let Some(life) = &mut node.life else { return };
        let mut effects = Vec::new();
        life.ensemble.step(now, event, &mut effects);
        // At once: when the power fails between two effects, this has happened all the same.
        for effect in &effects {
            if let Effect::EpochEstablished(epoch) = effect {
                self.on_established(sid, *epoch);
            }
        }
        self.look_at(sid);
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

    fn done(&mut self, sid: Sid, wait: Micros, event: Event) {
        let incarnation = self.nodes[&sid].incarnation;
        self.after(wait, Happening::Step(sid, incarnation, Box::new(event)));
    }

    // ---- the disk

    /// What a sync takes.
    fn disk_time(&mut self, sid: Sid) -> Micros {
        let (low, high) = self.plan.disk;
        let slow = self.nodes[&sid].slow_disk_until > self.now;
        self.random.between(low, high) * if slow { 50 } else { 1 }
    }

    fn log(&mut self, sid: Sid, batch: LogBatch) {
        for (zxid, record) in batch.iter() {
            if let Err(why) = self.judge.on_logged(sid, zxid, record) {
                return self.violated(why);
            }
        }
        let Some(life) = self.nodes.get_mut(&sid).and_then(|n| n.life.as_mut()) else { return };
        life.log_queue.push_back(batch);
        self.begin_log_write(sid);
    }

    fn begin_log_write(&mut self, sid: Sid) {
        let wait = self.disk_time(sid);
        let Some(node) = self.nodes.get_mut(&sid) else { return };
        let Some(life) = &mut node.life else { return };
        if !life.log_busy && !life.log_queue.is_empty() {
            life.log_busy = true;
            let incarnation = node.incarnation;
            self.after(wait, Happening::LogWritten(sid, incarnation));
        }
    }

    pub(super) fn on_log_written(&mut self, sid: Sid) {
        if self.holds.logs.contains(&sid) {
            let incarnation = self.nodes[&sid].incarnation;
            return self.after(HELD, Happening::LogWritten(sid, incarnation));
        }
        let some = self.random.between(1, 8) as usize;
        let Some(life) = self.nodes.get_mut(&sid).and_then(|n| n.life.as_mut()) else { return };
        life.log_busy = false;
        let some = some.min(life.log_queue.len());
        let batches: Vec<LogBatch> = life.log_queue.drain(..some).collect();
        let last = batches.last().and_then(LogBatch::last_zxid);
        if let Err(e) = life.write_log(&batches) {
            return self.on_log_failed(sid, &e);
        }
        self.judge.on_durable(sid, last.unwrap_or_default());
        self.begin_log_write(sid);
        let news = self.random.below(200);
        self.done(sid, news, Event::Durable(last.unwrap_or_default()));
        self.try_barrier(sid);
    }

    /// The process ends. With ZOOKEEPER-4882 only the leader is lost, and looked for anew.
    fn on_log_failed(&mut self, sid: Sid, e: &storage::Error) {
        if !self.plan.bugs.storage.write_on_after_errors {
            return self.end_process(sid, &e.to_string());
        }
        for link in self.net.quorum_links(Place::Node(sid)) {
            let due = self.net.break_link(self.now, link);
            self.schedule(due);
        }
    }

    fn begin_barrier(&mut self, sid: Sid, effect: Effect) {
        if let Some(life) = self.nodes.get_mut(&sid).and_then(|n| n.life.as_mut()) {
            life.barrier = Some(effect);
        }
        self.try_barrier(sid);
    }

    fn try_barrier(&mut self, sid: Sid) {
        let wait = self.disk_time(sid);
        let Some(node) = self.nodes.get_mut(&sid) else { return };
        let incarnation = node.incarnation;
        let Some(life) = &mut node.life else { return };
        if life.barrier.as_ref().is_some_and(|effect| life.may_begin(effect)) {
            self.after(wait, Happening::Barrier(sid, incarnation));
        }
    }

    pub(super) fn on_barrier(&mut self, sid: Sid) {
        if self.holds.barriers.contains(&sid) {
            let incarnation = self.nodes[&sid].incarnation;
            return self.after(HELD, Happening::Barrier(sid, incarnation));
        }
        let Some(life) = self.nodes.get_mut(&sid).and_then(|n| n.life.as_mut()) else { return };
        let Some(effect) = life.barrier.take() else { return };
        if !life.may_begin(&effect) {
            life.barrier = Some(effect);
            return;
        }
        match self.carry_out_barrier(sid, effect) {
            Ok(event) => self.done(sid, 1, event),
            Err(e) => self.end_process(sid, &e.to_string()),
        }
    }

    fn carry_out_barrier(&mut self, sid: Sid, effect: Effect) -> storage::Result<Event> {
        let Some(life) = self.nodes.get_mut(&sid).and_then(|n| n.life.as_mut()) else {
            return Ok(Event::Done);
        };
        let event = life.carry_out_barrier(&effect, &self.plan)?;
        let durable = match (&effect, &event) {
            (Effect::SaveSnapshot, _) => Some(life.front.db.read_tree().last_processed_zxid()),
            (_, Event::Reloaded(loaded)) => Some(loaded.tree.last_processed_zxid()),
            _ => None,
        };
        durable.into_iter().for_each(|zxid| self.judge.on_durable(sid, zxid));
        Ok(event)
    }

    pub(super) fn begin_snapshot(&mut self, sid: Sid) -> storage::Result<()> {
        let Some(node) = self.nodes.get_mut(&sid) else { return Ok(()) };
        let incarnation = node.incarnation;
        let Some(life) = node.life.as_mut().filter(|l| l.snapshotting.is_none()) else {
            return Ok(());
        };
        let sessions = life.ensemble.committed_sessions();
        let tree = life.front.db.read_tree();
        let zxid = tree.last_processed_zxid();
        let mut out = Vec::new();
        let walk = BodyWalk::start(&tree, &sessions, &mut out);
        drop(tree);
        let (disk, dir) = (Arc::clone(life.dirs.disk()), life.dirs.snap());
        let writer = SnapshotWriter::create(disk, dir, zxid, snapshot_options().compression)?;
        life.snapshotting = Some(Snapshotting { writer, walk, out });
        self.after(100, Happening::Snapshot(sid, incarnation));
        Ok(())
    }

    pub(super) fn on_snapshot_slice(&mut self, sid: Sid) {
        if self.holds.snapshots.contains(&sid) {
            let incarnation = self.nodes[&sid].incarnation;
            return self.after(HELD, Happening::Snapshot(sid, incarnation));
        }
        match self.snapshot_slice(sid) {
            Ok(true) => {
                let (wait, incarnation) = (self.random.below(20_000), self.nodes[&sid].incarnation);
                self.after(wait, Happening::Snapshot(sid, incarnation));
            }
            Ok(false) => {}
            Err(e) => self.end_process(sid, &e.to_string()),
        }
    }

    /// True while there is more to do.
    pub(super) fn snapshot_slice(&mut self, sid: Sid) -> storage::Result<bool> {
        let (nodes, retain) = (self.plan.slice_nodes, self.plan.retain);
        let Some(life) = self.nodes.get_mut(&sid).and_then(|n| n.life.as_mut()) else {
            return Ok(false);
        };
        let Some(Snapshotting { mut writer, mut walk, mut out }) = life.snapshotting.take() else {
            return Ok(false);
        };
        let tree = life.front.db.read_tree();
        let more = walk.next(&tree, nodes, usize::MAX, &mut out);
        if !walk.is_of(&tree) {
            return Ok(false);
        }
        writer.put(&out)?;
        out.clear();
        if more {
            drop(tree);
            life.snapshotting = Some(Snapshotting { writer, walk, out });
            return Ok(true);
        }
        let digest = Some(tree.last_processed_digest().unwrap_or(ZxidDigest::EMPTY));
        let last_zxid = Some(tree.last_processed_zxid());
        drop(tree);
        writer.finish(Trailer { digest, last_zxid })?;
        if retain >= storage::MIN_RETAIN {
            purge(&life.dirs, retain)?;
        }
        Ok(false)
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

    /// All at once: what is proposed meanwhile waits in the member.
    fn send_snapshot(&mut self, sid: Sid, link: LinkId, mut bytes: Vec<u8>) {
        self.check_legal(sid, link, &bytes);
        let Some(life) = self.nodes.get_mut(&sid).and_then(|n| n.life.as_mut()) else { return };
        let sessions = life.ensemble.committed_sessions();
        let tree = life.front.db.read_tree();
        let mut walk = BodyWalk::start(&tree, &sessions, &mut bytes);
        while walk.next(&tree, usize::MAX, usize::MAX, &mut bytes) {}
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
                fle::Effect::VoterLooking(voter) => self.done(sid, 1, Event::VoterLooking(voter)),
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
                cnx::Effect::UnknownSid(peer) => {
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

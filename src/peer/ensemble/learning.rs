//! A follower or observer with its leader.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::Ordering;

use log::{error, info, warn};

use super::figures;
use super::local::{LocalRequests, Waiting, needs_leader};
use super::read_only::Looking;
use super::reception::Reception;
use super::replica::Replica;
use super::{Effect, Ensemble, Role, Settings, Status, Step};
use crate::ids::{Millis, SessionId, Sid, Zxid};
use crate::op::Code;
use crate::peer::Now;
use crate::peer::gate::Gate;
use crate::peer::pipeline::close_request;
use crate::server::conn::ConnShared;
use crate::server::connect;
use crate::server::front::Serving;
use crate::server::request::{Connect, Input, Request};
use crate::server::sessions::SessionTracker;
use crate::server::upgrade;
use crate::txn::TxnRecord;
use crate::zab::learner::{self, Learner};
use crate::zab::packet::{ForwardedRequest, Packet, PacketReader, RecordBytes};
use crate::zab::sync::Entry;
use crate::zab::{LearnerType, LinkId};

/// The connection to the leader and all that hangs on it.
#[derive(Debug)]
pub(super) struct Learning {
    leader: Sid,
    link: LinkId,
    reader: PacketReader,
    machine: Learner,
    /// What the machine wants, on its way to the queue: empty, and kept for its memory.
    wanted: Vec<learner::Effect>,
    reception: Option<Reception>,
    /// Committed, still to be applied.
    pub(super) commits: Vec<(Entry, Box<TxnRecord>)>,
    /// What clients have asked for and the throttler holds back.
    gate: Gate,
    pub(super) local: LocalRequests,
    /// The sessions that clients have here, and those that the ensemble has.
    pub(super) sessions: SessionTracker,
    /// Clients that want to take up a session again, and wait for the leader's word.
    revalidations: HashMap<SessionId, Connect>,
    /// Sessions heard after this moment (monotonic) are told to the leader with the next ping.
    last_ping: Millis,
    /// When it was told the time before.
    ping_before: Millis,
    /// Such sessions whose connections are gone.
    heard_and_gone: Vec<(SessionId, i32)>,
    /// What is logged and not acknowledged, and when its leader prepared it (wall clock).
    unacknowledged: VecDeque<(Zxid, Millis)>,
}

impl Learning {
    pub(super) fn link(&self) -> LinkId {
        self.link
    }

    pub(super) fn is_idle(&self) -> bool {
        self.local.len() == 0 && self.gate.is_empty()
    }

    pub(super) fn is_timer_due(&self, now: Millis) -> bool {
        self.machine.deadline().is_some_and(|at| now >= at)
    }

    pub(super) fn is_broadcasting(&self) -> bool {
        self.machine.is_broadcasting()
    }

    /// False if the bytes are of another connection.
    pub(super) fn feed(&mut self, link: LinkId, bytes: Vec<u8>) -> bool {
        if link == self.link {
            self.reader.feed(bytes);
        }
        link == self.link
    }

    pub(super) fn status(&self, settings: &Settings) -> Status {
        let (state, doing) = match settings.kind {
            LearnerType::Participant => ("follower", "following"),
            LearnerType::Observer => ("observer", "observing"),
        };
        let phase = if self.machine.is_broadcasting() { "broadcast" } else { "synchronization" };
        Status {
            state,
            peer_state: format!("{doing} - {phase}"),
            sessions: self.sessions.committed().len(),
            local_sessions: self.sessions.local_len(),
            observer_master: (settings.kind == LearnerType::Observer).then_some(self.leader),
            ..Status::default()
        }
    }

    pub(super) fn dump_sessions(&self, now: Millis, now_wall: Millis) -> String {
        self.sessions.dump(now, now_wall)
    }
}

/// The session of a connection and its timeout in ms, if the leader has to know that it was heard since
/// (monotonic).
fn heard_since(conn: &ConnShared, since: Millis) -> Option<(SessionId, i32)> {
    let session = conn.session()?;
    let heard = session.last_heard.load(Ordering::Relaxed) >= since;
    (heard && !session.is_local()).then_some((session.id, conn.session_timeout()))
}

impl Ensemble {
    pub(super) fn begin_learning(&mut self, now: Now, leader: Sid, link: LinkId) {
        let s = &self.settings;
        let settings = learner::Settings {
            my_id: s.my_id,
            kind: s.kind,
            tick_time: s.tick_time,
            init_limit: s.init_limit,
            sync_limit: s.sync_limit,
            config_version: self.quorums.committed().version(),
            reconfig_enabled: false,
            log_enabled: s.log_enabled,
            faults: s.faults.learner,
        };
        let start = learner::Start {
            accepted_epoch: self.epochs.accepted,
            current_epoch: self.epochs.current,
            last_zxid: self.replica.last_zxid(),
        };
        let mut wanted = Vec::new();
        let machine = Learner::new(settings, start, now.mono, &mut wanted);
        self.steps.extend(wanted.drain(..).map(Step::Learner));
        self.role = Role::Learning(Box::new(Learning {
            leader,
            link,
            reader: PacketReader::new(self.replica.front.settings.limits),
            machine,
            wanted,
            reception: None,
            commits: Vec::new(),
            gate: Gate::new(s.pipeline.throttler),
            local: LocalRequests::default(),
            sessions: SessionTracker::new(s.my_id.0, s.tick_time as i32, now.wall)
                .of_learner(s.local_sessions),
            revalidations: HashMap::new(),
            last_ping: now.mono,
            ping_before: now.mono,
            heard_and_gone: Vec::new(),
            unacknowledged: VecDeque::new(),
        }));
    }

    pub(super) fn tell_learner(&mut self, now: Now, event: learner::Event) {
        let Role::Learning(learning) = &mut self.role else { return };
        learning.machine.step(now.mono, event, &mut learning.wanted);
        self.steps.extend(learning.wanted.drain(..).map(Step::Learner));
    }

    /// Takes one packet, or a part of a snapshot; true if something was there to be taken.
    pub(super) fn take_leaders_packet(&mut self, now: Now) -> bool {
        let Role::Learning(learning) = &mut self.role else { return false };
        if let Some(reception) = &mut learning.reception {
            return match reception.take(&mut learning.reader) {
                Ok(true) => self.finish_reception(now),
                Ok(false) => false,
                Err(why) => self.lose_leader(now, &why),
            };
        }
        match learning.reader.next_packet() {
            Ok(Some(packet)) => {
                figures::note_received(&self.replica.front.metrics, &packet, now);
                self.tell_learner(now, learner::Event::Packet(packet));
                true
            }
            Ok(None) => false,
            Err(e) => self.lose_leader(now, &e.to_string()),
        }
    }

    fn finish_reception(&mut self, now: Now) -> bool {
        let Role::Learning(learning) = &mut self.role else { return false };
        let Some(reception) = learning.reception.take() else { return false };
        match reception.finish() {
            Ok(loaded) => {
                self.replica.install(loaded, now.wall);
                self.tell_learner(now, learner::Event::SnapshotReceived);
                true
            }
            Err(why) => self.lose_leader(now, &why),
        }
    }

    /// The leader says what no leader says: the connection is of no more use.
    fn lose_leader(&mut self, now: Now, why: &str) -> bool {
        error!("the leader sent what makes no sense: {why}");
        self.tell_learner(now, learner::Event::Closed);
        // Nothing comes of it where the process is about to end already, and the bytes stay.
        !self.steps.is_empty()
    }

    pub(super) fn carry_out_learner(
        &mut self,
        now: Now,
        effect: learner::Effect,
        effects: &mut Vec<Effect>,
    ) {
        use learner::Effect as E;
        if !matches!(effect, E::Send(_) | E::Append { .. } | E::Commit { .. }) {
            self.learn_gathered(now);
        }
        match effect {
            E::Send(packet) => {
                match packet {
                    Packet::AckEpoch { .. } => self.note_synchronizing(now),
                    Packet::Ack { zxid } => self.note_own_ack(now, zxid),
                    _ => {}
                }
                self.send_leader(&packet);
            }
            E::WriteAcceptedEpoch(epoch) => {
                self.epochs.accepted = epoch;
                self.barrier(Effect::WriteAcceptedEpoch(epoch), effects);
            }
            E::WriteCurrentEpoch(epoch) => {
                self.epochs.current = epoch;
                self.barrier(Effect::WriteCurrentEpoch(epoch), effects);
            }
            E::ReceiveSnapshot { zxid } => self.begin_reception(zxid),
            E::Truncate { zxid } => self.barrier(Effect::Truncate(zxid), effects),
            E::SaveSnapshot => self.barrier(Effect::SaveSnapshot, effects),
            E::Append { zxid, record, time } => self.learn_append(zxid, record, time),
            E::SyncLog => self.barrier(Effect::SyncLog, effects),
            E::Commit { zxid, record, txn } => self.learn_commit(Entry { zxid, record }, txn),
            E::Serve { epoch } => self.serve(now, epoch, effects),
            E::AnswerPing { zxid } => self.answer_ping(now, zxid),
            E::Revalidated { session, valid } => self.on_revalidated(now, session, valid),
            E::SyncDone => self.on_sync_done(now),
            // Only with `reconfigEnabled`, which this version refuses.
            E::SetLastSeenConfig(_) | E::ActivateConfig { .. } => {}
            E::GiveUp { why, reload } => {
                warn!("Exception when following the leader: {why}");
                self.leave_leader(reload, effects);
            }
            E::Exit { code, why } => {
                error!("{why}");
                effects.push(Effect::Exit(code));
            }
        }
    }

    /// An observer acknowledges nothing.
    fn learn_append(&mut self, zxid: Zxid, record: RecordBytes, time: Millis) {
        if self.settings.kind == LearnerType::Participant
            && let Role::Learning(learning) = &mut self.role
        {
            learning.unacknowledged.push_back((zxid, time));
        }
        self.replica.append(zxid, record);
    }

    /// The ack of NEWLEADER stands for all before it.
    fn note_own_ack(&mut self, now: Now, zxid: Zxid) {
        let Role::Learning(learning) = &mut self.role else { return };
        let metrics = &self.replica.front.metrics;
        while let Some((logged, time)) = learning.unacknowledged.pop_front_if(|l| l.0 <= zxid) {
            if let Some(age) = figures::age_of(time, now).filter(|_| logged == zxid) {
                metrics.proposal_ack_creation_latency.add(age);
            }
        }
    }

    fn send_leader(&mut self, packet: &Packet) {
        if let Role::Learning(learning) = &self.role {
            self.outbox.send(learning.link, packet);
        }
    }

    fn begin_reception(&mut self, zxid: Zxid) {
        info!("Getting a snapshot from leader {zxid}");
        let options = self.replica.front.db.read_tree().options();
        let limits = self.replica.front.settings.limits;
        if let Role::Learning(learning) = &mut self.role {
            learning.reception = Some(Reception::new(zxid, options, limits));
        }
    }

    /// The tree keeps its zxid: counter 0 of the epoch is in no log, and a vote must not claim it.
    fn serve(&mut self, now: Now, epoch: i64, effects: &mut Vec<Effect>) {
        if let Role::Learning(learning) = &mut self.role {
            for (id, timeout) in &self.replica.sessions {
                learning.sessions.restore(*id, *timeout, now.mono);
            }
        }
        self.refusals.forget();
        self.replica.front.db.write_tree().set_fuzzy(false);
        effects.push(Effect::EpochEstablished(epoch));
        self.replica.front.set_serving(Serving::Yes);
        self.note_broadcasting(now);
        info!("Peer state changed: {}", self.status().peer_state);
    }

    /// Tells the leader which sessions were heard here since the last ping.
    fn answer_ping(&mut self, now: Now, zxid: Zxid) {
        let Role::Learning(learning) = &mut self.role else { return };
        let since = std::mem::replace(&mut learning.last_ping, now.mono);
        learning.ping_before = since;
        let conns = self.replica.front.db.conns.all();
        let mut touched = std::mem::take(&mut learning.heard_and_gone);
        touched.extend(conns.iter().filter_map(|conn| heard_since(conn, since)));
        touched.sort_unstable();
        self.send_leader(&Packet::Ping { zxid, touched: Some(touched) });
    }

    pub(super) fn learn_inputs(&mut self, now: Now, inputs: Vec<Input>) {
        if let Role::Learning(learning) = &mut self.role {
            learning.gate.extend(inputs);
        }
        self.learn_waiting(now);
    }

    /// Takes up what there is room for.
    pub(super) fn learn_waiting(&mut self, now: Now) {
        while let Some(input) = self.next_waiting(now) {
            match input {
                Input::Request(request) => self.learn_request(now, request),
                Input::Connect(connect) if connect.session == SessionId::NONE => {
                    self.ask_new_session(now, &connect);
                }
                Input::Connect(connect) => self.ask_old_session(now, connect),
                Input::Disconnected(conn) => self.note_gone(&conn),
            }
        }
    }

    fn next_waiting(&mut self, now: Now) -> Option<Input> {
        let Role::Learning(learning) = &mut self.role else { return None };
        let Replica { front, applier, .. } = &mut self.replica;
        learning.gate.next(now.mono, learning.local.len(), front, applier)
    }

    /// What a client has said counts, though its connection is not there at the next ping. It may have
    /// gone before the last one and be heard of only now.
    fn note_gone(&mut self, conn: &ConnShared) {
        let Role::Learning(learning) = &mut self.role else { return };
        learning.heard_and_gone.extend(heard_since(conn, learning.ping_before));
    }

    fn learn_request(&mut self, now: Now, request: Request) {
        let Role::Learning(learning) = &mut self.role else { return };
        if request.throttled {
            return self.answer_in_turn(now, request, Some(Code::ThrottledOp));
        }
        let limits = self.replica.front.settings.limits;
        let refused = match upgrade::upgrade(&request, &learning.sessions, limits) {
            Ok(None) => None,
            Ok(Some(first)) => {
                self.ask_leader(now, first, None);
                None
            }
            Err(code) => {
                warn!("Error creating upgrade request: {code:?}");
                Some(code)
            }
        };
        self.ask_or_answer(now, request, refused);
    }

    fn ask_or_answer(&mut self, now: Now, request: Request, refused: Option<Code>) {
        let Role::Learning(learning) = &mut self.role else { return };
        if needs_leader(request.op) && !upgrade::is_local(&request, &learning.sessions) {
            self.ask_leader(now, request, refused);
        } else {
            self.answer_in_turn(now, request, None);
        }
    }

    /// Answers behind what its session has asked for before.
    fn answer_in_turn(&mut self, now: Now, request: Request, refused: Option<Code>) {
        let Role::Learning(learning) = &mut self.role else { return };
        if learning.local.is_free(request.session) {
            self.answer(now, &request, refused);
        } else {
            learning.local.push(Waiting { request, asked: false, refused });
        }
    }

    /// The request waits here for what the leader makes of it.
    fn ask_leader(&mut self, now: Now, request: Request, refused: Option<Code>) {
        let Role::Learning(learning) = &mut self.role else { return };
        let forwarded = ForwardedRequest {
            session: request.session,
            cxid: request.cxid,
            op: request.op,
            body: request.body.to_vec(),
            auth: request.auth.to_vec(),
        };
        learning.local.push(Waiting { request, asked: true, refused });
        self.tell_learner(now, learner::Event::Forward(forwarded));
    }

    /// Local sessions that have not been heard for too long end.
    pub(super) fn learn_tick(&mut self, now: Now, heard_until: Millis) {
        let Role::Learning(learning) = &mut self.role else { return };
        for id in learning.sessions.expired(heard_until) {
            info!("Expiring local session {id}");
            self.replica.front.metrics.stale_sessions_expired.add(1);
            self.ask_or_answer(now, close_request(id, now.mono), None);
        }
        self.learn_waiting(now);
    }

    fn ask_new_session(&mut self, now: Now, connect: &Connect) {
        let Role::Learning(learning) = &mut self.role else { return };
        let session = learning.sessions.create(now.mono, connect.timeout_ms);
        let request = connect::create_session(&self.replica.front, connect, session);
        self.learn_request(now, request);
    }

    /// Only the leader knows whether a session lives, unless it is local.
    fn ask_old_session(&mut self, now: Now, connect: Connect) {
        let Role::Learning(learning) = &mut self.role else { return };
        let (session, timeout) = (connect.session, connect.timeout_ms);
        if let Some(local) = learning.sessions.get(session).filter(|s| s.is_local()).cloned() {
            let local = local.renew(timeout, now.mono).then_some(local);
            connect::reopen(&self.replica.front, &connect.conn, local);
            return self.replica.applier.touch(&connect.conn);
        }
        learning.revalidations.insert(session, connect);
        self.tell_learner(now, learner::Event::Revalidate { session, timeout });
    }

    fn on_revalidated(&mut self, now: Now, id: SessionId, valid: bool) {
        let Role::Learning(learning) = &mut self.role else { return };
        let Some(connect) = learning.revalidations.remove(&id) else { return };
        let session = valid.then(|| learning.sessions.track(id, connect.timeout_ms, now.mono));
        connect::reopen(&self.replica.front, &connect.conn, session);
        self.replica.applier.touch(&connect.conn);
    }

    /// Clients go, what is logged is applied, and another leader is looked for.
    fn leave_leader(&mut self, reload: bool, effects: &mut Vec<Effect>) {
        self.replica.stop_serving();
        self.steps.clear();
        let role = std::mem::replace(&mut self.role, Role::Looking(Looking::default()));
        if let Role::Learning(learning) = role {
            self.close(learning.link, effects);
            self.refusals.note(learning.leader);
            if let Some(half) = learning.reception
                && self.settings.faults.learner.keep_half_snapshot
                && let Ok(loaded) = half.finish()
            {
                self.replica.install(loaded, 0);
            }
            let Replica { front, applier, .. } = &mut self.replica;
            learning.gate.abandon(front, applier);
            for request in learning.local.abandon() {
                applier.drop_request(front, &request);
            }
        }
        self.end_term(reload);
    }
}

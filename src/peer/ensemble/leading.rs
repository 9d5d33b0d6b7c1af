//! A leader with its learners. Its pipeline is that of a server alone, with the quorum in the place of
//! the disk.

use std::collections::BTreeMap;
use std::sync::Arc;

use jute::Limits;
use log::{info, warn};

use super::figures;
use super::read_only::Looking;
use super::{Effect, Ensemble, Learners, Role, Settings, Status, Step};
use crate::ids::{Millis, Zxid};
use crate::peer::Now;
use crate::peer::pipeline::Pipeline;
use crate::server::front::Serving;
use crate::server::histogram::Quantiles;
use crate::server::metrics::ServerMetrics;
use crate::server::request::Input;
use crate::server::sessions::SessionTracker;
use crate::server::stats::BufferStats;
use crate::zab::leader::{self, Leader};
use crate::zab::packet::{Packet, PacketReader};
use crate::zab::quorum::Quorums;
use crate::zab::sync::Entry;
use crate::zab::{LearnerType, LinkId};

/// The longest field of a packet by which a learner says who it is, in bytes; it has 20.
const FIRST_PACKET_MAX: usize = 1024;

/// The leader and what comes from its learners.
#[derive(Debug)]
pub(super) struct Leading {
    machine: Leader,
    /// What the machine wants, on its way to the queue: empty, and kept for its memory.
    wanted: Vec<leader::Effect>,
    /// There from the moment that a quorum has the history.
    pub(super) pipeline: Option<Pipeline>,
    links: BTreeMap<LinkId, LearnerLink>,
    /// Links that have bytes to be looked at.
    fed: Vec<LinkId>,
    /// Requests of learners that are still to be prepared.
    pub(super) requests: Vec<Input>,
    /// Committed, still to be applied.
    pub(super) commits: Vec<Entry>,
    /// When the quorum had the history.
    established: Option<Millis>,
    /// Sizes of the proposals in bytes.
    pub(super) proposals: BufferStats,
}

#[derive(Debug)]
struct LearnerLink {
    reader: PacketReader,
    /// What is to follow behind the snapshot that is being sent.
    held: Option<Vec<u8>>,
    /// How old proposals are when it acknowledges them; there from the first on.
    ack_latency: Option<Arc<Quantiles>>,
}

impl Settings {
    fn measures_acks_of(&self, zxid: Zxid) -> bool {
        self.ack_logging_frequency > 0 && zxid.0 % self.ack_logging_frequency == 0
    }
}

impl LearnerLink {
    /// One that has not said who it is.
    fn new() -> Self {
        let reader = PacketReader::new(Limits::new(FIRST_PACKET_MAX, 0));
        Self { reader, held: None, ack_latency: None }
    }
}

impl Leading {
    pub(super) fn pipeline(&self) -> Option<&Pipeline> {
        self.pipeline.as_ref()
    }

    pub(super) fn deadline(&self) -> Option<Millis> {
        let of_pipeline = self.pipeline.as_ref().map(Pipeline::deadline);
        self.machine.deadline().into_iter().chain(of_pipeline).min()
    }

    pub(super) fn is_timer_due(&self, now: Millis) -> bool {
        self.machine.deadline().is_some_and(|at| now >= at)
    }

    pub(super) fn accepted(&mut self, link: LinkId) {
        self.links.insert(link, LearnerLink::new());
    }

    /// False if the connection is not known.
    pub(super) fn feed(&mut self, link: LinkId, bytes: Vec<u8>) -> bool {
        let Some(learner) = self.links.get_mut(&link) else { return false };
        learner.reader.feed(bytes);
        self.fed.push(link);
        true
    }

    /// A learner acknowledges a proposal; what has its quorum already is not looked at.
    fn note_ack(&mut self, metrics: &ServerMetrics, link: LinkId, zxid: Zxid, now: Now) {
        let Some(age) = self.machine.outstanding(zxid).and_then(|e| figures::age(&e.record, now))
        else {
            return;
        };
        let Some(learner) = self.links.get_mut(&link) else { return };
        if learner.ack_latency.is_none() {
            let mut learners = self.machine.learners();
            let sid = learners.find(|l| l.link == link).and_then(|l| l.sid);
            learner.ack_latency = sid.and_then(|sid| metrics.ack_latency.of(&sid.to_string()));
        }
        learner.ack_latency.iter().for_each(|latency| latency.add(age));
    }

    /// The leader's own acks.
    pub(super) fn note_durable(
        &self,
        metrics: &ServerMetrics,
        settings: &Settings,
        zxid: Zxid,
        now: Now,
    ) {
        for entry in self.machine.becoming_durable(zxid) {
            let Some(age) = figures::age(&entry.record, now) else { continue };
            metrics.proposal_ack_creation_latency.add(age);
            if settings.measures_acks_of(entry.zxid) {
                let own = metrics.ack_latency.of(&settings.my_id.to_string());
                own.iter().for_each(|latency| latency.add(age));
            }
        }
    }

    pub(super) fn closed(&mut self, link: LinkId) {
        self.links.remove(&link);
    }

    pub(super) fn status(&self, quorums: &Quorums) -> Status {
        let phase = if self.machine.is_broadcasting() { "broadcast" } else { "discovery" };
        let mut learners =
            Learners { pending_syncs: self.machine.pending_syncs(), ..Learners::default() };
        for learner in self.machine.learners() {
            learners.connected += 1;
            let votes = learner.sid.is_some_and(|sid| quorums.is_voter(sid));
            match (learner.kind, learner.forwarding) {
                (_, false) => {}
                (LearnerType::Observer, true) => learners.synced_observers += 1,
                (LearnerType::Participant, true) => {
                    learners.synced_followers += 1;
                    learners.synced_non_voting += usize::from(!votes);
                }
            }
        }
        Status {
            state: "leader",
            peer_state: format!("leading - {phase}"),
            sessions: self.pipeline.as_ref().map_or(0, |p| p.sessions().committed().len()),
            local_sessions: self.pipeline.as_ref().map_or(0, |p| p.sessions().local_len()),
            learners: Some(learners),
            leading_since: self.established,
            proposal_sizes: Some([
                self.proposals.last(),
                self.proposals.min(),
                self.proposals.max(),
            ]),
            observer_master: None,
        }
    }
}

impl Ensemble {
    pub(super) fn begin_leading(&mut self, now: Now, effects: &mut Vec<Effect>) {
        info!("LEADING");
        effects.push(Effect::Listen(true));
        let s = &self.settings;
        let settings = leader::Settings {
            my_id: s.my_id,
            tick_time: s.tick_time,
            init_limit: s.init_limit,
            sync_limit: s.sync_limit,
            max_time_to_wait_for_epoch: s.max_time_to_wait_for_epoch,
            max_concurrent_snap_syncs: s.max_concurrent_snap_syncs,
            max_concurrent_diff_syncs: s.max_concurrent_diff_syncs,
            max_strangers: s.max_strangers,
            spare_after: s.spare_after,
            reconfig_enabled: false,
            sync: s.sync,
            faults: s.faults.leader,
        };
        let start = leader::Start {
            accepted_epoch: self.epochs.accepted,
            current_epoch: self.epochs.current,
            last_zxid: self.replica.last_zxid(),
        };
        let mut wanted = Vec::new();
        let (quorums, history) = (self.quorums.clone(), &self.replica.history);
        let machine = Leader::new(settings, quorums, start, now.mono, history, &mut wanted);
        self.steps.extend(wanted.drain(..).map(Step::Leader));
        self.role = Role::Leading(Box::new(Leading {
            machine,
            wanted,
            pipeline: None,
            links: BTreeMap::new(),
            fed: Vec::new(),
            requests: Vec::new(),
            commits: Vec::new(),
            established: None,
            proposals: BufferStats::default(),
        }));
    }

    /// Nobody can follow; another election may find another leader (`QuorumPeer.makeLeader`).
    pub(super) fn on_cannot_listen(&mut self, now: Now, effects: &mut Vec<Effect>) {
        if matches!(self.role, Role::Leading(_)) {
            warn!("Leader failed to initialize any of its sockets");
            self.stop_leading(now, effects);
        }
    }

    pub(super) fn tell_leader(&mut self, now: Now, event: leader::Event) {
        let Role::Leading(leading) = &mut self.role else { return };
        leading.machine.step(now.mono, event, &self.replica.history, &mut leading.wanted);
        self.steps.extend(leading.wanted.drain(..).map(Step::Leader));
    }

    /// Takes one packet of a learner; true if there was one.
    pub(super) fn take_learners_packet(&mut self, now: Now, effects: &mut Vec<Effect>) -> bool {
        let Role::Leading(leading) = &mut self.role else { return false };
        while let Some(link) = leading.fed.last().copied() {
            let Some(learner) = leading.links.get_mut(&link) else {
                leading.fed.pop();
                continue;
            };
            match learner.reader.next_packet() {
                Ok(Some(packet)) => {
                    if matches!(packet, Packet::LearnerInfo(_)) {
                        learner.reader.set_limits(self.replica.front.settings.limits);
                        effects.push(Effect::Know(link));
                    }
                    self.take_packet(now, link, packet);
                    return true;
                }
                Ok(None) => {
                    leading.fed.pop();
                }
                Err(e) => {
                    warn!("a learner sent what makes no sense: {e}");
                    leading.links.remove(&link);
                    self.close(link, effects);
                    self.tell_leader(now, leader::Event::LearnerClosed { link });
                    return true;
                }
            }
        }
        false
    }

    fn take_packet(&mut self, now: Now, link: LinkId, packet: Packet) {
        let acked = if let Packet::Ack { zxid } = packet { Some(zxid) } else { None };
        // Only the ack of NEWLEADER has this counter, and only that ends a sync.
        let ends_sync = acked.is_some_and(|zxid| zxid.counter() == 0);
        let syncing = if ends_sync { self.syncs_in_progress() } else { [0; 2] };
        if let (Some(zxid), Role::Leading(leading)) = (acked, &mut self.role)
            && self.settings.measures_acks_of(zxid)
        {
            leading.note_ack(&self.replica.front.metrics, link, zxid, now);
        }
        self.tell_leader(now, leader::Event::Packet { link, packet });
        if ends_sync {
            let left = self.syncs_in_progress();
            figures::note_synced(&self.replica.front.metrics, syncing, left);
        }
    }

    fn syncs_in_progress(&self) -> [usize; 2] {
        match &self.role {
            Role::Leading(leading) => leading.machine.syncs_in_progress(),
            _ => [0; 2],
        }
    }

    pub(super) fn carry_out_leader(
        &mut self,
        now: Now,
        effect: leader::Effect,
        effects: &mut Vec<Effect>,
    ) {
        use leader::Effect as E;
        match effect {
            E::Send { link, packet } => {
                if matches!(packet, Packet::Diff { .. } | Packet::Trunc { .. }) {
                    let [diffs, _] = self.syncs_in_progress();
                    self.replica.front.metrics.diff_count.add(1);
                    self.replica.front.metrics.inflight_diff_count.add(diffs as i64);
                }
                self.send_learner(link, &packet);
            }
            E::SendSnapshot { link, zxid } => {
                let [_, snaps] = self.syncs_in_progress();
                self.replica.front.metrics.snap_count.add(1);
                self.replica.front.metrics.inflight_snap_count.add(snaps as i64);
                self.send_snapshot(link, zxid, effects);
            }
            E::ReadTxnLog { link, from } => effects.push(Effect::ReadTxnLog(link, from)),
            E::Close { link, sid, why } => {
                let sid = sid.map_or_else(|| "unknown".to_owned(), |sid| sid.to_string());
                warn!("closing the connection of learner {sid}: {why}");
                if let Role::Leading(leading) = &mut self.role {
                    leading.closed(link);
                }
                self.close(link, effects);
            }
            E::WriteAcceptedEpoch(epoch) => {
                self.epochs.accepted = epoch;
                self.barrier(Effect::WriteAcceptedEpoch(epoch), effects);
            }
            E::WriteCurrentEpoch(epoch) => {
                self.epochs.current = epoch;
                self.barrier(Effect::WriteCurrentEpoch(epoch), effects);
            }
            E::SyncLog => self.barrier(Effect::SyncLog, effects),
            E::Append { zxid, record } => self.replica.append(zxid, record),
            E::Commit { zxid, record } => {
                if let Role::Leading(leading) = &mut self.role {
                    leading.commits.push(Entry { zxid, record });
                }
            }
            E::Lead { zxid } => self.lead(now, zxid, effects),
            E::Touch { sessions, .. } => self.touch(now, &sessions),
            E::Revalidate { link, session, timeout } => {
                self.revalidate(now, link, session, timeout);
            }
            E::Request { link, request } => self.lead_request(now, link, request),
            // Syncs of this server's own clients keep their place in the pipeline.
            E::SyncDone(_) => {}
            // Only with `reconfigEnabled`, which this version refuses.
            E::SetLastSeenConfig(_) | E::ActivateConfig(_) => {}
            E::GiveUp(why) => {
                warn!("Shutting down: {why}");
                if matches!(why, leader::GiveUpReason::DisloyalVoter(_)) {
                    self.replica.front.metrics.quit_leading_due_to_disloyal_voter.add(1);
                }
                self.stop_leading(now, effects);
            }
        }
    }

    fn send_learner(&mut self, link: LinkId, packet: &Packet) {
        let Role::Leading(leading) = &mut self.role else { return };
        let Some(learner) = leading.links.get_mut(&link) else { return };
        if let Some(held) = &mut learner.held {
            packet.encode(held);
            return;
        }
        self.outbox.send(link, packet);
    }

    fn send_snapshot(&mut self, link: LinkId, zxid: Zxid, effects: &mut Vec<Effect>) {
        let Role::Leading(leading) = &mut self.role else { return };
        let Some(learner) = leading.links.get_mut(&link) else { return };
        info!("Sending snapshot last zxid of peer, {zxid}");
        learner.held = Some(Vec::new());
        let mut bytes = Vec::new();
        Packet::Snap { zxid }.encode(&mut bytes);
        self.outbox.flush(effects);
        effects.push(Effect::SendSnapshot(link, bytes));
    }

    pub(super) fn on_snapshot_sent(&mut self, now: Now, link: LinkId, effects: &mut Vec<Effect>) {
        let Role::Leading(leading) = &mut self.role else { return };
        let Some(learner) = leading.links.get_mut(&link) else { return };
        if let Some(held) = learner.held.take().filter(|held| !held.is_empty()) {
            effects.push(Effect::Send(link, held));
        }
        self.tell_leader(now, leader::Event::SnapshotSent { link });
    }

    /// The sessions that the history has, each heard just now.
    fn leaders_sessions(&self, now: Now) -> SessionTracker {
        let s = &self.settings;
        // A learner that has not answered for `syncLimit` ticks is given up, and what it sent before an
        // answer comes before it. Its own queues get as long again.
        let late = 2 * s.sync_limit * s.tick_time;
        let mut sessions = SessionTracker::new(s.my_id.0, s.tick_time as i32, now.wall)
            .of_leader(s.local_sessions, late);
        for (id, timeout) in &self.replica.sessions {
            sessions.restore(*id, *timeout, now.mono);
        }
        sessions
    }

    /// A quorum has the history: sessions are tracked, requests are taken.
    fn lead(&mut self, now: Now, zxid: Zxid, effects: &mut Vec<Effect>) {
        self.replica.begin_epoch(zxid);
        let s = &self.settings;
        let sessions = self.leaders_sessions(now);
        let front = &self.replica.front;
        let mut pipeline = Pipeline::new(s.pipeline.parts(front, &self.auth, sessions, now.mono));
        if let Some(counter) = s.initial_zxid {
            pipeline.begin_behind(Zxid(zxid.0 | counter));
        }
        if let Role::Leading(leading) = &mut self.role {
            leading.pipeline = Some(pipeline);
            leading.established = Some(now.mono);
        }
        effects.push(Effect::EpochEstablished(zxid.epoch()));
        if self.settings.leader_serves {
            self.replica.front.set_serving(Serving::Yes);
        }
        self.note_broadcasting(now);
        info!("Peer state changed: {}", self.status().peer_state);
    }

    /// Learners and clients go, what is logged is applied, and another leader is looked for.
    fn stop_leading(&mut self, now: Now, effects: &mut Vec<Effect>) {
        self.apply_commits(now);
        self.replica.stop_serving();
        self.steps.clear();
        self.outbox.flush(effects);
        effects.push(Effect::Listen(false));
        let role = std::mem::replace(&mut self.role, Role::Looking(Looking::default()));
        if let Role::Leading(leading) = role {
            effects.extend(leading.links.keys().map(|link| Effect::Close(*link)));
            if let Some(pipeline) = leading.pipeline {
                self.replica.sessions = pipeline.abandon();
            }
        }
        self.end_term(false);
    }
}

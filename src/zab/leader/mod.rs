//! The leader, from its election to the loss of its quorum (`Leader`, `LearnerHandler`).
//!
//! One struct for each phase, in this order: [`Discovery`](discovery::Discovery) (which epoch?),
//! [`Electing`](discovery::Electing) (does a quorum accept it?),
//! [`Synchronizing`](synchronizing::Synchronizing) (does a quorum have the history?),
//! [`Broadcasting`](broadcasting::Broadcasting). What the leader knows of each learner stands in
//! its [`LearnerHandler`](learner_handler::LearnerHandler), which has stages of its own: a learner
//! may come at any time.

mod broadcasting;
mod discovery;
mod handshake;
mod learner_handler;
mod settled;
mod synchronizing;
mod thrift;
mod types;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use self::broadcasting::Broadcasting;
use self::discovery::{Discovery, Electing};
use self::learner_handler::{LearnerHandler, Stage, SyncSlot};
use self::synchronizing::Synchronizing;
pub use self::types::{
    Effect, Event, Faults, GiveUpReason, LearnerFault, LearnerStatus, Settings, Start, SyncOrigin,
};
use super::LinkId;
use super::packet::Packet;
use super::quorum::Quorums;
use super::sync::{Entry, History};
use crate::ids::{Millis, Sid, Zxid};

/// A leader with its learners.
#[derive(Debug)]
pub struct Leader {
    settings: Settings,
    quorums: Quorums,
    start: Start,
    phase: Phase,
    learners: BTreeMap<LinkId, LearnerHandler>,
    /// The next id for a learner that tells none.
    follower_counter: i64,
    /// Ticks since the leader began to lead.
    tick: i64,
    /// A voter that may not follow, because it has accepted a later epoch: when it called first and
    /// last.
    outranked: Option<(Millis, Millis)>,
    /// Voters with a history of a later epoch.
    ahead: BTreeSet<Sid>,
    /// When to ping; every second time a tick is over.
    next_half_tick: Millis,
    half: bool,
}

#[derive(Debug)]
enum Phase {
    Discovery(Discovery),
    Electing(Electing),
    Synchronizing(Synchronizing),
    Broadcasting(Broadcasting),
    Over,
}

impl Leader {
    /// The server was elected. Effects may follow at once: an ensemble of one needs nobody.
    pub fn new(
        settings: Settings,
        quorums: Quorums,
        start: Start,
        now: Millis,
        history: &History,
        out: &mut Vec<Effect>,
    ) -> Self {
        let mut leader = Self {
            phase: Phase::Discovery(Discovery::new(settings.my_id, start.accepted_epoch, now)),
            next_half_tick: now + settings.tick_time / 2,
            settings,
            quorums,
            start,
            learners: BTreeMap::new(),
            follower_counter: -1,
            outranked: None,
            ahead: BTreeSet::new(),
            tick: 0,
            half: false,
        };
        leader.check_discovery(now, history, out);
        leader
    }

    /// When the machine wants an [`Event::Timer`].
    pub fn deadline(&self) -> Option<Millis> {
        match self.phase {
            Phase::Over => None,
            _ => Some(
                self.held_until().map_or(self.next_half_tick, |at| at.min(self.next_half_tick)),
            ),
        }
    }

    /// Whether a quorum is synced and requests are taken.
    pub fn is_broadcasting(&self) -> bool {
        matches!(self.phase, Phase::Broadcasting(_))
    }

    /// The learners, for `mntr`, `srvr` and the admin server.
    pub fn learners(&self) -> impl Iterator<Item = LearnerStatus> + '_ {
        self.learners.iter().map(|(link, learner)| LearnerStatus {
            link: *link,
            sid: learner.sid,
            kind: learner.kind,
            forwarding: learner.is_forwarding(),
            synced: learner.is_synced(self.tick),
        })
    }

    /// How many learners are being brought up to date: by DIFF or TRUNC, and by SNAP.
    pub fn syncs_in_progress(&self) -> [usize; 2] {
        [SyncSlot::Diff, SyncSlot::Snap]
            .map(|slot| self.learners.values().filter(|l| l.sync_slot == Some(slot)).count())
    }

    /// A proposal that waits for its quorum.
    pub fn outstanding(&self, zxid: Zxid) -> Option<&Entry> {
        match &self.phase {
            Phase::Broadcasting(phase) => phase.outstanding(zxid),
            _ => None,
        }
    }

    /// The proposals that [`Event::Durable`] with this zxid makes durable here and that wait for their
    /// quorum.
    pub fn becoming_durable(&self, zxid: Zxid) -> impl Iterator<Item = &Entry> {
        let phase = match &self.phase {
            Phase::Broadcasting(phase) => Some(phase),
            _ => None,
        };
        phase.into_iter().flat_map(move |phase| phase.becoming_durable(zxid))
    }

    /// How many syncs wait for the proposals before them.
    pub fn pending_syncs(&self) -> usize {
        match &self.phase {
            Phase::Broadcasting(phase) => phase.pending_syncs(),
            _ => 0,
        }
    }

    /// Takes an event, appends what is to be done. `history` is that of the tree and committed log
    /// at this moment.
    ///
    /// # Panics
    /// If the shell breaks the protocol: a proposal out of order, or before the leader leads.
    pub fn step(&mut self, now: Millis, event: Event, history: &History, out: &mut Vec<Effect>) {
        if matches!(self.phase, Phase::Over) {
            return;
        }
        let following = self.following();
        match event {
            Event::LearnerConnected { link } => self.on_connected(now, link),
            Event::LearnerClosed { link } => {
                self.learners.remove(&link);
            }
            Event::Packet { link, packet } => self.on_packet(now, link, packet, history, out),
            Event::Progress { link } => self.heard(now, link),
            Event::SnapshotSent { link } => self.on_snapshot_sent(now, link, out),
            Event::TxnLogRead { link, entries } => {
                self.on_txn_log_read(now, link, &entries, history, out);
            }
            Event::VoterLooking { sid, epoch } => self.on_voter_looking(now, sid, epoch, out),
            Event::Timer => self.on_timer(now, out),
            Event::Propose { zxid, record } => self.on_propose(now, zxid, record, out),
            Event::Durable(zxid) => self.on_durable(now, zxid, out),
            Event::Applied(zxid) => self.on_applied(zxid),
            Event::Sync(origin) => self.on_sync(origin, out),
            Event::Revalidated { link, session, valid } => {
                self.send(link, Packet::Revalidated { session, valid }, out);
            }
        }
        if self.following() < following {
            self.on_learner_gone(now, out);
        }
    }

    /// How many learners have been brought up to date.
    fn following(&self) -> usize {
        self.learners.values().filter(|learner| learner.stage == Stage::Following).count()
    }

    fn on_connected(&mut self, now: Millis, link: LinkId) {
        let limit = self.tick + self.settings.init_limit + self.settings.sync_limit;
        self.learners.insert(link, LearnerHandler::new(now, limit));
    }

    fn heard(&mut self, now: Millis, link: LinkId) {
        if let Some(learner) = self.learners.get_mut(&link) {
            learner.last_heard = Some(now);
        }
    }

    fn on_packet(
        &mut self,
        now: Millis,
        link: LinkId,
        packet: Packet,
        history: &History,
        out: &mut Vec<Effect>,
    ) {
        self.heard(now, link);
        let Some(learner) = self.learners.get(&link) else { return };
        if learner.is_handshaking() {
            self.on_handshake_packet(now, link, packet, history, out);
        } else {
            self.on_settled_packet(now, link, packet, out);
        }
    }

    /// Sends to a learner that is still there.
    fn send(&self, link: LinkId, packet: Packet, out: &mut Vec<Effect>) {
        if self.learners.contains_key(&link) {
            out.push(Effect::Send { link, packet });
        }
    }

    fn drop_learner(&mut self, link: LinkId, why: LearnerFault, out: &mut Vec<Effect>) {
        if let Some(learner) = self.learners.remove(&link) {
            out.push(Effect::Close { link, sid: learner.sid, why });
        }
    }

    fn give_up(&mut self, why: GiveUpReason, out: &mut Vec<Effect>) {
        self.phase = Phase::Over;
        self.learners.clear();
        out.push(Effect::GiveUp(why));
    }

    /// Whether `sid` votes in the committed configuration.
    fn is_participant(&self, sid: Sid) -> bool {
        self.quorums.committed().is_voter(sid)
    }

    fn init_timeout(&self) -> Millis {
        self.settings.init_limit * self.settings.tick_time
    }

    fn sync_timeout(&self) -> Millis {
        self.settings.sync_limit * self.settings.tick_time
    }

    /// A voter gave up while this leader still waits for its epoch: after
    /// `leader.maxTimeToWaitForEpoch` that is taken for disloyalty (`reportLookingSid`).
    fn on_voter_looking(&mut self, now: Millis, sid: Sid, epoch: i64, out: &mut Vec<Effect>) {
        if self.new_leader_zxid().is_some_and(|own| epoch > own.epoch()) {
            self.ahead.insert(sid);
        } else {
            self.ahead.remove(&sid);
        }
        let Phase::Discovery(phase) = &self.phase else { return };
        let limit = self.settings.max_time_to_wait_for_epoch;
        let waited = now - phase.since();
        if limit >= 0 && waited > limit && self.quorums.is_voter(sid) {
            self.give_up(GiveUpReason::DisloyalVoter(sid), out);
        }
    }

    fn on_timer(&mut self, now: Millis, out: &mut Vec<Effect>) {
        self.send_late(now, out);
        if now < self.next_half_tick {
            return;
        }
        let half_tick = (self.settings.tick_time / 2).max(1);
        let next = self.next_half_tick + half_tick;
        self.next_half_tick = if next > now { next } else { now + half_tick };
        self.drop_silent_learners(now, out);
        let init_timeout = self.init_timeout();
        let late = |since: Millis| now - since >= init_timeout;
        match &self.phase {
            Phase::Discovery(phase) if late(phase.since()) => {
                self.give_up(GiveUpReason::EpochTimeout, out);
            }
            Phase::Electing(phase) if late(phase.since()) => {
                self.give_up(GiveUpReason::EpochAckTimeout, out);
            }
            Phase::Synchronizing(phase) if late(phase.since()) => {
                let why = GiveUpReason::NewLeaderTimeout(phase.synced_with());
                self.give_up(why, out);
            }
            Phase::Broadcasting(_) => self.on_half_tick(now, out),
            _ => {}
        }
    }

    fn drop_silent_learners(&mut self, now: Millis, out: &mut Vec<Effect>) {
        let (init, sync) = (self.init_timeout(), self.sync_timeout());
        let silent = self.learners.iter().filter_map(|(link, learner)| {
            let ms = now - learner.expected_since()?;
            let limit = if learner.has_acked_new_leader() { sync } else { init };
            (ms >= limit).then_some((*link, ms))
        });
        for (link, ms) in silent.collect::<Vec<_>>() {
            self.drop_learner(link, LearnerFault::Silent(ms), out);
        }
    }

    /// Counter 0 of the leader's epoch.
    fn new_leader_zxid(&self) -> Option<Zxid> {
        let epoch = match &self.phase {
            Phase::Electing(phase) => phase.epoch(),
            Phase::Synchronizing(phase) => phase.epoch(),
            Phase::Broadcasting(phase) => phase.epoch(),
            Phase::Discovery(_) | Phase::Over => return None,
        };
        Some(Zxid::new(epoch, 0))
    }

    /// The first leader of an ensemble with reconfiguration gives the configuration a version: the
    /// zxid of its NEWLEADER (ZOOKEEPER-1783).
    fn version_config(&mut self, zxid: Zxid, out: &mut Vec<Effect>) {
        let (committed, last_seen) = (self.quorums.committed(), self.quorums.last_seen());
        if self.settings.reconfig_enabled && committed.version() == 0 && last_seen.version() == 0 {
            let versioned = Arc::new(committed.with_version(zxid.0));
            self.quorums.set_last_seen(Arc::clone(&versioned));
            out.push(Effect::SetLastSeenConfig(versioned));
        }
    }
}

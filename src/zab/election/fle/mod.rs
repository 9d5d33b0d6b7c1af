//! Fast leader election (`FastLeaderElection`): a round in which each server tells all others whom
//! it would have lead, changes its mind for a better candidate, and is done when a quorum wants the
//! same and nothing better was heard of for a while.

mod face;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub use self::face::{Effect, Event, Rejection, Settings};
use super::notification::{self, Notification};
use super::vote::{Candidate, NOBODY, Vote};
use crate::ids::{Millis, Sid, Zxid};
use crate::zab::quorum::{QuorumVerifier, Quorums, SyncedLearnerTracker};
use crate::zab::{LearnerType, ServerState};

/// How many may speak before the first round and be heard in it, besides the voters.
const MAX_EARLY: usize = 16;

/// One server's part in the election.
#[derive(Debug)]
pub struct FastLeaderElection {
    settings: Settings,
    quorums: Quorums,
    /// The committed configuration as text, which each notification carries.
    config: Arc<[u8]>,
    /// The round.
    logical_clock: i64,
    /// What the server is doing, for those who ask.
    state: ServerState,
    /// What was decided last.
    current: Vote,
    /// What others said before this server's first round, the last of each. It can say nothing
    /// sensible to them yet: they would take its answer for that of a laggard, and answer again.
    early: BTreeMap<Sid, Vec<u8>>,
    looking: Option<Looking>,
}

/// A round.
#[derive(Debug)]
struct Looking {
    /// What the server itself has to offer.
    own: Candidate,
    /// Whom it wants at the moment.
    proposed: Candidate,
    /// The votes of this round.
    received: BTreeMap<Sid, Vote>,
    /// The votes of servers that have a leader, of whatever round.
    out_of_election: BTreeMap<Sid, Vote>,
    /// Who could not be connected to and was not heard of since.
    unreachable: BTreeSet<Sid>,
    /// How long to wait for notifications before sending again; doubles.
    interval: Millis,
    /// When that is over.
    resend_at: Millis,
    /// A quorum wants `proposed`: when to stop waiting for a better one.
    finalize_at: Option<Millis>,
}

/// A notification from a voter, about a voter.
#[derive(Debug, Clone, Copy)]
struct Received {
    from: Sid,
    vote: Vote,
}

impl FastLeaderElection {
    /// A server that has not voted yet. `own` is what it would say if asked before its first round.
    pub fn new(settings: Settings, quorums: Quorums, zxid: Zxid, peer_epoch: i64) -> Self {
        let own = Candidate { leader: settings.my_id, zxid, peer_epoch };
        Self {
            config: config_text(&quorums),
            settings,
            quorums,
            logical_clock: 0,
            state: ServerState::Looking,
            current: Vote { election_epoch: -1, ..Vote::looking(own, -1) },
            early: BTreeMap::new(),
            looking: None,
        }
    }

    /// When the machine wants a [`Event::Timer`], on the clock of `now`.
    pub fn deadline(&self) -> Option<Millis> {
        self.looking.as_ref().map(|l| l.finalize_at.unwrap_or(l.resend_at))
    }

    /// What the server is doing as far as the election knows.
    pub fn state(&self) -> ServerState {
        self.state
    }

    /// What was decided last.
    pub fn current_vote(&self) -> &Vote {
        &self.current
    }

    /// The round.
    pub fn logical_clock(&self) -> i64 {
        self.logical_clock
    }

    /// Takes an event, appends what is to be done.
    pub fn step(&mut self, now: Millis, event: Event<'_>, out: &mut Vec<Effect>) {
        match event {
            Event::Look { zxid, peer_epoch } => self.on_look(now, zxid, peer_epoch, out),
            Event::Message { from, bytes } => self.on_message(now, from, bytes, out),
            Event::Unreachable(sid) => self.on_unreachable(now, sid, out),
            Event::Timer { have_delivered } => self.on_timer(now, have_delivered, out),
            Event::EpochEstablished(epoch) => self.current.candidate.peer_epoch = epoch,
            Event::Quorums(quorums) => self.set_quorums(quorums),
        }
    }

    fn set_quorums(&mut self, quorums: Quorums) {
        self.config = config_text(&quorums);
        self.quorums = quorums;
    }

    fn on_look(&mut self, now: Millis, zxid: Zxid, peer_epoch: i64, out: &mut Vec<Effect>) {
        let own = self.own_candidate(zxid, peer_epoch);
        self.begin_round(now, own, out);
        for (from, bytes) in std::mem::take(&mut self.early) {
            self.on_message(now, from, &bytes, out);
        }
    }

    fn own_candidate(&self, zxid: Zxid, peer_epoch: i64) -> Candidate {
        let my_id = self.settings.my_id;
        let leader = if self.quorums.committed().is_voter(my_id) { my_id } else { NOBODY };
        match self.settings.kind {
            LearnerType::Participant => Candidate { leader, zxid, peer_epoch },
            LearnerType::Observer => {
                Candidate { leader, zxid: Zxid(i64::MIN), peer_epoch: i64::MIN }
            }
        }
    }

    fn begin_round(&mut self, now: Millis, own: Candidate, out: &mut Vec<Effect>) {
        self.state = ServerState::Looking;
        self.logical_clock = self.logical_clock.wrapping_add(1);
        let interval = self.settings.min_notification_interval;
        self.looking = Some(Looking {
            own,
            proposed: own,
            received: BTreeMap::new(),
            out_of_election: BTreeMap::new(),
            unreachable: BTreeSet::new(),
            interval,
            resend_at: now + interval,
            finalize_at: None,
        });
        self.send_notifications(out);
    }

    /// Tells all voters whom this server wants (`sendNotifications`).
    fn send_notifications(&self, out: &mut Vec<Effect>) {
        let Some(looking) = &self.looking else { return };
        let vote = Vote::looking(looking.proposed, self.logical_clock);
        let bytes: Arc<[u8]> = notification::encode(&vote, &self.config).into();
        for to in self.quorums.voters() {
            out.push(Effect::Send { to, bytes: Arc::clone(&bytes) });
        }
    }

    fn on_timer(&mut self, now: Millis, have_delivered: bool, out: &mut Vec<Effect>) {
        let max = self.settings.max_notification_interval;
        let Some(looking) = &mut self.looking else { return };
        if let Some(at) = looking.finalize_at {
            if now >= at {
                let vote = Vote::looking(looking.proposed, self.logical_clock);
                self.decide(vote, out);
            }
        } else if now >= looking.resend_at {
            looking.interval = looking.interval.saturating_mul(2).min(max);
            looking.resend_at = now + looking.interval;
            if have_delivered {
                self.send_notifications(out);
            } else {
                out.push(Effect::ConnectAll);
            }
        }
    }

    fn on_unreachable(&mut self, now: Millis, sid: Sid, out: &mut Vec<Effect>) {
        let Some(looking) = self.looking.as_mut().filter(|_| self.quorums.is_voter(sid)) else {
            return;
        };
        looking.unreachable.insert(sid);
        if looking.finalize_at.is_some() {
            self.count_votes(now, out);
        }
    }

    fn on_message(&mut self, now: Millis, from: Sid, bytes: &[u8], out: &mut Vec<Effect>) {
        let n = match Notification::parse(bytes) {
            Ok(n) => n,
            Err(e) => {
                return out.push(Effect::Rejected { from, why: Rejection::Notification(e) });
            }
        };
        if self.looking.is_none() && self.state == ServerState::Looking {
            return self.keep_early(from, bytes);
        }
        if self.adopts_config(now, &n, out) {
            return;
        }
        if !self.quorums.is_voter(from) {
            return self.answer_non_voter(from, out);
        }
        let Some(state) = n.state else {
            return out.push(Effect::Rejected { from, why: Rejection::State });
        };
        let vote = Vote {
            candidate: n.candidate,
            election_epoch: n.election_epoch,
            state,
            version: n.version,
        };
        if self.looking.is_some() {
            self.answer_laggard(from, &vote, out);
            self.on_vote(now, Received { from, vote }, out);
        } else if state == ServerState::Looking {
            out.push(Effect::VoterLooking { sid: from, epoch: vote.candidate.peer_epoch });
            self.answer(from, self.current.candidate, self.current.election_epoch, out);
        }
    }

    fn keep_early(&mut self, from: Sid, bytes: &[u8]) {
        if self.quorums.is_voter(from) || self.early.len() < MAX_EARLY {
            self.early.insert(from, bytes.to_vec());
        }
    }

    /// A configuration with a higher version is taken over while looking, and the round begins anew.
    fn adopts_config(&mut self, now: Millis, n: &Notification<'_>, out: &mut Vec<Effect>) -> bool {
        let (Some(looking), Some(text)) = (&self.looking, n.config) else { return false };
        if !self.settings.reconfig_enabled || *text == *self.config {
            return false;
        }
        let text = jute::decode_java_utf8(text);
        let Ok(theirs) = QuorumVerifier::parse(&text, self.settings.config_options) else {
            return false;
        };
        let ours = Arc::clone(self.quorums.committed());
        if theirs.version() <= ours.version() {
            return false;
        }
        let own = looking.own;
        let theirs = Arc::new(theirs);
        let mut quorums = self.quorums.clone();
        quorums.set_committed(Arc::clone(&theirs));
        self.set_quorums(quorums);
        let restart = !theirs.same_as(&ours);
        out.push(Effect::AdoptConfig(theirs));
        if restart {
            let own = self.own_candidate(own.zxid, own.peer_epoch);
            self.begin_round(now, own, out);
        }
        restart
    }

    /// An observer, or a server that is not a member, is told at once what this server knows.
    fn answer_non_voter(&self, to: Sid, out: &mut Vec<Effect>) {
        self.answer(to, self.current.candidate, self.logical_clock, out);
    }

    /// A server that is in an earlier round is told of this one.
    fn answer_laggard(&self, to: Sid, vote: &Vote, out: &mut Vec<Effect>) {
        let Some(looking) = &self.looking else { return };
        if vote.state == ServerState::Looking && vote.election_epoch < self.logical_clock {
            self.answer(to, looking.proposed, self.logical_clock, out);
        }
    }

    fn answer(&self, to: Sid, candidate: Candidate, round: i64, out: &mut Vec<Effect>) {
        let vote = Vote { candidate, election_epoch: round, state: self.state, version: 0 };
        let bytes = notification::encode(&vote, &self.config).into();
        out.push(Effect::Send { to, bytes });
    }

    fn on_vote(&mut self, now: Millis, n: Received, out: &mut Vec<Effect>) {
        let Some(looking) = &mut self.looking else { return };
        looking.resend_at = now + looking.interval;
        looking.unreachable.remove(&n.from);
        let leader = n.vote.candidate.leader;
        if !self.quorums.is_voter(leader) {
            return out.push(Effect::Rejected { from: n.from, why: Rejection::Leader(leader) });
        }
        match n.vote.state {
            ServerState::Looking => self.on_looking_vote(now, n, out),
            ServerState::Following | ServerState::Leading => self.on_settled_vote(n, out),
            ServerState::Observing => {}
        }
    }

    fn on_looking_vote(&mut self, now: Millis, n: Received, out: &mut Vec<Effect>) {
        let Some(looking) = &self.looking else { return };
        let (theirs, mine) = (n.vote.candidate, looking.proposed);
        if looking.own.zxid == Zxid(-1) || theirs.zxid == Zxid(-1) {
            return;
        }
        if n.vote.election_epoch < self.logical_clock {
            return;
        }
        if n.vote.election_epoch > self.logical_clock {
            self.join_round(n.vote.election_epoch, theirs);
            self.send_notifications(out);
        } else if self.succeeds(&theirs, &mine) {
            self.propose(theirs);
            self.send_notifications(out);
        } else if self.succeeds(&mine, &theirs) && n.from != self.settings.my_id {
            // It began to look after we told everybody; Java leaves it to the next repetition.
            self.answer(n.from, mine, self.logical_clock, out);
        }
        let Some(looking) = &mut self.looking else { return };
        looking.received.insert(n.from, Vote::looking(theirs, n.vote.election_epoch));
        self.count_votes(now, out);
    }

    /// Somebody is in a later round: what was heard in this one counts no more.
    fn join_round(&mut self, round: i64, theirs: Candidate) {
        self.logical_clock = round;
        let Some(looking) = &self.looking else { return };
        let own = looking.own;
        let best = if self.succeeds(&theirs, &own) { theirs } else { own };
        self.propose(best);
        if let Some(looking) = &mut self.looking {
            looking.received.clear();
        }
    }

    fn propose(&mut self, candidate: Candidate) {
        if let Some(looking) = &mut self.looking {
            looking.proposed = candidate;
            looking.finalize_at = None;
        }
    }

    fn succeeds(&self, new: &Candidate, old: &Candidate) -> bool {
        self.quorums.committed().weight(new.leader) != 0 && new.is_better_than(old)
    }

    /// With a quorum for the proposed leader the last wait begins; it is over at once where every
    /// voter wants that one or cannot be reached, for then nobody is left who could tell of a better.
    /// (Java waits for 200 ms whenever a voter is down: most of what its failover takes.)
    fn count_votes(&mut self, now: Millis, out: &mut Vec<Effect>) {
        let wait = self.settings.finalize_wait;
        let Some(looking) = &mut self.looking else { return };
        let vote = Vote::looking(looking.proposed, self.logical_clock);
        let tracker = track(&self.quorums, &looking.received, &vote);
        if !tracker.has_all_quorums() {
            looking.finalize_at = None;
            return;
        }
        let heard = |sid| tracker.acks().contains(sid) || looking.unreachable.contains(&sid);
        if self.quorums.voters().into_iter().all(heard) {
            self.decide(vote, out);
        } else {
            looking.finalize_at.get_or_insert(now + wait);
        }
    }

    /// Somebody has a leader. It is joined where a quorum has it and it says itself that it leads
    /// (`receivedFollowingNotification`).
    fn on_settled_vote(&mut self, n: Received, out: &mut Vec<Effect>) {
        let (quorums, my_id, clock) = (&self.quorums, self.settings.my_id, self.logical_clock);
        let Some(looking) = &mut self.looking else { return };
        let round = n.vote.election_epoch;
        let is_led = |votes: &BTreeMap<Sid, Vote>| {
            track(quorums, votes, &n.vote).has_all_quorums()
                && check_leader(votes, &n.vote, my_id, clock)
        };
        let mut decided = false;
        if round == clock {
            looking.received.insert(n.from, Vote { version: 0, ..n.vote });
            decided = is_led(&looking.received);
        }
        if !decided {
            looking.out_of_election.insert(n.from, n.vote);
            decided = is_led(&looking.out_of_election);
        }
        if decided {
            self.logical_clock = round;
            self.decide(Vote::looking(n.vote.candidate, round), out);
        } else if n.from != n.vote.candidate.leader {
            self.ask_leader(n.vote.candidate.leader, out);
        }
    }

    /// A server follows somebody who has not said yet that it leads, or said so while another vote
    /// was missing. Its word decides; Java waits for the next repetition, up to a minute.
    fn ask_leader(&self, leader: Sid, out: &mut Vec<Effect>) {
        let Some(looking) = &self.looking else { return };
        if leader != self.settings.my_id {
            self.answer(leader, looking.proposed, self.logical_clock, out);
        }
    }

    fn decide(&mut self, vote: Vote, out: &mut Vec<Effect>) {
        self.state = match self.settings.kind {
            _ if vote.candidate.leader == self.settings.my_id => ServerState::Leading,
            LearnerType::Participant => ServerState::Following,
            LearnerType::Observer => ServerState::Observing,
        };
        self.looking = None;
        self.current = vote;
        out.push(Effect::Decided { vote, state: self.state });
    }
}

/// Whether the leader says itself that it leads; without that, servers would go on electing one that
/// has crashed. (`checkLeader`)
fn check_leader(votes: &BTreeMap<Sid, Vote>, vote: &Vote, my_id: Sid, clock: i64) -> bool {
    let leader = vote.candidate.leader;
    if leader == my_id {
        return clock == vote.election_epoch;
    }
    votes.get(&leader).is_some_and(|v| v.state == ServerState::Leading)
}

/// Who of `votes` agrees with `vote` (`getVoteTracker`).
fn track(quorums: &Quorums, votes: &BTreeMap<Sid, Vote>, vote: &Vote) -> SyncedLearnerTracker {
    let mut tracker = SyncedLearnerTracker::new(quorums.clone());
    for (sid, theirs) in votes {
        if vote.agrees_with(theirs) {
            tracker.add_ack(*sid);
        }
    }
    tracker
}

fn config_text(quorums: &Quorums) -> Arc<[u8]> {
    quorums.committed().to_string().into_bytes().into()
}

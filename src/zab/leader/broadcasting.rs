//! The leader leads: proposals go out, acks come in, what a quorum has is committed, in order
//! (`propose`, `processAck`, `tryToCommit`, `lead`).

use std::collections::{BTreeMap, VecDeque};

use super::learner_handler::LearnerHandler;
use super::synchronizing::{send, send_committed};
use super::thrift::{Thrift, held_after};
use super::{Effect, GiveUpReason, Leader, LearnerFault, Phase, SyncOrigin};
use crate::ids::{Millis, Sid, Zxid};
use crate::zab::packet::{Packet, RecordBytes};
use crate::zab::quorum::SyncedLearnerTracker;
use crate::zab::sync::Entry;
use crate::zab::{LearnerType, LinkId};

/// The counter with which an epoch ends.
const LAST_COUNTER: i64 = 0xffff_ffff;

/// A quorum has the history.
#[derive(Debug)]
pub(super) struct Broadcasting {
    epoch: i64,
    last_proposed: Zxid,
    last_committed: Zxid,
    /// The last transaction that is durable here.
    durable: Zxid,
    /// Proposed, not committed; without a gap.
    outstanding: VecDeque<Proposal>,
    /// Committed, not applied.
    to_be_applied: VecDeque<Entry>,
    /// Syncs, each with the last proposal before it.
    pending_syncs: VecDeque<(Zxid, SyncOrigin)>,
    /// Who need not be asked at once.
    pub(super) thrift: Thrift,
}

#[derive(Debug)]
struct Proposal {
    entry: Entry,
    acks: SyncedLearnerTracker,
    /// When it was proposed.
    at: Millis,
}

impl Broadcasting {
    pub(super) fn new(zxid: Zxid) -> Self {
        Self {
            epoch: zxid.epoch(),
            last_proposed: zxid,
            last_committed: zxid,
            durable: zxid,
            outstanding: VecDeque::new(),
            to_be_applied: VecDeque::new(),
            pending_syncs: VecDeque::new(),
            thrift: Thrift::default(),
        }
    }

    pub(super) fn epoch(&self) -> i64 {
        self.epoch
    }

    pub(super) fn pending_syncs(&self) -> usize {
        self.pending_syncs.len()
    }

    /// A learner that was sent all up to `sent_up_to` gets what is newer and committed, with the commits
    /// (`Leader.startForwarding`).
    pub(super) fn send_not_applied(&self, link: LinkId, sent_up_to: Zxid, out: &mut Vec<Effect>) {
        let newer = |entry: &&Entry| entry.zxid > sent_up_to;
        self.to_be_applied.iter().filter(newer).for_each(|entry| send_committed(out, link, entry));
    }

    /// A follower gets what is proposed, too (`Leader.startForwarding`).
    pub(super) fn send_proposed(&self, link: LinkId, out: &mut Vec<Effect>) {
        for Entry { zxid, record } in self.outstanding.iter().map(|proposal| proposal.entry.clone())
        {
            send(out, link, Packet::Proposal { zxid, record });
        }
    }

    /// A sync has a learner forget what it has logged and nobody committed: what it said of that no
    /// longer holds. Until it has logged it again it does not count. (Java goes on counting it, and so
    /// commits what a quorum no longer has.)
    pub(super) fn withdraw_acks(&mut self, sid: Sid) {
        self.outstanding.iter_mut().for_each(|proposal| proposal.acks.withdraw_ack(sid));
    }

    /// The place of `zxid` among the outstanding proposals.
    fn position(&self, zxid: Zxid) -> Option<usize> {
        let first = self.outstanding.front()?.entry.zxid;
        let at = usize::try_from(zxid.0.checked_sub(first.0)?).ok()?;
        (at < self.outstanding.len()).then_some(at)
    }

    pub(super) fn outstanding(&self, zxid: Zxid) -> Option<&Entry> {
        self.position(zxid).map(|at| &self.outstanding[at].entry)
    }

    pub(super) fn becoming_durable(&self, zxid: Zxid) -> impl Iterator<Item = &Entry> {
        let start = self.position(self.durable.next()).unwrap_or(0);
        let entries = self.outstanding.iter().skip(start).map(|proposal| &proposal.entry);
        entries.take_while(move |entry| entry.zxid <= zxid)
    }

    /// When it was proposed, if it is outstanding.
    pub(super) fn proposed_at(&self, zxid: Zxid) -> Option<Millis> {
        self.position(zxid).map(|at| self.outstanding[at].at)
    }

    /// What is outstanding from `first` on.
    pub(super) fn proposed_from(&self, first: Zxid) -> impl Iterator<Item = &Entry> {
        let start = self.position(first).unwrap_or(self.outstanding.len());
        self.outstanding.iter().skip(start).map(|proposal| &proposal.entry)
    }

    /// The next proposal, if a quorum has it.
    fn take_committed(&mut self, now: Millis) -> Option<Entry> {
        if !self.outstanding.front()?.acks.has_all_quorums() {
            return None;
        }
        let Proposal { entry, at, .. } = self.outstanding.pop_front()?;
        self.thrift.note_commit(now - at);
        assert!(entry.zxid > self.last_committed, "commits never go back");
        self.last_committed = entry.zxid;
        self.to_be_applied.push_back(entry.clone());
        Some(entry)
    }

    /// A sync whose proposals are all committed.
    fn take_sync(&mut self) -> Option<SyncOrigin> {
        let (after, origin) = *self.pending_syncs.front()?;
        if after > self.last_committed {
            return None;
        }
        self.pending_syncs.pop_front();
        Some(origin)
    }
}

impl Leader {
    pub(super) fn on_propose(
        &mut self,
        now: Millis,
        zxid: Zxid,
        record: RecordBytes,
        out: &mut Vec<Effect>,
    ) {
        let Phase::Broadcasting(phase) = &mut self.phase else {
            panic!("{zxid} is proposed by a leader that does not lead");
        };
        let last = phase.last_proposed;
        assert!(zxid.may_follow(last), "{zxid} is proposed after {last}");
        if zxid.counter() == LAST_COUNTER {
            return self.give_up(GiveUpReason::ZxidRollover, out);
        }
        phase.last_proposed = zxid;
        let acks = SyncedLearnerTracker::new(self.quorums.clone());
        let entry = Entry { zxid, record: record.clone() };
        phase.outstanding.push_back(Proposal { entry, acks, at: now });
        out.push(Effect::Append { zxid, record: record.clone() });
        for (link, learner) in &mut self.learners {
            if !learner.has_new_leader() || learner.kind != LearnerType::Participant {
                continue;
            }
            if learner.is_spared {
                learner.held_from.get_or_insert(zxid);
                phase.thrift.note_held(now);
                continue;
            }
            learner.sync_limit_check.proposal_sent(zxid, now);
            send(out, *link, Packet::Proposal { zxid, record: record.clone() });
        }
    }

    /// The leader's own acks.
    pub(super) fn on_durable(&mut self, now: Millis, zxid: Zxid, out: &mut Vec<Effect>) {
        let my_id = self.settings.my_id;
        let Phase::Broadcasting(phase) = &mut self.phase else { return };
        let start = phase.position(phase.durable.next()).unwrap_or(0);
        for proposal in
            phase.outstanding.iter_mut().skip(start).take_while(|p| p.entry.zxid <= zxid)
        {
            proposal.acks.add_ack(my_id);
        }
        phase.durable = phase.durable.max(zxid);
        self.commit_what_can_be(now, out);
    }

    /// Whether nobody can have `zxid` yet. Before the first proposal of the epoch there is the history
    /// of earlier ones, and followers of before 3.9 acknowledge what their sync brought of it, as soon as
    /// it is on their disk: that may be while the leader waits for others.
    pub(super) fn is_in_future(&self, zxid: Zxid) -> bool {
        match &self.phase {
            Phase::Broadcasting(phase) => zxid > phase.last_proposed,
            _ => self.new_leader_zxid().is_none_or(|own| zxid > own),
        }
    }

    /// Acks of what is committed already come from whoever was not needed.
    pub(super) fn count_ack(
        &mut self,
        now: Millis,
        link: LinkId,
        zxid: Zxid,
        out: &mut Vec<Effect>,
    ) {
        let Phase::Broadcasting(phase) = &mut self.phase else { return };
        let Some(at) = phase.position(zxid) else { return };
        let Some(learner) = self.learners.get_mut(&link) else { return };
        let Some(sid) = learner.sid else { return };
        learner.quorums_made += u32::from(phase.outstanding[at].acks.add_ack(sid));
        if at == 0 {
            self.commit_what_can_be(now, out);
        }
    }

    fn commit_what_can_be(&mut self, now: Millis, out: &mut Vec<Effect>) {
        let Phase::Broadcasting(phase) = &mut self.phase else { return };
        while let Some(entry) = phase.take_committed(now) {
            let Entry { zxid, record } = &entry;
            for (link, learner) in self.learners.iter_mut().filter(|(_, l)| l.is_forwarding()) {
                let packet = match learner.kind {
                    LearnerType::Participant if !learner.has_new_leader() => {
                        send_committed(out, *link, &entry);
                        continue;
                    }
                    LearnerType::Participant if learner.held_from == Some(*zxid) => {
                        learner.held_from = held_after(*zxid, phase.last_proposed);
                        learner.sync_limit_check.proposal_sent(*zxid, now);
                        send_committed(out, *link, &entry);
                        continue;
                    }
                    LearnerType::Participant => Packet::Commit { zxid: *zxid },
                    LearnerType::Observer => Packet::Inform { zxid: *zxid, record: record.clone() },
                };
                send(out, *link, packet);
            }
            out.push(Effect::Commit { zxid: entry.zxid, record: entry.record });
            while let Some(origin) = phase.take_sync() {
                answer_sync(&self.learners, origin, out);
            }
        }
    }

    pub(super) fn on_applied(&mut self, zxid: Zxid) {
        let Phase::Broadcasting(phase) = &mut self.phase else { return };
        while phase.to_be_applied.front().is_some_and(|e| e.zxid <= zxid) {
            phase.to_be_applied.pop_front();
        }
    }

    pub(super) fn on_sync(&mut self, origin: SyncOrigin, out: &mut Vec<Effect>) {
        let Phase::Broadcasting(phase) = &mut self.phase else { return };
        if phase.outstanding.is_empty() {
            answer_sync(&self.learners, origin, out);
        } else {
            phase.pending_syncs.push_back((phase.last_proposed, origin));
        }
    }

    /// Twice a tick all learners are pinged; once a tick the leader makes sure of its quorum.
    pub(super) fn on_half_tick(&mut self, now: Millis, out: &mut Vec<Effect>) {
        let whole = self.half;
        self.half = !self.half;
        if whole {
            self.tick += 1;
            let synced = self.synced();
            if !synced.has_all_quorums() {
                return self.give_up(GiveUpReason::NoQuorum(synced.to_string()), out);
            }
        }
        let timeout = self.sync_timeout();
        let Phase::Broadcasting(phase) = &self.phase else { return };
        let zxid = phase.last_proposed;
        let mut late = Vec::new();
        for (link, learner) in self.learners.iter().filter(|(_, l)| l.has_new_leader()) {
            if learner.sync_limit_check.check(now, timeout) {
                send(out, *link, Packet::Ping { zxid, touched: None });
            } else {
                late.push(*link);
            }
        }
        for link in late {
            self.drop_learner(link, LearnerFault::TransactionTimeout, out);
        }
        self.review_thrift(now, out);
    }

    /// Who was heard of lately enough.
    fn synced(&self) -> SyncedLearnerTracker {
        let mut tracker = SyncedLearnerTracker::new(self.quorums.clone());
        tracker.add_ack(self.settings.my_id);
        for learner in self.learners.values().filter(|l| l.is_synced(self.tick)) {
            learner.sid.into_iter().for_each(|sid| {
                tracker.add_ack(sid);
            });
        }
        tracker
    }
}

fn answer_sync(
    learners: &BTreeMap<LinkId, LearnerHandler>,
    origin: SyncOrigin,
    out: &mut Vec<Effect>,
) {
    match origin {
        SyncOrigin::Local(n) => out.push(Effect::SyncDone(n)),
        SyncOrigin::Learner(link) if learners.contains_key(&link) => send(out, link, Packet::Sync),
        SyncOrigin::Learner(_) => {}
    }
}

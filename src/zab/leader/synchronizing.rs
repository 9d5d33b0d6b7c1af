//! Learners are synced to the leader's history; with a quorum of them it leads
//! (`waitForNewLeaderAck`).

use super::broadcasting::Broadcasting;
use super::learner_handler::{Stage, SyncSlot};
use super::{Effect, Leader, LearnerFault, Phase};
use crate::ids::{Millis, Sid, Zxid};
use crate::zab::packet::Packet;
use crate::zab::quorum::{Quorums, SyncedLearnerTracker};
use crate::zab::sync::{self, Decision, Entry, History, SyncOp, SyncPlan};
use crate::zab::{LearnerType, LinkId};

/// Waiting for acks of NEWLEADER.
#[derive(Debug)]
pub(super) struct Synchronizing {
    since: Millis,
    epoch: i64,
    tracker: SyncedLearnerTracker,
}

impl Synchronizing {
    pub(super) fn new(epoch: i64, my_id: Sid, quorums: Quorums, now: Millis) -> Self {
        let mut tracker = SyncedLearnerTracker::new(quorums);
        tracker.add_ack(my_id);
        Self { since: now, epoch, tracker }
    }

    pub(super) fn since(&self) -> Millis {
        self.since
    }

    pub(super) fn epoch(&self) -> i64 {
        self.epoch
    }

    /// Who has the history, for the log.
    pub(super) fn synced_with(&self) -> String {
        self.tracker.to_string()
    }

    pub(super) fn on_new_leader_ack(&mut self, sid: Sid) {
        self.tracker.add_ack(sid);
    }
}

impl Leader {
    /// Sends a learner what it lacks, or has the log read for it.
    pub(super) fn begin_sync(
        &mut self,
        now: Millis,
        link: LinkId,
        history: &History,
        out: &mut Vec<Effect>,
    ) {
        let Some(learner) = self.learners.get_mut(&link) else { return };
        let Stage::WaitingForElection { last_zxid } = learner.stage else { return };
        match sync::decide(history, last_zxid, self.settings.sync) {
            Decision::Plan(plan) => self.send_sync(now, link, plan, out),
            Decision::ReadTxnLog => {
                learner.stage = Stage::ReadingTxnLog { last_zxid };
                out.push(Effect::ReadTxnLog { link, from: last_zxid });
            }
        }
    }

    pub(super) fn on_txn_log_read(
        &mut self,
        now: Millis,
        link: LinkId,
        entries: &[Entry],
        history: &History,
        out: &mut Vec<Effect>,
    ) {
        let Some(learner) = self.learners.get(&link) else { return };
        let Stage::ReadingTxnLog { last_zxid } = learner.stage else { return };
        let plan = sync::plan_with_txn_log(history, last_zxid, self.settings.sync, entries);
        self.send_sync(now, link, plan, out);
    }

    /// Begins the sync; from here on the learner is sent whatever happens.
    fn send_sync(&mut self, now: Millis, link: LinkId, plan: SyncPlan, out: &mut Vec<Effect>) {
        let slot = match plan.op {
            SyncOp::Snap(_) => SyncSlot::Snap,
            SyncOp::Diff(_) | SyncOp::Trunc(_) => SyncSlot::Diff,
        };
        if self.is_throttled(link, slot) {
            return self.drop_learner(link, LearnerFault::Throttled, out);
        }
        let Some(learner) = self.learners.get_mut(&link) else { return };
        learner.sync_slot = Some(slot);
        learner.last_heard = Some(now);
        if let Phase::Broadcasting(phase) = &mut self.phase
            && !self.settings.faults.count_cut_acks
        {
            learner.sid.into_iter().for_each(|sid| phase.withdraw_acks(sid));
        }
        match plan.op {
            SyncOp::Diff(zxid) => send(out, link, Packet::Diff { zxid }),
            SyncOp::Trunc(zxid) => send(out, link, Packet::Trunc { zxid }),
            SyncOp::Snap(zxid) => {
                learner.stage = Stage::TakingSnapshot;
                learner.last_heard = None;
                out.push(Effect::SendSnapshot { link, zxid });
            }
        }
        self.send_history(link, &plan, out);
        if slot == SyncSlot::Diff || self.settings.faults.new_leader_behind_start {
            self.send_new_leader(link, out);
        }
    }

    /// What the learner lacks, and what is committed and not applied.
    fn send_history(&self, link: LinkId, plan: &SyncPlan, out: &mut Vec<Effect>) {
        if self.settings.faults.new_leader_first {
            self.send_new_leader_packet(link, out);
        }
        plan.proposals.iter().for_each(|entry| send_committed(out, link, entry));
        if let Phase::Broadcasting(phase) = &self.phase {
            phase.send_not_applied(link, plan.sent_up_to, out);
        }
    }

    /// The snapshot is on its way, and behind it all that was committed while it was taken: what it may
    /// hold ahead of its zxid. With that the learner has a tree of one moment when it saves it.
    pub(super) fn on_snapshot_sent(&mut self, now: Millis, link: LinkId, out: &mut Vec<Effect>) {
        self.heard(now, link);
        let stage = self.learners.get(&link).map(|learner| learner.stage);
        if stage == Some(Stage::TakingSnapshot) {
            self.send_new_leader(link, out);
        }
    }

    /// The history ends here (ZOOKEEPER-3104): NEWLEADER, and what is proposed.
    ///
    /// Java sends what is proposed before NEWLEADER, so that its commit may come behind it. Of that
    /// followers of 3.5.10 to 3.8.6 fail; they sync anew, fail again, and each time a thread stays behind
    /// that goes on writing to the log (ZOOKEEPER-4394).
    fn send_new_leader(&mut self, link: LinkId, out: &mut Vec<Effect>) {
        let Some(learner) = self.learners.get_mut(&link) else { return };
        learner.stage = Stage::AckingNewLeader;
        let kind = learner.kind;
        let send_proposed = |out: &mut Vec<Effect>| {
            if let (Phase::Broadcasting(phase), LearnerType::Participant) = (&self.phase, kind) {
                phase.send_proposed(link, out);
            }
        };
        let faults = self.settings.faults;
        if faults.proposed_first {
            send_proposed(out);
        }
        if !faults.new_leader_first {
            self.send_new_leader_packet(link, out);
        }
        if !faults.proposed_first {
            send_proposed(out);
        }
    }

    fn send_new_leader_packet(&self, link: LinkId, out: &mut Vec<Effect>) {
        let Some(zxid) = self.new_leader_zxid() else { return };
        let config = Some(self.quorums.last_seen().to_string().into_bytes());
        send(out, link, Packet::NewLeader { zxid, config });
    }

    /// Voters are never refused: the ensemble needs them.
    fn is_throttled(&self, link: LinkId, slot: SyncSlot) -> bool {
        let limit = match slot {
            SyncSlot::Diff => self.settings.max_concurrent_diff_syncs,
            SyncSlot::Snap => self.settings.max_concurrent_snap_syncs,
        };
        let in_progress = self.learners.values().filter(|l| l.sync_slot == Some(slot)).count();
        let observer = self.learners.get(&link).is_some_and(|l| l.kind == LearnerType::Observer);
        observer && in_progress >= limit
    }

    /// With a quorum the leader leads.
    pub(super) fn check_new_leader(&mut self, out: &mut Vec<Effect>) {
        let Phase::Synchronizing(phase) = &self.phase else { return };
        if !phase.tracker.has_all_quorums() {
            return;
        }
        let zxid = Zxid::new(phase.epoch, 0);
        self.phase = Phase::Broadcasting(Broadcasting::new(zxid));
        let last_seen = self.quorums.last_seen().clone();
        if self.settings.reconfig_enabled && self.quorums.set_committed(last_seen.clone()) {
            out.push(Effect::ActivateConfig(last_seen));
        }
        out.push(Effect::Lead { zxid });
        for link in self.links_in(|stage| stage == Stage::WaitingForStartup) {
            self.send_up_to_date(link, out);
        }
    }

    pub(super) fn send_up_to_date(&mut self, link: LinkId, out: &mut Vec<Effect>) {
        let Some(learner) = self.learners.get_mut(&link) else { return };
        learner.stage = Stage::Following;
        send(out, link, Packet::UpToDate);
    }
}

/// A transaction as a learner in its sync wants it: proposed and committed.
pub(super) fn send_committed(out: &mut Vec<Effect>, link: LinkId, entry: &Entry) {
    let zxid = entry.zxid;
    send(out, link, Packet::Proposal { zxid, record: entry.record.clone() });
    send(out, link, Packet::Commit { zxid });
}

pub(super) fn send(out: &mut Vec<Effect>, link: LinkId, packet: Packet) {
    out.push(Effect::Send { link, packet });
}

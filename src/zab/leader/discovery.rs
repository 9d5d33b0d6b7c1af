//! The new epoch: one more than any that a quorum has accepted (`getEpochToPropose`), then accepted
//! by a quorum of servers that have no more than the leader (`waitForEpochAck`).

use super::synchronizing::Synchronizing;
use super::{Effect, Leader, Phase};
use crate::ids::{Millis, Sid};
use crate::zab::LinkId;
use crate::zab::packet::{PROTOCOL_VERSION, Packet};
use crate::zab::quorum::{QuorumVerifier, SidSet};
use crate::zab::sync::History;

use super::learner_handler::Stage;

/// Learners tell which epoch they have accepted.
#[derive(Debug)]
pub(super) struct Discovery {
    since: Millis,
    /// One more than the highest so far.
    epoch: i64,
    /// The voters that have told theirs.
    connecting: SidSet,
}

impl Discovery {
    pub(super) fn new(my_id: Sid, accepted_epoch: i64, now: Millis) -> Self {
        Self { since: now, epoch: accepted_epoch + 1, connecting: SidSet::from_iter([my_id]) }
    }

    pub(super) fn since(&self) -> Millis {
        self.since
    }

    pub(super) fn on_accepted_epoch(&mut self, voter: Option<Sid>, accepted_epoch: i64) {
        self.epoch = self.epoch.max(accepted_epoch + 1);
        voter.into_iter().for_each(|sid| {
            self.connecting.insert(sid);
        });
    }

    fn epoch_of_quorum(&self, verifier: &QuorumVerifier) -> Option<i64> {
        verifier.contains_quorum(&self.connecting).then_some(self.epoch)
    }
}

/// Learners accept the epoch.
#[derive(Debug)]
pub(super) struct Electing {
    since: Millis,
    epoch: i64,
    /// The voters that have accepted it.
    electing: SidSet,
}

impl Electing {
    pub(super) fn since(&self) -> Millis {
        self.since
    }

    pub(super) fn epoch(&self) -> i64 {
        self.epoch
    }

    pub(super) fn on_ack_epoch(&mut self, voter: Sid) {
        self.electing.insert(voter);
    }
}

impl Leader {
    /// With a quorum the epoch is settled. The leader accepts it before it asks others to.
    pub(super) fn check_discovery(
        &mut self,
        now: Millis,
        history: &History,
        out: &mut Vec<Effect>,
    ) {
        let Phase::Discovery(phase) = &self.phase else { return };
        let Some(epoch) = phase.epoch_of_quorum(self.quorums.committed()) else { return };
        out.push(Effect::WriteAcceptedEpoch(epoch));
        let electing = SidSet::from_iter([self.settings.my_id]);
        self.phase = Phase::Electing(Electing { since: now, epoch, electing });
        if let Some(zxid) = self.new_leader_zxid() {
            self.version_config(zxid, out);
        }
        for link in self.links_in(|stage| stage == Stage::WaitingForEpoch) {
            self.send_leader_info(link, out);
        }
        self.check_election(now, history, out);
    }

    pub(super) fn send_leader_info(&mut self, link: LinkId, out: &mut Vec<Effect>) {
        let Some(zxid) = self.new_leader_zxid() else { return };
        let Some(learner) = self.learners.get_mut(&link) else { return };
        learner.stage = Stage::AckingEpoch;
        let packet = Packet::LeaderInfo { zxid, protocol_version: PROTOCOL_VERSION };
        out.push(Effect::Send { link, packet });
    }

    /// With a quorum the leader is established: its history is the history of the epoch. It says so
    /// on disk, its own log first, before anybody is synced to it.
    pub(super) fn check_election(&mut self, now: Millis, history: &History, out: &mut Vec<Effect>) {
        let Phase::Electing(phase) = &self.phase else { return };
        if !self.quorums.committed().contains_quorum(&phase.electing) {
            return;
        }
        let epoch = phase.epoch;
        out.push(Effect::SyncLog);
        out.push(Effect::WriteCurrentEpoch(epoch));
        let my_id = self.settings.my_id;
        self.phase =
            Phase::Synchronizing(Synchronizing::new(epoch, my_id, self.quorums.clone(), now));
        for link in self.links_in(|stage| matches!(stage, Stage::WaitingForElection { .. })) {
            self.begin_sync(now, link, history, out);
        }
        self.check_new_leader(out);
    }

    pub(super) fn links_in(&self, wanted: impl Fn(Stage) -> bool) -> Vec<LinkId> {
        self.learners.iter().filter(|(_, l)| wanted(l.stage)).map(|(link, _)| *link).collect()
    }
}

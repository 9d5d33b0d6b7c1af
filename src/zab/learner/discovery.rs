//! The learner introduces itself and accepts the leader's epoch (`Learner.registerWithLeader`).

use super::synchronizing::Synchronizing;
use super::{Effect, Next, Phase, Reason, Settings, Start};
use crate::ids::Zxid;
use crate::zab::LearnerType;
use crate::zab::packet::{LearnerInfo, PROTOCOL_VERSION, Packet};

/// Waiting for LEADERINFO.
#[derive(Debug)]
pub(super) struct Discovery {
    start: Start,
}

impl Discovery {
    pub(super) fn new(settings: &Settings, start: Start, out: &mut Vec<Effect>) -> Self {
        out.push(Effect::Send(Packet::LearnerInfo(LearnerInfo {
            kind: settings.kind,
            zxid: Zxid::new(start.accepted_epoch, 0),
            sid: Some(settings.my_id),
            protocol_version: PROTOCOL_VERSION,
            config_version: settings.config_version,
        })));
        Self { start }
    }

    pub(super) fn on_packet(
        &self,
        settings: &Settings,
        packet: Packet,
        out: &mut Vec<Effect>,
    ) -> Next {
        match packet {
            Packet::LeaderInfo { zxid, .. } => self.on_leader_info(settings, zxid.epoch(), out),
            Packet::NewLeader { .. } => Err(Reason::OldProtocol),
            other => Err(Reason::Unexpected { phase: "discovery", packet: other.name() }),
        }
    }

    /// The lowest epoch in which this server may take part. What a voter has accepted is a promise to
    /// the quorum of that epoch. No quorum has an observer: one that was with a leader who never came
    /// to lead follows whoever leads now, as long as its history does not go back.
    fn lowest(&self, settings: &Settings) -> i64 {
        match settings.kind {
            LearnerType::Participant => self.start.accepted_epoch,
            LearnerType::Observer => self.start.current_epoch.min(self.start.accepted_epoch),
        }
    }

    /// An epoch is acknowledged once: who has accepted it before (from a leader that failed) says -1
    /// and does not count. The ack may leave only when the epoch is on disk, else the server could
    /// accept a lower one after a crash.
    fn on_leader_info(&self, settings: &Settings, epoch: i64, out: &mut Vec<Effect>) -> Next {
        let accepted = self.start.accepted_epoch;
        if epoch < self.lowest(settings) {
            return Err(Reason::EpochTooLow { found: epoch, accepted });
        }
        let mut current_epoch = -1;
        if epoch > accepted {
            out.push(Effect::WriteAcceptedEpoch(epoch));
            current_epoch = self.start.current_epoch as i32;
        }
        let zxid = self.start.last_zxid;
        out.push(Effect::Send(Packet::AckEpoch { zxid, current_epoch }));
        Ok(Some(Phase::Synchronizing(Synchronizing::new(epoch, zxid))))
    }
}

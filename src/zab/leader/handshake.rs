//! A learner before it has acked NEWLEADER (the first half of `LearnerHandler.run`).

use super::learner_handler::{LearnerHandler, Stage};
use super::{Effect, GiveUpReason, Leader, LearnerFault, Phase};
use crate::ids::{Millis, Sid, Zxid};
use crate::zab::LinkId;
use crate::zab::packet::{LearnerInfo, PROTOCOL_VERSION, Packet};
use crate::zab::sync::History;

/// How many acks may come before that of NEWLEADER.
const MAX_EARLY_ACKS: usize = 100_000;

impl Leader {
    pub(super) fn on_handshake_packet(
        &mut self,
        now: Millis,
        link: LinkId,
        packet: Packet,
        history: &History,
        out: &mut Vec<Effect>,
    ) {
        let Some(learner) = self.learners.get(&link) else { return };
        match (learner.stage, packet) {
            (Stage::Connected, Packet::LearnerInfo(info)) => {
                self.on_learner_info(now, link, info, history, out);
            }
            (Stage::AckingEpoch, Packet::AckEpoch { zxid, current_epoch }) => {
                self.on_ack_epoch(now, link, i64::from(current_epoch), zxid, history, out);
            }
            (Stage::AckingNewLeader, Packet::Ack { zxid }) => {
                self.on_new_leader_ack(now, link, zxid, out);
            }
            (_, other) => self.drop_learner(link, LearnerFault::Unexpected(other.name()), out),
        }
    }

    fn on_learner_info(
        &mut self,
        now: Millis,
        link: LinkId,
        info: LearnerInfo,
        history: &History,
        out: &mut Vec<Effect>,
    ) {
        let sid = info.sid.unwrap_or_else(|| self.next_follower_id());
        let Some(learner) = self.learners.get_mut(&link) else { return };
        learner.sid = Some(sid);
        learner.kind = info.kind;
        learner.stage = Stage::WaitingForEpoch;
        let fault = self
            .fault_of(&info)
            .or_else(|| self.fault_of_sid(now, link, sid))
            .or_else(|| self.fault_of_stranger(sid));
        if let Some(fault) = fault {
            return self.drop_learner(link, fault, out);
        }
        self.drop_earlier_calls(link, sid, out);
        let voter = self.is_participant(sid).then_some(sid);
        if let Phase::Discovery(phase) = &mut self.phase {
            phase.on_accepted_epoch(voter, info.zxid.epoch());
            self.check_discovery(now, history, out);
        } else {
            self.send_leader_info(link, out);
            voter.into_iter().for_each(|sid| self.on_later_epoch(now, sid, info.zxid.epoch(), out));
        }
    }

    /// A voter that has accepted an epoch which never began may not follow one that comes before it,
    /// and the quorum goes on without it for as long as its leader leads. If it keeps calling for as
    /// long as a learner may take to join, there is to be an epoch after both; the promise on disk sees
    /// to that. (In Java that takes somebody to restart the leader.)
    ///
    /// If the epoch did begin, and the voter has its history, then the quorum has lost that. Such a voter
    /// would win the next election, and what was committed since would be lost, too: it has to wait
    /// outside for somebody to decide.
    fn on_later_epoch(&mut self, now: Millis, sid: Sid, epoch: i64, out: &mut Vec<Effect>) {
        let is_earlier = self.new_leader_zxid().is_none_or(|own| epoch <= own.epoch());
        if is_earlier || self.ahead.contains(&sid) {
            return;
        }
        let patience = self.init_timeout();
        let since = match self.outranked {
            Some((since, last)) if now - last < patience => since,
            _ => now,
        };
        self.outranked = Some((since, now));
        if now - since >= patience {
            out.push(Effect::WriteAcceptedEpoch(epoch));
            self.give_up(GiveUpReason::Outranked { sid, epoch }, out);
        }
    }

    fn next_follower_id(&mut self) -> Sid {
        let sid = Sid(self.follower_counter);
        self.follower_counter -= 1;
        sid
    }

    fn fault_of(&self, info: &LearnerInfo) -> Option<LearnerFault> {
        let epoch = info.zxid.epoch();
        if info.protocol_version < PROTOCOL_VERSION {
            Some(LearnerFault::OldProtocol(info.protocol_version))
        } else if info.config_version > self.quorums.committed().version() {
            Some(LearnerFault::ConfigAhead(info.config_version))
        } else if !(0..i64::from(i32::MAX)).contains(&epoch) {
            Some(LearnerFault::BadEpoch(epoch))
        } else {
            None
        }
    }

    /// Whoever claims the id of a learner that answers is another, by mistake or with intent. Java takes
    /// both, and lets either acknowledge for the other.
    fn fault_of_sid(&self, now: Millis, link: LinkId, sid: Sid) -> Option<LearnerFault> {
        let since = now - self.settings.tick_time;
        let lives = |learner: &LearnerHandler| {
            learner.has_acked_new_leader() && learner.last_heard.is_some_and(|at| at > since)
        };
        let taken = sid == self.settings.my_id || self.others(link, sid).any(|(_, l)| lives(l));
        taken.then_some(LearnerFault::SidTaken(sid))
    }

    /// Observers that are in nobody's configuration are served, and so are those who are to join; but
    /// anybody can say that, and each costs a connection.
    fn fault_of_stranger(&self, sid: Sid) -> Option<LearnerFault> {
        let is_stranger = |sid: Sid| self.quorums.member(sid).is_none();
        let is_other = |l: &&LearnerHandler| l.sid.is_some_and(|s| s != sid && is_stranger(s));
        let others = || self.learners.values().filter(is_other).count();
        let too_many = is_stranger(sid) && others() >= self.settings.max_strangers;
        too_many.then_some(LearnerFault::Stranger)
    }

    /// A learner that calls again has left its first connection: what may still come over that is about
    /// a log that it may no longer have, and must not count.
    fn drop_earlier_calls(&mut self, link: LinkId, sid: Sid, out: &mut Vec<Effect>) {
        let earlier: Vec<LinkId> = self.others(link, sid).map(|(link, _)| *link).collect();
        for link in earlier {
            self.drop_learner(link, LearnerFault::CalledAgain, out);
        }
    }

    /// The other connections of who says that it is `sid`.
    fn others(&self, link: LinkId, sid: Sid) -> impl Iterator<Item = (&LinkId, &LearnerHandler)> {
        self.learners.iter().filter(move |(l, learner)| **l != link && learner.sid == Some(sid))
    }

    /// Who had accepted the epoch before (-1) does not count. Who has more than the leader should
    /// not follow it.
    fn on_ack_epoch(
        &mut self,
        now: Millis,
        link: LinkId,
        current_epoch: i64,
        last_zxid: Zxid,
        history: &History,
        out: &mut Vec<Effect>,
    ) {
        let Some(learner) = self.learners.get_mut(&link) else { return };
        learner.stage = Stage::WaitingForElection { last_zxid };
        let voter = learner.sid.filter(|sid| self.quorums.committed().is_voter(*sid));
        let own = (self.start.current_epoch, self.start.last_zxid);
        let Phase::Electing(phase) = &mut self.phase else {
            return self.begin_sync(now, link, history, out);
        };
        if current_epoch != -1 {
            if (current_epoch, last_zxid) > own {
                let fault = LearnerFault::MoreRecent { current_epoch, last_zxid };
                return self.drop_learner(link, fault, out);
            }
            voter.filter(|_| last_zxid != Zxid(-1)).into_iter().for_each(|v| phase.on_ack_epoch(v));
        }
        self.check_election(now, history, out);
    }

    /// An ack of something else came too early: it counts when this one is here (ZOOKEEPER-4685).
    fn on_new_leader_ack(&mut self, now: Millis, link: LinkId, zxid: Zxid, out: &mut Vec<Effect>) {
        let expected = self.new_leader_zxid();
        let Some(learner) = self.learners.get_mut(&link) else { return };
        if Some(zxid) != expected {
            if self.settings.faults.any_ack_ends_sync {
                learner.stage = Stage::WaitingForStartup;
                return;
            }
            if zxid.counter() == 0 || learner.early_acks.len() >= MAX_EARLY_ACKS {
                return self.drop_learner(link, LearnerFault::FutureAck(zxid), out);
            }
            return learner.early_acks.push(zxid);
        }
        learner.stage = Stage::WaitingForStartup;
        learner.sync_slot = None;
        learner.sync_limit_check.start();
        let early = std::mem::take(&mut learner.early_acks);
        let sid = learner.sid;
        match &mut self.phase {
            Phase::Synchronizing(phase) => {
                sid.into_iter().for_each(|sid| phase.on_new_leader_ack(sid));
                self.check_new_leader(out);
            }
            Phase::Broadcasting(_) => {
                self.send_up_to_date(link, out);
                early.into_iter().for_each(|zxid| self.on_ack(now, link, zxid, out));
            }
            _ => {}
        }
    }
}

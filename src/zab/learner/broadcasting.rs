//! The learner follows: it logs what is proposed, acknowledges what is durable, applies what is
//! committed (`Follower.processPacket`, `Observer.processPacket`).

use std::collections::VecDeque;

use super::pending::{Pending, check_follows};
use super::synchronizing::{activate, announce};
use super::{Effect, Next, Phase, Reason, Settings};
use crate::ids::{Sid, Zxid};
use crate::zab::LearnerType;
use crate::zab::packet::Packet;

/// Exit code of `ExitCode.UNMATCHED_TXN_COMMIT`.
const UNMATCHED_TXN_COMMIT: i32 = 12;

/// After UPTODATE.
#[derive(Debug)]
pub(super) struct Broadcasting {
    last_queued: Zxid,
    /// Proposed, not committed (`pendingTxns`).
    proposed: VecDeque<Pending>,
    /// In the log, but perhaps not durable: each is acknowledged when it is.
    unacknowledged: VecDeque<Zxid>,
}

impl Broadcasting {
    pub(super) fn new(last_queued: Zxid) -> Self {
        Self { last_queued, proposed: VecDeque::new(), unacknowledged: VecDeque::new() }
    }

    /// Appends to the log, to be acknowledged by a follower.
    pub(super) fn log(&mut self, settings: &Settings, pending: &Pending, out: &mut Vec<Effect>) {
        if settings.log_enabled {
            out.push(pending.append());
        }
        if settings.kind == LearnerType::Participant {
            self.unacknowledged.push_back(pending.zxid);
        }
    }

    pub(super) fn await_commit(&mut self, pending: Pending) {
        self.proposed.push_back(pending);
    }

    /// One ack for each transaction, in order: the leader counts them one by one.
    pub(super) fn on_durable(&mut self, durable: Zxid, out: &mut Vec<Effect>) {
        while self.unacknowledged.front().is_some_and(|zxid| *zxid <= durable) {
            let Some(zxid) = self.unacknowledged.pop_front() else { return };
            out.push(Effect::Send(Packet::Ack { zxid }));
        }
    }

    pub(super) fn on_packet(
        &mut self,
        settings: &Settings,
        packet: Packet,
        out: &mut Vec<Effect>,
    ) -> Next {
        match packet {
            Packet::Ping { zxid, .. } => out.push(Effect::AnswerPing { zxid }),
            Packet::Revalidated { session, valid } => {
                out.push(Effect::Revalidated { session, valid });
            }
            Packet::Sync => out.push(Effect::SyncDone),
            packet => match settings.kind {
                LearnerType::Participant => return self.on_follower_packet(settings, packet, out),
                LearnerType::Observer => self.on_observer_packet(settings, packet, out)?,
            },
        }
        Ok(None)
    }

    fn on_follower_packet(
        &mut self,
        settings: &Settings,
        packet: Packet,
        out: &mut Vec<Effect>,
    ) -> Next {
        match packet {
            Packet::Proposal { zxid, record } => {
                let pending = Pending::new(zxid, record)?;
                self.expect_next(settings, zxid)?;
                announce(settings, &pending, out);
                self.log(settings, &pending, out);
                self.await_commit(pending);
            }
            Packet::Commit { zxid } => return Ok(self.on_commit(settings, zxid, None, out)),
            Packet::CommitAndActivate { zxid, designated_leader } => {
                return Ok(self.on_commit(settings, zxid, Some(designated_leader), out));
            }
            other => log::warn!("{} after the sync, ignored", other.name()),
        }
        Ok(None)
    }

    /// A commit without any proposal is one of the sync that is known already; one that passes over
    /// a proposal would leave a hole.
    fn on_commit(
        &mut self,
        settings: &Settings,
        zxid: Zxid,
        designated_leader: Option<Sid>,
        out: &mut Vec<Effect>,
    ) -> Option<Phase> {
        match self.proposed.pop_front() {
            None => log::warn!("Committing {zxid} without seeing txn"),
            Some(pending) if pending.zxid == zxid => {
                activate(settings, &pending, designated_leader, out);
                out.push(pending.commit());
            }
            Some(pending) => {
                let why = Reason::Unmatched { expected: Some(pending.zxid), found: zxid };
                out.push(Effect::Exit { code: UNMATCHED_TXN_COMMIT, why });
                return Some(Phase::Over);
            }
        }
        None
    }

    fn on_observer_packet(
        &mut self,
        settings: &Settings,
        packet: Packet,
        out: &mut Vec<Effect>,
    ) -> Result<(), Reason> {
        let (pending, designated_leader) = match packet {
            Packet::Inform { zxid, record } => (Pending::new(zxid, record)?, None),
            Packet::InformAndActivate { zxid, designated_leader, record } => {
                (Pending::new(zxid, record)?, Some(designated_leader))
            }
            // What was proposed before UPTODATE may be committed behind it.
            Packet::Commit { zxid } => {
                if self.proposed.front().is_some_and(|p| p.zxid == zxid) {
                    out.extend(self.proposed.pop_front().map(Pending::commit));
                }
                return Ok(());
            }
            other => {
                log::warn!("{} to an observer, ignored", other.name());
                return Ok(());
            }
        };
        self.expect_next(settings, pending.zxid)?;
        self.log(settings, &pending, out);
        activate(settings, &pending, designated_leader, out);
        out.push(pending.commit());
        Ok(())
    }

    fn expect_next(&mut self, settings: &Settings, zxid: Zxid) -> Result<(), Reason> {
        check_follows(settings, self.last_queued, zxid)?;
        self.last_queued = zxid;
        Ok(())
    }
}

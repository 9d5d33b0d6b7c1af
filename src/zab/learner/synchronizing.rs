//! The learner takes over the leader's history (`Learner.syncWithLeader`).
//!
//! First DIFF, TRUNC or SNAP, then proposals and commits, then NEWLEADER: from its ack on the
//! leader counts this server as one that has the whole history, then UPTODATE: it may serve. After a
//! TRUNC what follows is logged as after a DIFF, for the log ends where it should; after a SNAP it
//! is applied and the snapshot saved.

use std::collections::VecDeque;

use super::broadcasting::Broadcasting;
use super::pending::{Pending, check_follows};
use super::{Effect, Next, Phase, Reason, Settings};
use crate::ids::{Sid, Zxid};
use crate::zab::packet::Packet;

/// From ACKEPOCH to UPTODATE.
#[derive(Debug)]
pub(super) struct Synchronizing {
    epoch: i64,
    mode: Mode,
    /// The last transaction that the server has or was sent. Unknown behind a snapshot: it holds at
    /// least what its zxid says, and what was queued while it was made is sent again, up to NEWLEADER.
    last_queued: Option<Zxid>,
    /// What the snapshot holds at least.
    snapshot_zxid: Zxid,
    /// Proposed and committed, not yet logged.
    committed: VecDeque<Pending>,
    /// Proposed, not committed.
    proposed: VecDeque<Pending>,
    /// The configuration that came with NEWLEADER.
    config: Option<Vec<u8>>,
    has_new_leader: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// The first packet is yet to come.
    Open,
    Diff,
    Trunc,
    /// Being received.
    SnapStream,
    Snap,
}

impl Synchronizing {
    pub(super) fn new(epoch: i64, last_zxid: Zxid) -> Self {
        Self {
            epoch,
            mode: Mode::Open,
            last_queued: Some(last_zxid),
            snapshot_zxid: Zxid::ZERO,
            committed: VecDeque::new(),
            proposed: VecDeque::new(),
            config: None,
            has_new_leader: false,
        }
    }

    pub(super) fn has_new_leader(&self) -> bool {
        self.has_new_leader
    }

    /// From the first byte of a snapshot until it is saved the disk knows nothing of what is in
    /// memory.
    pub(super) fn is_half_loaded(&self) -> bool {
        matches!(self.mode, Mode::SnapStream | Mode::Snap) && !self.has_new_leader
    }

    pub(super) fn on_snapshot_received(&mut self) {
        if self.mode == Mode::SnapStream {
            self.mode = Mode::Snap;
        }
    }

    pub(super) fn on_packet(
        &mut self,
        settings: &Settings,
        packet: Packet,
        out: &mut Vec<Effect>,
    ) -> Next {
        match (self.mode, packet) {
            (Mode::Open, packet) => self.on_first_packet(packet, out)?,
            (Mode::SnapStream, other) => return Err(unexpected(&other)),
            (_, Packet::Proposal { zxid, record }) => {
                self.on_proposal(settings, Pending::new(zxid, record)?, out)?;
            }
            (_, Packet::Commit { zxid }) => self.on_commit(zxid, None, settings, out)?,
            (_, Packet::CommitAndActivate { zxid, designated_leader }) => {
                self.on_commit(zxid, Some(designated_leader), settings, out)?;
            }
            (_, Packet::Inform { zxid, record }) => {
                self.on_inform(Pending::new(zxid, record)?, None, settings, out)?;
            }
            (_, Packet::InformAndActivate { zxid, designated_leader, record }) => {
                let pending = Pending::new(zxid, record)?;
                self.on_inform(pending, Some(designated_leader), settings, out)?;
            }
            (_, Packet::NewLeader { zxid, config }) if !self.has_new_leader => {
                self.on_new_leader(settings, zxid, config, out)?;
            }
            (_, Packet::UpToDate) if self.has_new_leader => {
                return Ok(Some(Phase::Broadcasting(self.on_up_to_date(settings, out))));
            }
            // The leader pings whoever it sends to, synced or not. The first packet that it takes
            // after the sync is the ack of NEWLEADER, so an answer would end the connection.
            (_, Packet::Ping { .. }) => {}
            (_, other) => return Err(unexpected(&other)),
        }
        Ok(None)
    }

    /// No history is ahead of the epoch that begins with it, or ends before the first of all.
    fn on_first_packet(&mut self, packet: Packet, out: &mut Vec<Effect>) -> Result<(), Reason> {
        match packet {
            Packet::Diff { zxid } | Packet::Trunc { zxid } | Packet::Snap { zxid }
                if !(0..=self.epoch).contains(&zxid.epoch()) =>
            {
                return Err(Reason::NotBeforeEpoch { epoch: self.epoch, found: zxid });
            }
            Packet::Diff { zxid } => {
                log::info!("Getting a diff from the leader {zxid}");
                self.mode = Mode::Diff;
            }
            Packet::Trunc { zxid } => {
                self.mode = Mode::Trunc;
                self.last_queued = Some(zxid);
                out.push(Effect::Truncate { zxid });
            }
            Packet::Snap { zxid } => {
                self.mode = Mode::SnapStream;
                self.last_queued = None;
                self.snapshot_zxid = zxid;
                out.push(Effect::ReceiveSnapshot { zxid });
            }
            other => return Err(unexpected(&other)),
        }
        Ok(())
    }

    fn on_proposal(
        &mut self,
        settings: &Settings,
        pending: Pending,
        out: &mut Vec<Effect>,
    ) -> Result<(), Reason> {
        if let Some(last) = self.last_queued {
            check_follows(settings, last, pending.zxid)?;
        }
        self.last_queued = Some(pending.zxid);
        announce(settings, &pending, out);
        self.proposed.push_back(pending);
        Ok(())
    }

    /// The proposal may still wait for its place in the log: ZOOKEEPER-4394, 3023.
    fn on_commit(
        &mut self,
        zxid: Zxid,
        designated_leader: Option<Sid>,
        settings: &Settings,
        out: &mut Vec<Effect>,
    ) -> Result<(), Reason> {
        match self.proposed.pop_front() {
            Some(pending) if pending.zxid == zxid => {
                activate(settings, &pending, designated_leader, out);
                if self.is_into_memory(settings) {
                    out.push(pending.commit());
                } else {
                    self.committed.push_back(pending);
                }
                Ok(())
            }
            other => Err(Reason::Unmatched { expected: other.map(|p| p.zxid), found: zxid }),
        }
    }

    fn on_inform(
        &mut self,
        pending: Pending,
        designated_leader: Option<Sid>,
        settings: &Settings,
        out: &mut Vec<Effect>,
    ) -> Result<(), Reason> {
        let zxid = pending.zxid;
        self.on_proposal(settings, pending, out)?;
        self.on_commit(zxid, designated_leader, settings, out)
    }

    /// The whole history is here. In this order, with the barriers between:
    ///
    /// 1. what is committed goes to the log, or with a snapshot into it;
    /// 2. **it is durable** before the server says that it has it: ZOOKEEPER-3911, 4646;
    /// 3. it is applied; what is proposed and not committed is kept for later: ZOOKEEPER-4394, 4785;
    /// 4. **`currentEpoch`** is written, after the log, or a crash between the two would leave a
    ///    server with an old log that wins elections: ZOOKEEPER-4643;
    /// 5. the ack leaves, before any ack of a proposal: ZOOKEEPER-4685.
    fn on_new_leader(
        &mut self,
        settings: &Settings,
        zxid: Zxid,
        config: Option<Vec<u8>>,
        out: &mut Vec<Effect>,
    ) -> Result<(), Reason> {
        if zxid.epoch() != self.epoch {
            return Err(Reason::EpochTooLow { found: zxid.epoch(), accepted: self.epoch });
        }
        self.config = config.filter(|text| text.len() > 1 && settings.reconfig_enabled);
        out.extend(self.config.clone().map(Effect::SetLastSeenConfig));
        if settings.faults.epoch_before_log {
            out.push(Effect::WriteCurrentEpoch(self.epoch));
        }
        if settings.faults.ack_sync_first {
            let acks = self.committed.iter().map(|p| Effect::Send(Packet::Ack { zxid: p.zxid }));
            out.extend(acks);
        }
        self.take_over(settings, out);
        if !settings.faults.epoch_before_log {
            out.push(Effect::WriteCurrentEpoch(self.epoch));
        }
        out.push(Effect::Send(Packet::Ack { zxid }));
        if settings.faults.ack_before_snapshot && self.mode == Mode::Snap {
            out.push(Effect::SaveSnapshot);
        }
        if settings.faults.forget_proposed {
            self.proposed.clear();
        }
        self.has_new_leader = true;
        if self.mode == Mode::Snap {
            // What the snapshot holds was queued before it was made, and so before NEWLEADER.
            self.last_queued = self.last_queued.max(Some(self.snapshot_zxid));
        }
        Ok(())
    }

    /// A bug of old.
    fn is_into_memory(&self, settings: &Settings) -> bool {
        settings.faults.trunc_into_memory && self.mode == Mode::Trunc
    }

    /// Steps 1 to 3.
    fn take_over(&mut self, settings: &Settings, out: &mut Vec<Effect>) {
        let committed = std::mem::take(&mut self.committed);
        if self.mode == Mode::Snap || self.is_into_memory(settings) {
            out.extend(committed.into_iter().map(Pending::commit));
            if !settings.faults.ack_before_snapshot {
                out.push(Effect::SaveSnapshot);
            }
            return;
        }
        if settings.log_enabled {
            out.extend(committed.iter().map(Pending::append));
            if !settings.faults.ack_before_durable {
                out.push(Effect::SyncLog);
            }
        }
        out.extend(committed.into_iter().map(Pending::commit));
    }

    /// The server may serve. What came since NEWLEADER is logged now, and acknowledged when durable.
    fn on_up_to_date(&mut self, settings: &Settings, out: &mut Vec<Effect>) -> Broadcasting {
        let config = self.config.take();
        out.extend(config.map(|c| Effect::ActivateConfig { config: c, designated_leader: None }));
        let zxid = Zxid::new(self.epoch, 0);
        out.push(Effect::Send(Packet::Ack { zxid }));
        let mut next = Broadcasting::new(self.last_queued.map_or(zxid, |last| last.max(zxid)));
        for pending in std::mem::take(&mut self.committed) {
            if !settings.faults.apply_without_log {
                next.log(settings, &pending, out);
            }
            out.push(pending.commit());
        }
        // Not before: a snapshot may hold the effects of what was just committed, and nobody is to see
        // them under an earlier zxid.
        out.push(Effect::Serve { epoch: self.epoch });
        for pending in std::mem::take(&mut self.proposed) {
            next.log(settings, &pending, out);
            next.await_commit(pending);
        }
        next
    }
}

/// A proposed configuration is noted at once.
pub(super) fn announce(settings: &Settings, pending: &Pending, out: &mut Vec<Effect>) {
    if settings.reconfig_enabled {
        out.extend(pending.config().map(Effect::SetLastSeenConfig));
    }
}

/// A committed one is put in force.
pub(super) fn activate(
    settings: &Settings,
    pending: &Pending,
    designated_leader: Option<Sid>,
    out: &mut Vec<Effect>,
) {
    if settings.reconfig_enabled && designated_leader.is_some() {
        let config = pending.config();
        out.extend(config.map(|config| Effect::ActivateConfig { config, designated_leader }));
    }
}

fn unexpected(packet: &Packet) -> Reason {
    Reason::Unexpected { phase: "synchronization", packet: packet.name() }
}

//! Which followers are sent a proposal at once, and which only with its commit.
//!
//! Java proposes to all followers at the same moment, and what the slower ones say to it has no weight: it
//! comes behind the commit. Each of them was woken twice for it and has synced its disk, while the quorum's
//! disks were at work (in the papers on Paxos a leader that asks no more than a quorum is called thrifty).
//! Here a leader that has seen who makes its quorums *spares* the others: a spared follower gets a proposal
//! together with its commit, in one piece. It shows its clients a transaction no later than before, for
//! only a commit lets it; and what it logs then is committed already, so nobody waits for its sync.
//!
//! To each follower go the same packets in the same order as ever, so nothing in ZAB depends on this: a
//! slow connection would do the same. What may go wrong, and what is done about it:
//!
//! - One that is asked stands still: what is held back goes out after a few times as long as a commit takes
//!   as a rule (`Thrift::patience`).
//! - That happens often: nobody is spared for a while, and each time for longer.
//! - A learner leaves: nobody is spared until it is known anew who makes the quorums.
//! - One that is spared would answer sooner by now: every so often all are asked for half a tick.

use std::cmp::Reverse;

use super::learner_handler::Stage;
use super::synchronizing::send;
use super::{Effect, Leader, Phase};
use crate::ids::{Millis, Zxid};
use crate::zab::LinkId;
use crate::zab::packet::Packet;
use crate::zab::quorum::SyncedLearnerTracker;

/// For so many half ticks followers are spared before all are asked again for one.
const SPARING: u32 = 16;
/// For so many half ticks all are asked at the most, where sparing has failed again and again.
const ASKING_MAX: u32 = 64;
/// Of so many commits one may have been late.
const COMMITS_PER_LATE: u32 = 16;
/// So many late ones say nothing yet.
const LATE_MIN: u32 = 4;
/// How many times as long as a commit takes as a rule a proposal is held back.
const PATIENCE: Millis = 4;
/// For how long it is held back, in ms.
const PATIENCE_RANGE: (Millis, Millis) = (3, 50);

/// What a leader knows of how its quorums come about.
#[derive(Debug)]
pub(super) struct Thrift {
    mode: Mode,
    /// What was seen since the last half tick.
    commits: u32,
    waited: Millis,
    late: u32,
    /// For how long a proposal may be held back, in ms.
    patience: Millis,
    /// When a proposal was held back last, until that has been looked into.
    held_at: Option<Millis>,
    /// For how long all are asked when sparing fails the next time, in half ticks.
    penance: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// All are asked, for so many half ticks with enough commits.
    Asking(u32),
    /// Some are spared, likewise.
    Sparing(u32),
}

/// What comes of half a tick.
#[derive(Debug, PartialEq, Eq)]
enum Review {
    GoOn,
    Spare,
    AskAll,
}

impl Default for Thrift {
    fn default() -> Self {
        Self {
            mode: Mode::Asking(1),
            commits: 0,
            waited: 0,
            late: 0,
            patience: PATIENCE_RANGE.1,
            held_at: None,
            penance: 1,
        }
    }
}

impl Thrift {
    /// A proposal is held back.
    pub(super) fn note_held(&mut self, now: Millis) {
        self.held_at = Some(now);
    }

    /// A proposal was committed after so many ms.
    pub(super) fn note_commit(&mut self, waited: Millis) {
        self.commits += 1;
        self.waited += waited.max(0);
    }

    /// What was held back had to go out before its commit; true if nobody is to be spared any more.
    fn note_late(&mut self) -> bool {
        self.late += 1;
        self.late > LATE_MIN + self.commits / COMMITS_PER_LATE
    }

    /// Nobody is spared, because that has failed.
    fn fail(&mut self) {
        self.mode = Mode::Asking(self.penance);
        self.penance = (self.penance * 2).min(ASKING_MAX);
        self.forget();
    }

    /// Nobody is spared, because there are others now.
    fn begin_anew(&mut self) {
        self.mode = Mode::Asking(1);
        self.forget();
    }

    fn forget(&mut self) {
        (self.commits, self.waited, self.late) = (0, 0, 0);
    }

    fn on_half_tick(&mut self, commits_min: u32) -> Review {
        if self.commits < commits_min.max(1) {
            return Review::GoOn;
        }
        let (least, most) = PATIENCE_RANGE;
        self.patience = (PATIENCE * self.waited / Millis::from(self.commits)).clamp(least, most);
        self.forget();
        let (mode, review) = match self.mode {
            Mode::Asking(0 | 1) => (Mode::Sparing(SPARING), Review::Spare),
            Mode::Sparing(0 | 1) => {
                self.penance = 1;
                (Mode::Asking(1), Review::AskAll)
            }
            Mode::Asking(left) => (Mode::Asking(left - 1), Review::GoOn),
            Mode::Sparing(left) => (Mode::Sparing(left - 1), Review::GoOn),
        };
        self.mode = mode;
        review
    }
}

impl Leader {
    /// When to look whether something has been held back for too long. That goes on for a while when
    /// nothing is held back any more: to call a thread earlier for each proposal, and to tell it that it
    /// may sleep on after each commit, would cost more than that it looks for nothing now and then.
    pub(super) fn held_until(&self) -> Option<Millis> {
        let Phase::Broadcasting(phase) = &self.phase else { return None };
        let first = self.learners.values().filter_map(|learner| learner.held_from).min();
        let since = first.and_then(|first| phase.proposed_at(first)).or(phase.thrift.held_at)?;
        Some(since + phase.thrift.patience)
    }

    /// Sends what was held back for too long.
    pub(super) fn send_late(&mut self, now: Millis, out: &mut Vec<Effect>) {
        if self.held_until().is_none_or(|at| now < at) {
            return;
        }
        let any = self.learners.values().any(|learner| learner.held_from.is_some());
        let Phase::Broadcasting(phase) = &mut self.phase else { return };
        phase.thrift.held_at = None;
        if !any {
            return;
        }
        if phase.thrift.note_late() {
            phase.thrift.fail();
            return self.ask_all(now, out);
        }
        self.send_held(now, out);
    }

    /// A learner is gone, and perhaps one that was asked.
    pub(super) fn on_learner_gone(&mut self, now: Millis, out: &mut Vec<Effect>) {
        let Phase::Broadcasting(phase) = &mut self.phase else { return };
        phase.thrift.begin_anew();
        self.ask_all(now, out);
    }

    /// Half a tick is over: who makes the quorums?
    pub(super) fn review_thrift(&mut self, now: Millis, out: &mut Vec<Effect>) {
        let Phase::Broadcasting(phase) = &mut self.phase else { return };
        match phase.thrift.on_half_tick(self.settings.spare_after) {
            Review::GoOn => {}
            Review::Spare => {
                let asked = self.fastest_quorum();
                self.spare(|link| !asked.contains(&link));
            }
            Review::AskAll => self.ask_all(now, out),
        }
    }

    /// The followers without which there is no quorum, those first that have made most of the last ones.
    fn fastest_quorum(&self) -> Vec<LinkId> {
        let following = self.learners.iter().filter(|(_, l)| l.stage == Stage::Following);
        let mut voters: Vec<_> = following
            .filter_map(|(link, l)| Some((Reverse(l.quorums_made), l.sid?, *link)))
            .collect();
        voters.sort_unstable();
        let mut quorum = SyncedLearnerTracker::new(self.quorums.clone());
        quorum.add_ack(self.settings.my_id);
        let mut asked = Vec::new();
        for (_, sid, link) in voters {
            if quorum.has_all_quorums() {
                break;
            }
            if quorum.add_ack(sid) {
                asked.push(link);
            }
        }
        asked
    }

    /// Nobody is spared, and so nothing is held back: what follows must not come before it.
    fn ask_all(&mut self, now: Millis, out: &mut Vec<Effect>) {
        self.spare(|_| false);
        self.send_held(now, out);
    }

    /// From now on these are spared, and it is counted anew who makes the quorums.
    fn spare(&mut self, whom: impl Fn(LinkId) -> bool) {
        for (link, learner) in &mut self.learners {
            learner.is_spared = learner.stage == Stage::Following && whom(*link);
            learner.quorums_made = 0;
        }
    }

    fn send_held(&mut self, now: Millis, out: &mut Vec<Effect>) {
        let Phase::Broadcasting(phase) = &self.phase else { return };
        for (link, learner) in &mut self.learners {
            let Some(first) = learner.held_from.take() else { continue };
            for entry in phase.proposed_from(first) {
                learner.sync_limit_check.proposal_sent(entry.zxid, now);
                let (zxid, record) = (entry.zxid, entry.record.clone());
                send(out, *link, Packet::Proposal { zxid, record });
            }
        }
    }
}

/// The first that is still held back, when `committed` has gone out.
pub(super) fn held_after(committed: Zxid, last_proposed: Zxid) -> Option<Zxid> {
    (committed < last_proposed).then(|| committed.next())
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMITS_MIN: u32 = 16;

    /// Half a tick with so many commits, each after so many ms.
    fn half_tick(thrift: &mut Thrift, commits: u32, waited: Millis) -> Review {
        (0..commits).for_each(|_| thrift.note_commit(waited));
        thrift.on_half_tick(COMMITS_MIN)
    }

    fn sparing() -> Thrift {
        let mut thrift = Thrift::default();
        assert_eq!(half_tick(&mut thrift, 100, 1), Review::Spare);
        thrift
    }

    #[test]
    fn some_are_spared_when_it_was_seen_who_is_needed_and_all_are_asked_now_and_then() {
        let mut thrift = Thrift::default();
        assert_eq!(half_tick(&mut thrift, COMMITS_MIN - 1, 1), Review::GoOn, "too few");
        assert_eq!(half_tick(&mut thrift, 1, 1), Review::Spare, "they are counted together");
        for _ in 1..SPARING {
            assert_eq!(half_tick(&mut thrift, 20, 1), Review::GoOn);
        }
        assert_eq!(half_tick(&mut thrift, 20, 1), Review::AskAll);
        assert_eq!(half_tick(&mut thrift, 20, 1), Review::Spare);
    }

    #[test]
    fn patience_is_a_few_times_what_a_commit_takes() {
        let mut thrift = Thrift::default();
        for (waited, patience) in [(0, 3), (1, 4), (5, 20), (1000, 50)] {
            half_tick(&mut thrift, 100, waited);
            assert_eq!(thrift.patience, patience, "after {waited} ms");
        }
    }

    #[test]
    fn who_is_late_too_often_is_not_relied_on_and_each_time_for_longer() {
        let mut thrift = sparing();
        let mut until_failed = |commits: u32| {
            (0..commits).for_each(|_| thrift.note_commit(1));
            let late = (1..).take_while(|_| !thrift.note_late()).count();
            thrift.fail();
            let mut half_ticks = 1;
            while half_tick(&mut thrift, 100, 1) != Review::Spare {
                half_ticks += 1;
            }
            (late, half_ticks)
        };
        assert_eq!(until_failed(0), (4, 1));
        assert_eq!(until_failed(1600), (104, 2));
        let later: Vec<u32> = (0..6).map(|_| until_failed(0).1).collect();
        assert_eq!(later, [4, 8, 16, 32, 64, 64]);
    }
}

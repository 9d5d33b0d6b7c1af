//! The looks at a member after each step, and at all of them at the end.

use std::sync::Arc;

use gamekeeper::ids::{Sid, Zxid};
use gamekeeper::server::front::Serving;
use gamekeeper::storage::{DataDirs, Disk, restore};
use gamekeeper::tree::NoEvents;

use super::judge::Judge;
use super::node::{DATA_DIR, restore_options};
use super::world::World;
use crate::history::check::{Tolerance, check};

/// Violations of one run that are told, at most.
const TOLD: usize = 5;

/// How long a member may stand still in all, in ms, where pauses follow each other.
const PAUSES_MS: i64 = 30_000;

impl World {
    /// A member says that its epoch is established.
    pub(super) fn on_established(&mut self, sid: Sid, epoch: i64) {
        let Some(life) = self.nodes.get_mut(&sid).and_then(|n| n.life.as_mut()) else { return };
        if life.ensemble.status().state != "leader" {
            return;
        }
        let (base, fuzzy) = (life.seen, life.fuzzy_until > life.seen);
        life.seen = Zxid::new(epoch, 0);
        self.figures.terms += 1;
        if fuzzy {
            self.violated(format!("{sid} leads from {base} with the tree of no moment"));
        }
        if let Err(why) = self.judge.on_lead(sid, epoch, base) {
            self.violated(why);
        } else {
            self.look_at_quorum(sid, base);
        }
    }

    /// What a leader takes for committed must be on the disks of most.
    fn look_at_quorum(&mut self, sid: Sid, zxid: Zxid) {
        if self.plan.legality
            && let Err(why) = self.judge.on_quorum(self.plan.voters, zxid)
        {
            self.violated(format!("{sid} leads: {why}"));
        }
    }

    /// What a step has done to the tree of a member that led before it, or did not: one that ceases to
    /// lead applies what it has committed until then.
    pub(super) fn look_at(&mut self, sid: Sid, led: bool) {
        let Some(life) = self.nodes.get_mut(&sid).and_then(|n| n.life.as_mut()) else { return };
        let front = Arc::clone(&life.front);
        let tree = front.db.read_tree();
        let (before, zxid) = (life.seen, tree.last_processed_zxid());
        let was_fuzzy = std::mem::replace(&mut life.is_fuzzy, tree.is_fuzzy());
        if zxid == before && (life.is_fuzzy || !was_fuzzy) {
            return;
        }
        life.seen = zxid;
        let serving = front.serving() == Serving::Yes;
        let state = life.ensemble.status().state;
        let judge = &mut self.judge;
        let leads = led || state == "leader";
        let committed = match state {
            _ if leads && zxid.counter() != 0 => judge.on_leader_commit(sid, zxid),
            "follower" | "observer" if serving => judge.on_learner_commit(sid, zxid),
            _ => Ok(()),
        };
        let sessions = || life.ensemble.committed_sessions().into_iter().map(|(id, _)| id);
        let state_of = |judge: &mut Judge| match life.is_fuzzy || zxid < life.fuzzy_until {
            true => Ok(()),
            false => judge
                .on_state(sid, zxid, &tree)
                .and_then(|()| judge.on_sessions(sid, zxid, sessions().collect())),
        };
        let result = committed.and_then(|()| state_of(judge));
        let mismatches = tree.digest_mismatches();
        drop(tree);
        if let Err(why) = result {
            self.violated(format!("{sid} ({state}, from {before}): {why}"));
        } else if mismatches > 0 {
            self.violated(format!("{sid} at {zxid}: the tree is not what the leader predicted"));
        } else if leads && zxid.counter() != 0 {
            self.look_at_quorum(sid, zxid);
        }
    }

    /// At rest all have the same, on the disk as in memory, and no client was told a lie.
    pub fn judge_end(&mut self) {
        let sids: Vec<Sid> = self.nodes.keys().copied().collect();
        for sid in sids {
            if let Err(why) = self.judge_memory(sid) {
                self.violated(format!("{sid} at rest: {why}"));
            }
            if let Err(why) = self.judge_disk(sid) {
                self.violated(format!("the disk of {sid}: {why}"));
            }
        }
        self.judge_history();
    }

    fn judge_memory(&mut self, sid: Sid) -> Result<(), String> {
        let Some(life) = &self.nodes[&sid].life else { return Ok(()) };
        let tree = life.front.db.read_tree();
        self.judge.on_state(sid, tree.last_processed_zxid(), &tree)
    }

    fn judge_disk(&mut self, sid: Sid) -> Result<(), String> {
        let Some(life) = &self.nodes[&sid].life else { return Ok(()) };
        let path = std::path::Path::new(DATA_DIR);
        let disk: Arc<dyn Disk> = Arc::new(self.nodes[&sid].disk.copy());
        let dirs = DataDirs::open(disk, path, path, true).map_err(|e| e.to_string())?;
        let options = restore_options(&self.plan);
        let restored = restore(&dirs, options, || 0).map_err(|e| e.to_string())?;
        let mut tree = restored.tree;
        tree.set_config(self.shared.config_text().as_bytes(), 0, 0, &mut NoEvents);
        let mut sessions: Vec<_> = restored.sessions.into_iter().collect();
        let mut known = life.ensemble.committed_sessions();
        sessions.sort_unstable();
        known.sort_unstable();
        // What is proposed at the end of a run may be in the log and not in memory.
        let zxids = [tree.last_processed_zxid(), life.front.db.read_tree().last_processed_zxid()];
        let [on_disk, in_memory] = zxids.map(|zxid| self.judge.last_txn(zxid));
        if on_disk == in_memory && sessions != known {
            known.retain(|session| !sessions.contains(session));
            let ids: Vec<i64> = known.iter().map(|(id, _)| id.0).collect();
            let records = self.judge.records_of(&ids);
            return Err(format!("in memory there are also the sessions {known:?}: {records:?}"));
        }
        self.judge.on_state(sid, tree.last_processed_zxid(), &tree)
    }

    fn judge_history(&mut self) {
        self.history.committed = match self.judge.history() {
            Ok(committed) => committed,
            Err(why) => return self.violated(why),
        };
        self.figures.committed = self.history.committed.len() as u64;
        self.figures.calls = self.history.calls.len() as u64;
        let answered = self.history.calls.iter().filter(|call| call.reply.is_some()).count();
        self.figures.answered = answered as u64;
        self.figures.watches = self.history.events.len() as u64;
        // A member that stands still, or is cut off from the leader, answers reads and tells nobody.
        let unheard = (self.plan.sync_limit + 2) * self.plan.tick_ms + PAUSES_MS;
        let skew = 4 * self.plan.skew_ms as i64 + unheard;
        let local = self.plan.local;
        let tolerance = Tolerance {
            clock_skew_ms: skew,
            local_sessions: local,
            read_only_members: local,
            lagging_leaders: false,
        };
        let violations = check(&self.history, tolerance);
        if violations.is_empty() {
            return;
        }
        let told: Vec<String> =
            violations.iter().take(TOLD).map(|v| format!("{:?}: {}", v.rule, v.what)).collect();
        self.violated(format!("{} in the history:\n  {}", violations.len(), told.join("\n  ")));
    }
}

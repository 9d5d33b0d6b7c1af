//! What the runtime's threads for files do around a member: the log's, the barriers', the snapshots'.

use std::sync::Arc;

use gamekeeper::ids::Sid;
use gamekeeper::peer::LogBatch;
use gamekeeper::peer::ensemble::{Effect, Event};
use gamekeeper::storage::snapshot::body::BodyWalk;
use gamekeeper::storage::snapshot::{SnapshotWriter, Trailer};
use gamekeeper::storage::{self, purge};

use super::Micros;
use super::net::Place;
use super::node::{Snapshotting, snapshot_options};
use super::world::{Happening, World};

/// How often what a script holds back looks whether it may go on, in microseconds.
pub(super) const HELD: Micros = 1_000;

/// For how long what nobody waits for is not synced, in microseconds, at the most.
const LATER: Micros = 5_000;

impl World {
    /// What a sync takes.
    pub(super) fn disk_time(&mut self, sid: Sid) -> Micros {
        let (low, high) = self.plan.disk;
        let slow = self.nodes[&sid].slow_disk_until > self.now;
        self.random.between(low, high) * if slow { 50 } else { 1 }
    }

    pub(super) fn log(&mut self, sid: Sid, batch: LogBatch) {
        for (zxid, record) in batch.iter() {
            if let Err(why) = self.judge.on_logged(sid, zxid, record) {
                return self.violated(why);
            }
        }
        let Some(life) = self.nodes.get_mut(&sid).and_then(|n| n.life.as_mut()) else { return };
        life.log_queue.push_back(batch);
        self.begin_log_write(sid);
    }

    fn begin_log_write(&mut self, sid: Sid) {
        let mut wait = self.disk_time(sid);
        let later = self.random.clone().below(LATER);
        let Some(node) = self.nodes.get_mut(&sid) else { return };
        let Some(life) = &mut node.life else { return };
        if !life.log_busy && !life.log_queue.is_empty() {
            life.log_busy = true;
            if life.log_queue.iter().all(|batch| batch.may_wait) {
                wait += later;
            }
            let incarnation = node.incarnation;
            self.after(wait, Happening::LogWritten(sid, incarnation));
        }
    }

    pub(super) fn on_log_written(&mut self, sid: Sid) {
        if self.holds.logs.contains(&sid) {
            let incarnation = self.nodes[&sid].incarnation;
            return self.after(HELD, Happening::LogWritten(sid, incarnation));
        }
        let some = self.random.between(1, 8) as usize;
        let Some(life) = self.nodes.get_mut(&sid).and_then(|n| n.life.as_mut()) else { return };
        life.log_busy = false;
        let some = some.min(life.log_queue.len());
        let batches: Vec<LogBatch> = life.log_queue.drain(..some).collect();
        let last = batches.last().and_then(LogBatch::last_zxid);
        if let Err(e) = life.write_log(&batches) {
            return self.on_log_failed(sid, &e);
        }
        self.judge.on_durable(sid, last.unwrap_or_default());
        self.begin_log_write(sid);
        let news = self.random.below(200);
        self.done(sid, news, Event::Durable(last.unwrap_or_default()));
        self.try_barrier(sid);
    }

    /// The process ends. With ZOOKEEPER-4882 only the leader is lost, and looked for anew.
    fn on_log_failed(&mut self, sid: Sid, e: &storage::Error) {
        if !self.plan.bugs.storage.write_on_after_errors {
            return self.end_process(sid, &e.to_string());
        }
        for link in self.net.quorum_links(Place::Node(sid)) {
            let due = self.net.break_link(self.now, link);
            self.schedule(due);
        }
    }

    pub(super) fn begin_barrier(&mut self, sid: Sid, effect: Effect) {
        if let Some(life) = self.nodes.get_mut(&sid).and_then(|n| n.life.as_mut()) {
            life.barrier = Some(effect);
        }
        self.try_barrier(sid);
    }

    fn try_barrier(&mut self, sid: Sid) {
        let wait = self.disk_time(sid);
        let Some(node) = self.nodes.get_mut(&sid) else { return };
        let incarnation = node.incarnation;
        let Some(life) = &mut node.life else { return };
        if life.barrier.as_ref().is_some_and(|effect| life.may_begin(effect)) {
            self.after(wait, Happening::Barrier(sid, incarnation));
        }
    }

    pub(super) fn on_barrier(&mut self, sid: Sid) {
        if self.holds.barriers.contains(&sid) {
            let incarnation = self.nodes[&sid].incarnation;
            return self.after(HELD, Happening::Barrier(sid, incarnation));
        }
        let Some(life) = self.nodes.get_mut(&sid).and_then(|n| n.life.as_mut()) else { return };
        let Some(effect) = life.barrier.take() else { return };
        if !life.may_begin(&effect) {
            life.barrier = Some(effect);
            return;
        }
        match self.carry_out_barrier(sid, effect) {
            Ok(event) => self.done(sid, 1, event),
            Err(e) => self.end_process(sid, &e.to_string()),
        }
    }

    fn carry_out_barrier(&mut self, sid: Sid, effect: Effect) -> storage::Result<Event> {
        let Some(life) = self.nodes.get_mut(&sid).and_then(|n| n.life.as_mut()) else {
            return Ok(Event::Done);
        };
        if matches!(effect, Effect::SaveSnapshot) {
            let tree = life.front.db.read_tree();
            let zxid = tree.last_processed_zxid();
            if let Err(why) = self.judge.on_state(sid, zxid, &tree) {
                drop(tree);
                self.violated(format!("{sid} saves what it was sent: {why}"));
                return Ok(Event::Done);
            }
        }
        let event = life.carry_out_barrier(&effect, &self.plan)?;
        let durable = match (&effect, &event) {
            (Effect::SaveSnapshot, _) => Some(life.front.db.read_tree().last_processed_zxid()),
            (_, Event::Reloaded(loaded)) => Some(loaded.tree.last_processed_zxid()),
            _ => None,
        };
        durable.into_iter().for_each(|zxid| self.judge.on_durable(sid, zxid));
        Ok(event)
    }

    pub(super) fn begin_snapshot(&mut self, sid: Sid) -> storage::Result<()> {
        let Some(node) = self.nodes.get_mut(&sid) else { return Ok(()) };
        let incarnation = node.incarnation;
        let Some(life) = node.life.as_mut().filter(|l| l.snapshotting.is_none()) else {
            return Ok(());
        };
        let sessions = life.ensemble.committed_sessions();
        let tree = life.front.db.read_tree();
        let zxid = tree.last_processed_zxid();
        let mut out = Vec::new();
        let walk = BodyWalk::start(&tree, &sessions, &mut out);
        drop(tree);
        let (disk, dir) = (Arc::clone(life.dirs.disk()), life.dirs.snap());
        let writer = SnapshotWriter::create(disk, dir, zxid, snapshot_options().compression)?;
        life.snapshotting = Some(Snapshotting { writer, walk, out });
        self.after(100, Happening::Snapshot(sid, incarnation));
        Ok(())
    }

    pub(super) fn on_snapshot_slice(&mut self, sid: Sid) {
        if self.holds.snapshots.contains(&sid) {
            let incarnation = self.nodes[&sid].incarnation;
            return self.after(HELD, Happening::Snapshot(sid, incarnation));
        }
        match self.snapshot_slice(sid) {
            Ok(true) => {
                let (wait, incarnation) = (self.random.below(20_000), self.nodes[&sid].incarnation);
                self.after(wait, Happening::Snapshot(sid, incarnation));
            }
            Ok(false) => {}
            Err(e) => self.end_process(sid, &e.to_string()),
        }
    }

    /// True while there is more to do.
    pub(super) fn snapshot_slice(&mut self, sid: Sid) -> storage::Result<bool> {
        let (nodes, retain) = (self.plan.slice_nodes, self.plan.retain);
        let Some(life) = self.nodes.get_mut(&sid).and_then(|n| n.life.as_mut()) else {
            return Ok(false);
        };
        let Some(Snapshotting { mut writer, mut walk, mut out }) = life.snapshotting.take() else {
            return Ok(false);
        };
        let tree = life.front.db.read_tree();
        let more = walk.next(&tree, nodes, usize::MAX, &mut out);
        if !walk.is_of(&tree) {
            return Ok(false);
        }
        writer.put(&out)?;
        out.clear();
        if more {
            drop(tree);
            life.snapshotting = Some(Snapshotting { writer, walk, out });
            return Ok(true);
        }
        let digest = Some(tree.snapshot_digest());
        let last_zxid = Some(tree.last_processed_zxid());
        drop(tree);
        writer.finish(Trailer { digest, last_zxid })?;
        if retain >= storage::MIN_RETAIN {
            purge(&life.dirs, retain)?;
        }
        Ok(false)
    }
}

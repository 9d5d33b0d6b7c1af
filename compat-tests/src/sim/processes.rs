//! The members as processes: they start, end, stand still and go on.

use gamekeeper::ids::Sid;
use gamekeeper::storage;

use super::Micros;
use super::net::Place;
use super::world::{Happening, World};

impl World {
    pub(super) fn boot(&mut self, sid: Sid) {
        if self.nodes[&sid].life.is_some() || self.left_out.contains(&sid) {
            return;
        }
        let mut dice = self.random.fork();
        let now = self.now;
        let Some(node) = self.nodes.get_mut(&sid) else { return };
        node.incarnation += 1;
        match self.shared.boot(node, now, &mut dice) {
            Ok(life) => {
                let incarnation = node.incarnation;
                let tree = life.front.db.read_tree();
                let detail = format!(
                    "zxid {} epochs {}/{}",
                    life.seen,
                    life.epochs.accepted(),
                    life.epochs.current()
                );
                let restored = match life.fuzzy_until > life.seen {
                    true => Ok(()),
                    false => {
                        let sessions = life.ensemble.committed_sessions().into_iter();
                        let sessions = sessions.map(|(id, _)| id).collect();
                        self.judge
                            .on_state(sid, life.seen, &tree)
                            .and_then(|()| self.judge.on_sessions(sid, life.seen, sessions))
                    }
                };
                drop(tree);
                self.judge.on_durable(sid, life.seen);
                node.life = Some(life);
                self.note(Place::Node(sid), "boot", &detail);
                if let Err(why) = restored {
                    return self.violated(format!("{sid} restored: {why}"));
                }
                let first = self.random.below(self.tick_pause());
                self.after(first, Happening::Tick(sid, incarnation));
                self.carry_out(sid);
            }
            Err(e) => self.on_failed_boot(sid, &e),
        }
    }

    pub(super) fn tick_pause(&self) -> Micros {
        (self.plan.tick_ms as Micros * 1000 / 10).max(1000)
    }

    /// A disk that fails while the server starts is tried again; what is on it must make sense.
    fn on_failed_boot(&mut self, sid: Sid, e: &storage::Error) {
        let full = matches!(e, storage::Error::Disk(_));
        self.note(Place::Node(sid), "no start", &e.to_string());
        if !full {
            return self.violated(format!("{sid} does not start: {e}"));
        }
        self.end_process(sid, "it does not start");
    }

    /// A process ends: by itself, killed, or because the power failed.
    pub(super) fn end_process(&mut self, sid: Sid, why: &str) {
        let off = self.nodes[&sid].disk.is_off();
        self.stop(sid, why, off);
    }

    /// As [`World::end_process`], `power` saying whether the machine goes down with it.
    pub(super) fn stop(&mut self, sid: Sid, why: &str, power: bool) {
        let Some(node) = self.nodes.get_mut(&sid) else { return };
        node.life = None;
        node.paused_until = 0;
        node.deferred.clear();
        if power {
            node.disk.power_cycle();
        } else {
            node.disk.process_ended();
        }
        self.note(Place::Node(sid), if power { "power fails" } else { "ends" }, why);
        let silence = if power && self.random.chance(0.5) { 20_000_000 } else { 20_000 };
        let due = self.net.node_gone(self.now, Place::Node(sid), silence);
        self.schedule(due);
        self.figures.crashes += 1;
        let longest = if self.random.chance(0.2) { 20_000_000 } else { 500_000 };
        let wait = self.random.between(1_000, longest);
        self.after(wait, Happening::Boot(sid));
    }

    /// What has gathered while a process stood still comes first, and in its order.
    pub(super) fn resume(&mut self, sid: Sid) {
        let now = self.now;
        let node = self.nodes.get_mut(&sid).filter(|node| node.paused_until <= now);
        let Some(node) = node else { return };
        for what in std::mem::take(&mut node.deferred) {
            self.happen(what);
        }
    }
}

//! What a server keeps: its epochs, its log, and what it has applied of that.

use super::{Role, World, show};
use crate::ids::{Sid, Zxid};
use crate::zab::sync::Entry;
use crate::zab::{leader, learner};

impl World {
    pub(super) fn write_accepted(&mut self, id: Sid, epoch: i64) {
        self.note(format!("{id}: acceptedEpoch {epoch}"));
        let node = self.node(id);
        assert!(epoch > node.accepted, "an accepted epoch only grows");
        node.accepted = epoch;
    }

    pub(super) fn write_current(&mut self, id: Sid, epoch: i64) {
        self.note(format!("{id}: currentEpoch {epoch}"));
        let node = self.node(id);
        assert!(node.current <= epoch && epoch <= node.accepted);
        node.current = epoch;
    }

    pub(super) fn append(&mut self, id: Sid, entry: Entry) {
        let zxid = entry.zxid;
        self.note(format!("{id}: append {}", show(zxid)));
        let node = self.node(id);
        assert!(node.log.last().is_none_or(|last| last.zxid < zxid), "the log goes forward");
        node.log.push(entry);
        if !node.slow {
            self.durable(id);
        }
    }

    /// All that was appended is durable now.
    pub(in crate::zab::tests) fn durable(&mut self, id: Sid) {
        let Some(zxid) = self.node(id).log.last().map(|e| e.zxid) else { return };
        match self.node(id).role {
            Role::Leader(_) => self.leader_event(id, leader::Event::Durable(zxid)),
            _ => self.learner_event(id, learner::Event::Durable(zxid)),
        }
    }

    pub(super) fn apply(&mut self, id: Sid, entry: Entry) {
        let zxid = entry.zxid;
        self.note(format!("{id}: commit {}", show(zxid)));
        let node = self.node(id);
        if zxid > node.history.last_processed {
            node.history.last_processed = zxid;
        }
        if node.applied.last().is_none_or(|last| zxid > *last) {
            node.applied.push(zxid);
        }
        node.history.committed.add(entry).unwrap();
    }

    pub(super) fn truncate(&mut self, id: Sid, zxid: Zxid) {
        self.note(format!("{id}: truncate {}", show(zxid)));
        let node = self.node(id);
        node.log.retain(|e| e.zxid <= zxid);
        let end = node.log.last().map_or(node.snapshot, |e| e.zxid);
        let same_content = end.counter() == 0 && end > zxid && node.log.is_empty();
        assert!(end == zxid || same_content, "cut where asked");
        self.reload(id);
    }

    /// What a server does before an election: the log is applied to its end.
    pub(super) fn reload(&mut self, id: Sid) {
        let node = self.node(id);
        node.history.committed.clear();
        node.applied.retain(|z| *z <= node.snapshot);
        node.history.last_processed = node.snapshot;
        for entry in node.log.clone() {
            node.history.last_processed = entry.zxid;
            node.applied.push(entry.zxid);
            node.history.committed.add(entry).unwrap();
        }
    }
}

//! Watch events: encoded once, put into the output of everyone who watches and may read
//! (`WatchManager.triggerWatch`, `NIOServerCnxn.process`).

use super::Applier;
use crate::ids::{SessionId, Zxid};
use crate::server::auth::perms;
use crate::server::front::Front;
use crate::server::histogram::Summary;
use crate::server::reply::notification;
use crate::tree::{EventSink, EventType, SharedAcl, path};

/// The sink of a commit.
pub(super) struct Told<'a> {
    pub(super) front: &'a Front,
    pub(super) applier: &'a mut Applier,
}

impl EventSink for Told<'_> {
    fn on_event(&mut self, kind: EventType, path: &str, acl: &SharedAcl, zxid: Zxid) {
        self.applier.told.clear();
        self.front.db.lock_watches().trigger(kind, path, &mut self.applier.told);
        if self.applier.told.is_empty() {
            return;
        }
        self.fired(kind).add(self.applier.told.len() as i64);
        self.applier.event.clear();
        let len = notification(&mut self.applier.event, kind, path, zxid);
        self.deliver(acl, len);
    }

    fn on_session_delete(&mut self, session: SessionId, path: &str, deleted: bool) {
        self.front.audit.ephemeral_deleted(session, path, deleted);
    }

    fn on_write(&mut self, path: &str, bytes: usize) {
        let set = &self.front.metrics.write_per_namespace;
        if let Some(summary) = path::top_namespace(path).and_then(|namespace| set.of(namespace)) {
            summary.add((path.len() + bytes) as i64);
        }
    }
}

impl Told<'_> {
    fn fired(&self, kind: EventType) -> &Summary {
        let metrics = &self.front.metrics;
        match kind {
            EventType::NodeCreated => &metrics.node_created_watch_count,
            EventType::NodeDeleted => &metrics.node_deleted_watch_count,
            EventType::NodeDataChanged => &metrics.node_changed_watch_count,
            EventType::NodeChildrenChanged => &metrics.node_children_watch_count,
        }
    }

    /// Puts the event into the outputs of those who may read the node.
    fn deliver(&mut self, acl: &SharedAcl, len: usize) {
        let Self { front, applier } = self;
        let auth = &front.auth;
        let is_open = auth.check_acl(acl, perms::READ, &[]).is_ok();
        let mut sent = 0;
        let told = std::mem::take(&mut applier.told);
        front.db.conns.visit(&told, |conn| {
            let may_read = is_open || auth.check_acl(acl, perms::READ, &conn.auth()).is_ok();
            if may_read && !conn.is_closing() {
                conn.lock_output().extend_from_slice(&applier.event);
                conn.stats.sent(1);
                sent += 1;
                applier.touch(conn);
            }
        });
        applier.told = told;
        front.stats.add_sent(sent);
        if sent > 0 {
            front.stats.response_size.set(len as i32);
            front.metrics.watch_bytes.add(len as i64 * sent as i64);
        }
    }
}

//! What a learner's leader has committed: it is applied, and what its clients waited for it is answered.

use std::sync::Arc;

use log::warn;

use super::figures;
use super::learning::Learning;
use super::local::Waiting;
use super::{Ensemble, Role};
use crate::ids::SessionId;
use crate::op::{Code, op};
use crate::peer::Now;
use crate::peer::pipeline::APPLY_MAX;
use crate::server::request::Request;
use crate::server::upgrade;
use crate::txn::{Txn, TxnRecord};
use crate::zab::sync::Entry;

impl Learning {
    /// A request was answered without the leader: if it closed a local session, that is gone.
    fn ended_here(&mut self, request: &Request) {
        if upgrade::is_local(request, &self.sessions) && request.op == op::CLOSE_SESSION {
            self.sessions.remove(request.session);
        }
    }

    /// The request of a client of this server that a transaction comes from. One that this server had
    /// refused is told so, whatever the leader thought of it.
    fn take_origin(&mut self, record: &mut TxnRecord) -> Option<Request> {
        let session = SessionId(record.header.client_id);
        let origin = self.local.take_committed(session, record.header.cxid)?;
        if let (Txn::Error(error), Waiting { refused: Some(code), .. }) = (&mut record.txn, &origin)
        {
            error.err = code.number();
        }
        Some(origin.request)
    }

    /// A session that is committed, or gone, here too.
    fn note_session(&mut self, record: &TxnRecord) {
        let session = SessionId(record.header.client_id);
        match &record.txn {
            Txn::CreateSession(txn) => self.sessions.commit(session, txn.timeout),
            Txn::CloseSession(_) => {
                self.sessions.remove(session);
            }
            _ => {}
        }
    }
}

/// The node tells of it, and this server goes by what it was started with.
fn warn_of_reconfiguration(record: &TxnRecord) {
    if record.header.kind == op::RECONFIG && matches!(record.txn, Txn::SetData(_)) {
        warn!(
            "The leader has put another configuration in force, which is not supported here: the \
             members that count are those of the start until zoo.cfg has the new ones and the server is \
             started again"
        );
    }
}

impl Ensemble {
    /// A commit of the leader, to be applied with others that have come with it.
    pub(super) fn learn_commit(&mut self, entry: Entry, record: Box<TxnRecord>) {
        if let Role::Learning(learning) = &mut self.role {
            learning.commits.push((entry, record));
        }
    }

    /// Applies what is committed, and answers what of this server's clients waited for it; true if
    /// there was any.
    pub(super) fn learn_gathered(&mut self, now: Now) -> bool {
        let Role::Learning(learning) = &mut self.role else { return false };
        let mut commits = std::mem::take(&mut learning.commits).into_iter();
        let any = commits.len() > 0;
        while commits.len() > 0 {
            self.learn_slice(now, commits.by_ref().take(APPLY_MAX));
        }
        if any {
            self.learn_waiting(now);
        }
        any
    }

    /// Applies transactions under one lock.
    fn learn_slice(&mut self, now: Now, commits: impl Iterator<Item = (Entry, Box<TxnRecord>)>) {
        let Role::Learning(learning) = &mut self.role else { return };
        let front = Arc::clone(&self.replica.front);
        let mut tree = front.db.write_tree();
        for (entry, mut record) in commits {
            figures::note_committed_here(&front.metrics, &record, now);
            warn_of_reconfiguration(&record);
            let origin = learning.take_origin(&mut record);
            self.replica.commit(now, &mut tree, entry, origin.as_ref(), &record);
            learning.note_session(&record);
            while let Some(next) = learning.local.take_free(SessionId(record.header.client_id)) {
                self.replica.answer(now, &tree, &next.request, next.refused);
                learning.ended_here(&next.request);
            }
        }
    }

    /// The sync is answered, and what waited behind it.
    pub(super) fn on_sync_done(&mut self, now: Now) {
        let Role::Learning(learning) = &mut self.role else { return };
        let mut next = learning.local.take_synced();
        let front = Arc::clone(&self.replica.front);
        let tree = front.db.read_tree();
        while let Some(Waiting { request, refused, .. }) = next {
            self.replica.answer(now, &tree, &request, refused);
            learning.ended_here(&request);
            next = learning.local.take_free(request.session);
        }
        drop(tree);
        self.learn_waiting(now);
    }

    /// Answers a request that waits for nothing.
    pub(super) fn answer(&mut self, now: Now, request: &Request, error: Option<Code>) {
        let front = Arc::clone(&self.replica.front);
        self.replica.answer(now, &front.db.read_tree(), request, error);
        if let Role::Learning(learning) = &mut self.role {
            learning.ended_here(request);
        }
    }
}

//! Requests at a leader, those of its own clients and those that learners forward: prepared, proposed,
//! and applied when a quorum has them. And the sessions that learners speak for.

use super::figures;
use super::{Ensemble, Role};
use crate::ids::{Millis, SessionId};
use crate::op::op;
use crate::peer::LogBatch;
use crate::peer::Now;
use crate::server::request::{Input, Request, learner_owner};
use crate::zab::LinkId;
use crate::zab::leader::{self, SyncOrigin};
use crate::zab::packet::ForwardedRequest;

impl Ensemble {
    pub(super) fn lead_inputs(&mut self, now: Now, inputs: Vec<Input>) {
        let Role::Leading(leading) = &mut self.role else { return };
        let Some(pipeline) = &mut leading.pipeline else { return };
        let mut batches = Vec::new();
        pipeline.on_inputs(now, inputs, &mut batches);
        self.propose(now, &batches);
    }

    pub(super) fn lead_tick(&mut self, now: Now, heard_until: Millis) {
        let Role::Leading(leading) = &mut self.role else { return };
        let Some(pipeline) = &mut leading.pipeline else { return };
        let mut batches = Vec::new();
        pipeline.on_tick(now, heard_until, &mut batches);
        self.propose(now, &batches);
    }

    /// A proposal may be the last of its epoch: what is behind it has no leader any more.
    fn propose(&mut self, now: Now, batches: &[LogBatch]) {
        for (zxid, record) in batches.iter().flat_map(LogBatch::iter) {
            if let Role::Leading(leading) = &self.role {
                leading.proposals.set(i32::try_from(record.len()).unwrap_or(i32::MAX));
            }
            self.replica.front.metrics.proposal_count.add(1);
            self.tell_leader(now, leader::Event::Propose { zxid, record: record.into() });
        }
    }

    /// Prepares what learners have asked for and applies what is committed; true if there was any.
    pub(super) fn lead_gathered(&mut self, now: Now) -> bool {
        let requested = self.prepare_requests(now);
        let committed = self.apply_commits(now);
        requested || committed
    }

    fn prepare_requests(&mut self, now: Now) -> bool {
        let Role::Leading(leading) = &mut self.role else { return false };
        let requests = std::mem::take(&mut leading.requests);
        let any = !requests.is_empty();
        if any {
            self.lead_inputs(now, requests);
        }
        any
    }

    pub(super) fn apply_commits(&mut self, now: Now) -> bool {
        let Role::Leading(leading) = &mut self.role else { return false };
        let commits = std::mem::take(&mut leading.commits);
        let (Some(pipeline), Some(last)) = (&mut leading.pipeline, commits.last()) else {
            return false;
        };
        let (zxid, mut batches) = (last.zxid, Vec::new());
        figures::note_committed(&self.replica.front.metrics, &commits, now);
        pipeline.on_committed(now, zxid, &mut batches);
        commits.into_iter().for_each(|entry| self.replica.note_applied(entry));
        self.tell_leader(now, leader::Event::Applied(zxid));
        self.propose(now, &batches);
        true
    }

    pub(super) fn touch(&mut self, now: Now, sessions: &[(SessionId, i32)]) {
        let Role::Leading(leading) = &mut self.role else { return };
        let Some(pipeline) = &leading.pipeline else { return };
        for (id, timeout) in sessions {
            if let Some(session) = pipeline.sessions().get(*id) {
                session.renew(*timeout, now.mono);
            }
        }
    }

    /// A learner's client takes up its session again: from now on the learner is its owner. A local one
    /// is of no use elsewhere.
    pub(super) fn revalidate(&mut self, now: Now, link: LinkId, id: SessionId, timeout: i32) {
        self.prepare_requests(now);
        let Role::Leading(leading) = &self.role else { return };
        self.replica.front.metrics.revalidate_count.add(1);
        let session = leading.pipeline.as_ref().and_then(|p| p.sessions().get(id));
        let valid = session.is_some_and(|session| {
            !session.is_local()
                && session.renew(timeout, now.mono)
                && session.set_owner(learner_owner(link)).is_ok()
        });
        self.tell_leader(now, leader::Event::Revalidated { link, session: id, valid });
    }

    pub(super) fn lead_request(&mut self, now: Now, link: LinkId, request: ForwardedRequest) {
        if request.op == op::SYNC {
            self.prepare_requests(now);
            return self.tell_leader(now, leader::Event::Sync(SyncOrigin::Learner(link)));
        }
        self.outbox.await_first(link);
        let request = Request {
            conn: None,
            learner: Some(link),
            session: request.session,
            cxid: request.cxid,
            op: request.op,
            body: request.body.into_boxed_slice(),
            auth: request.auth.into(),
            received_ms: now.mono,
            throttled: false,
        };
        if let Role::Leading(leading) = &mut self.role {
            leading.requests.push(Input::Request(request));
        }
    }
}

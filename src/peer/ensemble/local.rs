//! Requests of a learner's own clients, on their way through the leader.
//!
//! A write is forwarded at once and waits here for its commit; what the session asks behind it waits
//! with it, so that the replies keep the order of the requests and a read sees its session's writes.
//! Other sessions are never waited for. What begins or ends a local session needs no leader.
//! Java: `FollowerRequestProcessor`, `CommitProcessor`.

use std::collections::{HashMap, VecDeque};

use foldhash::fast::RandomState;

use crate::ids::SessionId;
use crate::op::{Code, op};
use crate::server::request::Request;

/// Whether the leader has to be asked (`FollowerRequestProcessor.run`).
pub(super) fn needs_leader(kind: i32) -> bool {
    matches!(
        kind,
        op::CREATE
            | op::CREATE2
            | op::CREATE_TTL
            | op::CREATE_CONTAINER
            | op::DELETE
            | op::DELETE_CONTAINER
            | op::SET_DATA
            | op::RECONFIG
            | op::SET_ACL
            | op::MULTI
            | op::CHECK
            | op::SYNC
            | op::CREATE_SESSION
            | op::CLOSE_SESSION
    )
}

/// A request that waits.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) request: Request,
    /// It waits for the leader's word, and not only for those before it.
    pub(super) asked: bool,
    /// Why it will fail, if this server knows better than the leader.
    pub(super) refused: Option<Code>,
}

/// What waits, by session.
#[derive(Debug, Default)]
pub(super) struct LocalRequests {
    sessions: HashMap<SessionId, VecDeque<Waiting>, RandomState>,
    /// The sessions of syncs that were forwarded, in their order (`pendingSyncs`).
    syncs: VecDeque<SessionId>,
    len: usize,
}

impl LocalRequests {
    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Whether a request of `session` that needs no leader may be answered at once.
    pub(super) fn is_free(&self, session: SessionId) -> bool {
        !self.sessions.contains_key(&session)
    }

    /// A request waits: for its commit, or for those before it.
    pub(super) fn push(&mut self, waiting: Waiting) {
        let session = waiting.request.session;
        if waiting.asked && waiting.request.op == op::SYNC {
            self.syncs.push_back(session);
        }
        self.len += 1;
        self.sessions.entry(session).or_default().push_back(waiting);
    }

    /// The request of `session` that a commit answers: the oldest that waits, if it has that number.
    /// Another one is of the session's time on another server.
    pub(super) fn take_committed(&mut self, session: SessionId, cxid: i32) -> Option<Waiting> {
        let head = self.sessions.get(&session)?.front()?;
        let matches = head.request.cxid == cxid && head.asked && head.request.op != op::SYNC;
        if matches { self.pop(session) } else { None }
    }

    /// The oldest sync, which the leader has answered.
    pub(super) fn take_synced(&mut self) -> Option<Waiting> {
        let session = self.syncs.pop_front()?;
        let head = self.sessions.get(&session)?.front()?;
        if head.request.op == op::SYNC { self.pop(session) } else { None }
    }

    /// The next request of `session` that waits for nothing any more.
    pub(super) fn take_free(&mut self, session: SessionId) -> Option<Waiting> {
        let head = self.sessions.get(&session)?.front()?;
        if head.asked { None } else { self.pop(session) }
    }

    /// All that waits: its leader is lost.
    pub(super) fn abandon(self) -> impl Iterator<Item = Request> {
        self.sessions.into_values().flatten().map(|waiting| waiting.request)
    }

    fn pop(&mut self, session: SessionId) -> Option<Waiting> {
        let queue = self.sessions.get_mut(&session)?;
        let waiting = queue.pop_front();
        if queue.is_empty() {
            self.sessions.remove(&session);
        }
        self.len -= usize::from(waiting.is_some());
        waiting
    }
}

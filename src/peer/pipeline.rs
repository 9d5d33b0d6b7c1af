//! What a server does that makes transactions: one alone, or the leader of an ensemble.
//!
//! A request is prepared when it arrives, against the tree and what is prepared before it; its
//! transaction goes to the quorum's logs at once. It is applied and answered, in the order of arrival,
//! when it is committed: when the logs of a quorum have it, of which a server alone is the smallest.
//! What makes no transaction keeps its place in that order: a read behind a write sees the write, and
//! the replies of a connection keep the order of its requests. So does the begin and the end of a
//! session that only this server knows.
//! Java: `ZooKeeperServer.setupRequestProcessors`, `LeaderZooKeeperServer`.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use log::{info, warn};

use super::gate::Gate;
use super::{LogBatch, Now};
use crate::ids::{Millis, SessionId, Zxid};
use crate::op::op;
use crate::server::apply::{self, Applier};
use crate::server::auth::Auth;
use crate::server::connect;
use crate::server::container::{ContainerManager, ContainerOptions};
use crate::server::front::Front;
use crate::server::prep::{Prep, PrepOptions, Prepared};
use crate::server::request::{Connect, Input, Request};
use crate::server::sessions::SessionTracker;
use crate::server::throttle::RequestThrottler;
use crate::server::upgrade;
use crate::tree::DataTree;
use crate::txn::Txn;

/// Transactions that are applied under one write lock: readers wait no longer than these take.
pub(super) const APPLY_MAX: usize = 256;

/// What the pipeline is made of.
#[derive(Debug)]
pub struct Parts {
    /// What the connections share; the tree is in it.
    pub front: Arc<Front>,
    /// Makes transactions of requests.
    pub prep: Prep,
    /// The sessions, those of the database restored.
    pub sessions: SessionTracker,
    /// Which containers are to go.
    pub containers: ContainerManager,
    /// How many requests are processed at a time.
    pub throttler: RequestThrottler,
    /// Sessions that have ephemerals in the database but no record of their own: closed at the first
    /// tick (`ZooKeeperServer.loadData`).
    pub orphans: Vec<SessionId>,
    /// Transactions in one batch of the log at the most (`maxBatchSize`).
    pub batch_max: usize,
}

/// What of the configuration a pipeline depends on.
#[derive(Debug, Clone, Copy)]
pub struct PipelineSettings {
    /// How requests are prepared.
    pub prep: PrepOptions,
    /// How containers are looked for.
    pub containers: ContainerOptions,
    /// How many requests are processed at a time.
    pub throttler: RequestThrottler,
    /// Transactions in one batch of the log at the most (`maxBatchSize`).
    pub batch_max: usize,
}

impl PipelineSettings {
    /// The parts of a pipeline over the tree in `front`, with the sessions of its database.
    pub fn parts(
        &self,
        front: &Arc<Front>,
        auth: &Arc<Auth>,
        sessions: SessionTracker,
        now: Millis,
    ) -> Parts {
        let tree = front.db.read_tree();
        let known = |id: &SessionId| sessions.get(*id).is_some();
        let orphans: Vec<_> = tree.ephemeral_sessions().filter(|id| !known(id)).collect();
        if !orphans.is_empty() {
            warn!("{} sessions have ephemerals but no record; they are closed", orphans.len());
        }
        Parts {
            front: Arc::clone(front),
            prep: Prep::new(self.prep, Arc::clone(auth)),
            sessions,
            containers: ContainerManager::new(self.containers, now),
            throttler: self.throttler,
            orphans,
            batch_max: self.batch_max,
        }
    }
}

/// A request in its place.
#[derive(Debug)]
struct Pending {
    request: Request,
    prepared: Prepared,
}

impl Pending {
    /// Whether it may be applied, given what is committed.
    fn is_ready(&self, committed: Zxid) -> bool {
        self.prepared.record.as_ref().is_none_or(|record| record.header.zxid <= committed.0)
    }
}

/// Requests on their way to their answers.
#[derive(Debug)]
pub struct Pipeline {
    parts: Parts,
    applier: Applier,
    /// The last zxid that was given to a transaction.
    last_zxid: Zxid,
    /// What the logs of a quorum have.
    committed: Zxid,
    pending: VecDeque<Pending>,
    /// Inputs that the throttler holds back.
    gate: Gate,
    batch: LogBatch,
}

impl Pipeline {
    /// A server at the zxid of its restored tree.
    pub fn new(parts: Parts) -> Self {
        let zxid = parts.front.db.read_tree().last_processed_zxid();
        Self {
            gate: Gate::new(parts.throttler),
            parts,
            applier: Applier::new(),
            last_zxid: zxid,
            committed: zxid,
            pending: VecDeque::new(),
            batch: LogBatch::default(),
        }
    }

    /// The sessions.
    pub fn sessions(&self) -> &SessionTracker {
        &self.parts.sessions
    }

    /// What snapshots hold of the sessions, in the order of their ids.
    pub fn committed_sessions(&self) -> Vec<(SessionId, i32)> {
        by_id(self.parts.sessions.committed())
    }

    /// Whether everything that was taken in has been answered.
    pub fn is_idle(&self) -> bool {
        self.pending.is_empty() && self.gate.is_empty()
    }

    /// Ends: nothing that waits is answered, its connections are closed. The committed sessions and
    /// their timeouts in ms.
    pub fn abandon(mut self) -> HashMap<SessionId, i32> {
        for pending in std::mem::take(&mut self.pending) {
            self.applier.drop_request(&self.parts.front, &pending.request);
        }
        self.gate.abandon(&self.parts.front, &mut self.applier);
        self.applier.flush();
        self.parts.sessions.committed().clone()
    }

    /// Takes requests in; what is to be logged is appended to `batches`.
    pub fn on_inputs(&mut self, now: Now, inputs: Vec<Input>, batches: &mut Vec<LogBatch>) {
        if self.gate.holds_back() {
            self.take_past_throttler(now, inputs, batches);
        } else {
            self.gate.extend(inputs);
        }
        self.prepare_waiting(now, batches);
        self.commit_ready(now);
        self.applier.flush();
    }

    /// The next transaction gets the zxid behind this one: a leader begins its epoch with it.
    pub fn begin_behind(&mut self, zxid: Zxid) {
        self.last_zxid = zxid;
    }

    /// The logs of a quorum have everything up to `zxid`: applies and answers it.
    pub fn on_committed(&mut self, now: Now, zxid: Zxid, batches: &mut Vec<LogBatch>) {
        assert!(
            zxid <= self.last_zxid,
            "committed up to {zxid}, proposed up to {}",
            self.last_zxid
        );
        assert!(zxid >= self.committed, "committed up to {zxid} after {}", self.committed);
        self.committed = zxid;
        self.commit_ready(now);
        self.prepare_waiting(now, batches);
        self.commit_ready(now);
        self.applier.flush();
    }

    /// When [`Pipeline::on_tick`] is wanted though no other look at the time is due: a container or a
    /// node with a time to live is to be looked for, or to go.
    pub fn deadline(&self) -> Millis {
        self.parts.containers.next_due()
    }

    /// Time has passed: sessions expire, containers go, requests that were held back are looked at.
    pub fn on_tick(&mut self, now: Now, heard_until: Millis, batches: &mut Vec<LogBatch>) {
        self.expire(now, heard_until, batches);
        self.prepare_waiting(now, batches);
        self.commit_ready(now);
        self.applier.flush();
    }

    fn prepare_waiting(&mut self, now: Now, batches: &mut Vec<LogBatch>) {
        if self.gate.is_empty() {
            return;
        }
        let front = Arc::clone(&self.parts.front);
        let tree = front.db.read_tree();
        while let Some(input) =
            self.gate.next(now.mono, self.pending.len(), &front, &mut self.applier)
        {
            match input {
                Input::Request(request) => {
                    self.upgrade(now, &tree, &request, batches);
                    self.prepare(now, &tree, request, batches);
                }
                Input::Connect(connect) => self.on_connect(now, &tree, &connect, batches),
                // Its session waits for the client to come back, or expires.
                Input::Disconnected(_) => {}
            }
        }
        drop(tree);
        self.send_batch(batches);
    }

    /// What a learner forwards waits for no client of this server: its syncs do not, either, and must
    /// not overtake it (`LeaderZooKeeperServer.submitLearnerRequest`).
    fn take_past_throttler(&mut self, now: Now, inputs: Vec<Input>, batches: &mut Vec<LogBatch>) {
        let front = Arc::clone(&self.parts.front);
        let tree = front.db.read_tree();
        for input in inputs {
            match input {
                Input::Request(request) if request.learner.is_some() => {
                    self.prepare(now, &tree, request, batches);
                }
                own => self.gate.push(own),
            }
        }
        drop(tree);
        self.send_batch(batches);
    }

    /// A local session of this server's own client may have to turn global first
    /// (`LeaderRequestProcessor`).
    fn upgrade(
        &mut self,
        now: Now,
        tree: &DataTree,
        request: &Request,
        batches: &mut Vec<LogBatch>,
    ) {
        if request.learner.is_some() {
            return;
        }
        let limits = self.parts.front.settings.limits;
        match upgrade::upgrade(request, &self.parts.sessions, limits) {
            Ok(None) => {}
            Ok(Some(first)) => self.prepare(now, tree, first, batches),
            Err(code) => warn!("Error creating upgrade request: {code:?}"),
        }
    }

    fn prepare(
        &mut self,
        now: Now,
        tree: &DataTree,
        request: Request,
        batches: &mut Vec<LogBatch>,
    ) {
        let parts = &mut self.parts;
        let zxid = self.last_zxid.next();
        let prepared = parts.prep.prepare(tree, &request, zxid, now.wall, &mut parts.sessions);
        if let Some(namespace) = parts.prep.take_quota_exceeded() {
            let set = &parts.front.metrics.quota_exceeded_error_per_namespace;
            set.of(&namespace).iter().for_each(|counter| counter.add(1));
        }
        if let Some(record) = &prepared.record {
            self.last_zxid = zxid;
            self.batch.push(record);
            if self.batch.len() >= parts.batch_max {
                self.send_batch(batches);
            }
        }
        self.pending.push_back(Pending { request, prepared });
    }

    /// Hands over what is encoded.
    fn send_batch(&mut self, batches: &mut Vec<LogBatch>) {
        if !self.batch.is_empty() {
            batches.push(self.batch.take());
        }
    }

    /// A client wants a session: a new one is made by a transaction, unless it is local; an old one is
    /// taken up at once.
    fn on_connect(
        &mut self,
        now: Now,
        tree: &DataTree,
        connect: &Connect,
        batches: &mut Vec<LogBatch>,
    ) {
        if connect.session == SessionId::NONE {
            self.create_session(now, tree, connect, batches);
        } else {
            self.reopen_session(now, connect);
        }
    }

    fn create_session(
        &mut self,
        now: Now,
        tree: &DataTree,
        connect: &Connect,
        batches: &mut Vec<LogBatch>,
    ) {
        let session = self.parts.sessions.create(now.mono, connect.timeout_ms);
        let request = connect::create_session(&self.parts.front, connect, session);
        self.prepare(now, tree, request, batches);
    }

    /// The client's password was right; what counts is whether there still is a session
    /// (`ZooKeeperServer.reopenSession`, `revalidateSession`).
    fn reopen_session(&mut self, now: Now, connect: &Connect) {
        let front = &self.parts.front;
        let session = self.parts.sessions.get(connect.session).cloned();
        let session = session.filter(|session| session.renew(connect.timeout_ms, now.mono));
        if let Some(session) = &session {
            info!("Client {} takes up session {} again", connect.conn.remote, session.id);
        }
        connect::reopen(front, &connect.conn, session);
        self.applier.touch(&connect.conn);
    }

    fn expire(&mut self, now: Now, heard_until: Millis, batches: &mut Vec<LogBatch>) {
        let front = Arc::clone(&self.parts.front);
        let tree = front.db.read_tree();
        for id in std::mem::take(&mut self.parts.orphans) {
            self.prepare(now, &tree, close_request(id, now.mono), batches);
        }
        for id in self.parts.sessions.expired(heard_until) {
            let timeout = self.parts.sessions.get(id).map_or(0, |session| session.timeout_ms);
            info!("Expiring session {id}, timeout of {timeout}ms exceeded");
            front.metrics.stale_sessions_expired.add(1);
            self.prepare(now, &tree, close_request(id, now.mono), batches);
        }
        for request in self.parts.containers.tick(&tree, now.mono, now.wall) {
            self.prepare(now, &tree, request, batches);
        }
        drop(tree);
        self.send_batch(batches);
    }

    /// Applies and answers what is committed, in the order of arrival.
    fn commit_ready(&mut self, now: Now) {
        while self.pending.front().is_some_and(|head| head.is_ready(self.committed)) {
            self.commit_slice(now);
        }
    }

    fn commit_slice(&mut self, now: Now) {
        let front = Arc::clone(&self.parts.front);
        let mut tree = front.db.write_tree();
        for _ in 0..APPLY_MAX {
            let Some(pending) = self.pending.pop_front_if(|head| head.is_ready(self.committed))
            else {
                break;
            };
            self.commit(&front, &mut tree, &pending, now);
        }
        self.parts.prep.applied(tree.last_processed_zxid());
    }

    fn commit(&mut self, front: &Front, tree: &mut DataTree, pending: &Pending, now: Now) {
        let now = apply::Now { monotonic: now.mono, wall: now.wall };
        let Pending { request, prepared } = pending;
        let Some(record) = &prepared.record else {
            self.applier.answer(front, tree, request, prepared.error, now);
            if request.op == op::CLOSE_SESSION && prepared.error.is_none() {
                self.parts.sessions.remove(request.session);
            }
            return;
        };
        let before = tree.last_processed_zxid();
        let zxid = Zxid(record.header.zxid);
        assert!(zxid.may_follow(before), "{zxid} applied at {before}");
        self.applier.commit(front, tree, record, Some(request), now);
        let session = SessionId(record.header.client_id);
        match &record.txn {
            Txn::CreateSession(txn) => self.parts.sessions.commit(session, txn.timeout),
            Txn::CloseSession(_) => {
                self.parts.sessions.remove(session);
            }
            _ => {}
        }
    }
}

/// Sessions in an order that is the same in each run.
pub(super) fn by_id(sessions: &HashMap<SessionId, i32>) -> Vec<(SessionId, i32)> {
    let mut sorted: Vec<_> = sessions.iter().map(|(id, timeout)| (*id, *timeout)).collect();
    sorted.sort_unstable();
    sorted
}

/// The server itself closes a session (`ZooKeeperServer.close`).
pub(super) fn close_request(session: SessionId, received_ms: Millis) -> Request {
    Request {
        conn: None,
        session,
        cxid: 0,
        op: op::CLOSE_SESSION,
        body: Box::default(),
        auth: Arc::default(),
        received_ms,
        learner: None,
        throttled: false,
    }
}

//! A server alone: a quorum of one. What its own disk has is committed.
//!
//! A request is prepared when it arrives, against the tree and what is prepared before it; its
//! transaction goes to the log at once. It is applied and answered, in the order of arrival, when the
//! log says that it is durable. What makes no transaction keeps its place in that order: a read behind
//! a write sees the write, and the replies of a connection keep the order of its requests.
//! Java: `ZooKeeperServer.setupRequestProcessors`.

use std::collections::VecDeque;
use std::sync::Arc;

use jute::to_bytes;
use jute::txn::CreateSessionTxn;
use log::info;

use super::snapshots::SnapshotPolicy;
use super::{Effect, Event, LogBatch, Now};
use crate::ids::{Millis, SessionId, Zxid};
use crate::op::op;
use crate::server::apply::{self, Applier};
use crate::server::connect;
use crate::server::container::ContainerManager;
use crate::server::front::Front;
use crate::server::prep::{Prep, Prepared};
use crate::server::reason::DisconnectReason;
use crate::server::request::{Connect, Input, Request};
use crate::server::sessions::SessionTracker;
use crate::server::throttle::{Admission, RequestThrottler};
use crate::tree::DataTree;
use crate::txn::Txn;

/// Transactions that are applied under one write lock: readers wait no longer than these take.
const APPLY_MAX: usize = 256;

/// What a server alone is made of.
#[derive(Debug)]
pub struct Parts {
    /// What the connections share; the tree is in it.
    pub front: Arc<Front>,
    /// Makes transactions of requests.
    pub prep: Prep,
    /// The sessions, those of the database restored.
    pub sessions: SessionTracker,
    /// When snapshots are due.
    pub snapshots: SnapshotPolicy,
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

/// A request in its place.
#[derive(Debug)]
struct Pending {
    request: Request,
    prepared: Prepared,
}

impl Pending {
    /// Whether it may be applied, given what is on disk.
    fn is_ready(&self, durable: Zxid) -> bool {
        self.prepared.record.as_ref().is_none_or(|record| record.header.zxid <= durable.0)
    }
}

/// The server. See [`Event`] and [`Effect`] for its face.
#[derive(Debug)]
pub struct Standalone {
    parts: Parts,
    applier: Applier,
    /// The last zxid that was given to a transaction.
    last_zxid: Zxid,
    /// What is on disk.
    durable: Zxid,
    pending: VecDeque<Pending>,
    /// Inputs that the throttler holds back.
    waiting: VecDeque<Input>,
    batch: LogBatch,
}

impl Standalone {
    /// A server at the zxid of its restored tree.
    pub fn new(parts: Parts) -> Self {
        let zxid = parts.front.db.read_tree().last_processed_zxid();
        Self {
            parts,
            applier: Applier::new(),
            last_zxid: zxid,
            durable: zxid,
            pending: VecDeque::new(),
            waiting: VecDeque::new(),
            batch: LogBatch::default(),
        }
    }

    /// The sessions.
    pub fn sessions(&self) -> &SessionTracker {
        &self.parts.sessions
    }

    /// What snapshots hold of the sessions.
    pub fn committed_sessions(&self) -> Vec<(SessionId, i32)> {
        self.parts.sessions.committed().iter().map(|(id, timeout)| (*id, *timeout)).collect()
    }

    /// Whether everything that was taken in has been answered.
    pub fn is_idle(&self) -> bool {
        self.pending.is_empty() && self.waiting.is_empty()
    }

    /// Takes in what happened; what is to be done is appended to `effects`.
    pub fn step(&mut self, now: Now, event: Event, effects: &mut Vec<Effect>) {
        match event {
            Event::Inputs(inputs) => self.on_inputs(now, inputs, effects),
            Event::Durable(zxid) => self.on_durable(zxid),
            Event::Tick { heard_until } => self.on_tick(now, heard_until, effects),
        }
        self.commit_ready(now);
        if !self.waiting.is_empty() {
            self.on_inputs(now, Vec::new(), effects);
            self.commit_ready(now);
        }
        self.applier.flush();
    }

    fn on_inputs(&mut self, now: Now, inputs: Vec<Input>, effects: &mut Vec<Effect>) {
        self.waiting.extend(inputs);
        let front = Arc::clone(&self.parts.front);
        let tree = front.db.read_tree();
        while let Some(input) = self.waiting.pop_front() {
            match input {
                Input::Request(request) => {
                    if let Some(held) = self.on_request(now, &tree, request, effects) {
                        self.waiting.push_front(Input::Request(held));
                        break;
                    }
                }
                Input::Connect(connect) => self.on_connect(now, &tree, &connect, effects),
                // Its session waits for the client to come back, or expires.
                Input::Disconnected(_) => {}
            }
        }
        drop(tree);
        self.send_batch(effects);
    }

    /// The request back if it has to wait for others to be done first.
    fn on_request(
        &mut self,
        now: Now,
        tree: &DataTree,
        mut request: Request,
        effects: &mut Vec<Effect>,
    ) -> Option<Request> {
        let in_process = self.pending.len() as i64;
        match self.parts.throttler.admit(&request, in_process, now.mono) {
            Admission::Pass => {}
            Admission::Throttled => request.throttled = true,
            Admission::Stall(_) => return Some(request),
            Admission::Drop => {
                self.applier.drop_request(&self.parts.front, &request);
                return None;
            }
            Admission::DropStale => {
                self.drop_stale(&request);
                return None;
            }
        }
        self.prepare(now, tree, request, effects);
        None
    }

    /// Nothing behind a dropped request may be processed in its place, so its connection ends.
    fn drop_stale(&mut self, request: &Request) {
        let front = &self.parts.front;
        front.metrics.stale_requests_dropped.add(1);
        if let Some(conn) = &request.conn {
            conn.close_now(DisconnectReason::ConnectionCloseForced);
        }
        self.applier.drop_request(front, request);
    }

    fn prepare(&mut self, now: Now, tree: &DataTree, request: Request, effects: &mut Vec<Effect>) {
        let parts = &mut self.parts;
        let zxid = self.last_zxid.next();
        let prepared = parts.prep.prepare(tree, &request, zxid, now.wall, &mut parts.sessions);
        if let Some(record) = &prepared.record {
            self.last_zxid = zxid;
            let bytes = self.batch.push(record);
            let snapshot_due = parts.snapshots.logged(bytes);
            self.batch.roll |= snapshot_due;
            if snapshot_due || self.batch.len() >= parts.batch_max {
                self.send_batch(effects);
            }
        }
        self.pending.push_back(Pending { request, prepared });
    }

    /// Hands what is encoded to the log, and orders the snapshot that is due behind it.
    fn send_batch(&mut self, effects: &mut Vec<Effect>) {
        if self.batch.is_empty() {
            return;
        }
        let batch = std::mem::take(&mut self.batch);
        let snapshot_due = batch.roll;
        effects.push(Effect::Log(batch));
        if snapshot_due {
            effects.push(Effect::Snapshot);
        }
    }

    fn on_durable(&mut self, zxid: Zxid) {
        assert!(zxid <= self.last_zxid, "durable up to {zxid}, proposed up to {}", self.last_zxid);
        assert!(zxid >= self.durable, "durable up to {zxid} after {}", self.durable);
        self.durable = zxid;
    }

    /// A client wants a session: a new one is made by a transaction, an old one taken up at once.
    fn on_connect(
        &mut self,
        now: Now,
        tree: &DataTree,
        connect: &Connect,
        effects: &mut Vec<Effect>,
    ) {
        if connect.session == SessionId::NONE {
            self.create_session(now, tree, connect, effects);
        } else {
            self.reopen_session(now, connect);
        }
    }

    fn create_session(
        &mut self,
        now: Now,
        tree: &DataTree,
        connect: &Connect,
        effects: &mut Vec<Effect>,
    ) {
        let front = &self.parts.front;
        let session = self.parts.sessions.create(now.mono, connect.timeout_ms);
        let id = session.id;
        connect::assign(front, &connect.conn, session);
        let body = to_bytes(&CreateSessionTxn { timeout: connect.timeout_ms }).into_boxed_slice();
        connect.conn.submit();
        // Never too large: the body is an int.
        let _ = front.load.enter(body.len());
        let request = Request {
            conn: Some(Arc::clone(&connect.conn)),
            session: id,
            cxid: 0,
            op: op::CREATE_SESSION,
            body,
            auth: connect.conn.auth(),
            received_ms: connect.received_ms,
            throttled: false,
        };
        self.prepare(now, tree, request, effects);
    }

    /// The client's password was right; what counts is whether there still is a session
    /// (`ZooKeeperServer.reopenSession`, `revalidateSession`).
    fn reopen_session(&mut self, now: Now, connect: &Connect) {
        let front = &self.parts.front;
        let session = self.parts.sessions.get(connect.session).cloned();
        match session.filter(|session| session.renew(connect.timeout_ms, now.mono)) {
            Some(session) => {
                info!("Client {} takes up session {} again", connect.conn.remote, session.id);
                connect::assign(front, &connect.conn, session);
                connect::welcome(front, &connect.conn);
            }
            None => connect::refuse(front, &connect.conn),
        }
        self.applier.touch(&connect.conn);
    }

    fn on_tick(&mut self, now: Now, heard_until: Millis, effects: &mut Vec<Effect>) {
        let front = Arc::clone(&self.parts.front);
        let tree = front.db.read_tree();
        for id in std::mem::take(&mut self.parts.orphans) {
            self.prepare(now, &tree, close_request(id, now.mono), effects);
        }
        for id in self.parts.sessions.expired(heard_until) {
            let timeout = self.parts.sessions.get(id).map_or(0, |session| session.timeout_ms);
            info!("Expiring session {id}, timeout of {timeout}ms exceeded");
            front.metrics.stale_sessions_expired.add(1);
            self.prepare(now, &tree, close_request(id, now.mono), effects);
        }
        for request in self.parts.containers.tick(&tree, now.mono, now.wall) {
            self.prepare(now, &tree, request, effects);
        }
        drop(tree);
        self.send_batch(effects);
    }

    /// Applies and answers what the disk has, in the order of arrival.
    fn commit_ready(&mut self, now: Now) {
        while self.pending.front().is_some_and(|head| head.is_ready(self.durable)) {
            self.commit_slice(now);
        }
    }

    fn commit_slice(&mut self, now: Now) {
        let front = Arc::clone(&self.parts.front);
        let mut tree = front.db.write_tree();
        for _ in 0..APPLY_MAX {
            let Some(pending) = self.pending.pop_front_if(|head| head.is_ready(self.durable))
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
            return;
        };
        let before = tree.last_processed_zxid();
        assert!(
            record.header.zxid == before.next().0,
            "{} applied at {before}",
            record.header.zxid
        );
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

/// The server itself closes a session (`ZooKeeperServer.close`).
fn close_request(session: SessionId, received_ms: Millis) -> Request {
    Request {
        conn: None,
        session,
        cxid: 0,
        op: op::CLOSE_SESSION,
        body: Box::default(),
        auth: Arc::default(),
        received_ms,
        throttled: false,
    }
}

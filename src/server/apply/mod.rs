//! Commits: a transaction enters the tree, whoever watches is told, whoever asked is answered
//! (`FinalRequestProcessor`). And what stood behind a commit in its connection: reads that had to
//! wait, requests that failed before they became a transaction.
//!
//! The pipeline owns one [`Applier`]. It holds the tree's write lock over a batch of commits, and
//! calls [`Applier::flush`] at the end of it.

mod events;
mod reply;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use super::conn::ConnShared;
use super::conn_stats::{LastOp, Response};
use super::connect;
use super::front::Front;
use super::read::{self, Context, Scratch};
use super::reason::DisconnectReason;
use super::reply::{Frame, PING_XID, header_only};
use super::request::Request;
use crate::ids::{ConnId, Millis, SessionId, Zxid};
use crate::op::{Code, op};
use crate::tree::{Applied, DataTree};
use crate::txn::{Txn, TxnRecord};
use events::Told;

/// The moment at which something is applied.
#[derive(Debug, Clone, Copy)]
pub struct Now {
    /// By the monotonic clock.
    pub monotonic: Millis,
    /// By the wall clock.
    pub wall: Millis,
}

/// Applies and answers. Keeps its buffers from one call to the next.
#[derive(Debug, Default)]
pub struct Applier {
    touched: Vec<Arc<ConnShared>>,
    /// Requests that are done, since the owners were told.
    done: usize,
    told: Vec<ConnId>,
    event: Vec<u8>,
    scratch: Scratch,
}

impl Applier {
    /// Nothing applied.
    pub fn new() -> Self {
        Self::default()
    }

    /// Applies a transaction, tells the watchers, and answers `origin`, the request of a client of
    /// this server that it came from. The session of a createSession was
    /// [assigned](connect::assign) before.
    pub fn commit(
        &mut self,
        front: &Front,
        tree: &mut DataTree,
        record: &TxnRecord,
        origin: Option<&Request>,
        now: Now,
    ) -> Applied {
        let mismatches = tree.digest_mismatches();
        let mut sink = Told { front, applier: self };
        let applied = tree.apply_record(record, &mut sink);
        note_commit(front, tree, record, mismatches, now);
        let conn = origin.and_then(|request| request.conn.as_ref());
        match (origin, conn) {
            (Some(request), Some(conn)) => {
                front.audit.applied(request, &record.txn, &applied, front.settings.limits);
                self.reply(front, tree, record, &applied, (request, conn), now);
            }
            // The session expired, or was closed through another server or after its connection.
            _ if record.header.kind == op::CLOSE_SESSION => {
                close_connection(front, SessionId(record.header.client_id));
            }
            _ => {}
        }
        applied
    }

    fn reply(
        &mut self,
        front: &Front,
        tree: &DataTree,
        record: &TxnRecord,
        applied: &Applied,
        (request, conn): (&Request, &Arc<ConnShared>),
        now: Now,
    ) {
        let zxid = tree.last_processed_zxid();
        if reply::is_session_moved(&record.txn, applied) {
            conn.close_after_output(DisconnectReason::ClientClosedConnection);
        } else if request.op == op::CREATE_SESSION && !matches!(record.txn, Txn::Error(_)) {
            connect::welcome(front, conn);
            self.count(front, (request, conn), LastOp::CreateSession, zxid, None, now);
            front.metrics.updatelatency.add(latency(request, now));
        } else if !conn.is_closing() {
            let mut out = conn.lock_output();
            let frame = Frame::begin(&mut out, request.cxid, zxid);
            let (op, len) = reply::write(frame, request.op, &record.txn, applied, &mut out);
            drop(out);
            self.count(front, (request, conn), op, zxid, Some(len), now);
            front.metrics.updatelatency.add(latency(request, now));
        }
        if request.op == op::CLOSE_SESSION {
            conn.close_after_output(DisconnectReason::ClientClosedSession);
        }
        self.done(front, request, conn);
    }

    /// Answers a request that made no transaction: a read or a sync that stood behind a write, the begin
    /// or end of a local session, or one that failed with `error` before (and consumed no zxid).
    pub fn answer(
        &mut self,
        front: &Front,
        tree: &DataTree,
        request: &Request,
        error: Option<Code>,
        now: Now,
    ) {
        let Some(conn) = &request.conn else {
            if request.op == op::CLOSE_SESSION {
                close_connection(front, request.session);
            }
            return;
        };
        let error = if request.throttled { Some(Code::ThrottledOp) } else { error };
        if error == Some(Code::SessionMoved) {
            conn.close_after_output(DisconnectReason::ClientClosedConnection);
        } else if request.op == op::CREATE_SESSION && error.is_none() {
            connect::welcome(front, conn);
            let zxid = tree.last_processed_zxid();
            self.count(front, (request, conn), LastOp::CreateSession, zxid, None, now);
            front.metrics.readlatency.add(latency(request, now));
        } else if !conn.is_closing() {
            let zxid = tree.last_processed_zxid();
            let (op, len) = self.put_answer(front, tree, (request, conn), error);
            self.count(front, (request, conn), op, zxid, Some(len), now);
            front.metrics.readlatency.add(latency(request, now));
        }
        if request.op == op::CLOSE_SESSION && error.is_none() {
            conn.close_after_output(DisconnectReason::ClientClosedSession);
        }
        self.done(front, request, conn);
    }

    fn put_answer(
        &mut self,
        front: &Front,
        tree: &DataTree,
        (request, conn): (&Request, &Arc<ConnShared>),
        error: Option<Code>,
    ) -> (LastOp, usize) {
        let mut out = conn.lock_output();
        if let Some(code) = error {
            let zxid = tree.last_processed_zxid();
            return (LastOp::None, header_only(&mut out, request.cxid, zxid, code.number()));
        }
        if request.op == op::CLOSE_SESSION {
            let zxid = tree.last_processed_zxid();
            return (LastOp::CloseSession, header_only(&mut out, request.cxid, zxid, 0));
        }
        if request.op == op::PING {
            let zxid = tree.last_processed_zxid();
            return (LastOp::Ping, header_only(&mut out, PING_XID, zxid, 0));
        }
        let cx = Context { front, tree, conn, session: request.session, ids: &request.auth };
        self.scratch.forget_acl();
        let scratch = &mut self.scratch;
        let answered =
            read::answer(&cx, scratch, request.op, request.cxid, &request.body, &mut out);
        let (events, bytes) = scratch.flush(front);
        conn.stats.sent(events);
        front.stats.add_sent(events);
        front.metrics.watch_bytes.add(bytes as i64);
        (answered.op, answered.len)
    }

    /// Forgets a request without an answer: its session is unknown, or a throttle dropped it.
    pub fn drop_request(&mut self, front: &Front, request: &Request) {
        if let Some(conn) = &request.conn {
            self.done(front, request, conn);
        }
    }

    /// Tells the owners of all connections that were touched since the last call. The caller holds no
    /// lock.
    pub fn flush(&mut self) {
        let done = std::mem::take(&mut self.done);
        if let ([lone], ..=1) = (&self.touched[..], done) {
            lone.notify_alone();
        } else {
            self.touched.iter().for_each(|conn| conn.notify());
        }
        self.touched.clear();
    }

    fn done(&mut self, front: &Front, request: &Request, conn: &Arc<ConnShared>) {
        front.load.leave(request.body.len());
        conn.complete();
        self.done += 1;
        self.touch(conn);
    }

    /// Notes that the owner of a connection has something to look at.
    pub fn touch(&mut self, conn: &Arc<ConnShared>) {
        if conn.touch() {
            self.touched.push(Arc::clone(conn));
        }
    }

    /// Counts a reply; `len` is its length, none where it was counted already.
    fn count(
        &self,
        front: &Front,
        (request, conn): (&Request, &Arc<ConnShared>),
        op: LastOp,
        zxid: Zxid,
        len: Option<usize>,
        now: Now,
    ) {
        let latency = latency(request, now);
        let now = now.monotonic;
        conn.stats.responded(1, Response { op, cxid: request.cxid, zxid, now, latency });
        front.stats.latency.add(latency);
        if let Some(len) = len {
            conn.stats.sent(1);
            front.stats.add_sent(1);
            front.stats.response_size.set(len as i32);
            front.metrics.response_bytes.add(len as i64);
        }
    }
}

fn close_connection(front: &Front, session: SessionId) {
    front.db.conns.close_session(session, DisconnectReason::ClientClosedSession);
}

fn latency(request: &Request, now: Now) -> Millis {
    (now.monotonic - request.received_ms).max(0)
}

fn note_commit(front: &Front, tree: &DataTree, record: &TxnRecord, mismatches: u64, now: Now) {
    let new = tree.digest_mismatches() - mismatches;
    if new > 0 {
        front.metrics.digest_mismatches_count.add(new as i64);
    }
    let propagation = now.wall.saturating_sub(record.header.time);
    if propagation >= 0 {
        front.metrics.propagation_latency.add(propagation);
    }
}

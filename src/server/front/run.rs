//! A run of packets of one connection, under one lock of the tree where there are reads among them.
//!
//! This is the way of nearly all requests, so nothing is allocated here for a read, its reply is
//! encoded where it will be sent from, and what is counted is counted once for the run.

use std::sync::{Arc, MutexGuard, RwLockReadGuard};

use jute::{Reader, Write};
use log::{error, info, warn};

use super::client::{Client, Identity};
use super::{Front, Serving};
use crate::ids::{Millis, Zxid};
use crate::op::{Code, op};
use crate::server::conn::ConnShared;
use crate::server::conn_stats::{LastOp, Response};
use crate::server::histogram::Batch;
use crate::server::prep;
use crate::server::read::{self, Context, Scratch};
use crate::server::reason::DisconnectReason;
use crate::server::reply::{Frame, PING_XID, header_only};
use crate::server::request::{Input, Request};
use crate::server::sessions::Session;
use crate::tree::DataTree;

/// What comes after a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// The next one.
    Next,
    /// Nothing until the pipeline has answered something of this connection.
    Wait,
    /// The end of the connection, once its output is written.
    Close(DisconnectReason),
}

/// The zxid of replies that tell of no state.
const NO_STATE: Zxid = Zxid(0);
/// Where the scheme `key` looks for its key.
const KEY_PATH: &str = "/key";

pub(super) struct Run<'a> {
    front: &'a Front,
    conn: &'a Arc<ConnShared>,
    session: &'a Session,
    now: Millis,
    /// Taken with the first reply of the run, in this order.
    locked: Option<(RwLockReadGuard<'a, DataTree>, MutexGuard<'a, Vec<u8>>)>,
    packets: u64,
    /// Requests that reached the session.
    heard: bool,
    /// Lengths of the replies.
    replies: Batch,
    last_len: usize,
    /// Replies that count as answers to operations, and the last of them.
    answered: u64,
    last: Option<(LastOp, i32, Zxid)>,
}

impl<'a> Run<'a> {
    pub(super) fn new(
        front: &'a Front,
        conn: &'a Arc<ConnShared>,
        session: &'a Session,
        now: Millis,
    ) -> Self {
        Self {
            front,
            conn,
            session,
            now,
            locked: None,
            packets: 0,
            heard: false,
            replies: Batch::EMPTY,
            last_len: 0,
            answered: 0,
            last: None,
        }
    }

    pub(super) fn packets(&self) -> u64 {
        self.packets
    }

    /// Bytes in the output, if the run has locked it.
    pub(super) fn output_len(&self) -> usize {
        self.locked.as_ref().map_or(0, |(_, out)| out.len())
    }

    /// Takes one packet, without its length.
    #[inline]
    pub(super) fn on_packet(
        &mut self,
        client: &mut Client,
        packet: &[u8],
        submit: &mut Vec<Input>,
    ) -> Step {
        self.packets += 1;
        let mut r = Reader::with_limits(packet, self.front.settings.limits);
        let (Ok(xid), Ok(kind)) = (r.int(), r.int()) else {
            warn!("Close of session {}: a packet without a header", self.session.id);
            return Step::Close(DisconnectReason::IoException);
        };
        let body = r.remaining();
        match kind {
            op::AUTH => return self.on_auth(client, xid, body),
            op::SASL => return self.on_sasl(xid, body),
            _ => {}
        }
        if !client.identity.may_send {
            return self.on_unauthenticated(xid);
        }
        match self.session.check(self.conn.id.0) {
            Ok(()) => self.heard = true,
            Err(Code::SessionMoved) => {
                info!("Session {} has moved: closing the connection", self.session.id);
                return Step::Close(DisconnectReason::ClientClosedConnection);
            }
            // Java drops what comes for a session that is being closed or is gone.
            Err(_) => return Step::Next,
        }
        if self.conn.in_flight() == 0 {
            if kind == op::PING {
                return self.on_ping(xid);
            }
            if read::is_read(kind) {
                return self.on_read(client, kind, xid, body);
            }
        }
        self.on_other(client, kind, xid, body, submit)
    }

    fn on_ping(&mut self, xid: i32) -> Step {
        let (tree, out) = self.lock();
        let zxid = tree.last_processed_zxid();
        let len = header_only(out, PING_XID, zxid, 0);
        self.answered(LastOp::Ping, xid, zxid, len);
        Step::Next
    }

    /// A read with nothing of this connection in flight before it.
    #[inline]
    fn on_read(&mut self, client: &mut Client, kind: i32, xid: i32, body: &[u8]) -> Step {
        let (front, conn, session) = (self.front, self.conn, self.session.id);
        let (tree, out) = self.lock();
        let zxid = tree.last_processed_zxid();
        let cx = Context { front, tree, conn, session, ids: &client.identity.ids };
        let answered = read::answer(&cx, &mut client.scratch, kind, xid, body, out);
        self.answered(answered.op, xid, zxid, answered.len);
        Step::Next
    }

    /// What the pipeline must see, and what no server understands.
    fn on_other(
        &mut self,
        client: &Client,
        kind: i32,
        xid: i32,
        body: &[u8],
        submit: &mut Vec<Input>,
    ) -> Step {
        if !read::is_read(kind) && !is_for_pipeline(kind) {
            return self.on_unknown(kind, xid);
        }
        if self.front.serving() == Serving::ReadOnly && is_refused_read_only(kind) {
            let zxid = self.lock().0.last_processed_zxid();
            self.reply(xid, zxid, Code::NotReadOnly);
            return Step::Next;
        }
        if let Some(code) = self.refused_early(client, kind, body) {
            self.reply(xid, NO_STATE, code);
            return Step::Next;
        }
        if let Err(e) = self.front.load.enter(body.len()) {
            self.front.metrics.large_requests_rejected.add(1);
            warn!("Close of session {}: {e}", self.session.id);
            return Step::Close(DisconnectReason::IoException);
        }
        self.conn.submit();
        submit.push(Input::Request(Request {
            conn: Some(Arc::clone(self.conn)),
            session: self.session.id,
            cxid: xid,
            op: kind,
            body: body.into(),
            auth: Arc::clone(&client.identity.ids),
            received_ms: self.now,
            learner: None,
            throttled: false,
        }));
        if xid > 0 && self.front.load.is_over_limit() { Step::Wait } else { Step::Next }
    }

    /// Why a write is refused before it gets a place in the log, if that is configured and it is. Behind
    /// other requests of the connection it goes the long way, for its reply must not overtake theirs.
    fn refused_early(&mut self, client: &Client, kind: i32, body: &[u8]) -> Option<Code> {
        if !self.front.settings.eager_acl_check || self.conn.in_flight() > 0 {
            return None;
        }
        let (front, ids) = (self.front, &client.identity.ids);
        let tree = self.lock().0;
        prep::refused_early(&front.auth, tree, (kind, body, front.settings.limits), ids)
    }

    /// An op that there is not (`UnimplementedRequestProcessor`).
    fn on_unknown(&mut self, kind: i32, xid: i32) -> Step {
        warn!("Received packet at server of unknown type {kind}");
        self.reply(xid, Zxid(-1), Code::Unimplemented);
        Step::Close(DisconnectReason::ClientClosedConnection)
    }

    /// `AuthPacket{type, scheme, auth}`.
    fn on_auth(&mut self, client: &mut Client, xid: i32, body: &[u8]) -> Step {
        let mut r = Reader::with_limits(body, self.front.settings.limits);
        let (Ok(_), Ok(scheme), Ok(proof)) = (r.int(), r.str(), r.buffer()) else {
            warn!("Close of session {}: a malformed auth packet", self.session.id);
            return Step::Close(DisconnectReason::IoException);
        };
        let scheme = scheme.as_deref();
        if let Some(names) = self.front.auth.ensemble_names(scheme) {
            return self.on_ensemble(xid, names, proof);
        }
        let (session, remote) = (self.session.id, self.conn.remote);
        let auth = &self.front.auth;
        let key = if scheme == Some("key") {
            self.lock().0.node(KEY_PATH).and_then(|node| node.data())
        } else {
            None
        };
        match auth.authenticate(scheme, proof, remote.ip(), key) {
            Ok(ids) => {
                let scheme = scheme.unwrap_or_default();
                info!("Session {session}: auth success for scheme {scheme} and address {remote}");
                self.conn.add_auth(ids);
                client.identity = Identity::of(self.conn, self.front);
                client.scratch.forget_acl();
                self.reply(xid, NO_STATE, Code::Ok);
                Step::Next
            }
            Err(_) => {
                warn!("Authentication failed for scheme: {}", scheme.unwrap_or("null"));
                self.reply(xid, NO_STATE, Code::AuthFailed);
                Step::Close(DisconnectReason::ClientClosedConnection)
            }
        }
    }

    /// Whether the client meant to come to this ensemble (`EnsembleAuthenticationProvider`). One that did
    /// not is let go without a word, so that it tries another server.
    fn on_ensemble(&mut self, xid: i32, names: &[String], said: Option<&[u8]>) -> Step {
        let metrics = &self.front.metrics;
        let said = String::from_utf8_lossy(said.unwrap_or_default());
        if said.is_empty() || names.is_empty() {
            metrics.ensemble_auth_skip.add(1);
        } else if names.iter().any(|name| *name == said) {
            metrics.ensemble_auth_success.add(1);
        } else {
            metrics.ensemble_auth_fail.add(1);
            warn!("Unexpected ensemble name: {said:?} client ip: {}", self.conn.remote.ip());
            return Step::Close(DisconnectReason::FailedHandshake);
        }
        self.reply(xid, NO_STATE, Code::Ok);
        Step::Next
    }

    /// `GetSASLRequest{token}` where no SASL is configured: Java answers with a null token and success.
    /// A null token makes it throw.
    fn on_sasl(&mut self, xid: i32, body: &[u8]) -> Step {
        let mut r = Reader::with_limits(body, self.front.settings.limits);
        match r.buffer() {
            Ok(Some(_)) => {
                error!("cnxn.saslServer is null: SASL is not configured");
                let out = self.lock().1;
                let frame = Frame::begin(out, xid, NO_STATE);
                out.put_buffer(None);
                let len = frame.end(out);
                self.sent(len);
                Step::Next
            }
            Ok(None) => Step::Close(DisconnectReason::CleanUp),
            Err(_) => Step::Close(DisconnectReason::IoException),
        }
    }

    /// The client must prove who it is before it asks for anything (`AuthenticationHelper`).
    fn on_unauthenticated(&mut self, xid: i32) -> Step {
        error!(
            "The client at {} has proved none of the schemes that are required, closing session",
            self.conn.remote
        );
        self.reply(xid, NO_STATE, Code::SessionClosedRequireSaslAuth);
        Step::Close(DisconnectReason::ClientClosedConnection)
    }

    #[inline]
    fn lock(&mut self) -> (&DataTree, &mut Vec<u8>) {
        let (front, conn) = (self.front, self.conn);
        let (tree, out) =
            self.locked.get_or_insert_with(|| (front.db.read_tree(), conn.lock_output()));
        (tree, out)
    }

    /// A reply without a record.
    fn reply(&mut self, xid: i32, zxid: Zxid, code: Code) {
        let out = self.lock().1;
        let len = header_only(out, xid, zxid, code.number());
        self.sent(len);
    }

    #[inline]
    fn sent(&mut self, len: usize) {
        self.replies.add(len as i64);
        self.last_len = len;
    }

    #[inline]
    fn answered(&mut self, op: LastOp, xid: i32, zxid: Zxid, len: usize) {
        self.sent(len);
        self.answered += 1;
        // Pings and the like do not hide the number of the last real request.
        let cxid = match self.last {
            Some((_, cxid, _)) if xid < 0 => cxid,
            _ => xid,
        };
        self.last = Some((op, cxid, zxid));
    }

    /// Unlocks, and hands over what was counted. Returns the number of packets.
    pub(super) fn finish(self, scratch: &mut Scratch) -> u64 {
        drop(self.locked);
        if self.heard {
            self.session.heard(self.now);
        }
        let (front, conn) = (self.front, self.conn);
        let (events, event_bytes) = scratch.flush(front);
        let sent = self.replies.count + events;
        if sent > 0 {
            conn.stats.sent(sent);
            front.stats.add_sent(sent);
            let (min, max) = (self.replies.min as i32, self.replies.max as i32);
            front.stats.response_size.set_run(self.last_len as i32, min, max);
            front.metrics.response_bytes.add(self.replies.total);
            front.metrics.watch_bytes.add(event_bytes as i64);
        }
        if let Some((op, cxid, zxid)) = self.last {
            let last = Response { op, cxid, zxid, now: self.now, latency: 0 };
            conn.stats.responded(self.answered, last);
            front.stats.latency.add_n(0, self.answered);
            front.metrics.readlatency.add_n(0, self.answered);
        }
        self.packets
    }
}

/// Whether an op that is no read goes through the pipeline (`Request.isValid`). A createSession is taken
/// from a client as well, as in Java. A ping gets here behind something in flight: it keeps its place.
fn is_for_pipeline(kind: i32) -> bool {
    is_refused_read_only(kind) || matches!(kind, op::CLOSE_SESSION | op::CREATE_SESSION | op::PING)
}

/// Whether a server that cannot write refuses an op (`ReadOnlyRequestProcessor`).
fn is_refused_read_only(kind: i32) -> bool {
    matches!(
        kind,
        op::SYNC
            | op::CREATE
            | op::CREATE2
            | op::CREATE_TTL
            | op::CREATE_CONTAINER
            | op::DELETE
            | op::DELETE_CONTAINER
            | op::SET_DATA
            | op::SET_ACL
            | op::MULTI
            | op::RECONFIG
    )
}

//! How a client gets its session: the first packet, the checks that need no pipeline, and the answer
//! (`ZooKeeperServer.processConnectRequest`, `finishSessionInit`, `ProtocolManager`).
//!
//! `ConnectRequest`: protocolVersion int, lastZxidSeen long, timeOut int, sessionId long, passwd
//! buffer, readOnly boolean. `ConnectResponse`: protocolVersion int, timeOut int, sessionId long,
//! passwd buffer, readOnly boolean. Clients of before 3.4 send no readOnly and get none.

use std::sync::Arc;

use jute::txn::CreateSessionTxn;
use jute::{DecodeError, Reader, Write, to_bytes};
use log::{debug, info, warn};

use super::conn::ConnShared;
use super::front::{Front, Serving};
use super::reason::DisconnectReason;
use super::request::{Connect, Request};
use super::sessions::{self, Session};
use super::throttle::ConnectKind;
use crate::ids::{Millis, SessionId, Zxid};
use crate::op::op;

/// The first packet.
#[derive(Debug)]
struct ConnectRequest<'a> {
    last_zxid_seen: Zxid,
    timeout_ms: i32,
    session: SessionId,
    passwd: Option<&'a [u8]>,
    /// None where the client knows of no such thing.
    read_only: Option<bool>,
}

impl<'a> ConnectRequest<'a> {
    fn read(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let _protocol_version = r.int()?;
        Ok(Self {
            last_zxid_seen: Zxid(r.long()?),
            timeout_ms: r.int()?,
            session: SessionId(r.long()?),
            passwd: r.buffer()?,
            read_only: r.bool().ok(),
        })
    }
}

/// Takes a client's first packet. What it returns is for the pipeline, which answers by
/// [`welcome`] or [`refuse`]; nothing if the client has been refused already.
///
/// # Errors
/// Why the connection is to be closed, without an answer.
pub(super) fn on_connect(
    front: &Front,
    conn: &Arc<ConnShared>,
    packet: &[u8],
    now: Millis,
) -> Result<Option<Connect>, DisconnectReason> {
    let mut r = Reader::with_limits(packet, front.settings.limits);
    let request = ConnectRequest::read(&mut r).map_err(|e| {
        warn!("Unreadable connect request from {}: {e}", conn.remote);
        DisconnectReason::IoException
    })?;
    conn.set_knows_read_only(request.read_only.is_some());
    check(front, conn, &request, now)?;
    let settings = &front.settings;
    let (min, max) = (settings.min_session_timeout, settings.max_session_timeout);
    let timeout_ms = sessions::negotiate_timeout(request.timeout_ms, min, max);
    conn.set_session_timeout(timeout_ms);
    if request.session != SessionId::NONE && !take_over(front, conn, &request) {
        return Ok(None);
    }
    Ok(Some(Connect {
        conn: Arc::clone(conn),
        session: request.session,
        timeout_ms,
        read_only: request.read_only.unwrap_or(false),
        received_ms: now,
    }))
}

/// The checks that end in silence, in Java's order.
fn check(
    front: &Front,
    conn: &ConnShared,
    request: &ConnectRequest<'_>,
    now: Millis,
) -> Result<(), DisconnectReason> {
    let kind = match request.session {
        SessionId::NONE if front.settings.local_sessions => ConnectKind::Local,
        SessionId::NONE => ConnectKind::Global,
        _ => ConnectKind::Renew,
    };
    if !front.admit_connect(kind, now) {
        front.metrics.connection_rejected.add(1);
        return Err(DisconnectReason::ClientCnxLimit);
    }
    front.metrics.connection_request_count.add(1);
    if front.serving() == Serving::ReadOnly && !request.read_only.unwrap_or(false) {
        info!("Refusing session request for not-read-only client {}", conn.remote);
        return Err(DisconnectReason::NotReadOnlyClient);
    }
    let last = front.db.read_tree().last_processed_zxid();
    if request.last_zxid_seen > last {
        info!(
            "Refusing session({}) request for client {} as it has seen zxid {} our last zxid is {last} \
             client must try another server",
            request.session, conn.remote, request.last_zxid_seen
        );
        return Err(DisconnectReason::ClientZxidAhead);
    }
    Ok(())
}

/// A client takes up its session again: whoever else serves it here is closed, even before the
/// password is looked at. False if the password is wrong; the client is then refused.
fn take_over(front: &Front, conn: &Arc<ConnShared>, request: &ConnectRequest<'_>) -> bool {
    let session = request.session;
    front.db.conns.close_session(session, DisconnectReason::ClientReconnect);
    front.db.conns.bind(session, conn);
    front.metrics.connection_revalidate_count.add(1);
    let proven = sessions::check_password(session, request.passwd.unwrap_or_default());
    if !proven {
        warn!("Incorrect password from {} for session {session}", conn.remote);
        refuse(front, conn);
    }
    proven
}

/// The pipeline gives a connection its session: a new one before its createSession is proposed, or
/// the one that it takes up again. Requests are read only after [`welcome`].
pub fn assign(front: &Front, conn: &ConnShared, session: Arc<Session>) {
    use std::sync::atomic::Ordering;
    session.owner.store(conn.id.0, Ordering::Release);
    front.db.conns.bind(session.id, conn);
    conn.attach(session);
}

/// The pipeline has made a session for a client: gives it to the connection. The request that makes
/// it known.
pub fn create_session(front: &Front, connect: &Connect, session: Arc<Session>) -> Request {
    let (conn, id) = (&connect.conn, session.id);
    assign(front, conn, session);
    let body = to_bytes(&CreateSessionTxn { timeout: connect.timeout_ms }).into_boxed_slice();
    conn.submit();
    // Never too large: the body is an int.
    let _ = front.load.enter(body.len());
    Request {
        conn: Some(Arc::clone(conn)),
        session: id,
        cxid: 0,
        op: op::CREATE_SESSION,
        body,
        auth: conn.auth(),
        received_ms: connect.received_ms,
        learner: None,
        throttled: false,
    }
}

/// The client gets its session again, or hears that there is none. The caller tells the owner.
pub fn reopen(front: &Front, conn: &ConnShared, session: Option<Arc<Session>>) {
    match session {
        Some(session) => {
            assign(front, conn, session);
            welcome(front, conn);
        }
        None => refuse(front, conn),
    }
}

/// Tells the client that it has its session, and lets it go on. The session was [`assign`]ed
/// before; without one the client is refused. The caller tells the owner
/// ([`ConnShared::notify`]).
pub fn welcome(front: &Front, conn: &ConnShared) {
    let Some(session) = conn.session() else { return refuse(front, conn) };
    let passwd = sessions::password(session.id);
    respond(front, conn, conn.session_timeout(), session.id, passwd);
    debug!(
        "Established session {} with negotiated timeout {} for client {}",
        session.id,
        conn.session_timeout(),
        conn.remote
    );
    conn.set_ready();
}

/// Tells the client that there is no such session (any more), and closes. The caller tells the owner.
pub fn refuse(front: &Front, conn: &ConnShared) {
    info!("Invalid session {} for client {}, probably expired", conn.session_id(), conn.remote);
    respond(front, conn, 0, SessionId::NONE, [0; 16]);
    conn.close_after_output(DisconnectReason::ClientClosedConnection);
}

/// `ConnectResponse`, which has no reply header.
fn respond(front: &Front, conn: &ConnShared, timeout: i32, id: SessionId, passwd: [u8; 16]) {
    let knows_read_only = conn.knows_read_only();
    let mut out = conn.lock_output();
    out.put_int(36 + i32::from(knows_read_only));
    out.put_int(0);
    out.put_int(timeout);
    out.put_long(id.0);
    out.put_buffer(Some(&passwd));
    if knows_read_only {
        out.put_bool(front.serving() == Serving::ReadOnly);
    }
    drop(out);
    conn.stats.sent(1);
    front.stats.add_sent(1);
}

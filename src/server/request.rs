//! What a connection hands to the pipeline.

use std::sync::Arc;

use jute::data::Id;

use super::conn::ConnShared;
use crate::ids::{Millis, SessionId};
use crate::zab::LinkId;

/// A request that the connection's own thread could not answer: a write, or anything behind a write
/// of the same session that is still in flight.
#[derive(Debug, Clone)]
pub struct Request {
    /// Where the reply goes; none for the server's own (session expiry, container deletion) and for
    /// those that a learner forwarded.
    pub conn: Option<Arc<ConnShared>>,
    /// The learner that forwarded it, if one did.
    pub learner: Option<LinkId>,
    /// Whose request it is.
    pub session: SessionId,
    /// The client's number for it, echoed in the reply.
    pub cxid: i32,
    /// The op code as it came.
    pub op: i32,
    /// The record behind the header, still encoded: each stage decodes what it needs.
    pub body: Box<[u8]>,
    /// Who the connection has proved to be, at the time of the request.
    pub auth: Arc<[Id]>,
    /// When it arrived, by the monotonic clock.
    pub received_ms: Millis,
    /// It waited longer than `throttled_op_wait_time`: it is answered THROTTLEDOP and nothing else.
    pub throttled: bool,
}

impl Request {
    /// Who may act for a session: the connection, or the learner that has it; 0 for the server itself
    /// (`Request.owner`).
    pub fn owner(&self) -> u64 {
        match (&self.conn, self.learner) {
            (Some(conn), _) => conn.id.0,
            (None, Some(link)) => learner_owner(link),
            (None, None) => 0,
        }
    }
}

/// A learner as the owner of sessions: no connection has such a number.
pub fn learner_owner(link: LinkId) -> u64 {
    link.0 | 1 << 63
}

/// A client that wants a session, checked as far as the connection's thread can
/// (`ZooKeeperServer.processConnectRequest`).
#[derive(Debug, Clone)]
pub struct Connect {
    /// Who asks. It reads nothing more until [`super::connect`] has answered it.
    pub conn: Arc<ConnShared>,
    /// The session to take up again; [`SessionId::NONE`] to make a new one.
    pub session: SessionId,
    /// The negotiated timeout in ms.
    pub timeout_ms: i32,
    /// The client is content with a server that cannot write.
    pub read_only: bool,
    /// When it arrived, by the monotonic clock.
    pub received_ms: Millis,
}

/// What a connection's thread sends to the pipeline. The order within one connection counts.
#[derive(Debug, Clone)]
pub enum Input {
    /// Something to do.
    Request(Request),
    /// Someone who wants a session.
    Connect(Connect),
    /// The socket is closed; the connection is in the registry no more and its watches are gone.
    Disconnected(Arc<ConnShared>),
}

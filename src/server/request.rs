//! A client's request on its way through the pipeline.

use std::sync::Arc;

use jute::data::Id;

use crate::ids::{ConnId, Millis, SessionId};

/// A request that the connection's own thread could not answer: a write, or anything behind a write
/// of the same session that is still in flight.
#[derive(Debug, Clone)]
pub struct Request {
    /// Where the reply goes; none for the server's own (session expiry, container deletion).
    pub conn: Option<ConnId>,
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
}

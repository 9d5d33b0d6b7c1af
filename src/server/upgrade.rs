//! Local sessions in the way of a request: which requests begin or end one, which need a global one
//! (`QuorumZooKeeperServer.setLocalSessionFlag`, `checkUpgradeSession`, `makeUpgradeRequest`).

use std::sync::Arc;

use jute::txn::CreateSessionTxn;
use jute::{Limits, to_bytes};
use log::info;

use super::prep;
use super::request::Request;
use super::sessions::{LocalSessions, SessionTracker};
use crate::ids::{Millis, SessionId};
use crate::op::{Code, op};

/// Whether a request of this server's own client, or of its tracker, begins or ends a session that
/// nobody else knows: it becomes no transaction (`Request.isLocalSession`).
pub fn is_local(request: &Request, sessions: &SessionTracker) -> bool {
    match request.op {
        op::CREATE_SESSION => {
            request.conn.is_some() && sessions.local_sessions() != LocalSessions::Off
        }
        op::CLOSE_SESSION => request.learner.is_none() && sessions.is_local(request.session),
        _ => false,
    }
}

/// A request of this server's own client: if its session is local and it creates an ephemeral, the
/// session is global from here on. The createSession that is to be processed before it.
///
/// # Errors
/// [`Code::EphemeralOnLocalSession`] where local sessions stay local. The request goes its way all the
/// same, and fails.
pub fn upgrade(
    request: &Request,
    sessions: &SessionTracker,
    limits: Limits,
) -> Result<Option<Request>, Code> {
    if request.throttled
        || !sessions.is_local(request.session)
        || !prep::creates_ephemeral(request.op, &request.body, limits)
    {
        return Ok(None);
    }
    let timeout = sessions.upgrade(request.session)?;
    Ok(timeout.map(|timeout| {
        info!("Upgrading session {}", request.session);
        create_session(request.session, timeout, request.received_ms)
    }))
}

/// Nobody waits for its answer.
fn create_session(session: SessionId, timeout: i32, received_ms: Millis) -> Request {
    Request {
        conn: None,
        session,
        cxid: 0,
        op: op::CREATE_SESSION,
        body: to_bytes(&CreateSessionTxn { timeout }).into_boxed_slice(),
        auth: Arc::default(),
        received_ms,
        learner: None,
        throttled: false,
    }
}

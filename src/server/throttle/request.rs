//! The queue in front of the pipeline that holds requests back while too many are in process
//! (`RequestThrottler`). The pipeline owns one and asks it before each request.

use crate::config::RequestThrottle;
use crate::ids::Millis;
use crate::op::op;
use crate::server::request::Request;

/// What the throttler says of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// Process it.
    Pass,
    /// It waited too long: answer it THROTTLEDOP.
    Throttled,
    /// Too many are in process: ask again when one of them is done, or after this many ms.
    Stall(i32),
    /// Drop it without an answer: its connection is gone or was closed by a drop before.
    Drop,
    /// Drop it and close its connection, so that nothing behind it is processed in its place.
    DropStale,
}

/// The throttler's rules.
#[derive(Debug, Clone, Copy)]
pub struct RequestThrottler {
    settings: RequestThrottle,
    throttled_op_wait_ms: i32,
}

impl RequestThrottler {
    /// Rules from the settings; `throttled_op_wait_ms` 0 or less is off.
    pub fn new(settings: RequestThrottle, throttled_op_wait_ms: i32) -> Self {
        Self { settings, throttled_op_wait_ms }
    }

    /// What is to become of the request at the head of the queue, with `in_process` others being
    /// processed.
    pub fn admit(&self, request: &Request, in_process: i64, now: Millis) -> Admission {
        if request.conn.as_ref().is_some_and(|c| c.is_invalid()) {
            return Admission::Drop;
        }
        let max = i64::from(self.settings.max_requests);
        if max > 0 {
            if self.settings.drop_stale && self.is_stale(request, now) {
                return Admission::DropStale;
            }
            if in_process >= max {
                return Admission::Stall(self.settings.stall_time_ms);
            }
        }
        if self.waited_too_long(request, now) { Admission::Throttled } else { Admission::Pass }
    }

    fn waited_too_long(&self, request: &Request, now: Millis) -> bool {
        let exempt = matches!(request.op, op::PING | op::CLOSE_SESSION | op::CREATE_SESSION);
        let limit = i64::from(self.throttled_op_wait_ms);
        !exempt && limit > 0 && now - request.received_ms > limit
    }

    /// Whether nobody waits for the request's answer any more (`Request.isStale`). A closeSession
    /// outlives its connection: its ephemerals are to go.
    pub fn is_stale(&self, request: &Request, now: Millis) -> bool {
        let Some(conn) = &request.conn else { return false };
        if request.op == op::CLOSE_SESSION {
            return false;
        }
        let gone = self.settings.stale_connection_check && conn.is_stale();
        let age = now - request.received_ms;
        gone || (self.settings.stale_latency_check && age > i64::from(conn.session_timeout()))
    }
}

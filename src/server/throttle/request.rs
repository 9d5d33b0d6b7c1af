//! The queue in front of the pipeline that holds requests back while too many are in process
//! (`RequestThrottler`). The pipeline owns one and asks it before each request.

use crate::config::RequestThrottle;
use crate::ids::Millis;
use crate::op::op;
use crate::server::request::Request;

/// What the throttler says of a request. Whoever asks counts: `throttled_ops`,
/// `request_throttle_wait_count`, `stale_requests_dropped`, `request_throttle_queue_time_ms`.
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

    /// Whether a request may have to wait for others.
    pub fn holds_back(&self) -> bool {
        self.settings.max_requests > 0
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::server::harness::{World, settings};
    use crate::server::reason::DisconnectReason;

    fn request(world: &mut World, kind: i32) -> Request {
        let peer = world.connect();
        Request {
            conn: Some(Arc::clone(peer.conn())),
            session: peer.session(),
            cxid: 1,
            op: kind,
            body: Box::default(),
            auth: peer.conn().auth(),
            received_ms: 1_000,
            learner: None,
            throttled: false,
        }
    }

    fn throttler(max_requests: i32, wait: i32) -> RequestThrottler {
        let base = settings().throttle.request;
        RequestThrottler::new(RequestThrottle { max_requests, ..base }, wait)
    }

    #[test]
    fn off_it_lets_everything_pass() {
        let request = request(&mut World::new(), op::CREATE);
        request.conn.as_ref().unwrap().close_now(DisconnectReason::Unknown);
        assert_eq!(throttler(0, 0).admit(&request, 1_000_000, 99_000), Admission::Pass);
    }

    #[test]
    fn too_many_in_process_stall() {
        let request = request(&mut World::new(), op::CREATE);
        assert_eq!(throttler(2, 0).admit(&request, 1, 1_000), Admission::Pass);
        assert_eq!(throttler(2, 0).admit(&request, 2, 1_000), Admission::Stall(100));
    }

    #[test]
    fn stale_requests_are_dropped_and_all_behind_them() {
        let mut world = World::new();
        let create = request(&mut world, op::CREATE);
        let conn = Arc::clone(create.conn.as_ref().unwrap());
        let close = Request { op: op::CLOSE_SESSION, ..create.clone() };
        conn.close_now(DisconnectReason::Unknown);
        assert_eq!(throttler(2, 0).admit(&create, 0, 1_000), Admission::DropStale);
        assert_eq!(throttler(2, 0).admit(&close, 0, 1_000), Admission::Pass);
        conn.set_invalid();
        assert_eq!(throttler(2, 0).admit(&close, 0, 1_000), Admission::Drop);
        assert_eq!(throttler(0, 0).admit(&create, 0, 1_000), Admission::Drop);
    }

    #[test]
    fn requests_older_than_the_session_are_stale_if_asked_for() {
        let create = request(&mut World::new(), op::CREATE);
        let base = settings().throttle.request;
        let rules = RequestThrottle { max_requests: 9, stale_latency_check: true, ..base };
        let throttler = RequestThrottler::new(rules, 0);
        assert_eq!(throttler.admit(&create, 0, 11_000), Admission::Pass);
        assert_eq!(throttler.admit(&create, 0, 11_001), Admission::DropStale);
    }

    #[test]
    fn who_waited_too_long_is_told_so() {
        let mut world = World::new();
        let create = request(&mut world, op::CREATE);
        let close = request(&mut world, op::CLOSE_SESSION);
        assert_eq!(throttler(0, 50).admit(&create, 0, 1_050), Admission::Pass);
        assert_eq!(throttler(0, 50).admit(&create, 0, 1_051), Admission::Throttled);
        assert_eq!(throttler(0, 50).admit(&close, 0, 9_000), Admission::Pass);
    }
}

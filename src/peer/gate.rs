//! What clients ask for, held back while too much of what they asked for before is in process
//! (`RequestThrottler`). It stands in front of the pipeline of a server that makes transactions, and at
//! a learner in front of its leader.

use std::collections::VecDeque;

use crate::ids::Millis;
use crate::server::apply::Applier;
use crate::server::front::Front;
use crate::server::reason::DisconnectReason;
use crate::server::request::{Input, Request};
use crate::server::throttle::{Admission, RequestThrottler};

/// The inputs that wait, in the order of their arrival.
#[derive(Debug)]
pub(super) struct Gate {
    throttler: RequestThrottler,
    waiting: VecDeque<Input>,
}

impl Gate {
    pub(super) fn new(throttler: RequestThrottler) -> Self {
        Self { throttler, waiting: VecDeque::new() }
    }

    /// Whether a request may have to wait for others.
    pub(super) fn holds_back(&self) -> bool {
        self.throttler.holds_back()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(super) fn push(&mut self, input: Input) {
        self.waiting.push_back(input);
    }

    pub(super) fn extend(&mut self, inputs: Vec<Input>) {
        self.waiting.extend(inputs);
    }

    /// The next that is to be processed, with `in_process` requests being processed; `None` while there is
    /// none, or no room. What nobody waits for any more is dropped.
    pub(super) fn next(
        &mut self,
        now: Millis,
        in_process: usize,
        front: &Front,
        applier: &mut Applier,
    ) -> Option<Input> {
        loop {
            let mut request = match self.waiting.pop_front()? {
                Input::Request(request) => request,
                other => return Some(other),
            };
            match self.throttler.admit(&request, in_process as i64, now) {
                Admission::Pass => return Some(Input::Request(request)),
                Admission::Throttled => {
                    front.metrics.throttled_ops.add(1);
                    request.throttled = true;
                    return Some(Input::Request(request));
                }
                Admission::Stall(_) => {
                    front.metrics.request_throttle_wait_count.add(1);
                    self.waiting.push_front(Input::Request(request));
                    return None;
                }
                Admission::Drop => applier.drop_request(front, &request),
                Admission::DropStale => drop_stale(&request, front, applier),
            }
        }
    }

    /// Nothing that waits is processed any more.
    pub(super) fn abandon(self, front: &Front, applier: &mut Applier) {
        for input in self.waiting {
            if let Input::Request(request) = input {
                applier.drop_request(front, &request);
            }
        }
    }
}

/// Nothing behind a dropped request may be processed in its place, so its connection ends.
fn drop_stale(request: &Request, front: &Front, applier: &mut Applier) {
    front.metrics.stale_requests_dropped.add(1);
    if let Some(conn) = &request.conn {
        conn.close_now(DisconnectReason::ConnectionCloseForced);
    }
    applier.drop_request(front, request);
}

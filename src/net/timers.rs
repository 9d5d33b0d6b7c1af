//! What a selector does by the clock: connections that never got a session, connections that linger,
//! buffers that are larger than an idle connection needs. Each kind has one delay, so a queue in order
//! of arrival is in order of time.

use std::collections::VecDeque;

use crate::ids::{ConnId, Millis};

/// How long a connection may linger (see `Conn::linger`), in ms.
const LINGER: Millis = 2_000;
/// How often large buffers are looked for, and how long one may rest unused, in ms.
const SWEEP: Millis = 1_000;

/// The deadlines of one selector.
pub(super) struct Timers {
    sessionless: VecDeque<(Millis, ConnId)>,
    leaving: VecDeque<(Millis, ConnId)>,
    /// Connections with large buffers.
    pub(super) fat: Vec<ConnId>,
    sessionless_timeout: Millis,
    next_sweep: Millis,
}

impl Timers {
    pub(super) fn new(sessionless_timeout: Millis) -> Self {
        Self {
            sessionless: VecDeque::new(),
            leaving: VecDeque::new(),
            fat: Vec::new(),
            sessionless_timeout,
            next_sweep: 0,
        }
    }

    /// `conn` is to have a session soon.
    pub(super) fn expect_session(&mut self, conn: ConnId, now: Millis) {
        self.sessionless.push_back((now + self.sessionless_timeout, conn));
    }

    /// `conn` is to be gone soon.
    pub(super) fn expect_end(&mut self, conn: ConnId, now: Millis) {
        self.leaving.push_back((now + LINGER, conn));
    }

    /// One connection whose time is over, if there is one; `true` with one that should have got a
    /// session.
    pub(super) fn due(&mut self, now: Millis) -> Option<(ConnId, bool)> {
        for (queue, sessionless) in [(&mut self.sessionless, true), (&mut self.leaving, false)] {
            if queue.front().is_some_and(|(at, _)| *at <= now) {
                return queue.pop_front().map(|(_, conn)| (conn, sessionless));
            }
        }
        None
    }

    /// Whether it is time to look for large buffers, and if so: those that had no turn since the time
    /// that is returned are to give theirs back.
    pub(super) fn sweep(&mut self, now: Millis) -> Option<Millis> {
        if now < self.next_sweep {
            return None;
        }
        self.next_sweep = now + SWEEP;
        Some(now - SWEEP)
    }
}

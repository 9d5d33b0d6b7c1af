//! Up to when clients have been heard: every byte that reached a socket before that time has had its
//! connection's turn, so a session that was not heard since may be expired. Without it, a server that
//! was stopped for a while would expire the sessions whose pings wait in its sockets.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use crate::ids::Millis;

/// The reckoning of one selector. Connections that were sent to workers are counted in two halves: the
/// time at which the halves were last switched is published once all that were sent before are back.
pub(super) struct Heard {
    published: Arc<AtomicI64>,
    candidate: Millis,
    away: [usize; 2],
    half: usize,
}

impl Heard {
    pub(super) fn new(published: Arc<AtomicI64>) -> Self {
        Self { published, candidate: 0, away: [0; 2], half: 0 }
    }

    /// A connection goes to a worker. It has the returned number with it.
    pub(super) fn sent(&mut self) -> usize {
        self.away[self.half] += 1;
        self.half
    }

    /// It is back.
    pub(super) fn back(&mut self, half: usize) {
        self.away[half] -= 1;
    }

    /// Everything that arrived before `polled` has had its turn, or is with a worker.
    pub(super) fn all_had_turns(&mut self, polled: Millis) {
        let other = 1 - self.half;
        if self.away[other] > 0 {
            return;
        }
        let clear = self.away[self.half] == 0;
        self.published.store(if clear { polled } else { self.candidate }, Ordering::Release);
        self.candidate = polled;
        self.half = other;
    }
}

/// Up to when all clients of a server have been heard.
#[derive(Debug, Clone)]
pub struct HeardUntil(pub(super) Arc<[Arc<AtomicI64>]>);

impl HeardUntil {
    /// The time, by the monotonic clock; 0 before the first look.
    pub fn get(&self) -> Millis {
        self.0.iter().map(|at| at.load(Ordering::Acquire)).min().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_waits_for_those_sent_before_it() {
        let published = Arc::new(AtomicI64::new(0));
        let at = || published.load(Ordering::Acquire);
        let mut heard = Heard::new(Arc::clone(&published));
        heard.all_had_turns(10);
        assert_eq!(at(), 10);
        let first = heard.sent();
        heard.all_had_turns(20);
        assert_eq!(at(), 10);
        let second = heard.sent();
        heard.all_had_turns(30);
        assert_eq!(at(), 10);
        heard.back(first);
        heard.all_had_turns(40);
        assert_eq!(at(), 20);
        heard.back(second);
        heard.all_had_turns(50);
        assert_eq!(at(), 50);
    }
}

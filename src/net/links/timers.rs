//! What the links' thread does by the clock.

use std::collections::BTreeSet;

use crate::ids::Millis;
use crate::zab::LinkId;

/// What is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Timer {
    /// A port that could not accept is tried again.
    Accept(usize),
    /// The next address of a peer is tried beside those that have not answered.
    NextAddress(u64),
    /// A peer that was not reached is given up.
    ConnectTimeout(u64),
    /// A stranger has not become known.
    Stranger(LinkId),
    /// A link that was to be closed is still there.
    Linger(LinkId),
}

/// Timers are never taken back: whoever is called for what is no more does nothing.
#[derive(Debug, Default)]
pub(super) struct Timers(BTreeSet<(Millis, Timer)>);

impl Timers {
    pub(super) fn set(&mut self, at: Millis, timer: Timer) {
        self.0.insert((at, timer));
    }

    pub(super) fn next(&self) -> Option<Millis> {
        self.0.first().map(|(at, _)| *at)
    }

    pub(super) fn due(&mut self, now: Millis) -> Option<Timer> {
        if self.next()? > now {
            return None;
        }
        self.0.pop_first().map(|(_, timer)| timer)
    }
}

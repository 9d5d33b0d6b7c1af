//! The two clocks that the threads of this floor read for the rooms below.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::ids::Millis;

/// A monotonic clock that every thread of a server reads from the same start. Starts at a positive
/// number, so that 0 can mean "never".
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    start: Instant,
}

/// What [`Clock::now`] gives at its start.
const START: Millis = 1_000;

impl Clock {
    /// A clock that starts now.
    pub fn start() -> Self {
        Self { start: Instant::now() }
    }

    /// Milliseconds by the monotonic clock.
    pub fn now(&self) -> Millis {
        START + Millis::try_from(self.start.elapsed().as_millis()).unwrap_or(Millis::MAX - START)
    }

    /// Milliseconds since 1970 by the wall clock; 0 where it stands before that.
    pub fn wall(&self) -> Millis {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Millis::try_from(since.as_millis()).unwrap_or(Millis::MAX)
    }
}

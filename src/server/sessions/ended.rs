//! The global sessions that ended a short while ago. Beside local sessions, which only their server
//! knows, a leader could not tell them from one of those, and would act upon what comes late of them.

use std::collections::HashSet;

use crate::ids::{Millis, SessionId};

/// Keeps each for one to two spans of time, and then lets it go: memory is bounded by how many
/// sessions can end in two spans.
#[derive(Debug, Default)]
pub(super) struct Ended {
    span: Millis,
    /// Of the span that has begun, and of the one before.
    recent: HashSet<SessionId>,
    older: HashSet<SessionId>,
    /// How much of the span is over.
    passed: Millis,
    /// When it was looked at last.
    at: Millis,
}

impl Ended {
    /// Nobody yet. Each is kept for at least `span` ms.
    pub(super) fn new(span: Millis) -> Self {
        Self { span, ..Self::default() }
    }

    pub(super) fn add(&mut self, id: SessionId) {
        self.recent.insert(id);
    }

    pub(super) fn contains(&self, id: SessionId) -> bool {
        self.recent.contains(&id) || self.older.contains(&id)
    }

    /// It is `now` (monotonic). At most `step` ms of what has passed counts: where the process stood
    /// still, what came meanwhile is still to be looked at.
    pub(super) fn pass(&mut self, now: Millis, step: Millis) {
        self.passed += (now - self.at).clamp(0, step);
        self.at = self.at.max(now);
        if self.passed >= self.span {
            self.passed = 0;
            self.older = std::mem::take(&mut self.recent);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_ended_is_known_for_one_to_two_spans() {
        let mut ended = Ended::new(100);
        let (first, second) = (SessionId(1), SessionId(2));
        let known = |ended: &Ended| [ended.contains(first), ended.contains(second)];
        ended.pass(1_000, 50);
        ended.add(first);
        ended.pass(1_049, 50);
        ended.add(second);
        assert_eq!(known(&ended), [true, true]);
        ended.pass(1_050, 50);
        ended.pass(1_149, 60);
        assert_eq!(known(&ended), [true, true]);
        ended.pass(1_190, 60);
        assert_eq!(known(&ended), [false, false]);
    }

    #[test]
    fn a_pause_counts_for_one_step() {
        let mut ended = Ended::new(100);
        ended.add(SessionId(1));
        for now in [1_000_000, 2_000_000, 1_000_000, 3_000_000] {
            assert!(ended.contains(SessionId(1)), "{now}");
            ended.pass(now, 50);
            ended.pass(now, 50);
        }
        ended.pass(4_000_000, 50);
        assert!(!ended.contains(SessionId(1)));
    }
}

//! How far a long run has come, for who looks at a terminal.

use std::io::Write;
use std::time::{Duration, Instant};

use super::console::{Console, ShowProgress};

/// A run shorter than this shows nothing, and longer ones not more often.
const PAUSE: Duration = Duration::from_millis(500);
/// Back to the line's start, and away with what is in it.
const CLEAR: &str = "\r\x1b[K";

/// The progress of reading one file.
#[derive(Debug)]
pub(super) struct Progress {
    what: String,
    total: u64,
    next: Option<Instant>,
    shown: bool,
}

impl Progress {
    /// Of a run that prints while it goes on, or (`quiet`) only behind its end.
    pub(super) fn new(console: &Console<'_>, what: &str, total: u64, quiet: bool) -> Self {
        let shows = match console.progress {
            ShowProgress::Never => false,
            ShowProgress::WhileQuiet => quiet,
            ShowProgress::Always => true,
        };
        let next = shows.then(|| Instant::now() + PAUSE);
        Self { what: what.to_owned(), total, next, shown: false }
    }

    /// `done` bytes have been read. Cheap enough for every few records.
    pub(super) fn at(&mut self, done: u64, err: &mut dyn Write) {
        let Some(next) = self.next else { return };
        let now = Instant::now();
        if now < next {
            return;
        }
        self.next = Some(now + PAUSE);
        self.shown = true;
        let percent = done.saturating_mul(100).checked_div(self.total).unwrap_or(100);
        let (mib, what) = (done >> 20, &self.what);
        let _ = write!(err, "{CLEAR}{what}: {percent}% ({mib} of {} MiB)", self.total >> 20);
        let _ = err.flush();
    }

    /// Takes away what was shown.
    pub(super) fn end(&mut self, err: &mut dyn Write) {
        if self.shown {
            let _ = write!(err, "{CLEAR}");
            let _ = err.flush();
        }
        self.next = None;
    }
}

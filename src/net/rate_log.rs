//! A warning that repeats itself is written once, and then as a count at most every 100 ms
//! (`RateLogger`): a flood of refused connections must not become a flood of log lines.

use crate::ids::Millis;

const INTERVAL: Millis = 100;

/// The last warning, and how often it came again since it was written.
#[derive(Debug, Default)]
pub(super) struct RateLog {
    message: String,
    repeats: u32,
    written: Millis,
}

impl RateLog {
    /// Takes note of a warning. Returns what is to be logged now, if anything.
    pub(super) fn note(&mut self, now: Millis, message: &str) -> Option<String> {
        if message != self.message {
            let before = self.flush();
            self.message = message.to_owned();
            self.written = now;
            return Some(match before {
                Some(before) => format!("{before}\n{message}"),
                None => message.to_owned(),
            });
        }
        self.repeats += 1;
        if now - self.written < INTERVAL {
            return None;
        }
        let line = self.flush();
        self.message = message.to_owned();
        self.written = now;
        line
    }

    /// What has not been logged yet; the next warning is logged whatever it says.
    pub(super) fn flush(&mut self) -> Option<String> {
        let message = std::mem::take(&mut self.message);
        let repeats = std::mem::take(&mut self.repeats);
        (repeats > 0).then(|| format!("[{repeats} times] {message}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeats_become_a_count() {
        let mut log = RateLog::default();
        assert_eq!(log.note(0, "a").as_deref(), Some("a"));
        assert_eq!(log.note(1, "a"), None);
        assert_eq!(log.note(2, "a"), None);
        assert_eq!(log.note(100, "a").as_deref(), Some("[3 times] a"));
        assert_eq!(log.note(101, "a"), None);
        assert_eq!(log.note(102, "b").as_deref(), Some("[1 times] a\nb"));
        assert_eq!(log.flush(), None);
    }
}

//! What the rooms below would have said in the server's log.

use std::sync::{Mutex, PoisonError};

use log::{Level, LevelFilter, Log, Metadata, Record};

static SAID: Mutex<Vec<(Level, String)>> = Mutex::new(Vec::new());

struct Listener;

impl Log for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= Level::Warn
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            let mut said = SAID.lock().unwrap_or_else(PoisonError::into_inner);
            said.push((record.level(), record.args().to_string()));
        }
    }

    fn flush(&self) {}
}

/// Starts listening. Where somebody else has the log already, nothing is overheard.
pub(super) fn listen() {
    if log::set_logger(&Listener).is_ok() {
        log::set_max_level(LevelFilter::Warn);
    }
}

/// What was said since the last time.
pub(super) fn take() -> Vec<(Level, String)> {
    std::mem::take(&mut *SAID.lock().unwrap_or_else(PoisonError::into_inner))
}

//! What the rooms below would have said in the server's log.
//!
//! A check runs on one thread, and only what that thread says is about it.

use std::cell::RefCell;

use log::{Level, LevelFilter, Log, Metadata, Record};

thread_local! {
    static SAID: RefCell<Vec<(Level, String)>> = const { RefCell::new(Vec::new()) };
}

struct Listener;

impl Log for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= Level::Warn
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            let said = (record.level(), record.args().to_string());
            SAID.with_borrow_mut(|all| all.push(said));
        }
    }

    fn flush(&self) {}
}

/// Starts listening, from now on. Where somebody else has the log already, nothing is overheard.
pub(super) fn listen() {
    if log::set_logger(&Listener).is_ok() {
        log::set_max_level(LevelFilter::Warn);
    }
    SAID.take();
}

/// What this thread has said since the last time.
pub(super) fn take() -> Vec<(Level, String)> {
    SAID.take()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_other_threads_say_is_not_heard() {
        listen();
        std::thread::spawn(|| log::warn!("about something else")).join().unwrap();
        log::warn!("about this");
        assert_eq!(take(), [(Level::Warn, "about this".to_owned())]);
    }
}

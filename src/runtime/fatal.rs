//! The end of a server that must not go on: a disk that failed, an invariant that broke.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use log::error;

use crate::config::ExitCode;

/// Where any thread says that the server is to end, and the main thread waits for it.
#[derive(Debug, Default)]
pub struct Fatal {
    code: Mutex<Option<ExitCode>>,
    said: Condvar,
}

impl Fatal {
    fn lock(&self) -> MutexGuard<'_, Option<ExitCode>> {
        self.code.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The server is to end with `code`. The first word counts.
    pub fn stop(&self, code: ExitCode) {
        self.lock().get_or_insert(code);
        self.said.notify_all();
    }

    /// Whether the server is to end.
    pub fn is_stopping(&self) -> bool {
        self.lock().is_some()
    }

    /// Waits for the server's end.
    pub fn wait(&self) -> ExitCode {
        let mut code = self.lock();
        loop {
            if let Some(code) = *code {
                return code;
            }
            code = self.said.wait(code).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Runs what a server cannot live without: its panic is the server's end.
    pub(super) fn guard(&self, what: &str, body: impl FnOnce()) {
        if catch_unwind(AssertUnwindSafe(body)).is_err() {
            error!("Severe unrecoverable error in {what}, exiting");
            self.stop(ExitCode::Unexpected);
        }
    }
}

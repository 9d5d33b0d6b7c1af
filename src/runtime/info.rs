//! What the four-letter words ask of the runtime.

use std::sync::Arc;
use std::sync::mpsc::channel;

use super::inbox::Inbox;
use crate::admin::ServerInfo;
use crate::net::Clock;
use crate::peer::standalone::Standalone;
use crate::storage::DataDirs;

/// A server alone, as the words see it.
pub(super) struct Info {
    pub(super) inbox: Arc<Inbox>,
    pub(super) dirs: DataDirs,
    pub(super) clock: Clock,
}

impl Info {
    /// Asks the pipeline; the default where it has ended.
    fn ask<T: Default + Send + 'static>(
        &self,
        question: impl FnOnce(&Standalone) -> T + Send + 'static,
    ) -> T {
        let (answer, asked) = channel();
        self.inbox.query(Box::new(move |server| {
            let _ = answer.send(question(server));
        }));
        asked.recv().unwrap_or_default()
    }
}

impl ServerInfo for Info {
    fn state(&self) -> &'static str {
        "standalone"
    }

    fn dir_sizes(&self) -> (u64, u64) {
        (self.dirs.snap_size(), self.dirs.log_size())
    }

    fn dump_sessions(&self) -> String {
        let (now, wall) = (self.clock.now(), self.clock.wall());
        self.ask(move |server| server.pipeline().sessions().dump(now, wall))
    }

    fn session_counts(&self) -> (usize, usize) {
        (self.ask(|server| server.pipeline().sessions().len()), 0)
    }
}

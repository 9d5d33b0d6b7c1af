//! What the four-letter words ask of the runtime.

use std::sync::Arc;
use std::sync::mpsc::channel;

use super::inbox::Inbox;
use crate::admin::ServerInfo;
use crate::config::Config;
use crate::net::Clock;
use crate::peer::{Server, Status};
use crate::server::histogram::Value;
use crate::storage::DataDirs;

/// The state of a member that serves without a leader, and does not speak of the quorum then.
const READ_ONLY: &str = "read-only";

/// A server, as the words see it.
pub(super) struct Info {
    pub(super) inbox: Arc<Inbox>,
    pub(super) dirs: DataDirs,
    pub(super) clock: Clock,
    /// The members of the ensemble, of which a server alone has none.
    pub(super) quorum: Option<QuorumInfo>,
}

/// What the words tell of an ensemble.
pub(super) struct QuorumInfo {
    /// How many vote (`quorum_size`).
    pub(super) voters: usize,
}

impl QuorumInfo {
    pub(super) fn new(config: &Config) -> Self {
        Self { voters: config.quorum.members.voting().count() }
    }
}

impl Info {
    /// Asks the server's thread; the default where it has ended.
    fn ask<T: Default + Send + 'static>(
        &self,
        question: impl FnOnce(&Server) -> T + Send + 'static,
    ) -> T {
        let (answer, asked) = channel();
        self.inbox.query(Box::new(move |server| {
            let _ = answer.send(question(server));
        }));
        asked.recv().unwrap_or_default()
    }

    fn status(&self) -> Status {
        self.ask(Server::status)
    }
}

impl ServerInfo for Info {
    fn state(&self) -> &'static str {
        match self.quorum {
            None => "standalone",
            Some(_) => self.status().state,
        }
    }

    fn peer_state(&self) -> Option<String> {
        let status = self.quorum.as_ref().map(|_| self.status())?;
        (status.state != READ_ONLY).then_some(status.peer_state)
    }

    fn dir_sizes(&self) -> (u64, u64) {
        (self.dirs.snap_size(), self.dirs.log_size())
    }

    fn dump_sessions(&self) -> String {
        let (now, wall) = (self.clock.now(), self.clock.wall());
        self.ask(move |server| server.dump_sessions(now, wall))
    }

    fn session_counts(&self) -> (usize, usize) {
        let status = self.status();
        (status.sessions, status.local_sessions)
    }

    fn proposal_sizes(&self) -> Option<[i32; 3]> {
        self.quorum.as_ref().and_then(|_| self.status().proposal_sizes)
    }

    fn reset_proposal_sizes(&self) {
        self.ask(|server| server.reset_proposal_sizes());
    }

    fn list_metrics(&self, sink: &mut dyn FnMut(String, Value)) {
        let Some(quorum) = &self.quorum else { return };
        let mut put = |name: &str, n: i64| sink(name.to_owned(), Value::Int(n));
        let status = self.status();
        if status.state != READ_ONLY {
            put("quorum_size", quorum.voters as i64);
        }
        if let Some(learners) = status.learners {
            put("learners", learners.connected as i64);
            put("synced_followers", learners.synced_followers as i64);
            put("synced_non_voting_followers", learners.synced_non_voting as i64);
            put("synced_observers", learners.synced_observers as i64);
            put("pending_syncs", learners.pending_syncs as i64);
        }
        if let Some(since) = status.leading_since {
            put("leader_uptime", self.clock.now() - since);
        }
        if let Some([last, min, max]) = status.proposal_sizes {
            put("last_proposal_size", last.into());
            put("min_proposal_size", min.into());
            put("max_proposal_size", max.into());
        }
        if let Some(sid) = status.observer_master {
            put("observer_master_id", sid.0);
        }
    }
}

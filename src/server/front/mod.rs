//! The face that the network sees: bytes of a client in, replies into its output or requests for the
//! pipeline out. [`Front`] is what all connections share, [`Client`] is one of them.

mod client;
mod frame;
mod gauges;
mod run;

#[cfg(test)]
mod auth_tests;
#[cfg(test)]
mod tests;

pub use client::Client;
pub use frame::{Command, Next, Progress};

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use jute::Limits;

use super::Database;
use super::audit::Audit;
use super::auth::Auth;
use super::metrics::ServerMetrics;
use super::stats::ServerStats;
use super::throttle::{BlueThrottle, ConnectKind, Load};
use crate::config::{Config, ThrottleConfig};
use crate::ids::Millis;

/// What of the configuration the connections need.
#[derive(Debug, Clone, Copy)]
pub struct FrontSettings {
    /// `jute.maxbuffer`: the longest packet in bytes.
    pub max_buffer: usize,
    /// The longest buffer or string within a request.
    pub limits: Limits,
    /// `minSessionTimeout` in ms.
    pub min_session_timeout: i32,
    /// `maxSessionTimeout` in ms.
    pub max_session_timeout: i32,
    /// `localSessionsEnabled`
    pub local_sessions: bool,
    /// `enableEagerACLCheck`, in an ensemble.
    pub eager_acl_check: bool,
    /// `globalOutstandingLimit`
    pub outstanding_limit: i32,
    /// Throttles.
    pub throttle: ThrottleConfig,
}

impl FrontSettings {
    /// The settings that `config` says.
    pub fn new(config: &Config) -> Self {
        let max_buffer = usize::try_from(config.net.jute_max_buffer).unwrap_or(0);
        let extra = usize::try_from(config.net.jute_max_buffer_extra).unwrap_or(0);
        Self {
            max_buffer,
            limits: Limits::new(max_buffer, extra),
            min_session_timeout: config.sessions.min_timeout_ms,
            max_session_timeout: config.sessions.max_timeout_ms,
            // A server alone has none, whatever is configured.
            local_sessions: config.sessions.local_sessions && config.quorum.is_distributed(),
            eager_acl_check: config.auth.eager_acl_check && config.quorum.is_distributed(),
            outstanding_limit: config.server.global_outstanding_limit,
            throttle: config.throttle,
        }
    }
}

/// Whether clients are served (`ZooKeeperServer.State`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Serving {
    /// No: there is no leader, or the server starts or stops. Only four-letter words are answered.
    No = 0,
    /// Yes.
    Yes = 1,
    /// Reads only, and only for clients that want no more (`ReadOnlyZooKeeperServer`).
    ReadOnly = 2,
}

/// What all connections share.
#[derive(Debug)]
pub struct Front {
    /// What was configured.
    pub settings: FrontSettings,
    /// Who may do what.
    pub auth: Arc<Auth>,
    /// The tree, its watches, the connections.
    pub db: Arc<Database>,
    /// Figures of the whole server.
    pub stats: Arc<ServerStats>,
    /// Metrics of the whole server.
    pub metrics: Arc<ServerMetrics>,
    /// What is in the pipeline.
    pub load: Load,
    /// Who changed what.
    pub audit: Audit,
    serving: AtomicU8,
    connect_throttle: Mutex<BlueThrottle>,
}

impl Front {
    /// A front that serves nobody yet. `now` is monotonic; `seed` starts the dice of the connection
    /// throttle.
    pub fn new(
        settings: FrontSettings,
        auth: Arc<Auth>,
        db: Arc<Database>,
        metrics: Arc<ServerMetrics>,
        now: Millis,
        seed: u64,
    ) -> Self {
        let t = &settings.throttle;
        Self {
            auth,
            db,
            stats: Arc::new(ServerStats::new(now)),
            metrics,
            load: Load::new(
                settings.outstanding_limit,
                t.large_request_threshold,
                t.large_request_max_bytes,
            ),
            audit: Audit::default(),
            serving: AtomicU8::new(Serving::No as u8),
            connect_throttle: Mutex::new(BlueThrottle::new(t.connection, now, seed)),
            settings,
        }
    }

    /// The same with an audit log.
    #[must_use]
    pub fn with_audit(self, audit: Audit) -> Self {
        Self { audit, ..self }
    }

    /// Whether clients are served.
    pub fn serving(&self) -> Serving {
        match self.serving.load(Ordering::Acquire) {
            0 => Serving::No,
            1 => Serving::Yes,
            _ => Serving::ReadOnly,
        }
    }

    /// From now on clients are served so.
    pub fn set_serving(&self, serving: Serving) {
        self.serving.store(serving as u8, Ordering::Release);
    }

    /// Takes the tokens that a connect of this kind costs. False if there are not enough: the
    /// connection is closed. Clients connect through [`Client::on_bytes`], which asks by itself.
    pub fn admit_connect(&self, kind: ConnectKind, now: Millis) -> bool {
        let mut throttle = self.connect_throttle.lock().unwrap_or_else(PoisonError::into_inner);
        let admitted = throttle.admit(kind, now);
        if admitted {
            self.metrics.connection_token_deficit.add(i64::from(throttle.deficit()));
        }
        admitted
    }

    /// `srst`: figures and metrics start afresh.
    pub fn reset_stats(&self) {
        self.stats.reset();
        self.metrics.reset();
    }
}

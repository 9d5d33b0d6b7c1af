//! The configuration: what was written (`zoo.cfg`, `-D` properties, the command line) and what it
//! means. One table of keys knows every name, its type, range and default; warnings, the `conf`
//! four-letter word and the listing of keys come from it.
//!
//! Floor 1: knows ids only.

mod quorum;
mod settings;

use std::path::PathBuf;

pub use quorum::{
    Membership, PeerAddress, PeerType, QuorumConfig, QuorumRule, QuorumSasl, QuorumServer,
};
pub use settings::{
    AuthConfig, Compression, ConnectionThrottle, ListenAddress, NetConfig, RequestThrottle,
    ServerConfig, SessionConfig, StorageConfig, ThrottleConfig, TreeConfig, Whitelist,
};

/// Everything the server was told, typed and validated.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The path of zoo.cfg. None: started without one.
    pub file: Option<PathBuf>,
    /// The text of zoo.cfg, as the admin command `initial_configuration` shows it.
    pub initial_text: String,
    /// Logs and snapshots.
    pub storage: StorageConfig,
    /// The tree.
    pub tree: TreeConfig,
    /// The client port.
    pub net: NetConfig,
    /// Ticks, sessions, containers.
    pub sessions: SessionConfig,
    /// Request processing.
    pub server: ServerConfig,
    /// Authentication and authorization.
    pub auth: AuthConfig,
    /// Throttles.
    pub throttle: ThrottleConfig,
    /// The ensemble.
    pub quorum: QuorumConfig,
}

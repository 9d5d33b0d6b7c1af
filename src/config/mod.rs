//! The configuration: what was written (`zoo.cfg`, `-D` properties, the command line) and what it
//! means. One table of keys ([`keys`]) knows every name, its type, range and default; warnings and
//! the listing of keys come from it, and no value is read past it.
//!
//! The way is [`CommandLine::parse`] -> [`Written::load`], the one place that reads files ->
//! [`Config::interpret`], which is pure.
//!
//! Floor 1: knows ids only.

mod access;
mod command_line;
mod conf_word;
mod ensemble;
mod error;
mod interpret;
pub(crate) mod java;
mod java_order;
pub mod keys;
mod listing;
mod membership;
mod properties;
mod quorum;
mod settings;
mod told;
mod unheeded;
mod values;
mod written;

#[cfg(test)]
mod tests;

use std::io;
use std::net::{IpAddr, Ipv6Addr, ToSocketAddrs};
use std::path::PathBuf;

pub use command_line::{CommandLine, Launch, Source, Tool, ToolCall};
pub use conf_word::Running;
pub use error::{ConfigError, ExitCode, USAGE};
pub use listing::list_keys;
pub(crate) use membership::host_and_rest;
pub use properties::{MalformedEscape, Properties};
pub use quorum::{
    HostPort, Membership, PeerAddress, PeerType, QuorumConfig, QuorumRule, QuorumSasl,
    QuorumServer, QuorumTuning,
};
pub use settings::{
    AuthConfig, Compression, ConnectionThrottle, ListenAddress, NetConfig, RequestThrottle,
    ServerConfig, SessionConfig, StorageConfig, ThrottleConfig, TreeConfig, Whitelist,
};
pub use told::{ConfigOptions, client_addresses};
pub use values::Warning;
pub use written::{DynamicFile, EMBEDDED_CLIENT_PORT, EMBEDDED_DATA_DIR, Written};

use values::Values;

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
    /// The system properties, as they stand after zoo.cfg was read.
    pub properties: Properties,
    /// What was written and is not heeded as its writer may think.
    pub warnings: Vec<Warning>,
}

impl Config {
    /// Reads the files that a command line names, and says what they mean.
    pub fn load(launch: &Launch) -> Result<Self, ConfigError> {
        Self::interpret(&Written::load(launch)?, &resolve)
    }

    /// Says what was written means, or what is wrong with it. `resolve` finds the address of a host
    /// that is to be listened on.
    pub fn interpret(
        written: &Written,
        resolve: &dyn Fn(&str) -> io::Result<IpAddr>,
    ) -> Result<Self, ConfigError> {
        Self::read(&mut Values::new(written), written, resolve)
    }

    fn read(
        values: &mut Values<'_>,
        written: &Written,
        resolve: &dyn Fn(&str) -> io::Result<IpAddr>,
    ) -> Result<Self, ConfigError> {
        let storage = interpret::storage(values)?;
        let mut net = interpret::net(values, resolve)?;
        let sessions = interpret::sessions(values)?;
        interpret::check_metrics_provider(values)?;
        let quorum = ensemble::quorum(values, written, &mut net.client, resolve)?;
        let tree = interpret::tree(values)?;
        let server = interpret::server(values)?;
        let auth = access::auth(values)?;
        let throttle = interpret::throttle(values)?;
        let mut warnings = unheeded::warnings(written);
        warnings.append(&mut values.warnings);
        Ok(Self {
            file: written.path.as_ref().map(PathBuf::from),
            initial_text: String::from_utf8_lossy(&written.text).into_owned(),
            storage,
            tree,
            net,
            sessions,
            server,
            auth,
            throttle,
            quorum,
            properties: values.properties().clone(),
            warnings,
        })
    }

    /// Says in the log what was read, and by name what is not heeded.
    pub fn log(&self) {
        match &self.file {
            Some(path) => log::info!("Reading configuration from: {}", path.display()),
            None => log::info!(
                "No configuration file: data directory {}, embedded defaults for the rest",
                self.storage.data_dir.display()
            ),
        }
        for (key, address) in
            [("clientPort", &self.net.client), ("secureClientPort", &self.net.secure_client)]
        {
            match address {
                Some(address) => log::info!("{key}Address is {}", address.socket_addr()),
                None => log::info!("{key} is not set"),
            }
        }
        log::info!("autopurge.snapRetainCount set to {}", self.storage.purge_retain_count);
        log::info!("autopurge.purgeInterval set to {}", self.storage.purge_interval_hours);
        for warning in &self.warnings {
            log::warn!("{warning}");
        }
        if !self.quorum.is_distributed() {
            log::warn!(
                "Either no config or no quorum defined in config, running in standalone mode"
            );
        }
    }
}

/// The first address of a host; no host is this one, as `InetAddress.getByName` has it.
fn resolve(host: &str) -> io::Result<IpAddr> {
    let host = if host.is_empty() { "localhost" } else { host };
    let host = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
    // Java takes an interface behind the address, as in `::1%lo`; here the address alone is used.
    let zoned = host.split_once('%').and_then(|(ip, _zone)| ip.parse::<Ipv6Addr>().ok());
    if let Some(ip) = zoned {
        return Ok(IpAddr::V6(ip));
    }
    let found = (host, 0).to_socket_addrs()?.next();
    found.map(|address| address.ip()).ok_or_else(|| io::ErrorKind::NotFound.into())
}

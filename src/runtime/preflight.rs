//! What can be said of a start without starting: for the tool that checks a node before it is taken
//! over.

use std::net::SocketAddr;

use super::ports::resolved;
use super::start::{StartError, check_supported};
use super::start_member::own_server;
use crate::config::Config;
use crate::server::auth::Auth;

/// Whether a start would take the configuration.
///
/// # Errors
/// As the start would end.
pub fn check_config(config: &Config) -> Result<(), StartError> {
    check_supported(config)?;
    Auth::new(&config.auth).map_err(|e| StartError::Unsupported(e.to_string()))?;
    if config.quorum.is_distributed() {
        own_server(config)?;
    }
    Ok(())
}

/// The ports that this server listens on, each with what it is for.
///
/// # Errors
/// If the configuration asks for what is not there yet, or a host cannot be resolved.
pub fn ports(config: &Config) -> Result<Vec<(&'static str, SocketAddr)>, StartError> {
    let client = check_supported(config)?;
    let mut ports: Vec<_> = client.into_iter().map(|address| ("client port", address)).collect();
    if config.quorum.is_distributed() {
        let own = own_server(config)?;
        let election = resolved(config, own, |a| a.election_port)?;
        let quorum = resolved(config, own, |a| a.quorum_port)?;
        ports.extend(election.into_iter().map(|address| ("election port", address)));
        ports.extend(quorum.into_iter().map(|address| ("quorum port", address)));
    }
    Ok(ports)
}

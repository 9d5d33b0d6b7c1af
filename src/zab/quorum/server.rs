//! One `server.N` line: `host:port:electionPort[:participant|observer][;[clientHost:]clientPort]`,
//! several addresses joined by `|`. Java: `QuorumPeer.QuorumServer`.

use std::fmt;

use super::ConfigError;
use crate::config::java;
use crate::ids::Sid;
use crate::zab::LearnerType;

/// Where a server listens for its peers.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ServerAddr {
    /// Name or address, an IPv6 address without brackets.
    pub host: String,
    /// Where the leader takes learners.
    pub quorum_port: u16,
    /// Where votes are exchanged.
    pub election_port: u16,
}

/// Where a server listens for clients.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ClientAddr {
    /// Name or address, an IPv6 address without brackets; `0.0.0.0` where the line has none.
    pub host: String,
    /// Its port.
    pub port: u16,
}

/// A member of the ensemble.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuorumServer {
    /// The N of `server.N`.
    pub id: Sid,
    /// Its addresses, sorted by host; at least one.
    pub addrs: Vec<ServerAddr>,
    /// Its address for clients, where the configuration tells it.
    pub client: Option<ClientAddr>,
    /// The client address was taken from `clientPort` of this server's own static file: then it is
    /// not part of the text that others see (`isClientAddrFromStatic`).
    pub client_from_static: bool,
    /// Whether it votes.
    pub kind: LearnerType,
}

impl QuorumServer {
    /// Reads the value of a `server.N` line.
    ///
    /// # Errors
    /// If it has another form, or several addresses though `multi_address` is off.
    pub fn parse(id: Sid, line: &str, multi_address: bool) -> Result<Self, ConfigError> {
        let parts = java_split(line, ';');
        let servers = java_split(parts.first().copied().unwrap_or_default(), '|');
        if parts.len() > 2 {
            return Err(wrong_form(line));
        }
        if servers.len() > 1 && !multi_address {
            return Err(ConfigError(format!(
                "Multiple address feature is disabled, but multiple addresses were specified for \
                 sid {id}"
            )));
        }
        let client = parts.get(1).map(|part| parse_client(line, part)).transpose()?;
        let mut addrs = Vec::new();
        let mut kind = None;
        for server in servers {
            let (addr, own_kind) = parse_server(id, line, server)?;
            if kind.is_some() && own_kind.is_some() && kind != own_kind {
                return Err(ConfigError(format!(
                    "Multiple addresses should have similar roles: server.{id}={line}"
                )));
            }
            kind = kind.or(own_kind);
            if !addrs.contains(&addr) {
                addrs.push(addr);
            }
        }
        addrs.sort();
        let kind = kind.unwrap_or_default();
        Ok(Self { id, addrs, client, client_from_static: false, kind })
    }

    /// Whether both are the same member at the same addresses (`QuorumServer.equals`).
    pub fn same_as(&self, other: &Self) -> bool {
        self.id == other.id
            && self.kind == other.kind
            && self.addrs == other.addrs
            && self.client == other.client
    }
}

/// The value of the `server.N` line, as Java's `toString`.
impl fmt::Display for QuorumServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, a) in self.addrs.iter().enumerate() {
            let bar = if i == 0 { "" } else { "|" };
            let host = Delimited(&a.host);
            write!(f, "{bar}{host}:{}:{}", a.quorum_port, a.election_port)?;
        }
        f.write_str(match self.kind {
            LearnerType::Participant => ":participant",
            LearnerType::Observer => ":observer",
        })?;
        match &self.client {
            Some(c) if !self.client_from_static => {
                write!(f, ";{}:{}", Delimited(&c.host), c.port)
            }
            _ => Ok(()),
        }
    }
}

/// A host as it stands before a colon: IPv6 addresses in brackets.
struct Delimited<'a>(&'a str);

impl fmt::Display for Delimited<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.contains(':') { write!(f, "[{}]", self.0) } else { f.write_str(self.0) }
    }
}

/// Splits `host:port...` at its colons; an IPv6 host may stand in brackets
/// (`ConfigUtils.getHostAndPort`). The first part is the host, without brackets.
///
/// # Errors
/// If a bracket is not closed, or nothing follows the colon behind it.
pub fn split_host_and_port(s: &str) -> Result<Vec<&str>, ConfigError> {
    let Some(rest) = s.strip_prefix('[') else { return Ok(java_split(s, ':')) };
    let Some((host, tail)) = rest.split_once(']') else {
        return Err(ConfigError(format!("{s} starts with '[' but has no matching ']:'")));
    };
    match tail.char_indices().nth(1) {
        None if tail.is_empty() => Ok(vec![host]),
        None => Err(ConfigError(format!("{s} doesn't have a port after colon"))),
        Some((at, _)) => {
            let mut parts = vec![host];
            parts.extend(java_split(&tail[at..], ':'));
            Ok(parts)
        }
    }
}

/// `String.split`: empty parts at the end do not count.
fn java_split(s: &str, by: char) -> Vec<&str> {
    let mut parts: Vec<&str> = s.split(by).collect();
    while parts.len() > 1 && parts.last().is_some_and(|p| p.is_empty()) {
        parts.pop();
    }
    parts
}

fn parse_client(line: &str, part: &str) -> Result<ClientAddr, ConfigError> {
    let parts = split_host_and_port(part)?;
    let (host, port) = match parts[..] {
        [port] => ("0.0.0.0", port),
        [host, port] => (host, port),
        _ => return Err(wrong_form(line)),
    };
    Ok(ClientAddr { host: java::host_string(host), port: parse_port(host, port)? })
}

fn parse_server(
    id: Sid,
    line: &str,
    part: &str,
) -> Result<(ServerAddr, Option<LearnerType>), ConfigError> {
    let parts = split_host_and_port(part)?;
    let (host, quorum, election, kind) = match parts[..] {
        [host, quorum, election] => (host, quorum, election, None),
        [host, quorum, election, kind] => (host, quorum, election, Some(parse_kind(kind)?)),
        _ => return Err(wrong_form(line)),
    };
    let quorum_port = parse_port(host, quorum)?;
    let election_port = parse_port(host, election)?;
    if quorum_port == election_port {
        return Err(ConfigError(format!(
            "Client and election port must be different! Please update the configuration file on \
             server.{id}"
        )));
    }
    Ok((ServerAddr { host: java::host_string(host), quorum_port, election_port }, kind))
}

fn parse_kind(s: &str) -> Result<LearnerType, ConfigError> {
    match s.trim().to_lowercase().as_str() {
        "participant" => Ok(LearnerType::Participant),
        "observer" => Ok(LearnerType::Observer),
        _ => Err(ConfigError(format!("Unrecognised peertype: {s}"))),
    }
}

fn parse_port(host: &str, port: &str) -> Result<u16, ConfigError> {
    port.parse().map_err(|_| ConfigError(format!("Address unresolved: {host}:{port}")))
}

fn wrong_form(line: &str) -> ConfigError {
    ConfigError(format!(
        "{line} does not have the form server_config or server_config;client_config where \
         server_config is the pipe separated list of host:port:port or host:port:port:type and \
         client_config is port or host:port"
    ))
}

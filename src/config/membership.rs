//! Reading the members of an ensemble, and writing them as the members show and compare them
//! (`QuorumPeer.QuorumServer`, `QuorumMaj`, `QuorumHierarchical`, `ConfigUtils.getHostAndPort`).

use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::Ipv6Addr;

use super::java;
use super::properties::Properties;
use super::quorum::{HostPort, Membership, PeerAddress, PeerType, QuorumRule, QuorumServer};
use crate::ids::Sid;

const FORM: &str = "does not have the form server_config or server_config;client_config where \
    server_config is the pipe separated list of host:port:port or host:port:port:type and \
    client_config is port or host:port";

/// How a list of members is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reading {
    /// May a member have several addresses? Java asks the property `zookeeper.multiAddress.enabled`
    /// here, and never the key of zoo.cfg.
    pub(super) multi_address: bool,
    /// Is the quorum a plain majority whatever groups there are? So it is with an oracle.
    pub(super) ignore_groups: bool,
}

impl Membership {
    /// Reads all `server.`, `group`, `weight` lines and the `version`.
    pub(super) fn parse(entries: &Properties, reading: Reading) -> Result<Self, String> {
        let mut membership = Self::default();
        let mut groups = BTreeMap::new();
        let mut weights = BTreeMap::new();
        let mut hierarchical = false;
        for (key, value) in entries.iter() {
            if key.starts_with("server.") {
                let sid = number_of(key)?;
                let server = QuorumServer::parse(sid, value, reading.multi_address)?;
                membership.servers.insert(sid, server);
            } else if key == "version" {
                membership.version = java::parse_radix(value, 16)
                    .ok_or_else(|| format!("version={value}: expected a hexadecimal number"))?;
            } else if key.starts_with("group") && !reading.ignore_groups {
                hierarchical = true;
                read_group(key, value, &mut groups)?;
            } else if key.starts_with("weight") && !reading.ignore_groups {
                hierarchical = true;
                let weight = java::parse_long(value)
                    .ok_or_else(|| format!("{key}={value}: expected a whole number"))?;
                weights.insert(number_of(key)?, weight);
            }
        }
        if hierarchical {
            membership.complete_groups(&groups, &mut weights)?;
            membership.rule = QuorumRule::Hierarchical { groups, weights };
        }
        Ok(membership)
    }

    /// Every voter must be in a group; one without a weight weighs 1. Who does not vote has no
    /// weight but a written one, and a group cannot be weighed without it.
    fn complete_groups(
        &self,
        groups: &BTreeMap<Sid, i64>,
        weights: &mut BTreeMap<Sid, i64>,
    ) -> Result<(), String> {
        for voter in self.voting() {
            if !groups.contains_key(&voter.sid) {
                return Err(format!("Server {} is not in a group", voter.sid));
            }
            weights.entry(voter.sid).or_insert(1);
        }
        match groups.keys().find(|sid| !weights.contains_key(sid)) {
            Some(sid) => Err(format!(
                "Server {sid} is in a group and has no weight: it does not vote, and there is no \
                 weight.{sid}"
            )),
            None => Ok(()),
        }
    }

    /// The text that members compare and that `/zookeeper/config` holds
    /// (`QuorumVerifier.toString`): one line per member in the order of Java's hash map, groups and
    /// weights, and the version without a line end.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for sid in java::hash_map_order(self.servers.keys().map(|sid| sid.0)) {
            let _ = writeln!(text, "server.{sid}={}", self.servers[&Sid(sid)].text());
        }
        if let QuorumRule::Hierarchical { groups, weights } = &self.rule {
            write_groups(&mut text, groups);
            for sid in java::hash_map_order(weights.keys().map(|sid| sid.0)) {
                let _ = writeln!(text, "weight.{sid}={}", weights[&Sid(sid)]);
            }
        }
        let _ = write!(text, "version={:x}", self.version);
        text
    }
}

fn write_groups(text: &mut String, groups: &BTreeMap<Sid, i64>) {
    let mut members: BTreeMap<i64, Vec<String>> = BTreeMap::new();
    for sid in java::hash_map_order(groups.keys().map(|sid| sid.0)) {
        members.entry(groups[&Sid(sid)]).or_default().push(sid.to_string());
    }
    for group in java::hash_map_order(members.keys().copied()) {
        let _ = writeln!(text, "group.{group}={}", members[&group].join(":"));
    }
}

/// The number behind the first dot of a key; the whole key where there is no dot.
fn number_of(key: &str) -> Result<Sid, String> {
    let number = key.split_once('.').map_or(key, |(_, number)| number);
    let sid = java::parse_long(number);
    sid.map(Sid).ok_or_else(|| format!("{key}: expected a whole number behind the dot"))
}

fn read_group(key: &str, value: &str, groups: &mut BTreeMap<Sid, i64>) -> Result<(), String> {
    let group = number_of(key)?.0;
    for part in java::split(value, ':') {
        let sid = java::parse_long(part)
            .ok_or_else(|| format!("{key}={value}: expected server ids with ':' between them"))?;
        if groups.insert(Sid(sid), group).is_some() {
            return Err(format!("Server {sid} is in multiple groups"));
        }
    }
    Ok(())
}

impl QuorumServer {
    /// Reads the value of `server.<sid>`. Blanks are not cut, as in Java.
    pub(super) fn parse(sid: Sid, spec: &str, multi_address: bool) -> Result<Self, String> {
        let malformed = || format!("server.{sid}={spec:?} {FORM}");
        let parts = java::split(spec, ';');
        let (servers, client) = match parts[..] {
            [servers] => (servers, None),
            [servers, client] => {
                (servers, Some(HostPort::parse_client(client).ok_or_else(malformed)?))
            }
            _ => return Err(malformed()),
        };
        let servers = java::split(servers, '|');
        if !multi_address && servers.len() > 1 {
            return Err(format!(
                "Multiple address feature is disabled, but multiple addresses were specified for \
                 sid {sid}; it takes -Dzookeeper.multiAddress.enabled=true"
            ));
        }
        let mut addresses = Vec::with_capacity(servers.len());
        let mut role = None;
        for server in servers {
            let (address, stated) = PeerAddress::parse(server).ok_or_else(malformed)?;
            if address.quorum_port == address.election_port {
                return Err(format!(
                    "Client and election port must be different! Please update the configuration \
                     file on server.{sid}"
                ));
            }
            if let Some(stated) = stated {
                let stated = PeerType::parse(stated)?;
                if *role.get_or_insert(stated) != stated {
                    return Err(format!(
                        "server.{sid}: Multiple addresses should have similar roles"
                    ));
                }
            }
            addresses.push(address);
        }
        if addresses.is_empty() {
            return Err(malformed());
        }
        let peer_type = role.unwrap_or_default();
        Ok(Self { sid, addresses, peer_type, client, client_from_static: false })
    }

    /// The value of its line: addresses sorted by host, the role, and the client address unless that
    /// came from the static file (`QuorumServer.toString`).
    pub fn text(&self) -> String {
        let mut addresses: Vec<(String, &PeerAddress)> =
            self.addresses.iter().map(|address| (host_text(&address.host), address)).collect();
        addresses.sort_by(|a, b| a.0.cmp(&b.0));
        let listed: Vec<String> = addresses
            .iter()
            .map(|(host, a)| format!("{host}:{}:{}", a.quorum_port, a.election_port))
            .collect();
        let mut text = format!("{}:{}", listed.join("|"), self.peer_type.name());
        if let Some(client) = self.client.as_ref().filter(|_| !self.client_from_static) {
            let _ = write!(text, ";{}:{}", host_text(&client.host), client.port);
        }
        text
    }
}

impl PeerAddress {
    /// `host:port:port[:role]`, the role as it stands there.
    fn parse(text: &str) -> Option<(Self, Option<&str>)> {
        let (host, rest) = host_and_rest(text)?;
        let (quorum_port, election_port, role) = match rest[..] {
            [quorum, election] => (quorum, election, None),
            [quorum, election, role] => (quorum, election, Some(role)),
            _ => return None,
        };
        let (quorum_port, election_port) = (port(quorum_port)?, port(election_port)?);
        Some((Self { host: host_or_local(host), quorum_port, election_port }, role))
    }
}

impl HostPort {
    /// `port` or `host:port`.
    fn parse_client(text: &str) -> Option<Self> {
        let (first, rest) = host_and_rest(text)?;
        match rest[..] {
            [] => Some(Self { host: "0.0.0.0".to_owned(), port: port(first)? }),
            [number] => Some(Self { host: host_or_local(first), port: port(number)? }),
            _ => None,
        }
    }
}

impl PeerType {
    /// Reads a role, in any case.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        match java::trim(text).to_lowercase().as_str() {
            "observer" => Ok(Self::Observer),
            "participant" => Ok(Self::Participant),
            _ => Err(format!("Unrecognised peertype: {text}")),
        }
    }

    /// The name that configurations use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Participant => "participant",
            Self::Observer => "observer",
        }
    }
}

/// Java takes no host for this one.
fn host_or_local(host: &str) -> String {
    if host.is_empty() { "localhost".to_owned() } else { host.to_owned() }
}

fn port(text: &str) -> Option<u16> {
    java::parse_int(text)?.try_into().ok()
}

/// The host, without the brackets of an IPv6 literal, and what follows it between colons.
fn host_and_rest(text: &str) -> Option<(&str, Vec<&str>)> {
    let Some(bracketed) = text.strip_prefix('[') else {
        let mut parts = java::split(text, ':');
        return (!parts.is_empty()).then(|| (parts.remove(0), parts));
    };
    let (host, rest) = bracketed.split_once(']')?;
    match rest.strip_prefix(':') {
        Some("") => None,
        Some(rest) => Some((host, java::split(rest, ':'))),
        None => rest.is_empty().then_some((host, Vec::new())),
    }
}

/// A host as Java shows it: IPv6 literals in full and in brackets, anything else as it was written.
fn host_text(host: &str) -> String {
    match host.parse::<Ipv6Addr>() {
        Ok(ip) => {
            let segments: Vec<String> = ip.segments().iter().map(|s| format!("{s:x}")).collect();
            format!("[{}]", segments.join(":"))
        }
        Err(_) if host.contains(':') => format!("[{host}]"),
        Err(_) => host.to_owned(),
    }
}

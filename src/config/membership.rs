//! Reading the members of an ensemble, and writing them as the members show and compare them
//! (`QuorumPeer.QuorumServer`, `QuorumMaj`, `QuorumHierarchical`, `ConfigUtils.getHostAndPort`).

use std::fmt::Write;

use super::java;
use super::java_order::{long_map_order, properties_order};
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
        let (mut groups, mut weights) = (Vec::new(), Vec::new());
        let mut hierarchical = false;
        let mut entries: Vec<_> = entries.iter().collect();
        properties_order(&mut entries);
        for (key, value) in entries {
            if key.starts_with("server.") {
                let sid = number_of(key)?;
                let server = QuorumServer::parse(sid, value, reading.multi_address)?;
                if membership.servers.insert(sid, server).is_none() {
                    membership.order.push(sid);
                }
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
                put(&mut weights, number_of(key)?, weight);
            }
        }
        long_map_order(&mut membership.order, |sid| sid.0);
        if hierarchical {
            membership.complete_groups(&groups, &mut weights)?;
            long_map_order(&mut groups, |(sid, _)| sid.0);
            long_map_order(&mut weights, |(sid, _)| sid.0);
            membership.rule = QuorumRule::Hierarchical { groups, weights };
        }
        Ok(membership)
    }

    /// Every voter must be in a group; one without a weight weighs 1. Who does not vote has no
    /// weight but a written one, and a group cannot be weighed without it.
    fn complete_groups(
        &self,
        groups: &[(Sid, i64)],
        weights: &mut Vec<(Sid, i64)>,
    ) -> Result<(), String> {
        let lists = |list: &[(Sid, i64)], sid: Sid| list.iter().any(|(other, _)| *other == sid);
        for QuorumServer { sid, .. } in self.in_order().filter(|s| s.peer_type.votes()) {
            if !lists(groups, *sid) {
                return Err(format!("Server {sid} is not in a group"));
            }
            if !lists(weights, *sid) {
                weights.push((*sid, 1));
            }
        }
        match groups.iter().find(|(sid, _)| !lists(weights, *sid)) {
            Some((sid, _)) => Err(format!(
                "Server {sid} is in a group and has no weight: it does not vote, and there is no \
                 weight.{sid}"
            )),
            None => Ok(()),
        }
    }

    /// Why these make no ensemble (`QuorumPeerConfig.parseDynamicConfig`); `standalone` is
    /// `standaloneEnabled`.
    pub(super) fn fault(&self, standalone: bool) -> Option<&'static str> {
        let observers = self.observing().count();
        match self.voting().count() {
            0 if !standalone => {
                Some("standaloneEnabled = false then number of participants should be >0")
            }
            0 if observers > 0 => Some("Observers w/o participants is an invalid configuration"),
            1 if standalone && observers > 0 => {
                Some("Observers w/o quorum is an invalid configuration")
            }
            _ => None,
        }
    }

    /// The members, in the order in which Java lists them.
    pub fn in_order(&self) -> impl Iterator<Item = &QuorumServer> {
        self.order.iter().map(|sid| &self.servers[sid])
    }

    /// The text that members compare and that `/zookeeper/config` holds
    /// (`QuorumVerifier.toString`): one line per member in the order of Java's hash map, groups and
    /// weights, and the version without a line end.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for server in self.in_order() {
            let _ = writeln!(text, "server.{}={}", server.sid, server.text());
        }
        if let QuorumRule::Hierarchical { groups, weights } = &self.rule {
            write_groups(&mut text, groups);
            for (sid, weight) in weights {
                let _ = writeln!(text, "weight.{sid}={weight}");
            }
        }
        let _ = write!(text, "version={:x}", self.version);
        text
    }
}

fn write_groups(text: &mut String, groups: &[(Sid, i64)]) {
    let mut members: Vec<(i64, Vec<String>)> = Vec::new();
    for (sid, group) in groups {
        match members.iter_mut().find(|(other, _)| other == group) {
            Some((_, sids)) => sids.push(sid.to_string()),
            None => members.push((*group, vec![sid.to_string()])),
        }
    }
    long_map_order(&mut members, |(group, _)| *group);
    for (group, sids) in members {
        let _ = writeln!(text, "group.{group}={}", sids.join(":"));
    }
}

/// What is put again keeps its place, as in a hash map.
fn put(list: &mut Vec<(Sid, i64)>, sid: Sid, value: i64) {
    match list.iter_mut().find(|(other, _)| *other == sid) {
        Some((_, old)) => *old = value,
        None => list.push((sid, value)),
    }
}

/// The number behind the first dot of a key; the whole key where there is no dot.
fn number_of(key: &str) -> Result<Sid, String> {
    let number = key.split_once('.').map_or(key, |(_, number)| number);
    let sid = java::parse_long(number);
    sid.map(Sid).ok_or_else(|| format!("{key}: expected a whole number behind the dot"))
}

fn read_group(key: &str, value: &str, groups: &mut Vec<(Sid, i64)>) -> Result<(), String> {
    let group = number_of(key)?.0;
    for part in java::split(value, ':') {
        let sid = java::parse_long(part)
            .ok_or_else(|| format!("{key}={value}: expected server ids with ':' between them"))?;
        if groups.iter().any(|(other, _)| other.0 == sid) {
            return Err(format!("Server {sid} is in multiple groups"));
        }
        groups.push((Sid(sid), group));
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
            if !addresses.contains(&address) {
                addresses.push(address);
            }
        }
        addresses.sort();
        if addresses.is_empty() {
            return Err(malformed());
        }
        let peer_type = role.unwrap_or_default();
        Ok(Self { sid, addresses, peer_type, client, client_from_static: false })
    }

    /// Whether both are the same member at the same addresses (`QuorumServer.equals`).
    pub fn same_as(&self, other: &Self) -> bool {
        self.sid == other.sid
            && self.peer_type == other.peer_type
            && self.addresses == other.addresses
            && self.client == other.client
    }

    /// The value of its line: addresses, the role, and the client address unless that came from the
    /// static file (`QuorumServer.toString`).
    pub fn text(&self) -> String {
        let listed = self.addresses.iter();
        let listed: Vec<String> = listed
            .map(|a| format!("{}:{}:{}", bracketed(&a.host), a.quorum_port, a.election_port))
            .collect();
        let mut text = format!("{}:{}", listed.join("|"), self.peer_type.name());
        if let Some(client) = self.client.as_ref().filter(|_| !self.client_from_static) {
            let _ = write!(text, ";{}:{}", bracketed(&client.host), client.port);
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
        Some((Self { host: host_of(host), quorum_port, election_port }, role))
    }
}

impl HostPort {
    /// `port` or `host:port`.
    fn parse_client(text: &str) -> Option<Self> {
        let (first, rest) = host_and_rest(text)?;
        match rest[..] {
            [] => Some(Self { host: "0.0.0.0".to_owned(), port: port(first)? }),
            [number] => Some(Self { host: host_of(first), port: port(number)? }),
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

    /// Does it count for a quorum?
    pub fn votes(self) -> bool {
        self == Self::Participant
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
fn host_of(host: &str) -> String {
    java::host_string(if host.is_empty() { "localhost" } else { host })
}

fn port(text: &str) -> Option<u16> {
    java::parse_int(text)?.try_into().ok()
}

/// The host, without the brackets of an IPv6 literal, and what follows it between colons
/// (`ConfigUtils.getHostAndPort`).
pub(crate) fn host_and_rest(text: &str) -> Option<(&str, Vec<&str>)> {
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

/// A host as it stands before a colon.
fn bracketed(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}

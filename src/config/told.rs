//! What members and clients are told about the members: the text of a configuration, the file of
//! `reconfig -file`, and the addresses in what `config` answers (`QuorumPeer.configFromString`,
//! `ReconfigCommand`, `ConfigUtils`).

use super::membership::Reading;
use super::properties::Properties;
use super::quorum::{Membership, QuorumServer};
use super::{ensemble, java};
use crate::ids::Sid;

/// What is allowed in a configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConfigOptions {
    /// `multiAddress.enabled`: a server may have several addresses.
    pub multi_address: bool,
    /// `standaloneEnabled`: a configuration may have no voters or one.
    pub standalone: bool,
}

impl Default for ConfigOptions {
    fn default() -> Self {
        Self { multi_address: false, standalone: true }
    }
}

impl Membership {
    /// Reads the text of a configuration: nothing but members and a version.
    ///
    /// # Errors
    /// What makes no sense in it.
    pub fn of_text(bytes: &[u8], options: ConfigOptions) -> Result<Self, String> {
        let entries = read(bytes)?;
        let foreign = |key: &str| !ensemble::lists_members(key) && key != "version";
        if let Some((key, _)) = entries.iter().find(|(key, _)| foreign(java::trim(key))) {
            return Err(format!("Unrecognised parameter: {key}"));
        }
        let reading = Reading { multi_address: options.multi_address, ignore_groups: false };
        let members = Self::parse(&entries, reading)?;
        match members.fault(options.standalone) {
            Some(fault) => Err(fault.to_owned()),
            None => Ok(members),
        }
    }
}

/// `version host:port,host:port`: where clients reach the members of a configuration. What makes no
/// sense is passed over.
pub fn client_addresses(config: &str) -> String {
    let entries = read(config.as_bytes()).unwrap_or_default();
    let servers = entries.iter().filter(|(key, _)| key.starts_with("server."));
    let addresses: Vec<String> = servers
        .filter_map(|(_, spec)| QuorumServer::parse(Sid(-1), java::trim(spec), true).ok())
        .map(|server| server.client.map_or(String::new(), |c| format!("{}:{}", c.host, c.port)))
        .collect();
    format!("{} {}", java::trim(entries.get("version").unwrap_or_default()), addresses.join(","))
}

fn read(bytes: &[u8]) -> Result<Properties, String> {
    Properties::parse(bytes).map_err(|e| format!("malformed \\uxxxx encoding in {:?}", e.text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_those_for_clients() {
        let config = "server.1=a:1:2:participant;0.0.0.0:3\nserver.2=b:1:2:observer\nversion=100";
        assert_eq!(client_addresses(config), "100 0.0.0.0:3,");
        assert_eq!(client_addresses(""), " ");
    }

    #[test]
    fn a_text_names_members_only() {
        let text = |file: &str| {
            Membership::of_text(file.as_bytes(), ConfigOptions::default()).map(|m| m.text())
        };
        assert_eq!(
            text("server.1=a:1:2;3\n").unwrap(),
            "server.1=a:1:2:participant;0.0.0.0:3\nversion=0"
        );
        for bad in ["tickTime=1", "server.1=a", "server.1=a:1:2:observer;3"] {
            assert!(text(bad).is_err(), "{bad}");
        }
    }
}

//! What a client tells the ensemble, and is told, about its members: the file of `reconfig -file`,
//! and the addresses in what `config` answers (`ReconfigCommand`, `ConfigUtils`).

use super::membership::Reading;
use super::properties::Properties;
use super::quorum::{Membership, QuorumServer};
use super::{ensemble, java};
use crate::ids::Sid;

/// The members of a file as a reconfiguration may name them: nothing but members and a version.
///
/// # Errors
/// What makes no sense in it.
pub fn members_of_file(bytes: &[u8]) -> Result<Membership, String> {
    let entries = read(bytes)?;
    let foreign = |key: &str| !ensemble::lists_members(key) && key != "version";
    if let Some((key, _)) = entries.iter().find(|(key, _)| foreign(java::trim(key))) {
        return Err(format!("Unrecognised parameter: {key}"));
    }
    let members = Membership::parse(&entries, READING)?;
    let (voters, observers) = (members.voting().count(), members.observing().count());
    if voters <= 1 && observers > 0 {
        let what = if voters == 0 { "participants" } else { "quorum" };
        return Err(format!("Observers w/o {what} is an invalid configuration"));
    }
    Ok(members)
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

const READING: Reading = Reading { multi_address: true, ignore_groups: false };

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
    fn a_file_names_members_only() {
        let text = |file: &str| members_of_file(file.as_bytes()).map(|m| m.text());
        assert_eq!(
            text("server.1=a:1:2;3\n").unwrap(),
            "server.1=a:1:2:participant;0.0.0.0:3\nversion=0"
        );
        for bad in ["tickTime=1", "server.1=a", "server.1=a:1:2:observer;3"] {
            assert!(text(bad).is_err(), "{bad}");
        }
    }
}

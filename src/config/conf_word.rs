//! The four-letter word `conf`: the configuration as it runs (`ZooKeeperServer.dumpConf`,
//! `QuorumZooKeeperServer.dumpConf`).

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use super::Config;
use super::quorum::PeerType;

/// What `conf` shows and only the running server knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Running {
    /// The port that is bound for clients; None: there is none.
    pub client_port: Option<u16>,
    /// The port that is bound for clients with TLS.
    pub secure_client_port: Option<u16>,
    /// Bytes in the snapshot directory.
    pub data_dir_size: u64,
    /// Bytes in the log directory.
    pub data_log_size: u64,
    /// The members are shown; a server that has lost them does not (`ReadOnlyZooKeeperServer.dumpConf`).
    pub membership: bool,
}

impl Config {
    /// The whole reply to `conf`. Directories are made absolute against `working_dir`.
    pub fn conf_text(&self, running: Running, working_dir: &Path) -> String {
        let mut text = String::new();
        let mut line = |key: &str, value: &dyn std::fmt::Display| {
            let _ = writeln!(text, "{key}={value}");
        };
        let port = |port: Option<u16>| port.map_or(-1, i32::from);
        let version_2 =
            |dir: &PathBuf| working_dir.join(dir).join("version-2").display().to_string();
        let listens = running.client_port.or(running.secure_client_port).is_some();
        let max_client_cnxns = if listens { self.net.max_client_cnxns } else { -1 };
        let server_id = if self.quorum.is_distributed() { self.quorum.my_id } else { None };
        line("clientPort", &port(running.client_port));
        line("secureClientPort", &port(running.secure_client_port));
        line("dataDir", &version_2(&self.storage.data_dir));
        line("dataDirSize", &running.data_dir_size);
        line("dataLogDir", &version_2(&self.storage.data_log_dir));
        line("dataLogSize", &running.data_log_size);
        line("tickTime", &self.sessions.tick_time_ms);
        line("maxClientCnxns", &max_client_cnxns);
        line("minSessionTimeout", &self.sessions.min_timeout_ms);
        line("maxSessionTimeout", &self.sessions.max_timeout_ms);
        line("clientPortListenBacklog", &self.net.listen_backlog.unwrap_or(-1));
        line("serverId", &server_id.map_or(0, |sid| sid.0));
        if self.quorum.is_distributed() {
            text.push_str(&self.ensemble_text());
            if running.membership {
                text.push_str("membership: \n");
                text.push_str(&self.quorum.members.text());
            }
        }
        text
    }

    fn ensemble_text(&self) -> String {
        let quorum = &self.quorum;
        let own = quorum.my_id.and_then(|sid| quorum.members.servers.get(&sid));
        let addresses = own.map_or(&[][..], |own| &own.addresses);
        let ports = |port: fn(&super::PeerAddress) -> u16| {
            let ports: BTreeSet<u16> = addresses.iter().map(port).collect();
            let ports: Vec<String> = ports.iter().map(u16::to_string).collect();
            ports.join("|")
        };
        let peer_type = match quorum.peer_type {
            PeerType::Participant => 0,
            PeerType::Observer => 1,
        };
        format!(
            "initLimit={}\nsyncLimit={}\nelectionAlg=3\nelectionPort={}\nquorumPort={}\n\
             peerType={peer_type}\n",
            quorum.init_limit,
            quorum.sync_limit,
            ports(|address| address.election_port),
            ports(|address| address.quorum_port),
        )
    }
}

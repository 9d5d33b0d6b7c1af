//! What `conf` prints of the configuration (`ZooKeeperServer.dumpConf`).

use std::path::{Path, PathBuf};

use crate::config::Config;

/// The figures of `conf` that do not change while the server runs.
#[derive(Debug, Clone)]
pub(super) struct Conf {
    client_port: i32,
    secure_client_port: i32,
    data_dir: PathBuf,
    data_log_dir: PathBuf,
    tick_time: i32,
    max_client_cnxns: i32,
    min_session_timeout: i32,
    max_session_timeout: i32,
    backlog: i32,
    server_id: i64,
}

impl Conf {
    /// Of `config`, with the port that the server got.
    pub(super) fn new(config: &Config, client_port: u16) -> Self {
        let secure = config.net.secure_client.as_ref();
        Self {
            client_port: config.net.client.as_ref().map_or(-1, |_| i32::from(client_port)),
            secure_client_port: secure.map_or(-1, |address| i32::from(address.port)),
            data_dir: version_dir(&config.storage.data_dir),
            data_log_dir: version_dir(&config.storage.data_log_dir),
            tick_time: config.sessions.tick_time_ms,
            max_client_cnxns: config.net.max_client_cnxns,
            min_session_timeout: config.sessions.min_timeout_ms,
            max_session_timeout: config.sessions.max_timeout_ms,
            backlog: config.net.listen_backlog.unwrap_or(-1),
            server_id: config.quorum.my_id.map_or(0, |sid| sid.0),
        }
    }

    /// The text, with the sizes of the two directories and what an ensemble adds.
    pub(super) fn text(&self, (data, log): (u64, u64), quorum: Option<&str>) -> String {
        let lines = [
            ("clientPort", self.client_port.to_string()),
            ("secureClientPort", self.secure_client_port.to_string()),
            ("dataDir", self.data_dir.display().to_string()),
            ("dataDirSize", data.to_string()),
            ("dataLogDir", self.data_log_dir.display().to_string()),
            ("dataLogSize", log.to_string()),
            ("tickTime", self.tick_time.to_string()),
            ("maxClientCnxns", self.max_client_cnxns.to_string()),
            ("minSessionTimeout", self.min_session_timeout.to_string()),
            ("maxSessionTimeout", self.max_session_timeout.to_string()),
            ("clientPortListenBacklog", self.backlog.to_string()),
            ("serverId", self.server_id.to_string()),
        ];
        let mut out: String = lines.map(|(key, value)| format!("{key}={value}\n")).concat();
        out.push_str(quorum.unwrap_or_default());
        out
    }
}

/// Where the files lie, as an absolute path.
fn version_dir(dir: &Path) -> PathBuf {
    let dir = dir.join("version-2");
    std::path::absolute(&dir).unwrap_or(dir)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conf_reads_as_in_java() {
        let conf = Conf {
            client_port: 31811,
            secure_client_port: -1,
            data_dir: version_dir(Path::new("/var/zk/data")),
            data_log_dir: version_dir(Path::new("/var/zk/log")),
            tick_time: 2000,
            max_client_cnxns: 60,
            min_session_timeout: 4000,
            max_session_timeout: 40000,
            backlog: -1,
            server_id: 0,
        };
        let expected = "\
clientPort=31811
secureClientPort=-1
dataDir=/var/zk/data/version-2
dataDirSize=67109358
dataLogDir=/var/zk/log/version-2
dataLogSize=7
tickTime=2000
maxClientCnxns=60
minSessionTimeout=4000
maxSessionTimeout=40000
clientPortListenBacklog=-1
serverId=0
";
        assert_eq!(conf.text((67_109_358, 7), None), expected);
    }
}

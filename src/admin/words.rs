//! The four-letter words themselves: which are answered at all, and what with.

use std::fmt::Display;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

use super::report::{self, Connection};
use super::{ServerInfo, environment, process, version};
use crate::config::{Config, Running};
use crate::ids::{ConnId, Millis, SessionId};
use crate::net::{Clock, Words, address};
use crate::server::conn::ConnShared;
use crate::server::front::{Command, Front, Serving};
use crate::server::histogram::Value;

const NOT_SERVING: &str = "This ZooKeeper instance is not currently serving requests";

/// Bytes in which Java writes an answer (`BufferedWriter`, `SendBufferWriter`).
const PIECE: usize = 8192;

/// `ZooTrace.getTextTraceLevel` at the start: client requests, server packets, sessions, warnings.
const TRACE_MASK: i64 = 1 << 1 | 1 << 4 | 1 << 5 | 1 << 8;

/// Answers four-letter words.
pub struct FourLetterWords {
    config: Config,
    client_port: Option<u16>,
    front: Arc<Front>,
    info: Arc<dyn ServerInfo>,
    clock: Clock,
    /// Kept and told, as in Java; nothing here traces by it.
    trace_mask: AtomicI64,
}

impl FourLetterWords {
    /// Words for a server that takes clients at `client_port`, if it takes any.
    pub fn new(
        config: &Config,
        client_port: Option<u16>,
        front: Arc<Front>,
        info: Arc<dyn ServerInfo>,
        clock: Clock,
    ) -> Self {
        Self {
            config: config.clone(),
            client_port,
            front,
            info,
            clock,
            trace_mask: AtomicI64::new(TRACE_MASK),
        }
    }

    /// The words that are answered whether or not clients are served. None for the others.
    fn always(&self, command: &Command) -> Option<String> {
        match command.name {
            "ruok" => Some("imok".to_owned()),
            "envi" => {
                let lines = environment::list();
                let lines: String = lines.iter().map(|(k, v)| format!("{k}={v}\n")).collect();
                Some(format!("Environment:\n{lines}"))
            }
            "gtmk" => Some(self.trace_mask.load(Relaxed).to_string()),
            "stmk" => Some(command.mask.map_or_else(String::new, |mask| {
                self.trace_mask.store(mask, Relaxed);
                mask.to_string()
            })),
            "isro" => Some(
                match self.front.serving() {
                    Serving::No => "null",
                    Serving::Yes => "rw",
                    Serving::ReadOnly => "ro",
                }
                .to_owned(),
            ),
            _ => None,
        }
    }

    fn while_serving(&self, word: &str, asker: &ConnShared) -> String {
        match word {
            "srvr" => report::server(&self.server(), None),
            "stat" => report::server(&self.server(), Some(&self.connections(asker.id))),
            "cons" => report::connections(&self.connections(asker.id), false),
            "conf" => self.conf(),
            "crst" => self.reset_connections(),
            "srst" => self.reset_server(),
            "dump" => self.dump(),
            "dirs" => {
                let (data, log) = self.info.dir_sizes();
                format!("datadir_size: {data}\nlogdir_size: {log}\n")
            }
            "mntr" => self.monitor(),
            "wchs" => format!("{}\n", self.front.db.lock_watches().summary()),
            "wchc" => report::watches(&self.watches_by_session()),
            "wchp" => report::watches(&self.watches_by_path()),
            "hash" => self.digests(),
            _ => String::new(),
        }
    }

    fn server(&self) -> report::Server {
        let Front { stats, db, load, .. } = &*self.front;
        let (zxid, node_count) = {
            let tree = db.read_tree();
            (tree.last_processed_zxid(), tree.node_count())
        };
        report::Server {
            version: version::full_version(),
            read_only: self.front.serving() == Serving::ReadOnly,
            latency: (stats.latency.min(), stats.latency.avg(), stats.latency.max()),
            received: stats.packets_received(),
            sent: stats.packets_sent(),
            connections: db.conns.len(),
            outstanding: load.in_process(),
            zxid,
            mode: self.info.state(),
            node_count,
            proposal_sizes: self.info.proposal_sizes(),
        }
    }

    fn connections(&self, asker: ConnId) -> Vec<Connection> {
        let mut conns = self.front.db.conns.all();
        conns.sort_unstable_by_key(|conn| conn.stats.figures().established);
        conns.iter().map(|conn| Connection::of(conn, conn.id == asker)).collect()
    }

    fn conf(&self) -> String {
        let (data_dir_size, data_log_size) = self.info.dir_sizes();
        let running = Running {
            client_port: self.client_port,
            secure_client_port: None,
            data_dir_size,
            data_log_size,
            membership: self.front.serving() != Serving::ReadOnly,
        };
        self.config.conf_text(running, &std::env::current_dir().unwrap_or_default())
    }

    fn reset_connections(&self) -> String {
        self.front.db.conns.all().iter().for_each(|conn| conn.stats.reset());
        "Connection stats reset.\n".to_owned()
    }

    fn reset_server(&self) -> String {
        self.front.reset_stats();
        self.info.reset_proposal_sizes();
        "Server stats reset.\n".to_owned()
    }

    fn dump(&self) -> String {
        let owners: Vec<(SessionId, Vec<String>)> = {
            let tree = self.front.db.read_tree();
            tree.ephemeral_sessions().map(|id| (id, tree.ephemerals_of(id).collect())).collect()
        };
        format!(
            "SessionTracker dump:\n{}ephemeral nodes dump:\n{}Connections dump:\n{}",
            self.info.dump_sessions(),
            report::ephemerals(&owners),
            report::expiring(&self.expiring())
        )
    }

    /// When each connection would be closed if it stayed silent, in steps of the timeout of those that
    /// have no session (`NIOServerCnxnFactory.cnxnExpiryQueue`).
    fn expiring(&self) -> Vec<(Millis, std::net::SocketAddr, SessionId)> {
        let (now, wall) = (self.clock.now(), self.clock.wall());
        let step = Millis::from(self.config.net.sessionless_cnxn_timeout_ms.max(1));
        let due = |conn: &ConnShared| {
            let heard = conn.session().map_or(now, |session| session.last_heard.load(Relaxed));
            let at = ((heard + Millis::from(conn.session_timeout())) / step + 1) * step;
            wall + at - now
        };
        let conns = self.front.db.conns.all();
        conns.iter().map(|conn| (due(conn), conn.remote, conn.session_id())).collect()
    }

    fn monitor(&self) -> String {
        let mut out = String::new();
        let mut line = |name: &str, value: &dyn Display| report::metric(&mut out, name, value);
        line("version", &version::full_version());
        line("server_state", &self.info.state());
        if let Some(state) = self.info.peer_state() {
            line("peer_state", &state);
        }
        let (global, local) = self.info.session_counts();
        line("global_sessions", &global);
        line("local_sessions", &local);
        line("open_file_descriptor_count", &process::open_files());
        line("max_file_descriptor_count", &process::max_files());
        // There is no TLS port to shake hands at.
        line("outstanding_tls_handshake", &0);
        let mut sink = |name: String, value: Value| report::metric(&mut out, &name, &value);
        self.info.list_metrics(&mut sink);
        self.front.list_metrics(self.clock.now(), &mut sink);
        out
    }

    fn watches_by_session(&self) -> Vec<(SessionId, Vec<String>)> {
        let lists: Vec<(ConnId, Vec<String>)> = {
            let watches = self.front.db.lock_watches();
            let lists = watches.by_connection();
            lists.map(|(id, paths)| (id, paths.map(str::to_owned).collect())).collect()
        };
        lists.into_iter().map(|(id, paths)| (self.session_of(id), paths)).collect()
    }

    fn watches_by_path(&self) -> Vec<(String, Vec<SessionId>)> {
        let lists: Vec<(String, Vec<ConnId>)> = {
            let watches = self.front.db.lock_watches();
            watches.by_path().map(|(path, ids)| (path.to_owned(), ids.collect())).collect()
        };
        let resolve = |ids: Vec<ConnId>| ids.into_iter().map(|id| self.session_of(id)).collect();
        lists.into_iter().map(|(path, ids)| (path, resolve(ids))).collect()
    }

    fn session_of(&self, id: ConnId) -> SessionId {
        self.front.db.conns.get(id).map_or(SessionId::NONE, |conn| conn.session_id())
    }

    fn digests(&self) -> String {
        let tree = self.front.db.read_tree();
        tree.digest_log().map(|d| format!("{:x}: {}\n", d.zxid.0, d.digest)).collect()
    }
}

impl FourLetterWords {
    fn text(&self, command: &Command, asker: &ConnShared) -> String {
        self.always(command).unwrap_or_else(|| match (self.front.serving(), command.name) {
            (Serving::No, "hash") => NOT_SERVING.to_owned(),
            (Serving::No, _) => format!("{NOT_SERVING}\n"),
            (_, word) => self.while_serving(word, asker),
        })
    }

    /// Answers count as packets, one for each piece that Java would write.
    fn count(&self, text: &str, asker: &ConnShared) {
        let packets = text.len().div_ceil(PIECE) as u64;
        asker.stats.sent(packets);
        self.front.stats.add_sent(packets);
    }
}

impl Words for FourLetterWords {
    fn is_instant(&self, command: &Command) -> bool {
        let at_hand = ["ruok", "isro", "gtmk", "stmk", "telnet close"];
        at_hand.contains(&command.name)
            || !self.config.server.four_letter_words.allows(command.name)
    }

    fn answer(&self, command: &Command, asker: &ConnShared) -> Option<String> {
        let word = command.name;
        let text = if self.config.server.four_letter_words.allows(word) {
            log::info!("Processing {word} command from {}", address::remote(asker.remote));
            if word == "telnet close" {
                return None;
            }
            self.text(command, asker)
        } else {
            log::debug!("Command {word} is not executed because it is not in the whitelist.");
            format!("{word} is not executed because it is not in the whitelist.\n")
        };
        self.count(&text, asker);
        Some(text)
    }
}

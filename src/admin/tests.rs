//! The reports against what a Java server printed, and the words of a server that does nothing.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::report::{self, Connection, Server};
use super::version::full_version;
use super::{FourLetterWords, ServerInfo};
use crate::config::{Config, Written};
use crate::ids::ConnId;
use crate::ids::{SessionId, Zxid};
use crate::net::{Clock, Words};
use crate::server::Database;
use crate::server::auth::Auth;
use crate::server::conn::{ConnShared, Mailbox};
use crate::server::conn_stats::ConnFigures;
use crate::server::front::{Command, Front, FrontSettings, Serving};
use crate::tree::{DataTree, TreeOptions};

const IDLE: ConnFigures = ConnFigures {
    established: 1_795_313_695_158,
    packets_received: 1,
    packets_sent: 0,
    last_operation: "NA",
    last_cxid: 0,
    last_zxid: 0,
    last_response_time: 0,
    last_latency: 0,
    min_latency: 0,
    avg_latency: 0,
    max_latency: 0,
};

fn clients() -> Vec<Connection> {
    let busy = ConnFigures {
        packets_received: 6,
        packets_sent: 7,
        last_operation: "CREA",
        last_cxid: 5,
        last_zxid: 3,
        last_response_time: 1_162_321,
        last_latency: 6,
        avg_latency: 6,
        max_latency: 17,
        ..IDLE
    };
    vec![
        Connection {
            remote: "127.0.0.1:60948".parse().unwrap(),
            interest: 1,
            queued: 0,
            session: SessionId(0x0100_0011_3000_0000),
            timeout_ms: 10_000,
            figures: busy,
        },
        Connection {
            remote: "127.0.0.1:60976".parse().unwrap(),
            interest: 0,
            queued: 0,
            session: SessionId::NONE,
            timeout_ms: 10_000,
            figures: IDLE,
        },
    ]
}

fn standalone() -> Server {
    Server {
        version: "3.9.5-293c895a8d966a3ecb92872be4a1daf87d725da2, built on 2026-02-11 20:18 UTC"
            .into(),
        read_only: false,
        latency: (2, 6.6667, 17),
        received: 9,
        sent: 9,
        connections: 2,
        outstanding: 0,
        zxid: Zxid(3),
        mode: "standalone",
        node_count: 7,
        proposal_sizes: None,
    }
}

#[test]
fn stat_reads_as_in_java() {
    let expected = "\
Zookeeper version: 3.9.5-293c895a8d966a3ecb92872be4a1daf87d725da2, built on 2026-02-11 20:18 UTC
Clients:
 /127.0.0.1:60948[1](queued=0,recved=6,sent=7)
 /127.0.0.1:60976[0](queued=0,recved=1,sent=0)

Latency min/avg/max: 2/6.6667/17
Received: 9
Sent: 9
Connections: 2
Outstanding: 0
Zxid: 0x3
Mode: standalone
Node count: 7
";
    assert_eq!(report::server(&standalone(), Some(&clients())), expected);
}

#[test]
fn srvr_of_a_leader_and_of_a_read_only_server() {
    let leader = Server { mode: "leader", proposal_sizes: Some([48, 36, 1234]), ..standalone() };
    let text = report::server(&leader, None);
    assert!(
        text.ends_with("Mode: leader\nNode count: 7\nProposal sizes last/min/max: 48/36/1234\n")
    );
    let partitioned = Server { mode: "read-only", read_only: true, ..standalone() };
    let text = report::server(&partitioned, None);
    let second = text.lines().nth(1);
    assert_eq!(second, Some("READ-ONLY mode; serving only read-only clients"));
}

#[test]
fn cons_reads_as_in_java() {
    let expected = concat!(
        " /127.0.0.1:60948[1](queued=0,recved=6,sent=7,sid=0x100001130000000,lop=CREA,",
        "est=1795313695158,to=10000,lcxid=0x5,lzxid=0x3,lresp=1162321,llat=6,minlat=0,avglat=6,",
        "maxlat=17)\n",
        " /127.0.0.1:60976[0](queued=0,recved=1,sent=0)\n",
        "\n",
    );
    assert_eq!(report::connections(&clients(), false), expected);
}

#[test]
fn a_connection_whose_figures_were_reset_has_no_cxid() {
    let mut client = clients().swap_remove(0);
    client.figures = ConnFigures { last_cxid: -1, last_zxid: -1, ..IDLE };
    let text = report::connections(&[client], false);
    assert!(text.contains(",to=10000,lzxid=0xffffffffffffffff,lresp=0,"), "{text}");
}

#[test]
fn dump_reads_as_in_java() {
    let session = SessionId(0x0100_0011_3000_0000);
    let owners = [(session, vec!["/e1795313695181713824".to_owned()])];
    let expected = "\
Sessions with Ephemerals (1):
0x100001130000000:
\t/e1795313695181713824
";
    assert_eq!(report::ephemerals(&owners), expected);
    let due = 1_795_313_712_000;
    let expected = "\
Connections Sets (1)/(2):
2 expire at Sun Nov 22 02:15:12 UTC 2026:
\tip: /127.0.0.1:60948 sessionId: 0x100001130000000
\tip: /127.0.0.1:32770 sessionId: 0x0
";
    let conns = [
        (due, "127.0.0.1:60948".parse().unwrap(), session),
        (due, "127.0.0.1:32770".parse().unwrap(), SessionId::NONE),
    ];
    assert_eq!(report::expiring(&conns), expected);
}

#[test]
fn watches_read_as_in_java() {
    let session = SessionId(0x0100_0011_3000_0000);
    assert_eq!(
        report::watches(&[(session, vec!["/", "/nope"])]),
        "0x100001130000000\n\t/\n\t/nope\n\n"
    );
    assert_eq!(
        report::watches(&[("/", vec![session]), ("/nope", vec![session])]),
        "/\n\t0x100001130000000\n/nope\n\t0x100001130000000\n\n"
    );
}

#[test]
fn the_version_starts_with_that_of_zookeeper() {
    let version = full_version();
    assert!(version.starts_with("3.9.5-gamekeeper-"), "{version}");
    assert!(version.contains(", built on "), "{version}");
}

struct Alone;

impl ServerInfo for Alone {
    fn state(&self) -> &'static str {
        "standalone"
    }

    fn dir_sizes(&self) -> (u64, u64) {
        (67_109_358, 42)
    }

    fn dump_sessions(&self) -> String {
        "Session Sets (0)/(0):\n".to_owned()
    }

    fn session_counts(&self) -> (usize, usize) {
        (3, 0)
    }
}

struct Nobody;

impl Mailbox for Nobody {
    fn mark(&self, _: ConnId) {}
}

/// The words of a server with that line in its zoo.cfg, and a client that asks them.
struct Asker {
    words: FourLetterWords,
    front: Arc<Front>,
    conn: Arc<ConnShared>,
}

impl Asker {
    fn new(line: &str) -> Self {
        let file = format!("dataDir=/var/zk\nclientPort=2181\n{line}\n");
        let written = Written::of_file("zoo.cfg", file.into_bytes()).unwrap();
        let any = |_: &str| Ok(std::net::IpAddr::from([0, 0, 0, 0]));
        let config = Config::interpret(&written, &any).unwrap();
        let clock = Clock::start();
        let front = Arc::new(Front::new(
            FrontSettings::new(&config),
            Arc::new(Auth::new(&config.auth).unwrap()),
            Arc::new(Database::new(DataTree::new(TreeOptions::default()))),
            Arc::default(),
            clock.now(),
            1,
        ));
        front.set_serving(Serving::Yes);
        let remote = "127.0.0.1:60976".parse().unwrap();
        let conn =
            ConnShared::new(ConnId(1), remote, false, Vec::new(), Arc::new(Nobody), 0, 10_000);
        let conn = Arc::new(conn);
        front.db.conns.insert(Arc::clone(&conn));
        let words =
            FourLetterWords::new(&config, Some(2181), Arc::clone(&front), Arc::new(Alone), clock);
        Self { words, front, conn }
    }

    fn all() -> Self {
        Self::new("4lw.commands.whitelist=*")
    }

    fn ask(&self, name: &'static str) -> String {
        self.words.answer(&Command { name, mask: None }, &self.conn).unwrap()
    }
}

const ALL: [&str; 18] = [
    "conf", "cons", "crst", "dirs", "dump", "envi", "gtmk", "ruok", "stmk", "srst", "srvr", "stat",
    "wchc", "wchp", "wchs", "mntr", "isro", "hash",
];

#[test]
fn only_listed_words_are_answered() {
    let asker = Asker::new("4lw.commands.whitelist=ruok, isro");
    assert_eq!(asker.ask("ruok"), "imok");
    assert_eq!(asker.ask("isro"), "rw");
    assert!(asker.ask("srvr").starts_with("Zookeeper version: 3.9.5-"));
    for word in ALL.into_iter().filter(|word| !["ruok", "isro", "srvr"].contains(word)) {
        let refusal = format!("{word} is not executed because it is not in the whitelist.\n");
        assert_eq!(asker.ask(word), refusal);
        assert!(asker.words.is_instant(&Command { name: word, mask: None }));
    }
}

#[test]
fn a_server_that_does_not_serve_says_so() {
    let asker = Asker::all();
    asker.front.set_serving(Serving::No);
    let not_serving = "This ZooKeeper instance is not currently serving requests";
    for word in ALL {
        match word {
            "ruok" => assert_eq!(asker.ask(word), "imok"),
            "isro" => assert_eq!(asker.ask(word), "null"),
            "gtmk" => assert_eq!(asker.ask(word), "306"),
            "stmk" => assert_eq!(asker.ask(word), ""),
            "envi" => {
                assert!(asker.ask(word).starts_with("Environment:\nzookeeper.version=3.9.5-"))
            }
            "hash" => assert_eq!(asker.ask(word), not_serving),
            _ => assert_eq!(asker.ask(word), format!("{not_serving}\n"), "{word}"),
        }
    }
}

#[test]
fn the_trace_mask_is_kept() {
    let asker = Asker::all();
    let set = Command { name: "stmk", mask: Some(5) };
    assert_eq!(asker.words.answer(&set, &asker.conn).as_deref(), Some("5"));
    assert_eq!(asker.ask("gtmk"), "5");
    let telnet = Command { name: "telnet close", mask: None };
    assert_eq!(asker.words.answer(&telnet, &asker.conn), None);
}

#[test]
fn words_of_a_server_that_does_nothing() {
    let asker = Asker::all();
    assert_eq!(asker.ask("cons"), " /127.0.0.1:60976[0](queued=0,recved=0,sent=0)\n\n");
    assert_eq!(asker.ask("dirs"), "datadir_size: 67109358\nlogdir_size: 42\n");
    assert_eq!(asker.ask("wchs"), "0 connections watching 0 paths\nTotal watches:0\n");
    assert_eq!(asker.ask("wchc"), "\n");
    assert_eq!(asker.ask("wchp"), "\n");
    assert_eq!(asker.ask("hash"), "");
    assert_eq!(asker.ask("crst"), "Connection stats reset.\n");
    assert_eq!(asker.ask("srst"), "Server stats reset.\n");
    assert!(
        asker.ask("conf").starts_with("clientPort=2181\nsecureClientPort=-1\ndataDir=/var/zk/")
    );
    let dump = asker.ask("dump");
    let parts = "SessionTracker dump:\nSession Sets (0)/(0):\nephemeral nodes dump:\n\
                 Sessions with Ephemerals (0):\nConnections dump:\nConnections Sets (1)/(1):\n\
                 1 expire at ";
    assert!(dump.starts_with(parts), "{dump}");
    assert!(dump.ends_with("\tip: /127.0.0.1:60976 sessionId: 0x0\n"), "{dump}");
}

#[test]
fn monitoring_finds_every_figure_of_a_java_server() {
    let text = Asker::all().ask("mntr");
    let mut found = BTreeSet::new();
    for line in text.lines() {
        let (name, value) = line.split_once('\t').unwrap();
        assert!(!value.is_empty() && found.insert(name), "{line}");
    }
    let expected: BTreeSet<&str> = include_str!("mntr_names.txt").lines().collect();
    let missing: Vec<_> = expected.difference(&found).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

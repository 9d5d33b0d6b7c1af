//! The reports against what a Java server printed.

use super::report::{self, Connection, Server};
use super::version::full_version;
use crate::ids::{SessionId, Zxid};
use crate::server::conn_stats::ConnFigures;

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

//! The texts of the words that list figures, from plain data.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::SocketAddr;

use crate::ids::{Millis, SessionId, Zxid};
use crate::net::address;
use crate::server::conn::ConnShared;
use crate::server::conn_stats::ConnFigures;
use crate::server::histogram::Value;
use crate::server::sessions::java_date;

/// What `srvr` says of the server.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)] // Each field is what the line of its name prints.
pub struct Server {
    pub version: String,
    pub read_only: bool,
    /// Least, average and greatest, in ms.
    pub latency: (i64, f64, i64),
    pub received: u64,
    pub sent: u64,
    pub connections: usize,
    pub outstanding: i64,
    pub zxid: Zxid,
    pub mode: &'static str,
    pub node_count: usize,
    /// Last, least and greatest, of a leader.
    pub proposal_sizes: Option<[i32; 3]>,
}

/// A connection as `stat` and `cons` print it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    /// The client's address.
    pub remote: SocketAddr,
    /// What its owner waits for: 1 to read, 4 to write, 0 once it only ends.
    pub interest: u8,
    /// Requests in flight.
    pub queued: u64,
    /// Its session.
    pub session: SessionId,
    /// The session's timeout in ms.
    pub timeout_ms: i32,
    /// Its figures.
    pub figures: ConnFigures,
}

impl Connection {
    /// A connection as it stands. `ends` if it is the one that asks, and so reads nothing more.
    pub fn of(conn: &ConnShared, ends: bool) -> Self {
        let waits = if conn.lock_output().is_empty() { 1 } else { 5 };
        Self {
            remote: conn.remote,
            interest: if ends || conn.is_closing() { 0 } else { waits },
            queued: conn.in_flight(),
            session: conn.session_id(),
            timeout_ms: conn.session_timeout(),
            figures: conn.stats.figures(),
        }
    }
}

/// `srvr`; with the clients, `stat` (`StatCommand`).
pub fn server(server: &Server, clients: Option<&[Connection]>) -> String {
    let mut out = format!("Zookeeper version: {}\n", server.version);
    if server.read_only {
        out.push_str("READ-ONLY mode; serving only read-only clients\n");
    }
    if let Some(clients) = clients {
        out.push_str("Clients:\n");
        out.push_str(&connections(clients, true));
    }
    let (min, avg, max) = server.latency;
    let _ = writeln!(out, "Latency min/avg/max: {min}/{}/{max}", Value::Float(avg));
    let _ = writeln!(out, "Received: {}", server.received);
    let _ = writeln!(out, "Sent: {}", server.sent);
    let _ = writeln!(out, "Connections: {}", server.connections);
    let _ = writeln!(out, "Outstanding: {}", server.outstanding);
    let _ = writeln!(out, "Zxid: {}", server.zxid);
    let _ = writeln!(out, "Mode: {}", server.mode);
    let _ = writeln!(out, "Node count: {}", server.node_count);
    if let Some([last, min, max]) = server.proposal_sizes {
        let _ = writeln!(out, "Proposal sizes last/min/max: {last}/{min}/{max}");
    }
    out
}

/// A line for each connection, and an empty one: `cons`, and brief the clients of `stat`.
pub fn connections(clients: &[Connection], brief: bool) -> String {
    let mut out = String::new();
    for client in clients {
        connection(&mut out, client, brief);
        out.push('\n');
    }
    out.push('\n');
    out
}

/// `ServerCnxn.dumpConnectionInfo`
fn connection(out: &mut String, conn: &Connection, brief: bool) {
    let f = &conn.figures;
    let _ = write!(
        out,
        " {}[{:x}](queued={},recved={},sent={}",
        address::remote(conn.remote),
        conn.interest,
        conn.queued,
        f.packets_received,
        f.packets_sent
    );
    if !brief && conn.session != SessionId::NONE {
        let _ = write!(
            out,
            ",sid={},lop={},est={},to={}",
            conn.session, f.last_operation, f.established, conn.timeout_ms
        );
        if f.last_cxid >= 0 {
            let _ = write!(out, ",lcxid=0x{:x}", f.last_cxid);
        }
        let _ = write!(
            out,
            ",lzxid=0x{:x},lresp={},llat={},minlat={},avglat={},maxlat={}",
            f.last_zxid,
            f.last_response_time,
            f.last_latency,
            f.min_latency,
            f.avg_latency,
            f.max_latency
        );
    }
    out.push(')');
}

/// The middle part of `dump` (`DataTree.dumpEphemerals`).
pub fn ephemerals(owners: &[(SessionId, Vec<String>)]) -> String {
    let mut out = format!("Sessions with Ephemerals ({}):\n", owners.len());
    for (session, paths) in owners {
        let _ = writeln!(out, "{session}:");
        for path in paths {
            let _ = writeln!(out, "\t{path}");
        }
    }
    out
}

/// The last part of `dump`: connections with the wall-clock times at which they would be closed if
/// they stayed silent (`ExpiryQueue.dump`).
pub fn expiring(conns: &[(Millis, SocketAddr, SessionId)]) -> String {
    let mut buckets: BTreeMap<Millis, Vec<(SocketAddr, SessionId)>> = BTreeMap::new();
    for (due, remote, session) in conns {
        buckets.entry(*due).or_default().push((*remote, *session));
    }
    let mut out = format!("Connections Sets ({})/({}):\n", buckets.len(), conns.len());
    for (due, members) in buckets {
        let _ = writeln!(out, "{} expire at {}:", members.len(), java_date(due));
        for (remote, session) in members {
            let _ = writeln!(out, "\tip: {} sessionId: {session}", address::remote(remote));
        }
    }
    out
}

/// One line of `mntr`.
pub fn metric(out: &mut String, name: &str, value: &dyn std::fmt::Display) {
    let _ = writeln!(out, "zk_{name}\t{value}");
}

/// `wchc` and `wchp`: each key with what belongs to it, and an empty line.
pub fn watches<K: std::fmt::Display, V: std::fmt::Display>(lists: &[(K, Vec<V>)]) -> String {
    let mut out = String::new();
    for (key, members) in lists {
        let _ = writeln!(out, "{key}");
        for member in members {
            let _ = writeln!(out, "\t{member}");
        }
    }
    out.push('\n');
    out
}

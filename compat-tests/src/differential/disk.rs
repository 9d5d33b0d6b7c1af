//! What both servers left on the disk: the records of the logs one by one, then the trees, field by
//! field, as our storage reads them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Debug;
use std::path::Path;
use std::sync::Arc;

use gamekeeper::config::Compression;
use gamekeeper::ids::Zxid;
use gamekeeper::op::op;
use gamekeeper::storage::snapshot::SnapshotOptions;
use gamekeeper::storage::txnlog::LogIter;
use gamekeeper::storage::{DataDirs, RealDisk, RestoreOptions, Restored, restore};
use gamekeeper::tree::{CONFIG_NODE, TreeOptions};
use gamekeeper::txn::{Txn, TxnRecord};
use jute::data::{Acl, StatPersisted};
use jute::txn::MultiTxn;
use jute::{Limits, to_bytes};

use super::allow;
use super::canon::Sessions;
use super::setup::Variant;
use crate::server::Kind;
use crate::{Failure, Result};

/// Bytes of a `TxnHeader`, and of a `TxnDigest`.
const HEADER: usize = 32;
const DIGEST: usize = 12;

/// Compares the directories of Java and of the other server, which is of this kind, and says what differs.
pub(super) fn compare(
    dirs: [&Path; 2],
    sessions: [&Sessions; 2],
    kind: Kind,
    variant: Variant,
) -> Result<Vec<String>> {
    let java = Disk::read(dirs[0], sessions[0], variant)?;
    let ours = Disk::read(dirs[1], sessions[1], variant)?;
    let mut found = Vec::new();
    lists("log record", &java.records, &ours.records, &mut found);
    maps("node", &java.nodes, &ours.nodes, &mut found);
    maps("session", &java.sessions, &ours.sessions, &mut found);
    same("last zxid", &java.last_zxid, &ours.last_zxid, &mut found);
    // Where a snapshot was loaded, the numbers of its ACLs tell when it was taken.
    if !variant.small_snapshots {
        same("ACL map", &java.acls, &ours.acls, &mut found);
    }
    if allow::mismatches(kind).is_none() {
        same("digest mismatches", &0, &ours.digest_mismatches, &mut found);
    }
    found.extend(java.faults.iter().map(|fault| format!("java: {fault}")));
    found.extend(ours.faults.iter().map(|fault| format!("gamekeeper: {fault}")));
    Ok(found)
}

#[derive(Debug, PartialEq)]
struct Record {
    session: i64,
    cxid: i32,
    zxid: i64,
    kind: i32,
    has_digest: bool,
    body: Vec<u8>,
    /// The list of a close, which Java has in no order.
    closed: Option<BTreeSet<Option<String>>>,
}

#[derive(Debug, PartialEq)]
struct Node {
    data: Option<Vec<u8>>,
    acl: Vec<Acl>,
    stat: StatPersisted,
}

struct Disk {
    records: Vec<Record>,
    nodes: BTreeMap<String, Node>,
    sessions: BTreeMap<i64, i32>,
    last_zxid: Zxid,
    acls: Vec<(i64, Vec<Acl>)>,
    faults: Vec<String>,
    /// Transactions behind which the tree is not as the log says.
    digest_mismatches: u64,
}

impl Disk {
    fn read(dir: &Path, sessions: &Sessions, variant: Variant) -> Result<Self> {
        let failed = |what: &str, e: &dyn std::fmt::Display| {
            Failure::new(format!("{what} of {} cannot be read: {e}", dir.display()))
        };
        let dirs = DataDirs::open(Arc::new(RealDisk), dir, dir, false)
            .map_err(|e| failed("the directory", &e))?;
        let (records, times) = records(&dirs, sessions).map_err(|e| failed("the log", &e))?;
        let options = RestoreOptions {
            tree: TreeOptions { extended_types: variant.extended_types, ..TreeOptions::default() },
            limits: Limits::default(),
            db_autocreate: true,
            trust_empty_snapshot: false,
            committed_log: 0,
            snapshot: SnapshotOptions {
                compression: Compression::None,
                digest: true,
                last_zxid: true,
            },
            threads: None,
        };
        let restored = restore(&dirs, options, || 0).map_err(|e| failed("the database", &e))?;
        let mut faults = Vec::new();
        let nodes = nodes(&restored, sessions, &times, &mut faults);
        Ok(Self {
            records,
            nodes,
            sessions: canon_sessions(&restored, sessions),
            last_zxid: restored.last_zxid,
            acls: restored.tree.acl_entries().map(|(i, acl)| (i, acl.to_vec())).collect(),
            faults,
            digest_mismatches: restored.tree.digest_mismatches(),
        })
    }
}

fn canon_sessions(restored: &Restored, sessions: &Sessions) -> BTreeMap<i64, i32> {
    restored.sessions.iter().map(|(id, timeout)| (sessions.canon(id.0), *timeout)).collect()
}

/// The records of all logs, and the time of each zxid.
fn records(dirs: &DataDirs, sessions: &Sessions) -> Result<(Vec<Record>, HashMap<i64, i64>)> {
    let limits = Limits::default();
    let mut logs = LogIter::open(Arc::clone(dirs.disk()), dirs.log(), Zxid(0), limits)?;
    let (mut records, mut times) = (Vec::new(), HashMap::new());
    let mut last = -1;
    while logs.advance()? {
        let Some(record) = logs.record() else { break };
        let decoded = TxnRecord::decode(record.payload, limits)?;
        let repeats = last == decoded.header.zxid;
        last = decoded.header.zxid;
        if repeats && allow::record(&decoded.txn).is_some() {
            continue;
        }
        times.insert(decoded.header.zxid, decoded.header.time);
        records.push(canon_record(record.payload, &decoded, sessions));
    }
    Ok((records, times))
}

fn canon_record(payload: &[u8], decoded: &TxnRecord, sessions: &Sessions) -> Record {
    let TxnRecord { header, txn, digest } = decoded;
    let end = payload.len() - digest.as_ref().map_or(0, |_| DIGEST);
    let closed = match txn {
        Txn::CloseSession(Some(list)) => {
            list.paths_to_delete.as_ref().map(|paths| paths.iter().cloned().collect())
        }
        _ => None,
    };
    let body = match txn {
        Txn::Multi(multi) if allow::undone(txn).is_some() => all_undone(multi),
        _ if header.kind == op::CLOSE_SESSION => vec![],
        _ => payload[HEADER..end].to_vec(),
    };
    Record {
        session: sessions.canon(header.client_id),
        cxid: header.cxid,
        zxid: header.zxid,
        kind: header.kind,
        has_digest: digest.is_some() && allow::digest(txn).is_none(),
        body,
        closed,
    }
}

/// A multi that failed, with all of its parts marked.
fn all_undone(multi: &MultiTxn) -> Vec<u8> {
    let mut multi = multi.clone();
    multi.txns.iter_mut().flatten().for_each(|part| part.kind = op::ERROR);
    to_bytes(&multi)
}

/// The nodes with their times checked against the log and taken out.
fn nodes(
    restored: &Restored,
    sessions: &Sessions,
    times: &HashMap<i64, i64>,
    faults: &mut Vec<String>,
) -> BTreeMap<String, Node> {
    let mut nodes = BTreeMap::new();
    let mut paths: Vec<String> = Vec::new();
    let mut walk = restored.tree.walk();
    while walk.next_slice(&restored.tree, 1000, |node| paths.push(node.path.to_owned())) {}
    // What the configuration's node has comes from each start's zoo.cfg, and into a snapshot if there is one.
    for path in paths.into_iter().filter(|path| path != CONFIG_NODE) {
        let Some(node) = restored.tree.node(&path) else { continue };
        let mut stat = node.stat_persisted().clone();
        for (zxid, time) in [(stat.czxid, &mut stat.ctime), (stat.mzxid, &mut stat.mtime)] {
            if times.get(&zxid).is_some_and(|logged| logged != time) {
                faults.push(format!("{path} has time {time} for zxid {zxid:#x}, not the log's"));
            }
            *time = 0;
        }
        stat.ephemeral_owner = sessions.canon(stat.ephemeral_owner);
        let data = node.data().map(<[u8]>::to_vec);
        nodes.insert(path, Node { data, acl: node.acl().to_vec(), stat });
    }
    nodes
}

fn same<T: PartialEq + Debug>(what: &str, java: &T, ours: &T, found: &mut Vec<String>) {
    if java != ours {
        found.push(format!("{what}\n  java       {java:?}\n  gamekeeper {ours:?}"));
    }
}

fn lists<T: PartialEq + Debug>(what: &str, java: &[T], ours: &[T], found: &mut Vec<String>) {
    for i in 0..java.len().max(ours.len()) {
        same(&format!("{what} {i}"), &java.get(i), &ours.get(i), found);
    }
}

fn maps<K: Ord + Debug, V: PartialEq + Debug>(
    what: &str,
    java: &BTreeMap<K, V>,
    ours: &BTreeMap<K, V>,
    found: &mut Vec<String>,
) {
    let keys: BTreeSet<&K> = java.keys().chain(ours.keys()).collect();
    for key in keys {
        same(&format!("{what} {key:?}"), &java.get(key), &ours.get(key), found);
    }
}

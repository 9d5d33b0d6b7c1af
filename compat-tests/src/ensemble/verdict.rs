//! The judgement over an ensemble that was stopped: the members' logs agree byte for byte, their disks
//! hold the same tree, of which they write the same bytes, and the clients' histories are those of that
//! tree.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use gamekeeper::ids::{SessionId, Zxid};
use gamekeeper::op::op;
use gamekeeper::storage::txnlog::LogIter;
use gamekeeper::storage::{DataDirs, RealDisk, Restored, restore};
use gamekeeper::txn::{Txn, TxnRecord};
use jute::Limits;

use super::Ensemble;
use super::recorder::Recorder;
use super::snapshots;
use crate::history::check::{Tolerance, check};
use crate::history::model::Model;
use crate::history::{History, Violation, count_due_watches};
use crate::server::{Kind, is_of_snapshot};
use crate::{Failure, Result};

/// How far the clocks of processes on one machine are apart, in ms.
const CLOCK_SKEW_MS: i64 = 50;
/// Violations that a failure shows.
const SHOWN: usize = 10;

/// What a run amounted to.
#[derive(Debug)]
pub struct Summary {
    /// Committed transactions.
    pub committed: usize,
    /// Calls of clients.
    pub calls: usize,
    /// Watch events.
    pub events: usize,
    /// Watches of which it was proved that they told what they had to.
    pub watches: usize,
}

/// Lets the ensemble come to rest, stops it, and judges.
///
/// # Errors
/// Whatever is not as it should be, with the ends of the logs.
pub fn judge(ensemble: &mut Ensemble, recorders: &[Recorder]) -> Result<Summary> {
    ensemble.settle()?;
    for member in 0..ensemble.size() {
        ensemble.stop(member)?;
    }
    let judged = judge_stopped(ensemble, recorders);
    judged.map_err(|e| ensemble.failure(&format!("broke a promise: {e}")))
}

fn judge_stopped(ensemble: &mut Ensemble, recorders: &[Recorder]) -> Result<Summary> {
    no_session_lost(recorders)?;
    let logs = (0..ensemble.size()).map(|member| MemberLog::read(&ensemble.data_dir(member)));
    let logs = logs.collect::<Result<Vec<_>>>()?;
    let records = merge(&logs)?;
    let committed = records
        .values()
        .map(|bytes| TxnRecord::decode(bytes, Limits::default()).map_err(Failure::from));
    let history = History {
        committed: committed.collect::<Result<Vec<_>>>()?,
        calls: recorders.iter().flat_map(|r| r.calls.iter().cloned()).collect(),
        events: recorders.iter().flat_map(|r| r.events.iter().cloned()).collect(),
    };
    let tolerance = Tolerance {
        clock_skew_ms: CLOCK_SKEW_MS,
        local_sessions: false,
        read_only_members: false,
        lagging_leaders: has_java(ensemble),
    };
    let found = check(&history, tolerance);
    if !found.is_empty() {
        return Err(list(&found));
    }
    let watches = count_due_watches(&history);
    let last_zxid = same_trees(ensemble, &history, recorders)?;
    let sound = in_order(ensemble, &logs)?;
    snapshots::same_bytes(ensemble, &sound, last_zxid)?;
    no_complaints(ensemble)?;
    Ok(Summary {
        committed: history.committed.len(),
        calls: history.calls.len(),
        events: history.events.len(),
        watches,
    })
}

fn list(found: &[Violation]) -> Failure {
    let mut lines: Vec<String> = found.iter().take(SHOWN).map(|v| format!("{v:?}")).collect();
    lines.insert(0, format!("{} violations", found.len()));
    Failure::new(lines.join("\n"))
}

fn no_session_lost(recorders: &[Recorder]) -> Result<()> {
    let lost: Vec<_> = recorders.iter().flat_map(|r| &r.lost).collect();
    if lost.is_empty() { Ok(()) } else { Err(Failure::new(format!("lost sessions: {lost:?}"))) }
}

/// The records of a member's logs by zxid.
///
/// # Errors
/// If a log cannot be read.
pub fn read_log(data_dir: &Path) -> Result<BTreeMap<i64, Vec<u8>>> {
    Ok(MemberLog::read(data_dir)?.records)
}

/// From which zxid on a member's log has all that was committed: behind the last snapshot that it got
/// from a leader, which is one whose zxid is not in the log. Below it there may be transactions that
/// never were, for it was ahead of the others when it was given the snapshot.
fn whole_from(data_dir: &Path, log: &BTreeMap<i64, Vec<u8>>) -> Result<i64> {
    let mut from = 0;
    for entry in fs::read_dir(data_dir.join("version-2"))? {
        let name = entry?.file_name();
        let zxid = name.to_str().and_then(|name| name.strip_prefix("snapshot."));
        let zxid = zxid.and_then(|zxid| i64::from_str_radix(zxid, 16).ok());
        from = from.max(zxid.filter(|zxid| !log.contains_key(zxid)).unwrap_or(0));
    }
    Ok(from)
}

/// A member's records, and from where on they are all.
struct MemberLog {
    records: BTreeMap<i64, Vec<u8>>,
    whole_from: i64,
    /// Each stands there once, behind all that came before it.
    in_order: bool,
}

impl MemberLog {
    fn read(data_dir: &Path) -> Result<Self> {
        let dir = data_dir.join("version-2");
        let (mut records, mut in_order) = (BTreeMap::new(), true);
        let mut log = LogIter::open(Arc::new(RealDisk), &dir, Zxid(0), Limits::default())?;
        while log.advance()? {
            let Some(record) = log.record() else { continue };
            in_order &= records.last_key_value().is_none_or(|(last, _)| *last < record.zxid.0);
            records.insert(record.zxid.0, record.payload.to_vec());
        }
        Ok(Self { whole_from: whole_from(data_dir, &records)?, records, in_order })
    }
}

/// What a follower of Java 3.5.10 to 3.8.6 says when it fails of a commit whose proposal came before
/// NEWLEADER, as Java's leaders send it (ZOOKEEPER-4394). It syncs anew, and a thread of the old sync
/// goes on writing to the same log.
pub const FAILED_OF_A_COMMIT: &str = "Cannot read field \"hdr\" because \"pif\" is null";

/// The members whose logs are in order, or that can tell what stands there again: ours. Another's must
/// be in order unless it failed of that bug of its own.
fn in_order(ensemble: &Ensemble, logs: &[MemberLog]) -> Result<Vec<usize>> {
    let mut sound = Vec::new();
    for (member, log) in logs.iter().enumerate() {
        if log.in_order || ensemble.kind(member) == Kind::Ours {
            sound.push(member);
        } else if !ensemble.log(member).contains(FAILED_OF_A_COMMIT) {
            let what = format!("the log of member {} is not in order", member + 1);
            return Err(Failure::new(what));
        }
    }
    Ok(sound)
}

/// All records. Members that must have the same one must have the same bytes.
fn merge(logs: &[MemberLog]) -> Result<BTreeMap<i64, Vec<u8>>> {
    let known_from = logs.iter().map(|log| log.whole_from).min().unwrap_or(0);
    let mut all: BTreeMap<i64, (usize, &Vec<u8>)> = BTreeMap::new();
    for (member, log) in logs.iter().enumerate() {
        let counts = |zxid: i64| zxid > log.whole_from || zxid <= known_from;
        for (zxid, bytes) in log.records.iter().filter(|(zxid, _)| counts(**zxid)) {
            let (first, known) = *all.entry(*zxid).or_insert((member, bytes));
            if known != bytes && !are_alike(known, bytes)? {
                return Err(Failure::new(format!(
                    "0x{zxid:x} differs between members {} and {}:\n{known:?}\n{bytes:?}",
                    first + 1,
                    member + 1
                )));
            }
        }
    }
    for (member, log) in logs.iter().enumerate() {
        let due = all.range(log.whole_from + 1..);
        if let Some((zxid, (other, _))) =
            due.into_iter().find(|(z, _)| !log.records.contains_key(z))
        {
            let (member, other) = (member + 1, other + 1);
            let what = format!("member {member} lacks 0x{zxid:x}, which member {other} has");
            return Err(Failure::new(what));
        }
    }
    Ok(all.into_iter().map(|(zxid, (_, bytes))| (zxid, bytes.clone())).collect())
}

/// Whether records that are not the same bytes are the same all the same. Java marks the parts of a
/// multi that failed when it applies it, and a learner that gets the transaction from its memory logs
/// what is marked. A member of before 3.6 logs no digest, and of a close no list.
fn are_alike(one: &[u8], other: &[u8]) -> Result<bool> {
    let [mut one, mut other] = [marked(one)?, marked(other)?];
    if one.digest.is_none() || other.digest.is_none() {
        for record in [&mut one, &mut other] {
            record.digest = None;
            if matches!(record.txn, Txn::CloseSession(_)) {
                record.txn = Txn::CloseSession(None);
            }
        }
    }
    Ok(one == other)
}

/// The record with all parts of a multi that failed marked so.
fn marked(bytes: &[u8]) -> Result<TxnRecord> {
    let mut record = TxnRecord::decode(bytes, Limits::default())?;
    if let Txn::Multi(multi) = &mut record.txn {
        let parts = multi.txns.get_or_insert_default();
        if parts.iter().any(|part| part.kind == op::ERROR) {
            parts.iter_mut().for_each(|part| part.kind = op::ERROR);
        }
    }
    Ok(record)
}

/// Whether one of Java's has been among the members.
fn has_java(ensemble: &Ensemble) -> bool {
    let of_java = |member| ensemble.log(member).contains("org.apache.zookeeper");
    (0..ensemble.size()).any(of_java)
}

/// All disks hold the same tree, and in it the ephemerals of all sessions that live. Says up to where.
fn same_trees(ensemble: &Ensemble, history: &History, recorders: &[Recorder]) -> Result<Zxid> {
    let disks = (0..ensemble.size()).map(|member| read_disk(&ensemble.data_dir(member)));
    let disks = disks.collect::<Result<Vec<_>>>()?;
    let model = Model::new(&history.committed);
    for (member, disk) in disks.iter().enumerate() {
        let one = (disk.last_zxid, disk.tree.digest(), disk.tree.node_count(), &disk.sessions);
        let first = &disks[0];
        let other =
            (first.last_zxid, first.tree.digest(), first.tree.node_count(), &first.sessions);
        if one != other {
            let member = member + 1;
            let what = format!("members 1 and {member} differ: {other:?} and {one:?}");
            return Err(Failure::new(what));
        }
        for recorder in recorders {
            let mut held: Vec<String> = disk.tree.ephemerals_of(recorder.session()).collect();
            let mut owned = model.ephemerals_of(recorder.session().0);
            held.sort_unstable();
            owned.sort_unstable();
            if held != owned {
                let what = format!("{} owns {owned:?}, the disk has {held:?}", recorder.session());
                return Err(Failure::new(what));
            }
        }
    }
    live_sessions(&disks[0], history, recorders)?;
    Ok(disks[0].last_zxid)
}

/// Sessions that their clients did not close are there.
fn live_sessions(disk: &Restored, history: &History, recorders: &[Recorder]) -> Result<()> {
    for recorder in recorders {
        let id = recorder.session();
        let closed = recorder
            .calls
            .iter()
            .any(|call| call.session == id && call.request == crate::history::Request::Close);
        if !closed && id != SessionId::NONE && !disk.sessions.contains_key(&id) {
            let end = history.committed.iter().find(|record| {
                record.header.client_id == id.0 && record.header.kind == op::CLOSE_SESSION
            });
            return Err(Failure::new(format!("session {id} is gone: {end:?}")));
        }
    }
    Ok(())
}

/// What a server would find on its disk.
fn read_disk(data_dir: &Path) -> Result<Restored> {
    let dirs = DataDirs::open(Arc::new(RealDisk), data_dir, data_dir, false)?;
    Ok(restore(&dirs, super::restore_options(), || 0)?)
}

/// No member found that its tree is not what the leader's was. A Java member that gets a snapshot while
/// the leader goes on compares too early, so it is not asked then; one of before 3.9 complains when it
/// starts behind a kill, among its like too.
fn no_complaints(ensemble: &Ensemble) -> Result<()> {
    // Of a snapshot that one of Java's has written or sent, ours complains as Java does.
    let has_java = has_java(ensemble);
    for member in 0..ensemble.size() {
        let (kind, log) = (ensemble.kind(member), ensemble.log(member));
        let fuzzy = log.contains("quorum.Learner - Getting a snapshot from leader");
        let starts = |line: &str| matches!(kind, Kind::Release(_)) && line.contains("[main]");
        let fuzzier = |line: &str| has_java && is_of_snapshot(line);
        let mut lines = log.lines().filter(|line| !starts(line) && !fuzzier(line));
        if let Some(line) = lines.find(|line| is_complaint(line, fuzzy)) {
            return Err(Failure::new(format!("member {} ({kind}) says: {line}", member + 1)));
        }
    }
    Ok(())
}

fn is_complaint(line: &str, java_was_fuzzy: bool) -> bool {
    line.contains("digest mismatch at zxid")
        || line.contains("panicked")
        || (!java_was_fuzzy && line.contains("Digests are not matching"))
}

#[cfg(test)]
mod tests {
    use gamekeeper::storage::txnlog::{TxnLog, TxnLogOptions};
    use jute::txn::TxnHeader;

    use super::*;

    /// Whether a log of transactions with these zxids is in order, and how many it has.
    fn read(zxids: &[i64]) -> Result<(bool, usize)> {
        let dir = tempfile::tempdir()?;
        let dirs = DataDirs::open(Arc::new(RealDisk), dir.path(), dir.path(), true)?;
        let mut log = TxnLog::new(&dirs, TxnLogOptions::default(), Box::new(|| 0));
        for zxid in zxids {
            let header = TxnHeader { zxid: *zxid, ..TxnHeader::default() };
            log.append(Zxid(*zxid), &jute::to_bytes(&header))?;
        }
        log.sync()?;
        let found = MemberLog::read(dir.path())?;
        Ok((found.in_order, found.records.len()))
    }

    #[test]
    fn what_stands_in_a_log_again_is_seen_and_counts_once() -> Result<()> {
        assert_eq!(read(&[1, 2, 3, 4])?, (true, 4));
        assert_eq!(read(&[1, 2, 3, 2, 3, 4])?, (false, 4));
        assert_eq!(read(&[1, 2, 2, 3])?, (false, 3));
        Ok(())
    }
}

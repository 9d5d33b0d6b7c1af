//! The rules, each a function over the whole history.

use std::collections::{HashMap, HashSet};

use gamekeeper::op::{Code, op};
use gamekeeper::txn::{Txn, TxnRecord};
use jute::data::Stat;

use super::model::{Model, NodeState, closed_paths};
use super::watches::missing_events;
use super::{Body, Call, History, Reply, Request, Rule, Violation};

/// What is no fault of the servers.
#[derive(Debug, Clone, Copy)]
pub struct Tolerance {
    /// How far clocks may be apart between clients and servers, in ms: for [`Rule::ExpiredTooSoon`].
    pub clock_skew_ms: i64,
    /// For [`Rule::AckedIsCommitted`]: sessions that no transaction began may end without one.
    pub local_sessions: bool,
    /// For [`Rule::ReadAtZxid`]: a member that is read-only for want of a leader shows what it has
    /// logged (`ZKDatabase.fastForwardDataBase`), which may never be committed.
    pub read_only_members: bool,
    /// For [`Rule::Synced`]: Java's leader lets learners answer their clients before it has applied what
    /// it committed, and a sync of a client of its own does not wait for that.
    pub lagging_leaders: bool,
}

/// Every broken promise. None is what is hoped for.
pub fn check(history: &History, tolerance: Tolerance) -> Vec<Violation> {
    let judge = Judge {
        history,
        model: Model::new(&history.committed),
        by_request: history
            .committed
            .iter()
            .map(|r| ((r.header.client_id, r.header.cxid), r))
            .collect(),
        found: Vec::new(),
    };
    judge.run(tolerance)
}

struct Judge<'a> {
    history: &'a History,
    model: Model,
    by_request: HashMap<(i64, i32), &'a TxnRecord>,
    found: Vec<Violation>,
}

impl<'a> Judge<'a> {
    fn run(mut self, tolerance: Tolerance) -> Vec<Violation> {
        self.contiguous();
        self.acked_is_committed(tolerance);
        self.real_time();
        self.session_fifo();
        self.reads(tolerance);
        self.monotonic();
        self.events();
        let missing = missing_events(self.history, &self.model);
        missing.into_iter().for_each(|what| self.violated(Rule::EventMissing, what));
        if !tolerance.lagging_leaders {
            self.syncs();
        }
        self.ephemerals();
        self.expiry(tolerance);
        self.found
    }

    fn violated(&mut self, rule: Rule, what: String) {
        self.found.push(Violation { rule, what });
    }

    fn answered(&self) -> impl Iterator<Item = (&'a Call, &'a Reply)> + use<'a> {
        self.history.calls.iter().filter_map(|call| call.reply.as_ref().map(|reply| (call, reply)))
    }

    fn txn_of(&self, call: &Call) -> Option<&'a TxnRecord> {
        self.by_request.get(&(call.session.0, call.xid)).copied()
    }

    fn contiguous(&mut self) {
        for pair in self.history.committed.windows(2) {
            let (before, after) = (pair[0].header.zxid, pair[1].header.zxid);
            let same_epoch = before >> 32 == after >> 32;
            if after <= before || (same_epoch && after != before + 1) {
                self.violated(Rule::Contiguous, format!("0x{after:x} follows 0x{before:x}"));
            }
        }
    }

    fn acked_is_committed(&mut self, tolerance: Tolerance) {
        let begins = |r: &&TxnRecord| r.header.kind == op::CREATE_SESSION;
        let begun: HashSet<i64> =
            self.history.committed.iter().filter(begins).map(|r| r.header.client_id).collect();
        for (call, reply) in self.answered().filter(|(call, _)| call.request.is_write()) {
            let Some(record) = self.txn_of(call) else {
                let ends_local = tolerance.local_sessions
                    && call.request == Request::Close
                    && !begun.contains(&call.session.0);
                if reply.err == 0 && !ends_local {
                    self.violated(Rule::AckedIsCommitted, format!("no transaction of {call:?}"));
                }
                continue;
            };
            if let Err(why) = agrees(call, reply, record) {
                self.violated(Rule::AckedIsCommitted, format!("{why}: {call:?} {record:?}"));
            }
        }
    }

    /// Sorted by start, a write must have a higher zxid than every one that had ended before.
    fn real_time(&mut self) {
        let mut starts: Vec<(i64, i64)> = Vec::new();
        let mut ends: Vec<(i64, i64)> = Vec::new();
        for (call, reply) in self.answered().filter(|(call, _)| call.request.is_write()) {
            if let Some(record) = self.txn_of(call) {
                starts.push((call.start_ms, record.header.zxid));
                ends.push((reply.end_ms, record.header.zxid));
            }
        }
        starts.sort_unstable();
        ends.sort_unstable();
        let mut ended = ends.into_iter().peekable();
        let mut highest = i64::MIN;
        for (start, zxid) in starts {
            while let Some((_, z)) = ended.next_if(|(end, _)| *end < start) {
                highest = highest.max(z);
            }
            if zxid < highest {
                let what = format!("0x{zxid:x} began at {start}, after 0x{highest:x} was answered");
                self.violated(Rule::RealTime, what);
            }
        }
    }

    /// Calls stand in the order in which each client sent them.
    fn session_fifo(&mut self) {
        let mut last: HashMap<i64, (&Call, &TxnRecord)> = HashMap::new();
        for call in self.history.calls.iter().filter(|call| call.request.is_write()) {
            let Some(record) = self.txn_of(call).filter(|r| !is_refusal(r)) else { continue };
            let before = last.insert(call.session.0, (call, record));
            let Some((earlier, its)) = before else { continue };
            if record.header.zxid <= its.header.zxid {
                let what = format!("{earlier:?} {its:?} stands behind {call:?} {record:?}");
                self.violated(Rule::SessionFifo, what);
            }
        }
    }

    fn reads(&mut self, tolerance: Tolerance) {
        let committed: HashSet<i64> =
            self.history.committed.iter().map(|record| record.header.zxid).collect();
        for (call, reply) in self.answered().filter(|(call, _)| !call.request.is_write()) {
            let is_txn = reply.zxid.counter() != 0;
            if tolerance.read_only_members && is_txn && !committed.contains(&reply.zxid.0) {
                continue;
            }
            if let Err(why) = self.read_agrees(call, reply) {
                self.violated(Rule::ReadAtZxid, format!("{why}: {call:?}"));
            }
        }
    }

    fn read_agrees(&self, call: &Call, reply: &Reply) -> Result<(), String> {
        let zxid = reply.zxid.0;
        match (&call.request, &reply.body) {
            (Request::Get { path }, Body::Data(data, stat)) => {
                let node = self.model.at(path, zxid).ok_or("the node did not exist")?;
                if node.data.as_deref().unwrap_or_default() != data {
                    return Err(format!("the data was {:?}", node.data));
                }
                stat_agrees(node, stat)
            }
            (Request::Exists { path }, Body::Stat(stat)) => {
                let node = self.model.at(path, zxid).ok_or("the node did not exist")?;
                stat_agrees(node, stat)
            }
            (Request::Children { path }, Body::Children(names)) => {
                self.children_agree(path, names, zxid)
            }
            (Request::Get { path } | Request::Exists { path } | Request::Children { path }, _)
                if reply.err == Code::NoNode.number() =>
            {
                match self.model.at(path, zxid) {
                    None => Ok(()),
                    Some(node) => Err(format!("the node existed: {node:?}")),
                }
            }
            _ => Ok(()),
        }
    }

    fn children_agree(&self, path: &str, names: &[String], zxid: i64) -> Result<(), String> {
        let node = self.model.at(path, zxid).ok_or("the node did not exist")?;
        let strange = names
            .iter()
            .filter(|name| path != "/" || *name != "zookeeper")
            .find(|name| !self.model.has_child(path, name, zxid));
        if let Some(name) = strange {
            return Err(format!("{name} was no child"));
        }
        let system = i32::from(path == "/" && names.iter().any(|name| name == "zookeeper"));
        let seen = i32::try_from(names.len()).unwrap_or(i32::MAX) - system;
        if seen != node.children {
            return Err(format!("there were {} children", node.children));
        }
        Ok(())
    }

    fn monotonic(&mut self) {
        let mut seen: HashMap<usize, Vec<(u64, i64)>> = HashMap::new();
        for (call, reply) in self.answered() {
            seen.entry(call.client).or_default().push((reply.position, reply.zxid.0));
        }
        for (client, mut replies) in seen {
            replies.sort_unstable();
            for pair in replies.windows(2).filter(|pair| pair[1].1 < pair[0].1) {
                let what = format!("client {client} saw 0x{:x} after 0x{:x}", pair[1].1, pair[0].1);
                self.violated(Rule::Monotonic, what);
            }
        }
    }

    fn events(&mut self) {
        let mut replies: HashMap<(usize, u32), Vec<(u64, i64)>> = HashMap::new();
        for (call, reply) in self.answered() {
            let of_conn = replies.entry((call.client, call.conn)).or_default();
            of_conn.push((reply.position, reply.zxid.0));
        }
        for of_conn in replies.values_mut() {
            of_conn.sort_unstable();
        }
        for event in self.history.events.iter().filter(|event| event.zxid.0 != -1) {
            if !self.model.changed(event.zxid.0, event.kind, &event.path) {
                self.violated(Rule::EventCause, format!("{event:?}"));
            }
            // zxids rise along a connection, so the reply just before the event is the highest.
            let of_conn = replies.get(&(event.client, event.conn)).map_or(&[][..], Vec::as_slice);
            let before = of_conn.partition_point(|(position, _)| *position < event.position);
            if let Some((_, zxid)) = of_conn[..before].last().filter(|(_, z)| *z >= event.zxid.0) {
                let what = format!("a reply with 0x{zxid:x} came before {event:?}");
                self.violated(Rule::EventFirst, what);
            }
        }
    }

    /// Leaders of different epochs may be there at a time, so a sync promises something of one epoch only.
    fn syncs(&mut self) {
        let epoch = |zxid: i64| zxid >> 32;
        let mut ended: Vec<(i64, i64)> = Vec::new();
        let mut asked: Vec<(&Call, &Reply)> = Vec::new();
        for (call, reply) in self.answered() {
            match self.txn_of(call).filter(|_| call.request.is_write()) {
                Some(record) => ended.push((reply.end_ms, record.header.zxid)),
                None if call.request == Request::Sync && reply.err == 0 => {
                    asked.push((call, reply))
                }
                None => {}
            }
        }
        ended.sort_unstable();
        asked.sort_unstable_by_key(|(call, _)| call.start_ms);
        let mut ended = ended.into_iter().peekable();
        let mut highest: HashMap<i64, i64> = HashMap::new();
        for (call, reply) in asked {
            while let Some((_, zxid)) = ended.next_if(|(end, _)| *end < call.start_ms) {
                let of_epoch = highest.entry(epoch(zxid)).or_default();
                *of_epoch = zxid.max(*of_epoch);
            }
            let before = highest.get(&epoch(reply.zxid.0)).copied().unwrap_or_default();
            if before > reply.zxid.0 {
                self.violated(Rule::Synced, format!("0x{before:x} was answered before {call:?}"));
            }
        }
    }

    /// A `closeSession` that lists what it deletes must list exactly what the session owned.
    fn ephemerals(&mut self) {
        let mut owned: HashMap<i64, Vec<&str>> = HashMap::new();
        for (_, zxid, path) in &self.model.orphans {
            owned.entry(*zxid).or_default().push(path);
        }
        let mut wrong = Vec::new();
        for record in &self.history.committed {
            let Some(mut listed) = closed_paths(record) else { continue };
            listed.sort_unstable();
            let mut expected = owned.remove(&record.header.zxid).unwrap_or_default();
            expected.sort_unstable();
            if listed != expected {
                wrong.push(format!("closeSession {record:?} but the session owned {expected:?}"));
            }
        }
        for what in wrong {
            self.violated(Rule::EphemeralLife, what);
        }
    }

    /// The server heard the client between a call's start and its answer, so the session lives at
    /// least its timeout longer than the start of the last answered call before its end.
    fn expiry(&mut self, tolerance: Tolerance) {
        let mut heard: HashMap<i64, Vec<(i64, i64)>> = HashMap::new();
        for (call, reply) in self.answered() {
            let alive_until = call.start_ms + call.session_timeout_ms;
            heard.entry(call.session.0).or_default().push((reply.end_ms, alive_until));
        }
        for record in self.history.committed.iter().filter(|r| is_expiry(r)) {
            let at = record.header.time;
            let calls = heard.get(&record.header.client_id).map_or(&[][..], Vec::as_slice);
            let until = calls.iter().filter(|(end, _)| *end <= at).map(|(_, until)| *until).max();
            if let Some(until) = until.filter(|until| at + tolerance.clock_skew_ms < *until) {
                let what = format!(
                    "0x{:x} expired at {at}, heard and alive until {until}",
                    record.header.client_id
                );
                self.violated(Rule::ExpiredTooSoon, what);
            }
        }
    }
}

/// What a session asked for on a connection that it had left already, or before it ended: refused,
/// but with a zxid.
fn is_refusal(record: &TxnRecord) -> bool {
    let refusals = [Code::SessionMoved, Code::UnknownSession, Code::SessionExpired];
    let refused = |err: i32| refusals.iter().any(|code| code.number() == err);
    match &record.txn {
        Txn::Error(error) => refused(error.err),
        Txn::Multi(multi) => multi.txns.iter().flatten().any(|part| {
            let code = part.data.as_deref().and_then(|data| data.first_chunk::<4>());
            part.kind == op::ERROR && code.is_some_and(|code| refused(i32::from_be_bytes(*code)))
        }),
        _ => false,
    }
}

/// A session that the server closed by itself.
fn is_expiry(record: &TxnRecord) -> bool {
    record.header.kind == op::CLOSE_SESSION && record.header.cxid == 0
}

/// Whether the answer tells what the transaction did.
fn agrees(call: &Call, reply: &Reply, record: &TxnRecord) -> Result<(), String> {
    if let Txn::Error(error) = &record.txn {
        return same("error", &reply.err, &error.err);
    }
    if reply.err != 0 {
        return Err(format!("error {} was told, but the transaction succeeded", reply.err));
    }
    if reply.zxid.0 < record.header.zxid {
        return Err("the answer's zxid is before the transaction".into());
    }
    match (&call.request, &record.txn, &reply.body) {
        (Request::Create { data, .. }, Txn::Create(t), Body::Created(path)) => {
            same("path", &Some(path.clone()), &t.path)?;
            same("data", data, &t.data.clone().unwrap_or_default())
        }
        (Request::Set { path, data }, Txn::SetData(t), Body::Stat(stat)) => {
            same("path", &Some(path.clone()), &t.path)?;
            same("data", data, &t.data.clone().unwrap_or_default())?;
            same("version", &stat.version, &t.version)?;
            same("mzxid", &stat.mzxid, &record.header.zxid)
        }
        (Request::Delete { path }, Txn::Delete(t), _) => same("path", &Some(path.clone()), &t.path),
        (Request::Multi, Txn::Multi(_), _) | (Request::Close, Txn::CloseSession(_), _) => Ok(()),
        _ => Err("the transaction is another one than was asked for".into()),
    }
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, seen: &T, is: &T) -> Result<(), String> {
    if seen == is { Ok(()) } else { Err(format!("{what} was told as {seen:?} but is {is:?}")) }
}

/// The stat as a client sees it: the cversion counts creates and deletes.
fn stat_agrees(node: &NodeState, stat: &Stat) -> Result<(), String> {
    same("czxid", &stat.czxid, &node.czxid)?;
    same("mzxid", &stat.mzxid, &node.mzxid)?;
    same("version", &stat.version, &node.version)?;
    same("ephemeralOwner", &stat.ephemeral_owner, &node.owner)?;
    if node.czxid == 0 {
        return Ok(()); // The root has the system nodes below it as well.
    }
    same("pzxid", &stat.pzxid, &node.pzxid)?;
    same("numChildren", &stat.num_children, &node.children)?;
    same("cversion", &stat.cversion, &(node.creates * 2 - node.children))
}

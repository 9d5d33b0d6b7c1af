//! Watches: each must tell of the first change of what it watches.

use std::collections::{HashMap, HashSet};

use gamekeeper::op::Code;

use super::model::{Change, Model};
use super::{Call, History, Reply, Request};

/// The changes that a watch of this call tells of, and the node; `None` if it has set none.
fn watched<'a>(call: &'a Call, reply: &Reply) -> Option<(&'a str, &'static [Change])> {
    if !call.watch {
        return None;
    }
    let missing = reply.err == Code::NoNode.number();
    match &call.request {
        Request::Exists { path } if reply.err == 0 || missing => {
            Some((path, &[Change::Created, Change::Data, Change::Deleted]))
        }
        Request::Get { path } if reply.err == 0 => {
            Some((path, &[Change::Created, Change::Data, Change::Deleted]))
        }
        Request::Children { path } if reply.err == 0 => {
            Some((path, &[Change::Children, Change::Deleted]))
        }
        _ => None,
    }
}

/// The watches whose nodes changed before a state that their clients saw on the same connection: each
/// with the zxid of the change.
fn due<'a>(
    history: &'a History,
    model: &'a Model,
) -> impl Iterator<Item = (&'a Call, &'a str, i64)> {
    let answered = || history.calls.iter().filter_map(|call| Some((call, call.reply.as_ref()?)));
    let mut seen: HashMap<(usize, u32), i64> = HashMap::new();
    for (call, reply) in answered() {
        let latest = seen.entry((call.client, call.conn)).or_default();
        *latest = reply.zxid.0.max(*latest);
    }
    answered().filter_map(move |(call, reply)| {
        let (path, kinds) = watched(call, reply)?;
        let zxid = model.next_change(path, reply.zxid.0, kinds)?;
        (zxid <= seen[&(call.client, call.conn)]).then_some((call, path, zxid))
    })
}

/// How many watches had to tell of something, and that is proved.
pub fn count_due(history: &History) -> usize {
    due(history, &Model::new(&history.committed)).count()
}

/// What watches have not told of. (That it was told in time is another rule.)
pub(super) fn missing_events(history: &History, model: &Model) -> Vec<String> {
    // Servers before 3.9 do not say which transaction it was, nor does `setWatches`.
    const UNKNOWN: i64 = -1;
    let events = history.events.iter();
    let told: HashSet<_> = events.map(|e| (e.client, e.conn, e.path.as_str(), e.zxid.0)).collect();
    let is_told = |call: &Call, path, zxid| told.contains(&(call.client, call.conn, path, zxid));
    due(history, model)
        .filter(|(call, path, zxid)| !is_told(call, path, *zxid) && !is_told(call, path, UNKNOWN))
        .map(|(call, _, zxid)| format!("no event of 0x{zxid:x} for the watch of {call:?}"))
        .collect()
}

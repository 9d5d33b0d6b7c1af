//! Watches without a node: set anew after a reconnect, added, looked for, removed.

use std::borrow::Cow;

use jute::{Reader, Record, Write, proto};

use super::{Answered, Context, Scratch, malformed};
use crate::ids::Zxid;
use crate::op::{Code, op};
use crate::server::conn_stats::LastOp;
use crate::server::may_watch;
use crate::server::reply::{Frame, notification};
use crate::tree::watch::{self, SetWatches, WatchKind, WatcherType};

/// The zxid of an event that no transaction caused (`WatchedEvent.NO_ZXID`).
const NO_ZXID: Zxid = Zxid(-1);

/// `SetWatches` and `SetWatches2`: the client came back and tells which watches it had and up to which
/// zxid it knows. What has happened since is told at once, before the reply, whatever the nodes' ACLs
/// say; the other watches are set.
pub(super) fn set_watches(
    cx: &Context<'_>,
    scratch: &mut Scratch,
    kind: i32,
    xid: i32,
    r: &mut Reader<'_>,
    out: &mut Vec<u8>,
) -> Answered {
    let result = if kind == op::SET_WATCHES {
        let request = proto::SetWatches::read(r).map_err(malformed);
        request.and_then(|request| replay(cx, scratch, &(&request).into(), out))
    } else {
        let request = proto::SetWatches2::read(r).map_err(malformed);
        request.and_then(|request| replay(cx, scratch, &(&request).into(), out))
    };
    let frame = Frame::begin(out, xid, cx.tree.last_processed_zxid());
    let len = match result {
        Ok(()) => frame.end(out),
        Err(code) => {
            super::note_malformed(cx, kind, code);
            frame.fail(out, code)
        }
    };
    let op = if kind == op::SET_WATCHES { LastOp::SetWatches } else { LastOp::SetWatches2 };
    Answered { op, len }
}

fn replay(
    cx: &Context<'_>,
    scratch: &mut Scratch,
    request: &SetWatches<'_>,
    out: &mut Vec<u8>,
) -> Result<(), Code> {
    let mut watches = cx.db().lock_watches();
    if !may_watch(cx.conn) {
        return Ok(());
    }
    let whole = watch::set_watches(cx.tree, &mut watches, cx.conn.id, request, |kind, path| {
        let len = notification(out, kind, path, NO_ZXID);
        scratch.events.0 += 1;
        scratch.events.1 += len;
    });
    if whole { Ok(()) } else { Err(Code::MarshallingError) }
}

/// `AddWatchRequest{path, mode}` -> `ErrorResponse{0}`. There need be no node, and no ACL is asked.
pub(super) fn add_watch(
    cx: &Context<'_>,
    r: &mut Reader<'_>,
    out: &mut Vec<u8>,
) -> Result<(), Code> {
    let path = r.str().map_err(malformed)?;
    let mode = r.int().map_err(malformed)?;
    let kind = WatchKind::from_add_mode(mode).ok_or(Code::MarshallingError)?;
    if let Some(path) = path {
        cx.watch(&path, kind);
    }
    out.put_int(0);
    Ok(())
}

/// `CheckWatchesRequest{path, type}`.
pub(super) fn check_watches(cx: &Context<'_>, r: &mut Reader<'_>) -> Result<(), Code> {
    let (path, kind) = read_watcher(r)?;
    let found = cx.db().lock_watches().contains(cx.conn.id, &path, kind);
    if found { Ok(()) } else { Err(Code::NoWatcher) }
}

/// `RemoveWatchesRequest{path, type}`.
pub(super) fn remove_watches(cx: &Context<'_>, r: &mut Reader<'_>) -> Result<(), Code> {
    let (path, kind) = read_watcher(r)?;
    let removed = cx.db().lock_watches().remove(cx.conn.id, &path, kind);
    if removed { Ok(()) } else { Err(Code::NoWatcher) }
}

/// Nobody watches null.
fn read_watcher<'b>(r: &mut Reader<'b>) -> Result<(Cow<'b, str>, WatcherType), Code> {
    let path = r.str().map_err(malformed)?;
    let kind = r.int().map_err(malformed)?;
    let kind = WatcherType::from_number(kind).ok_or(Code::MarshallingError)?;
    Ok((path.ok_or(Code::NoWatcher)?, kind))
}

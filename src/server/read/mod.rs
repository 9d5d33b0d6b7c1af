//! Requests that change nothing: what they check, in which order, and what they answer
//! (`FinalRequestProcessor`). The same for a connection that answers by itself and for the pipeline
//! that answers what stood behind a write.

mod multi;
mod nodes;
mod watches;

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use jute::Reader;
use jute::data::Id;
use log::warn;

use super::auth::Auth;
use super::conn::ConnShared;
use super::conn_stats::LastOp;
use super::front::Front;
use super::metrics::NamespaceBatch;
use super::reply::Frame;
use super::{Database, may_watch};
use crate::ids::SessionId;
use crate::op::{Code, op};
use crate::tree::watch::WatchKind;
use crate::tree::{DataTree, Node, SharedAcl};

/// Who reads, and what from. The tree stays locked while this lives, so what is read, the watch on it
/// and the reply are of one moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Context<'a> {
    pub(super) front: &'a Front,
    pub(super) tree: &'a DataTree,
    pub(super) conn: &'a ConnShared,
    pub(super) session: SessionId,
    /// Who the client had proved to be when it asked.
    pub(super) ids: &'a [Id],
}

/// What is kept from one read to the next.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    /// The last ACL that let `ids` read. Most nodes of an application share one list.
    readable: Option<SharedAcl>,
    namespaces: NamespaceBatch,
    /// Watch events that setWatches put in front of its reply: how many, and their bytes.
    events: (u64, usize),
}

impl Scratch {
    /// The client has become someone else: what it may read is open again.
    pub(super) fn forget_acl(&mut self) {
        self.readable = None;
    }

    /// Hands over what was counted. Returns the watch events that were written, and their bytes.
    pub(super) fn flush(&mut self, front: &Front) -> (u64, usize) {
        self.namespaces.flush(&front.metrics.read_per_namespace);
        std::mem::take(&mut self.events)
    }
}

/// A reply that was written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Answered {
    pub(super) op: LastOp,
    /// Its bytes behind the length.
    pub(super) len: usize,
}

/// Whether [`answer`] knows this op. A sync too: what has to happen before it, has happened.
pub(super) fn is_read(kind: i32) -> bool {
    matches!(
        kind,
        op::EXISTS
            | op::GET_DATA
            | op::GET_ACL
            | op::GET_CHILDREN
            | op::GET_CHILDREN2
            | op::GET_ALL_CHILDREN_NUMBER
            | op::GET_EPHEMERALS
            | op::MULTI_READ
            | op::CHECK_WATCHES
            | op::REMOVE_WATCHES
            | op::SET_WATCHES
            | op::SET_WATCHES2
            | op::ADD_WATCH
            | op::WHO_AM_I
    )
}

/// Answers one read, or a sync, into `out`, which is the output of the context's connection.
pub(super) fn answer(
    cx: &Context<'_>,
    scratch: &mut Scratch,
    kind: i32,
    xid: i32,
    body: &[u8],
    out: &mut Vec<u8>,
) -> Answered {
    let mut r = Reader::with_limits(body, cx.front.settings.limits);
    if matches!(kind, op::SET_WATCHES | op::SET_WATCHES2) {
        return watches::set_watches(cx, scratch, kind, xid, &mut r, out);
    }
    if kind == op::MULTI_READ {
        return multi::multi_read(cx, scratch, xid, &mut r, out);
    }
    let frame = Frame::begin(out, xid, cx.tree.last_processed_zxid());
    let (op, result) = dispatch(cx, scratch, kind, &mut r, out);
    let len = match result {
        Ok(()) => frame.end(out),
        Err(code) => {
            note_malformed(cx, kind, code);
            frame.fail(out, code)
        }
    };
    Answered { op, len }
}

/// Writes the record of a successful reply behind its header.
fn dispatch(
    cx: &Context<'_>,
    scratch: &mut Scratch,
    kind: i32,
    r: &mut Reader<'_>,
    out: &mut Vec<u8>,
) -> (LastOp, Result<(), Code>) {
    match kind {
        op::GET_DATA => (LastOp::GetData, nodes::get_data(cx, scratch, r, out)),
        op::EXISTS => (LastOp::Exists, nodes::exists(cx, scratch, r, out)),
        op::GET_CHILDREN => (LastOp::GetChildren, nodes::get_children(cx, scratch, r, out)),
        op::GET_CHILDREN2 => (LastOp::GetChildren, nodes::get_children2(cx, scratch, r, out)),
        op::GET_ACL => (LastOp::GetAcl, nodes::get_acl(cx, r, out)),
        op::GET_ALL_CHILDREN_NUMBER => {
            (LastOp::GetAllChildrenNumber, nodes::get_all_children_number(cx, scratch, r, out))
        }
        op::GET_EPHEMERALS => (LastOp::GetEphemerals, nodes::get_ephemerals(cx, r, out)),
        op::CHECK_WATCHES => (LastOp::CheckWatches, watches::check_watches(cx, r)),
        op::REMOVE_WATCHES => (LastOp::RemoveWatches, watches::remove_watches(cx, r)),
        op::ADD_WATCH => (LastOp::AddWatch, watches::add_watch(cx, r, out)),
        op::WHO_AM_I => (LastOp::WhoAmI, nodes::who_am_i(cx, out)),
        op::SYNC => (LastOp::Sync, nodes::sync(r, out)),
        _ => (LastOp::None, Err(Code::Unimplemented)),
    }
}

fn note_malformed(cx: &Context<'_>, kind: i32, code: Code) {
    if code == Code::MarshallingError {
        warn!("Malformed request of type {kind} of session {} from {}", cx.session, cx.conn.remote);
    }
}

/// Any decoding error ends in the same reply.
fn malformed<E>(_: E) -> Code {
    Code::MarshallingError
}

/// A path; a null one makes Java throw where it looks the node up, which ends as if it were
/// malformed.
#[inline]
fn read_path<'b>(r: &mut Reader<'b>) -> Result<Cow<'b, str>, Code> {
    r.str().map_err(malformed)?.ok_or(Code::MarshallingError)
}

impl<'a> Context<'a> {
    fn auth(&self) -> &'a Auth {
        &self.front.auth
    }

    fn db(&self) -> &'a Database {
        &self.front.db
    }

    /// The node at `path`, if the client may read it.
    #[inline]
    fn readable(&self, scratch: &mut Scratch, path: &str) -> Result<Node<'a>, Code> {
        let node = self.tree.node(path).ok_or(Code::NoNode)?;
        self.check_read(scratch, node.acl())?;
        Ok(node)
    }

    #[inline]
    fn check_read(&self, scratch: &mut Scratch, acl: &SharedAcl) -> Result<(), Code> {
        if scratch.readable.as_ref().is_some_and(|known| SharedAcl::ptr_eq(known, acl)) {
            return Ok(());
        }
        self.auth().check_acl(acl, super::auth::perms::READ, self.ids)?;
        scratch.readable = Some(SharedAcl::clone(acl));
        Ok(())
    }

    /// Sets a watch, unless nobody is there any more to hear of it.
    fn watch(&self, path: &str, kind: WatchKind) {
        let mut watches = self.db().lock_watches();
        if may_watch(self.conn) {
            watches.add(self.conn.id, path, kind);
        }
    }
}

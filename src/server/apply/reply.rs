//! The replies to writes, by the op that was asked for.

use jute::Write;

use crate::op::{Code, op};
use crate::server::conn_stats::LastOp;
use crate::server::reply::{Frame, put_multi_end, put_multi_error, put_multi_header, put_stat};
use crate::tree::Applied;
use crate::txn::Txn;

/// Whether the transaction failed because the session is served elsewhere: that ends the connection
/// without a reply (ZOOKEEPER-710).
pub(super) fn is_session_moved(txn: &Txn, applied: &Applied) -> bool {
    let moved = Code::SessionMoved.number();
    match txn {
        Txn::Error(error) => error.err == moved,
        Txn::Multi(_) => applied.multi.iter().any(|part| part.err == moved),
        _ => false,
    }
}

/// Writes the reply behind `frame`: the record of the op, or the error alone.
pub(super) fn write(
    frame: Frame,
    kind: i32,
    txn: &Txn,
    applied: &Applied,
    out: &mut Vec<u8>,
) -> (LastOp, usize) {
    let op = last_op(kind);
    if let Txn::Error(error) = txn {
        return (LastOp::None, frame.fail_with(out, error.err));
    }
    // A multi that failed is a success that tells of failures.
    if applied.err != 0 && kind != op::MULTI {
        return (op, frame.fail_with(out, applied.err));
    }
    put_record(kind, txn, applied, out);
    (op, frame.end(out))
}

fn last_op(kind: i32) -> LastOp {
    match kind {
        op::MULTI => LastOp::Multi,
        op::CREATE | op::CREATE2 | op::CREATE_TTL | op::CREATE_CONTAINER => LastOp::Create,
        op::DELETE | op::DELETE_CONTAINER => LastOp::Delete,
        op::SET_DATA => LastOp::SetData,
        op::SET_ACL => LastOp::SetAcl,
        op::RECONFIG => LastOp::Reconfig,
        op::CLOSE_SESSION => LastOp::CloseSession,
        op::CHECK => LastOp::Check,
        _ => LastOp::None,
    }
}

fn put_record(kind: i32, txn: &Txn, applied: &Applied, out: &mut Vec<u8>) {
    match kind {
        op::CREATE => out.put_str(created(txn)),
        op::CREATE2 | op::CREATE_TTL | op::CREATE_CONTAINER => {
            out.put_str(created(txn));
            put_applied_stat(applied, out);
        }
        op::SET_DATA | op::SET_ACL => put_applied_stat(applied, out),
        op::RECONFIG => {
            let Txn::SetData(config) = txn else { return };
            out.put_buffer(config.data.as_deref());
            put_applied_stat(applied, out);
        }
        op::MULTI => put_multi(&applied.multi, out),
        _ => {}
    }
}

fn put_applied_stat(applied: &Applied, out: &mut Vec<u8>) {
    if let Some(stat) = &applied.stat {
        put_stat(out, stat);
    }
}

/// The path that was created, with the number that a sequential one got.
fn created(txn: &Txn) -> Option<&str> {
    match txn {
        Txn::Create(t) => t.path.as_deref(),
        Txn::CreateV0(t) => t.path.as_deref(),
        Txn::CreateTtl(t) => t.path.as_deref(),
        Txn::CreateContainer(t) => t.path.as_deref(),
        _ => None,
    }
}

/// `MultiResponse`. Creations of all kinds but the plain one answer as `create2`; a deletion of a
/// container as `delete`.
fn put_multi(parts: &[Applied], out: &mut Vec<u8>) {
    for part in parts {
        match part.kind {
            op::CREATE => {
                put_multi_header(out, op::CREATE);
                out.put_str(part.path.as_deref());
            }
            op::CREATE2 | op::CREATE_TTL | op::CREATE_CONTAINER => {
                put_multi_header(out, op::CREATE2);
                out.put_str(part.path.as_deref());
                put_applied_stat(part, out);
            }
            op::DELETE | op::DELETE_CONTAINER => put_multi_header(out, op::DELETE),
            op::SET_DATA => {
                put_multi_header(out, op::SET_DATA);
                put_applied_stat(part, out);
            }
            op::CHECK => put_multi_header(out, op::CHECK),
            _ => put_multi_error(out, part.err),
        }
    }
    put_multi_end(out);
}

//! multiRead: several getData and getChildren in one request (`MultiOperationRecord`,
//! `MultiResponse`).
//!
//! Request: `MultiHeader{type int, done boolean, err int}` and the op's own record, again and again,
//! then a header that says done. Reply: for each the header with its type and 0, and the op's response;
//! or the header with type -1 and the error, and `ErrorResponse`; then a header that says done.

use std::borrow::Cow;

use jute::Reader;

use super::{Answered, Context, Scratch, malformed, nodes, note_malformed};
use crate::op::{Code, op};
use crate::server::conn_stats::LastOp;
use crate::server::prep;
use crate::server::reply::{Frame, put_multi_end, put_multi_error, put_multi_header};

/// Each op is answered by itself. What is no multi is refused as a whole; what is one, but cannot be
/// answered from some op on, is malformed too, and the answers so far come with the error.
pub(super) fn multi_read(
    cx: &Context<'_>,
    scratch: &mut Scratch,
    xid: i32,
    r: &mut Reader<'_>,
    out: &mut Vec<u8>,
) -> Answered {
    let frame = Frame::begin(out, xid, cx.tree.last_processed_zxid());
    let len = match check(cx, r.clone()) {
        Ok(()) => match put_parts(cx, scratch, r, out) {
            Ok(()) => frame.end(out),
            Err(code) => {
                note_malformed(cx, op::MULTI_READ, code);
                frame.end_with(out, code)
            }
        },
        Err(code) => {
            note_malformed(cx, op::MULTI_READ, code);
            frame.fail(out, code)
        }
    };
    Answered { op: LastOp::MultiRead, len }
}

/// Whether it is a multi: of reads, or of writes, which are no better here but are found out later.
fn check(cx: &Context<'_>, mut r: Reader<'_>) -> Result<(), Code> {
    let whole = r.remaining();
    loop {
        match next_part(&mut r) {
            Ok(Some(_)) => {}
            Ok(None) => return Ok(()),
            Err(_) if prep::is_multi_of_writes(whole, cx.front.settings.limits) => return Ok(()),
            Err(code) => return Err(code),
        }
    }
}

/// The type and the path of a read.
type Part<'b> = (i32, Option<Cow<'b, str>>);

/// The next part; none behind the last.
fn next_part<'b>(r: &mut Reader<'b>) -> Result<Option<Part<'b>>, Code> {
    let kind = r.int().map_err(malformed)?;
    let done = r.bool().map_err(malformed)?;
    r.int().map_err(malformed)?;
    if done {
        return Ok(None);
    }
    if !matches!(kind, op::GET_DATA | op::GET_CHILDREN) {
        return Err(Code::MarshallingError);
    }
    let path = r.str().map_err(malformed)?;
    r.bool().map_err(malformed)?;
    Ok(Some((kind, path)))
}

fn put_parts(
    cx: &Context<'_>,
    scratch: &mut Scratch,
    r: &mut Reader<'_>,
    out: &mut Vec<u8>,
) -> Result<(), Code> {
    let result = loop {
        match next_part(r) {
            Ok(Some((kind, Some(path)))) => read_one(cx, scratch, kind, &path, out),
            // There is no node at null.
            Ok(Some((_, None))) => break Err(Code::MarshallingError),
            Ok(None) => break Ok(()),
            Err(code) => break Err(code),
        }
    };
    put_multi_end(out);
    result
}

fn read_one(cx: &Context<'_>, scratch: &mut Scratch, kind: i32, path: &str, out: &mut Vec<u8>) {
    let start = out.len();
    put_multi_header(out, kind);
    let result = match kind {
        op::GET_DATA => nodes::put_data(cx, scratch, path, out),
        _ => nodes::put_children(cx, scratch, path, out).map(|_| ()),
    };
    if let Err(code) = result {
        out.truncate(start);
        put_multi_error(out, code.number());
    }
}

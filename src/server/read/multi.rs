//! multiRead: several getData and getChildren in one request (`MultiOperationRecord`,
//! `MultiResponse`).
//!
//! Request: `MultiHeader{type int, done boolean, err int}` and the op's own record, again and again,
//! then a header that says done. Reply: for each the header with its type and 0, and the op's response;
//! or the header with type -1 and the error, and `ErrorResponse`; then a header that says done.

use jute::Reader;

use super::{Context, Scratch, malformed, nodes, read_path};
use crate::op::{Code, op};
use crate::server::reply::{put_multi_end, put_multi_error, put_multi_header};

/// Each op is answered by itself; anything else among them spoils the whole.
pub(super) fn multi_read(
    cx: &Context<'_>,
    scratch: &mut Scratch,
    r: &mut Reader<'_>,
    out: &mut Vec<u8>,
) -> Result<(), Code> {
    loop {
        let kind = r.int().map_err(malformed)?;
        let done = r.bool().map_err(malformed)?;
        r.int().map_err(malformed)?;
        if done {
            put_multi_end(out);
            return Ok(());
        }
        if !matches!(kind, op::GET_DATA | op::GET_CHILDREN) {
            return Err(Code::MarshallingError);
        }
        let path = read_path(r)?;
        r.bool().map_err(malformed)?;
        read_one(cx, scratch, kind, &path, out);
    }
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

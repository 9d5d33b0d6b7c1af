//! A transaction as a line of text. Java: `TxnLogToolkit.printTxn`, `ToStringOutputArchive`,
//! `SerializeUtils.deserializeTxn`.
//!
//! Nothing is copied but into the line: a log of gigabytes goes through here.

use std::io::Write;

use jute::txn::TxnHeader;
use jute::{DecodeError, Limits, Reader, Record, decode_java_utf8};

use crate::op::{op, op_name};
use crate::tools::dates::{Dates, Form};
use crate::txn::{Txn, TxnError};

type Done = Result<(), DecodeError>;

/// Writes to memory, which does not fail.
macro_rules! put {
    ($out:expr, $($arg:tt)*) => {{ let _ = write!($out, $($arg)*); }};
}

/// Turns payloads into lines.
#[derive(Debug)]
pub(super) struct Lines {
    dates: Dates,
    limits: Limits,
    line: Vec<u8>,
}

impl Lines {
    pub(super) fn new(limits: Limits) -> Self {
        Self { dates: Dates::local(Form::Short), limits, line: Vec::new() }
    }

    /// The line of a payload with its end, and before it the prefix, if there is one.
    ///
    /// # Errors
    /// If the payload holds no transaction.
    pub(super) fn of(&mut self, payload: &[u8], prefix: &str) -> Result<&[u8], TxnError> {
        self.line.clear();
        if !prefix.is_empty() {
            put!(self.line, "{prefix} - ");
        }
        let mut r = Reader::with_limits(payload, self.limits);
        let header = TxnHeader::read(&mut r)?;
        self.line.extend_from_slice(self.dates.text(header.time));
        put!(
            self.line,
            " session 0x{:x} cxid 0x{:x} zxid 0x{:x} ",
            header.client_id,
            i64::from(header.cxid),
            header.zxid
        );
        put_op(header.kind, &mut self.line);
        self.line.push(b' ');
        put_txn(header.kind, &mut r, &mut self.line)?;
        if self.line.last() != Some(&b'\n') {
            self.line.push(b'\n');
        }
        Ok(&self.line)
    }
}

/// `Request.op2String`.
fn put_op(kind: i32, out: &mut Vec<u8>) {
    match op_name(kind) {
        Some(name) => out.extend_from_slice(name.as_bytes()),
        None => put!(out, "unknown {kind}"),
    }
}

fn put_txn(kind: i32, r: &mut Reader<'_>, out: &mut Vec<u8>) -> Result<(), TxnError> {
    match kind {
        op::CREATE => put_create(r, out)?,
        op::CREATE2 => put_create_v1(r, out)?,
        op::SET_DATA | op::RECONFIG => {
            put_path_and_data(r, out)?;
            put!(out, ",{}", r.int()?);
        }
        op::CREATE_CONTAINER => {
            put_path_data_acl(r, out)?;
            put!(out, ",{}", r.int()?);
        }
        op::CREATE_TTL => {
            put_path_data_acl(r, out)?;
            put!(out, ",{},{}", r.int()?, r.long()?);
        }
        op::DELETE | op::DELETE_CONTAINER => {
            put_string(r, out)?;
            out.push(b'\n');
        }
        op::SET_ACL => put_set_acl(r, out)?,
        op::MULTI => put_multi(r, out)?,
        op::CREATE_SESSION | op::ERROR => put!(out, "{}\n", r.int()?),
        op::CLOSE_SESSION => put_close_session(r, out)?,
        other => return Err(TxnError::UnsupportedType(other)),
    }
    Ok(())
}

/// A `create` that ends early is one of before 3.4, and has no version of the parent.
fn put_create(r: &mut Reader<'_>, out: &mut Vec<u8>) -> Done {
    let (start, written) = (r.clone(), out.len());
    match put_create_v1(r, out) {
        Err(e) if e.is_eof() => {
            *r = start;
            out.truncate(written);
            put_create_v0(r, out)?;
            out.extend_from_slice(b",-1");
            Ok(())
        }
        done => done,
    }
}

fn put_create_v1(r: &mut Reader<'_>, out: &mut Vec<u8>) -> Done {
    put_create_v0(r, out)?;
    put!(out, ",{}", r.int()?);
    Ok(())
}

fn put_create_v0(r: &mut Reader<'_>, out: &mut Vec<u8>) -> Done {
    put_path_data_acl(r, out)?;
    put!(out, ",{}", r.bool()?);
    Ok(())
}

fn put_path_and_data(r: &mut Reader<'_>, out: &mut Vec<u8>) -> Done {
    match r.buffer()? {
        Some(path) => put_bytes(path, out),
        None => out.extend_from_slice(b"null"),
    }
    out.push(b',');
    put_bytes(r.buffer()?.unwrap_or_default(), out);
    Ok(())
}

fn put_path_data_acl(r: &mut Reader<'_>, out: &mut Vec<u8>) -> Done {
    put_path_and_data(r, out)?;
    out.push(b',');
    // A list of records, each of which ends its own line.
    let Some(count) = r.count()? else {
        out.extend_from_slice(b"null");
        return Ok(());
    };
    out.push(b'[');
    for i in 0..count {
        if i > 0 {
            out.extend_from_slice(b", ");
        }
        put_acl(r, out)?;
        out.push(b'\n');
    }
    out.push(b']');
    Ok(())
}

fn put_acl(r: &mut Reader<'_>, out: &mut Vec<u8>) -> Done {
    put!(out, "{},s{{", r.int()?);
    put_string(r, out)?;
    out.push(b',');
    put_string(r, out)?;
    out.push(b'}');
    Ok(())
}

fn put_set_acl(r: &mut Reader<'_>, out: &mut Vec<u8>) -> Done {
    put_string(r, out)?;
    out.extend_from_slice(b",v{");
    for i in 0..r.count()?.unwrap_or(0) {
        out.extend_from_slice(if i > 0 { b",s{" } else { b"s{" });
        put_acl(r, out)?;
        out.push(b'}');
    }
    put!(out, "}},{}\n", r.int()?);
    Ok(())
}

fn put_multi(r: &mut Reader<'_>, out: &mut Vec<u8>) -> Done {
    for i in 0..r.count()?.unwrap_or(0) {
        if i > 0 {
            out.push(b';');
        }
        put_op(r.int()?, out);
        out.push(b':');
        put_bytes(r.buffer()?.unwrap_or_default(), out);
    }
    Ok(())
}

/// Nothing where the list of paths is absent.
fn put_close_session(r: &mut Reader<'_>, out: &mut Vec<u8>) -> Result<(), TxnError> {
    let Txn::CloseSession(Some(txn)) = Txn::read(op::CLOSE_SESSION, r)? else { return Ok(()) };
    out.extend_from_slice(b"v{");
    for (i, path) in txn.paths_to_delete.iter().flatten().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        if let Some(path) = path {
            put_escaped(path, out);
        }
    }
    out.extend_from_slice(b"}\n");
    Ok(())
}

/// Bytes as the text that they are.
fn put_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(decode_java_utf8(bytes).as_bytes());
}

/// A string in the notation of records, nothing for null.
fn put_string(r: &mut Reader<'_>, out: &mut Vec<u8>) -> Done {
    if let Some(text) = r.str()? {
        put_escaped(&text, out);
    }
    Ok(())
}

fn put_escaped(text: &str, out: &mut Vec<u8>) {
    out.push(b'\'');
    for byte in text.bytes() {
        match byte {
            0 | b'\n' | b'\r' | b',' | b'}' | b'%' => put!(out, "%{byte:02X}"),
            _ => out.push(byte),
        }
    }
}

#[cfg(test)]
mod tests {
    use jute::txn::{DeleteTxn, ErrorTxn};
    use proptest::prelude::*;

    use super::*;
    use crate::txn::TxnRecord;

    fn payload(kind: i32, txn: Txn) -> Vec<u8> {
        let header = TxnHeader { client_id: -1, cxid: -1, zxid: 0x1_0000_0001, time: 0, kind };
        let mut payload = Vec::new();
        TxnRecord { header, txn, digest: None }.encode(&mut payload);
        payload
    }

    fn line(payload: &[u8]) -> Result<String, TxnError> {
        let mut lines = Lines::new(Limits::default());
        let line = lines.of(payload, "CRC ERROR")?.to_vec();
        Ok(String::from_utf8(line).unwrap())
    }

    #[test]
    fn strings_are_escaped_and_numbers_extended() {
        let txn = Txn::Delete(DeleteTxn { path: Some("/a,b%}\n".to_owned()) });
        let line = line(&payload(op::DELETE, txn)).unwrap();
        assert!(line.starts_with("CRC ERROR - "), "{line}");
        let end = " session 0xffffffffffffffff cxid 0xffffffffffffffff zxid 0x100000001 delete \
                   '/a%2Cb%25%7D%0A\n";
        assert!(line.ends_with(end), "{line}");
    }

    #[test]
    fn a_session_closed_without_a_list_has_nothing_to_say() {
        let line = line(&payload(op::CLOSE_SESSION, Txn::CloseSession(None))).unwrap();
        assert!(line.ends_with(" closeSession \n"), "{line}");
    }

    #[test]
    fn unknown_types_are_refused() {
        let payload = payload(op::CHECK, Txn::Error(ErrorTxn { err: 0 }));
        assert_eq!(line(&payload), Err(TxnError::UnsupportedType(op::CHECK)));
    }

    proptest! {
        #[test]
        fn any_bytes_do_no_harm(kind in -12..23_i32, bytes: Vec<u8>) {
            let mut payload = payload(kind, Txn::CloseSession(None));
            payload.extend(bytes);
            let _ = line(&payload);
        }
    }
}

//! Frames to clients, written straight into an output: the length and the error are put in when they
//! are known.
//!
//! `int` length, then `ReplyHeader{xid int, zxid long, err int}`, then the record, if there is one.

use jute::Write;
use jute::data::Stat;

use crate::ids::Zxid;
use crate::op::{Code, op};
use crate::tree::EventType;

/// xid of a watch event (`ClientCnxn.NOTIFICATION_XID`).
pub const NOTIFICATION_XID: i32 = -1;
/// xid of a ping and of its reply (`ClientCnxn.PING_XID`).
pub const PING_XID: i32 = -2;

const LEN: usize = 4;
const ERR: usize = 16;
/// Bytes of the length and the header.
pub const HEADER: usize = 20;

/// A frame that is being written at the end of an output.
#[derive(Debug)]
#[must_use = "a frame without its length is garbage"]
pub struct Frame {
    start: usize,
}

impl Frame {
    /// Starts a reply: the header says success.
    #[inline]
    pub fn begin(out: &mut Vec<u8>, xid: i32, zxid: Zxid) -> Self {
        let start = out.len();
        let mut header = [0; HEADER];
        header[4..8].copy_from_slice(&xid.to_be_bytes());
        header[8..16].copy_from_slice(&zxid.0.to_be_bytes());
        out.extend_from_slice(&header);
        Self { start }
    }

    /// Puts the length in. Returns it: the bytes of the frame behind its length field.
    #[inline]
    pub fn end(self, out: &mut [u8]) -> usize {
        let len = out.len() - self.start - LEN;
        // Longer than any client takes; Java would fail to allocate it.
        let field = i32::try_from(len).unwrap_or(i32::MAX);
        out[self.start..self.start + LEN].copy_from_slice(&field.to_be_bytes());
        len
    }

    /// Throws away what was written behind the header and reports an error instead.
    #[inline]
    pub fn fail(self, out: &mut Vec<u8>, code: Code) -> usize {
        self.fail_with(out, code.number())
    }

    /// As [`Frame::fail`], by the number of the error.
    pub fn fail_with(self, out: &mut Vec<u8>, err: i32) -> usize {
        out.truncate(self.start + HEADER);
        self.set_err(out, err);
        self.end(out)
    }

    /// Reports an error and leaves what was written behind the header.
    pub fn end_with(self, out: &mut [u8], code: Code) -> usize {
        self.set_err(out, code.number());
        self.end(out)
    }

    fn set_err(&self, out: &mut [u8], err: i32) {
        let at = self.start + ERR;
        out[at..at + 4].copy_from_slice(&err.to_be_bytes());
    }
}

/// Appends a reply without a record.
pub fn header_only(out: &mut Vec<u8>, xid: i32, zxid: Zxid, err: i32) -> usize {
    Frame::begin(out, xid, zxid).fail_with(out, err)
}

/// Appends a watch event (`WatcherEvent`); the state is always SyncConnected.
pub fn notification(out: &mut Vec<u8>, kind: EventType, path: &str, zxid: Zxid) -> usize {
    const SYNC_CONNECTED: i32 = 3;
    let frame = Frame::begin(out, NOTIFICATION_XID, zxid);
    out.put_int(kind as i32);
    out.put_int(SYNC_CONNECTED);
    out.put_str(Some(path));
    frame.end(out)
}

/// Appends a stat, in one piece.
#[inline]
pub fn put_stat(out: &mut Vec<u8>, s: &Stat) {
    let mut b = [0; 68];
    b[0..8].copy_from_slice(&s.czxid.to_be_bytes());
    b[8..16].copy_from_slice(&s.mzxid.to_be_bytes());
    b[16..24].copy_from_slice(&s.ctime.to_be_bytes());
    b[24..32].copy_from_slice(&s.mtime.to_be_bytes());
    b[32..36].copy_from_slice(&s.version.to_be_bytes());
    b[36..40].copy_from_slice(&s.cversion.to_be_bytes());
    b[40..44].copy_from_slice(&s.aversion.to_be_bytes());
    b[44..52].copy_from_slice(&s.ephemeral_owner.to_be_bytes());
    b[52..56].copy_from_slice(&s.data_length.to_be_bytes());
    b[56..60].copy_from_slice(&s.num_children.to_be_bytes());
    b[60..68].copy_from_slice(&s.pzxid.to_be_bytes());
    out.extend_from_slice(&b);
}

/// `MultiHeader` of a part that succeeded.
pub fn put_multi_header(out: &mut Vec<u8>, kind: i32) {
    multi_header(out, kind, false, 0);
}

/// `MultiHeader` and `ErrorResponse` of a part that failed.
pub fn put_multi_error(out: &mut Vec<u8>, err: i32) {
    multi_header(out, op::ERROR, false, err);
    out.put_int(err);
}

/// `MultiHeader` behind the last part.
pub fn put_multi_end(out: &mut Vec<u8>) {
    multi_header(out, -1, true, -1);
}

fn multi_header(out: &mut Vec<u8>, kind: i32, done: bool, err: i32) {
    out.put_int(kind);
    out.put_bool(done);
    out.put_int(err);
}

#[cfg(test)]
mod tests {
    use jute::{Record, to_bytes};

    use super::*;

    #[test]
    fn a_frame_has_its_length_and_error() {
        let mut out = vec![9];
        let frame = Frame::begin(&mut out, 7, Zxid(5));
        out.put_int(1);
        assert_eq!(frame.end(&mut out), 20);
        assert_eq!(out[1..5], 20_i32.to_be_bytes());
        out.clear();
        let frame = Frame::begin(&mut out, 7, Zxid(5));
        out.put_int(1);
        assert_eq!(frame.fail(&mut out, Code::NoNode), 16);
        let header = jute::proto::ReplyHeader { xid: 7, zxid: 5, err: -101 };
        assert_eq!(out[4..], to_bytes(&header));
    }

    #[test]
    fn a_stat_in_one_piece_is_the_record() {
        let stat = Stat {
            czxid: 1,
            mzxid: 2,
            ctime: 3,
            mtime: 4,
            version: 5,
            cversion: 6,
            aversion: 7,
            ephemeral_owner: 8,
            data_length: 9,
            num_children: 10,
            pzxid: 11,
        };
        let mut out = Vec::new();
        put_stat(&mut out, &stat);
        let mut record = Vec::new();
        stat.write(&mut record);
        assert_eq!(out, record);
    }
}

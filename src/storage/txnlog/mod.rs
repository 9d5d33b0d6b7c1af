//! The transaction log. Java: `persistence.FileTxnLog`, `FilePadding`, `Util`.
//!
//! ```text
//! file    0  int   magic "ZKLG"
//!         4  int   version, 2
//!         8  long  dbid, 0
//!        16  records, then zeros up to the end that was allocated ahead
//!
//! record  0  long  Adler32 of the payload alone, so its upper four bytes are zero
//!         8  int   length n of the payload, never 0
//!        12        payload: TxnHeader, transaction, perhaps a TxnDigest
//!      12+n  byte  'B'
//! ```
//!
//! A file is named `log.<hex zxid of its first record>` and created with that record, never reopened
//! for writing.

mod cut;
mod iter;
mod reader;
mod tail;
mod writer;

use adler32::RollingAdler32;
use byteorder::{BigEndian, ByteOrder};
use jute::Write;

use crate::ids::Zxid;

pub use cut::last_zxid;
pub(in crate::storage) use cut::{cut_tail, truncate};
pub use iter::{LogIter, LogRecord, Tail};
pub use writer::{Clock, Synced, TxnLog, TxnLogOptions};

/// "ZKLG".
pub const MAGIC: i32 = 0x5a4b_4c47;
/// The version in the file's header.
pub const VERSION: i32 = 2;
/// Bytes of the file's header.
pub const HEADER_LEN: usize = 16;
/// Bytes of a record before its payload.
const HEAD_LEN: usize = 12;
/// The byte behind a payload.
const END: u8 = b'B';
/// Bytes of a `TxnHeader`, with which every payload starts.
const TXN_HEADER_LEN: usize = 32;
/// Offset of the zxid in a `TxnHeader`.
const ZXID_AT: usize = 12;

/// The header of a log.
fn file_header() -> [u8; HEADER_LEN] {
    let mut header = [0; HEADER_LEN];
    BigEndian::write_i32(&mut header[..4], MAGIC);
    BigEndian::write_i32(&mut header[4..8], VERSION);
    header
}

fn checksum(payload: &[u8]) -> i64 {
    i64::from(RollingAdler32::from_buffer(payload).hash())
}

/// Appends a record.
fn put_record(out: &mut Vec<u8>, payload: &[u8]) {
    out.put_long(checksum(payload));
    out.put_buffer(Some(payload));
    out.push(END);
}

/// The zxid of a payload; `None` where it is too short to be a transaction.
fn zxid_of(payload: &[u8]) -> Option<Zxid> {
    let header = payload.get(..TXN_HEADER_LEN)?;
    Some(Zxid(BigEndian::read_i64(&header[ZXID_AT..])))
}

#[cfg(test)]
mod tests;

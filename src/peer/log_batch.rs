//! A batch of transactions on its way to the log: encoded once, in one piece of memory.

use std::ops::Range;

use crate::ids::Zxid;
use crate::txn::TxnRecord;

/// Encoded transactions in the order of their zxids.
#[derive(Debug, Default)]
pub struct LogBatch {
    bytes: Vec<u8>,
    entries: Vec<(Zxid, Range<usize>)>,
    /// The log is to be rolled behind this batch: a snapshot is due.
    pub roll: bool,
}

impl LogBatch {
    /// Encodes one more transaction.
    pub fn push(&mut self, record: &TxnRecord) {
        let start = self.bytes.len();
        record.encode(&mut self.bytes);
        self.entries.push((Zxid(record.header.zxid), start..self.bytes.len()));
    }

    /// Appends a transaction that is encoded already.
    pub fn push_encoded(&mut self, zxid: Zxid, record: &[u8]) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(record);
        self.entries.push((zxid, start..self.bytes.len()));
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many transactions it holds.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// The last transaction's zxid.
    pub fn last_zxid(&self) -> Option<Zxid> {
        self.entries.last().map(|(zxid, _)| *zxid)
    }

    /// The transactions and their payloads.
    pub fn iter(&self) -> impl Iterator<Item = (Zxid, &[u8])> {
        self.entries.iter().map(|(zxid, range)| (*zxid, &self.bytes[range.clone()]))
    }
}

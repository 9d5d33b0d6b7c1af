//! A batch of transactions on its way to the log: encoded once, in one piece of memory.

use std::ops::Range;

use crate::ids::Zxid;
use crate::txn::TxnRecord;

/// Room that is made for a batch, at the most: bytes and transactions.
const ROOM_MAX: (usize, usize) = (64 * 1024, 512);

/// Encoded transactions in the order of their zxids.
#[derive(Debug, Default)]
pub struct LogBatch {
    bytes: Vec<u8>,
    entries: Vec<(Zxid, Range<usize>)>,
    /// The log is to be rolled behind this batch: a snapshot is due.
    pub roll: bool,
    /// All of it is committed, a quorum has it: nobody waits until it is durable here, too.
    pub may_wait: bool,
}

impl LogBatch {
    /// Takes what there is, and makes room for as much again: growing to it step by step would cost as
    /// much as all the encoding.
    pub fn take(&mut self) -> Self {
        let room = (self.bytes.len().min(ROOM_MAX.0), self.entries.len().min(ROOM_MAX.1));
        let next = Self {
            bytes: Vec::with_capacity(room.0),
            entries: Vec::with_capacity(room.1),
            ..Self::default()
        };
        std::mem::replace(self, next)
    }

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

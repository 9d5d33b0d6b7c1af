//! A transaction between its proposal and its commit: read once, when it comes.

use jute::Limits;

use super::{Effect, Reason, Settings};
use crate::ids::Zxid;
use crate::op::op;
use crate::txn::{Txn, TxnRecord};
use crate::zab::packet::RecordBytes;

/// The packet around a record is bounded, so nothing in it can be longer.
const RECORD_LIMITS: Limits = Limits { max_field: i32::MAX as usize };

/// A transaction that is proposed or informed of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pending {
    pub(super) zxid: Zxid,
    /// As it came, for the log.
    pub(super) record: RecordBytes,
    /// Boxed, for it is handed on ten times on its way to the tree.
    txn: Box<TxnRecord>,
}

impl Pending {
    /// The transaction of a packet; its own header must agree with the packet. It is read to its end
    /// before it may go to the log, as in Java (`SerializeUtils.deserializeTxn`): a log with something
    /// in it that cannot be read lets no server start, and what lies below zero is in no log's name.
    pub(super) fn new(zxid: Zxid, record: RecordBytes) -> Result<Self, Reason> {
        match TxnRecord::decode(&record, RECORD_LIMITS) {
            Ok(txn) if txn.header.zxid == zxid.0 && zxid > Zxid::ZERO => {
                Ok(Self { zxid, record, txn: Box::new(txn) })
            }
            _ => Err(Reason::BadRecord(zxid)),
        }
    }

    /// The configuration that the transaction brings, if it brings one.
    pub(super) fn config(&self) -> Option<Vec<u8>> {
        match &self.txn.txn {
            Txn::SetData(txn) if self.txn.header.kind == op::RECONFIG => txn.data.clone(),
            _ => None,
        }
    }

    /// It is to be logged.
    pub(super) fn append(&self) -> Effect {
        let time = self.txn.header.time;
        Effect::Append { zxid: self.zxid, record: self.record.clone(), time }
    }

    /// It is committed.
    pub(super) fn commit(self) -> Effect {
        Effect::Commit { zxid: self.zxid, record: self.record, txn: self.txn }
    }
}

/// Whether `found` may follow `last`: it is the next, or the first seen of its epoch. (In an epoch of
/// which nothing was seen the leader may have begun anywhere: `zookeeper.testingonly.initialZxid`.)
pub(super) fn check_follows(settings: &Settings, last: Zxid, found: Zxid) -> Result<(), Reason> {
    let fresh = found.epoch() > last.epoch();
    if found.may_follow(last) || fresh || settings.faults.accept_gaps {
        Ok(())
    } else {
        Err(Reason::Gap { last, found })
    }
}

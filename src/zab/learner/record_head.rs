//! The little that a learner must know of a record: the head of its `TxnHeader`.

use jute::txn::TxnHeader;
use jute::{Reader, Record};

use super::{Reason, Settings};
use crate::ids::Zxid;
use crate::op::op;
use crate::txn::{Txn, TxnRecord};
use crate::zab::packet::RecordBytes;

/// A transaction that is proposed or informed of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pending {
    pub(super) zxid: Zxid,
    pub(super) record: RecordBytes,
    is_reconfig: bool,
}

impl Pending {
    /// The transaction of a packet; its own header must agree with the packet.
    pub(super) fn new(zxid: Zxid, record: RecordBytes) -> Result<Self, Reason> {
        match TxnHeader::read(&mut Reader::new(&record)) {
            Ok(header) if header.zxid == zxid.0 => {
                Ok(Self { zxid, record, is_reconfig: header.kind == op::RECONFIG })
            }
            _ => Err(Reason::BadRecord(zxid)),
        }
    }

    /// The configuration that the transaction brings, if it brings one.
    pub(super) fn config(&self) -> Option<Vec<u8>> {
        if !self.is_reconfig {
            return None;
        }
        match TxnRecord::decode(&self.record, jute::Limits::default()).ok()?.txn {
            Txn::SetData(txn) => txn.data,
            _ => None,
        }
    }
}

/// Whether `found` may follow `last`: it is the next, or the first seen of its epoch. (In an epoch of
/// which nothing was seen the leader may have begun anywhere: `zookeeper.testingonly.initialZxid`.)
pub(super) fn check_follows(settings: &Settings, last: Zxid, found: Zxid) -> Result<(), Reason> {
    let fresh = found.epoch() > last.epoch() || (last.counter() == 0 && found > last);
    if found == last.next() || fresh || settings.faults.accept_gaps {
        Ok(())
    } else {
        Err(Reason::Gap { last, found })
    }
}

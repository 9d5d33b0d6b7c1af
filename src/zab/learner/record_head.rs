//! What a learner must know of a record: that it is one, and that it has the zxid of its packet.

use jute::Limits;

use super::{Reason, Settings};
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
    pub(super) record: RecordBytes,
    is_reconfig: bool,
}

impl Pending {
    /// The transaction of a packet; its own header must agree with the packet. It is read to its end
    /// before it may go to the log, as in Java (`SerializeUtils.deserializeTxn`): a log with something
    /// in it that cannot be read lets no server start.
    pub(super) fn new(zxid: Zxid, record: RecordBytes) -> Result<Self, Reason> {
        match TxnRecord::decode(&record, RECORD_LIMITS) {
            Ok(TxnRecord { header, .. }) if header.zxid == zxid.0 => {
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
        match TxnRecord::decode(&self.record, RECORD_LIMITS).ok()?.txn {
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

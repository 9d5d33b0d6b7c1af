//! From transactions to changes. Java: `DataTree.processTxn`.
//!
//! What arrives here was checked by the leader and is final, so nothing is checked again. Failures
//! still occur, and are right, in replay over a fuzzy snapshot, which may hold what later transactions
//! did: a node that is there already, one that is gone already.

use jute::data::Stat;
use jute::txn::{CreateContainerTxn, CreateTTLTxn, CreateTxn, CreateTxnV0, MultiTxn, TxnHeader};
use jute::{Limits, Reader};

use super::arena::NodeId;
use super::create::NewNode;
use super::set::NewData;
use super::{DataTree, EventSink, Node, data_len, ephemeral, path};
use crate::ids::{SessionId, Zxid};
use crate::op::{Code, op};
use crate::txn::{Txn, TxnRecord};

/// What became of a transaction (`DataTree.ProcessTxnResult`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Applied {
    /// The op code as the reply needs it: the header's type, or the inner type within a multi.
    pub kind: i32,
    /// 0, or the number of the error.
    pub err: i32,
    /// The node's stat after a create (other than the plain one), setData or setACL.
    pub stat: Option<Stat>,
    /// In a multi's parts, the path of the node; else the caller has the transaction.
    pub path: Option<String>,
    /// The results of a multi's parts.
    pub multi: Vec<Applied>,
}

/// What a transaction that succeeded has to show.
enum Outcome {
    Nothing,
    Stat(Stat),
    Multi(Vec<Applied>),
}

impl DataTree {
    /// Applies one transaction and moves the zxid and the digest's history on.
    pub fn apply<S: EventSink>(&mut self, header: &TxnHeader, txn: &Txn, sink: &mut S) -> Applied {
        let applied = self.apply_part(header, header.kind, txn, sink);
        let zxid = Zxid(header.zxid);
        self.last_processed = self.last_processed.max(zxid);
        self.digests.after_txn(zxid);
        applied
    }

    /// Applies one record, then compares the digest that its maker predicted. A mismatch is logged
    /// and counted ([`DataTree::digest_mismatches`]), never fatal.
    pub fn apply_record<S: EventSink>(&mut self, record: &TxnRecord, sink: &mut S) -> Applied {
        let applied = self.apply(&record.header, &record.txn, sink);
        self.digests.compare_txn(Zxid(record.header.zxid), record.digest.as_ref());
        applied
    }

    /// A transaction or a part of a multi: all that is not done once per zxid.
    fn apply_part<S: EventSink>(
        &mut self,
        header: &TxnHeader,
        kind: i32,
        txn: &Txn,
        sink: &mut S,
    ) -> Applied {
        let mut applied = Applied { kind, ..Applied::default() };
        match self.change_by(header, kind, txn, sink) {
            Ok(Outcome::Nothing) => {}
            Ok(Outcome::Stat(stat)) => applied.stat = Some(stat),
            Ok(Outcome::Multi(parts)) => {
                applied.err = parts.iter().map(|p| p.err).find(|&e| e != 0).unwrap_or(0);
                applied.multi = parts;
            }
            Err(Code::NodeExists) if kind == op::CREATE => {
                applied.err = self.repair_parent(header, txn).number();
            }
            Err(code) => applied.err = code.number(),
        }
        if let Txn::Error(error) = txn {
            applied.err = error.err;
        }
        applied
    }

    /// A plain create met its node: a fuzzy snapshot has the node as another session made it, and
    /// the parent from before. The parent's counters rise all the same. Says what the error is.
    fn repair_parent(&mut self, header: &TxnHeader, txn: &Txn) -> Code {
        let (path, cversion) = match txn {
            Txn::Create(t) => (t.path.as_deref(), t.parent_cversion),
            Txn::CreateV0(t) => (t.path.as_deref(), -1),
            _ => return Code::NodeExists,
        };
        let Some((parent, _)) = path.and_then(path::split) else { return Code::NodeExists };
        let Some(id) = self.find_parent(parent) else { return Code::NoNode };
        self.raise_cversion(id, parent, cversion, Zxid(header.zxid));
        Code::NodeExists
    }

    fn change_by<S: EventSink>(
        &mut self,
        header: &TxnHeader,
        kind: i32,
        txn: &Txn,
        sink: &mut S,
    ) -> Result<Outcome, Code> {
        let zxid = Zxid(header.zxid);
        match txn {
            Txn::Create(_) | Txn::CreateV0(_) | Txn::CreateTtl(_) | Txn::CreateContainer(_) => {
                let new = new_node(header, txn)?;
                let id = self.create_node(&new, sink)?;
                let plain = kind == op::CREATE;
                Ok(if plain { Outcome::Nothing } else { self.written_stat(id, new.data) })
            }
            Txn::Delete(t) => {
                self.delete_node(required(&t.path)?, zxid, sink).map(|()| Outcome::Nothing)
            }
            Txn::SetData(t) => {
                let new = NewData {
                    path: required(&t.path)?,
                    data: t.data.as_deref(),
                    version: t.version,
                    zxid,
                    time: header.time,
                };
                self.set_data(&new, sink).map(|id| self.written_stat(id, new.data))
            }
            Txn::SetAcl(t) => {
                let id = self.set_acl(required(&t.path)?, t.acl.as_ref(), t.version)?;
                Ok(self.stat_of(id))
            }
            Txn::CloseSession(t) => {
                self.close_session(SessionId(header.client_id), t.as_ref(), zxid, sink);
                Ok(Outcome::Nothing)
            }
            Txn::Multi(t) => Ok(Outcome::Multi(self.apply_multi(header, t, sink))),
            Txn::CreateSession(_) | Txn::Check(_) | Txn::Error(_) => Ok(Outcome::Nothing),
        }
    }

    fn stat_of(&self, id: NodeId) -> Outcome {
        Outcome::Stat(Node { tree: self, id }.stat())
    }

    /// The stat of a node to which the transaction gave `data`: if it is one that counts a quota, its
    /// data is another by now.
    fn written_stat(&self, id: NodeId, data: Option<&[u8]>) -> Outcome {
        let stat = Node { tree: self, id }.stat();
        Outcome::Stat(Stat { data_length: data_len(data) as i32, ..stat })
    }

    /// The parts in their order, unless one of them is an error: then none applies, those before it
    /// count as fine and those behind it as inconsistent.
    fn apply_multi<S: EventSink>(
        &mut self,
        header: &TxnHeader,
        multi: &MultiTxn,
        sink: &mut S,
    ) -> Vec<Applied> {
        let parts = multi.txns.as_deref().unwrap_or_default();
        let failed = parts.iter().any(|p| p.kind == op::ERROR);
        let mut seen_error = false;
        let mut results = Vec::with_capacity(parts.len());
        for part in parts {
            let Some(txn) = read_part(part.kind, part.data.as_deref().unwrap_or_default()) else {
                log::error!(
                    "transaction {:#x} has a part of type {} that is none, or is damaged: \
                    it ends there",
                    header.zxid,
                    part.kind
                );
                break;
            };
            seen_error |= part.kind == op::ERROR;
            let mut result = match (&txn, failed) {
                (Txn::Error(_), _) | (_, false) => self.apply_part(header, part.kind, &txn, sink),
                (_, true) => not_applied(seen_error),
            };
            result.path = if failed { None } else { path_of(txn) };
            results.push(result);
        }
        results
    }
}

/// The result of a part that another part's failure keeps from being applied.
fn not_applied(behind_the_error: bool) -> Applied {
    let code = if behind_the_error { Code::RuntimeInconsistency } else { Code::Ok };
    Applied { kind: op::ERROR, err: code.number(), ..Applied::default() }
}

fn read_part(kind: i32, data: &[u8]) -> Option<Txn> {
    let is_part = matches!(
        kind,
        op::CREATE
            | op::CREATE2
            | op::CREATE_TTL
            | op::CREATE_CONTAINER
            | op::DELETE
            | op::DELETE_CONTAINER
            | op::SET_DATA
            | op::ERROR
            | op::CHECK
    );
    // The bytes are here, so there is no length to guard against.
    let mut reader = Reader::with_limits(data, Limits::new(usize::MAX, 0));
    is_part.then(|| Txn::read(kind, &mut reader).ok())?
}

fn path_of(txn: Txn) -> Option<String> {
    match txn {
        Txn::Create(t) => t.path,
        Txn::CreateV0(t) => t.path,
        Txn::CreateTtl(t) => t.path,
        Txn::CreateContainer(t) => t.path,
        Txn::Delete(t) => t.path,
        Txn::SetData(t) => t.path,
        Txn::Check(t) => t.path,
        _ => None,
    }
}

/// No leader writes a transaction without a path; one is refused, not followed.
fn required(path: &Option<String>) -> Result<&str, Code> {
    path.as_deref().ok_or_else(|| {
        log::error!("a transaction has no path: it is ignored");
        Code::MarshallingError
    })
}

/// The four records of creation as one. The owner follows from the record alone, whatever flags the
/// request had.
fn new_node<'a>(header: &TxnHeader, txn: &'a Txn) -> Result<NewNode<'a>, Code> {
    let session = |ephemeral: bool| if ephemeral { header.client_id } else { 0 };
    let (path, data, acl, owner, parent_cversion) = match txn {
        Txn::Create(CreateTxn { path, data, acl, ephemeral, parent_cversion }) => {
            (path, data, acl, session(*ephemeral), *parent_cversion)
        }
        Txn::CreateV0(CreateTxnV0 { path, data, acl, ephemeral }) => {
            (path, data, acl, session(*ephemeral), -1)
        }
        Txn::CreateTtl(CreateTTLTxn { path, data, acl, parent_cversion, ttl }) => {
            (path, data, acl, ttl_owner(*ttl)?, *parent_cversion)
        }
        Txn::CreateContainer(CreateContainerTxn { path, data, acl, parent_cversion }) => {
            (path, data, acl, ephemeral::CONTAINER_OWNER, *parent_cversion)
        }
        _ => return Err(Code::MarshallingError),
    };
    Ok(NewNode {
        path: required(path)?,
        data: data.as_deref(),
        acl: acl.as_ref(),
        owner,
        parent_cversion,
        zxid: Zxid(header.zxid),
        time: header.time,
    })
}

fn ttl_owner(ttl: i64) -> Result<i64, Code> {
    ephemeral::ttl_to_owner(ttl).map_err(|e| {
        log::error!("a transaction creates a node with an impossible time to live: {e}");
        Code::BadArguments
    })
}

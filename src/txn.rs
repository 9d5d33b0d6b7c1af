//! A transaction as a value: what the log stores, the leader proposes and the tree applies.
//! Floor 0 (pure data). Java: `SerializeUtils.serializeRequest`, `deserializeTxn`, `TxnLogEntry`.
//!
//! Bytes of one record: `TxnHeader`, then the record that the header's type names (it may be absent),
//! then a `TxnDigest` (it may be absent).

use std::fmt;

use jute::txn::{
    CheckVersionTxn, CloseSessionTxn, CreateContainerTxn, CreateSessionTxn, CreateTTLTxn,
    CreateTxn, CreateTxnV0, DeleteTxn, ErrorTxn, MultiTxn, SetACLTxn, SetDataTxn, TxnDigest,
    TxnHeader,
};
use jute::{DecodeError, Limits, Reader, Record};

use crate::op::op;

/// The body of a transaction. Which one it is follows from [`TxnHeader::kind`]; `create` and
/// `create2`, `delete` and `deleteContainer`, `setData` and `reconfig` share theirs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Txn {
    /// `createSession`.
    CreateSession(CreateSessionTxn),
    /// `closeSession`; without a list in logs before 3.6 and where `closeSessionTxn.enabled=false`.
    CloseSession(Option<CloseSessionTxn>),
    /// `create`, `create2`.
    Create(CreateTxn),
    /// `create` as servers before 3.4 wrote it, without the parent's cversion.
    CreateV0(CreateTxnV0),
    /// `createTTL`.
    CreateTtl(CreateTTLTxn),
    /// `createContainer`.
    CreateContainer(CreateContainerTxn),
    /// `delete`, `deleteContainer`.
    Delete(DeleteTxn),
    /// `setData`, `reconfig`.
    SetData(SetDataTxn),
    /// `setACL`.
    SetAcl(SetACLTxn),
    /// `check`, only within a multi.
    Check(CheckVersionTxn),
    /// A write that failed: it consumes a zxid all the same.
    Error(ErrorTxn),
    /// `multi`.
    Multi(MultiTxn),
}

/// Header, body and digest: one record of the log, one proposal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TxnRecord {
    /// Who asked, and the zxid, time and type.
    pub header: TxnHeader,
    /// What changes.
    pub txn: Txn,
    /// The tree's digest after this transaction, as its maker computed it.
    pub digest: Option<TxnDigest>,
}

/// Why the bytes of a transaction make no sense.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TxnError {
    /// The record's bytes are damaged or cut.
    Decode(DecodeError),
    /// A type that no version of ZooKeeper writes.
    UnsupportedType(i32),
}

impl fmt::Display for TxnError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Decode(e) => e.fmt(f),
            Self::UnsupportedType(kind) => write!(f, "Unsupported Txn with type={kind}"),
        }
    }
}

impl std::error::Error for TxnError {}

impl From<DecodeError> for TxnError {
    fn from(e: DecodeError) -> Self {
        Self::Decode(e)
    }
}

impl Txn {
    /// Reads the body that a transaction of type `kind` has.
    ///
    /// # Errors
    /// If the bytes are damaged or `kind` is unknown.
    pub fn read(kind: i32, r: &mut Reader<'_>) -> Result<Self, TxnError> {
        Ok(match kind {
            op::CREATE_SESSION => Self::CreateSession(Record::read(r)?),
            op::CLOSE_SESSION => Self::CloseSession(read_close_session(r)),
            op::CREATE => read_create(r)?,
            op::CREATE2 => Self::Create(Record::read(r)?),
            op::CREATE_TTL => Self::CreateTtl(Record::read(r)?),
            op::CREATE_CONTAINER => Self::CreateContainer(Record::read(r)?),
            op::DELETE | op::DELETE_CONTAINER => Self::Delete(Record::read(r)?),
            op::SET_DATA | op::RECONFIG => Self::SetData(Record::read(r)?),
            op::SET_ACL => Self::SetAcl(Record::read(r)?),
            op::CHECK => Self::Check(Record::read(r)?),
            op::ERROR => Self::Error(Record::read(r)?),
            op::MULTI => Self::Multi(Record::read(r)?),
            other => return Err(TxnError::UnsupportedType(other)),
        })
    }

    /// Appends the body's bytes.
    pub fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::CreateSession(t) => t.write(out),
            Self::CloseSession(t) => t.iter().for_each(|t| t.write(out)),
            Self::Create(t) => t.write(out),
            Self::CreateV0(t) => t.write(out),
            Self::CreateTtl(t) => t.write(out),
            Self::CreateContainer(t) => t.write(out),
            Self::Delete(t) => t.write(out),
            Self::SetData(t) => t.write(out),
            Self::SetAcl(t) => t.write(out),
            Self::Check(t) => t.write(out),
            Self::Error(t) => t.write(out),
            Self::Multi(t) => t.write(out),
        }
    }
}

/// A `create` that ends early is one of before 3.4 (`SerializeUtils.deserializeTxn`).
fn read_create(r: &mut Reader<'_>) -> Result<Txn, DecodeError> {
    let start = r.clone();
    match CreateTxn::read(r) {
        Ok(t) => Ok(Txn::Create(t)),
        Err(e) if e.is_eof() => {
            *r = start;
            CreateTxnV0::read(r).map(Txn::CreateV0)
        }
        Err(e) => Err(e),
    }
}

/// The list of a `closeSession` may be absent; what stands in its place may then be a digest, whose
/// 12 bytes are no list: only a list that leaves nothing or exactly a digest behind is one.
fn read_close_session(r: &mut Reader<'_>) -> Option<CloseSessionTxn> {
    let mut attempt = r.clone();
    let list = CloseSessionTxn::read(&mut attempt).ok()?;
    if !matches!(attempt.remaining().len(), 0 | DIGEST_LEN) {
        return None;
    }
    *r = attempt;
    Some(list)
}

/// Bytes of a `TxnDigest`: an int and a long.
const DIGEST_LEN: usize = 12;

impl TxnRecord {
    /// Reads one record from its payload.
    ///
    /// # Errors
    /// If the bytes are damaged or the type is unknown. Bytes behind the digest are ignored, as in
    /// Java.
    pub fn decode(payload: &[u8], limits: Limits) -> Result<Self, TxnError> {
        let mut r = Reader::with_limits(payload, limits);
        let header = TxnHeader::read(&mut r)?;
        let txn = Txn::read(header.kind, &mut r)?;
        let digest = TxnDigest::read(&mut r).ok();
        Ok(Self { header, txn, digest })
    }

    /// Appends the record's payload.
    pub fn encode(&self, out: &mut Vec<u8>) {
        self.header.write(out);
        self.txn.write(out);
        if let Some(digest) = &self.digest {
            digest.write(out);
        }
    }
}

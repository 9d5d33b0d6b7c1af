//! `multi`: all of its parts or none. Java: the multi part of `pRequestHelper`.

use jute::txn::{ErrorTxn, MultiTxn, Txn as PartTxn};

use super::body::Op;
use super::{Context, Prep, Prepared, failed};
use crate::op::{Code, op};
use crate::server::request::Request;
use crate::server::sessions::SessionTracker;
use crate::txn::Txn;

impl Prep {
    /// A multi of which a part fails is a transaction all the same: the parts before it as they are,
    /// then its error, then "inconsistent" for each part behind it. Whoever applies it looks for
    /// errors first. What Java cannot handle in a part makes the whole request malformed.
    pub(super) fn prepare_multi(
        &mut self,
        cx: &Context<'_>,
        req: &Request,
        ops: &[Op<'_>],
        sessions: &SessionTracker,
    ) -> Prepared {
        if ops.iter().any(|op| op.body.path().is_none()) {
            return failed(cx, req, Code::MarshallingError);
        }
        let digest_before = self.changes.digest(cx.tree);
        self.changes.begin_multi();
        let mut parts = Vec::with_capacity(ops.len());
        let error = self.prepare_parts(cx, ops, sessions, &mut parts).err();
        match error {
            None => self.changes.keep(),
            Some(_) => self.changes.take_back(digest_before),
        }
        if error == Some(Code::MarshallingError) {
            return failed(cx, req, Code::MarshallingError);
        }
        if let Some(code) = error {
            parts.push(error_part(code));
            parts.resize_with(ops.len(), || error_part(Code::RuntimeInconsistency));
        }
        let txn = Txn::Multi(MultiTxn { txns: Some(parts) });
        Prepared { error, ..self.record(cx, req, op::MULTI, txn) }
    }

    fn prepare_parts(
        &mut self,
        cx: &Context<'_>,
        ops: &[Op<'_>],
        sessions: &SessionTracker,
        parts: &mut Vec<PartTxn>,
    ) -> Result<(), Code> {
        for op in ops {
            let txn = self.prepare_op(cx, op.kind, &op.body, sessions)?;
            parts.push(part(op.kind, &txn));
        }
        Ok(())
    }
}

fn part(kind: i32, txn: &Txn) -> PartTxn {
    let mut data = Vec::new();
    txn.write(&mut data);
    PartTxn { kind, data: Some(data) }
}

fn error_part(code: Code) -> PartTxn {
    part(op::ERROR, &Txn::Error(ErrorTxn { err: code.number() }))
}

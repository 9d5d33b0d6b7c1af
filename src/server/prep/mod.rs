//! From requests to transactions: each write is checked, in Java's order, against the tree as it will
//! be once everything that is prepared before it is applied. A write that fails becomes a transaction
//! too, for zxids have no gaps. Java: `PrepRequestProcessor`.
//!
//! Where Java checks against a mixture of old and new this room looks at the new: a prepared `setACL`
//! and the end of a session count for what is prepared behind them.

mod asked;
mod body;
mod changes;
mod create;
mod delete;
mod eager;
mod multi;
mod quota;
mod session;
mod set;

use std::sync::Arc;

use jute::Limits;
use jute::data::Id;
use jute::txn::{ErrorTxn, TxnDigest, TxnHeader};
use log::Level;

pub(in crate::server) use self::asked::Asked;
use self::body::{Body, CreateMode, Malformed};
use self::changes::{At, Changes, View};
pub(in crate::server) use self::eager::refused_early;
use self::quota::Quota;
use super::auth::Auth;
use super::request::Request;
use super::sessions::SessionTracker;
use super::upgrade;
use crate::ids::{Millis, SessionId, Zxid};
use crate::op::{Code, op};
use crate::tree::digest::DIGEST_VERSION;
use crate::tree::{DataTree, path};
use crate::txn::{Txn, TxnRecord};

/// What of the configuration preparation depends on.
#[derive(Debug, Clone, Copy)]
pub struct PrepOptions {
    /// `jute.maxbuffer` and `jute.maxbuffer.extrasize`.
    pub limits: Limits,
    /// `zookeeper.digest.enabled`: transactions carry the digest of the tree behind them.
    pub digest: bool,
    /// `zookeeper.closeSessionTxn.enabled`: a `closeSession` lists what it deletes.
    pub close_session_txn: bool,
    /// `zookeeper.enforceQuota`.
    pub enforce_quota: bool,
    /// `reconfigEnabled`.
    pub reconfig: bool,
    /// The server is a member of an ensemble: whoever asked, at whichever member, hears of a write by its
    /// zxid alone, so each takes one.
    pub in_ensemble: bool,
}

/// As Java without configuration.
impl Default for PrepOptions {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            digest: true,
            close_session_txn: true,
            enforce_quota: false,
            reconfig: false,
            in_ensemble: false,
        }
    }
}

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepared {
    /// The transaction; none if the request takes no zxid: reads, and, at a server alone, what cannot
    /// be decoded.
    pub record: Option<TxnRecord>,
    /// Why the request failed. A multi that failed has its reply in what its transaction's parts
    /// become, except for [`Code::SessionMoved`], which closes the connection like everywhere.
    pub error: Option<Code>,
}

impl Prepared {
    fn without_txn(error: Option<Code>) -> Self {
        Self { record: None, error }
    }
}

/// Turns requests into transactions, in the order in which they will be applied.
#[derive(Debug)]
pub struct Prep {
    options: PrepOptions,
    auth: Arc<Auth>,
    changes: Changes,
    quota: Quota,
}

/// What stays the same while one request is prepared.
#[derive(Debug, Clone, Copy)]
struct Context<'a> {
    tree: &'a DataTree,
    session: SessionId,
    /// The connection through which it came, 0 for none.
    owner: u64,
    auth: &'a [Id],
    zxid: Zxid,
    /// Wall clock.
    time: Millis,
}

impl Prep {
    /// A preparation with nothing outstanding. `auth` decides what clients may do.
    pub fn new(options: PrepOptions, auth: Arc<Auth>) -> Self {
        let changes = Changes::new(options.digest);
        Self { options, auth, changes, quota: Quota::new(options.enforce_quota) }
    }

    /// Prepares a request. `tree` is as far as it is applied, `zxid` is the one that the transaction
    /// gets, if it becomes one; `now_wall` is the time that it carries.
    pub fn prepare(
        &mut self,
        tree: &DataTree,
        req: &Request,
        zxid: Zxid,
        now_wall: Millis,
        sessions: &mut SessionTracker,
    ) -> Prepared {
        if req.throttled {
            return Prepared::without_txn(Some(Code::ThrottledOp));
        }
        if upgrade::is_local(req, sessions) {
            return Prepared::without_txn(None);
        }
        let owner = req.owner();
        let cx =
            Context { tree, session: req.session, owner, auth: &req.auth, zxid, time: now_wall };
        let result = match Body::read(req.op, &req.body, self.options.limits) {
            Ok(None) => return check_read(req.op, &cx, sessions),
            Err(Malformed::WithoutZxid) if !self.options.in_ensemble => {
                log::info!("op {} of session {} cannot be decoded", req.op, req.session);
                return Prepared::without_txn(Some(Code::MarshallingError));
            }
            Err(_) => Err(Code::MarshallingError),
            Ok(Some(Body::Multi(ops))) => return self.prepare_multi(&cx, req, &ops, sessions),
            Ok(Some(Body::CreateSession)) => session::create(&cx, req, sessions),
            Ok(Some(body)) => self.prepare_op(&cx, req.op, &body, sessions),
        };
        match result {
            Ok(txn) => self.record(&cx, req, req.op, txn),
            Err(code) => failed(&cx, req, code),
        }
    }

    /// Forgets the changes of the transactions up to `zxid`: they are applied.
    pub fn applied(&mut self, zxid: Zxid) {
        self.changes.applied(zxid);
    }

    /// Forgets everything that is prepared: it will never be applied.
    pub fn clear(&mut self) {
        self.changes.clear();
    }

    /// The first component of the path that a hard quota refused, if it did since the last call
    /// (`quota_exceeded_error_per_namespace`).
    pub fn take_quota_exceeded(&mut self) -> Option<String> {
        self.quota.take_exceeded()
    }

    /// A write or a part of a multi: its checks, then what it changes (`pRequest2Txn`).
    fn prepare_op(
        &mut self,
        cx: &Context<'_>,
        kind: i32,
        body: &Body<'_>,
        sessions: &SessionTracker,
    ) -> Result<Txn, Code> {
        match body {
            Body::Create(create) => self.create(cx, kind, create, sessions),
            Body::Delete { path, version } => self.delete(cx, path.as_deref(), *version, sessions),
            Body::DeleteContainer { path } => self.delete_container(cx, path),
            Body::SetData { path, data, version } => {
                self.set_data(cx, path.as_deref(), *data, *version, sessions)
            }
            Body::SetAcl { path, acl, version } => {
                self.set_acl(cx, path.as_deref(), acl.as_ref(), *version, sessions)
            }
            Body::Check { path, version } => self.check(cx, path.as_deref(), *version, sessions),
            Body::Reconfig => self.reconfig(cx, sessions),
            Body::CloseSession => Ok(self.close_session(cx, sessions)),
            Body::Multi(_) | Body::CreateSession => Err(Code::MarshallingError),
        }
    }

    /// A standalone server cannot be reconfigured.
    fn reconfig(&self, cx: &Context<'_>, sessions: &SessionTracker) -> Result<Txn, Code> {
        if !self.options.reconfig {
            return Err(Code::ReconfigDisabled);
        }
        sessions.check(cx.session, cx.owner)?;
        Err(Code::Unimplemented)
    }

    fn record(&self, cx: &Context<'_>, req: &Request, kind: i32, txn: Txn) -> Prepared {
        let digest = self.options.digest.then(|| TxnDigest {
            version: DIGEST_VERSION,
            tree_digest: self.changes.digest(cx.tree),
        });
        let record = TxnRecord { header: header(cx, req, kind), txn, digest };
        Prepared { record: Some(record), error: None }
    }

    /// The node at `path` and where it is; an error if there is none (`getRecordForPath`).
    fn node<'a, 't: 'a>(
        &'a self,
        cx: &Context<'t>,
        path: &str,
    ) -> Result<(At<'t>, View<'a>), Code> {
        let at = self.changes.locate(cx.tree, path);
        let view = self.changes.view(&at).ok_or(Code::NoNode)?;
        Ok((at, view))
    }
}

fn header(cx: &Context<'_>, req: &Request, kind: i32) -> TxnHeader {
    TxnHeader { client_id: cx.session.0, cxid: req.cxid, zxid: cx.zxid.0, time: cx.time, kind }
}

/// A write that failed is a transaction that says so.
fn failed(cx: &Context<'_>, req: &Request, code: Code) -> Prepared {
    // What a client may well run into is not worth a line each time.
    let level = if code.number() > Code::ApiError.number() { Level::Info } else { Level::Debug };
    log::log!(level, "op {} of session {} fails: {code:?}", req.op, cx.session);
    let txn = Txn::Error(ErrorTxn { err: code.number() });
    let record = TxnRecord { header: header(cx, req, op::ERROR), txn, digest: None };
    Prepared { record: Some(record), error: Some(code) }
}

/// What is no write needs its session and nothing else here.
fn check_read(kind: i32, cx: &Context<'_>, sessions: &SessionTracker) -> Prepared {
    let error = match kind {
        op::SYNC
        | op::EXISTS
        | op::GET_DATA
        | op::GET_ACL
        | op::GET_CHILDREN
        | op::GET_ALL_CHILDREN_NUMBER
        | op::GET_CHILDREN2
        | op::PING
        | op::SET_WATCHES
        | op::SET_WATCHES2
        | op::CHECK_WATCHES
        | op::REMOVE_WATCHES
        | op::GET_EPHEMERALS
        | op::MULTI_READ
        | op::ADD_WATCH
        | op::WHO_AM_I => sessions.check(cx.session, cx.owner).err(),
        _ => Some(Code::Unimplemented),
    };
    Prepared::without_txn(error)
}

/// Whether the bytes are no request of this kind of write, and Java finds that out before it takes a zxid.
pub fn is_without_zxid(kind: i32, bytes: &[u8], limits: Limits) -> bool {
    matches!(Body::read(kind, bytes, limits), Err(Malformed::WithoutZxid))
}

/// Whether the bytes are a multi of writes, and of nothing else.
pub(super) fn is_multi_of_writes(bytes: &[u8], limits: Limits) -> bool {
    matches!(Body::read(op::MULTI, bytes, limits), Ok(Some(Body::Multi(_))))
}

/// Whether a request creates a node that ends with its session, alone or as part of a multi. Of the ways
/// to create only those are looked at that may.
pub(super) fn creates_ephemeral(kind: i32, bytes: &[u8], limits: Limits) -> bool {
    let is_ephemeral = |kind: i32, body: &Body<'_>| match body {
        Body::Create(create) if matches!(kind, op::CREATE | op::CREATE2) => {
            CreateMode::from_flags(create.flags).is_some_and(|mode| mode.ephemeral)
        }
        _ => false,
    };
    match kind {
        op::CREATE | op::CREATE2 | op::MULTI => match Body::read(kind, bytes, limits) {
            Ok(Some(Body::Multi(ops))) => ops.iter().any(|op| is_ephemeral(op.kind, &op.body)),
            Ok(Some(body)) => is_ephemeral(kind, &body),
            _ => false,
        },
        _ => false,
    }
}

/// The path's rules (`PathUtils.validatePath`); a null path breaks them.
fn validate(cx: &Context<'_>, path: Option<&str>) -> Result<(), Code> {
    let Some(path) = path else { return Err(Code::BadArguments) };
    path::validate(path).map_err(|reason| {
        log::info!("invalid path {path:?} with session {}: {reason}", cx.session);
        Code::BadArguments
    })
}

/// The path of the parent; an error if there is no slash, or a NUL.
fn parent_of(path: &str) -> Result<&str, Code> {
    match path::split(path) {
        Some((parent, _)) if !path.contains('\0') => Ok(parent),
        _ => Err(Code::BadArguments),
    }
}

/// The version after this one, if `expected` is this one or -1 (`checkAndIncVersion`).
fn next_version(current: i32, expected: i32) -> Result<i32, Code> {
    if expected != -1 && expected != current {
        return Err(Code::BadVersion);
    }
    Ok(current.wrapping_add(1))
}

#[cfg(test)]
mod tests;

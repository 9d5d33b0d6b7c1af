//! The audit log: who changed what at this server, a line each in its log, under a target of their own
//! by which they can be told from the rest. Java: `org.apache.zookeeper.audit`.
//!
//! A request is told of by the server that its client is connected to; an ephemeral node that goes with
//! its session by every server.

use std::sync::Arc;

use jute::Limits;
use jute::data::Id;
use log::{Level, error, info};

use super::prep::Asked;
use super::request::Request;
use crate::ids::SessionId;
use crate::op::op;
use crate::tree::Applied;
use crate::txn::Txn;

/// Where the lines go: a filter of the log can send them elsewhere by it.
const TARGET: &str = "gamekeeper::audit";
const SUCCESS: &str = "success";
const FAILURE: &str = "failure";

/// Writes the lines, if they are wanted (`zookeeper.audit.enable`).
#[derive(Debug, Clone, Default)]
pub struct Audit {
    /// Who runs the server; none if there is no audit log.
    user: Option<Arc<str>>,
}

impl Audit {
    /// An audit log of a server that `user` runs.
    pub fn new(user: &str) -> Self {
        Self { user: Some(user.into()) }
    }

    /// The server serves, or was to and cannot.
    pub fn started(&self, well: bool) {
        self.of_server("serverStart", if well { SUCCESS } else { FAILURE });
    }

    /// The server ends.
    pub fn stopping(&self) {
        self.of_server("serverStop", "invoked");
    }

    fn of_server(&self, operation: &str, result: &str) {
        if let Some(user) = &self.user {
            write(&Line { user: Some(user), operation, result, ..Line::default() }.text());
        }
    }

    /// A session has ended, and a node with it, if it was still there.
    pub(super) fn ephemeral_deleted(&self, session: SessionId, path: &str, deleted: bool) {
        if let Some(user) = &self.user {
            let session = hex(session);
            let line = Line {
                session: Some(&session),
                user: Some(user),
                operation: "ephemeralZNodeDeletionOnSessionCloseOrExpire",
                znode: Some(path),
                result: if deleted { SUCCESS } else { FAILURE },
                ..Line::default()
            };
            write(&line.text());
        }
    }

    /// A request of a client of this server was applied, or has failed.
    pub(super) fn applied(&self, request: &Request, txn: &Txn, applied: &Applied, limits: Limits) {
        if self.user.is_some() && log::log_enabled!(target: TARGET, Level::Info) {
            lines_of(request, txn, applied, limits).iter().for_each(|line| write(line));
        }
    }
}

fn write(line: &str) {
    info!(target: TARGET, "{line}");
}

fn hex(session: SessionId) -> String {
    format!("0x{:x}", session.0)
}

/// What a line may have.
#[derive(Debug, Clone, Copy, Default)]
struct Line<'a> {
    session: Option<&'a str>,
    user: Option<&'a str>,
    ip: Option<&'a str>,
    operation: &'a str,
    znode: Option<&'a str>,
    znode_type: Option<&'a str>,
    acl: Option<&'a str>,
    result: &'a str,
}

impl Line<'_> {
    /// Pairs with tabs between them; what there is not is left away (`AuditEvent.toString`).
    fn text(&self) -> String {
        let pairs = [
            ("session", self.session),
            ("user", self.user),
            ("ip", self.ip),
            ("operation", Some(self.operation)),
            ("znode", self.znode),
            ("znode_type", self.znode_type),
            ("acl", self.acl),
            ("result", Some(self.result)),
        ];
        let there = pairs.iter().filter_map(|(key, value)| Some(format!("{key}={}", (*value)?)));
        there.collect::<Vec<_>>().join("\t")
    }
}

/// The lines of a request; none if it is not of those that change something.
fn lines_of(request: &Request, txn: &Txn, applied: &Applied, limits: Limits) -> Vec<String> {
    let Some((conn, operation)) = request.conn.as_ref().zip(operation_of(request.op)) else {
        return Vec::new();
    };
    let Some(asked) = Asked::read(request.op, &request.body, limits) else {
        error!("Failed to audit log request {}", request.op);
        return Vec::new();
    };
    let failed = matches!(txn, Txn::Error(_)) || applied.err != 0;
    let (session, user) = (hex(request.session), user_of(&request.auth));
    let ip = conn.remote.ip().to_canonical().to_string();
    let line = Line {
        session: Some(&session),
        user: user.as_deref(),
        ip: Some(&ip),
        operation,
        result: if failed { FAILURE } else { SUCCESS },
        ..Line::default()
    };
    match txn {
        Txn::Multi(_) => lines_of_multi(&line, &asked, applied),
        _ => {
            let znode = path_of(txn).or(asked.path.as_deref());
            let (znode_type, acl) = (asked.mode, asked.acl.as_deref());
            vec![Line { znode, znode_type, acl, ..line }.text()]
        }
    }
}

/// A line for each change; one in all where it failed.
fn lines_of_multi(line: &Line<'_>, asked: &Asked, applied: &Applied) -> Vec<String> {
    if applied.multi.iter().any(|part| part.kind == op::ERROR) {
        return vec![Line { result: FAILURE, ..*line }.text()];
    }
    let changes = applied.multi.iter().filter_map(|part| {
        let znode = part.path.as_deref();
        let operation = operation_of(part.kind).filter(|_| part.kind != op::SET_ACL)?;
        let created = asked.creates.iter().rfind(|(path, _)| Some(path.as_str()) == znode);
        let znode_type = created.map(|(_, mode)| *mode).filter(|_| operation == "create");
        Some(Line { operation, znode, znode_type, ..*line }.text())
    });
    changes.collect()
}

fn operation_of(kind: i32) -> Option<&'static str> {
    Some(match kind {
        op::CREATE | op::CREATE2 | op::CREATE_CONTAINER | op::CREATE_TTL => "create",
        op::DELETE | op::DELETE_CONTAINER => "delete",
        op::SET_DATA => "setData",
        op::SET_ACL => "setAcl",
        op::MULTI => "multiOperation",
        op::RECONFIG => "reconfig",
        _ => return None,
    })
}

fn path_of(txn: &Txn) -> Option<&str> {
    match txn {
        Txn::Create(txn) => txn.path.as_deref(),
        Txn::CreateV0(txn) => txn.path.as_deref(),
        Txn::CreateTtl(txn) => txn.path.as_deref(),
        Txn::CreateContainer(txn) => txn.path.as_deref(),
        Txn::Delete(txn) => txn.path.as_deref(),
        Txn::SetData(txn) => txn.path.as_deref(),
        Txn::SetAcl(txn) => txn.path.as_deref(),
        _ => None,
    }
}

/// The names of all whom a connection has proved to be (`AuthUtil.getUsers`).
fn user_of(auth: &[Id]) -> Option<String> {
    let names = auth.iter().filter_map(|id| {
        let name = id.id.as_deref()?;
        match id.scheme.as_deref()? {
            // Nobody proves this one.
            "super" => None,
            "digest" => name.split(':').next(),
            _ => Some(name),
        }
    });
    let names: Vec<&str> = names.filter(|name| !name.trim().is_empty()).collect();
    (!names.is_empty()).then(|| names.join(","))
}

#[cfg(test)]
mod tests;

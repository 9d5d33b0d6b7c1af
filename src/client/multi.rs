//! `multi` and `multiRead`: many requests in one (Java: `MultiOperationRecord`, `MultiResponse`).
//!
//! Bytes: for each part a `MultiHeader` and its record, then a `MultiHeader` with `done` set.

use jute::data::{Acl, Stat};
use jute::proto::{
    CheckVersionRequest, Create2Response, CreateResponse, DeleteRequest, ErrorResponse,
    GetChildrenRequest, GetChildrenResponse, GetDataRequest, GetDataResponse, MultiHeader,
    SetDataRequest,
};
use jute::{DecodeError, Reader, Record, to_bytes};

use crate::op::op;

use super::connect_string::ConnectString;
use super::{CreateMode, Error};

/// One part of a multi. Versions of -1 mean any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    /// Creates a node.
    Create {
        /// Where.
        path: String,
        /// With what in it; `None` is null.
        data: Option<Vec<u8>>,
        /// Who may do what.
        acl: Vec<Acl>,
        /// What kind of node.
        mode: CreateMode,
    },
    /// Deletes the node of this version.
    Delete {
        /// Which one.
        path: String,
        /// Its version.
        version: i32,
    },
    /// Sets the data of the node of this version.
    SetData {
        /// Which one.
        path: String,
        /// The data; `None` is null.
        data: Option<Vec<u8>>,
        /// Its version.
        version: i32,
    },
    /// Fails unless the node has this version.
    Check {
        /// Which one.
        path: String,
        /// Its version.
        version: i32,
    },
    /// Only in a multiRead.
    GetData {
        /// Which one.
        path: String,
    },
    /// Only in a multiRead.
    GetChildren {
        /// Of which one.
        path: String,
    },
}

/// What became of one part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OpResult {
    /// Created, at this path.
    Create(String),
    /// A container or TTL node was created, at this path.
    Create2(String, Stat),
    /// Deleted.
    Delete,
    /// Set.
    SetData(Stat),
    /// The version is the one that was asked for.
    Check,
    /// The data (`None` is null) and stat.
    GetData(Option<Vec<u8>>, Stat),
    /// The children, in no order.
    GetChildren(Vec<String>),
    /// Failed, or not done because another part failed: then 0 before that part and
    /// `RuntimeInconsistency` behind it.
    Error(i32),
}

pub(super) fn encode(ops: &[Op], servers: &ConnectString) -> Vec<u8> {
    let mut out = Vec::new();
    for part in ops {
        let (kind, body) = encode_one(part, servers);
        MultiHeader { kind, done: false, err: -1 }.write(&mut out);
        out.extend_from_slice(&body);
    }
    MultiHeader { kind: -1, done: true, err: -1 }.write(&mut out);
    out
}

fn encode_one(part: &Op, servers: &ConnectString) -> (i32, Vec<u8>) {
    let server = |path: &str| Some(servers.to_server(path));
    match part {
        Op::Create { path, data, acl, mode } => {
            mode.request(op::CREATE, servers.to_server(path), data.as_deref(), acl)
        }
        &Op::Delete { ref path, version } => {
            (op::DELETE, to_bytes(&DeleteRequest { path: server(path), version }))
        }
        &Op::SetData { ref path, ref data, version } => {
            let request = SetDataRequest { path: server(path), data: data.clone(), version };
            (op::SET_DATA, to_bytes(&request))
        }
        &Op::Check { ref path, version } => {
            (op::CHECK, to_bytes(&CheckVersionRequest { path: server(path), version }))
        }
        Op::GetData { path } => {
            (op::GET_DATA, to_bytes(&GetDataRequest { path: server(path), watch: false }))
        }
        Op::GetChildren { path } => {
            (op::GET_CHILDREN, to_bytes(&GetChildrenRequest { path: server(path), watch: false }))
        }
    }
}

pub(super) fn decode(r: &mut Reader<'_>, servers: &ConnectString) -> Result<Vec<OpResult>, Error> {
    let mut results = Vec::new();
    loop {
        let header = MultiHeader::read(r)?;
        if header.done {
            return Ok(results);
        }
        results.push(decode_one(header.kind, r, servers)?);
    }
}

fn decode_one(
    kind: i32,
    r: &mut Reader<'_>,
    servers: &ConnectString,
) -> Result<OpResult, DecodeError> {
    let client = |path: Option<String>| servers.to_client(path.unwrap_or_default());
    Ok(match kind {
        op::CREATE => OpResult::Create(client(CreateResponse::read(r)?.path)),
        op::CREATE2 | op::CREATE_CONTAINER | op::CREATE_TTL => {
            let reply = Create2Response::read(r)?;
            OpResult::Create2(client(reply.path), reply.stat)
        }
        op::DELETE => OpResult::Delete,
        op::SET_DATA => OpResult::SetData(Stat::read(r)?),
        op::CHECK => OpResult::Check,
        op::GET_DATA => {
            let reply = GetDataResponse::read(r)?;
            OpResult::GetData(reply.data, reply.stat)
        }
        op::GET_CHILDREN => {
            let children = GetChildrenResponse::read(r)?.children.unwrap_or_default();
            OpResult::GetChildren(children.into_iter().map(Option::unwrap_or_default).collect())
        }
        _ => OpResult::Error(ErrorResponse::read(r)?.err),
    })
}

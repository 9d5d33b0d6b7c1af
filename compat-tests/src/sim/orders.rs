//! What a script has a client ask for, in the place of what the dice would.

use std::collections::VecDeque;

use gamekeeper::ids::Sid;
use gamekeeper::op::op;
use jute::data::open_acl;
use jute::proto::{CreateRequest, DeleteRequest, MultiHeader, RequestHeader, SetDataRequest};
use jute::{Record, to_bytes};

use super::clients::{frame, request};
use crate::history::Request;

/// A request.
#[derive(Debug, Clone)]
pub enum Order {
    /// A node that stays.
    Create(&'static str),
    /// A node that goes with its session.
    Ephemeral(&'static str),
    /// Another data for a node.
    Set(&'static str),
    /// A node goes.
    Delete(&'static str),
    /// These nodes get other data, and the last of them is created: all or none.
    Multi(&'static [&'static str]),
    /// The session ends.
    Close,
}

/// What a client does instead of what it likes.
#[derive(Debug, Clone, Default)]
pub struct Script {
    /// The member that it calls; without one it calls nobody.
    pub home: Option<Sid>,
    /// What it is to ask for next.
    pub orders: VecDeque<Order>,
}

impl Order {
    /// As the history has it, and as it is sent.
    pub(super) fn encode(&self, xid: i32, data: Vec<u8>) -> (Request, Vec<u8>) {
        match *self {
            Self::Create(path) => create(xid, path, data, 0),
            Self::Ephemeral(path) => create(xid, path, data, 1),
            Self::Set(path) => {
                let asked = Request::Set { path: path.to_owned(), data: data.clone() };
                (asked, request(xid, op::SET_DATA, &set(path, data)))
            }
            Self::Delete(path) => {
                let record = DeleteRequest { path: Some(path.to_owned()), version: -1 };
                (Request::Delete { path: path.to_owned() }, request(xid, op::DELETE, &record))
            }
            Self::Multi(paths) => (Request::Multi, multi(xid, paths, &data)),
            Self::Close => {
                (Request::Close, frame(&to_bytes(&RequestHeader { xid, kind: op::CLOSE_SESSION })))
            }
        }
    }
}

fn set(path: &str, data: Vec<u8>) -> SetDataRequest {
    SetDataRequest { path: Some(path.to_owned()), data: Some(data), version: -1 }
}

fn create_request(path: &str, data: Vec<u8>, flags: i32) -> CreateRequest {
    let acl = Some(open_acl().to_vec());
    CreateRequest { path: Some(path.to_owned()), data: Some(data), acl, flags }
}

fn create(xid: i32, path: &str, data: Vec<u8>, flags: i32) -> (Request, Vec<u8>) {
    let record = create_request(path, data.clone(), flags);
    (Request::Create { path: path.to_owned(), data }, request(xid, op::CREATE, &record))
}

/// The last of `paths` is created, all others are there and get other data.
fn multi(xid: i32, paths: &[&str], data: &[u8]) -> Vec<u8> {
    let mut body = to_bytes(&RequestHeader { xid, kind: op::MULTI });
    let last = paths.len().saturating_sub(1);
    for (i, path) in paths.iter().enumerate() {
        let kind = if i == last { op::CREATE } else { op::SET_DATA };
        MultiHeader { kind, done: false, err: -1 }.write(&mut body);
        if i == last {
            create_request(path, data.to_vec(), 0).write(&mut body);
        } else {
            set(path, data.to_vec()).write(&mut body);
        }
    }
    MultiHeader { kind: -1, done: true, err: -1 }.write(&mut body);
    frame(&body)
}

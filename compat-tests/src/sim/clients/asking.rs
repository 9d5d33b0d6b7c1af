//! What a client asks for: what its script says, or what its dice say.

use gamekeeper::op::op;
use jute::data::open_acl;
use jute::proto::{
    CheckVersionRequest, CreateRequest, DeleteRequest, ExistsRequest, GetChildrenRequest,
    GetDataRequest, MultiHeader, RequestHeader, SetDataRequest, SyncRequest,
};
use jute::{Record, to_bytes};

use super::{Client, frame, request};
use crate::history::Request;
use crate::sim::orders::Order;

impl Client {
    /// What is asked, whether with a watch, and how that is sent.
    pub(super) fn choose(&mut self) -> (Request, bool, Vec<u8>) {
        let scripted = self.script.as_mut().and_then(|script| script.orders.pop_front());
        let (order, data) = match scripted {
            Some(order) => (order, self.data()),
            None if self.random.chance(self.habits.closes) => (Order::Close, Vec::new()),
            None if self.random.chance(self.habits.reads) => return self.choose_read(),
            None => {
                let (asked, bytes) = self.choose_write();
                return (asked, false, bytes);
            }
        };
        self.closing = matches!(order, Order::Close);
        let (asked, bytes) = order.encode(self.xid, data);
        (asked, false, bytes)
    }

    fn parent(&mut self) -> String {
        format!("/n{}", self.random.below(self.habits.parents))
    }

    fn path(&mut self) -> String {
        let parent = self.parent();
        if self.random.chance(0.3) {
            return parent;
        }
        format!("{parent}/c{}", self.random.below(self.habits.names))
    }

    fn data(&mut self) -> Vec<u8> {
        self.counter += 1;
        let mut data = format!("{}-{}", self.id, self.counter).into_bytes();
        data.resize(data.len() + self.random.below(60) as usize, b'.');
        data
    }

    fn choose_read(&mut self) -> (Request, bool, Vec<u8>) {
        let (path, xid, watch) = (self.path(), self.xid, self.random.chance(0.4));
        let some = Some(path.clone());
        let (asked, bytes) = match self.random.below(4) {
            0 => {
                let record = GetDataRequest { path: some, watch };
                (Request::Get { path }, request(xid, op::GET_DATA, &record))
            }
            1 => {
                let record = ExistsRequest { path: some, watch };
                (Request::Exists { path }, request(xid, op::EXISTS, &record))
            }
            2 => {
                let path = self.parent();
                let record = GetChildrenRequest { path: Some(path.clone()), watch };
                (Request::Children { path }, request(xid, op::GET_CHILDREN, &record))
            }
            _ => (Request::Sync, request(xid, op::SYNC, &SyncRequest { path: some })),
        };
        (asked, watch, bytes)
    }

    fn choose_write(&mut self) -> (Request, Vec<u8>) {
        let xid = self.xid;
        match self.random.below(10) {
            0..=3 => self.create(),
            4..=6 => {
                let (path, data) = (self.path(), self.data());
                let version =
                    if self.random.chance(0.8) { -1 } else { self.random.below(4) as i32 };
                let record =
                    SetDataRequest { path: Some(path.clone()), data: Some(data.clone()), version };
                (Request::Set { path, data }, request(xid, op::SET_DATA, &record))
            }
            7..=8 => {
                let path = self.path();
                let record = DeleteRequest { path: Some(path.clone()), version: -1 };
                (Request::Delete { path }, request(xid, op::DELETE, &record))
            }
            _ => (Request::Multi, self.multi()),
        }
    }

    fn create(&mut self) -> (Request, Vec<u8>) {
        let path = self.path();
        let sequential = self.random.chance(0.2);
        let ephemeral = path.contains("/c") && self.random.chance(0.4);
        let flags = i32::from(ephemeral) | if sequential && path.contains("/c") { 2 } else { 0 };
        let data = self.data();
        let record = CreateRequest {
            path: Some(path.clone()),
            data: Some(data.clone()),
            acl: Some(open_acl().to_vec()),
            flags,
        };
        (Request::Create { path, data }, request(self.xid, op::CREATE, &record))
    }

    fn multi(&mut self) -> Vec<u8> {
        let mut body = to_bytes(&RequestHeader { xid: self.xid, kind: op::MULTI });
        for _ in 0..self.random.between(1, 4) {
            let path = Some(self.path());
            let kind = self.random.pick(&[op::CREATE, op::SET_DATA, op::DELETE, op::CHECK]);
            MultiHeader { kind, done: false, err: -1 }.write(&mut body);
            let (data, version) = (Some(self.data()), -1);
            match kind {
                op::CREATE => {
                    let acl = Some(open_acl().to_vec());
                    CreateRequest { path, data, acl, flags: 0 }.write(&mut body);
                }
                op::SET_DATA => SetDataRequest { path, data, version }.write(&mut body),
                op::DELETE => DeleteRequest { path, version }.write(&mut body),
                _ => CheckVersionRequest { path, version }.write(&mut body),
            }
        }
        MultiHeader { kind: -1, done: true, err: -1 }.write(&mut body);
        frame(&body)
    }
}

//! Preparation against a tree to which what was prepared is applied at the test's own pace.

mod codes;
mod malformed;
mod multi;
mod random;
mod sessions;

use jute::data::{Acl, open_acl};
use jute::proto::{CheckVersionRequest, CreateRequest, CreateTTLRequest, DeleteRequest};
use jute::proto::{MultiHeader, SetACLRequest, SetDataRequest};
use jute::{Record, Write, to_bytes};

use super::*;
use crate::server::harness::auth_config;
use crate::tree::{NoEvents, TreeOptions};

const SESSION: i64 = 0x1_0000;

struct Server {
    tree: DataTree,
    prep: Prep,
    sessions: SessionTracker,
    zxid: Zxid,
    wall: Millis,
    /// Prepared and not applied.
    queue: Vec<TxnRecord>,
}

impl Server {
    fn new() -> Self {
        Self::with(PrepOptions::default(), TreeOptions::default())
    }

    fn with_ttl() -> Self {
        Self::with(
            PrepOptions::default(),
            TreeOptions { extended_types: true, ..TreeOptions::default() },
        )
    }

    fn with(options: PrepOptions, tree: TreeOptions) -> Self {
        let auth = Arc::new(Auth::new(&auth_config()).unwrap());
        let mut sessions = SessionTracker::new(1, 2000, 0);
        for id in [SESSION, SESSION + 1] {
            sessions.restore(SessionId(id), 10_000, 0);
        }
        Self {
            tree: DataTree::new(tree),
            prep: Prep::new(options, auth),
            sessions,
            zxid: Zxid(0),
            wall: 1000,
            queue: Vec::new(),
        }
    }

    fn prepare(&mut self, req: &Request) -> Prepared {
        self.wall += 1;
        let next = self.zxid.next();
        let prepared = self.prep.prepare(&self.tree, req, next, self.wall, &mut self.sessions);
        if let Some(record) = &prepared.record {
            assert_eq!(record.header.zxid, next.0);
            self.zxid = next;
            self.queue.push(record.clone());
        }
        prepared
    }

    /// Applies everything that is prepared; what was predicted of the digest must come true.
    fn commit(&mut self) {
        for record in std::mem::take(&mut self.queue) {
            self.tree.apply_record(&record, &mut NoEvents);
            self.prep.applied(Zxid(record.header.zxid));
            assert_eq!(self.tree.digest_mismatches(), 0, "{record:?}");
        }
    }

    /// Prepares and applies; the error's code.
    fn run(&mut self, req: &Request) -> Option<Code> {
        let prepared = self.prepare(req);
        self.commit();
        prepared.error
    }

    /// Creates a node, which must succeed.
    fn make(&mut self, path: &str) {
        assert_eq!(self.run(&create(path, 0)), None, "{path}");
    }

    fn has(&self, path: &str) -> bool {
        self.tree.node(path).is_some()
    }
}

fn request(op: i32, body: Vec<u8>) -> Request {
    Request {
        conn: None,
        session: SessionId(SESSION),
        cxid: 7,
        op,
        body: body.into(),
        auth: Auth::connect_ids("10.0.0.1".parse().unwrap()).into(),
        received_ms: 0,
        learner: None,
        throttled: false,
    }
}

fn text(s: &str) -> Option<String> {
    Some(s.to_owned())
}

fn create_body(path: &str, flags: i32, acl: Option<Vec<Acl>>) -> Vec<u8> {
    to_bytes(&CreateRequest { path: text(path), data: Some(b"data".to_vec()), acl, flags })
}

fn create(path: &str, flags: i32) -> Request {
    request(op::CREATE, create_body(path, flags, Some(open_acl().to_vec())))
}

fn create_with(op: i32, path: &str, flags: i32) -> Request {
    request(op, create_body(path, flags, Some(open_acl().to_vec())))
}

fn create_acl(path: &str, acl: &[Acl]) -> Request {
    request(op::CREATE, create_body(path, 0, Some(acl.to_vec())))
}

fn create_ttl(path: &str, flags: i32, ttl: i64) -> Request {
    let acl = Some(open_acl().to_vec());
    let body = CreateTTLRequest { path: text(path), data: None, acl, flags, ttl };
    request(op::CREATE_TTL, to_bytes(&body))
}

fn delete(path: &str, version: i32) -> Request {
    request(op::DELETE, to_bytes(&DeleteRequest { path: text(path), version }))
}

fn delete_container(path: &str) -> Request {
    let mut body = Vec::new();
    body.put_buffer(Some(path.as_bytes()));
    Request { session: SessionId(0), ..request(op::DELETE_CONTAINER, body) }
}

fn set_data(path: &str, data: &[u8], version: i32) -> Request {
    let body = SetDataRequest { path: text(path), data: Some(data.to_vec()), version };
    request(op::SET_DATA, to_bytes(&body))
}

fn set_acl(path: &str, acl: &[Acl], version: i32) -> Request {
    let body = SetACLRequest { path: text(path), acl: Some(acl.to_vec()), version };
    request(op::SET_ACL, to_bytes(&body))
}

fn check(path: &str, version: i32) -> Request {
    request(op::CHECK, to_bytes(&CheckVersionRequest { path: text(path), version }))
}

fn close_session(id: i64) -> Request {
    Request { session: SessionId(id), cxid: 0, ..request(op::CLOSE_SESSION, Vec::new()) }
}

/// A multi of the requests' ops and bodies.
fn multi(parts: &[Request]) -> Request {
    let mut body = Vec::new();
    for part in parts {
        MultiHeader { kind: part.op, done: false, err: -1 }.write(&mut body);
        body.extend_from_slice(&part.body);
    }
    MultiHeader { kind: -1, done: true, err: -1 }.write(&mut body);
    request(op::MULTI, body)
}

/// An ACL that gives `perms` to an address that is not ours.
fn for_others(perms: i32) -> Vec<Acl> {
    let id = Id { scheme: text("ip"), id: text("9.9.9.9") };
    vec![Acl { perms: 31, id }, world(perms)]
}

fn world(perms: i32) -> Acl {
    Acl { perms, id: Id { scheme: text("world"), id: text("anyone") } }
}

use jute::proto::{CreateRequest, CreateTTLRequest, DeleteRequest, MultiHeader, SetACLRequest};
use jute::to_bytes;
use jute::txn::{ErrorTxn, MultiTxn};

use super::*;
use crate::op::Code;
use crate::server::harness::{World, acl, create_txn, delete_txn};

/// The lines of a request of a client with session 0x1f, and what both its names say.
fn lines(kind: i32, body: &[u8], txn: &Txn, applied: &Applied) -> Vec<String> {
    let mut world = World::new();
    let peer = world.connect();
    let id = |scheme: &str, id: &str| Id { scheme: Some(scheme.into()), id: Some(id.into()) };
    let request = Request {
        conn: Some(Arc::clone(peer.conn())),
        learner: None,
        session: SessionId(0x1f),
        cxid: 1,
        op: kind,
        body: body.into(),
        auth: [id("ip", "10.0.0.1"), id("super", ""), id("digest", "ann:secret")].into(),
        received_ms: 0,
        throttled: false,
    };
    lines_of(&request, txn, applied, Limits::default())
        .iter()
        .map(|line| {
            let head = format!("session=0x1f\tuser=10.0.0.1,ann\tip={}\t", peer.conn().remote.ip());
            line.strip_prefix(&head).expect(line).to_owned()
        })
        .collect()
}

fn create(path: &str, flags: i32) -> Vec<u8> {
    let (path, acl) = (Some(path.to_owned()), Some(vec![acl(31, "world", "anyone")]));
    to_bytes(&CreateRequest { path, data: None, acl, flags })
}

fn failed(code: Code) -> (Txn, Applied) {
    let err = code.number();
    (Txn::Error(ErrorTxn { err }), Applied { kind: op::ERROR, err, ..Applied::default() })
}

#[test]
fn a_create_tells_the_mode_and_the_path_that_it_got() {
    let made = create_txn("/a0000000007", b"");
    let line = lines(op::CREATE2, &create("/a", 2), &made, &Applied::default());
    let expected = "znode=/a0000000007\tznode_type=persistent_sequential\tresult=success";
    assert_eq!(line, [format!("operation=create\t{expected}")]);
    let (txn, applied) = failed(Code::NodeExists);
    let line = lines(op::CREATE, &create("/a", 1), &txn, &applied);
    assert_eq!(line, ["operation=create\tznode=/a\tznode_type=ephemeral\tresult=failure"]);
    let (path, acl) = (Some("/t".to_owned()), Some(vec![acl(31, "world", "anyone")]));
    let body = to_bytes(&CreateTTLRequest { path, data: None, acl, flags: 5, ttl: 9 });
    let line = lines(op::CREATE_TTL, &body, &create_txn("/t", b""), &Applied::default());
    let expected = "znode=/t\tznode_type=persistent_with_ttl\tresult=success";
    assert_eq!(line, [format!("operation=create\t{expected}")]);
}

#[test]
fn other_changes_tell_their_path() {
    let body = to_bytes(&DeleteRequest { path: Some("/d".to_owned()), version: 3 });
    let (txn, applied) = failed(Code::BadVersion);
    let line = lines(op::DELETE, &body, &txn, &applied);
    assert_eq!(line, ["operation=delete\tznode=/d\tresult=failure"]);
    let list = Some(vec![acl(1, "world", "anyone"), acl(31, "digest", "ann:x")]);
    let body = SetACLRequest { path: Some("/d".to_owned()), acl: list, version: -1 };
    let line = lines(op::SET_ACL, &to_bytes(&body), &txn, &applied);
    let expected = "znode=/d\tacl=world:anyone:rdigest:ann:x:cdrwa\tresult=failure";
    assert_eq!(line, [format!("operation=setAcl\t{expected}")]);
}

#[test]
fn reads_and_modes_that_there_are_not_tell_nothing() {
    let none: [String; 0] = [];
    assert_eq!(lines(op::GET_DATA, &[], &delete_txn("/a"), &Applied::default()), none);
    let (txn, applied) = failed(Code::BadArguments);
    assert_eq!(lines(op::CREATE, &create("/a", 9), &txn, &applied), none);
}

#[test]
fn a_multi_tells_each_change_or_that_it_failed() {
    let header = |kind, done| to_bytes(&MultiHeader { kind, done, err: -1 });
    let delete = to_bytes(&DeleteRequest { path: Some("/m".to_owned()), version: -1 });
    let body = [
        header(op::CREATE, false),
        create("/m", 0),
        header(op::CHECK, false),
        delete.clone(),
        header(op::DELETE, false),
        delete,
        header(-1, true),
    ]
    .concat();
    let part = |kind| Applied { kind, path: Some("/m".to_owned()), ..Applied::default() };
    let multi = [op::CREATE, op::CHECK, op::DELETE].map(part).to_vec();
    let txn = Txn::Multi(MultiTxn { txns: Some(Vec::new()) });
    let line = lines(op::MULTI, &body, &txn, &Applied { multi, ..Applied::default() });
    let made = "operation=create\tznode=/m\tznode_type=persistent\tresult=success";
    assert_eq!(line, [made, "operation=delete\tznode=/m\tresult=success"]);
    let multi = vec![part(op::ERROR), part(op::ERROR), part(op::ERROR)];
    let line = lines(op::MULTI, &body, &txn, &Applied { multi, ..Applied::default() });
    assert_eq!(line, ["operation=multiOperation\tresult=failure"]);
}

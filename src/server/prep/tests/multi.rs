//! Multis: all or nothing, and what is written down of those that fail.

use jute::txn::Txn as PartTxn;

use super::*;

fn parts(prepared: &Prepared) -> Vec<(i32, Option<i32>)> {
    let record = prepared.record.as_ref().unwrap();
    assert_eq!(record.header.kind, op::MULTI);
    let Txn::Multi(txn) = &record.txn else { panic!("no multi: {record:?}") };
    let error = |p: &PartTxn| {
        let bytes = p.data.as_deref().unwrap();
        (p.kind == op::ERROR).then(|| i32::from_be_bytes(bytes.try_into().unwrap()))
    };
    txn.txns.iter().flatten().map(|p| (p.kind, error(p))).collect()
}

#[test]
fn a_multi_sees_its_own_parts() {
    let mut server = Server::new();
    let req = multi(&[
        create("/a", 0),
        create_with(op::CREATE2, "/a/b", 0),
        check("/a", 0),
        set_data("/a", b"x", 0),
        check("/a", 1),
        delete("/a/b", -1),
        create("/a/s", 2),
    ]);
    let prepared = server.prepare(&req);
    assert_eq!(prepared.error, None);
    let kinds: Vec<_> = parts(&prepared).into_iter().map(|p| p.0).collect();
    let expected =
        [op::CREATE, op::CREATE2, op::CHECK, op::SET_DATA, op::CHECK, op::DELETE, op::CREATE];
    assert_eq!(kinds, expected);
    assert!(prepared.record.unwrap().digest.is_some());
    server.commit();
    assert!(server.has("/a/s0000000001"));
}

#[test]
fn a_multi_that_fails_keeps_its_shape_and_changes_nothing() {
    let mut server = Server::new();
    server.make("/p");
    assert_eq!(server.prepare(&create("/p/before", 0)).error, None);
    let req = multi(&[
        create("/p/a", 0),
        set_data("/p/before", b"x", -1),
        delete("/p/none", -1),
        create("/p/b", 0),
    ]);
    let prepared = server.prepare(&req);
    assert_eq!(prepared.error, Some(Code::NoNode));
    let expected = [
        (op::CREATE, None),
        (op::SET_DATA, None),
        (op::ERROR, Some(Code::NoNode.number())),
        (op::ERROR, Some(Code::RuntimeInconsistency.number())),
    ];
    assert_eq!(parts(&prepared), expected);
    // What is prepared behind it finds things as they were before it.
    assert_eq!(server.prepare(&set_data("/p/before", b"y", 0)).error, None);
    assert_eq!(server.prepare(&create("/p/s", 2)).error, None);
    server.commit();
    assert!(server.has("/p/s0000000001"));
    assert!(!server.has("/p/a"));
}

#[test]
fn a_multi_that_fails_first_leaves_no_trace() {
    let mut server = Server::new();
    let prepared = server.prepare(&multi(&[create("/a", 0), check("/a", 5)]));
    assert_eq!(prepared.error, Some(Code::BadVersion));
    assert_eq!(server.prepare(&create("/a", 0)).error, None);
    server.commit();
    assert!(server.has("/a"));
}

#[test]
fn flags_decide_the_op_code_of_a_part() {
    let mut server = Server::with_ttl();
    let kinds = |server: &mut Server, part: Request| {
        let prepared = server.prepare(&multi(&[part]));
        parts(&prepared)[0]
    };
    assert_eq!(kinds(&mut server, create("/a", 4)), (op::CREATE_CONTAINER, None));
    let container = create_with(op::CREATE_CONTAINER, "/b", 0);
    assert_eq!(kinds(&mut server, container), (op::CREATE_CONTAINER, None));
    assert_eq!(kinds(&mut server, create_ttl("/c", 5, 10)), (op::CREATE_TTL, None));
    assert_eq!(kinds(&mut server, create_ttl("/d", 0, 10)), (op::CREATE, None));
    assert_eq!(kinds(&mut server, create_ttl("/e", 4, 10)), (op::CREATE_CONTAINER, None));
    let bad = Code::BadArguments.number();
    assert_eq!(kinds(&mut server, create_ttl("/f", 9, 10)), (op::ERROR, Some(bad)));
    server.commit();
}

#[test]
fn an_empty_multi_is_a_transaction() {
    let mut server = Server::new();
    let prepared = server.prepare(&multi(&[]));
    assert_eq!((parts(&prepared).len(), prepared.error), (0, None));
    server.commit();
}

#[test]
fn a_session_that_moved_is_told_by_its_part() {
    let mut server = Server::new();
    let req = Request { session: SessionId(99), ..multi(&[create("/a", 0), create("/b", 0)]) };
    let prepared = server.prepare(&req);
    assert_eq!(prepared.error, Some(Code::UnknownSession));
    assert_eq!(parts(&prepared)[0], (op::ERROR, Some(Code::UnknownSession.number())));
}

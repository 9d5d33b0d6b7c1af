//! Sessions: whose requests count, how they begin and how they end.

use std::sync::atomic::Ordering;

use jute::txn::{CloseSessionTxn, CreateSessionTxn};

use super::*;

fn listed(prepared: Prepared) -> Vec<String> {
    match prepared.record.map(|r| r.txn) {
        Some(Txn::CloseSession(Some(CloseSessionTxn { paths_to_delete: Some(paths) }))) => {
            paths.into_iter().map(Option::unwrap).collect()
        }
        other => panic!("no list of paths: {other:?}"),
    }
}

#[test]
fn reads_need_their_session_and_take_no_zxid() {
    let mut server = Server::new();
    for kind in [op::SYNC, op::PING, op::GET_DATA, op::MULTI_READ, op::ADD_WATCH, op::WHO_AM_I] {
        let prepared = server.prepare(&request(kind, Vec::new()));
        assert_eq!(prepared, Prepared { record: None, error: None }, "{kind}");
        let unknown = Request { session: SessionId(99), ..request(kind, Vec::new()) };
        let expected = Prepared { record: None, error: Some(Code::UnknownSession) };
        assert_eq!(server.prepare(&unknown), expected);
    }
}

#[test]
fn what_is_no_op_is_not_implemented() {
    let mut server = Server::new();
    for kind in [op::NOTIFICATION, op::CHECK, 10, 23, 999, op::ERROR] {
        let prepared = server.prepare(&request(kind, Vec::new()));
        assert_eq!(prepared, Prepared { record: None, error: Some(Code::Unimplemented) });
    }
}

#[test]
fn a_throttled_request_is_not_looked_at() {
    let mut server = Server::new();
    let prepared = server.prepare(&Request { throttled: true, ..create("/a", 0) });
    assert_eq!(prepared, Prepared { record: None, error: Some(Code::ThrottledOp) });
}

#[test]
fn a_session_that_moved_or_closes_cannot_write() {
    let mut server = Server::new();
    let session = Arc::clone(server.sessions.get(SessionId(SESSION)).unwrap());
    session.owner.store(5, Ordering::Relaxed);
    assert_eq!(server.run(&create("/a", 0)), Some(Code::SessionMoved));
    assert_eq!(server.run(&request(op::SYNC, Vec::new())), Some(Code::SessionMoved));
    session.owner.store(0, Ordering::Relaxed);
    session.set_closing();
    assert_eq!(server.run(&create("/a", 0)), Some(Code::SessionExpired));
    assert_eq!(server.run(&create("/a", 1)), Some(Code::SessionExpired));
}

#[test]
fn a_session_begins() {
    let mut server = Server::new();
    let body = to_bytes(&CreateSessionTxn { timeout: 4000 });
    let begin = Request { session: SessionId(42), ..request(op::CREATE_SESSION, body) };
    let record = server.prepare(&begin).record.unwrap();
    assert_eq!(record.txn, Txn::CreateSession(CreateSessionTxn { timeout: 4000 }));
    assert!(record.digest.is_some());
    assert_eq!(server.sessions.get(SessionId(42)).unwrap().timeout_ms, 4000);
    server.sessions.set_closing(SessionId(42));
    assert_eq!(server.prepare(&begin).error, Some(Code::SessionExpired));
    let cut = Request { body: Box::default(), ..begin };
    let prepared = server.prepare(&cut);
    assert_eq!(prepared.error, Some(Code::MarshallingError));
    assert!(prepared.record.is_some());
}

#[test]
fn the_end_of_a_session_takes_its_ephemerals_applied_and_prepared() {
    let mut server = Server::new();
    for path in ["/a", "/b", "/c"] {
        assert_eq!(server.run(&create(path, 1)), None);
    }
    let other = Request { session: SessionId(SESSION + 1), ..create("/other", 1) };
    assert_eq!(server.run(&other), None);
    // Prepared: one goes, one goes and comes back as another's, one comes, one changes.
    for req in [
        delete("/a", -1),
        delete("/b", -1),
        Request { session: SessionId(SESSION + 1), ..create("/b", 1) },
        create("/new", 1),
        set_data("/c", b"changed", -1),
    ] {
        assert_eq!(server.prepare(&req).error, None);
    }
    let prepared = server.prepare(&close_session(SESSION));
    assert_eq!(listed(prepared), ["/c", "/new"]);
    assert_eq!(server.prepare(&create("/late", 0)).error, Some(Code::SessionExpired));
    server.commit();
    assert_eq!(server.tree.ephemerals_of(SessionId(SESSION)).count(), 0);
    assert!(server.has("/b") && server.has("/other"));
}

#[test]
fn a_node_that_goes_and_comes_back_is_listed_once() {
    let mut server = Server::new();
    assert_eq!(server.run(&create("/a", 1)), None);
    for req in [delete("/a", -1), create("/a", 1)] {
        assert_eq!(server.prepare(&req).error, None);
    }
    assert_eq!(listed(server.prepare(&close_session(SESSION))), ["/a"]);
    server.commit();
    assert!(!server.has("/a"));
}

/// Unlike in Java, where the parent keeps its children until the end is applied.
#[test]
fn a_parent_is_empty_as_soon_as_the_session_of_its_child_ends() {
    let mut server = Server::new();
    server.make("/p");
    assert_eq!(server.run(&create("/p/e", 1)), None);
    assert_eq!(server.prepare(&close_session(SESSION)).error, None);
    let other = Request { session: SessionId(SESSION + 1), ..delete("/p", -1) };
    assert_eq!(server.prepare(&other).error, None);
    server.commit();
    assert!(!server.has("/p"));
}

#[test]
fn the_list_can_be_left_out() {
    let options = PrepOptions { close_session_txn: false, ..PrepOptions::default() };
    let mut server = Server::with(options, TreeOptions::default());
    assert_eq!(server.run(&create("/a", 1)), None);
    let record = server.prepare(&close_session(SESSION)).record.unwrap();
    assert_eq!(record.txn, Txn::CloseSession(None));
    server.commit();
    assert!(!server.has("/a"));
}

#[test]
fn session_zero_owns_nothing() {
    let mut server = Server::new();
    assert_eq!(server.prepare(&create("/plain", 0)).error, None);
    assert!(listed(server.prepare(&close_session(0))).is_empty());
    server.commit();
    assert!(server.has("/plain"));
}

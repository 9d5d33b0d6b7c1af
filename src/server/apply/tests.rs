use std::sync::Arc;

use jute::proto::{Create2Response, CreateResponse, SetDataResponse, WatcherEvent};
use jute::txn::{CreateContainerTxn, ErrorTxn, MultiTxn, SetACLTxn, Txn as PartTxn, TxnHeader};
use jute::{Reader, Record, Write};

use super::{Applier, Now};
use crate::ids::SessionId;
use crate::op::{Code, op};
use crate::server::conn::{Closing, ConnShared};
use crate::server::harness::{
    Peer, Reply, World, acl, create_txn, delete_txn, path_and_flag, read_request, request, set_txn,
};
use crate::server::reason::DisconnectReason;
use crate::server::request::Request;
use crate::txn::{Txn, TxnRecord};

const NOW: Now = Now { monotonic: 1_010, wall: 1_700_000_000_050 };

/// A request of `peer` that is in the pipeline.
fn origin(world: &World, peer: &Peer, cxid: i32, kind: i32) -> Request {
    world.front.load.enter(0).unwrap();
    peer.conn().submit();
    Request {
        conn: Some(Arc::clone(peer.conn())),
        session: peer.session(),
        cxid,
        op: kind,
        body: Box::default(),
        auth: peer.conn().auth(),
        received_ms: 1_000,
        learner: None,
        throttled: false,
    }
}

fn written(world: &mut World, peer: &Peer, kind: i32, txn: Txn) -> Reply {
    let request = origin(world, peer, 12, kind);
    world.commit(kind, peer.session(), txn, Some(&request));
    assert_eq!((peer.conn().in_flight(), world.front.load.in_process()), (0, 0));
    peer.reply()
}

fn watch(world: &World, peer: &mut Peer, kind: i32, path: &str) {
    world.ask(peer, 1, kind, &path_and_flag(path, true));
}

/// The events in the output, as type, zxid and path.
fn events(peer: &Peer) -> Vec<(i32, i64, String)> {
    let event = |reply: &Reply| {
        let WatcherEvent { kind, state, path } = reply.record();
        assert_eq!((reply.xid, reply.err, state), (-1, 0, 3));
        (kind, reply.zxid, path.unwrap())
    };
    peer.replies().iter().map(event).collect()
}

#[test]
fn replies_to_writes() {
    let mut world = World::new();
    let peer = world.connect();
    let reply = written(&mut world, &peer, op::CREATE, create_txn("/a", b"x"));
    assert_eq!(reply.head(), (12, 2, 0));
    assert_eq!(reply.record::<CreateResponse>().path.as_deref(), Some("/a"));
    let reply = written(&mut world, &peer, op::CREATE2, create_txn("/b", b"xyz"));
    let response: Create2Response = reply.record();
    assert_eq!((response.path.as_deref(), response.stat.data_length), (Some("/b"), 3));
    let container = Txn::CreateContainer(CreateContainerTxn {
        path: Some("/c".to_owned()),
        data: None,
        acl: Some(Arc::clone(jute::data::open_acl())),
        parent_cversion: -1,
    });
    let reply = written(&mut world, &peer, op::CREATE_CONTAINER, container);
    assert_eq!(reply.record::<Create2Response>().path.as_deref(), Some("/c"));
    let reply = written(&mut world, &peer, op::SET_DATA, set_txn("/a", b"yy", 1));
    assert_eq!(reply.record::<SetDataResponse>().stat.version, 1);
    let set_acl = Txn::SetAcl(SetACLTxn {
        path: Some("/a".to_owned()),
        acl: Some(Arc::clone(jute::data::open_acl())),
        version: 1,
    });
    let reply = written(&mut world, &peer, op::SET_ACL, set_acl);
    assert_eq!(reply.record::<SetDataResponse>().stat.aversion, 1);
    for (kind, path) in [(op::DELETE, "/a"), (op::DELETE_CONTAINER, "/c")] {
        let reply = written(&mut world, &peer, kind, delete_txn(path));
        assert_eq!((reply.err, reply.body.len()), (0, 0));
    }
    let figures = peer.conn().stats.figures();
    assert_eq!((figures.last_operation, figures.last_cxid), ("DELE", 12));
}

#[test]
fn a_reconfig_answers_with_the_configuration() {
    let mut world = World::new();
    let peer = world.connect();
    let txn = set_txn("/zookeeper/config", b"version=1", -1);
    let reply = written(&mut world, &peer, op::RECONFIG, txn);
    let response: jute::proto::GetDataResponse = reply.record();
    assert_eq!(response.data.unwrap(), b"version=1");
}

#[test]
fn an_error_is_a_header() {
    let mut world = World::new();
    let peer = world.connect();
    let txn = Txn::Error(ErrorTxn { err: Code::NodeExists.number() });
    let reply = written(&mut world, &peer, op::CREATE, txn);
    assert_eq!((reply.head(), reply.body.len()), ((12, 2, -110), 0));
}

fn part(kind: i32, txn: &Txn) -> PartTxn {
    let mut data = Vec::new();
    txn.write(&mut data);
    PartTxn { kind, data: Some(data) }
}

#[test]
fn the_results_of_a_multi() {
    let mut world = World::new();
    let peer = world.connect();
    let parts = vec![
        part(op::CREATE, &create_txn("/a", b"")),
        part(op::CREATE2, &create_txn("/b", b"1")),
        part(op::SET_DATA, &set_txn("/b", b"22", 1)),
        part(op::DELETE, &delete_txn("/a")),
    ];
    let reply = written(&mut world, &peer, op::MULTI, Txn::Multi(MultiTxn { txns: Some(parts) }));
    assert_eq!(reply.head(), (12, 2, 0));
    let mut r = Reader::new(&reply.body);
    let header = |r: &mut Reader<'_>| (r.int().unwrap(), r.bool().unwrap(), r.int().unwrap());
    assert_eq!(header(&mut r), (op::CREATE, false, 0));
    assert_eq!(CreateResponse::read(&mut r).unwrap().path.as_deref(), Some("/a"));
    assert_eq!(header(&mut r), (op::CREATE2, false, 0));
    assert_eq!(Create2Response::read(&mut r).unwrap().path.as_deref(), Some("/b"));
    assert_eq!(header(&mut r), (op::SET_DATA, false, 0));
    assert_eq!(SetDataResponse::read(&mut r).unwrap().stat.version, 1);
    assert_eq!(header(&mut r), (op::DELETE, false, 0));
    assert_eq!(header(&mut r), (-1, true, -1));
    assert!(r.is_empty());
}

fn failed_multi(code: Code) -> Txn {
    let error = |code: Code| part(op::ERROR, &Txn::Error(ErrorTxn { err: code.number() }));
    let parts = vec![
        part(op::CREATE, &create_txn("/m", b"")),
        error(code),
        error(Code::RuntimeInconsistency),
    ];
    Txn::Multi(MultiTxn { txns: Some(parts) })
}

#[test]
fn a_multi_that_failed_succeeds_in_telling_so() {
    let mut world = World::new();
    let peer = world.connect();
    let reply = written(&mut world, &peer, op::MULTI, failed_multi(Code::BadVersion));
    assert_eq!(reply.head(), (12, 2, 0));
    let mut expected = Vec::new();
    for err in [0, -103, -2] {
        expected.put_int(-1);
        expected.put_bool(false);
        expected.put_int(err);
        expected.put_int(err);
    }
    expected.put_int(-1);
    expected.put_bool(true);
    expected.put_int(-1);
    assert_eq!(reply.body, expected);
    assert!(world.front.db.read_tree().node("/m").is_none());
}

#[test]
fn a_moved_session_is_not_told_but_closed() {
    let moved = Code::SessionMoved;
    for txn in [Txn::Error(ErrorTxn { err: moved.number() }), failed_multi(moved)] {
        let mut world = World::new();
        let peer = world.connect();
        let request = origin(&world, &peer, 3, op::MULTI);
        world.commit(op::MULTI, peer.session(), txn, Some(&request));
        assert!(peer.output().is_empty());
        assert!(matches!(peer.conn().closing(), Some(Closing::AfterOutput(_))));
        assert_eq!(peer.conn().in_flight(), 0);
    }
    let mut world = World::new();
    let peer = world.connect();
    let request = origin(&world, &peer, 3, op::SYNC);
    let db = Arc::clone(&world.front.db);
    world.applier.answer(&world.front, &db.read_tree(), &request, Some(moved), NOW);
    assert!(peer.output().is_empty() && peer.conn().is_closing());
}

#[test]
fn watchers_are_told_before_the_writer_is_answered() {
    let mut world = World::new();
    let mut peer = world.connect();
    watch(&world, &mut peer, op::EXISTS, "/a");
    watch(&world, &mut peer, op::GET_CHILDREN, "/");
    peer.output();
    let request = origin(&world, &peer, 12, op::CREATE);
    world.commit(op::CREATE, peer.session(), create_txn("/a", b""), Some(&request));
    let mut replies = peer.replies();
    assert_eq!(replies.pop().unwrap().head(), (12, 2, 0));
    let kinds: Vec<_> =
        replies.iter().map(|r| (r.head(), r.record::<WatcherEvent>().kind)).collect();
    assert_eq!(kinds, [((-1, 2, 0), 1), ((-1, 2, 0), 4)]);
}

#[test]
fn one_shot_watches_are_told_once_and_owners_are_marked_once() {
    let mut world = World::new();
    world.create("/a", b"");
    let mut peer = world.connect();
    watch(&world, &mut peer, op::GET_DATA, "/a");
    world.marks.take();
    world.change(op::SET_DATA, set_txn("/a", b"1", 1));
    assert_eq!(events(&peer), [(3, 3, "/a".to_owned())]);
    assert_eq!(world.marks.take(), [peer.conn().id]);
    world.change(op::SET_DATA, set_txn("/a", b"2", 2));
    assert!(events(&peer).is_empty() && world.marks.take().is_empty());
    assert_eq!(world.front.metrics.node_changed_watch_count.count(), 1);
}

#[test]
fn a_deletion_tells_each_watcher_once() {
    let mut world = World::new();
    world.create("/a", b"");
    let mut peer = world.connect();
    watch(&world, &mut peer, op::GET_DATA, "/a");
    watch(&world, &mut peer, op::GET_CHILDREN, "/a");
    world.change(op::DELETE, delete_txn("/a"));
    assert_eq!(events(&peer), [(2, 3, "/a".to_owned())]);
}

#[test]
fn who_may_not_read_is_not_told() {
    let mut world = World::new();
    let (mut peer, mut blind) = (world.connect(), world.connect());
    let ids =
        world.front.auth.authenticate(Some("digest"), Some(b"u:p"), peer.conn().remote.ip(), None);
    let ids = ids.unwrap();
    let own = acl(31, "digest", ids[0].id.as_deref().unwrap());
    peer.conn().add_auth(ids);
    for peer in [&mut peer, &mut blind] {
        watch(&world, peer, op::EXISTS, "/own");
        peer.output();
    }
    world.create_with_acl("/own", vec![own]);
    assert_eq!(events(&peer), [(1, 3, "/own".to_owned())]);
    assert!(events(&blind).is_empty());
    let again = |peer: &mut Peer| world.ask(peer, 5, op::EXISTS, &path_and_flag("/own", false));
    assert_eq!(again(&mut blind)[0].err, -102);
}

#[test]
fn closing_connections_are_told_nothing() {
    let mut world = World::new();
    world.create("/a", b"");
    let mut peer = world.connect();
    watch(&world, &mut peer, op::GET_DATA, "/a");
    peer.conn().close_after_output(DisconnectReason::Unknown);
    let request = origin(&world, &peer, 12, op::SET_DATA);
    world.commit(op::SET_DATA, peer.session(), set_txn("/a", b"1", 1), Some(&request));
    assert!(peer.output().is_empty());
    assert_eq!((peer.conn().in_flight(), world.front.load.in_process()), (0, 0));
}

#[test]
fn an_expired_session_loses_its_connection() {
    let mut world = World::new();
    let (peer, other) = (world.connect(), world.connect());
    world.commit(op::CLOSE_SESSION, peer.session(), Txn::CloseSession(None), None);
    let closed = Closing::Now(DisconnectReason::ClientClosedSession);
    assert_eq!(peer.conn().closing(), Some(closed));
    assert_eq!(other.conn().closing(), None);
    world.commit(op::CLOSE_SESSION, SessionId(0x4711), Txn::CloseSession(None), None);
}

#[test]
fn a_throttled_request_is_told_so() {
    let mut world = World::new();
    let peer = world.connect();
    let mut request = origin(&world, &peer, 4, op::CREATE);
    request.throttled = true;
    let db = Arc::clone(&world.front.db);
    world.applier.answer(&world.front, &db.read_tree(), &request, None, NOW);
    assert_eq!(peer.reply().head(), (4, 1, -127));
    assert_eq!(peer.conn().stats.figures().last_latency, 10);
}

#[test]
fn a_dropped_request_counts_as_done() {
    let mut world = World::new();
    let peer = world.connect();
    let request = origin(&world, &peer, 4, op::CREATE);
    world.applier.drop_request(&world.front, &request);
    assert_eq!((peer.conn().in_flight(), world.front.load.in_process()), (0, 0));
    assert!(peer.output().is_empty());
}

#[test]
fn reads_behind_a_write_are_of_who_asked_at_the_time() {
    let mut world = World::new();
    world.create_with_acl("/own", vec![acl(31, "ip", "10.0.0.9")]);
    let mut peer = world.connect();
    let mut bytes = request(1, op::SYNC, &path_and_flag("/", false));
    bytes.extend(read_request(2, op::GET_DATA, "/own", true));
    world.feed(&mut peer, &bytes);
    world.pump(&mut peer);
    let heads: Vec<_> = peer.replies().iter().map(Reply::head).collect();
    assert_eq!(heads, [(1, 2, 0), (2, 2, 0)]);
    assert_eq!(world.front.db.lock_watches().watch_count(), 1);
}

#[test]
fn writes_weigh_on_their_namespace() {
    let mut world = World::new();
    world.create("/app", b"12345");
    world.create("/app/x", b"1");
    let set = world.front.metrics.write_per_namespace.of("app").unwrap();
    assert_eq!((set.count(), set.sum()), (2, 4 + 5 + 6 + 1));
}

/// Owners are told after the flag is down, so that what comes next tells them again.
#[test]
fn a_mark_is_not_lost() {
    let mut world = World::new();
    let peer = world.connect();
    let conn: &ConnShared = peer.conn();
    world.marks.take();
    world.applier.touch(peer.conn());
    world.applier.touch(peer.conn());
    world.applier.flush();
    assert_eq!(world.marks.take(), [conn.id]);
    world.applier.touch(peer.conn());
    world.applier.flush();
    assert_eq!(world.marks.take(), [conn.id]);
}

/// A leader's clock may show anything.
#[test]
fn a_transaction_of_any_time_is_applied() {
    let world = World::new();
    let mut applier = Applier::new();
    for (zxid, time) in [(1, i64::MIN), (2, i64::MAX)] {
        let header = TxnHeader { zxid, time, kind: op::CREATE, ..TxnHeader::default() };
        let txn = create_txn(&format!("/n{zxid}"), b"");
        let record = TxnRecord { header, txn, digest: None };
        let applied =
            applier.commit(&world.front, &mut world.front.db.write_tree(), &record, None, NOW);
        assert_eq!(applied.err, 0);
    }
}

//! A sound history passes; each rule fails on a history doctored against it.

use gamekeeper::ids::{SessionId, Zxid};
use gamekeeper::op::{Code, op};
use gamekeeper::txn::{Txn, TxnRecord};
use jute::data::Stat;
use jute::txn::{CloseSessionTxn, CreateTxn, DeleteTxn, ErrorTxn, SetDataTxn, TxnHeader};

use super::check::{Tolerance, check};
use super::{Body, Call, History, Reply, Request, Rule, SeenEvent, count_due_watches};

const SESSION: i64 = 0x100;
const TIMEOUT_MS: i64 = 1000;

const STRICT: Tolerance = Tolerance {
    clock_skew_ms: 0,
    local_sessions: false,
    read_only_members: false,
    lagging_leaders: false,
};

fn record(zxid: i64, cxid: i32, kind: i32, time: i64, txn: Txn) -> TxnRecord {
    let header = TxnHeader { client_id: SESSION, cxid, zxid, time, kind };
    TxnRecord { header, txn, digest: None }
}

fn create(zxid: i64, cxid: i32, path: &str, ephemeral: bool) -> TxnRecord {
    let txn = CreateTxn {
        path: Some(path.into()),
        data: Some(b"x".to_vec()),
        acl: None,
        ephemeral,
        parent_cversion: 1,
    };
    record(zxid, cxid, op::CREATE, 10 * zxid, Txn::Create(txn))
}

fn call(xid: i32, start_ms: i64, request: Request, zxid: i64, body: Body) -> Call {
    let reply =
        Reply { end_ms: start_ms + 2, position: xid as u64 * 10, zxid: Zxid(zxid), err: 0, body };
    Call {
        client: 0,
        conn: 0,
        session: SessionId(SESSION),
        session_timeout_ms: TIMEOUT_MS,
        xid,
        start_ms,
        request,
        watch: false,
        reply: Some(reply),
    }
}

fn stat(mzxid: i64, version: i32) -> Stat {
    Stat {
        czxid: 1,
        mzxid,
        pzxid: 3,
        version,
        cversion: 1,
        num_children: 1,
        data_length: 1,
        ..Stat::default()
    }
}

/// create /a; set /a; create ephemeral /a/e; get /a; children of /a; delete fails; the session expires.
fn sound() -> History {
    let set = SetDataTxn { path: Some("/a".into()), data: Some(b"y".to_vec()), version: 1 };
    let close = CloseSessionTxn { paths_to_delete: Some(vec![Some("/a/e".into())]) };
    let committed = vec![
        create(1, 1, "/a", false),
        record(2, 2, op::SET_DATA, 20, Txn::SetData(set)),
        create(3, 3, "/a/e", true),
        record(4, 6, op::ERROR, 60, Txn::Error(ErrorTxn { err: Code::NoNode.number() })),
        record(5, 0, op::CLOSE_SESSION, 5000, Txn::CloseSession(Some(close))),
    ];
    let path = || "/a".to_owned();
    let set_stat = Stat { czxid: 1, mzxid: 2, version: 1, ..Stat::default() };
    let mut failed = call(6, 60, Request::Delete { path: "/none".into() }, 4, Body::None);
    failed.reply.as_mut().expect("answered").err = Code::NoNode.number();
    let calls = vec![
        call(
            1,
            10,
            Request::Create { path: path(), data: b"x".to_vec() },
            1,
            Body::Created(path()),
        ),
        call(2, 20, Request::Set { path: path(), data: b"y".to_vec() }, 2, Body::Stat(set_stat)),
        call(
            3,
            30,
            Request::Create { path: "/a/e".into(), data: b"x".to_vec() },
            3,
            Body::Created("/a/e".into()),
        ),
        call(4, 40, Request::Get { path: path() }, 3, Body::Data(b"y".to_vec(), stat(2, 1))),
        call(5, 50, Request::Children { path: path() }, 3, Body::Children(vec!["e".into()])),
        failed,
    ];
    let event =
        SeenEvent { client: 0, conn: 0, position: 19, zxid: Zxid(2), kind: 3, path: path() };
    History { committed, calls, events: vec![event] }
}

fn broken(doctor: impl FnOnce(&mut History)) -> Vec<Rule> {
    let mut history = sound();
    doctor(&mut history);
    let mut rules: Vec<Rule> =
        check(&history, STRICT).into_iter().map(|violation| violation.rule).collect();
    rules.sort_unstable();
    rules.dedup();
    rules
}

fn reply(call: &mut Call) -> &mut Reply {
    call.reply.as_mut().expect("answered")
}

#[test]
fn a_sound_history_passes() {
    assert_eq!(check(&sound(), STRICT), []);
}

#[test]
fn a_hole_in_the_log() {
    assert!(broken(|h| h.committed[4].header.zxid = 7).contains(&Rule::Contiguous));
}

#[test]
fn an_acknowledged_write_that_was_lost() {
    assert!(broken(|h| drop(h.committed.remove(1))).contains(&Rule::AckedIsCommitted));
}

#[test]
fn an_acknowledged_write_with_another_effect() {
    let rules = broken(|h| {
        let txn = DeleteTxn { path: Some("/a".into()) };
        h.committed[1].txn = Txn::Delete(txn);
    });
    assert!(rules.contains(&Rule::AckedIsCommitted));
}

#[test]
fn an_error_told_for_a_write_that_succeeded() {
    assert_eq!(broken(|h| reply(&mut h.calls[1]).err = -103), [Rule::AckedIsCommitted]);
}

#[test]
fn a_write_ordered_before_one_that_was_answered_earlier() {
    assert_eq!(broken(|h| h.calls[0].start_ms = 45), [Rule::RealTime]);
}

#[test]
fn a_session_whose_writes_changed_places() {
    let rules = broken(|h| {
        h.calls.swap(0, 1);
    });
    assert_eq!(rules, [Rule::SessionFifo]);
}

#[test]
fn a_read_of_another_state() {
    assert_eq!(
        broken(|h| reply(&mut h.calls[3]).body = Body::Data(b"x".to_vec(), stat(2, 1))),
        [Rule::ReadAtZxid]
    );
    assert_eq!(
        broken(|h| reply(&mut h.calls[3]).body = Body::Data(b"y".to_vec(), stat(1, 1))),
        [Rule::ReadAtZxid]
    );
    assert_eq!(
        broken(|h| reply(&mut h.calls[4]).body = Body::Children(vec![])),
        [Rule::ReadAtZxid]
    );
    assert_eq!(
        broken(|h| reply(&mut h.calls[4]).body = Body::Children(vec!["f".into()])),
        [Rule::ReadAtZxid]
    );
}

#[test]
fn a_node_denied_that_was_there() {
    let rules = broken(|h| {
        let reply = reply(&mut h.calls[3]);
        reply.err = Code::NoNode.number();
        reply.body = Body::None;
    });
    assert_eq!(rules, [Rule::ReadAtZxid]);
}

#[test]
fn a_client_that_went_back_in_time() {
    assert_eq!(broken(|h| reply(&mut h.calls[4]).position = 1), [Rule::Monotonic]);
}

#[test]
fn an_event_behind_the_reply_that_shows_its_cause() {
    assert_eq!(broken(|h| h.events[0].position = 25), [Rule::EventFirst]);
}

#[test]
fn an_event_without_a_cause() {
    assert_eq!(broken(|h| h.events[0].kind = 2), [Rule::EventCause]);
    assert_eq!(broken(|h| h.events[0].path = "/b".into()), [Rule::EventCause]);
}

/// The data of /a is read before it is set, with a watch, by another connection than its writer's.
fn with_a_watch() -> History {
    let mut history = sound();
    let mut reader = |xid, start_ms, zxid, version, data: &str| {
        let seen = Body::Data(
            data.into(),
            Stat { num_children: 0, cversion: 0, pzxid: 1, ..stat(zxid, version) },
        );
        let mut call = call(xid, start_ms, Request::Get { path: "/a".into() }, zxid, seen);
        call.client = 1;
        call.session = SessionId(0x200);
        call.watch = xid == 1;
        history.calls.push(call);
    };
    reader(1, 15, 1, 0, "x");
    reader(2, 35, 2, 1, "y");
    let told = SeenEvent { client: 1, position: 15, ..history.events[0].clone() };
    history.events.push(told);
    history
}

#[test]
fn a_watch_that_told_of_nothing() {
    let broken = |doctor: fn(&mut History)| {
        let mut history = with_a_watch();
        doctor(&mut history);
        let rules = check(&history, STRICT).into_iter().map(|violation| violation.rule);
        rules.collect::<Vec<_>>()
    };
    assert_eq!(broken(|_| {}), []);
    assert_eq!(count_due_watches(&with_a_watch()), 1);
    assert_eq!(broken(|h| drop(h.events.pop())), [Rule::EventMissing]);
    assert_eq!(broken(|h| h.events[1].conn = 1), [Rule::EventMissing]);
    assert_eq!(broken(|h| h.events[1].zxid = Zxid(-1)), [], "an older server");
    let unseen = broken(|h| {
        h.events.pop();
        h.calls.pop();
    });
    assert_eq!(unseen, [], "it may still be under way");
}

#[test]
fn a_sync_that_did_not_wait() {
    let sync = |start_ms, zxid| {
        broken(|h| {
            let mut sync = call(1, start_ms, Request::Sync, zxid, Body::None);
            sync.client = 1;
            h.calls.push(sync);
        })
    };
    assert_eq!(sync(25, 2), []);
    assert_eq!(sync(25, 1), [Rule::Synced]);
    assert_eq!(sync(22, 1), [], "answered in the same millisecond");
    assert_eq!(sync(25, (1 << 32) | 1), [], "of another leader");
}

#[test]
fn an_ephemeral_that_outlived_its_session() {
    let rules = broken(|h| {
        let none = CloseSessionTxn { paths_to_delete: Some(Vec::new()) };
        h.committed[4].txn = Txn::CloseSession(Some(none));
    });
    assert_eq!(rules, [Rule::EphemeralLife]);
}

#[test]
fn a_session_that_expired_though_it_was_heard() {
    assert_eq!(broken(|h| h.committed[4].header.time = 1050), [Rule::ExpiredTooSoon]);
}

#[test]
fn only_local_sessions_end_without_a_transaction() {
    let mut history = sound();
    let call =
        history.calls.iter_mut().find(|call| call.request != Request::Close).expect("a call");
    call.request = Request::Close;
    call.xid = 999;
    call.session = SessionId(0x200);
    let lenient = Tolerance { local_sessions: true, ..STRICT };
    let broken =
        |tolerance| check(&history, tolerance).iter().any(|v| v.rule == Rule::AckedIsCommitted);
    assert!(broken(STRICT) && !broken(lenient));
}

#[test]
fn only_read_only_members_show_what_is_not_committed() {
    let mut history = sound();
    let get = &mut history.calls[3];
    reply(get).zxid = Zxid(9);
    reply(get).body = Body::Data(b"z".to_vec(), stat(9, 2));
    let lenient = Tolerance { read_only_members: true, ..STRICT };
    let broken = |tolerance| check(&history, tolerance).iter().any(|v| v.rule == Rule::ReadAtZxid);
    assert!(broken(STRICT) && !broken(lenient));
}

use std::time::Instant;

use jute::proto::{ConnectResponse, GetDataResponse, SetSASLResponse};
use jute::{Reader, Record, Write};
use proptest::prelude::*;

use super::{Command, Front, FrontSettings, Next, Serving};
use crate::config::AuthConfig;
use crate::op::{Code, op};
use crate::server::conn::Closing;
use crate::server::harness::{
    Peer, Reply, World, auth_config, connect_packet, packet, read_request, reconnect_packet,
    request, settings,
};
use crate::server::reason::DisconnectReason as Why;
use crate::server::request::Input;
use crate::server::sessions::password;

fn create_body(path: &str) -> Vec<u8> {
    let mut body = Vec::new();
    body.put_str(Some(path));
    body.put_buffer(Some(b"data"));
    body.put_count(Some(0));
    body.put_int(0);
    body
}

fn auth_body(scheme: &str, proof: Option<&[u8]>) -> Vec<u8> {
    let mut body = Vec::new();
    body.put_int(0);
    body.put_str(Some(scheme));
    body.put_buffer(proof);
    body
}

fn heads(replies: &[Reply]) -> Vec<(i32, i64, i32)> {
    replies.iter().map(Reply::head).collect()
}

fn closes(world: &World, peer: &mut Peer, bytes: &[u8]) -> Why {
    match world.feed(peer, bytes).next {
        Next::Close(why) => why,
        other => panic!("{other:?}"),
    }
}

fn connect_response(peer: &Peer) -> ConnectResponse {
    let output = peer.output();
    let mut r = Reader::new(&output);
    let content = r.buffer().unwrap().unwrap();
    assert!(r.is_empty());
    let mut r = Reader::new(content);
    let response = ConnectResponse::read(&mut r).unwrap();
    assert!(r.is_empty());
    response
}

#[test]
fn a_new_session() {
    let mut world = World::new();
    let mut peer = world.accept();
    assert!(peer.client.is_sessionless());
    let first = connect_packet(0, 1, 0, &[0; 16], Some(false));
    for cut in [0, 3, 4, 20, first.len() - 1] {
        let progress = world.feed(&mut peer, &first[..cut]);
        assert_eq!((progress.consumed, progress.next), (0, Next::More));
    }
    let mut bytes = first.clone();
    bytes.extend(request(-2, op::PING, &[]));
    let progress = world.feed(&mut peer, &bytes);
    assert_eq!((progress.consumed, progress.next), (first.len(), Next::Paused));
    assert!(!peer.client.is_sessionless());
    assert_eq!(world.feed(&mut peer, &bytes[first.len()..]).next, Next::Paused);
    world.pump(&mut peer);
    assert_eq!(world.marks.take(), [peer.conn().id]);
    let response = connect_response(&peer);
    assert_eq!(response.timeout, 4_000);
    assert_eq!(response.passwd.unwrap(), password(peer.session()));
    assert_eq!(response.session_id, peer.session().0);
    assert_eq!(world.feed(&mut peer, &bytes[first.len()..]).next, Next::More);
    assert_eq!(heads(&peer.replies()), [(-2, 1, 0)]);
}

#[test]
fn timeouts_are_clamped() {
    let mut world = World::new();
    for (wanted, got) in [(-5, 4_000), (4_001, 4_001), (i32::MAX, 40_000)] {
        let mut peer = world.accept();
        world.feed(&mut peer, &connect_packet(0, wanted, 0, &[], Some(true)));
        world.pump(&mut peer);
        assert_eq!(connect_response(&peer).timeout, got);
    }
}

#[test]
fn an_old_client_gets_no_read_only_byte() {
    let mut world = World::new();
    let mut peer = world.accept();
    world.feed(&mut peer, &connect_packet(0, 10_000, 0, &[0; 16], None));
    world.pump(&mut peer);
    assert_eq!(peer.output().len(), 4 + 36);
}

#[test]
fn a_client_that_has_seen_more_is_closed_in_silence() {
    let mut world = World::new();
    world.create("/a", b"");
    let ahead = world.last_zxid().0 + 1;
    let mut peer = world.accept();
    let why = closes(&world, &mut peer, &connect_packet(ahead, 10_000, 0, &[0; 16], Some(false)));
    assert_eq!((why, peer.output().len()), (Why::ClientZxidAhead, 0));
    let mut peer = world.accept();
    let level = connect_packet(ahead - 1, 10_000, 0, &[0; 16], Some(false));
    assert_eq!(world.feed(&mut peer, &level).next, Next::Paused);
}

#[test]
fn a_read_only_server_wants_read_only_clients() {
    let mut world = World::new();
    world.front.set_serving(Serving::ReadOnly);
    for old in [Some(false), None] {
        let mut peer = world.accept();
        let why = closes(&world, &mut peer, &connect_packet(0, 10_000, 0, &[], old));
        assert_eq!(why, Why::NotReadOnlyClient);
    }
    let mut peer = world.accept();
    world.feed(&mut peer, &connect_packet(0, 10_000, 0, &[], Some(true)));
    world.pump(&mut peer);
    assert!(connect_response(&peer).read_only);
    let refused = world.ask(&mut peer, 1, op::CREATE, &create_body("/x"));
    assert_eq!(heads(&refused), [(1, 1, Code::NotReadOnly.number())]);
    assert!(peer.submitted.is_empty());
}

#[test]
fn nobody_is_served_without_a_leader() {
    let mut world = World::new();
    let mut peer = world.connect();
    let mut new = world.accept();
    world.front.set_serving(Serving::No);
    assert_eq!(closes(&world, &mut peer, &request(-2, op::PING, &[])), Why::IoException);
    assert_eq!(world.feed(&mut new, b"ruok").next, word("ruok"));
    let mut new = world.accept();
    assert_eq!(closes(&world, &mut new, &[0, 0, 0, 44]), Why::IoException);
}

fn word(name: &'static str) -> Next {
    Next::Command(Command { name, mask: None })
}

#[test]
fn words_are_for_those_without_a_session() {
    let mut world = World::new();
    let mut peer = world.accept();
    assert_eq!(world.feed(&mut peer, b"mnt").next, Next::More);
    let progress = world.feed(&mut peer, b"mntr");
    assert_eq!((progress.consumed, progress.next), (4, word("mntr")));
    let mut peer = world.connect();
    assert_eq!(closes(&world, &mut peer, b"mntr"), Why::IoException);
}

#[test]
fn a_session_is_taken_up_again() {
    let mut world = World::new();
    let old = world.connect();
    let session = old.session();
    world.marks.take();
    let mut new = world.accept();
    assert_eq!(world.feed(&mut new, &reconnect_packet(session)).next, Next::Paused);
    assert_eq!(old.conn().closing(), Some(Closing::Now(Why::ClientReconnect)));
    assert_eq!(world.marks.take(), [old.conn().id]);
    world.pump(&mut new);
    let response = connect_response(&new);
    assert_eq!((response.session_id, response.timeout), (session.0, 10_000));
    old.client.disconnected(&world.front, &mut Vec::new());
    let bound = world.front.db.conns.of_session(session).unwrap();
    assert_eq!(bound.id, new.conn().id);
    assert_eq!(heads(&world.ask(&mut new, -2, op::PING, &[])), [(-2, world.zxid(), 0)]);
}

#[test]
fn a_wrong_password_is_refused_but_closes_the_old_connection() {
    let mut world = World::new();
    let old = world.connect();
    let mut new = world.accept();
    let packet = connect_packet(0, 10_000, old.session().0, &[1; 16], Some(false));
    closes(&world, &mut new, &packet);
    assert!(new.submitted.is_empty());
    assert!(old.conn().is_stale());
    let response = connect_response(&new);
    assert_eq!((response.session_id, response.timeout), (0, 0));
    assert_eq!(response.passwd.unwrap(), [0; 16]);
}

#[test]
fn an_unknown_session_is_refused() {
    let mut world = World::new();
    let mut peer = world.accept();
    world.feed(&mut peer, &reconnect_packet(crate::ids::SessionId(99)));
    world.pump(&mut peer);
    assert_eq!(connect_response(&peer).session_id, 0);
    assert!(matches!(world.feed(&mut peer, &[]).next, Next::Close(_)));
}

#[test]
fn reads_are_answered_at_once_and_in_one_run() {
    let mut world = World::new();
    world.create("/a", b"hello");
    let mut peer = world.connect();
    let mut bytes = read_request(1, op::GET_DATA, "/a", false);
    bytes.extend(read_request(2, op::GET_DATA, "/b", false));
    bytes.extend(request(-2, op::PING, &[]));
    bytes.extend(&read_request(3, op::EXISTS, "/a", false)[..9]);
    let progress = world.feed(&mut peer, &bytes);
    assert_eq!((progress.consumed, progress.next), (bytes.len() - 9, Next::More));
    let replies = peer.replies();
    let zxid = world.zxid();
    assert_eq!(heads(&replies), [(1, zxid, 0), (2, zxid, -101), (-2, zxid, 0)]);
    let data: GetDataResponse = replies[0].record();
    assert_eq!(data.data.unwrap(), b"hello");
    let figures = peer.conn().stats.figures();
    assert_eq!((figures.packets_received, figures.packets_sent), (4, 4));
    assert_eq!((figures.last_operation, figures.last_cxid), ("PING", 2));
    assert_eq!(world.front.metrics.readlatency.summary().count(), 3);
}

#[test]
fn a_read_behind_a_write_waits_for_it() {
    let mut world = World::new();
    let mut peer = world.connect();
    let mut bytes = read_request(1, op::EXISTS, "/a", false);
    bytes.extend(request(2, op::CREATE, &create_body("/a")));
    bytes.extend(read_request(3, op::EXISTS, "/a", false));
    bytes.extend(request(-2, op::PING, &[]));
    assert_eq!(world.feed(&mut peer, &bytes).next, Next::More);
    assert_eq!(heads(&peer.replies()), [(1, 1, -101)]);
    assert_eq!((peer.submitted.len(), peer.conn().in_flight()), (3, 3));
    assert_eq!(world.front.load.in_process(), 3);
    world.pump(&mut peer);
    assert_eq!(heads(&peer.replies()), [(2, 2, 0), (3, 2, 0), (-2, 2, 0)]);
    assert_eq!((peer.conn().in_flight(), world.front.load.in_process()), (0, 0));
    let replies = world.ask(&mut peer, 4, op::WHO_AM_I, &[]);
    assert_eq!(heads(&replies), [(4, 2, 0)]);
}

#[test]
fn an_unknown_op_is_answered_and_ends_the_connection() {
    for kind in [0, 10, 13, -1, 99, op::CHECK, op::NOTIFICATION] {
        let mut world = World::new();
        let mut peer = world.connect();
        let mut bytes = request(5, kind, &[]);
        bytes.extend(request(6, op::PING, &[]));
        closes(&world, &mut peer, &bytes);
        assert_eq!(heads(&peer.replies()), [(5, -1, -6)], "op {kind}");
    }
}

#[test]
fn lengths_that_no_packet_has() {
    let mut world = World::new();
    for len in [-1, i32::MIN, 10_001, i32::MAX] {
        let mut peer = world.connect();
        assert_eq!(closes(&world, &mut peer, &len.to_be_bytes()), Why::IoException);
    }
    let mut peer = world.connect();
    assert_eq!(world.feed(&mut peer, &10_000_i32.to_be_bytes()).next, Next::More);
    for short in 0..8 {
        let mut peer = world.connect();
        assert_eq!(closes(&world, &mut peer, &packet(&vec![0; short])), Why::IoException);
    }
}

#[test]
fn large_requests_are_limited_together() {
    let mut s = settings();
    s.throttle.large_request_threshold = 100;
    s.throttle.large_request_max_bytes = 500;
    let mut world = World::with(s, &auth_config());
    let mut peer = world.connect();
    let long = create_body(&format!("/{}", "x".repeat(300)));
    assert!(world.ask(&mut peer, 1, op::CREATE, &long).is_empty());
    let mut other = world.connect();
    assert_eq!(closes(&world, &mut other, &400_i32.to_be_bytes()), Why::IoException);
    assert_eq!(world.front.metrics.large_requests_rejected.get(), 1);
    world.pump(&mut peer);
    let mut other = world.connect();
    assert_eq!(world.feed(&mut other, &400_i32.to_be_bytes()).next, Next::More);
}

#[test]
fn over_the_outstanding_limit_a_connection_waits_for_its_own() {
    let s = FrontSettings { outstanding_limit: 1, ..settings() };
    let mut world = World::with(s, &auth_config());
    let (mut a, mut b) = (world.connect(), world.connect());
    let create = |xid, path| request(xid, op::CREATE, &create_body(path));
    assert_eq!(world.feed(&mut a, &create(1, "/a")).next, Next::More);
    assert_eq!(world.feed(&mut b, &create(1, "/b")).next, Next::Paused);
    assert_eq!(world.feed(&mut b, &create(2, "/c")).consumed, 0);
    assert_eq!(world.feed(&mut a, &create(2, "/d")).next, Next::Paused);
    world.pump(&mut b);
    assert_eq!(world.feed(&mut b, &request(-2, op::PING, &[])).next, Next::More);
    world.pump(&mut a);
    assert_eq!(world.feed(&mut a, &create(3, "/e")).next, Next::More);
}

#[test]
fn connects_are_throttled() {
    let mut s = settings();
    s.throttle.connection.tokens = 1;
    s.throttle.connection.fill_time_ms = 1_000_000;
    let mut world = World::with(s, &auth_config());
    world.connect();
    let mut peer = world.accept();
    let why = closes(&world, &mut peer, &connect_packet(0, 0, 0, &[], Some(false)));
    assert_eq!(why, Why::ClientCnxLimit);
    assert_eq!(world.front.metrics.connection_rejected.get(), 1);
}

#[test]
fn auth_packets() {
    let mut world = World::new();
    let mut peer = world.connect();
    let ok = world.ask(&mut peer, -4, op::AUTH, &auth_body("digest", Some(b"u:p")));
    assert_eq!(heads(&ok), [(-4, 0, 0)]);
    assert_eq!(peer.conn().auth().len(), 2);
    world.ask(&mut peer, -4, op::AUTH, &auth_body("digest", Some(b"u:p")));
    assert_eq!(peer.conn().auth().len(), 2);
    closes(&world, &mut peer, &request(-4, op::AUTH, &auth_body("nobody", Some(b""))));
    assert_eq!(heads(&peer.replies()), [(-4, 0, -115)]);
    let mut peer = world.connect();
    assert_eq!(closes(&world, &mut peer, &request(-4, op::AUTH, &[0; 5])), Why::IoException);
    assert!(peer.replies().is_empty());
}

#[test]
fn sasl_that_is_not_configured() {
    let mut world = World::new();
    let mut peer = world.connect();
    let replies = world.ask(&mut peer, 3, op::SASL, &[0, 0, 0, 0]);
    assert_eq!(heads(&replies), [(3, 0, 0)]);
    assert_eq!(replies[0].record::<SetSASLResponse>().token, None);
    assert_eq!(closes(&world, &mut peer, &request(3, op::SASL, &[0xff; 4])), Why::CleanUp);
}

#[test]
fn authentication_that_is_demanded() {
    let demanding = AuthConfig {
        enforce_auth: true,
        enforce_auth_schemes: vec!["digest".to_owned()],
        ..auth_config()
    };
    let mut world = World::with(settings(), &demanding);
    for kind in [op::PING, op::GET_DATA, op::CREATE, op::CLOSE_SESSION, 99] {
        let mut peer = world.connect();
        closes(&world, &mut peer, &request(7, kind, &[]));
        assert_eq!(heads(&peer.replies()), [(7, 0, -124)]);
    }
    let mut peer = world.connect();
    world.ask(&mut peer, -4, op::AUTH, &auth_body("digest", Some(b"u:p")));
    assert_eq!(heads(&world.ask(&mut peer, -2, op::PING, &[])), [(-2, world.zxid(), 0)]);
}

#[test]
fn a_closed_session() {
    let mut world = World::new();
    let mut peer = world.connect();
    assert!(world.ask(&mut peer, 8, op::CLOSE_SESSION, &[]).is_empty());
    world.pump(&mut peer);
    assert_eq!(heads(&peer.replies()), [(8, world.zxid(), 0)]);
    assert_eq!(peer.conn().closing(), Some(Closing::AfterOutput(Why::ClientClosedSession)));
}

#[test]
fn requests_of_a_closing_session_are_dropped() {
    let mut world = World::new();
    let mut peer = world.connect();
    world.sessions.set_closing(peer.session());
    assert!(world.ask(&mut peer, 1, op::PING, &[]).is_empty());
    assert!(world.ask(&mut peer, 2, op::CREATE, &create_body("/a")).is_empty());
    assert!(peer.submitted.is_empty());
}

#[test]
fn a_session_that_moved_ends_the_connection_in_silence() {
    let mut world = World::new();
    let mut peer = world.connect();
    let session = peer.conn().session().unwrap();
    session.owner.store(12_345, std::sync::atomic::Ordering::Release);
    closes(&world, &mut peer, &request(1, op::PING, &[]));
    assert!(peer.output().is_empty());
}

#[test]
fn a_client_is_heard_once_for_a_run() {
    let mut world = World::new();
    let mut peer = world.connect();
    world.now = 5_000;
    world.ask(&mut peer, -4, op::AUTH, &auth_body("digest", Some(b"u:p")));
    let heard = |peer: &Peer| {
        peer.conn().session().unwrap().last_heard.load(std::sync::atomic::Ordering::Relaxed)
    };
    assert_eq!(heard(&peer), 1_000);
    world.ask(&mut peer, -2, op::PING, &[]);
    assert_eq!(heard(&peer), 5_000);
}

#[test]
fn a_slow_reader_is_not_read_on() {
    let mut world = World::new();
    world.create("/big", &[7; 9_000]);
    let mut peer = world.connect();
    let bytes: Vec<u8> =
        (0..500).flat_map(|xid| read_request(xid, op::GET_DATA, "/big", false)).collect();
    let mut consumed = 0;
    let mut calls = 0;
    while world.feed(&mut peer, &bytes[consumed..]).consumed > 0 {
        peer.conn().lock_output().truncate(0);
        let progress = world.feed(&mut peer, &bytes[consumed..]);
        consumed += progress.consumed;
        calls += 1;
        assert!(peer.conn().lock_output().len() < 600 << 10);
    }
    assert!(calls > 5);
    peer.conn().lock_output().resize(2 << 20, 0);
    let progress = world.feed(&mut peer, &bytes);
    assert_eq!((progress.consumed, progress.next), (0, Next::Again));
}

#[test]
fn every_figure_has_a_name_of_its_own() {
    let world = World::new();
    let mut names = std::collections::HashSet::new();
    world.front.list_metrics(2_000, &mut |name, _| assert!(names.insert(name)));
    for name in ["znode_count", "watch_count", "uptime", "avg_latency", "p99_updatelatency"] {
        assert!(names.contains(name), "{name}");
    }
    let front: &Front = &world.front;
    front.reset_stats();
}

/// A conversation of a client, whole packets.
fn conversation(world: &World) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (xid, kind) in (1..).zip([
        op::GET_DATA,
        op::EXISTS,
        op::GET_CHILDREN,
        op::GET_CHILDREN2,
        op::GET_ACL,
        op::GET_EPHEMERALS,
        op::GET_ALL_CHILDREN_NUMBER,
        op::ADD_WATCH,
        op::CHECK_WATCHES,
        op::REMOVE_WATCHES,
        op::SET_WATCHES,
        op::SET_WATCHES2,
        op::MULTI_READ,
        op::WHO_AM_I,
        op::AUTH,
        op::SASL,
        op::PING,
        op::CREATE,
        op::SYNC,
    ]) {
        bytes.extend(read_request(xid, kind, "/a", true));
    }
    assert!(bytes.len() < world.front.settings.max_buffer);
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Damage ends a connection at worst, and only that one.
    #[test]
    fn damaged_packets(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..12),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut world = World::new();
        world.create("/a", b"x");
        let (mut peer, mut other) = (world.connect(), world.connect());
        let mut bytes = conversation(&world);
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes.truncate(cut.index(bytes.len() + 1));
        let progress = world.feed(&mut peer, &bytes);
        prop_assert!(progress.consumed <= bytes.len());
        prop_assert!(peer.conn().lock_output().len() < 100_000);
        prop_assert!(!matches!(progress.next, Next::Again | Next::Command(_)));
        peer.replies();
        for input in peer.submitted.drain(..) {
            let Input::Request(request) = input else { continue };
            prop_assert!(request.body.len() <= bytes.len());
        }
        let replies = world.ask(&mut other, -2, op::PING, &[]);
        prop_assert_eq!(heads(&replies), [(-2, world.zxid(), 0)]);
    }

    /// So does any first packet.
    #[test]
    fn any_first_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200), framed: bool) {
        let mut world = World::new();
        let mut peer = world.accept();
        let bytes = if framed { packet(&bytes) } else { bytes };
        let progress = world.feed(&mut peer, &bytes);
        prop_assert!(progress.consumed <= bytes.len());
        world.pump(&mut peer);
    }
}

/// Not a test of speed, but the place to see it: `cargo test --release -- --ignored --nocapture`.
#[test]
#[ignore = "prints a time"]
fn time_of_a_pipelined_read() {
    let mut world = World::new();
    for i in 0..1_000 {
        world.create(&format!("/node-{i:04}"), &[1; 100]);
    }
    let mut peer = world.connect();
    let bytes: Vec<u8> = (0..1_000)
        .flat_map(|i| {
            read_request(i, op::GET_DATA, &format!("/node-{:04}", (i * 7) % 1_000), false)
        })
        .collect();
    let rounds = 2_000;
    let start = Instant::now();
    for _ in 0..rounds {
        let progress = world.feed(&mut peer, &bytes);
        assert_eq!(progress.consumed, bytes.len());
        peer.conn().lock_output().clear();
    }
    let ns = start.elapsed().as_nanos() / (rounds * 1_000);
    println!("{ns} ns for each read");
}

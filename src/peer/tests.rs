//! A server alone, by its face: what waits for the disk, what is answered when, what a tick does.

use jute::proto::{CreateRequest, MultiHeader, SetDataRequest};
use jute::{Record, to_bytes};

use super::pipeline::PipelineSettings;
use super::snapshots::{SnapshotLimits, SnapshotPolicy};
use super::standalone::Standalone;
use super::{Effect, Event, LogBatch, Now};
use crate::ids::{Millis, SessionId, Zxid};
use crate::op::op;
use crate::server::container::ContainerOptions;
use crate::server::harness::{
    Peer, World, connect_packet, path_and_flag, read_request, reconnect_packet, request, throttler,
};
use crate::server::prep::PrepOptions;
use crate::server::request::{Input, learner_owner};
use crate::server::sessions::{LocalSessions, SessionTracker};
use crate::zab::LinkId;

const WALL: Millis = 1_700_000_000_000;

/// A server, a world of clients, and a disk that is durable when the test says so.
struct Stage {
    world: World,
    server: Standalone,
    logged: Vec<LogBatch>,
    snapshots: usize,
}

impl Stage {
    fn new() -> Self {
        Self::with_throttle(0)
    }

    /// At most `max_requests` are processed at a time; 0 for no limit.
    fn with_throttle(max_requests: i32) -> Self {
        Self::with(max_requests, SessionTracker::new(1, 2_000, WALL))
    }

    /// As a leader does, with a disk in the place of the quorum.
    fn leading(local: LocalSessions) -> Self {
        Self::with(0, SessionTracker::new(1, 2_000, WALL).of_leader(local, 20_000))
    }

    fn with(max_requests: i32, sessions: SessionTracker) -> Self {
        Self::with_containers(max_requests, sessions, ContainerOptions::default())
    }

    fn with_containers(
        max_requests: i32,
        sessions: SessionTracker,
        containers: ContainerOptions,
    ) -> Self {
        let world = World::new();
        let settings = PipelineSettings {
            prep: PrepOptions::default(),
            containers,
            throttler: throttler(max_requests, 0),
            batch_max: 3,
        };
        let parts = settings.parts(&world.front, &world.front.auth, sessions, world.now);
        let snapshots = SnapshotPolicy::new(SnapshotLimits { count: 20, bytes: 0 }, 1);
        let server = Standalone::new(parts, snapshots);
        Self { world, server, logged: Vec::new(), snapshots: 0 }
    }

    fn step(&mut self, event: Event) {
        let mut effects = Vec::new();
        let now = Now { mono: self.world.now, wall: WALL + self.world.now };
        self.server.step(now, event, &mut effects);
        for effect in effects {
            match effect {
                Effect::Log(batch) => self.logged.push(batch),
                Effect::Snapshot => self.snapshots += 1,
                other => panic!("a server alone wants {other:?}"),
            }
        }
    }

    fn last_logged(&self) -> Zxid {
        self.logged.last().and_then(LogBatch::last_zxid).unwrap_or(Zxid::ZERO)
    }

    /// The disk has everything.
    fn sync(&mut self) {
        let zxid = self.last_logged();
        self.step(Event::Durable(zxid));
    }

    fn hand_over(&mut self, peer: &mut Peer) {
        let inputs: Vec<Input> = std::mem::take(&mut peer.submitted);
        self.step(Event::Inputs(inputs));
    }

    fn connect(&mut self) -> Peer {
        let mut peer = self.world.accept();
        self.world.feed(&mut peer, &connect_packet(0, 4_000, 0, &[0; 16], Some(false)));
        self.hand_over(&mut peer);
        assert!(peer.output().is_empty(), "a session is there when its transaction is durable");
        self.sync();
        assert_eq!(peer.output().len(), 4 + 37);
        peer
    }

    /// A client with a session of which the disk hears nothing.
    fn connect_locally(&mut self) -> Peer {
        let before = self.last_logged();
        let mut peer = self.world.accept();
        self.world.feed(&mut peer, &connect_packet(0, 4_000, 0, &[0; 16], Some(false)));
        self.hand_over(&mut peer);
        assert_eq!((peer.output().len(), self.last_logged()), (4 + 37, before));
        peer
    }

    fn sessions(&self) -> &SessionTracker {
        self.server.pipeline().sessions()
    }

    fn tick(&mut self, now: Millis) {
        self.world.now = now;
        self.step(Event::Tick { heard_until: now });
    }

    fn exists(&self, path: &str) -> bool {
        self.world.front.db.read_tree().node(path).is_some()
    }
}

fn create(xid: i32, path: &str, flags: i32) -> Vec<u8> {
    request(xid, op::CREATE, &to_bytes(&create_body(path, flags)))
}

fn create_body(path: &str, flags: i32) -> CreateRequest {
    CreateRequest {
        path: Some(path.to_owned()),
        data: Some(b"x".to_vec()),
        acl: Some(jute::data::open_acl().to_vec()),
        flags,
    }
}

fn set(xid: i32, path: &str, data: &[u8]) -> Vec<u8> {
    let body =
        SetDataRequest { path: Some(path.to_owned()), data: Some(data.to_vec()), version: -1 };
    request(xid, op::SET_DATA, &to_bytes(&body))
}

fn xids(peer: &Peer) -> Vec<i32> {
    peer.replies().iter().map(|reply| reply.xid).collect()
}

#[test]
fn nothing_is_answered_or_applied_before_it_is_durable() {
    let mut stage = Stage::new();
    let mut peer = stage.connect();
    stage.world.feed(&mut peer, &create(1, "/a", 0));
    stage.hand_over(&mut peer);
    assert!(peer.output().is_empty() && !stage.exists("/a"));
    stage.sync();
    assert_eq!(xids(&peer), [1]);
    assert!(stage.exists("/a"));
}

#[test]
fn a_read_behind_a_write_waits_for_it_and_sees_it() {
    let mut stage = Stage::new();
    let mut peer = stage.connect();
    let mut packets = create(1, "/a", 0);
    packets.extend(read_request(2, op::GET_DATA, "/a", false));
    packets.extend(set(3, "/a", b"yy"));
    packets.extend(read_request(4, op::GET_DATA, "/a", false));
    stage.world.feed(&mut peer, &packets);
    stage.hand_over(&mut peer);
    assert!(peer.output().is_empty());
    stage.sync();
    let replies = peer.replies();
    assert_eq!(
        replies.iter().map(|r| (r.xid, r.err)).collect::<Vec<_>>(),
        [(1, 0), (2, 0), (3, 0), (4, 0)]
    );
    assert_eq!(
        &replies[1].body[..5],
        b"\0\0\0\x01x",
        "the read between two writes sees the first alone"
    );
    assert_eq!(&replies[3].body[..6], b"\0\0\0\x02yy");
    assert!(replies.windows(2).all(|pair| pair[0].zxid <= pair[1].zxid));
}

#[test]
fn what_is_durable_in_part_is_answered_in_part() {
    let mut stage = Stage::new();
    let mut peer = stage.connect();
    for (xid, path) in [(1, "/a"), (2, "/b"), (3, "/c"), (4, "/d")] {
        stage.world.feed(&mut peer, &create(xid, path, 0));
    }
    stage.hand_over(&mut peer);
    let batches: Vec<usize> = stage.logged.iter().map(LogBatch::len).collect();
    assert_eq!(batches, [1, 3, 1], "the session, then batches of at most three");
    let first = stage.logged[1].last_zxid().expect("three transactions");
    stage.step(Event::Durable(first));
    assert_eq!(xids(&peer), [1, 2, 3]);
    assert!(!stage.exists("/d"));
    stage.sync();
    assert_eq!(xids(&peer).last(), Some(&4));
}

#[test]
fn a_failed_write_takes_a_zxid_and_its_turn() {
    let mut stage = Stage::new();
    let mut peer = stage.connect();
    let before = stage.last_logged();
    stage.world.feed(&mut peer, &create(1, "/no/parent", 0));
    stage.hand_over(&mut peer);
    assert_eq!(stage.last_logged(), before.next());
    assert!(peer.output().is_empty());
    stage.sync();
    assert_eq!(peer.reply().err, crate::op::Code::NoNode.number());
}

#[test]
fn a_session_that_is_not_heard_goes_with_its_ephemerals() {
    let mut stage = Stage::new();
    let mut peer = stage.connect();
    stage.world.feed(&mut peer, &create(1, "/e", 1));
    stage.hand_over(&mut peer);
    stage.sync();
    stage.tick(3_000);
    assert!(stage.server.pipeline().sessions().get(peer.session()).is_some());
    stage.world.now = 4_000;
    stage.world.feed(&mut peer, &read_request(2, op::EXISTS, "/e", false));
    stage.tick(7_000);
    assert!(stage.server.pipeline().is_idle(), "heard at 4000, it lives to 8000 at least");
    stage.tick(12_000);
    assert!(stage.exists("/e"), "the end of a session is a transaction like any other");
    stage.sync();
    assert!(!stage.exists("/e"));
    assert_eq!(stage.server.pipeline().committed_sessions(), []);
    assert!(peer.conn().is_closing());
}

#[test]
fn a_client_takes_up_its_session_again_and_a_stranger_does_not() {
    let mut stage = Stage::new();
    let first = stage.connect();
    let session = first.session();
    let mut second = stage.world.accept();
    stage.world.feed(&mut second, &reconnect_packet(session));
    assert!(first.conn().is_closing(), "one connection serves a session");
    stage.hand_over(&mut second);
    assert_eq!(second.session(), session);
    assert_eq!(second.output().len(), 4 + 37, "no transaction is needed for that");
    let mut stranger = stage.world.accept();
    stage.world.feed(&mut stranger, &reconnect_packet(SessionId(77)));
    stage.hand_over(&mut stranger);
    assert!(stranger.conn().is_closing());
}

#[test]
fn snapshots_fall_due_with_a_rolled_log() {
    let mut stage = Stage::new();
    let mut peer = stage.connect();
    for n in 0..25 {
        stage.world.feed(&mut peer, &create(n + 1, &format!("/n{n}"), 0));
        stage.hand_over(&mut peer);
        stage.sync();
    }
    assert!(stage.snapshots >= 1, "after 11 to 20 transactions");
    assert_eq!(stage.logged.iter().filter(|batch| batch.roll).count(), stage.snapshots);
}

#[test]
fn requests_over_the_throttle_wait_for_those_before_them() {
    let mut stage = Stage::with_throttle(2);
    let mut peer = stage.connect();
    for (xid, path) in [(1, "/a"), (2, "/b"), (3, "/c")] {
        stage.world.feed(&mut peer, &create(xid, path, 0));
    }
    stage.hand_over(&mut peer);
    stage.sync();
    assert_eq!(xids(&peer), [1, 2], "the third was not prepared with the first two");
    stage.sync();
    assert_eq!(xids(&peer), [3]);
}

/// Its syncs are answered without waiting for the throttler, and must find what was sent before them
/// prepared: a follower waits for ever for what an early answer has passed by.
#[test]
fn what_a_learner_forwards_is_not_throttled() {
    let mut stage = Stage::with_throttle(1);
    let (mut own, mut forwarded) = (stage.connect(), stage.connect());
    let link = LinkId(1);
    stage.world.feed(&mut forwarded, &create(1, "/c", 0));
    let session = forwarded.conn().session().expect("a session");
    session.set_owner(learner_owner(link)).expect("it lives");
    for input in &mut forwarded.submitted {
        if let Input::Request(request) = input {
            (request.conn, request.learner) = (None, Some(link));
        }
    }
    stage.world.feed(&mut own, &create(1, "/a", 0));
    stage.world.feed(&mut own, &create(2, "/b", 0));
    stage.hand_over(&mut own);
    assert_eq!(stage.last_logged().counter(), 3, "two sessions and one node");
    stage.hand_over(&mut forwarded);
    assert_eq!(stage.last_logged().counter(), 4, "the learner's");
    stage.sync();
    assert_eq!(stage.last_logged().counter(), 5, "the one that was held back");
    stage.sync();
    assert_eq!(errors(&own), [(1, 0), (2, 0)]);
}

#[test]
fn a_watch_event_comes_before_the_reply_that_shows_its_cause() {
    let mut stage = Stage::new();
    let (mut watcher, mut writer) = (stage.connect(), stage.connect());
    let read = request(1, op::EXISTS, &path_and_flag("/w", true));
    stage.world.feed(&mut watcher, &read);
    assert_eq!(xids(&watcher), [1]);
    stage.world.feed(&mut writer, &create(1, "/w", 0));
    stage.hand_over(&mut writer);
    stage.sync();
    stage.world.feed(&mut watcher, &read_request(2, op::EXISTS, "/w", false));
    assert_eq!(xids(&watcher), [-1, 2]);
}

fn errors(peer: &Peer) -> Vec<(i32, i32)> {
    peer.replies().iter().map(|reply| (reply.xid, reply.err)).collect()
}

#[test]
fn a_local_session_begins_and_ends_without_a_transaction() {
    let mut stage = Stage::leading(LocalSessions::Upgrading);
    let mut peer = stage.connect_locally();
    stage.world.feed(&mut peer, &create(1, "/a", 0));
    stage.world.feed(&mut peer, &request(2, op::CLOSE_SESSION, &[]));
    stage.hand_over(&mut peer);
    assert!(peer.output().is_empty(), "the end keeps its place behind the write");
    let written = stage.last_logged();
    stage.sync();
    assert_eq!(errors(&peer), [(1, 0), (2, 0)]);
    assert_eq!(stage.last_logged(), written);
    assert!(peer.conn().is_closing() && stage.sessions().is_empty());
    assert_eq!(stage.server.pipeline().committed_sessions(), []);
}

#[test]
fn a_local_session_expires_without_a_transaction() {
    let mut stage = Stage::leading(LocalSessions::Upgrading);
    let peer = stage.connect_locally();
    stage.tick(3_000);
    assert_eq!(stage.sessions().local_len(), 1);
    stage.tick(12_000);
    assert!(peer.conn().is_closing() && stage.sessions().is_empty());
    assert_eq!(stage.last_logged(), Zxid::ZERO);
}

#[test]
fn an_ephemeral_makes_its_session_global_just_before() {
    let mut stage = Stage::leading(LocalSessions::Upgrading);
    let mut peer = stage.connect_locally();
    for (xid, path) in [(1, "/a"), (2, "/b")] {
        stage.world.feed(&mut peer, &create(xid, path, 1));
    }
    stage.hand_over(&mut peer);
    assert_eq!(stage.last_logged(), Zxid(3), "one createSession, two nodes");
    stage.sync();
    assert_eq!(errors(&peer), [(1, 0), (2, 0)]);
    assert_eq!(stage.server.pipeline().committed_sessions(), [(peer.session(), 4_000)]);
    assert_eq!(stage.sessions().local_len(), 0);
    stage.world.feed(&mut peer, &request(3, op::CLOSE_SESSION, &[]));
    stage.hand_over(&mut peer);
    stage.sync();
    assert!(!stage.exists("/a") && !stage.exists("/b"));
}

#[test]
fn an_ephemeral_within_a_multi_makes_its_session_global() {
    let mut stage = Stage::leading(LocalSessions::Upgrading);
    let mut peer = stage.connect_locally();
    let multi = multi_of(&[("/p", 0), ("/e", 1)]);
    stage.world.feed(&mut peer, &request(1, op::MULTI, &multi));
    stage.hand_over(&mut peer);
    stage.sync();
    assert_eq!(errors(&peer), [(1, 0)]);
    assert!(stage.exists("/e") && stage.sessions().local_len() == 0);
}

#[test]
fn an_ephemeral_is_refused_where_local_sessions_stay_local() {
    let mut stage = Stage::leading(LocalSessions::Only);
    let mut peer = stage.connect_locally();
    stage.world.feed(&mut peer, &create(1, "/e", 1));
    stage.world.feed(&mut peer, &create(2, "/p", 0));
    stage.hand_over(&mut peer);
    stage.sync();
    let refused = crate::op::Code::EphemeralOnLocalSession.number();
    assert_eq!(errors(&peer), [(1, refused), (2, 0)]);
    assert_eq!(
        (stage.exists("/e"), stage.exists("/p"), stage.last_logged()),
        (false, true, Zxid(2))
    );
    let mut second = stage.world.accept();
    stage.world.feed(&mut second, &reconnect_packet(peer.session()));
    stage.hand_over(&mut second);
    assert_eq!(second.output().len(), 4 + 37, "its own server gives it back");
}

/// The parts of a multi that creates these, with their flags.
fn multi_of(nodes: &[(&str, i32)]) -> Vec<u8> {
    let mut body = Vec::new();
    for (path, flags) in nodes {
        MultiHeader { kind: op::CREATE, done: false, err: -1 }.write(&mut body);
        create_body(path, *flags).write(&mut body);
    }
    MultiHeader { kind: -1, done: true, err: -1 }.write(&mut body);
    body
}

#[test]
fn containers_are_looked_for_as_often_as_was_asked() {
    for (asked, found) in [(60_000, 60_000), (1, 1), (0, 1)] {
        let containers = ContainerOptions { check_interval_ms: asked, ..Default::default() };
        let sessions = SessionTracker::new(1, 2_000, WALL);
        let mut stage = Stage::with_containers(0, sessions, containers);
        assert_eq!(stage.server.pipeline().deadline(), stage.world.now + found);
        stage.world.now += found;
        stage.step(Event::Tick { heard_until: 0 });
        assert_eq!(stage.server.pipeline().deadline(), stage.world.now + found);
    }
}

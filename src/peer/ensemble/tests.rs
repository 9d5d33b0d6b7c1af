//! A member without a leader, by its face.

mod forwarding;
mod pauses;
mod refusals;
mod syncs;

use std::collections::HashMap;
use std::sync::Arc;

use super::*;
use crate::config::ConfigOptions;
use crate::ids::Sid;
use crate::op::{Code, op};
use crate::peer::pipeline::PipelineSettings;
use crate::peer::snapshots::{SnapshotLimits, SnapshotPolicy};
use crate::server::container::ContainerOptions;
use crate::server::front::Serving;
use crate::server::harness::{
    Peer, World, connect_packet, read_request, reconnect_packet, request, settings, throttler,
};
use crate::server::prep::PrepOptions;
use crate::server::reason::DisconnectReason;
use crate::server::sessions::{LocalSessions, password};
use crate::tree::{DataTree, TreeOptions, ZxidDigest};
use crate::zab::LearnerType;
use crate::zab::election::vote::Candidate;
use crate::zab::quorum::QuorumVerifier;
use crate::zab::sync::Options;

/// The connection of a learner to its leader.
const LINK: LinkId = LinkId(1);
const WALL: Millis = 1_700_000_000_000;
const MEMBERS: &str = "server.1=a:1:2\nserver.2=b:1:2\nserver.3=c:1:2";
/// A session that the ensemble knows.
const GLOBAL: SessionId = SessionId(2 << 56 | 7);

struct Stage {
    world: World,
    member: Ensemble,
}

impl Stage {
    fn new(local_sessions: LocalSessions) -> Self {
        Self::with(Settings { local_sessions, ..ensemble_settings() })
    }

    fn with(settings: Settings) -> Self {
        Self::with_tree(settings, DataTree::new(TreeOptions::default()))
    }

    fn with_tree(settings: Settings, tree: DataTree) -> Self {
        let world = World::with(
            crate::server::front::FrontSettings {
                local_sessions: settings.local_sessions != LocalSessions::Off,
                ..self::settings()
            },
            &crate::server::harness::auth_config(),
        );
        world.front.set_serving(Serving::No);
        let options = ConfigOptions { multi_address: false, standalone: true };
        let verifier = QuorumVerifier::parse(MEMBERS, options).expect("three members");
        let parts = Parts {
            front: Arc::clone(&world.front),
            auth: Arc::clone(&world.front.auth),
            snapshots: SnapshotPolicy::new(SnapshotLimits { count: 20, bytes: 0 }, 1),
            quorums: Quorums::new(Arc::new(verifier)),
            epochs: Epochs { accepted: 1, current: 1 },
            loaded: Loaded {
                tree,
                sessions: HashMap::from([(GLOBAL, 10_000)]),
                committed: Vec::new(),
            },
        };
        let now = Now { mono: world.now, wall: WALL };
        Self { member: Ensemble::new(settings, parts, now, &mut Vec::new()), world }
    }

    fn step(&mut self, event: Event) {
        let now = Now { mono: self.world.now, wall: WALL + self.world.now };
        let mut effects = Vec::new();
        self.member.step(now, [event], &mut effects);
        let logs = effects.iter().any(|effect| matches!(effect, Effect::Log(_)));
        assert!(!logs, "nothing is written without a leader");
    }

    fn wait(&mut self, time: Millis) {
        self.world.now += time;
        self.step(Event::Tick { heard_until: self.world.now });
    }

    fn send(&mut self, peer: &mut Peer, packet: &[u8]) {
        self.world.feed(peer, packet);
        let inputs = std::mem::take(&mut peer.submitted);
        self.step(Event::Inputs(inputs));
    }

    fn greet(&mut self, packet: &[u8]) -> Peer {
        let mut peer = self.world.accept();
        self.send(&mut peer, packet);
        peer
    }

    fn elected(&mut self, state: ServerState) {
        let candidate = Candidate { leader: Sid(3), zxid: Zxid::ZERO, peer_epoch: 1 };
        let vote = Vote::looking(candidate, 1);
        self.step(Event::Elected(vote, state));
    }
}

fn ensemble_settings() -> Settings {
    Settings {
        my_id: Sid(1),
        kind: LearnerType::Participant,
        tick_time: 500,
        init_limit: 10,
        sync_limit: 5,
        connect_limit: 0,
        initial_zxid: None,
        pauses: Pauses { between_calls: 100, observer_calls: 0, observer_looks: 200 },
        ack_logging_frequency: 1,
        max_time_to_wait_for_epoch: -1,
        max_concurrent_snap_syncs: 10,
        max_concurrent_diff_syncs: 100,
        max_strangers: 100,
        spare_after: 16,
        leader_serves: true,
        log_enabled: true,
        sync: Options::default(),
        committed_limit: 500,
        config: ConfigText { text: MEMBERS.to_owned(), version: 0 },
        read_only_mode: true,
        local_sessions: LocalSessions::Upgrading,
        pipeline: PipelineSettings {
            prep: PrepOptions::default(),
            containers: ContainerOptions::default(),
            throttler: throttler(0, 0),
            batch_max: 1000,
        },
        faults: Faults::default(),
    }
}

fn newcomer(read_only: bool) -> Vec<u8> {
    connect_packet(0, 4_000, 0, &[0; 16], Some(read_only))
}

fn comeback(session: SessionId) -> Vec<u8> {
    connect_packet(0, 4_000, session.0, &password(session), Some(true))
}

#[test]
fn reads_are_served_once_the_member_is_taken_for_cut_off() {
    let mut stage = Stage::new(LocalSessions::Upgrading);
    stage.wait(1_999);
    assert_eq!(
        (stage.world.front.serving(), stage.member.status().state),
        (Serving::No, "looking")
    );
    stage.wait(1);
    assert_eq!(stage.world.front.serving(), Serving::ReadOnly);
    let status = stage.member.status();
    assert_eq!((status.state, status.sessions, status.local_sessions), ("read-only", 1, 0));
}

#[test]
fn a_long_tick_is_waited_for() {
    let mut stage = Stage::with(Settings { tick_time: 3_000, ..ensemble_settings() });
    stage.wait(2_999);
    assert_eq!(stage.world.front.serving(), Serving::No);
    stage.wait(1);
    assert_eq!(stage.world.front.serving(), Serving::ReadOnly);
}

/// A snapshot that was taken under load, and a log that lost its end with the power.
#[test]
fn a_tree_of_no_moment_is_not_shown() {
    let (digest, version) = (1, crate::tree::digest::DIGEST_VERSION);
    for (zxid, shown) in [(7, false), (5, true)] {
        let mut tree = DataTree::new(TreeOptions::default());
        tree.set_last_processed_zxid(Zxid(6));
        tree.expect_digest(ZxidDigest { zxid: Zxid(zxid), version, digest }, Zxid(4));
        let mut stage = Stage::with_tree(ensemble_settings(), tree);
        stage.wait(2_000);
        stage.wait(60_000);
        assert_eq!(stage.world.front.serving() == Serving::ReadOnly, shown, "{zxid}");
    }
}

#[test]
fn nobody_is_served_where_the_mode_is_off() {
    let mut stage = Stage::with(Settings { read_only_mode: false, ..ensemble_settings() });
    stage.wait(60_000);
    assert_eq!(stage.world.front.serving(), Serving::No);
}

#[test]
fn a_local_session_reads_and_does_not_write() {
    let mut stage = Stage::new(LocalSessions::Upgrading);
    stage.wait(2_000);
    let refused = stage.greet(&newcomer(false));
    assert!(refused.conn().is_closing() && refused.output().is_empty());
    let mut peer = stage.greet(&newcomer(true));
    let welcome = peer.output();
    assert_eq!((welcome.len(), welcome.last()), (4 + 37, Some(&1)));
    assert_eq!(stage.member.status().local_sessions, 1);
    stage.send(&mut peer, &read_request(1, op::EXISTS, "/", false));
    assert_eq!(peer.reply().err, 0);
    for kind in [op::SYNC, op::CREATE, op::DELETE, op::SET_DATA, op::MULTI, op::RECONFIG] {
        stage.send(&mut peer, &request(2, kind, &[]));
        assert_eq!(peer.reply().err, Code::NotReadOnly.number(), "{kind}");
    }
    let again = stage.greet(&comeback(peer.session()));
    assert_eq!(again.output().len(), 4 + 37);
    let mut again = again;
    stage.send(&mut again, &request(3, op::CLOSE_SESSION, &[]));
    assert_eq!(again.reply().head(), (3, 0, 0));
    assert!(again.conn().is_closing());
    assert_eq!(stage.member.status().local_sessions, 0);
}

#[test]
fn a_local_session_expires_without_a_leader() {
    let mut stage = Stage::new(LocalSessions::Only);
    stage.wait(2_000);
    let peer = stage.greet(&newcomer(true));
    stage.wait(3_900);
    assert!(!peer.conn().is_closing());
    stage.wait(1_000);
    assert!(peer.conn().is_closing());
    assert_eq!(stage.member.status().local_sessions, 0);
}

#[test]
fn a_session_of_the_ensemble_is_not_taken_up() {
    for local_sessions in [LocalSessions::Off, LocalSessions::Upgrading] {
        let mut stage = Stage::new(local_sessions);
        stage.wait(2_000);
        let peer = stage.greet(&comeback(GLOBAL));
        assert!(peer.output().is_empty());
        let why =
            Some(crate::server::conn::Closing::Now(DisconnectReason::RenewGlobalSessionInRoMode));
        assert_eq!(peer.conn().closing(), why);
    }
}

#[test]
fn a_session_that_nobody_knows_is_gone_or_may_live_elsewhere() {
    let mut stage = Stage::new(LocalSessions::Only);
    stage.wait(2_000);
    let unknown = stage.greet(&comeback(SessionId(99)));
    assert_eq!(unknown.output()[4..20], [0; 16], "refused");
    let mut stage = Stage::new(LocalSessions::Off);
    stage.wait(2_000);
    let mut unknown = stage.greet(&comeback(SessionId(99)));
    assert_eq!(unknown.output().len(), 4 + 37);
    stage.send(&mut unknown, &request(1, op::CLOSE_SESSION, &[]));
    assert_eq!(unknown.reply().err, Code::NotReadOnly.number());
    assert!(!unknown.conn().is_closing());
}

#[test]
fn without_local_sessions_there_are_none_to_give() {
    let mut stage = Stage::new(LocalSessions::Off);
    stage.wait(2_000);
    let peer = stage.greet(&newcomer(true));
    assert_eq!(peer.reply().head(), (0, 0, Code::NotReadOnly.number()));
    assert!(peer.conn().is_closing());
}

#[test]
fn with_a_leader_all_go_and_the_wait_begins_again() {
    let mut stage = Stage::new(LocalSessions::Upgrading);
    stage.wait(2_000);
    let peer = stage.greet(&newcomer(true));
    stage.elected(ServerState::Following);
    assert!(peer.conn().is_closing());
    assert_eq!(
        (stage.world.front.serving(), stage.member.status().state),
        (Serving::No, "looking")
    );
    stage.wait(60_000);
    assert_eq!(stage.world.front.serving(), Serving::No, "it calls the leader");
    for _ in 0..10 {
        stage.step(Event::LeaderUnreachable);
        stage.wait(200);
    }
    stage.wait(2_000);
    assert_eq!(stage.world.front.serving(), Serving::ReadOnly);
    let again = stage.greet(&reconnect_packet(peer.session()));
    assert!(again.conn().is_closing(), "that client wants to write");
    let again = stage.greet(&comeback(peer.session()));
    assert_eq!(again.output()[4..20], [0; 16], "local sessions went with their server");
}

//! A member that is sent its leader's history, by its face.

use jute::Write;
use jute::txn::{CreateSessionTxn, ErrorTxn, TxnHeader};

use super::*;
use crate::storage::snapshot::body::BodyWalk;
use crate::txn::{Txn, TxnRecord};
use crate::zab::packet::{PROTOCOL_VERSION, Packet, PacketReader};

impl Stage {
    /// A step whose barriers are carried out at once.
    pub(super) fn pass(&mut self, mut event: Event) {
        loop {
            let now = Now { mono: self.world.now, wall: WALL + self.world.now };
            let mut effects = Vec::new();
            self.member.step(now, [event], &mut effects);
            if !self.member.at_barrier {
                return;
            }
            event = Event::Done;
        }
    }

    /// What the leader is told in a step.
    pub(super) fn told_leader(&mut self, event: Event) -> Vec<Packet> {
        let now = Now { mono: self.world.now, wall: WALL + self.world.now };
        let mut effects = Vec::new();
        self.member.step(now, [event], &mut effects);
        let mut reader = PacketReader::new(jute::Limits::default());
        for effect in effects {
            if let Effect::Send(LINK, bytes) = effect {
                reader.feed(bytes);
            }
        }
        std::iter::from_fn(|| reader.next_packet().expect("ours")).collect()
    }

    pub(super) fn leader_sends(&mut self, packet: &Packet, more: &[u8]) {
        let mut bytes = encoded(packet);
        bytes.extend_from_slice(more);
        self.pass(Event::Bytes(LINK, bytes));
    }
}

fn snapshot() -> Vec<u8> {
    let (tree, mut bytes) = (DataTree::new(TreeOptions::default()), Vec::new());
    let mut walk = BodyWalk::start(&tree, &[], &mut bytes);
    while walk.next(&tree, usize::MAX, usize::MAX, &mut bytes) {}
    bytes.put_str(Some(SIGNATURE));
    bytes
}

/// Were it fuzzy still, a term that this server leads next would record no digest, and a snapshot of
/// that term would pass for one of a single moment.
#[test]
fn a_tree_from_a_leader_is_sound_when_the_term_ends_before_it_serves() {
    let mut stage = Stage::new(LocalSessions::Off);
    stage.elected(ServerState::Following);
    stage.pass(Event::LeaderConnected(LINK));
    let (epoch, zxid) = (Zxid::new(2, 0), Zxid::new(1, 9));
    let info = Packet::LeaderInfo { zxid: epoch, protocol_version: PROTOCOL_VERSION };
    stage.leader_sends(&info, &[]);
    stage.leader_sends(&Packet::Snap { zxid }, &snapshot());
    stage.leader_sends(&Packet::NewLeader { zxid: epoch, config: None }, &[]);
    let is_fuzzy = |stage: &Stage| stage.world.front.db.read_tree().is_fuzzy();
    assert!(is_fuzzy(&stage), "what is committed meanwhile may be part of it");
    stage.pass(Event::Closed(LINK));
    assert_eq!(stage.member.status().state, "looking");
    assert_eq!(stage.world.front.db.read_tree().last_processed_zxid(), zxid);
    assert!(!is_fuzzy(&stage));
}

pub(super) const EPOCH: Zxid = Zxid(2 << 32);

/// A follower whose leader has told it the epoch. Ticks are 500 ms, `initLimit` 10, `syncLimit` 5.
fn introduced() -> Stage {
    introduce(Stage::new(LocalSessions::Off))
}

fn introduce(mut stage: Stage) -> Stage {
    stage.elected(ServerState::Following);
    stage.pass(Event::LeaderConnected(LINK));
    let info = Packet::LeaderInfo { zxid: EPOCH, protocol_version: PROTOCOL_VERSION };
    stage.leader_sends(&info, &[]);
    stage
}

/// A follower that has its leader's history.
fn serving() -> Stage {
    bring_up(introduced())
}

/// A member with these settings follows, and has its leader's history.
pub(super) fn serving_with(settings: Settings) -> Stage {
    bring_up(introduce(Stage::with(settings)))
}

fn bring_up(mut stage: Stage) -> Stage {
    stage.leader_sends(&Packet::Diff { zxid: Zxid::ZERO }, &[]);
    stage.leader_sends(&Packet::NewLeader { zxid: EPOCH, config: None }, &[]);
    stage.leader_sends(&Packet::UpToDate, &[]);
    stage
}

fn proposal(header: TxnHeader, txn: Txn) -> Packet {
    let (zxid, mut record) = (Zxid(header.zxid), Vec::new());
    TxnRecord { header, txn, digest: None }.encode(&mut record);
    Packet::Proposal { zxid, record: record.into() }
}

/// The transaction of a request that failed: it changes nothing.
pub(super) fn failure(zxid: Zxid, client: SessionId, cxid: i32, err: i32) -> Packet {
    let header = TxnHeader { client_id: client.0, cxid, zxid: zxid.0, time: WALL, kind: op::ERROR };
    proposal(header, Txn::Error(ErrorTxn { err }))
}

pub(super) fn encoded(packet: &Packet) -> Vec<u8> {
    let mut bytes = Vec::new();
    packet.encode(&mut bytes);
    bytes
}

/// The disk may need longer than the leader may be silent: what the leader has sent meanwhile is there,
/// and has not been read.
#[test]
fn a_leader_is_not_silent_while_nobody_listens() {
    let mut stage = introduced();
    let zxid = Zxid::new(1, 9);
    stage.leader_sends(&Packet::Snap { zxid }, &snapshot());
    stage.step(Event::Bytes(LINK, encoded(&Packet::NewLeader { zxid: EPOCH, config: None })));
    assert!(stage.member.at_barrier, "the snapshot is saved");
    stage.wait(60_000);
    stage.pass(Event::Done);
    stage.wait(2_499);
    assert_eq!(stage.member.status().peer_state, "following - synchronization");
    stage.wait(1);
    assert_eq!(stage.member.status().state, "looking");
}

#[test]
fn a_leader_may_fall_silent_within_a_snapshot_and_a_packet() {
    let zxid = Zxid::new(1, 9);
    for part in [[encoded(&Packet::Snap { zxid }), snapshot()].concat(), encoded(&Packet::UpToDate)]
    {
        let mut stage = introduced();
        stage.pass(Event::Bytes(LINK, part[..part.len() - 3].to_vec()));
        for _ in 0..100 {
            stage.wait(49);
        }
        assert_eq!(stage.member.status().state, "follower", "it has until initLimit");
        stage.pass(Event::Bytes(LINK, part[part.len() - 3..part.len() - 2].to_vec()));
        for _ in 0..100 {
            stage.wait(49);
        }
        assert_eq!(stage.member.status().state, "follower", "it was heard");
        stage.wait(200);
        assert_eq!(stage.member.status().state, "looking");
    }
}

#[test]
fn the_leader_is_told_who_was_heard_even_of_one_that_is_gone() {
    let mut stage = serving();
    let ping = |stage: &mut Stage| -> Vec<Vec<(SessionId, i32)>> {
        let bytes = encoded(&Packet::Ping { zxid: EPOCH, touched: None });
        let told = stage.told_leader(Event::Bytes(LINK, bytes)).into_iter();
        let touched =
            |packet| if let Packet::Ping { touched, .. } = packet { touched } else { None };
        told.filter_map(touched).collect()
    };
    let mut peer = stage.greet(&comeback(GLOBAL));
    stage.leader_sends(&Packet::Revalidated { session: GLOBAL, valid: true }, &[]);
    assert_eq!(peer.output().len(), 4 + 37);
    stage.wait(1);
    assert_eq!(ping(&mut stage), [[(GLOBAL, 4_000)]]);
    stage.wait(250);
    assert_eq!(ping(&mut stage), [[]], "nothing was heard");
    stage.wait(100);
    stage.send(&mut peer, &read_request(1, op::EXISTS, "/", false));
    let gone = Input::Disconnected(Arc::clone(peer.conn()));
    stage.world.front.db.disconnected(peer.conn().id);
    stage.step(Event::Inputs(vec![gone]));
    stage.wait(150);
    assert_eq!(ping(&mut stage), [[(GLOBAL, 4_000)]]);
    stage.wait(250);
    assert_eq!(ping(&mut stage), [[]]);
}

/// `connectToLearnerMasterLimit`, and `initLimit` without it.
#[test]
fn a_leader_that_cannot_be_reached_is_given_up_in_time() {
    for (connect_limit, patience) in [(2, 1_000), (0, 5_000)] {
        let mut stage = Stage::with(Settings { connect_limit, ..ensemble_settings() });
        stage.elected(ServerState::Following);
        stage.wait(patience - 1);
        stage.step(Event::LeaderUnreachable);
        assert!(matches!(stage.member.role, Role::Calling(_)), "it calls again");
        stage.wait(100);
        stage.step(Event::LeaderUnreachable);
        assert!(matches!(stage.member.role, Role::Looking(_)));
    }
}

#[test]
fn a_follower_knows_the_sessions_of_all() {
    let mut stage = serving();
    assert_eq!(stage.member.status().sessions, 1, "it was in the database");
    let begun = (op::CREATE_SESSION, Txn::CreateSession(CreateSessionTxn { timeout: 4_000 }));
    let ended = (op::CLOSE_SESSION, Txn::CloseSession(None));
    for (counter, (kind, txn), sessions) in [(1, begun, 2), (2, ended, 1)] {
        let zxid = Zxid::new(2, counter);
        let header = TxnHeader { client_id: 77, cxid: 0, zxid: zxid.0, time: WALL, kind };
        stage.leader_sends(&proposal(header, txn), &[]);
        stage.leader_sends(&Packet::Commit { zxid }, &[]);
        assert_eq!(stage.member.status().sessions, sessions, "after {zxid}");
    }
}

/// What comes together is answered together: a write costs more than its bytes.
#[test]
fn an_ack_and_the_answer_to_a_ping_go_out_in_one_piece() {
    let mut stage = serving();
    let zxid = Zxid::new(2, 1);
    stage.leader_sends(&failure(zxid, SessionId::NONE, 0, 0), &[]);
    let ping = encoded(&Packet::Ping { zxid, touched: None });
    let events = [Event::Durable(zxid), Event::Bytes(LINK, ping)];
    let now = Now { mono: stage.world.now, wall: WALL };
    let mut effects = Vec::new();
    stage.member.step(now, events, &mut effects);
    let [Effect::Send(LINK, bytes)] = &effects[..] else { panic!("{effects:?}") };
    let mut answer = encoded(&Packet::Ack { zxid });
    answer.extend(encoded(&Packet::Ping { zxid, touched: Some(Vec::new()) }));
    assert_eq!(bytes, &answer);
}

/// A vote tells of what is on the disk, and the tree must have no less: ZOOKEEPER-2845, 4712.
#[test]
fn a_term_ends_with_the_log_on_the_disk_and_in_the_tree() {
    let mut stage = serving();
    let zxid = Zxid::new(2, 1);
    stage.leader_sends(&failure(zxid, SessionId::NONE, 0, 0), &[]);
    let now = Now { mono: stage.world.now, wall: WALL };
    let mut effects = Vec::new();
    stage.member.step(now, [Event::Closed(LINK)], &mut effects);
    assert!(matches!(&effects[..], [Effect::Close(LINK), Effect::SyncLog]), "{effects:?}");
    effects.clear();
    stage.member.step(now, [Event::Done], &mut effects);
    let [Effect::Look { zxid: voted, .. }] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!((*voted, stage.world.front.db.read_tree().last_processed_zxid()), (zxid, zxid));
}

/// A quorum has it without this server: no client waits for its disk, nor does the leader.
#[test]
fn what_is_committed_when_it_comes_may_wait_for_its_sync() {
    let mut stage = serving();
    let bytes_of = |counter: i64, commits: bool| {
        let zxid = Zxid::new(2, counter);
        let mut bytes = encoded(&failure(zxid, GLOBAL, 1, Code::NodeExists.number()));
        if commits {
            bytes.extend(encoded(&Packet::Commit { zxid }));
        }
        bytes
    };
    let mut may_wait = |bytes: Vec<u8>| {
        let now = Now { mono: stage.world.now, wall: WALL + stage.world.now };
        let mut effects = Vec::new();
        stage.member.step(now, [Event::Bytes(LINK, bytes)], &mut effects);
        let batches = effects.into_iter();
        let batches = batches.filter_map(|e| if let Effect::Log(b) = e { Some(b) } else { None });
        batches.map(|batch| (batch.len(), batch.may_wait)).collect::<Vec<_>>()
    };
    assert_eq!(may_wait(bytes_of(1, true)), [(1, true)]);
    assert_eq!(may_wait(bytes_of(2, false)), [(1, false)]);
    assert_eq!(may_wait([bytes_of(3, false), bytes_of(4, false)].concat()), [(2, false)]);
    let commits = [2, 3, 4].map(|counter| encoded(&Packet::Commit { zxid: Zxid::new(2, counter) }));
    assert_eq!(may_wait(commits.concat()), []);
    assert_eq!(may_wait([bytes_of(5, true), bytes_of(6, true)].concat()), [(2, true)]);
    assert_eq!(may_wait([bytes_of(7, true), bytes_of(8, false)].concat()), [(2, false)]);
}

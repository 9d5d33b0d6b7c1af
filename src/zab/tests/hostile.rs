//! Peers that say anything at any time: the worst that may come of it is a closed connection, a
//! leader given up, or a stop; never a panic.

use proptest::prelude::*;

use super::world::entry;
use crate::config::ConfigOptions;
use crate::ids::{SessionId, Sid, Zxid};
use crate::zab::leader::{self, Leader};
use crate::zab::learner::{self, Learner};
use crate::zab::packet::{ForwardedRequest, LearnerInfo, Packet};
use crate::zab::quorum::{QuorumVerifier, Quorums};
use crate::zab::sync::{CommittedLog, History};
use crate::zab::{LearnerType, LinkId};

fn zxid() -> impl Strategy<Value = Zxid> {
    prop_oneof![
        8 => (0i64..4, 0i64..5).prop_map(|(e, c)| Zxid::new(e, c)),
        1 => any::<i64>().prop_map(Zxid),
    ]
}

fn kind() -> impl Strategy<Value = LearnerType> {
    prop_oneof![Just(LearnerType::Participant), Just(LearnerType::Observer)]
}

fn info() -> impl Strategy<Value = Packet> {
    let version = prop_oneof![4 => Just(0x10000), 1 => any::<i32>()];
    (kind(), zxid(), proptest::option::of(0i64..6), version, 0i64..2).prop_map(
        |(kind, zxid, sid, protocol_version, config_version)| {
            let sid = sid.map(Sid);
            Packet::LearnerInfo(LearnerInfo { kind, zxid, sid, protocol_version, config_version })
        },
    )
}

fn packet() -> impl Strategy<Value = Packet> {
    let simple = (0usize..16, zxid()).prop_map(|(which, zxid)| {
        let record = entry(zxid).record;
        match which {
            0 => Packet::Proposal { zxid, record },
            1 => Packet::Ack { zxid },
            2 => Packet::Commit { zxid },
            3 => Packet::Inform { zxid, record },
            4 => Packet::NewLeader { zxid, config: Some(b"version=5".to_vec()) },
            5 => Packet::UpToDate,
            6 => Packet::Diff { zxid },
            7 => Packet::Trunc { zxid },
            8 => Packet::Snap { zxid },
            9 => Packet::LeaderInfo { zxid, protocol_version: 0x10000 },
            10 => Packet::Sync,
            11 => Packet::CommitAndActivate { zxid, designated_leader: Sid(1) },
            12 => Packet::InformAndActivate { zxid, designated_leader: Sid(1), record },
            13 => Packet::Proposal { zxid, record: b"x".as_slice().into() },
            14 => Packet::Unknown { kind: 99, zxid },
            _ => Packet::Ping { zxid, touched: Some(vec![(SessionId(1), 1)]) },
        }
    });
    let request =
        ForwardedRequest { session: SessionId(1), cxid: 1, op: 9, body: vec![], auth: vec![] };
    prop_oneof![
        12 => simple,
        3 => info(),
        4 => (zxid(), -1i32..4).prop_map(|(zxid, current_epoch)| {
            Packet::AckEpoch { zxid, current_epoch }
        }),
        1 => Just(Packet::Request(request)),
        1 => Just(Packet::Revalidate { session: SessionId(1), timeout: 1 }),
        1 => Just(Packet::Revalidated { session: SessionId(1), valid: true }),
    ]
}

fn leader(out: &mut Vec<leader::Effect>, history: &History) -> Leader {
    let text = "server.1=a:1:2\nserver.2=b:1:2\nserver.3=c:1:2\nserver.4=d:1:2:observer";
    let config = QuorumVerifier::parse(text, ConfigOptions::default()).unwrap();
    let settings = leader::Settings {
        my_id: Sid(1),
        tick_time: 100,
        init_limit: 10,
        sync_limit: 5,
        max_time_to_wait_for_epoch: 500,
        max_concurrent_snap_syncs: 1,
        max_concurrent_diff_syncs: 1,
        max_strangers: 2,
        spare_after: 16,
        reconfig_enabled: true,
        sync: crate::zab::sync::Options::default(),
        faults: leader::Faults::default(),
    };
    let start =
        leader::Start { accepted_epoch: 1, current_epoch: 1, last_zxid: history.last_processed };
    Leader::new(settings, Quorums::new(config.into()), start, 0, history, out)
}

/// A shell that does the least: what is appended is durable, what is committed applied.
fn obey(leader: &mut Leader, history: &mut History, now: i64, mut effects: Vec<leader::Effect>) {
    while !effects.is_empty() {
        let mut next = Vec::new();
        for effect in effects {
            let event = match effect {
                leader::Effect::Append { zxid, .. } => leader::Event::Durable(zxid),
                leader::Effect::ReadTxnLog { link, .. } => {
                    leader::Event::TxnLogRead { link, entries: vec![] }
                }
                leader::Effect::Commit { zxid, record } => {
                    let entry = crate::zab::sync::Entry { zxid, record };
                    history.committed.add(entry).unwrap();
                    history.last_processed = zxid;
                    leader::Event::Applied(zxid)
                }
                leader::Effect::Lead { zxid } => {
                    history.last_processed = zxid;
                    let (zxid, record) = (zxid.next(), entry(zxid.next()).record);
                    leader::Event::Propose { zxid, record }
                }
                _ => continue,
            };
            leader.step(now, event, history, &mut next);
        }
        effects = next;
    }
}

#[test]
fn learners_that_are_no_members_are_sent_away_beyond_the_bound() {
    let mut history = History::new(CommittedLog::default(), Zxid::new(1, 3));
    let mut leader = leader(&mut Vec::new(), &history);
    let mut sent_away = |link: u64, sid: i64| {
        let (link, mut out) = (LinkId(link), Vec::new());
        leader.step(0, leader::Event::LearnerConnected { link }, &history, &mut out);
        let packet = Packet::LearnerInfo(LearnerInfo {
            kind: LearnerType::Participant,
            zxid: Zxid::new(1, 0),
            sid: Some(Sid(sid)),
            protocol_version: 0x10000,
            config_version: 0,
        });
        leader.step(0, leader::Event::Packet { link, packet }, &history, &mut out);
        let why = out.iter().find_map(|effect| match effect {
            leader::Effect::Close { why, .. } => Some(why.clone()),
            _ => None,
        });
        obey(&mut leader, &mut history, 0, out);
        why
    };
    assert_eq!((sent_away(1, 70), sent_away(2, 71)), (None, None));
    assert_eq!(sent_away(3, 72), Some(leader::LearnerFault::Stranger));
    assert_eq!((sent_away(4, 2), sent_away(5, 4)), (None, None), "a voter and an observer");
    assert_eq!(sent_away(6, 71), Some(leader::LearnerFault::CalledAgain), "in its own place");
}

proptest! {
    #[test]
    fn a_leader_survives_its_learners(
        packets in proptest::collection::vec((0u64..4, packet(), 0i64..60), 0..120),
    ) {
        let mut history = History::new(CommittedLog::default(), Zxid::new(1, 3));
        let mut out = Vec::new();
        let mut leader = leader(&mut out, &history);
        let mut now = 0;
        for (n, (link, packet, pause)) in packets.into_iter().enumerate() {
            now += pause;
            let mut out = Vec::new();
            let link = LinkId(link);
            if n % 7 == 0 {
                leader.step(now, leader::Event::LearnerConnected { link }, &history, &mut out);
            }
            leader.step(now, leader::Event::Packet { link, packet }, &history, &mut out);
            leader.step(now, leader::Event::Timer, &history, &mut out);
            obey(&mut leader, &mut history, now, out);
        }
    }

    #[test]
    fn a_learner_survives_its_leader(
        kind in kind(),
        packets in proptest::collection::vec(packet(), 0..60),
        shortcut in any::<bool>(),
    ) {
        let settings = learner::Settings {
            my_id: Sid(2),
            kind,
            tick_time: 100,
            init_limit: 10,
            sync_limit: 5,
            config_version: 0,
            reconfig_enabled: true,
            log_enabled: true,
            faults: learner::Faults::default(),
        };
        let start =
            learner::Start { accepted_epoch: 1, current_epoch: 1, last_zxid: Zxid::new(1, 3) };
        let mut out = Vec::new();
        let mut learner = Learner::new(settings, start, 0, &mut out);
        let zxid = Zxid::new(2, 0);
        let into_the_middle = [
            Packet::LeaderInfo { zxid, protocol_version: 0x10000 },
            Packet::Diff { zxid: Zxid::new(1, 3) },
            Packet::NewLeader { zxid, config: None },
            Packet::UpToDate,
        ];
        let lead_in = into_the_middle.into_iter().filter(|_| shortcut);
        for packet in lead_in.chain(packets) {
            learner.step(0, learner::Event::Packet(packet), &mut out);
            learner.step(0, learner::Event::SnapshotReceived, &mut out);
            learner.step(0, learner::Event::Durable(Zxid::new(2, 9)), &mut out);
        }
    }
}

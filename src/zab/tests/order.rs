//! The order in which a learner has things done.

use super::world::entry;
use crate::ids::{Sid, Zxid};
use crate::zab::LearnerType;
use crate::zab::learner::{Effect, Event, Faults, Learner, Reason, Settings, Start};
use crate::zab::packet::Packet;

/// The effects of `events` on a follower that has nothing.
fn effects(events: impl IntoIterator<Item = Event>) -> Vec<Effect> {
    effects_on(LearnerType::Participant, true, events)
}

fn effects_on(
    kind: LearnerType,
    log_enabled: bool,
    events: impl IntoIterator<Item = Event>,
) -> Vec<Effect> {
    let settings = Settings {
        my_id: Sid(2),
        kind,
        tick_time: 100,
        init_limit: 10,
        sync_limit: 5,
        config_version: 0,
        reconfig_enabled: false,
        log_enabled,
        faults: Faults::default(),
    };
    let start = Start { accepted_epoch: 0, current_epoch: 0, last_zxid: Zxid(0) };
    let mut out = Vec::new();
    let mut learner = Learner::new(settings, start, 0, &mut out);
    for event in events {
        learner.step(0, event, &mut out);
    }
    out
}

/// The snapshot may hold what is committed right behind it: whoever is served before that is applied
/// sees effects of transactions that his zxid does not cover.
#[test]
fn nobody_is_served_before_the_commits_that_came_with_the_sync() {
    let zxid = Zxid::new(1, 1);
    let packets = [
        Packet::LeaderInfo { zxid: Zxid::new(1, 0), protocol_version: 0x10000 },
        Packet::Snap { zxid: Zxid::new(1, 0) },
    ];
    let then = [
        Packet::NewLeader { zxid: Zxid::new(1, 0), config: None },
        Packet::Proposal { zxid, record: entry(zxid).record },
        Packet::Commit { zxid },
        Packet::UpToDate,
    ];
    let first = packets.into_iter().map(Event::Packet);
    let then = then.into_iter().map(Event::Packet);
    let out = effects(first.chain([Event::SnapshotReceived]).chain(then));
    let at = |wanted: fn(&Effect) -> bool| out.iter().position(wanted);
    let commit = at(|effect| matches!(effect, Effect::Commit { .. }));
    let serve = at(|effect| matches!(effect, Effect::Serve { .. }));
    assert!(commit.is_some() && commit < serve, "{out:?}");
}

/// What cannot be read must not get into the log: no server starts with it.
#[test]
fn a_record_that_is_damaged_behind_its_header_is_not_logged() {
    let zxid = Zxid::new(1, 1);
    let mut record = entry(zxid).record.to_vec();
    record.truncate(record.len() - 1);
    let packets = [
        Packet::LeaderInfo { zxid: Zxid::new(1, 0), protocol_version: 0x10000 },
        Packet::Diff { zxid: Zxid(0) },
        Packet::NewLeader { zxid: Zxid::new(1, 0), config: None },
        Packet::UpToDate,
        Packet::Proposal { zxid, record: record.into() },
    ];
    let out = effects(packets.into_iter().map(Event::Packet));
    assert!(!out.iter().any(|effect| matches!(effect, Effect::Append { .. })), "{out:?}");
    let why = Reason::BadRecord(zxid);
    assert_eq!(out.last(), Some(&Effect::GiveUp { why, reload: false }));
}

/// A commit that passes over a proposal would leave a hole in the tree: the process must not go on
/// (`FollowerZooKeeperServer.commit`).
#[test]
fn a_commit_of_another_than_the_next_proposal_ends_the_process() {
    let proposals = [1, 2].map(|counter| Zxid::new(1, counter));
    let found = proposals[1];
    let start = [
        Packet::LeaderInfo { zxid: Zxid::new(1, 0), protocol_version: 0x10000 },
        Packet::Diff { zxid: Zxid(0) },
        Packet::NewLeader { zxid: Zxid::new(1, 0), config: None },
        Packet::UpToDate,
    ];
    let proposed = proposals.map(|zxid| Packet::Proposal { zxid, record: entry(zxid).record });
    let packets = start.into_iter().chain(proposed).chain([Packet::Commit { zxid: found }]);
    let out = effects(packets.map(Event::Packet));
    assert!(!out.iter().any(|effect| matches!(effect, Effect::Commit { .. })), "{out:?}");
    let why = Reason::Unmatched { expected: Some(proposals[0]), found };
    assert_eq!(out.last(), Some(&Effect::Exit { code: 12, why }));
}

/// `syncEnabled=false`: it applies all the same, and nothing is on its disk but snapshots.
#[test]
fn an_observer_may_keep_no_log() {
    let [synced, proposed, informed] = [1, 2, 3].map(|counter| Zxid::new(1, counter));
    let record = |zxid| entry(zxid).record;
    let packets = [
        Packet::LeaderInfo { zxid: Zxid::new(1, 0), protocol_version: 0x10000 },
        Packet::Diff { zxid: Zxid(0) },
        Packet::Proposal { zxid: synced, record: record(synced) },
        Packet::Commit { zxid: synced },
        Packet::NewLeader { zxid: Zxid::new(1, 0), config: None },
        Packet::Inform { zxid: proposed, record: record(proposed) },
        Packet::UpToDate,
        Packet::Inform { zxid: informed, record: record(informed) },
    ];
    for log_enabled in [false, true] {
        let events = packets.clone().map(Event::Packet);
        let out = effects_on(LearnerType::Observer, log_enabled, events);
        let count = |wanted: fn(&Effect) -> bool| out.iter().filter(|e| wanted(e)).count();
        assert_eq!(count(|e| matches!(e, Effect::Commit { .. })), 3);
        let logged = if log_enabled { 3 } else { 0 };
        assert_eq!(count(|e| matches!(e, Effect::Append { .. })), logged, "{out:?}");
        assert_eq!(
            count(|e| matches!(e, Effect::Send(Packet::Ack { .. }))),
            2,
            "of the epoch alone"
        );
    }
}

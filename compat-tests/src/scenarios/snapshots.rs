//! What a snapshot must not hold, must not lack, and must outlive.

use super::{BASE, Scenario, creates, establish, log_alone};
use crate::sim::orders::Order;
use crate::sim::plan::Plan;
use crate::sim::stage::Stage;

pub(super) fn all() -> Vec<Scenario> {
    let alone = Scenario { cast: (1, 0, 2), ..BASE };
    vec![
        Scenario {
            name: "ZOOKEEPER-3127",
            bug: |bugs| bugs.storage.trust_end_of_walk = true,
            play: |stage| fuzzy(stage, &[Order::Multi(&["/a", "/b", "/c", "/d", "/new"])]),
            ..alone
        },
        Scenario {
            name: "ZOOKEEPER-3144",
            bug: |bugs| bugs.storage.trust_end_of_walk = true,
            play: session_within_snapshot,
            ..alone
        },
        Scenario {
            name: "ZOOKEEPER-3145",
            bug: |bugs| bugs.stale_pzxid = true,
            play: |stage| fuzzy(stage, &[Order::Close]),
            ..alone
        },
        Scenario {
            name: "ZOOKEEPER-1549",
            bug: |bugs| bugs.storage.keep_cut_snapshots = true,
            play: dirty_snapshot,
            ..BASE
        },
        Scenario {
            name: "ZOOKEEPER-3104 of a snapshot",
            plan: |plan| Plan { force_snapshot: true, ..plan },
            bug: |bugs| bugs.peer.leader.new_leader_behind_start = true,
            play: committed_while_it_is_sent,
            ..BASE
        },
        Scenario {
            name: "ZOOKEEPER-3231",
            plan: |plan| Plan { snap_count: 4, retain: 3, ..plan },
            bug: |bugs| bugs.storage.count_broken_snapshots = true,
            play: purge_among_ruins,
            ..alone
        },
    ]
}

const NODES: [&str; 8] = ["/a", "/b", "/c", "/d", "/a/1", "/b/1", "/c/1", "/d/1"];

/// A snapshot has been begun and stands still behind some slices; how many the seed says.
fn begin_snapshot(stage: &mut Stage, leader: i64) {
    stage.freeze_snapshot(leader, true);
    stage.begin_snapshot(leader);
    for _ in 0..stage.seed * 5 % 18 {
        stage.slice(leader);
    }
}

/// These orders of a second client fall into a snapshot; then the process is killed.
fn fuzzy(stage: &mut Stage, orders: &[Order]) {
    establish(stage, &[1], 1);
    stage.put(0, 1, creates(&NODES));
    stage.put(1, 1, ["/a/e", "/b/e", "/c/e", "/d/e"].map(Order::Ephemeral));
    begin_snapshot(stage, 1);
    stage.ask(1, 1, orders.to_vec());
    stage.until("it is done", |s| s.is_quiet(1));
    finish_and_restart(stage);
}

/// A session that begins within a snapshot.
fn session_within_snapshot(stage: &mut Stage) {
    establish(stage, &[1], 1);
    stage.put(0, 1, creates(&NODES));
    stage.put(1, 1, [Order::Close]);
    begin_snapshot(stage, 1);
    stage.put(1, 1, [Order::Ephemeral("/d/e")]);
    finish_and_restart(stage);
}

fn finish_and_restart(stage: &mut Stage) {
    stage.freeze_snapshot(1, false);
    stage.until("the snapshot is there", |s| !s.is_snapshotting(1));
    stage.kill(&[1]);
    stage.start(&[1]);
    stage.until("it serves", |s| s.serves(1));
}

/// A leader without a quorum takes a snapshot while what it alone has logged becomes part of its
/// tree; then it is told to cut that off.
fn dirty_snapshot(stage: &mut Stage) {
    establish(stage, &[1, 2, 3], 3);
    stage.put(0, 3, creates(&NODES));
    begin_snapshot(stage, 3);
    log_alone(stage, 3, &[1, 2], &["/x", "/a/x", "/d/x"]);
    stage.until("another leads", |s| s.looks(3) && s.leads(2) && s.serves(1));
    stage.freeze_snapshot(3, false);
    stage.until("the snapshot is there", |s| !s.is_snapshotting(3));
    stage.mend();
    stage.until("the first follows", |s| s.serves(3));
    stage.put(1, 2, creates(&["/y"]));
    stage.kill(&[3]);
    stage.start(&[3]);
    stage.until("the first follows", |s| s.serves(3));
}

/// A learner is sent a snapshot that holds what is committed while it is sent. What it saves must not be
/// ahead of the zxid that it is saved under.
fn committed_while_it_is_sent(stage: &mut Stage) {
    establish(stage, &[2, 3], 3);
    stage.put(0, 3, creates(&NODES));
    stage.freeze_snapshot(3, true);
    stage.start(&[1]);
    stage.until("it is sent a snapshot", |s| s.is_sending_snapshot(3));
    stage.put(1, 2, creates(&["/x", "/a/x", "/d/x"]));
    stage.freeze_snapshot(3, false);
    stage.until("it follows", |s| s.serves(1));
}

/// Snapshots get damaged, others are taken, old ones are removed: what can be read stays.
fn purge_among_ruins(stage: &mut Stage) {
    establish(stage, &[1], 1);
    stage.put(0, 1, creates(&NODES));
    let grow = |stage: &mut Stage| {
        let before = stage.snapshots(1).last().cloned();
        let mut n = 0;
        while stage.snapshots(1).last().cloned() == before && n < 100 {
            stage.put(0, 1, [Order::Set("/a")]);
            stage.pass(500);
            n += 1;
        }
    };
    for _ in 0..4 {
        grow(stage);
        if let Some(newest) = stage.snapshots(1).last().cloned() {
            stage.damage(1, &newest);
        }
    }
    stage.kill(&[1]);
    stage.start(&[1]);
    stage.until("it serves", |s| s.serves(1));
}

//! What goes wrong where a leader chooses how a learner is brought to its history, and before: where
//! the members do not understand each other.

use super::{BASE, Scenario, creates, establish, log_alone};
use crate::sim::plan::Plan;
use crate::sim::stage::Stage;

const A: &str = "/a";
const B: &str = "/b";
const C: &str = "/c";
const D: &str = "/d";
const X: &str = "/x";
const Y: &str = "/y";

pub(super) fn all() -> Vec<Scenario> {
    vec![
        Scenario {
            name: "ZOOKEEPER-2832",
            bug: |bugs| bugs.sync.keep_foreign_end = true,
            play: end_of_another_epoch,
            ..BASE
        },
        Scenario {
            name: "ZOOKEEPER-3526",
            borne: |bugs| bugs.peer.read_only_writes = true,
            bug: |bugs| bugs.sync.trust_short_log = true,
            play: history_of_a_server_without_leader,
            ..BASE
        },
        Scenario {
            name: "ZOOKEEPER-3642",
            plan: |plan| Plan { committed_limit: 3, txn_log_sync: false, ..plan },
            bug: |bugs| bugs.peer.learner.keep_half_snapshot = true,
            play: half_a_snapshot,
            ..BASE
        },
        Scenario {
            name: "ZOOKEEPER-4352",
            cast: (3, 1, 2),
            plan: |plan| Plan { committed_limit: 3, txn_log_sync: false, ..plan },
            bug: |bugs| bugs.sync.begins_with_nothing = true,
            play: committed_log_of_a_newcomer,
            ..BASE
        },
        Scenario {
            name: "ZOOKEEPER-4787",
            bug: |bugs| bugs.ebcdic = true,
            play: |stage| establish_whoever_leads(stage, &[1, 2, 3]),
            ..BASE
        },
        Scenario {
            name: "ZOOKEEPER-4925",
            cast: (3, 1, 2),
            bug: |bugs| {
                bugs.peer.forget_synced = true;
                bugs.peer.learner.accept_gaps = true;
                bugs.sync.pass_holes_on = true;
            },
            play: hole_passed_on,
            ..BASE
        },
    ]
}

/// A minority has logged what nobody else has, and the majority goes on in a new epoch with less.
fn end_of_another_epoch(stage: &mut Stage) {
    establish(stage, &[1, 2, 3], 3);
    stage.put(0, 3, creates(&[A]));
    log_alone(stage, 3, &[1, 2], &[X]);
    stage.kill(&[3]);
    stage.until("another leads", |s| s.leads(2) && s.serves(1));
    stage.mend();
    stage.put(1, 2, creates(&[Y]));
    stage.start(&[3]);
    stage.until("the first follows", |s| s.serves(3));
    stage.put(1, 2, creates(&[B]));
}

/// A leader's committed log holds what a server without a leader wrote: its end says nothing of what
/// is committed, and nobody may be cut back to it.
fn history_of_a_server_without_leader(stage: &mut Stage) {
    establish(stage, &[1, 2, 3], 3);
    stage.put(0, 3, creates(&[A]));
    stage.kill(&[1]);
    stage.put(0, 3, creates(&[B]));
    stage.cut(3, &[2]);
    stage.until("the leader gives up", |s| s.looks(3) && s.looks(2));
    stage.mend();
    stage.until("it leads again", |s| s.leads(3) && s.serves(2));
    stage.start(&[1]);
    let starts = stage.count_starts(1);
    stage.pass(10_000);
    stage.put(0, 3, creates(&[C]));
    let again = stage.count_starts(1) > starts;
    stage.expect(!again, "a follower was told to cut off what is committed");
}

/// The connection breaks in the middle of a snapshot: half of it is no tree, and the next sync may not
/// build on it.
fn half_a_snapshot(stage: &mut Stage) {
    establish(stage, &[1, 2, 3], 3);
    stage.put(0, 3, creates(&[A]));
    stage.kill(&[1]);
    stage.put(0, 3, creates(&[B, C, D, X, Y, "/b/1", "/b/2", "/b/3", "/c/1", "/c/2"]));
    stage.break_snapshots(true);
    let looks = stage.count_looks(1);
    stage.start(&[1]);
    stage.until("the connection has broken", |s| s.count_looks(1) > looks + 1);
    stage.break_snapshots(false);
    stage.until("it follows", |s| s.serves(1));
    stage.put(0, 3, creates(&["/z"]));
}

/// A member that got a snapshot leads: its committed log does not begin with the first transaction of
/// all, and whoever has nothing needs more than that.
fn committed_log_of_a_newcomer(stage: &mut Stage) {
    establish(stage, &[1, 3], 3);
    stage.put(0, 3, creates(&[A, B, C, D, "/e", "/f"]));
    stage.start(&[2]);
    stage.until("the newcomer follows", |s| s.serves(2));
    stage.put(0, 3, creates(&[X]));
    stage.kill(&[3]);
    stage.until("the newcomer leads", |s| s.leads(2) && s.serves(1));
    stage.start(&[4]);
    stage.until("another newcomer observes", |s| s.serves(4));
    stage.put(1, 2, creates(&[Y]));
}

/// The members must understand who calls.
fn establish_whoever_leads(stage: &mut Stage, sids: &[i64]) {
    stage.start(sids);
    let found = stage.comes(30_000, |s| sids.iter().all(|sid| s.serves(*sid)));
    stage.expect(found, "members that know each other do not come together");
}

/// What a follower got by DIFF is missing in its committed log. It becomes the leader, and passes the
/// hole on.
fn hole_passed_on(stage: &mut Stage) {
    establish(stage, &[1, 2, 3, 4], 3);
    stage.put(0, 3, creates(&[A]));
    stage.kill(&[4, 2]);
    stage.put(0, 3, creates(&[B, C]));
    stage.start(&[2]);
    stage.until("the follower is back", |s| s.serves(2));
    stage.put(0, 3, creates(&[D]));
    stage.pass(1_000);
    stage.kill(&[3]);
    stage.until("it leads", |s| s.leads(2) && s.serves(1));
    stage.start(&[4]);
    stage.until("the observer is back", |s| s.serves(4));
    stage.put(1, 2, creates(&[X]));
}

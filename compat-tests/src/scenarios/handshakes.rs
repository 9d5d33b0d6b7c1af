//! What goes wrong between the first packet of a sync and UPTODATE.

use super::{BASE, Scenario, creates, establish, leave_alone_with, log};
use crate::sim::plan::Plan;
use crate::sim::stage::Stage;

const A: &str = "/a";
const B: &str = "/b";
const X: &str = "/x";
const Y: &str = "/y";
const Z: &str = "/z";

pub(super) fn all() -> Vec<Scenario> {
    [said_too_early(), taken_amiss()].concat()
}

/// Somebody says that he has what he has not.
fn said_too_early() -> Vec<Scenario> {
    vec![
        Scenario {
            name: "ZOOKEEPER-3911",
            bug: |bugs| bugs.peer.learner.ack_before_durable = true,
            play: |stage| acknowledged_and_lost(stage, &[X], None, Stage::power_off),
            ..BASE
        },
        Scenario {
            name: "ZOOKEEPER-4646",
            bug: |bugs| bugs.peer.learner.ack_before_durable = true,
            play: |stage| {
                acknowledged_and_lost(stage, &[X, Y, Z, "/x/1", "/x/2"], None, Stage::kill)
            },
            ..BASE
        },
        Scenario {
            name: "ZOOKEEPER-3104",
            bug: |bugs| bugs.peer.leader.new_leader_first = true,
            play: |stage| acknowledged_and_lost(stage, &[X], Some("log"), Stage::kill),
            ..BASE
        },
        Scenario {
            name: "ZOOKEEPER-2872",
            plan: |plan| Plan { force_snapshot: true, ..plan },
            bug: |bugs| bugs.peer.learner.ack_before_snapshot = true,
            play: |stage| acknowledged_and_lost(stage, &[X], Some("save"), Stage::power_off),
            ..BASE
        },
        Scenario {
            name: "ZOOKEEPER-4643",
            bug: |bugs| bugs.peer.learner.epoch_before_log = true,
            play: new_epoch_with_an_old_log,
            ..BASE
        },
        Scenario {
            name: "ZOOKEEPER-4685",
            plan: |plan| Plan { legality: false, ..plan },
            borne: |bugs| bugs.peer.learner.ack_sync_first = true,
            bug: |bugs| bugs.peer.leader.any_ack_ends_sync = true,
            play: acks_out_of_order,
            ..BASE
        },
        Scenario {
            name: "acks of what was cut off",
            bug: |bugs| bugs.peer.leader.count_cut_acks = true,
            play: cut_off_and_counted,
            ..BASE
        },
    ]
}

/// What comes between NEWLEADER and UPTODATE is forgotten.
fn taken_amiss() -> Vec<Scenario> {
    vec![
        Scenario {
            name: "ZOOKEEPER-4394, 3023",
            borne: |bugs| bugs.peer.leader.proposed_first = true,
            bug: |bugs| bugs.peer.learner.forget_proposed = true,
            play: committed_behind_new_leader,
            ..BASE
        },
        Scenario {
            name: "ZOOKEEPER-4394 of a follower",
            plan: |plan| Plan { legality: false, ..plan },
            borne: |bugs| bugs.peer.learner.forget_proposed = true,
            bug: |bugs| bugs.peer.leader.proposed_first = true,
            play: committed_behind_new_leader,
            ..BASE
        },
        Scenario {
            name: "ZOOKEEPER-4785",
            bug: |bugs| bugs.peer.learner.apply_without_log = true,
            play: proposed_behind_new_leader,
            ..BASE
        },
    ]
}

/// The leader alone has some transactions and brings them to the others, whose logs stand still, or
/// which are stopped before `effect`: where the history is to be made durable. Whoever says before
/// that that he has it, and then ends, loses what the leader takes for committed.
fn acknowledged_and_lost(
    stage: &mut Stage,
    paths: &[&'static str],
    effect: Option<&'static str>,
    end: fn(&mut Stage, &[i64]),
) {
    establish(stage, &[1, 2, 3], 3);
    stage.put(0, 3, creates(&[A]));
    leave_alone_with(stage, 3, &[1, 2], paths);
    match effect {
        Some(effect) => stage.stop_before(&[1, 2], effect),
        None => stage.freeze_logs(&[1, 2]),
    }
    stage.start(&[1, 2, 3]);
    stage.until("they are to make it durable", |s| match effect {
        Some(effect) => s.stands_before(1, effect) && s.stands_before(2, effect),
        None => s.is_logging(1) && s.is_logging(2),
    });
    stage.comes(2_000, |s| s.leads(3));
    end(stage, &[1, 2]);
    stage.kill(&[3]);
    stage.start(&[1, 2]);
    stage.until("they serve without the leader", |s| s.serves(1) && s.serves(2));
    stage.put(1, 2, creates(&[B]));
}

/// The power of a follower fails between the epoch's file and the log: with the new epoch and the old
/// log it would win against one who has what is committed.
fn new_epoch_with_an_old_log(stage: &mut Stage) {
    establish(stage, &[1, 2, 3], 3);
    stage.put(0, 3, creates(&[A]));
    stage.kill(&[1]);
    stage.put(0, 3, creates(&[X]));
    stage.kill(&[2, 3]);
    stage.stop_before(&[1], "log");
    stage.start(&[1, 3]);
    stage.until("it is to log what it missed", |s| s.stands_before(1, "log"));
    stage.power_off(&[1]);
    stage.kill(&[3]);
    stage.start(&[1, 2]);
    stage.until("they serve without the leader", |s| s.serves(1) && s.serves(2));
    stage.put(1, 2, creates(&[Y]));
}

/// Learners of Java 3.8 acknowledge the transactions of a sync before they acknowledge NEWLEADER: the
/// leader must bear with that.
fn acks_out_of_order(stage: &mut Stage) {
    establish(stage, &[1, 2, 3], 3);
    stage.put(0, 3, creates(&[A]));
    leave_alone_with(stage, 3, &[1, 2], &[X]);
    let count = |s: &Stage| [1, 2, 3].map(|sid| s.count_looks(sid)).iter().sum::<u64>();
    let before = count(stage);
    stage.start(&[1, 2, 3]);
    stage.until("all serve", |s| s.serves(1) && s.serves(2) && s.leads(3));
    let looked = count(stage) - before;
    stage.expect(looked == 3, "somebody has given up without need");
}

/// A follower acknowledges a proposal, is started anew before that is committed, and told to cut it
/// off, to get it once more. Until it has, its ack must not count. (No ticket; found by the simulator.)
fn cut_off_and_counted(stage: &mut Stage) {
    establish(stage, &[1, 2, 3], 3);
    stage.put(0, 3, creates(&[A]));
    stage.freeze_logs(&[2, 3]);
    log(stage, 3, 1, &[X]);
    stage.pass(100);
    stage.kill(&[1]);
    stage.stop_before(&[1], "log");
    stage.start(&[1]);
    stage.until("it is to log it again", |s| s.stands_before(1, "log"));
    stage.thaw_logs(&[3]);
    stage.comes(1_000, |s| s.is_quiet(0));
    stage.kill(&[2, 3, 1]);
    stage.start(&[1, 2]);
    stage.until("they serve without the leader", |s| s.serves(1) && s.serves(2));
    stage.put(1, 2, creates(&[Y]));
}

/// A transaction is proposed when a follower comes, and committed when it has NEWLEADER and not yet
/// UPTODATE.
fn committed_behind_new_leader(stage: &mut Stage) {
    establish(stage, &[2, 3], 3);
    stage.put(0, 3, creates(&[A]));
    stage.freeze_logs(&[2]);
    log(stage, 3, 3, &[X]);
    stage.stop_before(&[1], "current");
    stage.start(&[1]);
    stage.until("the follower has NEWLEADER", |s| s.stands_before(1, "current"));
    stage.thaw_logs(&[2]);
    stage.until("it is committed", |s| s.is_quiet(0));
    stage.pass(100);
    stage.release(&[1]);
    stage.until("the follower serves", |s| s.serves(1));
    let looks = stage.count_looks(1);
    stage.expect(looks == 1, "the follower has left a leader that did nothing wrong");
    stage.put(0, 3, creates(&[Y]));
    stage.kill(&[1]);
    stage.start(&[1]);
}

/// Transactions are proposed and committed when a follower has NEWLEADER and not yet UPTODATE: they
/// must be in its log.
fn proposed_behind_new_leader(stage: &mut Stage) {
    establish(stage, &[1, 2, 3], 3);
    stage.put(0, 3, creates(&[A]));
    stage.kill(&[1]);
    stage.put(0, 3, creates(&[B]));
    stage.stop_before(&[1], "current");
    stage.start(&[1]);
    stage.until("the follower has NEWLEADER", |s| s.stands_before(1, "current"));
    stage.put(0, 3, creates(&[X, Y]));
    stage.pass(100);
    stage.release(&[1]);
    stage.until("the follower serves", |s| s.serves(1));
    stage.put(0, 3, creates(&[Z]));
    stage.pass(1_000);
    stage.kill(&[1]);
    stage.start(&[1]);
}

//! What goes wrong at the end of a term: memory, log and disk part from each other.

use gamekeeper::ids::{Sid, Zxid};
use gamekeeper::op::op;
use gamekeeper::zab::LearnerType;
use gamekeeper::zab::learner::{self, Learner};
use gamekeeper::zab::packet::{PROTOCOL_VERSION, Packet};
use jute::txn::TxnHeader;

use super::{BASE, Scenario, creates, establish, log_alone};
use crate::sim::orders::Order;
use crate::sim::stage::Stage;

const A: &str = "/a";
const X: &str = "/x";
const Y: &str = "/y";
const Z: &str = "/z";

pub(super) fn all() -> Vec<Scenario> {
    vec![
        Scenario {
            name: "ZOOKEEPER-2845",
            bug: |bugs| bugs.peer.forget_logged = true,
            play: logged_and_forgotten,
            ..BASE
        },
        Scenario {
            name: "ZOOKEEPER-4712",
            bug: |bugs| bugs.peer.leave_log_behind = true,
            play: |stage| written_late(stage, Order::Create(X)),
            ..BASE
        },
        Scenario {
            name: "ZOOKEEPER-4541",
            bug: |bugs| bugs.peer.leave_log_behind = true,
            play: |stage| written_late(stage, Order::Close),
            ..BASE
        },
        Scenario {
            name: "ZOOKEEPER-5094",
            bug: |bugs| bugs.peer.learner.trunc_into_memory = true,
            play: interrupted_trunc,
            ..BASE
        },
        Scenario {
            name: "ZOOKEEPER-4882",
            bug: |bugs| bugs.storage.write_on_after_errors = true,
            play: failed_sync,
            ..BASE
        },
        Scenario {
            name: "ZOOKEEPER-2354",
            bug: |bugs| bugs.storage.keep_old_epoch = true,
            play: epoch_behind_log,
            ..BASE
        },
    ]
}

/// The leader logs a transaction that nobody gets, loses its quorum, and comes back without a restart:
/// it must not follow as if the transaction were not in its log.
fn logged_and_forgotten(stage: &mut Stage) {
    establish(stage, &[1, 2, 3], 3);
    stage.put(0, 3, creates(&[A]));
    log_alone(stage, 3, &[1, 2], &[X]);
    stage.until("the leader gives up", |s| s.looks(3));
    stage.until("another leads", |s| s.leads(2));
    stage.mend();
    stage.until("the first follows", |s| s.serves(3));
    stage.put(1, 2, creates(&[Y]));
    stage.kill(&[3]);
    stage.start(&[3]);
}

/// A follower's log is slow when its leader dies: what it has been handed must not be written when
/// the next term has begun. `order` is what nobody else gets.
fn written_late(stage: &mut Stage, order: Order) {
    establish(stage, &[1, 2, 3], 3);
    stage.put(0, 3, [Order::Create(A), Order::Ephemeral("/a/e")]);
    stage.cut(3, &[2]);
    stage.freeze_logs(&[1, 3]);
    let before = stage.last_logged(1);
    stage.ask(0, 3, [order]);
    stage.until("the follower has been handed it", |s| s.last_logged(1) > before);
    stage.kill(&[3]);
    stage.mend();
    stage.pass(5_000);
    stage.thaw_logs(&[1, 3]);
    stage.until("another leads", |s| (s.leads(1) || s.leads(2)) && s.serves(1) && s.serves(2));
    stage.put(1, 2, creates(&[Y]));
    stage.kill(&[1]);
    stage.start(&[1]);
}

/// A member is told to cut its log, and loses its leader while it does, or behind the first commits
/// that follow: its tree must not be ahead of its log. (Only Java has committed transactions that it
/// has not yet applied, and sends such behind a TRUNC; so this leader's part is played by hand.)
fn interrupted_trunc(stage: &mut Stage) {
    establish(stage, &[1, 2, 3], 3);
    stage.put(0, 3, creates(&[A]));
    log_alone(stage, 3, &[1, 2], &[X]);
    stage.until("another leads", |s| s.leads(2) && s.serves(1) && s.looks(3));
    stage.stop_before(&[3], "truncate");
    stage.mend();
    stage.until("it is told to cut its log", |s| s.stands_before(3, "truncate"));
    stage.freeze_barrier(3, true);
    stage.release(&[3]);
    stage.kill(&[2]);
    stage.pass(1_000);
    stage.freeze_barrier(3, false);
    stage.until("there is a leader", |s| s.serves(1) && s.serves(3));
    stage.put(1, 1, creates(&[Z]));
    stage.kill(&[3]);
    stage.start(&[3]);
    let holds = !is_ahead_of_log(stage.world.plan.bugs.peer.learner);
    stage.expect(holds, "behind an interrupted TRUNC the tree is ahead of the log");
}

/// Whether a learner that loses its leader behind TRUNC, PROPOSAL and COMMIT has applied what it has
/// not logged.
fn is_ahead_of_log(faults: learner::Faults) -> bool {
    let settings = learner::Settings {
        my_id: Sid(3),
        kind: LearnerType::Participant,
        tick_time: 1000,
        init_limit: 5,
        sync_limit: 3,
        config_version: 0,
        reconfig_enabled: false,
        log_enabled: true,
        faults,
    };
    let (last_zxid, kept, next) = (Zxid::new(1, 9), Zxid::new(1, 7), Zxid::new(2, 1));
    let start = learner::Start { accepted_epoch: 1, current_epoch: 1, last_zxid };
    let header = TxnHeader { zxid: next.0, kind: op::CLOSE_SESSION, ..TxnHeader::default() };
    let packets = [
        Packet::LeaderInfo { zxid: Zxid::new(2, 0), protocol_version: PROTOCOL_VERSION },
        Packet::Trunc { zxid: kept },
        Packet::Proposal { zxid: next, record: jute::to_bytes(&header).into() },
        Packet::Commit { zxid: next },
    ];
    let mut out = Vec::new();
    let mut machine = Learner::new(settings, start, 0, &mut out);
    for event in packets.map(learner::Event::Packet).into_iter().chain([learner::Event::Closed]) {
        machine.step(0, event, &mut out);
    }
    let applied = |e: &&learner::Effect| matches!(e, learner::Effect::Commit { .. });
    let logged = |e: &&learner::Effect| matches!(e, learner::Effect::Append { .. });
    out.iter().filter(applied).count() > out.iter().filter(logged).count()
}

/// A disk refuses one sync, and the others commit without it: the member must not go on as if its log
/// were whole.
fn failed_sync(stage: &mut Stage) {
    establish(stage, &[1, 2, 3], 3);
    stage.put(0, 3, creates(&[A]));
    stage.fail_sync(1);
    stage.put(0, 3, creates(&[X]));
    stage.until("it is back", |s| s.serves(1) && s.count_looks(1) > 1);
    stage.put(0, 3, creates(&[Y, Z]));
    stage.pass(1_000);
    stage.kill(&[1]);
    stage.start(&[1]);
}

/// The power fails when transactions of a new epoch are in the log, and `currentEpoch` is still the
/// old one: the server must start.
fn epoch_behind_log(stage: &mut Stage) {
    establish(stage, &[1, 2, 3], 3);
    stage.put(0, 3, creates(&[A]));
    stage.kill(&[1, 2, 3]);
    establish(stage, &[2, 3], 3);
    stage.put(0, 3, creates(&[X]));
    stage.stop_before(&[1], "current");
    stage.start(&[1]);
    stage.until("its log is written", |s| s.stands_before(1, "current"));
    stage.power_off(&[1]);
    stage.start(&[1]);
}

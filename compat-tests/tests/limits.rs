//! `initLimit` and `syncLimit`: whoever is silent for longer is left, and not before. Whole members in
//! the simulator's time, to the tick; then processes that stand still. The latter take a minute:
//! `cargo test -p compat-tests --test limits -- --ignored --test-threads 1 --nocapture`
//! (What leader and learner do by themselves is in `src/zab/tests/scripts/limits.txt`.)

use std::time::{Duration, Instant};

use compat_tests::Result;
use compat_tests::ensemble::scenes::{judged, network};
use compat_tests::ensemble::{Ensemble, Plan};
use compat_tests::server::Kind::{self, Java, Ours};
use compat_tests::sim::orders::Order;
use compat_tests::sim::plan::Bugs;
use compat_tests::sim::stage::{Stage, quiet_plan};

/// As [`quiet_plan`] has it, in ms.
const TICK: u64 = 1000;
const INIT_LIMIT: u64 = 5 * TICK;
const SYNC_LIMIT: u64 = 3 * TICK;
/// The time between two pings, and between two looks of a leader at the time.
const HALF_TICK: u64 = TICK / 2;
/// What messages, disks and a learner's looks at the time may take.
const SLACK: u64 = 150;

/// Three members, led by the third.
fn established(seed: u64) -> Stage {
    let mut stage = Stage::new(seed, quiet_plan(seed, 3, 0, 1, Bugs::default()));
    stage.start(&[1, 2, 3]);
    stage.until("all serve", |s| s.leads(3) && s.serves(1) && s.serves(2));
    stage
}

/// How many ms pass until something is so.
fn time_until(stage: &mut Stage, what: &str, cond: impl Fn(&Stage) -> bool) -> u64 {
    let begin = stage.world.now;
    stage.until(what, cond);
    (stage.world.now - begin) / 1000
}

/// How many learners the leader has.
fn learners(stage: &Stage) -> usize {
    let status = stage.life(3).map(|life| life.ensemble.status()).unwrap_or_default();
    status.learners.map_or(0, |learners| learners.connected)
}

fn end(mut stage: Stage) {
    stage.mend();
    stage.settle();
    assert_eq!(stage.in_vain(), None);
    assert_eq!(stage.verdict(), None);
}

const SEEDS: std::ops::Range<u64> = 1..9;

/// The last word of the follower may be as old as the last ping; the leader looks twice a tick.
#[test]
fn a_silent_follower_is_dropped_after_sync_limit() {
    for seed in SEEDS {
        let mut stage = established(seed);
        stage.cut(1, &[3]);
        let ms = time_until(&mut stage, "the leader drops it", |s| learners(s) == 1);
        assert!(
            (SYNC_LIMIT - HALF_TICK - SLACK..=SYNC_LIMIT + HALF_TICK + SLACK).contains(&ms),
            "{ms}"
        );
        assert!(stage.leads(3) && stage.serves(2));
        stage.mend();
        stage.until("it is back", |s| s.serves(1) && learners(s) == 2);
        assert_eq!(stage.count_looks(3), 1);
        end(stage);
    }
}

#[test]
fn a_silent_leader_is_left_after_sync_limit() {
    for seed in SEEDS {
        let mut stage = established(seed);
        let looks = stage.count_looks(1);
        stage.cut(3, &[1, 2]);
        let ms = time_until(&mut stage, "it is left", |s| s.count_looks(1) > looks);
        assert!((SYNC_LIMIT - HALF_TICK - SLACK..=SYNC_LIMIT + SLACK).contains(&ms), "{ms}");
        let another = |s: &Stage| (s.leads(1) && s.serves(2)) || (s.leads(2) && s.serves(1));
        stage.until("another leads", another);
        // Its tick may have just begun when it heard the last word.
        let more = time_until(&mut stage, "it leaves itself", |s| s.looks(3));
        assert!(ms + more <= SYNC_LIMIT + 2 * TICK + SLACK, "{ms} and {more}");
        stage.mend();
        stage.until("it follows", |s| s.serves(3) && another(s));
        end(stage);
    }
}

/// It answers pings, but what was proposed to it is never on its disk.
#[test]
fn a_follower_that_acknowledges_nothing_is_dropped_after_sync_limit() {
    for seed in SEEDS {
        let mut stage = established(seed);
        stage.freeze_logs(&[1]);
        stage.put(0, 3, [Order::Create("/a")]);
        let ms = time_until(&mut stage, "the leader drops it", |s| learners(s) == 1);
        assert!((SYNC_LIMIT - SLACK..=SYNC_LIMIT + HALF_TICK + SLACK).contains(&ms), "{ms}");
        stage.thaw_logs(&[1]);
        stage.until("it is back", |s| s.serves(1));
        end(stage);
    }
}

/// It stands before the last file that it has to write.
#[test]
fn a_learner_that_does_not_finish_its_sync_is_dropped_after_init_limit() {
    for seed in SEEDS {
        let mut stage = established(seed);
        stage.kill(&[1]);
        stage.until("the leader is without it", |s| learners(s) == 1);
        stage.stop_before(&[1], "current");
        stage.start(&[1]);
        stage.until("it is being synced", |s| s.stands_before(1, "current"));
        let ms = time_until(&mut stage, "the leader drops it", |s| learners(s) == 1);
        assert!((INIT_LIMIT - SLACK..=INIT_LIMIT + HALF_TICK + SLACK).contains(&ms), "{ms}");
        stage.release(&[1]);
        stage.until("it is back", |s| s.serves(1));
        end(stage);
    }
}

/// Of the processes.
const LIVE_TICK: Duration = Duration::from_millis(500);
const LIVE_INIT_LIMIT: u32 = 8;
const LIVE_SYNC_LIMIT: u32 = 4;
/// How long a busy machine may take to see to it. No measurement.
const LIVE_SLACK: Duration = Duration::from_secs(20);

/// Three processes, led by the third.
fn live(kinds: [Kind; 3]) -> Result<Ensemble> {
    let plan = Plan::new(&kinds)
        .proxied()
        .with("tickTime", &LIVE_TICK.as_millis().to_string())
        .with("initLimit", &LIVE_INIT_LIMIT.to_string())
        .with("syncLimit", &LIVE_SYNC_LIMIT.to_string());
    Ensemble::start_led_by_last(plan)
}

/// Waits until `member` says `told` behind so many bytes of its log. That it said it after as many
/// ticks, and before long, since `begin`; a ping may have been on its way.
fn expect_told(
    ensemble: &mut Ensemble,
    (member, after): (usize, usize),
    told: &str,
    (begin, ticks): (Instant, u32),
) -> Result<()> {
    let what = format!("has a member {} that does not say {told:?}", member + 1);
    ensemble.wait_for(&what, |e| Ok(e.log(member)[after..].contains(told).then_some(())))?;
    let (took, limit) = (begin.elapsed(), LIVE_TICK * ticks);
    if limit - LIVE_TICK <= took && took <= limit + LIVE_SLACK {
        return Ok(());
    }
    Err(ensemble.failure(&format!("has a member {} that says {told:?} after {took:?}", member + 1)))
}

#[test]
#[ignore = "takes long"]
fn a_follower_that_stands_still_is_dropped_and_comes_back() -> Result<()> {
    for kinds in [[Ours, Ours, Ours], [Java, Ours, Ours]] {
        judged(live(kinds)?, |ensemble, load| {
            let said = ensemble.log(2).len();
            let begin = Instant::now();
            ensemble.freeze(0)?;
            expect_told(ensemble, (2, said), "silent for", (begin, LIVE_SYNC_LIMIT))?;
            load.wait_written(10)?;
            ensemble.thaw(0)?;
            ensemble.wait_serving(0)?;
            assert_eq!(ensemble.leader(), Some(2));
            Ok(())
        })?;
    }
    Ok(())
}

#[test]
#[ignore = "takes long"]
fn a_leader_that_stands_still_is_left_and_follows() -> Result<()> {
    for kinds in [[Ours, Ours, Ours], [Ours, Ours, Java], [Java, Ours, Ours]] {
        judged(live(kinds)?, |ensemble, load| {
            let said = ensemble.log(1).len();
            let begin = Instant::now();
            ensemble.freeze(2)?;
            expect_told(ensemble, (1, said), "the leader was silent", (begin, LIVE_SYNC_LIMIT))?;
            load.wait_written(10)?;
            ensemble.thaw(2)?;
            ensemble.wait_for("has an old leader that does not follow", |ensemble| {
                Ok(ensemble.mode(2).filter(|mode| mode == "follower"))
            })?;
            Ok(())
        })?;
    }
    Ok(())
}

/// Whether the leader has so many learners, synced or not.
fn has_learners(ensemble: &Ensemble, count: usize) -> Option<()> {
    let answer = ensemble.word(2, "mntr")?;
    answer.lines().any(|line| line == format!("zk_learners\t{count}")).then_some(())
}

/// It stands still between its call and the end of the sync, which messages that are slow
/// make long enough to be met.
#[test]
#[ignore = "takes long"]
fn a_learner_that_stands_still_in_its_sync_is_dropped_and_comes_back() -> Result<()> {
    for kinds in [[Ours, Ours, Ours], [Java, Ours, Ours]] {
        judged(live(kinds)?, |ensemble, load| {
            ensemble.kill(0)?;
            ensemble.wait_for("has a leader that keeps it", |e| Ok(has_learners(e, 1)))?;
            let said = ensemble.log(2).len();
            network(ensemble).delay(0, 2, Duration::from_millis(700));
            ensemble.spawn(0, kinds[0])?;
            ensemble.wait_for("has a learner that does not call", |e| Ok(has_learners(e, 2)))?;
            let begin = Instant::now();
            ensemble.freeze(0)?;
            network(ensemble).delay(0, 2, Duration::ZERO);
            expect_told(ensemble, (2, said), "silent for", (begin, LIVE_INIT_LIMIT))?;
            load.wait_written(10)?;
            ensemble.thaw(0)?;
            ensemble.wait_serving(0)
        })?;
    }
    Ok(())
}

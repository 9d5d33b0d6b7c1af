//! How a member is brought up to date, by leaders of ours and of Java's of two releases: DIFF, SNAP and
//! TRUNC, each seen in the log of the one who gets it, and judged. It takes some minutes:
//! `cargo test -p compat-tests --test ensemble_sync -- --ignored --test-threads 1 --nocapture`

use std::thread::sleep;
use std::time::Duration;

use compat_tests::Result;
use compat_tests::ensemble::recorder::{Op, Recorder};
use compat_tests::ensemble::scenes::{judged, network};
use compat_tests::ensemble::verdict::judge;
use compat_tests::ensemble::{Ensemble, Plan};
use compat_tests::server::Kind::{self, Java, Ours, Release};

/// The newest release before 3.9.
const JAVA_38: Kind = Release("3.8.6");
/// Who learns, and of whom.
const PAIRS: [[Kind; 2]; 5] =
    [[Ours, Ours], [Ours, Java], [Java, Ours], [Ours, JAVA_38], [JAVA_38, Ours]];

const DIFF: &str = "Getting a diff from the leader";
const SNAP: &str = "Getting a snapshot from leader";
const TRUNC: &str = "Truncating log to get in sync with the leader";

/// From where a leader may take what a follower missed: `commitLogCount`, `snapshotSizeFactor`. While
/// the follower starts, clients write on, and there is no telling how much.
type Sources = [&'static str; 2];
const MEMORY: Sources = ["1000000", "-1"];
/// Nothing is too long to be read.
const LOG: Sources = ["500", "0"];
const NEITHER: Sources = ["500", "-1"];

/// A follower that missed so many writes is told `told` by the leader, which is the last of three.
fn behind([follower, leader]: [Kind; 2], writes: u64, from: Sources, told: &str) -> Result<()> {
    let plan = Plan::new(&[follower, leader, leader]);
    let plan = plan.with("commitLogCount", from[0]).with("snapshotSizeFactor", from[1]);
    judged(Ensemble::start_led_by_last(plan)?, |ensemble, load| {
        ensemble.kill(0)?;
        let said = ensemble.log(0).len();
        load.wait_written(writes)?;
        ensemble.start_member(0, follower)?;
        expect_said(ensemble, 0, said, told)
    })
}

/// Behind so many bytes of its log a member says so, in Java's words.
fn expect_said(ensemble: &mut Ensemble, member: usize, after: usize, told: &str) -> Result<()> {
    if ensemble.log(member)[after..].contains(told) {
        return Ok(());
    }
    Err(ensemble.failure(&format!("has a member {} that never says {told:?}", member + 1)))
}

/// What was written last is in the leader's memory.
#[test]
#[ignore = "takes long"]
fn a_little_behind_gets_a_diff() -> Result<()> {
    PAIRS.into_iter().try_for_each(|pair| behind(pair, 100, MEMORY, DIFF))
}

/// The log is as good, where it may be read.
#[test]
#[ignore = "takes long"]
fn further_behind_gets_a_diff_out_of_the_log() -> Result<()> {
    PAIRS.into_iter().try_for_each(|pair| behind(pair, 800, LOG, DIFF))
}

/// The log may not be read.
#[test]
#[ignore = "takes long"]
fn far_behind_gets_a_snapshot() -> Result<()> {
    PAIRS.into_iter().try_for_each(|pair| behind(pair, 800, NEITHER, SNAP))
}

/// A leader that is alone logs what nobody else gets; when it comes back it must forget it.
fn ahead([old, others]: [Kind; 2], kept: usize, told: &str) -> Result<()> {
    let plan = Plan::new(&[others, others, old]).proxied().with("tickTime", "1000");
    let mut ensemble = Ensemble::start_led_by_last(plan)?;
    let mut client = Recorder::new(0, &[ensemble.address(2)], Duration::from_secs(30));
    client.connect()?;
    client.ask(&Op::Create("/before".into(), vec![], 0));
    // The leader still hopes to be heard when it logs these.
    (0..2).for_each(|member| network(&ensemble).delay(member, 2, Duration::from_secs(5)));
    for i in 0..20 {
        client.send(&[Op::Create(format!("/lost-{i}"), vec![], 0)]);
    }
    sleep(Duration::from_millis(500));
    client.hang_up();
    network(&ensemble).isolate(2, true);
    let leader = ensemble.wait_for("has no new leader", |ensemble| {
        Ok((0..2).find(|m| ensemble.mode(*m).as_deref() == Some("leader")))
    })?;
    let mut other = Recorder::new(1, &[ensemble.address(leader)], Duration::from_secs(30));
    if kept > 0 {
        other.connect()?;
    }
    for i in 0..kept {
        other.ask(&Op::Create(format!("/kept-{i}"), vec![], 0));
    }
    let said = ensemble.log(2).len();
    (0..2).for_each(|member| network(&ensemble).delay(member, 2, Duration::ZERO));
    network(&ensemble).isolate(2, false);
    ensemble.wait_for("has an old leader that does not follow", |ensemble| {
        Ok(ensemble.mode(2).filter(|mode| mode == "follower"))
    })?;
    expect_said(&mut ensemble, 2, said, told)?;
    let summary = judge(&mut ensemble, &[client, other])?;
    println!("{summary:?}");
    Ok(())
}

#[test]
#[ignore = "takes long"]
fn ahead_of_the_quorum_is_truncated() -> Result<()> {
    PAIRS.into_iter().try_for_each(|pair| ahead(pair, 0, TRUNC))
}

/// No log is cut across epochs.
#[test]
#[ignore = "takes long"]
fn ahead_in_an_older_epoch_gets_a_snapshot() -> Result<()> {
    PAIRS.into_iter().try_for_each(|pair| ahead(pair, 20, SNAP))
}

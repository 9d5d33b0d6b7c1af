//! A small budget of simulated runs, and every seed that ever found something. Long runs are for the
//! command line: `cargo run --release -p compat-tests --bin sim -- --seconds 3600`.

use std::cell::RefCell;

use compat_tests::sim::orders::Order;
use compat_tests::sim::plan::{Bugs, Plan};
use compat_tests::sim::random::Random;
use compat_tests::sim::stage::{Stage, quiet_plan};
use compat_tests::sim::{self, Outcome};
use gamekeeper::op::op;

/// Seeds that found something, with what they found. A seed tells the same story only as long as the
/// simulator throws its dice the same way; what must stay for ever has a test of its own beside the
/// code, see `track-record.md`.
const FOUND: [u64; 12] = [
    8,
    14,
    28,
    60,
    95,
    114,
    1882530737291397,
    1882531305619634,
    1882531305619540,
    1882552276090925,
    1882553485099105,
    1882553998901331,
];

/// As [`FOUND`], with local sessions.
const FOUND_LOCAL: [u64; 5] =
    [1882554156187810, 1882559640240145, 1882559640240377, 1882559640240503, 1882562836301977];

/// A plan that is over soon enough for a build without optimisation.
fn short(seed: u64) -> Outcome {
    shortened(seed, Plan::draw(&mut Random::new(seed)), None)
}

fn shortened(seed: u64, plan: Plan, trace: Option<fn(&str)>) -> Outcome {
    sim::catch_panics();
    let safety = plan.safety.min(4_000_000);
    sim::run_plan(seed, Plan { safety, ..plan }, trace)
}

fn hold(seeds: impl IntoIterator<Item = u64>) {
    let told = seeds.into_iter().filter_map(|seed| {
        let outcome = short(seed);
        outcome.violation.map(|violation| format!("seed {seed}: {violation}"))
    });
    let told: Vec<String> = told.collect();
    assert!(told.is_empty(), "{}", told.join("\n"));
}

#[test]
fn nothing_that_was_promised_is_broken() {
    hold(1000..1012);
}

/// Sessions that only their server knows until they own a node, and reads without a leader.
#[test]
fn local_sessions_break_no_promise() {
    let told: Vec<String> = (2000..2008)
        .chain(FOUND_LOCAL)
        .filter_map(|seed| {
            let outcome = shortened(seed, Plan::draw(&mut Random::new(seed)).local(), None);
            outcome.violation.map(|violation| format!("seed {seed}: {violation}"))
        })
        .collect();
    assert!(told.is_empty(), "{}", told.join("\n"));
}

#[test]
fn what_was_found_stays_mended() {
    hold(FOUND);
}

thread_local! {
    static TOLD: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// What a seed tells, line by line.
fn story(seed: u64) -> (Outcome, Vec<String>) {
    let outcome = shortened(seed, Plan::draw(&mut Random::new(seed)), Some(note));
    (outcome, TOLD.take())
}

fn note(line: &str) {
    TOLD.with_borrow_mut(|told| told.push(line.to_owned()));
}

#[test]
fn a_seed_tells_the_same_story_twice() {
    for seed in [3, 5, 10, 46] {
        let ((outcome, lines), again) = (story(seed), story(seed));
        let differs = lines.iter().zip(&again.1).position(|(line, other)| line != other);
        assert_eq!(differs.map(|i| (&lines[i], &again.1[i])), None, "seed {seed}");
        assert_eq!((outcome, lines.len()), (again.0, again.1.len()), "seed {seed}");
    }
}

/// Each epoch has some dozens of zxids: they run out, whatever else goes wrong.
#[test]
fn epochs_that_run_out_break_no_promise() {
    let mut terms = [0, 0];
    for seed in 3000..3016 {
        for (terms, initial_zxid) in terms.iter_mut().zip([None, Some(0xffff_ffc0)]) {
            let plan = Plan { initial_zxid, ..Plan::draw(&mut Random::new(seed)) };
            let outcome = shortened(seed, plan, None);
            assert_eq!(outcome.violation, None, "seed {seed}, {initial_zxid:?}");
            *terms += outcome.figures.terms;
        }
    }
    let [plain, short] = terms;
    assert!(short > 2 * plain, "{plain} terms, and {short} with epochs that run out");
}

/// Without faults everything is answered, and no session is lost: who is not heard of, or not believed,
/// has nothing to complain of that a judge would see.
#[test]
fn a_calm_ensemble_answers_all() {
    for seed in 7..13 {
        for local in [false, true] {
            // A disk that is overloaded costs a member its leader.
            let plan = Plan { disk: (200, 2_000), ..Plan::draw(&mut Random::new(seed)).calm() };
            let plan = if local { plan.local() } else { plan };
            let outcome = shortened(seed, plan, None);
            let figures = outcome.figures;
            assert_eq!(outcome.violation, None, "seed {seed}, {local}");
            assert!(figures.committed > 10, "seed {seed}, {local}: {figures:?}");
            assert_eq!(figures.answered, figures.calls, "seed {seed}, {local}: {figures:?}");
        }
    }
}

/// Three members of which the last leads, and a client.
fn stage() -> Stage {
    sim::catch_panics();
    let mut stage = Stage::new(1, quiet_plan(1, 3, 0, 1, Bugs::default()));
    stage.start(&[1, 2, 3]);
    stage.until("all serve", |s| s.leads(3) && s.serves(1) && s.serves(2));
    stage
}

/// The errors that a client was told, and the transactions that ended sessions.
fn end(mut stage: Stage) -> (Vec<i32>, usize) {
    stage.settle();
    assert_eq!(stage.in_vain(), None);
    let history = std::mem::take(&mut stage.world.history);
    let errors = history.calls.iter().map(|call| call.reply.as_ref().map_or(1, |reply| reply.err));
    let ends = history.committed.iter().filter(|r| r.header.kind == op::CLOSE_SESSION).count();
    assert_eq!(stage.verdict(), None);
    (errors.filter(|err| *err != 0).collect(), ends)
}

/// The leader hears of it from the member that hears its pings.
#[test]
fn a_session_that_only_pings_lives() {
    for home in 1..=3 {
        let mut stage = stage();
        stage.put(0, home, [Order::Ephemeral("/e")]);
        stage.pass(90_000);
        stage.put(0, home, [Order::Set("/e")]);
        assert_eq!(end(stage), (vec![], 0), "with member {home}");
    }
}

/// Each takes it over from the one before.
#[test]
fn a_session_that_moves_goes_on() {
    let mut stage = stage();
    stage.put(0, 1, [Order::Ephemeral("/e")]);
    for home in [2, 3, 1, 3, 2] {
        stage.put(0, home, [Order::Set("/e"), Order::Create("/n"), Order::Delete("/n")]);
    }
    assert_eq!(end(stage), (vec![], 0));
}

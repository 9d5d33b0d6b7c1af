//! A small budget of simulated runs, and every seed that ever found something. Long runs are for the
//! command line: `cargo run --release -p compat-tests --bin sim -- --seconds 3600`.

use std::cell::RefCell;

use compat_tests::sim::plan::Plan;
use compat_tests::sim::random::Random;
use compat_tests::sim::{self, Outcome};

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
    for seed in 3000..3008 {
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

/// Without faults everything is answered.
#[test]
fn a_calm_ensemble_answers_all() {
    sim::catch_panics();
    let plan = Plan::draw(&mut Random::new(7)).calm();
    let outcome = sim::run_plan(7, Plan { safety: 4_000_000, ..plan }, None);
    assert_eq!(outcome.violation, None);
    assert!(outcome.figures.committed > 10, "{:?}", outcome.figures);
}

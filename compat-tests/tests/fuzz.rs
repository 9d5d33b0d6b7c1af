//! The bodies of the fuzz targets on stable: all of the corpus, then a fixed number of mutations of it.
//! `GAMEKEEPER_FUZZ_INPUTS=N` asks for another number, `GAMEKEEPER_FUZZ_SEED=N` for other ones.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::time::Duration;

use compat_tests::fuzz::{corpus, mutate, target};
use compat_tests::sim::random::Random;
use rustix::time::{ClockId, clock_gettime};

/// No input may take more time of a core, on the slowest machine.
const TIME_MAX: Duration = Duration::from_secs(20);

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// The time for which this thread had a core.
fn cpu() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).expect("no clock runs backwards")
}

/// Plays an input; one that fails is kept in a file.
fn play(name: &str, input: &[u8]) {
    let begun = cpu();
    let played = catch_unwind(AssertUnwindSafe(|| (target(name).body)(input)));
    let took = cpu() - begun;
    if played.is_err() || took > TIME_MAX {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("fuzz-{name}"));
        std::fs::write(&path, input).expect("the target directory can be written");
        panic!("{name} fails with the input {} after {took:?}", path.display());
    }
}

fn run(name: &str, mutations: u64) {
    let inputs = corpus::read(name).expect("there is a corpus");
    assert!(!inputs.is_empty(), "the corpus of {name} is empty");
    let inputs: Vec<Vec<u8>> = inputs.into_iter().map(|(_, input)| input).collect();
    inputs.iter().for_each(|input| play(name, input));
    let mut random = Random::new(number("GAMEKEEPER_FUZZ_SEED", 1));
    for _ in 0..number("GAMEKEEPER_FUZZ_INPUTS", mutations) {
        play(name, &mutate::mutate(&inputs, &mut random));
    }
}

#[test]
fn clients() {
    run("client", 1_000);
}

#[test]
fn learners() {
    run("quorum_leader", 500);
}

#[test]
fn leaders() {
    run("quorum_learner", 500);
}

#[test]
fn voters() {
    run("election", 3_000);
}

#[test]
fn logs() {
    run("txnlog", 1_000);
}

#[test]
fn snapshots() {
    run("snapshot", 500);
}

#[test]
fn configurations() {
    run("zoo_cfg", 3_000);
}

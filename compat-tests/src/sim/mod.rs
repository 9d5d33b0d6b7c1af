//! The simulator: an ensemble of 1 to 7 members with its clients, network, disks and clocks, in one
//! thread, from one seed. The members are the real thing, from the client's bytes to the files; only
//! what touches the world outside is played by [`shell`], as the runtime does it.
//!
//! A run has two phases. In the first everything may go wrong, and nothing that was promised may be
//! broken. In the second a majority is healed, and must serve again within a bounded time; then all
//! must have the same, in memory as on the disk, and the clients must have been told the truth.

pub mod clients;
pub mod disk;
pub mod faults;
mod files;
pub mod judge;
pub mod legal;
mod look;
pub mod net;
pub mod node;
pub mod orders;
pub mod plan;
mod processes;
pub mod random;
mod shell;
pub mod stage;
mod traffic;
pub mod world;

use std::cell::Cell;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use plan::Plan;
use random::Random;
use world::World;

/// Microseconds since the start of a run.
pub type Micros = u64;

/// The wall clock at the start of a run, in ms.
pub const WALL_START: i64 = 1_700_000_000_000;

/// A promise that was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// When.
    pub at: Micros,
    /// What.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at {} us: {}", self.at, self.what)
    }
}

/// What a run was like.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Figures {
    /// Simulated time in microseconds.
    pub time: Micros,
    /// Events.
    pub events: u64,
    /// Faults, by their kind, in the order of [`faults::ALL`].
    pub faults: [u64; faults::ALL.len()],
    /// Ends of processes.
    pub crashes: u64,
    /// Leaders with a quorum.
    pub terms: u64,
    /// Committed transactions.
    pub committed: u64,
    /// Calls of clients.
    pub calls: u64,
    /// Those that were answered.
    pub answered: u64,
    /// Watch events.
    pub watches: u64,
}

impl Figures {
    /// Adds those of another run.
    pub fn add(&mut self, other: &Self) {
        self.time += other.time;
        self.events += other.events;
        for (mine, theirs) in self.faults.iter_mut().zip(other.faults) {
            *mine += theirs;
        }
        self.crashes += other.crashes;
        self.terms += other.terms;
        self.committed += other.committed;
        self.calls += other.calls;
        self.answered += other.answered;
        self.watches += other.watches;
    }
}

/// What came of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// What it was like.
    pub figures: Figures,
    /// Of all that happened: equal for equal runs.
    pub hash: u64,
    /// The promise that was broken.
    pub violation: Option<Violation>,
}

thread_local! {
    static PANIC: Cell<String> = const { Cell::new(String::new()) };
}

/// Panics are told as violations, with their place, and not printed.
pub fn catch_panics() {
    std::panic::set_hook(Box::new(|info| PANIC.set(info.to_string())));
}

/// What the last panic of this thread said.
pub(crate) fn take_panic() -> String {
    PANIC.take()
}

/// Runs a seed; with local sessions and read-only servers if so asked.
pub fn run(seed: u64, local: bool, trace: Option<fn(&str)>) -> Outcome {
    let plan = Plan::draw(&mut Random::new(seed));
    run_plan(seed, if local { plan.local() } else { plan }, trace)
}

/// Runs a seed with a plan of its own. A panic of a member is a violation, too.
pub fn run_plan(seed: u64, plan: Plan, trace: Option<fn(&str)>) -> Outcome {
    let mut world = World::new(seed, plan, trace);
    if catch_unwind(AssertUnwindSafe(|| play(&mut world))).is_err() {
        let text = take_panic();
        world.violated(format!("a member panicked: {text}"));
    }
    world.figures.time = world.now;
    Outcome { figures: world.figures, hash: world.hash(), violation: world.violation.take() }
}

fn play(world: &mut World) {
    let safety = world.plan.safety;
    world.run(safety);
    world.heal();
    let ticks = world.plan.tick_ms * (world.plan.init_limit + world.plan.sync_limit) * 20;
    let patience = 300_000_000 + ticks as Micros * 1000;
    world.rest();
    let end = world.now + patience;
    while world.violation.is_none() && !world.is_settled() {
        if world.now >= end {
            let state = world.describe();
            return world.violated(format!("no agreement after {patience} us: {state}"));
        }
        world.run(world.now + 1_000_000);
    }
    if world.violation.is_none() {
        world.judge_end();
    }
}

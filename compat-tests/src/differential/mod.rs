//! The differential test: the same random requests to Java's server and to ours, in lock-step, and
//! every byte that comes back compared; then the four-letter words, then both data directories.
//!
//! A step goes to Java first, then to ours. Behind every step each client sends a fence, a read whose
//! reply comes after everything that the step caused; so what each client saw in a step is known
//! without waiting for a time. What must differ is taken out by `canon`; what may differ is in `allow`,
//! with its reason in `DIFFERENCES.md`. Everything follows from the seed.

mod allow;
mod canon;
mod decode;
mod disk;
mod generate;
mod rng;
mod setup;
mod step;
mod wire;
mod words;

use std::fmt::Write as _;

use byteorder::{BigEndian, ByteOrder};
use gamekeeper::op::op;

use self::generate::{Generator, SLOTS, World};
use self::setup::Variant;
use self::step::Step;
use self::wire::{CONNECT, EVENT, Frame, Seen, Side};
use crate::server::{Kind, Setup};
use crate::{Failure, Result};

/// One run.
#[derive(Debug, Clone, Copy)]
pub struct Run {
    /// What everything follows from.
    pub seed: u64,
    /// How many steps.
    pub steps: usize,
    /// The two servers; the first one is right. Java twice proves the test itself.
    pub kinds: [Kind; 2],
    /// Whether each step is printed as it is done.
    pub verbose: bool,
}

impl Run {
    /// Java and ours.
    pub fn new(seed: u64, steps: usize) -> Self {
        Self { seed, steps, kinds: [Kind::Java, Kind::Ours], verbose: false }
    }

    /// Runs it; says how many requests were compared.
    ///
    /// # Errors
    /// What differs, with the seed and the step; or that a server does not run.
    pub fn run(self) -> Result<usize> {
        let named = |e: Failure| Failure::new(format!("seed {}: {e}", self.seed));
        self.compare().map_err(named)
    }

    fn compare(self) -> Result<usize> {
        let dirs = [tempfile::tempdir()?, tempfile::tempdir()?];
        let variant = Variant::of(self.seed);
        let starting = [
            variant.setup(self.kinds[0], dirs[0].path())?.spawn()?,
            variant.setup(self.kinds[1], dirs[1].path())?.spawn()?,
        ];
        let mut sides = starting.map(|server| Side::new(server, SLOTS));
        sides.iter_mut().try_for_each(|side| side.server.wait_serving())?;
        let requests = self.steps(&mut sides, variant)?;
        let found = words::compare(&sides[0], &sides[1])?;
        report("four-letter words", &found)?;
        sides.iter_mut().for_each(Side::hang_up);
        let [java, ours] = sides;
        let (java_sessions, java) = stop(java)?;
        let (our_sessions, ours) = stop(ours)?;
        let dirs = [java.data_dir(), ours.data_dir()];
        let sessions = [&java_sessions, &our_sessions];
        let mut found = disk::compare([&dirs[0], &dirs[1]], sessions, self.kinds[1], variant)?;
        if allow::mismatches(self.kinds[1]).is_none() {
            found.extend(take_over(ours)?);
        }
        report("the disk", &found)?;
        Ok(requests)
    }

    fn steps(self, sides: &mut [Side; 2], variant: Variant) -> Result<usize> {
        let (mut generator, mut world) = (Generator::new(self.seed, variant), World::default());
        let mut requests = 0;
        for number in 0..self.steps {
            let step = generator.step(&world);
            if self.verbose {
                println!("seed {} step {number} {step}", self.seed);
            }
            let at = |e: Failure| Failure::new(format!("step {number}, {step}\n{e}"));
            let [java, ours] = sides;
            let expected = java.step(&step).map_err(at)?;
            let found = ours.step(&step).map_err(at)?;
            if let Some(mut difference) = difference(&step, &expected, &found) {
                for side in sides.iter().filter(|_| self.verbose) {
                    difference += &side.server.failure("said").to_string();
                }
                return Err(at(Failure::new(difference)));
            }
            world.learn(&step, &expected, &sides[0]);
            requests += if let Step::Requests(_, list) = &step { list.len() } else { 1 };
        }
        Ok(requests)
    }
}

fn stop(side: Side) -> Result<(canon::Sessions, Setup)> {
    let (_, setup) = side.server.stop()?;
    Ok((side.sessions, setup))
}

/// Starts Java on what our server left, and says what it finds wrong: each transaction in the log has the
/// digest that the tree must have behind it.
fn take_over(setup: Setup) -> Result<Vec<String>> {
    let server = Setup { kind: Kind::Java, ..setup }.start()?;
    let answer = server.four_letter_word("mntr")?;
    server.stop()?;
    let mut digests = answer.lines().filter(|line| line.contains("digest_mismatches_count"));
    Ok(digests.find(|line| !line.ends_with("\t0")).map(str::to_owned).into_iter().collect())
}

fn report(what: &str, found: &[String]) -> Result<()> {
    if found.is_empty() {
        return Ok(());
    }
    let shown: Vec<&str> = found.iter().take(SHOWN).map(String::as_str).collect();
    Err(Failure::new(format!("{what}: {} differences\n{}", found.len(), shown.join("\n"))))
}

/// Differences of a list that are shown.
const SHOWN: usize = 8;

impl World {
    /// Takes in what a step did, as the first server says.
    fn learn(&mut self, step: &Step, seen: &[Seen], side: &Side) {
        if let Step::HangUp(slot) | Step::Cut(slot, _) = step {
            self.slots[*slot] = None;
        }
        for (slot, seen) in seen.iter().enumerate() {
            for frame in &seen.frames {
                self.learn_frame(slot, frame);
            }
            if seen.closed {
                self.slots[slot] = None;
            }
        }
        self.sessions = side.sessions.len();
    }

    fn learn_frame(&mut self, slot: usize, frame: &Frame) {
        if frame.kind == CONNECT && frame.canon.len() >= 16 {
            let number = BigEndian::read_i64(&frame.canon[8..]);
            self.slots[slot] = usize::try_from(number).ok().and_then(|n| n.checked_sub(1));
        } else if frame.bytes.len() >= canon::HEADER {
            self.last_zxid = self.last_zxid.max(BigEndian::read_i64(&frame.bytes[4..]));
        }
    }
}

/// What the clients saw that is not the same.
fn difference(step: &Step, java: &[Seen], ours: &[Seen]) -> Option<String> {
    let closes = matches!(step, Step::Requests(_, list)
        if list.iter().any(|r| r.kind == op::CLOSE_SESSION));
    for (slot, (java, ours)) in java.iter().zip(ours).enumerate() {
        let same = java.closed == ours.closed && frames(java, closes) == frames(ours, closes);
        if !same {
            return Some(format!(
                "client {slot} saw\n  java:\n{}  gamekeeper:\n{}",
                shown(java),
                shown(ours)
            ));
        }
    }
    None
}

/// What is compared. The deletions of a close come in no order.
fn frames(seen: &Seen, unordered: bool) -> Vec<&[u8]> {
    let mut frames: Vec<&Frame> = seen.frames.iter().collect();
    if unordered {
        for run in frames.chunk_by_mut(|a, b| a.kind == EVENT && b.kind == EVENT) {
            run.sort_by(|a, b| a.canon.cmp(&b.canon));
        }
    }
    frames.into_iter().map(|f| f.canon.as_slice()).collect()
}

fn shown(seen: &Seen) -> String {
    let mut text = String::new();
    for frame in &seen.frames {
        let _ = writeln!(text, "    {}", decode::reply(frame.kind, &frame.bytes));
    }
    text + if seen.closed { "    closed\n" } else { "    open\n" }
}

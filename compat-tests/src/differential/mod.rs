//! The differential test: the same random requests to Java's server and to ours, in lock-step, and
//! every byte that comes back compared; then the four-letter words, then the data directories. The same
//! with an ensemble on each side, its clients spread over the members.
//!
//! A step goes to Java first, then to ours. Behind every step each client sends a fence, a read whose
//! reply comes after everything that the step caused; so what each client saw in a step is known
//! without waiting for a time. The fence of a member that has not heard of the step yet is asked
//! again. What must differ is taken out by `canon`; what may differ is in `allow`, with its reason in
//! `DIFFERENCES.md`. Everything follows from the seed.

mod allow;
mod canon;
mod decode;
mod disk;
mod generate;
mod rng;
mod setup;
mod side;
mod step;
mod wire;
mod words;

use std::fmt::Write as _;
use std::path::Path;

use byteorder::{BigEndian, ByteOrder};
use gamekeeper::op::op;

use self::generate::{Generator, SLOTS, World};
use self::setup::Variant;
use self::side::Side;
use self::step::Step;
use self::wire::{CONNECT, EVENT, Frame, Seen};
use crate::ensemble::Ensemble;
use crate::server::{Kind, Setup};
use crate::{Failure, Result};

/// One run.
#[derive(Debug, Clone)]
pub struct Run {
    /// What everything follows from.
    pub seed: u64,
    /// How many steps.
    pub steps: usize,
    /// The servers of both sides, one or several, as many on each; the first side is right. Of several
    /// the last one leads. Java on both sides proves the test itself.
    pub kinds: [Vec<Kind>; 2],
    /// Whether each step is printed as it is done.
    pub verbose: bool,
}

impl Run {
    /// Java and ours, one server each.
    pub fn new(seed: u64, steps: usize) -> Self {
        Self { seed, steps, kinds: [vec![Kind::Java], vec![Kind::Ours]], verbose: false }
    }

    /// An ensemble of Java's and one of these kinds.
    pub fn ensemble(seed: u64, steps: usize, kinds: &[Kind]) -> Self {
        let kinds = [vec![Kind::Java; kinds.len()], kinds.to_vec()];
        Self { seed, steps, kinds, verbose: false }
    }

    /// Runs it; says how many requests were compared.
    ///
    /// # Errors
    /// What differs, with the seed and the step; or that a server does not run.
    pub fn run(&self) -> Result<usize> {
        let named = |e: Failure| Failure::new(format!("seed {}: {e}", self.seed));
        self.compare().map_err(named)
    }

    fn compare(&self) -> Result<usize> {
        let variant = Variant::of(self.seed);
        let [java, ours] = &self.kinds;
        let (java, ours) = std::thread::scope(|scope| {
            let java = scope.spawn(|| Ensemble::start_led_by_last(variant.plan(java)));
            (java.join(), Ensemble::start_led_by_last(variant.plan(ours)))
        });
        let java = java.map_err(|_| Failure::new("the start panicked"))??;
        let mut sides = [Side::new(java, SLOTS), Side::new(ours?, SLOTS)];
        let requests = self.steps(&mut sides, variant)?;
        // Members without a client may not be as far as the others.
        sides.iter_mut().try_for_each(|side| side.ensemble.settle())?;
        let mut found = Vec::new();
        for member in 0..sides[0].ensemble.size() {
            let words = words::compare(&sides[0], &sides[1], member)?;
            found.extend(words.into_iter().map(|word| format!("member {}: {word}", member + 1)));
        }
        for side in &mut sides {
            side.hang_up();
            side.stop()?;
        }
        found.extend(self.disks(&sides, variant)?);
        report(&found)?;
        Ok(requests)
    }

    /// What differs in what the servers left.
    fn disks(&self, [java, ours]: &[Side; 2], variant: Variant) -> Result<Vec<String>> {
        let last = ours.ensemble.size() - 1;
        let decider = ours.ensemble.kind(last);
        let mut found = Vec::new();
        for member in 0..=last {
            let dirs = [java, ours].map(|side| side.ensemble.data_dir(member));
            let sessions = [&java.sessions, &ours.sessions];
            let disks = disk::compare([&dirs[0], &dirs[1]], sessions, decider, variant)?;
            found.extend(disks.into_iter().map(|what| format!("member {}: {what}", member + 1)));
        }
        if allow::mismatches(decider).is_none() {
            found.extend(take_over(ours.ensemble.member_dir(last))?);
        }
        Ok(found)
    }

    fn steps(&self, sides: &mut [Side; 2], variant: Variant) -> Result<usize> {
        let members = sides[0].ensemble.size();
        let mut generator = Generator::new(self.seed, variant, members > 1);
        let mut world = World { members, ..World::default() };
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
                    difference += &side.ensemble.failure("said").to_string();
                }
                return Err(at(Failure::new(difference)));
            }
            world.learn(&step, &expected, &sides[0]);
            requests += if let Step::Requests(_, list) = &step { list.len() } else { 1 };
        }
        Ok(requests)
    }
}

/// Starts Java on what our server left, and says what it finds wrong: each transaction in the log has the
/// digest that the tree must have behind it.
fn take_over(dir: &Path) -> Result<Vec<String>> {
    let server = Setup::new(Kind::Java, dir)?.start()?;
    let answer = server.four_letter_word("mntr")?;
    server.stop()?;
    let mut digests = answer.lines().filter(|line| line.contains("digest_mismatches_count"));
    Ok(digests.find(|line| !line.ends_with("\t0")).map(str::to_owned).into_iter().collect())
}

fn report(found: &[String]) -> Result<()> {
    if found.is_empty() {
        return Ok(());
    }
    let shown: Vec<&str> = found.iter().take(SHOWN).map(String::as_str).collect();
    Err(Failure::new(format!("{} differences\n{}", found.len(), shown.join("\n"))))
}

/// Differences of a list that are shown.
const SHOWN: usize = 12;

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
        if let Step::Connect(slot, _) = step {
            self.learn_move(*slot);
        }
        self.sessions = side.sessions.len();
    }

    /// A client that has got its session elsewhere leaves the connection behind that had it.
    fn learn_move(&mut self, slot: usize) {
        self.left_behind[slot] = false;
        for other in (0..SLOTS).filter(|other| *other != slot) {
            if self.slots[slot].is_some() && self.slots[other] == self.slots[slot] {
                self.left_behind[other] = true;
            }
        }
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

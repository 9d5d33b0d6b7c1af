//! The simulator from the command line. See [`compat_tests::sim`].
//!
//! `cargo run --release -p compat-tests --bin sim -- --seed N | --seeds A..B | --seconds S`

use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use compat_tests::sim::faults::ALL;
use compat_tests::sim::{self, Figures};
use compat_tests::{Failure, Result};
use getopts::{Matches, Options};

fn options() -> Options {
    let mut options = Options::new();
    options.optflag("h", "help", "print this");
    options.optopt("", "seed", "run one seed", "N");
    options.optopt("", "seeds", "run these seeds, B not included", "A..B");
    options.optopt("", "seconds", "run seeds from the clock for so long", "S");
    options.optopt("", "threads", "how many runs at a time (all cores)", "N");
    options.optflag("", "local", "local sessions, and reads from members that are cut off");
    options.optflag("", "trace", "print a line for each event");
    options
}

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(e) => {
            eprintln!("{e}\n{}", options().usage("sim --seed N | --seeds A..B | --seconds S"));
            ExitCode::from(2)
        }
    }
}

/// Which seeds, and until when.
struct Work {
    next: AtomicU64,
    end: u64,
    until: Option<Instant>,
    local: bool,
    trace: Option<fn(&str)>,
}

impl Work {
    fn new(matches: &Matches) -> Result<Self> {
        let number =
            |text: &str| text.parse().map_err(|_| Failure::new(format!("no seed: {text}")));
        let trace = matches.opt_present("trace").then_some(print_line as fn(&str));
        let (next, end, until) = if let Some(seed) = matches.opt_str("seed") {
            let seed: u64 = number(&seed)?;
            (seed, seed + 1, None)
        } else if let Some(seeds) = matches.opt_str("seeds") {
            let (a, b) = seeds.split_once("..").ok_or_else(|| Failure::new("--seeds A..B"))?;
            (number(a)?, number(b)?, None)
        } else if let Some(seconds) = matches.opt_str("seconds") {
            let start = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs() << 20;
            let until = Instant::now() + Duration::from_secs(number(&seconds)?);
            (start, u64::MAX, Some(until))
        } else {
            return Err(Failure::new("which seeds?"));
        };
        let local = matches.opt_present("local");
        Ok(Self { next: AtomicU64::new(next), end, until, local, trace })
    }

    fn take(&self) -> Option<u64> {
        if self.until.is_some_and(|until| Instant::now() >= until) {
            return None;
        }
        let seed = self.next.fetch_add(1, Ordering::Relaxed);
        (seed < self.end).then_some(seed)
    }
}

fn print_line(line: &str) {
    println!("{line}");
}

/// What all runs were like together.
#[derive(Default)]
struct Total {
    figures: Figures,
    runs: u64,
    failed: Vec<u64>,
}

fn run() -> Result<bool> {
    let matches = options().parse(std::env::args().skip(1))?;
    if matches.opt_present("help") {
        println!("{}", options().usage("sim --seed N | --seeds A..B | --seconds S"));
        return Ok(true);
    }
    let work = Work::new(&matches)?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = matches.opt_get("threads")?.unwrap_or(cores);
    sim::catch_panics();
    let (start, total) = (Instant::now(), Mutex::new(Total::default()));
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| work_off(&work, &total));
        }
    });
    let total = total.into_inner().map_err(|e| Failure::new(e.to_string()))?;
    report(&total, start.elapsed(), threads);
    Ok(total.failed.is_empty())
}

fn work_off(work: &Work, total: &Mutex<Total>) {
    while let Some(seed) = work.take() {
        let outcome = sim::run(seed, work.local, work.trace);
        let Ok(mut total) = total.lock() else { return };
        total.runs += 1;
        total.figures.add(&outcome.figures);
        if let Some(violation) = &outcome.violation {
            println!("seed {seed}: {violation}");
            total.failed.push(seed);
        }
    }
}

fn report(total: &Total, took: Duration, threads: usize) {
    let f = &total.figures;
    let hours = f.time as f64 / 3.6e9;
    println!(
        "{} schedules in {:.1} s on {threads} threads: {hours:.2} simulated hours, {:.0} for an hour of \
         a core; {} events, {} faults, {} ends of processes, {} terms, {} transactions, {} calls ({} \
         answered), {} watch events",
        total.runs,
        took.as_secs_f64(),
        hours * 3600.0 / (took.as_secs_f64() * threads as f64),
        f.events,
        f.faults.iter().sum::<u64>(),
        f.crashes,
        f.terms,
        f.committed,
        f.calls,
        f.answered,
        f.watches
    );
    let kinds: Vec<String> =
        ALL.iter().zip(f.faults).map(|(kind, count)| format!("{kind:?} {count}")).collect();
    println!("faults: {}", kinds.join(", "));
    if !total.failed.is_empty() {
        println!("{} seeds failed: {:?}", total.failed.len(), total.failed);
    }
}

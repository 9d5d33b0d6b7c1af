//! Much of everything, and for a long time, ours and Java's in turn: idle sessions, watches on one
//! node, connections that come and go, children of one node, and a soak in which memory must level off.
//!
//! `cargo run --release -p compat-tests --bin endure -- --help`. It prints figures, and fails if our
//! server did not serve a load.

mod children;
mod connects;
mod crowd;
mod helper;
mod idle;
mod levels;
mod outcome;
mod peer;
mod soak;
mod watches;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use compat_tests::bench::report::{self, Report};
use compat_tests::bench::sockets;
use compat_tests::bench::target::{self, Launch};
use compat_tests::server::Kind;
use compat_tests::{Failure, Result};
use getopts::{Matches, Options};

use outcome::Outcome;

/// A load, by its name.
type Row = (&'static str, fn(&Settings, Kind) -> Result<Outcome>);

const ROWS: [Row; 6] = [
    ("idle", idle::idle),
    ("watches", watches::watches),
    ("connects", connects::connects),
    ("children", children::children),
    ("soak", soak::soak),
    ("ensemble", soak::ensemble),
];

/// Files that a process has open beside the connections of a load: a JVM's libraries, logs, pipes.
const OTHER_FILES: usize = 300;
/// `jute.maxbuffer` of all servers: room for the names of very many children.
const MAX_BUFFER: &str = "134217728";

/// How much of what.
#[derive(Debug, Clone)]
struct Settings {
    kinds: Vec<Kind>,
    launch: Launch,
    /// Files that a process may have open.
    files: usize,
    /// Idle sessions, and for how many ticks they live.
    sessions: usize,
    ticks: u32,
    watches: usize,
    /// Connections in a second, and how long they keep coming.
    connects: usize,
    connecting: Duration,
    children: usize,
    soak: Duration,
}

impl Settings {
    /// For how many connections one process has room.
    fn room(&self) -> usize {
        self.files.saturating_sub(OTHER_FILES)
    }
}

fn options() -> Options {
    let mut options = Options::new();
    options.optflag("h", "help", "print this");
    options.optopt("o", "only", "only these loads", "NAME,NAME,...");
    options.optflag("", "ours-only", "without Java's server");
    options.optopt("s", "servers", "which servers (ours,java)", "NAME,NAME");
    options.optopt("", "sessions", "idle: sessions (20000)", "COUNT");
    options.optopt("", "ticks", "idle: for how many ticks of 2 s they live (30)", "COUNT");
    options.optopt("", "watches", "watches: on one node (100000)", "COUNT");
    options.optopt("", "connects", "connects: connections in a second (10000)", "COUNT");
    options.optopt("", "connecting", "connects: for how long (60)", "SECONDS");
    options.optopt("", "children", "children: of one node (1000000)", "COUNT");
    options.optopt("t", "seconds", "soak, ensemble: for how long (600)", "SECONDS");
    options.optopt("m", "java-heap", "Java's -Xmx (2g)", "SIZE");
    options.optopt("d", "dir", "where to keep the data (beside this program)", "DIR");
    options.optopt("j", "json", "write the figures into a file, too", "FILE");
    options.optopt("", helper::OPTION, "be a helper (for this program itself)", "ADDRESS");
    options
}

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(e) => {
            eprintln!("endure: {e}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<bool> {
    let given = options().parse(std::env::args_os().skip(1))?;
    if given.opt_present("help") {
        println!("{}", options().usage(&usage()));
        return Ok(true);
    }
    let files = sockets::allow_open_files()?;
    if let Some(server) = given.opt_get(helper::OPTION)? {
        helper::serve(server)?;
        return Ok(true);
    }
    let rows = rows(&given)?;
    let settings = settings(&given, files)?;
    report::print_machine();
    println!(
        "{files} open files are allowed; Java's heap is at most {}",
        settings.launch.java_heap
    );
    let mut report = Report::default();
    report.begin_beside(&settings.kinds);
    let mut served = true;
    for row in rows {
        served &= load(row, &settings, &mut report);
    }
    if let Some(file) = given.opt_str("json") {
        std::fs::write(file, report.json())?;
    }
    Ok(served)
}

fn usage() -> String {
    let names = ROWS.map(|(name, _)| name).join(", ");
    format!(
        "endure [options]\n\nLoads: {names}.\nFails if a load was not served by our server: a session \
         lost, a watch event missing,\na connection refused or late, memory that does not level off."
    )
}

/// Puts one load on all servers in turn and prints what came of it; whether ours served it.
fn load((name, row): Row, settings: &Settings, report: &mut Report) -> bool {
    let mut outcomes = Vec::new();
    let mut served = true;
    for &kind in &settings.kinds {
        let begun = Instant::now();
        let outcome = row(settings, kind)
            .unwrap_or_else(|e| Outcome { figures: Vec::new(), missing: vec![e.to_string()] });
        eprintln!("endure: {name} on {kind} took {:.0} s", begun.elapsed().as_secs_f64());
        served &= outcome.missing.is_empty() || kind != Kind::Ours;
        outcomes.push((kind, outcome));
    }
    print(name, &outcomes, report);
    served
}

/// Figures of all servers below each other, then what was not served.
fn print(name: &str, outcomes: &[(Kind, Outcome)], report: &mut Report) {
    let longest = outcomes.iter().max_by_key(|(_, outcome)| outcome.figures.len());
    for (what, _) in longest.map_or(&[][..], |(_, outcome)| &outcome.figures) {
        let values: Vec<_> =
            outcomes.iter().map(|(kind, outcome)| (*kind, outcome.value(what))).collect();
        report.beside(name, what, &values);
    }
    for (kind, outcome) in outcomes {
        match outcome.missing.as_slice() {
            [] => println!("{name:10} {kind}: served"),
            missing => {
                missing.iter().for_each(|what| println!("{name:10} {kind}: NOT SERVED: {what}"));
            }
        }
    }
}

/// The loads that were asked for.
fn rows(given: &Matches) -> Result<Vec<Row>> {
    let Some(only) = given.opt_str("only") else { return Ok(ROWS.to_vec()) };
    let named = |wanted: &str| {
        let row = ROWS.into_iter().find(|(name, _)| *name == wanted);
        row.ok_or_else(|| Failure::new(format!("--only: there is no load {wanted:?}")))
    };
    only.split(',').map(named).collect()
}

fn settings(given: &Matches, files: usize) -> Result<Settings> {
    let count = |name: &str, default: usize| -> Result<usize> {
        let count = given.opt_get_default(name, default)?;
        if count == 0 {
            return Err(Failure::new(format!("--{name}: 0 is no load")));
        }
        Ok(count)
    };
    let seconds = |name: &str, default: f64| -> Result<Duration> {
        let seconds = given.opt_get_default(name, default)?;
        Duration::try_from_secs_f64(seconds).map_err(|e| Failure::new(format!("--{name}: {e}")))
    };
    let all = if given.opt_present("ours-only") { "ours" } else { "ours,java" };
    let dir = match given.opt_str("dir") {
        Some(dir) => PathBuf::from(dir),
        None => std::env::current_exe()?.with_file_name("endure-data"),
    };
    std::fs::create_dir_all(&dir)?;
    let java_heap = given.opt_str("java-heap").unwrap_or_else(|| "2g".to_owned());
    let properties = vec![("jute.maxbuffer".to_owned(), MAX_BUFFER.to_owned())];
    Ok(Settings {
        kinds: target::kinds(given.opt_str("servers").as_deref().unwrap_or(all))?,
        launch: Launch { java_heap, config: Vec::new(), properties, dir },
        files,
        sessions: count("sessions", 20_000)?,
        ticks: given.opt_get_default("ticks", 30)?,
        watches: count("watches", 100_000)?,
        connects: count("connects", 10_000)?,
        connecting: seconds("connecting", 60.0)?,
        children: count("children", 1_000_000)?,
        soak: seconds("seconds", 600.0)?,
    })
}

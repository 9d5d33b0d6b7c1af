//! Gamekeeper and Java's ZooKeeper side by side, under the same load over real sockets, alone and as
//! ensembles; beside them echo servers, which are as fast as the machine lets servers be.
//!
//! `cargo run --release -p compat-tests --bin bench -- --help`. It prints, people judge.

mod echo;
mod ensembles;
mod failover;
mod quorum_echo;
mod rows;
mod scale;
mod target;

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use compat_tests::bench::report::{self, Report};
use compat_tests::bench::target::{self as servers, Launch};
use compat_tests::server::Kind;
use compat_tests::{Failure, Result};
use getopts::{Matches, Options};

use rows::Row;

/// How to measure.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// The servers, in the order of their turns.
    kinds: Vec<Kind>,
    /// How long one target is measured in one round.
    time: Duration,
    /// How long each kind of load warms a server up.
    warm_up: Duration,
    rounds: usize,
    launch: Launch,
}

fn options() -> Options {
    let mut options = Options::new();
    options.optflag("h", "help", "print this");
    options.optflag("l", "list", "print the names of the rows");
    options.optflag("q", "quick", "fewer rows, one round of one second each");
    options.optopt("o", "only", "only the rows whose names begin so", "NAME,NAME,...");
    options.optopt("s", "servers", "which servers (ours,java)", "NAME,NAME");
    options.optopt("t", "seconds", "how long to measure one target (2)", "SECONDS");
    options.optopt("r", "rounds", "how often all targets have their turn (3)", "COUNT");
    options.optopt("w", "warm-up", "seconds of each kind of load before (2)", "SECONDS");
    options.optopt("m", "java-heap", "Java's -Xmx (2g)", "SIZE");
    options.optmulti("c", "config", "a line of zoo.cfg for all servers", "KEY=VALUE");
    options.optopt("d", "dir", "where to keep the data (beside this program)", "DIR");
    options.optopt("j", "json", "write the figures into a file, too", "FILE");
    options.optopt("", "serve-echo", "be the echo server (for the benchmark itself)", "BYTES");
    options.optopt("", "durable", "the file that the echo server syncs", "FILE");
    options.optflag("", "lead-echo", "be the leader of echo servers");
    options.optopt("", "follow-echo", "be an echo server that has this leader", "ADDRESS");
    options
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("bench: {e}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let options = options();
    let given = options.parse(std::env::args_os().skip(1))?;
    if given.opt_present("help") {
        println!("{}", options.usage("bench [options]"));
        return Ok(());
    }
    if let Some(role) = echo::Role::of(&given)? {
        return role.serve();
    }
    let quick = given.opt_present("quick");
    let chosen = Chosen::new(&given, quick);
    if given.opt_present("list") {
        chosen.names().iter().for_each(|name| println!("{name}"));
        return Ok(());
    }
    let settings = settings(&given, quick)?;
    report::print_machine();
    let mut report = Report::default();
    rows::run(&settings, &chosen.rows, &mut report)?;
    scale::run(&settings, &chosen.sizes, &mut report)?;
    ensembles::run(&settings, &chosen.of_ensembles, &mut report)?;
    if chosen.failover {
        failover::run(&settings, &mut report)?;
    }
    if let Some(file) = given.opt_str("json") {
        fs::write(file, report.json())?;
    }
    Ok(())
}

/// What is to be measured.
struct Chosen {
    rows: Vec<Row>,
    sizes: Vec<&'static str>,
    of_ensembles: Vec<Row>,
    failover: bool,
}

impl Chosen {
    fn new(given: &Matches, quick: bool) -> Self {
        let only = given.opt_str("only");
        let wanted = |name: &str| {
            only.as_ref().is_none_or(|only| only.split(',').any(|start| name.starts_with(start)))
        };
        let rows = rows::all(quick).into_iter();
        let of_ensembles = rows::of_ensembles().into_iter();
        Self {
            rows: rows.filter(|row| wanted(&row.name())).collect(),
            sizes: scale::NAMES.into_iter().filter(|name| wanted(name)).collect(),
            of_ensembles: of_ensembles.filter(|row| wanted(&ensembles::name(row))).collect(),
            failover: wanted(failover::NAME),
        }
    }

    fn names(&self) -> Vec<String> {
        let rows = self.rows.iter().map(Row::name);
        let sizes = self.sizes.iter().map(|name| (*name).to_owned());
        let of_ensembles = self.of_ensembles.iter().map(ensembles::name);
        let failover = self.failover.then(|| failover::NAME.to_owned());
        rows.chain(sizes).chain(of_ensembles).chain(failover).collect()
    }
}

fn settings(given: &Matches, quick: bool) -> Result<Settings> {
    let seconds = |name: &str, default: f64| -> Result<Duration> {
        let seconds = given.opt_get_default(name, default)?;
        Duration::try_from_secs_f64(seconds).map_err(|e| Failure::new(format!("--{name}: {e}")))
    };
    let servers = given.opt_str("servers").unwrap_or_else(|| "ours,java".to_owned());
    let dir = match given.opt_str("dir") {
        Some(dir) => PathBuf::from(dir),
        None => std::env::current_exe()?.with_file_name("bench-data"),
    };
    fs::create_dir_all(&dir)?;
    Ok(Settings {
        kinds: servers::kinds(&servers)?,
        time: seconds("seconds", if quick { 1.0 } else { 2.0 })?,
        warm_up: seconds("warm-up", 2.0)?,
        rounds: given.opt_get_default("rounds", if quick { 1 } else { 3 })?,
        launch: Launch {
            java_heap: given.opt_str("java-heap").unwrap_or_else(|| "2g".to_owned()),
            config: given
                .opt_strs("config")
                .iter()
                .map(|line| line_of_config(line))
                .collect::<Result<_>>()?,
            properties: Vec::new(),
            dir,
        },
    })
}

fn line_of_config(line: &str) -> Result<(String, String)> {
    match line.split_once('=') {
        Some((key, value)) => Ok((key.to_owned(), value.to_owned())),
        None => Err(Failure::new(format!("--config: {line:?} has no '='"))),
    }
}

//! ZooKeeper's own tests, or Curator's, against our server. See [`compat_tests::upstream`].
//!
//! `compat-tests/upstream/run [CLASS[#METHOD]...]`, `compat-tests/curator/run [CLASS[#METHOD]...]`

use std::process::ExitCode;

use compat_tests::upstream::{self, CURATOR, ZOOKEEPER};
use compat_tests::{Failure, Result};
use getopts::Options;

fn options() -> Options {
    let mut options = Options::new();
    options.optflag("h", "help", "print this");
    options.optopt("", "zookeeper", "the version whose tests are run (3.9.5)", "VERSION");
    options.optflagopt("", "curator", "Curator's tests, of this version (5.9.0)", "VERSION");
    options.optflag("", "baseline", "run Java's server, and record what passes");
    options.optopt("", "jobs", "how many classes at a time (2)", "N");
    options
}

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(e) => {
            eprintln!("upstream: {e}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<bool> {
    let matches = options().parse(std::env::args().skip(1))?;
    if matches.opt_present("help") {
        print!("{}", options().usage("compat-tests/upstream/run [CLASS[#METHOD]...]"));
        return Ok(true);
    }
    let suite = if matches.opt_present("curator") { CURATOR } else { ZOOKEEPER };
    let version = match suite {
        CURATOR => matches.opt_str("curator"),
        _ => matches.opt_str("zookeeper"),
    };
    let jobs = matches.opt_str("jobs").unwrap_or_else(|| "2".to_owned());
    let summary = upstream::run(&upstream::Options {
        suite,
        classes: matches.free.clone(),
        version: version.unwrap_or_else(|| suite.version.to_owned()),
        baseline: matches.opt_present("baseline"),
        jobs: jobs.parse().map_err(|_| Failure::new(format!("--jobs: no number: {jobs}")))?,
    })?;
    if summary.again > 0 {
        println!("{} of them passed when they were run once more, alone", summary.again);
    }
    println!("{}: {} of {} passed", suite.name, summary.passed, summary.baseline);
    Ok(summary.is_good())
}

//! `zkCleanup.sh`: removes old snapshots and logs. Java: `PurgeTxnLog`.

use std::path::{Path, absolute};
use std::sync::Arc;

use super::dates::{Dates, Form};
use super::{Console, Failure, Outcome};
use crate::config::ExitCode;
use crate::config::java::parse_int;
use crate::storage::{DataDirs, MIN_RETAIN, RealDisk, purge};

const USAGE: &str = "\
Usage:
PurgeTxnLog dataLogDir [snapDir] -n count
\tdataLogDir -- path to the txn log directory
\tsnapDir -- path to the snapshot directory
\tcount -- the number of old snaps/logs you want to keep, value should be greater than or equal to 3
";

/// Runs the tool.
///
/// # Errors
/// Why it could not do what it was asked for.
pub fn run(arguments: &[String], console: &mut Console<'_>) -> Outcome {
    let (logs, snaps, option, count) = match arguments {
        [logs, option, count] => (logs, logs, option, count),
        [logs, snaps, option, count] => (logs, snaps, option, count),
        _ => return usage("", console),
    };
    for dir in [logs, snaps] {
        if !Path::new(dir).exists() {
            let shown = absolute(dir).unwrap_or_else(|_| dir.into());
            return usage(&format!("Path '{}' does not exist. ", shown.display()), console);
        }
    }
    let retain = match parse_int(count).map(usize::try_from) {
        Some(Ok(retain)) if retain >= MIN_RETAIN => retain,
        Some(_) => return usage("count should be greater than or equal to 3", console),
        None => return usage(&format!("'{count}' can not be parsed to integer."), console),
    };
    if option != "-n" {
        return usage("", console);
    }
    remove(Path::new(logs), Path::new(snaps), retain, console)
}

fn usage(problem: &str, console: &mut Console<'_>) -> Outcome {
    if !problem.is_empty() {
        console.complain(problem)?;
    }
    console.out.write_all(USAGE.as_bytes())?;
    Ok(ExitCode::Unexpected)
}

fn remove(logs: &Path, snaps: &Path, retain: usize, console: &mut Console<'_>) -> Outcome {
    let dirs = DataDirs::open(Arc::new(RealDisk), snaps, logs, true).map_err(Failure::uncaught)?;
    let purged = purge(&dirs, retain).map_err(Failure::uncaught)?;
    let mut dates = Dates::local(Form::Medium);
    for file in &purged.removed {
        let date = String::from_utf8_lossy(dates.text(file.modified)).into_owned();
        writeln!(console.out, "Removing file: {date}\t{}", file.path.display())?;
    }
    for path in &purged.failed {
        console.complain(format!("Failed to remove {}", path.display()))?;
    }
    Ok(ExitCode::Finished)
}

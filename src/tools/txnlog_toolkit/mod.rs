//! `zkTxnLogToolkit.sh`: prints a transaction log, repairs its checksums, or cuts it at a zxid. Java:
//! `TxnLogToolkit`, `LogChopper`.
//!
//! As in Java's tool a record whose checksum is wrong is said to be so and taken all the same, and
//! what breaks the chain of records ends the run.

mod chop;
mod record;
mod recovery;
mod text;

use std::path::Path;

use super::options::{self, Given, Spec};
use super::progress::Progress;
use super::{Console, Failure, Outcome, Settings};
use crate::config::ExitCode;
use crate::config::java::decode_long;
use crate::ids::Zxid;
use crate::storage::txnlog::MAGIC;
use record::{END, LogFile, Next};
use recovery::{Choice, Recovery};
use text::Lines;

const HELP: &str = "\
usage: TxnLogToolkit [-dhrvc] <txn_log_file_name> (-z <zxid>)
 -c,--chop         Chop mode. Chop txn file to a zxid.
 -d,--dump         Dump mode. Dump all entries of the log file with printing the content of a \
nodepath (default)
 -h,--help         Print help message
 -r,--recover      Recovery mode. Re-calculate CRC for broken entries.
 -v,--verbose      Be verbose in recovery mode: print all entries, not just fixed ones.
 -y,--yes          Non-interactive mode: repair all CRC errors without asking
 -z,--zxid <arg>   Used with chop. Zxid to which to chop.
";

const fn flag(short: char, long: &'static str) -> Spec {
    Spec { short, long, takes_value: false, required: false }
}

const SPECS: [Spec; 7] = [
    flag('h', "help"),
    flag('r', "recover"),
    flag('v', "verbose"),
    flag('d', "dump"),
    flag('y', "yes"),
    flag('c', "chop"),
    Spec { short: 'z', long: "zxid", takes_value: true, required: false },
];

/// Runs the tool.
///
/// # Errors
/// Why it could not do what it was asked for.
pub fn run(arguments: &[String], settings: Settings, console: &mut Console<'_>) -> Outcome {
    let given = match options::parse(&SPECS, arguments) {
        Ok(given) => given,
        Err(misuse) => {
            console.complain(format!("{misuse}\n"))?;
            return help(ExitCode::Unexpected, console);
        }
    };
    let Some(name) = given.arguments.first().filter(|_| !given.has('h')) else {
        let code = if given.has('h') { ExitCode::Finished } else { ExitCode::Unexpected };
        return help(code, console);
    };
    let path = Path::new(name);
    match given.value('z').filter(|_| given.has('c')) {
        Some(zxid) => chop(path, zxid, settings, console),
        None => dump(path, &given, settings, console),
    }
}

fn help(code: ExitCode, console: &mut Console<'_>) -> Outcome {
    console.out.write_all(HELP.as_bytes())?;
    Ok(code)
}

fn open(path: &Path, settings: Settings) -> Outcome<LogFile> {
    if rustix::fs::access(path, rustix::fs::Access::READ_OK).is_err() {
        let path = path.display();
        let message = format!("File doesn't exist or not readable: {path}");
        return Err(Failure::uncaught(message));
    }
    LogFile::open(path, settings.limits)
        .map_err(|e| Failure::uncaught(format!("{}: {e}", path.display())))
}

fn chop(path: &Path, zxid: &str, settings: Settings, console: &mut Console<'_>) -> Outcome {
    let log = open(path, settings)?;
    let zxid = decode_long(zxid).filter(|zxid| *zxid >= 0).ok_or_else(|| {
        Failure::uncaught(format!("{zxid} is no zxid: expected a number such as 12 or 0xc"))
    })?;
    chop::run(log, path, Zxid(zxid), settings.limits, console)
}

fn dump(path: &Path, given: &Given, settings: Settings, console: &mut Console<'_>) -> Outcome {
    let log = open(path, settings)?;
    let recovery = match given.has('r') {
        true => Some(Recovery::create(path, settings.prealloc)?),
        false => None,
    };
    let progress = Progress::new(console, &path.display().to_string(), log.len(), false);
    let verbose = recovery.is_none() || given.has('v');
    let lines = Lines::new(settings.limits);
    let mut dump = Dump { log, lines, recovery, verbose, force: given.has('y') };
    dump.header(path, console)?;
    dump.records(progress, console)?;
    if let Some(recovery) = dump.recovery {
        recovery.finish(console)?;
    }
    Ok(ExitCode::Finished)
}

struct Dump {
    log: LogFile,
    lines: Lines,
    recovery: Option<Recovery>,
    /// Whether every record is printed.
    verbose: bool,
    /// Whether checksums are repaired without asking.
    force: bool,
}

impl Dump {
    fn header(&mut self, path: &Path, console: &mut Console<'_>) -> Outcome<()> {
        let Some(header) = self.log.header()? else {
            return Err(self.log.failure("the file ends within its header"));
        };
        if header.magic() != MAGIC {
            let name = path.file_name().unwrap_or_default().display();
            let message = format!("Invalid magic number for {name}");
            return Err(Failure::new(ExitCode::InvalidInvocation, message));
        }
        writeln!(console.out, "{}", header.describe())?;
        self.recovery.as_mut().map_or(Ok(()), |recovery| recovery.header(&header.bytes))
    }

    fn records(&mut self, mut progress: Progress, console: &mut Console<'_>) -> Outcome<()> {
        let mut count: u64 = 0;
        let torn = loop {
            match self.log.next()? {
                Next::Record(sum) => self.record(sum, console)?,
                Next::End => break None,
                Next::Torn(what) => break Some(what),
            }
            count += 1;
            if count.is_multiple_of(1024) {
                progress.at(self.log.offset(), console.err);
            }
        };
        progress.end(console.err);
        writeln!(console.out, "EOF reached after {count} txns.")?;
        torn.map_or(Ok(()), |what| console.complain(self.log.note(what)))
    }

    fn record(&mut self, sum: i64, console: &mut Console<'_>) -> Outcome<()> {
        let actual = self.log.checksum();
        let sum = if sum == actual { sum } else { self.mismatch(sum, actual, console)? };
        if self.verbose {
            self.print("", console)?;
        }
        match self.log.end_of_record()? {
            Some(END) => {}
            Some(_) => return Err(self.partial(console)?),
            None => return Err(self.log.failure("the file ends behind a record's payload")),
        }
        let payload = self.log.payload();
        self.recovery.as_mut().map_or(Ok(()), |recovery| recovery.record(sum, payload))
    }

    /// Says that a checksum is wrong, and which one is to be written.
    fn mismatch(&mut self, sum: i64, actual: i64, console: &mut Console<'_>) -> Outcome<i64> {
        let note = self.log.note(format!("CRC doesn't match {sum} vs {actual}"));
        console.complain(note)?;
        let Some(recovery) = &mut self.recovery else {
            self.print("CRC ERROR", console)?;
            return Ok(sum);
        };
        if self.force {
            recovery.fixed += 1;
            self.print("CRC FIXED", console)?;
            return Ok(actual);
        }
        self.print("CRC ERROR", console)?;
        let Some(recovery) = &mut self.recovery else { return Ok(sum) };
        match recovery.ask(console)? {
            Choice::Fix => {
                recovery.fixed += 1;
                Ok(actual)
            }
            Choice::Leave => Ok(sum),
        }
    }

    fn print(&mut self, prefix: &str, console: &mut Console<'_>) -> Outcome<()> {
        let line = self
            .lines
            .of(self.log.payload(), prefix)
            .map_err(|e| self.log.failure(format!("the transaction makes no sense: {e}")))?;
        Ok(console.out.write_all(line)?)
    }

    /// The chain of records is broken: Java's words, and where it is.
    fn partial(&self, console: &mut Console<'_>) -> Outcome<Failure> {
        console.complain(self.log.note("the record does not end with 'B'"))?;
        Ok(Failure::uncaught("Last transaction was partial."))
    }
}

#[cfg(test)]
mod tests;

//! A log's transactions up to one of them. Java: `LogChopper`.
//!
//! Whatever goes wrong, Java's tool says so on standard output and ends with 0; scripts look at what
//! it printed.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use jute::Limits;

use super::record::{END, LogFile, Next};
use crate::config::ExitCode;
use crate::ids::Zxid;
use crate::storage::txnlog::MAGIC;
use crate::tools::{Console, Failure, Outcome};
use crate::txn::TxnRecord;

/// Bytes written in one piece.
const BUFFER: usize = 256 * 1024;

/// Why there is no chopped log.
enum Stop {
    /// In the words for standard output.
    Refusal(String),
    /// The console does not work.
    Console(Failure),
}

impl<E: Into<Failure>> From<E> for Stop {
    fn from(e: E) -> Self {
        Self::Console(e.into())
    }
}

/// Writes `<log>.chopped<zxid>`.
pub(super) fn run(
    log: LogFile,
    path: &Path,
    zxid: Zxid,
    limits: Limits,
    console: &mut Console<'_>,
) -> Outcome {
    let name = path.file_name().unwrap_or_default().display().to_string();
    let target = path.with_file_name(format!("{name}.chopped{}", zxid.0));
    let chopped = match File::create(&target) {
        Ok(file) => {
            let out = BufWriter::with_capacity(BUFFER, file);
            Chopper { log, limits, out, zxid, has_zxid: false, previous: None, count: 0 }
                .chop(console)
        }
        Err(e) => Err(Stop::Refusal(format!("{}: {e}", target.display()))),
    };
    let why = match chopped {
        Ok(true) => return Ok(ExitCode::Finished),
        Ok(false) => format!("Failed to chop {name}"),
        Err(Stop::Refusal(why)) => why,
        Err(Stop::Console(failure)) => return Err(failure),
    };
    writeln!(console.out, "Got exception: {why}")?;
    Ok(ExitCode::Finished)
}

struct Chopper {
    log: LogFile,
    limits: Limits,
    out: BufWriter<File>,
    zxid: Zxid,
    has_zxid: bool,
    previous: Option<Zxid>,
    count: u64,
}

impl Chopper {
    /// Whether there was something to chop off.
    fn chop(mut self, console: &mut Console<'_>) -> Result<bool, Stop> {
        let Some(header) = self.log.header().map_err(refusal)? else {
            return Err(self.refuse("the file ends within its header", console)?);
        };
        if header.magic() != MAGIC {
            console.complain("Invalid magic number in txn log file")?;
            return Ok(false);
        }
        writeln!(console.out, "{}", header.describe())?;
        self.out.write_all(&header.bytes).map_err(unwritten)?;
        loop {
            match self.log.next().map_err(refusal)? {
                Next::Record(sum) => {
                    let found = self.check(sum, console)?;
                    if found > self.zxid {
                        return self.report_end(console);
                    }
                    self.copy(sum).map_err(unwritten)?;
                    self.count += 1;
                }
                end => {
                    writeln!(console.out, "EOF reached after {} txns.", self.count)?;
                    if let Next::Torn(what) = end {
                        console.complain(self.log.note(what))?;
                    }
                    return Ok(false);
                }
            }
        }
    }

    /// The zxid of a record, which must be in order.
    fn check(&mut self, sum: i64, console: &mut Console<'_>) -> Result<Zxid, Stop> {
        let actual = self.log.checksum();
        if sum != actual {
            return Err(self.refuse(&format!("CRC doesn't match {sum} vs {actual}"), console)?);
        }
        let found = match TxnRecord::decode(self.log.payload(), self.limits) {
            Ok(record) => Zxid(record.header.zxid),
            Err(e) => return Err(self.refuse(&e.to_string(), console)?),
        };
        if self.log.end_of_record().map_err(refusal)? != Some(END) {
            let what = "Last transaction was partial.";
            writeln!(console.out, "{what}")?;
            return Err(self.refuse(what, console)?);
        }
        self.has_zxid |= found == self.zxid;
        self.report_gap(found, console)?;
        self.previous = Some(found);
        Ok(found)
    }

    fn copy(&mut self, sum: i64) -> io::Result<()> {
        let payload = self.log.payload();
        self.out.write_all(&sum.to_be_bytes())?;
        self.out.write_all(&(payload.len() as u32).to_be_bytes())?;
        self.out.write_all(payload)?;
        self.out.write_all(&[END])
    }

    fn report_gap(&self, found: Zxid, console: &mut Console<'_>) -> io::Result<()> {
        let Some(previous) = self.previous.filter(|previous| found != previous.next()) else {
            return Ok(());
        };
        let kind = match found.epoch() == previous.epoch() {
            true => "intra",
            false if found.counter() != 1 => "inter",
            false => return Ok(()),
        };
        let (from, to) = (previous.0, found.0);
        writeln!(console.out, "There is {kind}-epoch gap between {from:x} and {to:x}")
    }

    fn report_end(&mut self, console: &mut Console<'_>) -> Result<bool, Stop> {
        let (zxid, count) = (self.zxid.0, self.count);
        if self.has_zxid {
            self.out.flush().map_err(unwritten)?;
            writeln!(console.out, "Chopping at {zxid:x} new log has {count} records")?;
        } else {
            writeln!(console.out, "This log does not contain zxid {zxid:x}")?;
        }
        Ok(self.has_zxid)
    }

    /// Says where it is, and passes on what Java says.
    fn refuse(&self, what: &str, console: &mut Console<'_>) -> Outcome<Stop> {
        console.complain(self.log.note(what))?;
        Ok(Stop::Refusal(what.to_owned()))
    }
}

fn refusal(failure: Failure) -> Stop {
    Stop::Refusal(failure.message)
}

fn unwritten(e: io::Error) -> Stop {
    Stop::Refusal(format!("cannot write the chopped log: {e}"))
}

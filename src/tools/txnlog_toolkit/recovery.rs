//! The file with repaired checksums. Java: `TxnLogToolkit` in recovery mode, `FilePadding`.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use super::record::END;
use crate::config::ExitCode;
use crate::tools::{Console, Failure, Outcome};

/// Bytes written in one piece.
const BUFFER: usize = 256 * 1024;
/// A file grows once less than this is left of it, in bytes (`FilePadding`).
const NEARLY_FULL: u64 = 4096;

/// What is to become of a wrong checksum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Choice {
    Fix,
    Leave,
}

/// `<log>.fixed` while it is being written.
#[derive(Debug)]
pub(super) struct Recovery {
    path: PathBuf,
    file: BufWriter<File>,
    at: u64,
    len: u64,
    prealloc: u64,
    answers: VecDeque<String>,
    /// How many checksums were repaired.
    pub(super) fixed: u64,
}

impl Recovery {
    /// Creates the file beside the log.
    pub(super) fn create(log: &Path, prealloc: u64) -> Outcome<Self> {
        let path = PathBuf::from(format!("{}.fixed", log.display()));
        let file = File::options().write(true).create_new(true).open(&path).map_err(|_| {
            let path = path.display();
            Failure::uncaught(format!("Recovery file {path} already exists or not writable"))
        })?;
        let file = BufWriter::with_capacity(BUFFER, file);
        let answers = VecDeque::new();
        Ok(Self { path, file, at: 0, len: 0, prealloc, answers, fixed: 0 })
    }

    /// Writes the file's header.
    pub(super) fn header(&mut self, header: &[u8]) -> Outcome<()> {
        self.write(header)?;
        self.len = self.at;
        Ok(())
    }

    /// Writes a record.
    pub(super) fn record(&mut self, sum: i64, payload: &[u8]) -> Outcome<()> {
        self.pad()?;
        let len = i32::try_from(payload.len()).map_err(Failure::uncaught)?;
        self.write(&sum.to_be_bytes())?;
        self.write(&len.to_be_bytes())?;
        self.write(payload)?;
        self.write(&[END])
    }

    /// Asks until there is an answer. What follows it on its line is the answer to the next question.
    pub(super) fn ask(&mut self, console: &mut Console<'_>) -> Outcome<Choice> {
        loop {
            write!(console.out, "Would you like to fix it (Yes/No/Abort) ? ")?;
            console.out.flush()?;
            match self.answer(console)?.chars().next().map(|c| c.to_ascii_uppercase()) {
                Some('Y') => return Ok(Choice::Fix),
                Some('N') => return Ok(Choice::Leave),
                Some('A') => {
                    self.file.flush().map_err(|e| self.failure(&e))?;
                    return Err(Failure::new(ExitCode::Finished, "Recovery aborted."));
                }
                _ => {}
            }
        }
    }

    fn answer(&mut self, console: &mut Console<'_>) -> Outcome<String> {
        loop {
            if let Some(answer) = self.answers.pop_front() {
                return Ok(answer);
            }
            let mut line = String::new();
            let read = console.input.read_line(&mut line);
            if read.map_err(Failure::uncaught)? == 0 {
                return Err(Failure::uncaught("No answer: the input has ended"));
            }
            self.answers.extend(line.split_whitespace().map(str::to_owned));
        }
    }

    /// Says what was done.
    pub(super) fn finish(mut self, console: &mut Console<'_>) -> Outcome<()> {
        self.file.flush().map_err(|e| self.failure(&e))?;
        let (path, fixed) = (self.path.display(), self.fixed);
        writeln!(
            console.out,
            "Recovery file {path} has been written with {fixed} fixed CRC error(s)"
        )?;
        Ok(())
    }

    fn pad(&mut self) -> Outcome<()> {
        if self.prealloc == 0 || self.at + NEARLY_FULL < self.len {
            return Ok(());
        }
        if self.at > self.len {
            let wanted = self.at + self.prealloc;
            self.len = wanted - wanted % self.prealloc;
        } else {
            self.len += self.prealloc;
        }
        self.file.get_ref().set_len(self.len).map_err(|e| self.failure(&e))
    }

    fn write(&mut self, bytes: &[u8]) -> Outcome<()> {
        self.at += bytes.len() as u64;
        self.file.write_all(bytes).map_err(|e| self.failure(&e))
    }

    fn failure(&self, e: &io::Error) -> Failure {
        Failure::uncaught(format!("cannot write {}: {e}", self.path.display()))
    }
}

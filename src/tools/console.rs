//! What a tool is given: where it reads answers, where it writes, and how it ends.

use std::fmt::Display;
use std::io::{self, BufRead, BufWriter, IsTerminal, Write};

use rustix::fs::FileType;

use crate::config::ExitCode;

/// Bytes of output that are written in one piece.
const BUFFER: usize = 256 * 1024;

/// Where a tool reads and writes.
pub struct Console<'a> {
    /// Answers.
    pub input: &'a mut dyn BufRead,
    /// What was asked for. Buffered: flush it before a question.
    pub out: &'a mut dyn Write,
    /// Complaints.
    pub err: &'a mut dyn Write,
    /// When progress may be shown.
    pub progress: ShowProgress,
    /// Whether the output goes to a terminal that shows colours.
    pub colour: bool,
}

/// When progress may be shown on standard error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShowProgress {
    /// Nobody looks.
    Never,
    /// As long as the tool itself prints nothing: its output goes to the same terminal.
    WhileQuiet,
    /// All the time: the output goes into a file.
    Always,
}

/// Why a tool ends before it is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The exit code.
    pub code: ExitCode,
    /// A line for standard error; none if empty.
    pub message: String,
}

/// How a tool ends.
pub type Outcome<T = ExitCode> = Result<T, Failure>;

impl Failure {
    /// A failure with a code and a reason.
    pub fn new(code: ExitCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// Where Java's tool ends with an exception that nobody catches, and so with 1.
    pub fn uncaught(message: impl Display) -> Self {
        Self::new(ExitCode::Unexpected, message.to_string())
    }
}

/// Output that cannot be written. Who reads no further, as `head`, has what it wanted.
impl From<io::Error> for Failure {
    fn from(e: io::Error) -> Self {
        if e.kind() == io::ErrorKind::BrokenPipe {
            return Self::new(ExitCode::Finished, "");
        }
        Self::uncaught(format!("cannot write the output: {e}"))
    }
}

impl Console<'_> {
    /// Writes one line to standard error, after all that was printed so far.
    ///
    /// # Errors
    /// If the output cannot be written.
    pub fn complain(&mut self, line: impl Display) -> Outcome<()> {
        self.out.flush()?;
        // Who closed standard error does not want to know.
        let _ = writeln!(self.err, "{line}");
        Ok(())
    }
}

/// Runs a tool on the process's own streams.
pub fn run(tool: impl FnOnce(&mut Console<'_>) -> Outcome) -> ExitCode {
    let mut input = io::stdin().lock();
    let mut out = BufWriter::with_capacity(BUFFER, io::stdout().lock());
    let mut err = io::stderr().lock();
    let progress = show_progress();
    let colour = io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let mut console = Console { input: &mut input, out: &mut out, err: &mut err, progress, colour };
    let outcome = tool(&mut console);
    finish(outcome.and_then(|code| Ok(console.out.flush().map(|()| code)?)), &mut console)
}

fn finish(outcome: Outcome, console: &mut Console<'_>) -> ExitCode {
    match outcome {
        Ok(code) => code,
        Err(failure) if failure.message.is_empty() => failure.code,
        Err(failure) => {
            // The reason for the failure may be that the output cannot be written.
            let _ = console.complain(&failure.message);
            failure.code
        }
    }
}

/// Somebody must be there to see it, and not be reading the output page by page.
fn show_progress() -> ShowProgress {
    if !io::stderr().is_terminal() {
        return ShowProgress::Never;
    }
    if io::stdout().is_terminal() {
        return ShowProgress::WhileQuiet;
    }
    let kind = rustix::fs::fstat(io::stdout()).map(|stat| FileType::from_raw_mode(stat.st_mode));
    match kind {
        Ok(FileType::RegularFile | FileType::CharacterDevice) => ShowProgress::Always,
        _ => ShowProgress::Never,
    }
}

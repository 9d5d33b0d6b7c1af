//! Where the commands write.

use std::fmt;
use std::io::{self, Write};

use super::Failure;

/// The two streams of a command: results on `out`, everything else on `err`.
pub struct Console {
    out: Box<dyn Write>,
    err: Box<dyn Write>,
}

impl fmt::Debug for Console {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Console").finish_non_exhaustive()
    }
}

impl Console {
    /// A console over these streams. `out` should be buffered: it is flushed after each command.
    pub fn new(out: Box<dyn Write>, err: Box<dyn Write>) -> Self {
        Self { out, err }
    }

    /// One line of result.
    pub(super) fn line(&mut self, text: impl fmt::Display) -> Result<(), Failure> {
        Ok(writeln!(self.out, "{text}")?)
    }

    /// Text of a result as it is.
    pub(super) fn text(&mut self, text: &str) -> Result<(), Failure> {
        Ok(self.out.write_all(text.as_bytes())?)
    }

    /// One line beside the result, behind what was printed so far. Who closed standard error does
    /// not want to know.
    pub fn note(&mut self, text: impl fmt::Display) {
        let _ = self.flush();
        let _ = writeln!(self.err, "{text}");
    }

    /// Writes out what is buffered.
    ///
    /// # Errors
    /// If that cannot be.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

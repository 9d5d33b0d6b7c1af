//! A program that runs beside a test and talks with it in lines: it prints, and waits for words.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use crate::{Failure, Result};

/// How long a program may keep silent. A limit for what hangs, not a measurement.
const PATIENCE: Duration = Duration::from_secs(180);

/// A program with pipes. Dropping it kills it.
pub struct Program {
    child: Child,
    input: ChildStdin,
    lines: Receiver<String>,
}

impl Program {
    /// Starts it; standard error goes where `command` sends it.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn start(mut command: Command) -> Result<Self> {
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child =
            child.map_err(|e| Failure::new(format!("cannot start {command:?}: {e}")))?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(Failure::new(format!("{command:?} has no pipes")));
        };
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            // Ends with the program, or with whoever listens.
            let lines = BufReader::new(output).lines();
            lines.map_while(|line| line.ok()).try_for_each(|line| sender.send(line))
        });
        Ok(Self { child, input, lines })
    }

    /// The next line that it prints, without its end; `None` when it has closed its output.
    ///
    /// # Errors
    /// If it says nothing in three minutes.
    pub fn next_line(&mut self) -> Result<Option<String>> {
        match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => Ok(Some(line)),
            Err(RecvTimeoutError::Disconnected) => Ok(None),
            Err(RecvTimeoutError::Timeout) => Err(Failure::new("the program keeps silent")),
        }
    }

    /// Says one word to it, as a line.
    ///
    /// # Errors
    /// If it no longer listens.
    pub fn say(&mut self, word: &str) -> Result<()> {
        Ok(writeln!(self.input, "{word}")?)
    }

    /// Waits for the line `done`; whatever it prints before is the answer.
    ///
    /// # Errors
    /// If it ends before: the text has what it told.
    pub fn wait_done(&mut self) -> Result<String> {
        let mut told = String::new();
        while let Some(line) = self.next_line()? {
            if line == "done" {
                return Ok(told);
            }
            told.push_str(&line);
            told.push('\n');
        }
        Err(Failure::new(format!("the program ended:\n{told}")))
    }

    /// Waits for its end; it must have closed its output.
    ///
    /// # Errors
    /// If that cannot be told.
    pub fn end(mut self) -> Result<ExitStatus> {
        Ok(self.child.wait()?)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // One that has ended already cannot be killed, and need not be.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

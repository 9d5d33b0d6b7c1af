//! A program at a terminal: types, and waits for what appears.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, ExitStatus};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{Mode, OFlags, open};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::{Failure, Result};

/// How long something may take to appear. A limit for what hangs, not a measurement.
const PATIENCE: Duration = Duration::from_secs(60);

/// A program that runs at a terminal of its own. Dropping it kills it.
#[derive(Debug)]
pub struct Terminal {
    child: Child,
    keys: File,
    shown: Receiver<Vec<u8>>,
    /// What appeared and was not waited for yet.
    text: String,
}

impl Terminal {
    /// Starts a program at a terminal of 24 lines.
    ///
    /// # Errors
    /// If there is no terminal to be had, or the program does not start.
    pub fn start(command: &mut Command) -> Result<Self> {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY)?;
        grantpt(&master)?;
        unlockpt(&master)?;
        let size = Winsize { ws_row: 24, ws_col: 160, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&master, size)?;
        let path = ptsname(&master, Vec::new())?;
        let slave: OwnedFd = open(path, OFlags::RDWR | OFlags::NOCTTY, Mode::empty())?;
        let (stdin, stdout) = (slave.try_clone()?, slave.try_clone()?);
        let command = command.env("TERM", "xterm").stdin(stdin).stdout(stdout).stderr(slave);
        let child = command.spawn()?;
        // The command keeps its ends of the terminal open otherwise, and the reader would never end.
        command
            .stdin(std::process::Stdio::null())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null());
        let keys = File::from(master);
        let mut screen = keys.try_clone()?;
        let (sender, shown) = channel();
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(len @ 1..) = screen.read(&mut buffer) {
                if sender.send(buffer[..len].to_vec()).is_err() {
                    return;
                }
            }
        });
        Ok(Self { child, keys, shown, text: String::new() })
    }

    /// Types.
    ///
    /// # Errors
    /// If the terminal is gone.
    pub fn keys(&mut self, keys: &str) -> Result<()> {
        Ok(self.keys.write_all(keys.as_bytes())?)
    }

    /// Waits until `text` appears. The result is what appeared before it.
    ///
    /// # Errors
    /// If it does not; the failure has all that did.
    pub fn expect(&mut self, text: &str) -> Result<String> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(at) = self.text.find(text) {
                let rest = self.text.split_off(at + text.len());
                let mut before = std::mem::replace(&mut self.text, rest);
                before.truncate(at);
                return Ok(before);
            }
            match self.shown.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(bytes) => self.text.push_str(&String::from_utf8_lossy(&bytes)),
                Err(why) => {
                    let why = match why {
                        RecvTimeoutError::Timeout => "did not appear in time",
                        RecvTimeoutError::Disconnected => "did not appear before the end",
                    };
                    return Err(Failure::new(format!("{text:?} {why}, but {:?}", self.text)));
                }
            }
        }
    }

    /// Waits until the program ends.
    ///
    /// # Errors
    /// If it does not.
    pub fn wait(&mut self) -> Result<ExitStatus> {
        let deadline = Instant::now() + PATIENCE;
        // The reader hangs up when the program's end of the terminal is closed.
        loop {
            match self.shown.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(bytes) => self.text.push_str(&String::from_utf8_lossy(&bytes)),
                Err(RecvTimeoutError::Disconnected) => return Ok(self.child.wait()?),
                Err(RecvTimeoutError::Timeout) => {
                    return Err(Failure::new(format!("does not end: {:?}", self.text)));
                }
            }
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

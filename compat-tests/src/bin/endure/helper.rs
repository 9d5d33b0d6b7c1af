//! Sessions in a process of their own, one for each server: a process may open only so many files.
//!
//! The parent says a word in a line, the helper does it and answers with a number and `done`:
//! `open N`, `watch PATH` (its data and its children), `hear N` (events in each session). Its sessions
//! live as long as it does.

use std::io::{BufRead, Write, stdin, stdout};
use std::net::SocketAddr;
use std::process::Command;
use std::sync::mpsc::{TryRecvError, channel};
use std::thread;
use std::time::Duration;

use compat_tests::bench::load::Script;
use compat_tests::program::Program;
use compat_tests::{Failure, Result};
use gamekeeper::op::op;
use jute::proto::{GetChildrenRequest, GetDataRequest};

use crate::crowd::Crowd;

/// The option that makes this program a helper; its value is the server's address.
pub(crate) const OPTION: &str = "serve-crowd";
/// How long events may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A helper, as its parent sees it.
pub(crate) struct Helper(Program);

impl Helper {
    pub(crate) fn start(server: SocketAddr) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(format!("--{OPTION}")).arg(server.to_string());
        Ok(Self(Program::start(command)?))
    }

    pub(crate) fn say(&mut self, word: &str) -> Result<()> {
        self.0.say(word)
    }

    /// Its answer to the last word.
    pub(crate) fn answer(&mut self) -> Result<usize> {
        let told = self.0.wait_done()?;
        told.trim().parse().map_err(|_| Failure::new(format!("the helper says {told:?}")))
    }
}

/// Is a helper, until the parent has closed its pipe.
pub(crate) fn serve(server: SocketAddr) -> Result<()> {
    let (said, words) = channel();
    // Ends with the parent's pipe, or with the process.
    thread::spawn(move || {
        stdin().lock().lines().map_while(|line| line.ok()).try_for_each(|line| said.send(line))
    });
    let mut crowd = Crowd::new(server)?;
    loop {
        match words.try_recv() {
            Ok(word) => {
                let number = obey(&mut crowd, &word)?;
                let mut out = stdout().lock();
                writeln!(out, "{number}\ndone")?;
                out.flush()?;
            }
            Err(TryRecvError::Empty) => crowd.turn()?,
            Err(TryRecvError::Disconnected) => return Ok(()),
        }
    }
}

fn obey(crowd: &mut Crowd, word: &str) -> Result<usize> {
    let (verb, object) = word.split_once(' ').unwrap_or((word, ""));
    match verb {
        "open" => {
            crowd.open(object.parse()?)?;
            Ok(crowd.living())
        }
        "watch" => watch(crowd, object),
        "hear" => hear(crowd, object.parse()?),
        _ => Err(Failure::new(format!("a helper does not know the word {word:?}"))),
    }
}

/// Returns how many watches were set.
fn watch(crowd: &mut Crowd, path: &str) -> Result<usize> {
    let (path, watch) = (Some(path.to_owned()), true);
    let mut data = Script::default();
    data.push(op::GET_DATA, &GetDataRequest { path: path.clone(), watch });
    let mut children = Script::default();
    children.push(op::GET_CHILDREN, &GetChildrenRequest { path, watch });
    let mut set = 0;
    for frame in [data.bytes(), children.bytes()] {
        let failed = crowd.counts.failed;
        if crowd.ask_all(frame)? {
            set += crowd.living() - (crowd.counts.failed - failed);
        }
    }
    Ok(set)
}

/// Returns how many events were heard; by each session as many as it should.
fn hear(crowd: &mut Crowd, events: usize) -> Result<usize> {
    let all = crowd.living() * events;
    crowd.until(PATIENCE, |counts| counts.events >= all)?;
    Ok(crowd.have_heard(events) * events)
}

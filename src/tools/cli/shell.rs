//! One session at a time, and the commands that are about it or about the shell itself (Java:
//! `ZooKeeperMain.processZKCmd`).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver;
use std::time::Duration;

use crate::client::{Client, KeeperState, Options};

use super::console::Console;
use super::events::{Notify, pass_on};
use super::zk::Zk;
use super::{Failure, Invocation, Settings, commands, words};

/// `history` shows this many commands before itself.
const HISTORY_SHOWN: usize = 10;
/// How long Tab waits for the server.
const COMPLETION_PATIENCE: Duration = Duration::from_secs(2);
/// How long the end of a session may take to be told.
const FAREWELL_PATIENCE: Duration = Duration::from_secs(1);

/// What comes after a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// The next one.
    Continue,
    /// The end.
    Quit,
}

/// A session and what was typed in it.
pub struct Shell {
    invocation: Invocation,
    settings: Settings,
    console: Console,
    notify: Notify,
    timeout: Duration,
    /// The connect string of the session.
    host: String,
    /// `None` once it is closed.
    zk: Option<Zk>,
    /// Hangs up when the last event of the session is told.
    told: Option<Receiver<()>>,
    print_watches: Arc<AtomicBool>,
    history: Vec<String>,
    exit_code: i32,
}

impl std::fmt::Debug for Shell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shell").field("host", &self.host).field("zk", &self.zk).finish()
    }
}

impl Shell {
    /// Starts a session as the invocation says. Watch events go to `notify`.
    ///
    /// # Errors
    /// If the invocation makes no sense, or `-waitforconnection` waited in vain.
    pub fn start(
        invocation: Invocation,
        settings: Settings,
        console: Console,
        notify: Notify,
    ) -> Result<Self, Failure> {
        let timeout = &invocation.timeout;
        let millis: i32 = timeout.parse().map_err(|_| Failure::number(timeout))?;
        let timeout = Duration::from_millis(u64::try_from(millis).unwrap_or(0));
        let host = invocation.server.clone();
        let mut shell = Self {
            invocation,
            settings,
            console,
            notify,
            timeout,
            host: String::new(),
            zk: None,
            told: None,
            print_watches: Arc::new(AtomicBool::new(true)),
            history: Vec::new(),
            exit_code: 0,
        };
        shell.connect(&host)?;
        Ok(shell)
    }

    fn connect(&mut self, host: &str) -> Result<(), Failure> {
        self.close();
        host.clone_into(&mut self.host);
        let options = Options::new(host, self.timeout);
        let options = options.map_err(|e| Failure::new(e.to_string()))?;
        let (client, events) = Client::start(Options {
            read_only: self.invocation.read_only,
            max_packet: self.settings.max_packet,
            ..options
        });
        let (wanted, notify) = (Arc::clone(&self.print_watches), Arc::clone(&self.notify));
        self.told = Some(pass_on(events, wanted, notify));
        let zk = self.zk.insert(Zk::new(client, self.settings.request_timeout));
        if self.invocation.wait_for_connection && zk.client().wait_connected(self.timeout).is_err()
        {
            self.close();
            return Err(Failure::new("KeeperErrorCode = ConnectionLoss"));
        }
        Ok(())
    }

    /// Ends the session, and waits a little until its last event is told.
    fn close(&mut self) {
        if let Some(zk) = self.zk.take().filter(Zk::is_alive) {
            zk.close();
            if let Some(told) = self.told.take() {
                // Told or not, it is over.
                let _ = told.recv_timeout(FAREWELL_PATIENCE);
            }
        }
    }

    /// Waits until there is a connection, or each server was tried, or `patience` is at an end.
    pub fn wait_a_round(&self, patience: Duration) {
        if let Some(zk) = &self.zk {
            // Whoever asks next is told why there is none.
            let _ = zk.client().wait_first_round(patience.min(self.timeout));
        }
    }

    /// Whether there are servers to choose from.
    pub fn has_several_servers(&self) -> bool {
        self.host.contains(',')
    }

    /// `[zk: host:port(CONNECTED) 3] `.
    pub fn prompt(&self) -> String {
        let state = self.zk.as_ref().map_or("CLOSED", Zk::state);
        format!("[zk: {}({state}) {}] ", self.host, self.history.len())
    }

    /// The exit code of the last command.
    pub fn exit_code(&self) -> i32 {
        self.exit_code
    }

    /// Runs a line that was typed. An empty one is nothing.
    pub fn run_line(&mut self, line: &str) -> Flow {
        let words = words::split(line);
        if words.is_empty() {
            return Flow::Continue;
        }
        let number = self.history.len();
        self.history.push(line.to_owned());
        self.run(&words, number)
    }

    /// Runs the command of the command line.
    pub fn run_once(&mut self) {
        let words = self.invocation.command.clone();
        self.run(&words, 0);
    }

    /// Runs the command with this number, and says what went wrong.
    fn run(&mut self, words: &[String], number: usize) -> Flow {
        let (flow, outcome) = match self.run_own(words, number) {
            Ok(Some(flow)) => (flow, Ok(())),
            Ok(None) => (Flow::Continue, self.ask_server(words)),
            Err(failure) => (Flow::Continue, Err(failure)),
        };
        let outcome = outcome.and_then(|()| Ok(self.console.flush()?));
        if flow == Flow::Quit {
            return flow;
        }
        self.exit_code = match outcome {
            Ok(()) => 0,
            Err(failure) => {
                if !failure.message.is_empty() {
                    self.console.note(&failure.message);
                }
                failure.exit_code
            }
        };
        flow
    }

    /// Runs a command of the shell itself. `None`: it, or another, has still to ask the server.
    fn run_own(&mut self, words: &[String], number: usize) -> Result<Option<Flow>, Failure> {
        let argument = words.get(1).map(String::as_str);
        match (words[0].as_str(), argument) {
            ("quit", _) => {
                self.close();
                return Ok(Some(Flow::Quit));
            }
            ("redo", Some(index)) => return self.redo(index, number).map(Some),
            ("history", _) => self.show_history(number)?,
            ("printwatches", None) => {
                let on = self.print_watches.load(Ordering::Relaxed);
                self.console
                    .line(format_args!("printwatches is {}", if on { "on" } else { "off" }))?;
            }
            ("printwatches", Some(word)) => {
                self.print_watches.store(word == "on", Ordering::Relaxed);
            }
            ("connect", host) => {
                let host = host.map_or_else(|| self.host.clone(), str::to_owned);
                self.connect(&host)?;
            }
            (verb, _) if !commands::verbs().iter().any(|(known, _)| *known == verb) => {
                self.console.note(commands::usage());
                return Err(Failure::not_found(verb));
            }
            _ => {}
        }
        Ok(None)
    }

    /// Runs an earlier command again, under the number of this one.
    fn redo(&mut self, index: &str, number: usize) -> Result<Flow, Failure> {
        let index: i64 = index.parse().map_err(|_| Failure::number(index))?;
        let line = usize::try_from(index).ok().filter(|index| *index < number);
        let Some(line) = line.and_then(|index| self.history.get(index)).cloned() else {
            return Err(Failure::new("Command index out of range"));
        };
        let words = words::split(&line);
        if words[0] == "redo" {
            return Err(Failure::new("No redoing redos"));
        }
        self.history[number] = line;
        let flow = self.run(&words, number);
        // The failure is told already; its code is to stay.
        match self.exit_code {
            0 => Ok(flow),
            exit_code => Err(Failure { message: String::new(), exit_code }),
        }
    }

    fn show_history(&mut self, number: usize) -> Result<(), Failure> {
        for i in number.saturating_sub(HISTORY_SHOWN)..=number {
            let line = self.history.get(i).map_or("null", String::as_str);
            self.console.line(format_args!("{i} - {line}"))?;
        }
        Ok(())
    }

    fn ask_server(&mut self, words: &[String]) -> Result<(), Failure> {
        let Some(zk) = self.zk.as_ref().filter(|zk| zk.is_alive()) else {
            return self.console.line("Not connected");
        };
        if words[0] == "close" {
            self.close();
            return Ok(());
        }
        commands::run(zk, words, &mut self.console)
    }

    /// The children of a node, for completion: none if the server does not say soon.
    pub(super) fn children_soon(&self, path: &str) -> Vec<String> {
        let Some(zk) = &self.zk else { return Vec::new() };
        let state = zk.client().state();
        if !matches!(state, KeeperState::SyncConnected | KeeperState::ConnectedReadOnly) {
            return Vec::new();
        }
        match zk.client().get_children(path, false).wait_for(COMPLETION_PATIENCE) {
            Some(Ok((mut children, _))) => {
                children.sort_unstable();
                children
            }
            _ => Vec::new(),
        }
    }
}

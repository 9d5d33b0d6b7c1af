//! The server's thread: feeds the pure server with what arrives, and carries its effects out.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::{io, thread};

use log::{error, info};

use super::fatal::Fatal;
use super::inbox::{Arrivals, Inbox};
use super::log_device::{Gathering, LogDevice, LogListener};
use super::member::Member;
use super::snapshotter::Snapshotter;
use crate::config::ExitCode;
use crate::ids::{Millis, Zxid};
use crate::net::{Clock, HeardUntil};
use crate::peer::{Effect, Event, LogBatch, Now, Server};
use crate::server::metrics::ServerMetrics;
use crate::storage;
use crate::storage::txnlog::TxnLog;

/// A batch of at most this many transactions is written on the pipeline's own thread if nothing else
/// waits: then nobody is kept waiting by it.
const WRITE_HERE_MAX: usize = 8;

/// What the log's thread tells.
pub(super) struct LogNews {
    pub(super) inbox: Arc<Inbox>,
    pub(super) fatal: Arc<Fatal>,
}

impl LogListener for LogNews {
    fn durable(&self, zxid: Zxid) {
        self.inbox.durable(zxid);
    }

    fn failed(&self, error: &storage::Error) {
        log_failed(&self.fatal, error);
    }
}

fn log_failed(fatal: &Fatal, e: &storage::Error) {
    error!("Severe unrecoverable error, the transaction log cannot be written: {e}");
    fatal.stop(ExitCode::Unexpected);
}

/// What the thread works with.
pub(super) struct Parts {
    pub(super) server: Server,
    /// What a member of an ensemble has beside it.
    pub(super) member: Option<Member>,
    /// What the server wanted done when it was made.
    pub(super) effects: Vec<Effect>,
    pub(super) inbox: Arc<Inbox>,
    pub(super) log: TxnLog,
    pub(super) gathering: Gathering,
    pub(super) metrics: Arc<ServerMetrics>,
    pub(super) snapshotter: Snapshotter,
    pub(super) clock: Clock,
    pub(super) heard: HeardUntil,
    pub(super) fatal: Arc<Fatal>,
    /// How often time is to be looked at, in ms.
    pub(super) tick: Millis,
}

/// The running thread.
pub(super) struct Pipeline {
    inbox: Arc<Inbox>,
    thread: Option<JoinHandle<()>>,
}

impl Pipeline {
    pub(super) fn start(parts: Parts) -> io::Result<Self> {
        let inbox = Arc::clone(&parts.inbox);
        let fatal = Arc::clone(&parts.fatal);
        let news = LogNews { inbox: Arc::clone(&inbox), fatal: Arc::clone(&fatal) };
        let log = LogDevice::start(
            parts.log,
            parts.gathering,
            Arc::clone(&parts.metrics),
            Arc::new(news),
        )?;
        let worker = Worker {
            server: parts.server,
            member: parts.member,
            inbox: Arc::clone(&inbox),
            log,
            snapshotter: parts.snapshotter,
            clock: parts.clock,
            heard: parts.heard,
            fatal: Arc::clone(&fatal),
            tick: parts.tick,
            effects: parts.effects,
        };
        let thread = thread::Builder::new()
            .name("ProcessThread".to_owned())
            .spawn(move || fatal.guard("the pipeline", || worker.run()))?;
        Ok(Self { inbox, thread: Some(thread) })
    }

    /// Finishes what has arrived, and ends.
    pub(super) fn stop(&mut self) {
        self.inbox.stop();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            error!("the pipeline died of a panic");
        }
    }
}

struct Worker {
    server: Server,
    member: Option<Member>,
    inbox: Arc<Inbox>,
    log: LogDevice,
    snapshotter: Snapshotter,
    clock: Clock,
    heard: HeardUntil,
    fatal: Arc<Fatal>,
    tick: Millis,
    effects: Vec<Effect>,
}

impl Worker {
    fn run(mut self) {
        self.carry_out_all();
        let mut next_tick = self.clock.now() + self.tick;
        loop {
            let wait = next_tick - self.clock.now();
            let arrivals = self.inbox.take(wait);
            let stop = arrivals.stop;
            self.take_in(arrivals);
            if self.clock.now() >= next_tick {
                self.step(Event::Tick { heard_until: self.heard.get() });
                next_tick = self.clock.now() + self.tick;
            }
            if stop {
                break;
            }
        }
        self.finish();
        info!("PrepRequestProcessor exited loop!");
    }

    /// What was logged before the end is applied before the end, for the clients that still wait.
    fn finish(mut self) {
        while !self.server.is_idle() && !self.fatal.is_stopping() {
            let arrivals = self.inbox.take(self.tick);
            self.take_in(arrivals);
        }
        self.inbox.close();
    }

    fn take_in(&mut self, arrivals: Arrivals) {
        if let Some(zxid) = arrivals.durable {
            self.step(Event::Durable(zxid));
        }
        if !arrivals.inputs.is_empty() {
            self.step(Event::Inputs(arrivals.inputs));
        }
        for event in arrivals.events {
            let len = if let Event::Bytes(_, bytes) = &event { bytes.len() } else { 0 };
            self.step(event);
            if let Some(member) = self.member.as_ref().filter(|_| len > 0) {
                member.taken(len);
            }
        }
        for query in arrivals.queries {
            query(&self.server);
        }
    }

    fn step(&mut self, event: Event) {
        let now = Now { mono: self.clock.now(), wall: self.clock.wall() };
        self.server.step(now, event, &mut self.effects);
        self.carry_out_all();
    }

    fn carry_out_all(&mut self) {
        let mut effects = std::mem::take(&mut self.effects);
        let mut answers = Vec::new();
        for effect in effects.drain(..) {
            answers.extend(self.carry_out(effect));
        }
        self.effects = effects;
        for event in answers {
            self.step(event);
        }
    }

    /// The event that answers the effect, if it is done at once.
    fn carry_out(&mut self, effect: Effect) -> Option<Event> {
        match effect {
            Effect::Log(batch) => self.write(batch),
            Effect::Snapshot => self.snapshotter.order(),
            other => {
                let sessions = || self.server.committed_sessions();
                let done = self.member.as_mut()?.carry_out(other, &self.log, sessions);
                return done.unwrap_or_else(|why| {
                    error!("Severe unrecoverable error, exiting: {}", why.what);
                    self.fatal.stop(why.code);
                    None
                });
            }
        }
        None
    }

    fn write(&mut self, batch: LogBatch) {
        if batch.len() > WRITE_HERE_MAX || !self.log.is_idle() || !self.inbox.is_empty() {
            self.log.write_there(batch);
            return;
        }
        match self.log.write_here(batch) {
            Ok(Some(zxid)) => self.inbox.durable(zxid),
            Ok(None) => {}
            Err(e) => log_failed(&self.fatal, &e),
        }
    }
}

//! The server's thread: feeds the pure server with what arrives, and carries its effects out.
//!
//! A selector whose connections only write may do a small batch of that itself ([`Seat`]) while the
//! server's thread has nothing to do: from the request to the reply on one thread, where handing it
//! over and back would cost as much as everything else but the sync. So may the thread of the links
//! between servers with a few packets of another member: a lone write comes to every member twice.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
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
use crate::net::{Clock, HeardUntil, Submit};
use crate::peer::{Effect, Event, LogBatch, Now, Server};
use crate::server::metrics::ServerMetrics;
use crate::server::request::Input;
use crate::storage;
use crate::storage::txnlog::TxnLog;
use crate::zab::LinkId;

/// A batch of at most this many transactions is written on the pipeline's own thread if nothing else
/// waits: then nobody is kept waiting by it.
const WRITE_HERE_MAX: usize = 8;
/// Requests that a selector works off itself: more of them are better prepared while others are synced.
const LENT_MAX: usize = 64;
/// Bytes of another member that the thread of the links works off itself: some twenty proposals.
const LENT_BYTES_MAX: usize = 4096;

/// While the log takes less than this, a selector may wait for it, in microseconds.
const QUICK: u64 = 500;
/// While it takes less than this, the thread of the links may: nobody but the other members waits for it,
/// and they mostly for what it syncs.
const QUICK_FOR_LINKS: u64 = 4_000;

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
    pub(super) seat: Arc<Seat>,
    pub(super) log: TxnLog,
    pub(super) gathering: Gathering,
    pub(super) metrics: Arc<ServerMetrics>,
    pub(super) snapshotter: Snapshotter,
    pub(super) clock: Clock,
    pub(super) heard: HeardUntil,
    /// How often time is to be looked at, in ms.
    pub(super) tick: Millis,
}

/// The place of whoever works for the server: one thread at a time. Requests are taken out of the
/// inbox by who has the seat only, so that they keep their order.
pub(super) struct Seat {
    inbox: Arc<Inbox>,
    fatal: Arc<Fatal>,
    worker: Mutex<Option<Worker>>,
}

impl Seat {
    pub(super) fn new(inbox: &Arc<Inbox>, fatal: &Arc<Fatal>) -> Self {
        let (inbox, fatal) = (Arc::clone(inbox), Arc::clone(fatal));
        Self { inbox, fatal, worker: Mutex::new(None) }
    }

    fn take(&self) -> MutexGuard<'_, Option<Worker>> {
        self.worker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Works the batch off on the calling thread; hands it back if that is not the moment.
    fn lend(&self, batch: Vec<Input>) -> Result<(), Vec<Input>> {
        let Ok(mut seat) = self.worker.try_lock() else { return Err(batch) };
        let requests = batch.len();
        let fits = |worker: &Worker| requests <= LENT_MAX && worker.can_be_lent_to_clients();
        if !seat.as_ref().is_some_and(fits) {
            return Err(batch);
        }
        self.work(&mut seat, Event::Inputs(batch));
        Ok(())
    }

    /// Works off what has come over a connection of the quorum port, on the calling thread; false if
    /// that is not the moment.
    pub(super) fn lend_to_link(&self, link: LinkId, bytes: &[u8]) -> bool {
        if bytes.len() > LENT_BYTES_MAX {
            return false;
        }
        let Ok(mut seat) = self.worker.try_lock() else { return false };
        let may = seat.as_ref().is_some_and(Worker::can_be_lent_to_links);
        if may {
            self.work(&mut seat, Event::Bytes(link, bytes.to_vec()));
        }
        may
    }

    fn work(&self, seat: &mut Option<Worker>, event: Event) {
        self.fatal.guard("a thread that is lent to the pipeline", || {
            if let Some(worker) = seat.as_mut() {
                worker.lent = true;
                worker.step([event]);
                worker.lent = false;
                if let Some(at) = worker.server.deadline() {
                    self.inbox.look_at_time(at);
                }
            }
        });
        if self.fatal.is_stopping() {
            // It may have stopped halfway.
            *seat = None;
        }
    }
}

impl Submit for Seat {
    fn submit(&self, batch: Vec<Input>, spare: bool) -> bool {
        let left = if spare { self.lend(batch) } else { Err(batch) };
        left.map_err(|batch| self.inbox.submit(batch)).is_ok()
    }
}

/// The running thread.
pub(super) struct Pipeline {
    inbox: Arc<Inbox>,
    thread: Option<JoinHandle<()>>,
}

impl Pipeline {
    pub(super) fn start(parts: Parts) -> io::Result<Self> {
        let seat = parts.seat;
        let (inbox, fatal) = (Arc::clone(&seat.inbox), Arc::clone(&seat.fatal));
        let news = LogNews { inbox: Arc::clone(&inbox), fatal: Arc::clone(&fatal) };
        let log = LogDevice::start(
            parts.log,
            parts.gathering,
            Arc::clone(&parts.metrics),
            Arc::new(news),
        )?;
        let mut worker = Worker {
            server: parts.server,
            member: parts.member,
            inbox: Arc::clone(&inbox),
            log,
            snapshotter: parts.snapshotter,
            clock: parts.clock,
            heard: parts.heard,
            fatal: Arc::clone(&fatal),
            effects: parts.effects,
            lent: false,
        };
        let (clock, tick) = (parts.clock, parts.tick);
        let body = move || {
            worker.carry_out_all();
            *seat.take() = Some(worker);
            run(&seat, clock, tick);
        };
        let thread = thread::Builder::new()
            .name("ProcessThread".to_owned())
            .spawn(move || fatal.guard("the pipeline", body))?;
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

/// The body of the server's thread.
fn run(seat: &Seat, clock: Clock, tick: Millis) {
    let mut next_tick = clock.now() + tick;
    let mut wake_at = next_tick;
    loop {
        seat.inbox.wait(wake_at, clock);
        let mut taken = seat.take();
        let Some(worker) = taken.as_mut() else { break };
        let arrivals = seat.inbox.take();
        let stop = arrivals.stop;
        worker.take_in(arrivals);
        if clock.now() >= wake_at {
            worker.step([Event::Tick { heard_until: worker.heard.get() }]);
        }
        if clock.now() >= next_tick {
            next_tick = clock.now() + tick;
        }
        wake_at = worker.server.deadline().map_or(next_tick, |at| at.min(next_tick));
        if stop {
            worker.finish(tick);
            *taken = None;
            break;
        }
    }
    info!("PrepRequestProcessor exited loop!");
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
    effects: Vec<Effect>,
    /// It works on a thread that was lent: a selector's, or that of the links between servers.
    lent: bool,
}

impl Worker {
    /// Whether something can be worked off before all others that wait. While an ensemble forms, files
    /// are written and read that a thread on which others depend must not wait for.
    fn can_be_lent(&self) -> bool {
        self.server.is_settled() && self.inbox.is_empty()
    }

    /// Requests of a selector's clients: what a learner asks its leader takes no time at all.
    fn can_be_lent_to_clients(&self) -> bool {
        let is_fast = || self.server.is_idle() && self.log.is_idle() && self.log.is_quick(QUICK);
        self.can_be_lent() && (self.server.asks_leader() || is_fast())
    }

    fn can_be_lent_to_links(&self) -> bool {
        self.can_be_lent() && self.log.is_idle() && self.log.is_quick(QUICK_FOR_LINKS)
    }

    /// What was logged before the end is applied before the end, for the clients that still wait.
    fn finish(&mut self, tick: Millis) {
        while !self.server.is_idle() && !self.fatal.is_stopping() {
            self.inbox.wait(self.clock.now() + tick, self.clock);
            let arrivals = self.inbox.take();
            self.take_in(arrivals);
        }
        self.inbox.close();
    }

    fn take_in(&mut self, arrivals: Arrivals) {
        let Arrivals { inputs, durable, events, queries, .. } = arrivals;
        let inputs = Some(inputs).filter(|inputs| !inputs.is_empty());
        let bytes =
            |event: &Event| if let Event::Bytes(_, bytes) = event { bytes.len() } else { 0 };
        let taken: usize = events.iter().map(bytes).sum();
        let own = durable.map(Event::Durable).into_iter().chain(inputs.map(Event::Inputs));
        self.step(own.chain(events));
        if let Some(member) = self.member.as_ref().filter(|_| taken > 0) {
            member.taken(taken);
        }
        for query in queries {
            query(&self.server);
        }
    }

    fn step(&mut self, events: impl IntoIterator<Item = Event>) {
        let now = Now { mono: self.clock.now(), wall: self.clock.wall() };
        self.server.step(now, events, &mut self.effects);
        self.carry_out_all();
    }

    fn carry_out_all(&mut self) {
        let mut effects = std::mem::take(&mut self.effects);
        let mut answers = Vec::new();
        for effect in effects.drain(..) {
            answers.extend(self.carry_out(effect));
        }
        self.effects = effects;
        if !answers.is_empty() {
            self.step(answers);
        }
    }

    /// The event that answers the effect, if it is done at once.
    fn carry_out(&mut self, effect: Effect) -> Option<Event> {
        match effect {
            Effect::Log(batch) => return self.write(batch),
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

    fn write(&mut self, batch: LogBatch) -> Option<Event> {
        let here_max = if self.lent { LENT_MAX } else { WRITE_HERE_MAX };
        let is_idle = self.log.is_idle();
        let written = if batch.may_wait && is_idle {
            self.log.write_unsynced(&batch).map(|()| None)
        } else if batch.len() <= here_max && is_idle && self.inbox.is_empty() {
            self.log.write_here(batch)
        } else {
            self.log.write_there(batch);
            Ok(None)
        };
        match written {
            Ok(durable) => durable.map(Event::Durable),
            Err(e) => {
                log_failed(&self.fatal, &e);
                None
            }
        }
    }
}

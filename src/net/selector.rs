//! A selector thread: waits for its connections' sockets and gives each that is ready a turn, by itself
//! or through the worker pool. One connection belongs to one selector for life.
//!
//! A round is: sleep; note who is ready; take what was left in the inbox; one turn for each who is
//! ready; one batch to the pipeline; what is due by the clock.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::time::Duration;

use mio::event::Event;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token, Waker};

use super::conn::{Conn, Outcome, Scratch, Signals};
use super::heard::Heard;
use super::inbox::{Inbox, Letters, Returned};
use super::pool::Pool;
use super::slab::{Place, Slab, slot_of};
use super::timers::Timers;
use super::{Env, socket};
use crate::ids::{ConnId, Millis};
use crate::server::conn::Mailbox;

/// The longest sleep: sessions are expired only up to the last time a selector was awake.
const SLEEP: Duration = Duration::from_millis(250);
/// The token of the inbox; the others are slots.
const INBOX: Token = Token(usize::MAX);
/// How many ready sockets are taken at once, to begin with.
const EVENTS: usize = 1024;
/// A selector that has had only writes in so many rounds keeps nobody waiting while it works one off.
const ROUNDS_TO_SPARE: u32 = 16;

/// The state of a selector thread.
pub(super) struct Selector {
    env: Arc<Env>,
    poll: Poll,
    events: Events,
    capacity: usize,
    inbox: Arc<Inbox>,
    letters: Letters,
    pool: Option<Arc<Pool>>,
    slab: Slab,
    /// Who gets a turn in the next round, and who does in this one.
    ready: Vec<u32>,
    turning: Vec<u32>,
    scratch: Scratch,
    heard: Heard,
    timers: Timers,
    /// Rounds since someone was answered here.
    rounds_of_writes: u32,
}

impl Selector {
    pub(super) fn new(
        number: u8,
        env: &Arc<Env>,
        pool: Option<Arc<Pool>>,
        heard: Arc<AtomicI64>,
    ) -> io::Result<Self> {
        let poll = Poll::new()?;
        let inbox = Arc::new(Inbox::new(Waker::new(poll.registry(), INBOX)?));
        Ok(Self {
            env: Arc::clone(env),
            poll,
            events: Events::with_capacity(EVENTS),
            capacity: EVENTS,
            inbox,
            letters: Letters::default(),
            pool,
            slab: Slab::new(number),
            ready: Vec::new(),
            turning: Vec::new(),
            scratch: Scratch::new(),
            heard: Heard::new(heard),
            timers: Timers::new(env.settings.sessionless_timeout),
            rounds_of_writes: 0,
        })
    }

    pub(super) fn inbox(&self) -> Arc<Inbox> {
        Arc::clone(&self.inbox)
    }

    /// The thread's body.
    pub(super) fn run(mut self) {
        while !self.env.is_stopping() {
            let polled = self.env.clock.now();
            self.sleep();
            let now = self.env.clock.now();
            let saw_all = self.note_events();
            self.take_letters(now);
            self.give_turns(now);
            self.submit(now);
            if saw_all {
                self.heard.all_had_turns(polled);
            }
            self.keep_time(now);
        }
        self.stop();
        log::info!("selector thread exited run method");
    }

    fn sleep(&mut self) {
        let nothing_left = self.inbox.doze();
        let awaited = nothing_left && self.ready.is_empty();
        let timeout = if awaited { SLEEP } else { Duration::ZERO };
        if let Err(e) = self.poll.poll(&mut self.events, Some(timeout))
            && e.kind() != io::ErrorKind::Interrupted
        {
            log::error!("selector cannot wait for its sockets: {e}");
            std::thread::sleep(Duration::from_millis(10));
        }
        self.inbox.rouse();
    }

    /// Notes what the kernel said. False if it may have had more to say: then there is room for it
    /// next time.
    fn note_events(&mut self) -> bool {
        let mut seen = 0;
        for event in &self.events {
            seen += 1;
            if event.token() != INBOX {
                let slot = event.token().0 as u32;
                signal(&mut self.slab, &mut self.ready, slot, signals_of(event));
            }
        }
        if seen < self.capacity {
            return true;
        }
        self.capacity *= 2;
        self.events = Events::with_capacity(self.capacity);
        false
    }

    fn take_letters(&mut self, now: Millis) {
        let mut letters = std::mem::take(&mut self.letters);
        self.inbox.take(&mut letters);
        for (socket, remote) in letters.accepted.drain(..) {
            self.accept(socket, remote, now);
        }
        for returned in letters.returned.drain(..) {
            self.take_back(returned, now);
        }
        for id in letters.marks.drain(..) {
            self.signal_conn(id, Signals { marked: true, ..Signals::default() });
        }
        self.letters = letters;
    }

    fn signal_conn(&mut self, id: ConnId, signals: Signals) {
        if let Some(slot) = self.slab.find(id) {
            signal(&mut self.slab, &mut self.ready, slot, signals);
        }
    }

    fn accept(&mut self, mut socket: TcpStream, remote: SocketAddr, now: Millis) {
        let Some((slot, id)) = self.slab.reserve() else {
            log::error!("no id left for a connection from {remote}");
            return self.refuse(socket, remote);
        };
        let interest = Interest::READABLE | Interest::WRITABLE;
        let registered = socket::prepare(&socket, self.env.settings.keep_alive).and_then(|()| {
            self.poll.registry().register(&mut socket, Token(slot as usize), interest)
        });
        if let Err(e) = registered {
            log::warn!("cannot serve a connection from {remote}: {e}");
            self.slab.free(slot);
            return self.refuse(socket, remote);
        }
        let mailbox: Arc<dyn Mailbox> = Arc::<Inbox>::clone(&self.inbox);
        let client = self.env.welcome(id, remote, mailbox);
        *self.slab.place(slot) = Place::Here(Box::new(Conn::new(client, socket, now)));
        self.timers.expect_session(id, now);
    }

    fn refuse(&self, socket: TcpStream, remote: SocketAddr) {
        self.env.limits.release(remote.ip());
        socket::reset(socket);
    }

    fn take_back(&mut self, Returned { mut conn, outcome }: Returned, now: Millis) {
        self.heard.back(conn.epoch);
        let slot = slot_of(conn.shared.id);
        let place = self.slab.place(slot);
        if let Place::Away(signals) = place {
            conn.signals.merge(*signals);
        }
        let signalled = conn.signals.any();
        *place = Place::Here(conn);
        self.after_turn(slot, outcome, now);
        if signalled && outcome == Outcome::Wait {
            signal(&mut self.slab, &mut self.ready, slot, Signals::default());
        }
    }

    fn give_turns(&mut self, now: Millis) {
        std::mem::swap(&mut self.ready, &mut self.turning);
        let mut turning = std::mem::take(&mut self.turning);
        for slot in turning.drain(..) {
            self.give_turn(slot, now);
        }
        self.turning = turning;
    }

    fn give_turn(&mut self, slot: u32, now: Millis) {
        let Some(conn) = self.slab.here(slot) else { return };
        conn.queued = false;
        if self.pool.is_some() {
            return self.send_away(slot);
        }
        let outcome = conn.safe_turn(&self.env, &mut self.scratch, now);
        self.after_turn(slot, outcome, now);
    }

    /// Sends the round's writes on their way; if they are done at once their replies go out now.
    fn submit(&mut self, now: Millis) {
        let answered = std::mem::take(&mut self.scratch.answered);
        self.rounds_of_writes = if answered { 0 } else { self.rounds_of_writes.saturating_add(1) };
        let spare = self.rounds_of_writes > ROUNDS_TO_SPARE;
        if self.env.submit(&mut self.scratch.batch, spare) {
            self.take_letters(now);
            self.give_turns(now);
        }
    }

    fn send_away(&mut self, slot: u32) {
        let place = self.slab.place(slot);
        let Place::Here(mut conn) = std::mem::replace(place, Place::Away(Signals::default()))
        else {
            return;
        };
        conn.epoch = self.heard.sent();
        if let Some(pool) = &self.pool {
            pool.give(conn, &self.inbox);
        }
    }

    fn after_turn(&mut self, slot: u32, outcome: Outcome, now: Millis) {
        let Some(conn) = self.slab.here(slot) else { return };
        if outcome == Outcome::Gone {
            self.env.limits.release(conn.shared.remote.ip());
            return self.slab.free(slot);
        }
        if conn.is_leaving() && !conn.timed {
            conn.timed = true;
            self.timers.expect_end(conn.shared.id, now);
        }
        if conn.is_large() && !conn.fat {
            conn.fat = true;
            self.timers.fat.push(conn.shared.id);
        }
        if outcome == Outcome::Again {
            signal(&mut self.slab, &mut self.ready, slot, Signals::default());
        }
    }

    fn keep_time(&mut self, now: Millis) {
        while let Some((id, sessionless)) = self.timers.due(now) {
            let Some(slot) = self.slab.find(id) else { continue };
            let serves = self
                .slab
                .here(slot)
                .is_some_and(|c| c.shared.session().is_some() && !c.is_leaving());
            if sessionless && serves {
                continue;
            }
            if sessionless {
                self.timers.expect_session(id, now);
            }
            let expired = Signals { expired: true, ..Signals::default() };
            signal(&mut self.slab, &mut self.ready, slot, expired);
        }
        if let Some(since) = self.timers.sweep(now) {
            self.slim(since);
        }
    }

    /// Takes large buffers from connections that had no turn since then.
    fn slim(&mut self, since: Millis) {
        let mut fat = std::mem::take(&mut self.timers.fat);
        fat.retain(|id| {
            let Some(slot) = self.slab.find(*id) else { return false };
            match self.slab.here(slot) {
                Some(conn) if conn.touched <= since => {
                    conn.slim();
                    conn.fat = false;
                    false
                }
                _ => true,
            }
        });
        self.timers.fat = fat;
    }

    /// Ends all connections, those too that workers still have; for them it waits a while.
    fn stop(&mut self) {
        let deadline = self.env.clock.now() + self.env.settings.shutdown_timeout;
        let stopped = Signals { stopped: true, ..Signals::default() };
        loop {
            let now = self.env.clock.now();
            self.take_letters(now);
            for slot in self.slab.taken() {
                if let Some(conn) = self.slab.here(slot) {
                    conn.signals.merge(stopped);
                    let outcome = conn.safe_turn(&self.env, &mut self.scratch, now);
                    self.after_turn(slot, outcome, now);
                }
            }
            self.env.submit(&mut self.scratch.batch, false);
            if self.slab.taken().is_empty() || now >= deadline {
                return;
            }
            self.sleep();
        }
    }
}

/// Notes that something has come up for the connection in a slot, and that it is to have a turn.
fn signal(slab: &mut Slab, ready: &mut Vec<u32>, slot: u32, signals: Signals) {
    match slab.place(slot) {
        Place::Here(conn) => {
            conn.signals.merge(signals);
            if !conn.queued {
                conn.queued = true;
                ready.push(slot);
            }
        }
        Place::Away(pending) => pending.merge(signals),
        Place::Free => {}
    }
}

fn signals_of(event: &Event) -> Signals {
    Signals {
        readable: event.is_readable(),
        writable: event.is_writable(),
        ended: event.is_read_closed(),
        broken: event.is_error() || (event.is_read_closed() && event.is_write_closed()),
        ..Signals::default()
    }
}

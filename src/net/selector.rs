//! A selector thread: waits for its connections' sockets and gives each that is ready a turn, by itself
//! or through the worker pool. One connection belongs to one selector for life.
//!
//! A round is: sleep; note who is ready; take what was left in the inbox; one turn for each who is
//! ready; one batch to the pipeline; what is due by the clock. All but the sleep and the note is
//! [`Turns`]', which are locked for a round.

use std::io;
use std::sync::atomic::AtomicI64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use mio::event::Event;
use mio::{Events, Poll, Token, Waker};

use super::Env;
use super::conn::Signals;
use super::inbox::Inbox;
use super::pool::Pool;
use super::turns::Turns;
use crate::ids::Millis;

/// The longest sleep: sessions are expired only up to the last time a selector was awake.
const SLEEP: Duration = Duration::from_millis(250);
/// The token of the inbox; the others are slots.
const INBOX: Token = Token(usize::MAX);
/// How many ready sockets are taken at once, to begin with.
const EVENTS: usize = 1024;

/// The state of a selector thread.
pub(super) struct Selector {
    env: Arc<Env>,
    poll: Poll,
    events: Events,
    capacity: usize,
    inbox: Arc<Inbox>,
    turns: Arc<Mutex<Turns>>,
}

impl Selector {
    pub(super) fn new(
        number: u8,
        env: &Arc<Env>,
        pool: Option<Arc<Pool>>,
        heard: Arc<AtomicI64>,
    ) -> io::Result<Self> {
        let poll = Poll::new()?;
        let waker = Waker::new(poll.registry(), INBOX)?;
        let registry = poll.registry().try_clone()?;
        let turns = Arc::new_cyclic(|turns| {
            let inbox = Arc::new(Inbox::new(waker, Weak::clone(turns)));
            Mutex::new(Turns::new(number, env, registry, inbox, pool, heard))
        });
        let inbox = lock(&turns).inbox();
        Ok(Self {
            env: Arc::clone(env),
            poll,
            events: Events::with_capacity(EVENTS),
            capacity: EVENTS,
            inbox,
            turns,
        })
    }

    pub(super) fn inbox(&self) -> Arc<Inbox> {
        Arc::clone(&self.inbox)
    }

    /// The thread's body.
    pub(super) fn run(mut self) {
        let mut may_sleep = true;
        while !self.env.is_stopping() {
            let polled = self.env.clock.now();
            self.sleep(may_sleep);
            may_sleep = self.round(polled);
        }
        self.stop();
        log::info!("selector thread exited run method");
    }

    fn sleep(&mut self, may_sleep: bool) {
        let nothing_left = self.inbox.doze();
        let timeout = if nothing_left && may_sleep { SLEEP } else { Duration::ZERO };
        if let Err(e) = self.poll.poll(&mut self.events, Some(timeout))
            && e.kind() != io::ErrorKind::Interrupted
        {
            log::error!("selector cannot wait for its sockets: {e}");
            std::thread::sleep(Duration::from_millis(10));
        }
        self.inbox.rouse();
    }

    /// True if nobody could go on at once.
    fn round(&mut self, polled: Millis) -> bool {
        let now = self.env.clock.now();
        let mut turns = lock(&self.turns);
        let mut seen = 0;
        for event in &self.events {
            seen += 1;
            if event.token() != INBOX {
                turns.signal(event.token().0 as u32, signals_of(event));
            }
        }
        let saw_all = seen < self.capacity;
        turns.round(now, saw_all.then_some(polled));
        let idle = turns.is_idle();
        drop(turns);
        if !saw_all {
            self.capacity *= 2;
            self.events = Events::with_capacity(self.capacity);
        }
        idle
    }

    /// Ends all connections, those too that workers still have; for them it waits a while.
    fn stop(&mut self) {
        let deadline = self.env.clock.now() + self.env.settings.shutdown_timeout;
        loop {
            let now = self.env.clock.now();
            let none_left = lock(&self.turns).end_all(now);
            if none_left || now >= deadline {
                return;
            }
            self.sleep(true);
        }
    }
}

fn lock(turns: &Mutex<Turns>) -> MutexGuard<'_, Turns> {
    turns.lock().unwrap_or_else(PoisonError::into_inner)
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

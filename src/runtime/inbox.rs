//! What waits for the thread that owns the server.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::ids::{Millis, Zxid};
use crate::net::Clock;
use crate::peer::{Event, Server};
use crate::server::request::Input;
use crate::zab::LinkId;

/// A question that only the server's thread can answer.
pub(super) type Query = Box<dyn FnOnce(&Server) + Send>;

/// Everything that arrived since the server was looked at last.
#[derive(Default)]
pub(super) struct Arrivals {
    pub(super) inputs: Vec<Input>,
    pub(super) durable: Option<Zxid>,
    /// What comes from other servers, in its order.
    pub(super) events: Vec<Event>,
    pub(super) queries: Vec<Query>,
    pub(super) stop: bool,
}

impl Arrivals {
    fn is_empty(&self) -> bool {
        self.inputs.is_empty()
            && self.durable.is_none()
            && self.events.is_empty()
            && self.queries.is_empty()
            && !self.stop
    }
}

#[derive(Default)]
struct State {
    arrivals: Arrivals,
    /// Until when the server's thread sleeps, if it does; whoever brings something wakes it.
    asleep_until: Option<Millis>,
    /// When it is to look at the time at the latest, if that was said while it was awake.
    look_at: Option<Millis>,
    /// The server's thread has ended: whoever asks it something gets no answer.
    closed: bool,
}

/// The way to the server's thread.
#[derive(Default)]
pub(super) struct Inbox {
    state: Mutex<State>,
    arrived: Condvar,
}

impl Inbox {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn bring(&self, put: impl FnOnce(&mut Arrivals)) {
        let mut state = self.lock();
        if state.closed {
            return;
        }
        put(&mut state.arrivals);
        self.wake(state);
    }

    fn wake(&self, mut state: MutexGuard<'_, State>) {
        if state.asleep_until.take().is_some() {
            drop(state);
            self.arrived.notify_one();
        }
    }

    /// The server is to look at the time at `at`: its thread must not sleep for longer.
    pub(super) fn look_at_time(&self, at: Millis) {
        let mut state = self.lock();
        match state.asleep_until {
            None => state.look_at = Some(state.look_at.map_or(at, |sooner| sooner.min(at))),
            Some(until) if at < until => self.wake(state),
            Some(_) => {}
        }
    }

    /// The log is durable up to `zxid`.
    pub(super) fn durable(&self, zxid: Zxid) {
        self.bring(|arrivals| arrivals.durable = arrivals.durable.max(Some(zxid)));
    }

    /// Something else happened.
    pub(super) fn tell(&self, event: Event) {
        self.bring(|arrivals| arrivals.events.push(event));
    }

    /// Bytes came over a connection of the quorum port. Those that wait already are of one piece with
    /// them: the more the server takes at once, the fewer locks, writes and syncs they cost it.
    pub(super) fn bytes(&self, link: LinkId, bytes: &[u8]) {
        self.bring(|arrivals| {
            for event in arrivals.events.iter_mut().rev() {
                match event {
                    Event::Bytes(known, waiting) if *known == link => {
                        return waiting.extend_from_slice(bytes);
                    }
                    Event::Bytes(..) => {}
                    _ => break,
                }
            }
            arrivals.events.push(Event::Bytes(link, bytes.to_vec()));
        });
    }

    /// Asks the server's thread.
    pub(super) fn query(&self, query: Query) {
        self.bring(|arrivals| arrivals.queries.push(query));
    }

    /// Ends the server's thread.
    pub(super) fn stop(&self) {
        self.bring(|arrivals| arrivals.stop = true);
    }

    /// Nothing is taken any more; what waits is dropped, and with it the hope for an answer.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.arrivals = Arrivals::default();
    }

    /// Whether anything waits.
    pub(super) fn is_empty(&self) -> bool {
        self.lock().arrivals.is_empty()
    }

    /// Waits up to `until` for something to arrive, or for a reason to look at the time before.
    pub(super) fn wait(&self, until: Millis, clock: Clock) {
        let mut state = self.lock();
        let until = state.look_at.take().map_or(until, |at| at.min(until));
        let timeout = Duration::from_millis((until - clock.now()).max(0).unsigned_abs());
        if state.arrivals.is_empty() && !timeout.is_zero() {
            state.asleep_until = Some(until);
            state = self
                .arrived
                .wait_timeout_while(state, timeout, |state| state.asleep_until.is_some())
                .unwrap_or_else(PoisonError::into_inner)
                .0;
            state.asleep_until = None;
        }
    }

    /// What has arrived.
    pub(super) fn take(&self) -> Arrivals {
        std::mem::take(&mut self.lock().arrivals)
    }

    /// Requests of clients.
    pub(super) fn submit(&self, mut batch: Vec<Input>) {
        self.bring(|arrivals| {
            if arrivals.inputs.is_empty() {
                arrivals.inputs = batch;
            } else {
                arrivals.inputs.append(&mut batch);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn a_thread_that_is_to_look_at_the_time_sleeps_no_longer() {
        let (inbox, clock) = (Arc::new(Inbox::default()), Clock::start());
        let hour = clock.now() + 3_600_000;
        // Said while it is awake.
        inbox.look_at_time(clock.now() + 20);
        inbox.wait(hour, clock);
        // Said while it sleeps.
        let theirs = Arc::clone(&inbox);
        let sleeper = std::thread::spawn(move || theirs.wait(hour, clock));
        while inbox.lock().asleep_until.is_none() {
            std::thread::yield_now();
        }
        inbox.look_at_time(hour + 1);
        assert!(inbox.lock().asleep_until.is_some(), "it is awake by then anyway");
        inbox.look_at_time(hour - 1);
        sleeper.join().unwrap();
    }
}

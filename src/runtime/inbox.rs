//! What waits for the thread that owns the server.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::ids::{Millis, Zxid};
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
    /// The server's thread sleeps; whoever brings something wakes it.
    asleep: bool,
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
        if state.asleep {
            state.asleep = false;
            drop(state);
            self.arrived.notify_one();
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

    /// Waits up to `timeout` for something to arrive.
    pub(super) fn wait(&self, timeout: Millis) {
        let timeout = Duration::from_millis(timeout.max(0).unsigned_abs());
        let mut state = self.lock();
        if state.arrivals.is_empty() && !timeout.is_zero() {
            state.asleep = true;
            state = self
                .arrived
                .wait_timeout_while(state, timeout, |state| state.arrivals.is_empty())
                .unwrap_or_else(PoisonError::into_inner)
                .0;
            state.asleep = false;
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

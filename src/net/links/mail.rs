//! What other threads leave for the links' thread: orders, and bytes to be written.

use std::collections::HashMap;
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mio::Waker;
use mio::net::TcpStream;

use super::resolver::Found;
use super::{Chunk, Connect, Order};
use crate::zab::LinkId;

/// What was left since the thread last looked.
#[derive(Debug)]
pub(super) enum Letter {
    Connect(Connect),
    /// A name was looked up.
    Found(Found),
    /// There is something to be written.
    Output(LinkId),
    /// More waits to be written than may.
    Overflow(LinkId, usize),
    Close(LinkId),
    CloseNow(LinkId),
    Resume(LinkId),
    Know(LinkId),
}

/// What waits to be written to an open link.
#[derive(Debug)]
struct Outbox {
    socket: Arc<TcpStream>,
    /// What the thread has not fetched yet.
    queue: Vec<Chunk>,
    /// Bytes that the kernel has not taken, fetched or not.
    pending: usize,
    max_pending: usize,
    /// A letter says that the queue is to be fetched.
    noted: bool,
    /// Somebody writes to the socket without the thread; nothing may be fetched meanwhile.
    direct: bool,
    /// Nothing more is taken.
    closing: bool,
}

#[derive(Default)]
struct State {
    letters: Vec<Letter>,
    outboxes: HashMap<LinkId, Outbox>,
    /// Writers that wait for room.
    waiting: usize,
}

/// The way to the links' thread. As in [`crate::net`]'s inbox only the first letter to a thread that
/// sleeps pays for a wake-up: the writer queues, then reads the flag; the thread clears the flag, then
/// reads the queue; so one of the two sees the other.
pub(super) struct Mail {
    state: Mutex<State>,
    drained: Condvar,
    awake: AtomicBool,
    stopping: AtomicBool,
    waker: Waker,
}

/// Where a link stands, for one who wants to write to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Room {
    Gone,
    Pending(usize),
}

impl Mail {
    pub(super) fn new(waker: Waker) -> Self {
        Self {
            state: Mutex::default(),
            drained: Condvar::new(),
            awake: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
            waker,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(&self) {
        if !self.awake.swap(true, SeqCst)
            && let Err(e) = self.waker.wake()
        {
            log::error!("cannot wake the thread of the links between servers: {e}");
        }
    }

    pub(super) fn send(&self, orders: impl IntoIterator<Item = Order>) {
        if self.is_stopping() {
            return;
        }
        let mut state = self.lock();
        for order in orders {
            state.take(order);
        }
        let any = !state.letters.is_empty();
        drop(state);
        if any {
            self.wake();
        }
    }

    pub(super) fn found(&self, found: Found) {
        self.lock().letters.push(Letter::Found(found));
        self.wake();
    }

    /// The thread is about to sleep. False if it must not, for there are letters, or it is to end.
    pub(super) fn doze(&self) -> bool {
        self.awake.store(false, SeqCst);
        self.lock().letters.is_empty() && !self.is_stopping()
    }

    /// The thread is up.
    pub(super) fn rouse(&self) {
        self.awake.store(true, SeqCst);
    }

    /// Takes the letters; the empty vector of `into` stays behind.
    pub(super) fn take(&self, into: &mut Vec<Letter>) {
        std::mem::swap(&mut self.lock().letters, into);
    }

    /// Opens a link for writing.
    pub(super) fn open(&self, link: LinkId, socket: Arc<TcpStream>, max_pending: usize) {
        let outbox = Outbox {
            socket,
            queue: Vec::new(),
            pending: 0,
            max_pending,
            noted: false,
            direct: false,
            closing: false,
        };
        self.lock().outboxes.insert(link, outbox);
    }

    /// Writes to `link` on the calling thread, as much as the kernel takes; the rest, or all where
    /// something waits already, is left for the thread of the links.
    pub(super) fn write_now(&self, link: LinkId, bytes: Vec<u8>) {
        if self.is_stopping() {
            return;
        }
        let Some(socket) = self.lock().begin_direct(link, bytes.len()) else {
            return self.send([Order::Write { link, bytes: bytes.into() }]);
        };
        // What is wrong with the socket the thread finds out when it tries.
        let n = (&*socket).write(&bytes).unwrap_or(0);
        let mut state = self.lock();
        let any = state.end_direct(link, bytes, n);
        self.tell_writers(&state);
        drop(state);
        if any {
            self.wake();
        }
    }

    /// A link is gone: what waits is dropped, and so is what will be written.
    pub(super) fn forget(&self, link: LinkId) {
        let mut state = self.lock();
        state.outboxes.remove(&link);
        self.tell_writers(&state);
    }

    /// Fetches what is to be written to `link`.
    pub(super) fn fetch(&self, link: LinkId, into: &mut impl Extend<Chunk>) {
        if let Some(outbox) = self.lock().outboxes.get_mut(&link)
            && !outbox.direct
        {
            outbox.noted = false;
            into.extend(outbox.queue.drain(..));
        }
    }

    /// The kernel took `n` bytes; true if it has them all now.
    pub(super) fn taken(&self, link: LinkId, n: usize) -> bool {
        let mut state = self.lock();
        let Some(outbox) = state.outboxes.get_mut(&link) else { return false };
        outbox.pending = outbox.pending.saturating_sub(n);
        let is_flushed = outbox.pending == 0;
        self.tell_writers(&state);
        is_flushed
    }

    fn tell_writers(&self, state: &State) {
        if state.waiting > 0 {
            self.drained.notify_all();
        }
    }

    pub(super) fn pending(&self, link: LinkId) -> Option<usize> {
        match self.lock().room(link) {
            Room::Pending(n) => Some(n),
            Room::Gone => None,
        }
    }

    /// Waits until less than `below` bytes wait in `link`, it is gone, or it has taken nothing for
    /// `patience`; says how it stands then.
    pub(super) fn wait_for_room(&self, link: LinkId, below: usize, patience: Duration) -> Room {
        let mut state = self.lock();
        loop {
            let found = match state.room(link) {
                Room::Pending(n) if n >= below => n,
                room => return room,
            };
            state.waiting += 1;
            let stalled = |state: &mut State| state.room(link) == Room::Pending(found);
            let (back, wait) = self
                .drained
                .wait_timeout_while(state, patience, stalled)
                .unwrap_or_else(PoisonError::into_inner);
            state = back;
            state.waiting -= 1;
            if wait.timed_out() {
                return state.room(link);
            }
        }
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.load(SeqCst)
    }

    pub(super) fn stop(&self) {
        self.stopping.store(true, SeqCst);
        self.wake();
    }
}

impl State {
    fn take(&mut self, order: Order) {
        let letter = match order {
            Order::Write { link, bytes } => return self.write(link, bytes),
            Order::Connect(connect) => Letter::Connect(connect),
            Order::Close(link) => {
                let Some(outbox) = self.outboxes.get_mut(&link) else { return };
                outbox.closing = true;
                Letter::Close(link)
            }
            Order::CloseNow(link) => Letter::CloseNow(link),
            Order::Resume(link) => Letter::Resume(link),
            Order::Know(link) => Letter::Know(link),
        };
        self.letters.push(letter);
    }

    fn write(&mut self, link: LinkId, bytes: Chunk) {
        let Some(outbox) = self.outboxes.get_mut(&link) else { return };
        if outbox.closing || bytes.is_empty() {
            return;
        }
        if outbox.pending >= outbox.max_pending {
            let pending = outbox.pending;
            self.outboxes.remove(&link);
            return self.letters.push(Letter::Overflow(link, pending));
        }
        outbox.pending += bytes.len();
        outbox.queue.push(bytes);
        if !outbox.noted {
            outbox.noted = true;
            self.letters.push(Letter::Output(link));
        }
    }

    /// The socket of a link to which nothing waits to be written; it is the caller's until
    /// [`State::end_direct`].
    fn begin_direct(&mut self, link: LinkId, len: usize) -> Option<Arc<TcpStream>> {
        let outbox = self.outboxes.get_mut(&link)?;
        if outbox.closing || outbox.pending > 0 || len == 0 {
            return None;
        }
        outbox.pending = len;
        outbox.direct = true;
        Some(Arc::clone(&outbox.socket))
    }

    /// The kernel took `n` of the bytes; true if there is something left for the thread.
    fn end_direct(&mut self, link: LinkId, mut bytes: Vec<u8>, n: usize) -> bool {
        let Some(outbox) = self.outboxes.get_mut(&link) else { return false };
        outbox.direct = false;
        outbox.pending = outbox.pending.saturating_sub(n);
        if n < bytes.len() {
            bytes.drain(..n);
            outbox.queue.insert(0, bytes.into());
        }
        if outbox.queue.is_empty() {
            return false;
        }
        outbox.noted = true;
        self.letters.push(Letter::Output(link));
        true
    }

    fn room(&self, link: LinkId) -> Room {
        match self.outboxes.get(&link) {
            Some(outbox) if !outbox.closing => Room::Pending(outbox.pending),
            _ => Room::Gone,
        }
    }
}

#[cfg(test)]
mod tests {
    use mio::{Poll, Token};

    use super::*;

    #[test]
    fn a_thread_that_is_to_end_does_not_go_to_sleep_first() {
        let poll = Poll::new().unwrap();
        let mail = Mail::new(Waker::new(poll.registry(), Token(0)).unwrap());
        assert!(mail.doze());
        mail.rouse();
        // It is awake: nobody wakes it.
        mail.stop();
        assert!(!mail.doze());
    }
}

//! What other threads leave for a selector, and how they wake it: accepted sockets, connections whose
//! output grew, connections that a worker is done with.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Mutex, MutexGuard, PoisonError, Weak};

use mio::Waker;
use mio::net::TcpStream;

use super::conn::{Conn, Outcome};
use super::turns::Turns;
use crate::ids::ConnId;
use crate::server::conn::Mailbox;

/// A connection on its way back from a worker.
pub(super) struct Returned {
    pub(super) conn: Box<Conn>,
    pub(super) outcome: Outcome,
}

/// What was left since the selector last looked.
#[derive(Default)]
pub(super) struct Letters {
    pub(super) accepted: Vec<(TcpStream, SocketAddr)>,
    pub(super) marks: Vec<ConnId>,
    pub(super) returned: Vec<Returned>,
}

impl Letters {
    fn is_empty(&self) -> bool {
        self.accepted.is_empty() && self.marks.is_empty() && self.returned.is_empty()
    }
}

/// One selector's inbox.
///
/// A wake-up is a system call, so only the first letter after the selector went to sleep pays for one:
/// the selector says `doze`, looks once more, sleeps, and says `rouse`; a letter that is left in
/// between finds it awake and trusts it to look again. The order of the flag and the queue is what
/// makes that safe: the writer queues, then reads the flag; the selector clears the flag, then reads
/// the queue; so one of the two sees the other.
pub(super) struct Inbox {
    letters: Mutex<Letters>,
    awake: AtomicBool,
    waker: Waker,
    turns: Weak<Mutex<Turns>>,
}

impl Inbox {
    /// Whoever leaves a letter that is worth it may do the selector's work, `turns`, while that sleeps.
    pub(super) fn new(waker: Waker, turns: Weak<Mutex<Turns>>) -> Self {
        Self { letters: Mutex::default(), awake: AtomicBool::new(false), waker, turns }
    }

    fn lock(&self) -> MutexGuard<'_, Letters> {
        self.letters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the selector look, if it is not about to anyway.
    pub(super) fn wake(&self) {
        if !self.awake.swap(true, SeqCst) {
            self.end_sleep();
        }
    }

    fn end_sleep(&self) {
        if let Err(e) = self.waker.wake() {
            log::error!("cannot wake a selector thread: {e}");
        }
    }

    /// Does the selector's work on the calling thread. False if it must be woken.
    fn lend(&self) -> bool {
        let Some(turns) = self.turns.upgrade() else { return false };
        turns.try_lock().is_ok_and(|mut turns| turns.lend())
    }

    /// Leaves an accepted socket.
    pub(super) fn accepted(&self, socket: TcpStream, remote: SocketAddr) {
        self.lock().accepted.push((socket, remote));
        self.wake();
    }

    /// Leaves a connection that a worker has had its turn with.
    pub(super) fn returned(&self, returned: Returned) {
        self.lock().returned.push(returned);
        self.wake();
    }

    /// The selector is about to sleep. False if it must not, for there are letters.
    pub(super) fn doze(&self) -> bool {
        self.awake.store(false, SeqCst);
        self.lock().is_empty()
    }

    /// The selector is up.
    pub(super) fn rouse(&self) {
        self.awake.store(true, SeqCst);
    }

    /// Takes what is there. The empty queues of `into` stay behind, so that neither side allocates.
    pub(super) fn take(&self, into: &mut Letters) {
        std::mem::swap(&mut *self.lock(), into);
    }
}

impl Mailbox for Inbox {
    fn mark(&self, conn: ConnId) {
        self.lock().marks.push(conn);
        self.wake();
    }

    /// To wake the selector costs two switches of threads, more than all of its work for one reply. As
    /// long as that is done here others take the selector for awake; so in the end this looks again, in
    /// its place.
    fn mark_alone(&self, conn: ConnId) {
        self.lock().marks.push(conn);
        if self.awake.swap(true, SeqCst) {
            return;
        }
        if !self.lend() {
            self.end_sleep();
        } else if !self.doze() {
            self.wake();
        }
    }
}

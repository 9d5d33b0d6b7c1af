//! What happens on the quorum port, on its way to the server's thread.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use log::{info, warn};

use super::inbox::Inbox;
use super::pipeline::Seat;
use crate::ids::Sid;
use crate::net::links::{End, Flow, LinkSink, Links, Order};
use crate::peer::Event;
use crate::zab::LinkId;

/// Bytes that wait for the server's thread: above, links are not read until it has caught up. It takes
/// them all in one turn, and a leader that is kept busy by a flood for too long loses its quorum.
const WAITING_MAX: usize = 8 << 20;

/// How much waits for the server's thread, who is held up by that, and who is there at all.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    waiting: AtomicUsize,
    paused: Mutex<Vec<LinkId>>,
    /// The open links and who is at their other ends, for the log.
    remotes: Mutex<HashMap<LinkId, SocketAddr>>,
}

impl Backlog {
    fn paused(&self) -> MutexGuard<'_, Vec<LinkId>> {
        self.paused.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remotes(&self) -> MutexGuard<'_, HashMap<LinkId, SocketAddr>> {
        self.remotes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A link is closed or about to be; says why, and who it was.
    pub(super) fn ended(&self, link: LinkId, why: &str) {
        if let Some(remote) = self.remotes().remove(&link) {
            info!("quorum port: the connection with {remote} ended: {why}");
        }
    }

    fn add(&self, link: LinkId, len: usize) -> Flow {
        let mut paused = self.paused();
        if self.waiting.fetch_add(len, Ordering::AcqRel) + len <= WAITING_MAX {
            return Flow::Go;
        }
        paused.push(link);
        Flow::Pause
    }

    /// The server's thread has taken `len` bytes; whoever was held up may go on once it has caught up.
    pub(super) fn taken(&self, len: usize, links: &Links) {
        let left = self.waiting.fetch_sub(len, Ordering::AcqRel) - len;
        if left > WAITING_MAX / 2 {
            return;
        }
        let paused = std::mem::take(&mut *self.paused());
        if !paused.is_empty() {
            links.send(paused.into_iter().map(Order::Resume));
        }
    }
}

/// Tells the server's thread, or takes its seat for a moment.
pub(super) struct QuorumSink {
    inbox: Arc<Inbox>,
    seat: Arc<Seat>,
    backlog: Arc<Backlog>,
}

impl QuorumSink {
    pub(super) fn new(inbox: &Arc<Inbox>, seat: &Arc<Seat>, backlog: &Arc<Backlog>) -> Self {
        let (inbox, seat) = (Arc::clone(inbox), Arc::clone(seat));
        Self { inbox, seat, backlog: Arc::clone(backlog) }
    }
}

impl LinkSink for QuorumSink {
    fn accepted(&self, link: LinkId, remote: SocketAddr) {
        info!("quorum port: {remote} calls");
        self.backlog.remotes().insert(link, remote);
        self.inbox.tell(Event::Accepted(link));
    }

    fn connected(&self, sid: Sid, link: LinkId, remote: SocketAddr) {
        info!("Connected to leader {sid} at {remote}");
        self.backlog.remotes().insert(link, remote);
        self.inbox.tell(Event::LeaderConnected(link));
    }

    fn connect_failed(&self, sid: Sid, why: &str) {
        warn!("cannot connect to leader {sid}: {why}");
        self.inbox.tell(Event::LeaderUnreachable);
    }

    fn bytes(&self, link: LinkId, bytes: &[u8]) -> Flow {
        if self.seat.lend_to_link(link, bytes) {
            return Flow::Go;
        }
        let flow = self.backlog.add(link, bytes.len());
        self.inbox.bytes(link, bytes);
        flow
    }

    fn flushed(&self, _link: LinkId) {}

    fn closed(&self, link: LinkId, end: End) {
        self.backlog.ended(link, &end.why);
        self.inbox.tell(Event::Closed(link));
    }
}

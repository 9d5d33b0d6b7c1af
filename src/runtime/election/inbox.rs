//! What waits for the election's thread.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::ids::{Millis, Sid, Zxid};
use crate::net::links::{End, Flow, LinkSink};
use crate::zab::LinkId;
use crate::zab::quorum::Quorums;

/// How many bytes of peers may wait; above, whoever brings more is not read.
const MAX_BYTES: usize = 4 << 20;

/// How many bytes of one peer may wait; above, it is not read until they are taken. A flood from one
/// must not keep the others' votes waiting.
const MAX_BYTES_OF_LINK: usize = 16 << 10;

/// Something that happened.
pub(super) enum Arrival {
    Look { zxid: Zxid, peer_epoch: i64 },
    Established(i64),
    Quorums(Quorums),
    Accepted { link: LinkId, remote: SocketAddr },
    Connected { sid: Sid, link: LinkId, remote: SocketAddr },
    ConnectFailed { sid: Sid, why: String },
    Bytes { link: LinkId, bytes: Vec<u8> },
    Flushed(LinkId),
    Closed { link: LinkId, end: End },
    Stop,
}

/// Everything since the thread looked last.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) arrivals: Vec<Arrival>,
    /// Links that are not read until this batch is done.
    pub(super) paused: Vec<LinkId>,
    bytes: usize,
    bytes_of: HashMap<LinkId, usize>,
}

impl Batch {
    /// So many bytes have come over `link`; whether that is as much as may wait.
    fn is_full(&mut self, link: LinkId, len: usize) -> bool {
        let of_link = self.bytes_of.entry(link).or_default();
        *of_link += len;
        self.bytes += len;
        *of_link > MAX_BYTES_OF_LINK || self.bytes > MAX_BYTES
    }
}

/// The way to the election's thread.
#[derive(Default)]
pub(super) struct Inbox {
    batch: Mutex<Batch>,
    arrived: Condvar,
}

impl Inbox {
    fn lock(&self) -> MutexGuard<'_, Batch> {
        self.batch.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn bring(&self, arrival: Arrival) {
        self.lock().arrivals.push(arrival);
        self.arrived.notify_one();
    }

    /// What has arrived; waits for something to, up to `timeout` where there is one.
    pub(super) fn take(&self, timeout: Option<Millis>) -> Batch {
        let timeout =
            timeout.map_or(Duration::MAX, |ms| Duration::from_millis(ms.max(0).unsigned_abs()));
        let mut batch = self
            .arrived
            .wait_timeout_while(self.lock(), timeout, |batch| batch.arrivals.is_empty())
            .unwrap_or_else(PoisonError::into_inner)
            .0;
        std::mem::take(&mut *batch)
    }
}

impl LinkSink for Inbox {
    fn accepted(&self, link: LinkId, remote: SocketAddr) {
        self.bring(Arrival::Accepted { link, remote });
    }

    fn connected(&self, sid: Sid, link: LinkId, remote: SocketAddr) {
        self.bring(Arrival::Connected { sid, link, remote });
    }

    fn connect_failed(&self, sid: Sid, why: &str) {
        self.bring(Arrival::ConnectFailed { sid, why: why.to_owned() });
    }

    fn bytes(&self, link: LinkId, bytes: &[u8]) -> Flow {
        let mut batch = self.lock();
        batch.arrivals.push(Arrival::Bytes { link, bytes: bytes.to_vec() });
        let flow = if batch.is_full(link, bytes.len()) {
            batch.paused.push(link);
            Flow::Pause
        } else {
            Flow::Go
        };
        drop(batch);
        self.arrived.notify_one();
        flow
    }

    fn flushed(&self, link: LinkId) {
        self.bring(Arrival::Flushed(link));
    }

    fn closed(&self, link: LinkId, end: End) {
        self.bring(Arrival::Closed { link, end });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_floods_is_held_up_and_the_others_are_not() {
        let inbox = Inbox::default();
        let (loud, quiet) = (LinkId(1), LinkId(2));
        assert_eq!(inbox.bytes(loud, &[0; MAX_BYTES_OF_LINK]), Flow::Go);
        assert_eq!(inbox.bytes(loud, &[0]), Flow::Pause);
        assert_eq!(inbox.bytes(quiet, &[0; 100]), Flow::Go);
        let batch = inbox.take(Some(0));
        assert_eq!((batch.arrivals.len(), batch.paused), (3, vec![loud]));
        assert_eq!(inbox.bytes(loud, &[0; 100]), Flow::Go, "all was taken");
    }

    #[test]
    fn many_together_are_held_up_as_one() {
        let inbox = Inbox::default();
        let flow = |link| inbox.bytes(LinkId(link), &[0; MAX_BYTES_OF_LINK]);
        let (links, last) = (MAX_BYTES / MAX_BYTES_OF_LINK, MAX_BYTES as u64);
        assert!((0..links as u64).all(|link| flow(link) == Flow::Go));
        assert_eq!(flow(last), Flow::Pause);
    }
}

//! What waits for the election's thread.

use std::net::SocketAddr;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::ids::{Millis, Sid, Zxid};
use crate::net::links::{Flow, LinkSink};
use crate::zab::LinkId;
use crate::zab::quorum::Quorums;

/// How many bytes of peers may wait; above, whoever brings more is not read.
const MAX_BYTES: usize = 4 << 20;

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
    Closed { link: LinkId, why: String, is_lost: bool },
    Stop,
}

/// Everything since the thread looked last.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) arrivals: Vec<Arrival>,
    /// Links that are not read until this batch is done.
    pub(super) paused: Vec<LinkId>,
    bytes: usize,
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
        batch.bytes += bytes.len();
        batch.arrivals.push(Arrival::Bytes { link, bytes: bytes.to_vec() });
        let flow = if batch.bytes > MAX_BYTES {
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

    fn closed(&self, link: LinkId, why: &str) {
        self.bring(Arrival::Closed { link, why: why.to_owned(), is_lost: false });
    }

    fn lost(&self, link: LinkId, why: &str) {
        self.bring(Arrival::Closed { link, why: why.to_owned(), is_lost: true });
    }
}

//! One of the two sides: a server alone or an ensemble, and the clients connected to it.

use std::thread;
use std::time::{Duration, Instant};

use gamekeeper::op::op;

use super::canon::Sessions;
use super::step::{Request, Slot, Step};
use super::wire::{Conn, FENCE, LAST_WORD, PATIENCE, SILENCE, Seen};
use crate::Result;
use crate::ensemble::Ensemble;

/// The pause before a member that lags behind is asked again.
const GLANCE: Duration = Duration::from_millis(1);

/// A server or an ensemble, and its clients.
#[derive(Debug)]
pub(super) struct Side {
    pub(super) ensemble: Ensemble,
    pub(super) sessions: Sessions,
    conns: Vec<Option<Conn>>,
    fences: i32,
}

impl Side {
    pub(super) fn new(ensemble: Ensemble, slots: usize) -> Self {
        let conns = (0..slots).map(|_| None).collect();
        let sessions = Sessions::of(ensemble.peer_addresses());
        Self { ensemble, sessions, conns, fences: 0 }
    }

    /// Does one step, waits until everything that it causes was seen, and says what each client saw.
    pub(super) fn step(&mut self, step: &Step) -> Result<Vec<Seen>> {
        match step {
            Step::HangUp(slot) => self.conns[*slot] = None,
            Step::Connect(slot, connect) => {
                let frame = connect.frame(self);
                self.connect(*slot, connect.member)?;
                self.exchange(*slot, &frame)?;
            }
            Step::Raw(slot, bytes) => {
                if self.conns[*slot].is_none() {
                    self.connect(*slot, slot % self.ensemble.size())?;
                }
                self.exchange(*slot, bytes)?;
            }
            Step::Requests(slot, requests) => self.requests(*slot, requests)?,
            Step::Cut(slot, bytes) => {
                if let Some(mut conn) = self.conns[*slot].take() {
                    conn.send(bytes);
                }
            }
        }
        self.fence()?;
        self.last_words()?;
        Ok(self.take_seen())
    }

    fn connect(&mut self, slot: Slot, member: usize) -> Result<()> {
        self.conns[slot] = Some(Conn::open(self.ensemble.address(member))?);
        Ok(())
    }

    fn requests(&mut self, slot: Slot, requests: &[Request]) -> Result<()> {
        let Some(conn) = &mut self.conns[slot] else { return Ok(()) };
        conn.open.extend(requests.iter().map(|r| (r.reply_xid(), r.kind)));
        let bytes: Vec<u8> = requests.iter().flat_map(Request::frame).collect();
        self.exchange(slot, &bytes)
    }

    fn exchange(&mut self, slot: Slot, bytes: &[u8]) -> Result<()> {
        let Some(conn) = &mut self.conns[slot] else { return Ok(()) };
        conn.send(bytes);
        // A first frame is answered or refused; whether it is must be known before a request follows.
        let patience = if conn.connecting { PATIENCE } else { SILENCE };
        conn.read_until(None, Instant::now() + patience, &mut self.sessions)?;
        // Java answers, then closes: a fence between the two may be answered or not.
        if conn.has_last_word() {
            conn.read_end(Instant::now() + LAST_WORD, &mut self.sessions)?;
        }
        Ok(())
    }

    /// Reads to the end what a server closes by what came: the connection behind its last word, which may
    /// have come late, and that of a session that was closed elsewhere, for a session may have moved to
    /// another member.
    fn last_words(&mut self) -> Result<()> {
        let closed: Vec<i64> =
            self.conns.iter().flatten().filter_map(Conn::closed_session).collect();
        for conn in self.conns.iter_mut().flatten().filter(|conn| !conn.seen.closed) {
            if conn.has_last_word() || closed.contains(&conn.session) {
                conn.read_end(Instant::now() + LAST_WORD, &mut self.sessions)?;
            }
        }
        Ok(())
    }

    /// Sends every client's fence and waits for the replies: all that was sent before them has come
    /// by then, or the connection was closed. A member that has not applied yet what another one has is
    /// asked again.
    fn fence(&mut self) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        let mut behind: Vec<Slot> = (0..self.conns.len()).collect();
        loop {
            self.fences += 1;
            behind.retain(|slot| self.conns[*slot].as_ref().is_some_and(|c| !c.seen.closed));
            self.ask_fence(&behind, deadline)?;
            let zxid = self.conns.iter().flatten().map(|c| c.zxid).max().unwrap_or(0);
            behind.retain(|slot| {
                self.conns[*slot].as_ref().is_some_and(|c| !c.seen.closed && c.zxid < zxid)
            });
            if behind.is_empty() {
                return Ok(());
            }
            if Instant::now() > deadline {
                let what = format!("has clients {behind:?} that do not come to zxid {zxid:#x}");
                return Err(self.ensemble.failure(&what));
            }
            thread::sleep(GLANCE);
        }
    }

    fn ask_fence(&mut self, slots: &[Slot], deadline: Instant) -> Result<()> {
        let fence = FENCE + self.fences;
        let frame = Request { xid: fence, kind: op::EXISTS, body: root(), damage: None }.frame();
        for slot in slots {
            if let Some(conn) = &mut self.conns[*slot] {
                conn.forget_fences();
                conn.open.push_back((fence, op::EXISTS));
                conn.send(&frame);
            }
        }
        for slot in slots {
            let Some(conn) = &mut self.conns[*slot] else { continue };
            let came = conn.read_until(Some(fence), deadline, &mut self.sessions)?;
            // What is not answered by now never will be.
            conn.open.clear();
            if !came && !conn.seen.closed {
                let what = format!("does not answer client {slot} any more");
                return Err(self.ensemble.failure(&what));
            }
        }
        Ok(())
    }

    fn take_seen(&mut self) -> Vec<Seen> {
        let mut all = Vec::new();
        for conn in &mut self.conns {
            if let Some(conn) = conn.as_mut().filter(|conn| conn.seen.closed) {
                // It was answered before the end, or it was not.
                conn.forget_fences();
            }
            let seen = conn.as_mut().map(|c| std::mem::take(&mut c.seen)).unwrap_or_default();
            if seen.closed {
                *conn = None;
            }
            all.push(seen);
        }
        all
    }

    /// Closes every socket, so that the servers can be asked what is left.
    pub(super) fn hang_up(&mut self) {
        self.conns.iter_mut().for_each(|conn| *conn = None);
    }

    /// Stops the servers.
    ///
    /// # Errors
    /// If one does not stop.
    pub(super) fn stop(&mut self) -> Result<()> {
        (0..self.ensemble.size()).try_for_each(|member| self.ensemble.stop(member))
    }
}

/// The body of `exists("/")`.
fn root() -> Vec<u8> {
    vec![0, 0, 0, 1, b'/', 0]
}

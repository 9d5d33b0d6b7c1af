//! Very many sessions on one server, in one thread: they live, watch, and count what they hear.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use compat_tests::Result;
use compat_tests::bench::histogram::Histogram;
use gamekeeper::op::op;
use mio::{Events, Poll, Token};

use crate::peer::{Heard, Pass, Peer, bare_request};

/// Connections that are being made at the same time.
pub(crate) const WINDOW: usize = 256;
/// The pause between two pings of a session: a quarter of the timeout that it asks for.
const PING_EVERY: Duration = Duration::from_secs(10);
/// How long a server may keep everybody waiting.
const PATIENCE: Duration = Duration::from_secs(60);
/// The longest wait for events of the sockets: pings become due meanwhile.
const TURN: Duration = Duration::from_millis(10);
/// Sockets that are written to before the others are looked at.
const BATCH: usize = 256;
/// Room for what one read takes.
const INPUT_BYTES: usize = 16 * 1024;

struct Member {
    /// None: the connection is over, or was never granted a session.
    peer: Option<Peer>,
    /// None: no session has been granted yet.
    pass: Option<Pass>,
    /// Requests and pings without a reply.
    unanswered: usize,
    events: usize,
}

/// What has happened to all of them.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counts {
    /// Connections begun, those that got their session, and those that did not.
    begun: usize,
    pub(crate) granted: usize,
    pub(crate) refused: usize,
    /// Sessions whose connection the server has closed.
    pub(crate) lost: usize,
    /// Requests that failed.
    pub(crate) failed: usize,
    unanswered: usize,
    /// Watch events.
    pub(crate) events: usize,
}

/// The sessions.
pub(crate) struct Crowd {
    server: SocketAddr,
    poll: Poll,
    sockets: Events,
    buffer: Vec<u8>,
    members: Vec<Member>,
    pub(crate) counts: Counts,
    /// From the first packet to the session.
    pub(crate) opening: Histogram,
    /// Who is next to ping, and until when all pings that were due are sent.
    next_ping: usize,
    pinged: Instant,
}

impl Crowd {
    pub(crate) fn new(server: SocketAddr) -> Result<Self> {
        Ok(Self {
            server,
            poll: Poll::new()?,
            sockets: Events::with_capacity(4096),
            buffer: vec![0; INPUT_BYTES],
            members: Vec::new(),
            counts: Counts::default(),
            opening: Histogram::new(),
            next_ping: 0,
            pinged: Instant::now(),
        })
    }

    /// Opens new sessions.
    pub(crate) fn open(&mut self, count: usize) -> Result<()> {
        self.resume(&vec![Pass::default(); count])
    }

    /// Comes back to sessions, and waits until each has been granted or refused.
    pub(crate) fn resume(&mut self, passes: &[Pass]) -> Result<()> {
        for pass in passes {
            while self.undecided() >= WINDOW {
                self.turn()?;
            }
            let (n, token) = (self.counts.begun, Token(self.members.len()));
            let peer = Peer::begin(n, self.server, *pass, self.poll.registry(), token)?;
            self.counts.begun += 1;
            self.members.push(Member { peer: Some(peer), pass: None, unanswered: 0, events: 0 });
        }
        self.until(PATIENCE, |counts| counts.begun == counts.granted + counts.refused)?;
        Ok(())
    }

    fn undecided(&self) -> usize {
        self.counts.begun - self.counts.granted - self.counts.refused
    }

    /// Hangs up on all but the first `len` sessions, which go on; returns how to come back to the
    /// others.
    pub(crate) fn park(&mut self, len: usize) -> Vec<Pass> {
        let gone = self.members.split_off(len);
        gone.iter().for_each(|member| self.counts.unanswered -= member.unanswered);
        gone.iter()
            .filter(|member| member.peer.is_some())
            .filter_map(|member| member.pass)
            .collect()
    }

    /// How many have a session and a connection.
    pub(crate) fn living(&self) -> usize {
        self.members.iter().filter(|m| m.peer.is_some() && m.pass.is_some()).count()
    }

    /// How many have heard exactly so many events.
    pub(crate) fn have_heard(&self, events: usize) -> usize {
        self.members.iter().filter(|member| member.events == events).count()
    }

    /// All send a request, and wait for their replies. False if some never came.
    pub(crate) fn ask_all(&mut self, frame: &[u8]) -> Result<bool> {
        for member in 0..self.members.len() {
            self.send(member, frame);
            if member % BATCH == 0 {
                self.turn()?;
            }
        }
        self.until(PATIENCE, |counts| counts.unanswered == 0)
    }

    /// All ping, and wait for the answers.
    pub(crate) fn ping_all(&mut self) -> Result<bool> {
        self.ask_all(&bare_request(-2, op::PING))
    }

    /// Lives on until `done`, or for so long; returns whether it was done.
    pub(crate) fn until(&mut self, time: Duration, done: impl Fn(&Counts) -> bool) -> Result<bool> {
        let since = Instant::now();
        while !done(&self.counts) {
            if since.elapsed() > time {
                return Ok(false);
            }
            self.turn()?;
        }
        Ok(true)
    }

    /// One look at the sockets, and the pings that are due.
    pub(crate) fn turn(&mut self) -> Result<()> {
        self.poll.poll(&mut self.sockets, Some(TURN))?;
        let Self { sockets, members, buffer, counts, opening, .. } = self;
        for event in sockets.iter() {
            // Of one that was parked meanwhile there may still be an event.
            let Some(member) = members.get_mut(event.token().0) else { continue };
            let Some(peer) = &mut member.peer else { continue };
            let begun = peer.begun;
            let mut heard = Vec::new();
            let over = peer.go_on(event, buffer, |word| heard.push(word)).is_err();
            for word in heard {
                if matches!(word, Heard::Welcome(_)) {
                    opening.record(begun.elapsed(), 1);
                }
                member.take(word, counts);
            }
            if over {
                member.lose(counts);
            }
        }
        self.ping();
        Ok(())
    }

    fn ping(&mut self) {
        let all = self.members.len() as u32;
        if all == 0 {
            self.pinged = Instant::now();
            return;
        }
        let frame = bare_request(-2, op::PING);
        let due = (self.pinged.elapsed().as_secs_f64() / PING_EVERY.as_secs_f64() * f64::from(all))
            as u32;
        for _ in 0..due.min(all) {
            self.next_ping = (self.next_ping + 1) % self.members.len();
            self.send(self.next_ping, &frame);
        }
        self.pinged += PING_EVERY / all * due;
    }

    /// Sends, if there is a session to send it from.
    fn send(&mut self, member: usize, frame: &[u8]) {
        let member = &mut self.members[member];
        let (Some(peer), Some(_)) = (&mut member.peer, &member.pass) else { return };
        match peer.send(frame) {
            Ok(()) => {
                member.unanswered += 1;
                self.counts.unanswered += 1;
            }
            Err(_) => member.lose(&mut self.counts),
        }
    }
}

impl Member {
    fn take(&mut self, heard: Heard, counts: &mut Counts) {
        match heard {
            Heard::Welcome(pass) => {
                self.pass = Some(pass);
                counts.granted += 1;
            }
            Heard::Refusal => self.lose(counts),
            Heard::Event => {
                self.events += 1;
                counts.events += 1;
            }
            Heard::Reply(error) => {
                self.unanswered = self.unanswered.saturating_sub(1);
                counts.unanswered = counts.unanswered.saturating_sub(1);
                counts.failed += usize::from(error != 0);
            }
        }
    }

    /// Its connection is over.
    fn lose(&mut self, counts: &mut Counts) {
        if self.peer.take().is_none() {
            return;
        }
        if self.pass.is_some() {
            counts.lost += 1;
        } else {
            counts.refused += 1;
        }
        counts.unanswered -= std::mem::take(&mut self.unanswered);
    }
}

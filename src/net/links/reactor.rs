//! The links' thread: waits for all sockets, gives each that is ready a turn, carries out what is
//! ordered, keeps the time.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token, Waker};

use super::connect::{Dialer, Outcome};
use super::link::{End, Got, Link, Phase, next_id};
use super::mail::{Letter, Mail};
use super::ports::{Accepted, Ports};
use super::resolver::{Lookup, Resolver};
use super::timers::{Timer, Timers};
use super::{Flow, LinkSettings, LinkSink, Port};
use crate::ids::Millis;
use crate::net::Clock;
use crate::net::rate_log::RateLog;
use crate::zab::LinkId;

/// The token of the mail; all others are numbers of links and listeners.
const MAIL: Token = Token(0);
/// How many callers are let in at once, before the links get their turns.
const ACCEPTS: usize = 64;
/// How long to leave callers waiting when one could not be let in, in ms.
const ACCEPT_PAUSE: Millis = 50;
/// How long a link that is to be closed may take nothing, or not hang up, in ms.
const LINGER: Millis = 2_000;
/// How many such links there may be; the oldest are closed at once.
const LINGERING_MAX: usize = 64;
/// How much is read from a link in one turn.
const READ: usize = 64 << 10;

pub(super) struct Reactor {
    poll: Poll,
    mail: Arc<Mail>,
    ports: Arc<Ports>,
    clock: Clock,
    dialer: Dialer,
    timers: Timers,
    links: HashMap<LinkId, Link>,
    /// Callers that nobody has vouched for, by port, oldest first.
    strangers: BTreeSet<(u8, LinkId)>,
    /// Links that are to be closed, oldest first; some may be gone.
    lingering: VecDeque<LinkId>,
    /// Who is to have a turn.
    ready: Vec<LinkId>,
    /// Where somebody may wait to be let in.
    accepting: Vec<Token>,
    buffer: Box<[u8]>,
    trouble: RateLog,
}

impl Reactor {
    pub(super) fn new(
        settings: LinkSettings,
        clock: Clock,
        lookup: Lookup,
    ) -> io::Result<(Self, Arc<Mail>, Arc<Ports>)> {
        let poll = Poll::new()?;
        let mail = Arc::new(Mail::new(Waker::new(poll.registry(), MAIL)?));
        let ports = Arc::new(Ports::new(settings, poll.registry().try_clone()?));
        let resolver = |remembers| Resolver::new(Arc::clone(&mail), Arc::clone(&lookup), remembers);
        let reactor = Self {
            dialer: Dialer::new(poll.registry().try_clone()?, resolver(true), resolver(false)),
            poll,
            mail: Arc::clone(&mail),
            ports: Arc::clone(&ports),
            clock,
            timers: Timers::default(),
            links: HashMap::new(),
            strangers: BTreeSet::new(),
            lingering: VecDeque::new(),
            ready: Vec::new(),
            accepting: Vec::new(),
            buffer: vec![0; READ].into(),
            trouble: RateLog::default(),
        };
        Ok((reactor, mail, ports))
    }

    /// The thread's body.
    pub(super) fn run(mut self) {
        let mut events = Events::with_capacity(1024);
        let mut letters = Vec::new();
        while !self.mail.is_stopping() {
            self.sleep(&mut events);
            self.note_events(&events);
            self.mail.take(&mut letters);
            letters.drain(..).for_each(|letter| self.open_letter(letter));
            self.let_in();
            self.give_turns();
            self.keep_time();
        }
        self.stop();
    }

    fn sleep(&mut self, events: &mut Events) {
        let nothing_left = self.mail.doze();
        let idle = nothing_left && self.ready.is_empty() && self.accepting.is_empty();
        let until_timer = self.timers.next().map(|at| (at - self.clock.now()).max(0));
        let timeout = if idle { until_timer } else { Some(0) };
        let timeout = timeout.map(|ms| Duration::from_millis(ms.unsigned_abs()));
        if let Err(e) = self.poll.poll(events, timeout)
            && e.kind() != io::ErrorKind::Interrupted
        {
            log::error!("cannot wait for the links between servers: {e}");
            std::thread::sleep(Duration::from_millis(10));
        }
        self.mail.rouse();
    }

    fn note_events(&mut self, events: &Events) {
        for event in events {
            let id = LinkId(event.token().0 as u64);
            if let Some(link) = self.links.get_mut(&id) {
                link.readable |= event.is_readable() || event.is_read_closed();
                link.writable |= event.is_writable() || event.is_write_closed();
                link.ended |= event.is_read_closed() || event.is_error();
                self.enqueue(id);
            } else if self.dialer.has(id) {
                let outcome = self.dialer.on_event(id);
                self.finish_dial(outcome);
            } else if self.ports.is_listener(event.token())
                && !self.accepting.contains(&event.token())
            {
                self.accepting.push(event.token());
            }
        }
    }

    /// Gives a link a turn in this round, if there is anything to do.
    fn enqueue(&mut self, id: LinkId) {
        if let Some(link) = self.links.get_mut(&id)
            && !link.queued
            && link.is_ready()
        {
            link.queued = true;
            self.ready.push(id);
        }
    }

    fn open_letter(&mut self, letter: Letter) {
        let now = self.clock.now();
        match letter {
            Letter::Connect(connect) => {
                let outcome = self.dialer.dial(connect, now, &mut self.timers);
                self.finish_dial(outcome);
            }
            Letter::Found(found) => {
                let outcome = self.dialer.found(found, now, &mut self.timers);
                self.finish_dial(outcome);
            }
            Letter::Output(link) => self.fetch(link),
            Letter::Overflow(link, pending) => {
                let why = format!("the peer does not read: {pending} bytes wait for it");
                self.end(link, why.as_str().into());
            }
            Letter::Close(link) => self.close(link, now),
            Letter::CloseNow(link) => self.remove(link),
            Letter::Resume(link) => {
                if let Some(state) = self.links.get_mut(&link) {
                    state.paused = false;
                    self.enqueue(link);
                }
            }
            Letter::Know(link) => self.know(link),
        }
    }

    fn fetch(&mut self, id: LinkId) {
        if let Some(link) = self.links.get_mut(&id) {
            self.mail.fetch(id, &mut link.output);
            self.enqueue(id);
        }
    }

    fn close(&mut self, id: LinkId, now: Millis) {
        self.know(id);
        if let Some(link) = self.links.get_mut(&id) {
            link.phase = Phase::Flushing;
            link.paused = false;
            self.timers.set(now + LINGER, Timer::Linger(id));
            if !link.queued {
                link.queued = true;
                self.ready.push(id);
            }
            self.lingering.push_back(id);
            self.bound_lingering();
        }
    }

    /// Whoever is told to go and stays must not take all files.
    fn bound_lingering(&mut self) {
        while self.lingering.len() > LINGERING_MAX
            && let Some(oldest) = self.lingering.pop_front()
        {
            self.remove(oldest);
        }
    }

    fn know(&mut self, id: LinkId) {
        if let Some(link) = self.links.get(&id) {
            self.strangers.remove(&(link.port as u8, id));
        }
    }

    /// Takes a link out, without a word.
    fn remove(&mut self, id: LinkId) {
        self.know(id);
        self.links.remove(&id);
        self.mail.forget(id);
    }

    /// Takes a link out that ended by itself.
    fn end(&mut self, id: LinkId, end: End) {
        self.know(id);
        self.mail.forget(id);
        let Some(link) = self.links.remove(&id).filter(|link| link.phase == Phase::Open) else {
            return;
        };
        log::debug!("{:?} link with {} closed: {}", link.port, link.remote, end.why);
        link.sink.closed(id, end);
    }

    fn finish_dial(&mut self, outcome: Option<Outcome>) {
        match outcome {
            None => {}
            Some(Outcome::Lost { port, sid, why }) => {
                if let Some(sink) = self.ports.sink(port) {
                    sink.connect_failed(sid, &why);
                }
            }
            Some(Outcome::Won { port, sid, link, socket, remote }) => {
                let Some(sink) = self.ports.sink(port) else { return };
                if let Err(e) = self.ports.prepare(port, false, &socket) {
                    return sink.connect_failed(sid, &format!("{remote}: {e}"));
                }
                self.open(Link::new(link, port, socket, remote, Arc::clone(&sink)));
                sink.connected(sid, link, remote);
            }
        }
    }

    fn open(&mut self, link: Link) {
        let id = link.id;
        let socket = Arc::clone(&link.socket);
        self.mail.open(id, socket, self.ports.settings(link.port).max_pending);
        self.links.insert(id, link);
        self.enqueue(id);
    }

    fn let_in(&mut self) {
        let mut accepting = std::mem::take(&mut self.accepting);
        accepting.retain(|token| self.let_in_from(*token));
        self.accepting = accepting;
    }

    /// Lets a few in; true if there may be more.
    fn let_in_from(&mut self, token: Token) -> bool {
        for _ in 0..ACCEPTS {
            match self.ports.accept(token) {
                Accepted::Caller { port, sink, socket, remote } => {
                    self.welcome(port, sink, socket, remote);
                }
                Accepted::Next => {}
                Accepted::Nobody => return false,
                Accepted::Trouble(e) => {
                    self.complain(&format!("cannot let a server in: {e}"));
                    let at = self.clock.now() + ACCEPT_PAUSE;
                    self.timers.set(at, Timer::Accept(token.0));
                    return false;
                }
            }
        }
        true
    }

    fn welcome(
        &mut self,
        port: Port,
        sink: Arc<dyn LinkSink>,
        mut socket: TcpStream,
        remote: SocketAddr,
    ) {
        let id = next_id();
        let interest = Interest::READABLE | Interest::WRITABLE;
        let prepared = self.ports.prepare(port, true, &socket).and_then(|()| {
            self.poll.registry().register(&mut socket, Token(id.0 as usize), interest)
        });
        if let Err(e) = prepared {
            return self.complain(&format!("cannot serve a link from {remote}: {e}"));
        }
        self.make_room(port, id);
        self.open(Link::new(id, port, socket, remote, Arc::clone(&sink)));
        sink.accepted(id, remote);
    }

    /// One more stranger is coming to `port`.
    fn make_room(&mut self, port: Port, id: LinkId) {
        let Some(bounds) = self.ports.settings(port).strangers else { return };
        let of_port = || (port as u8, LinkId(0))..=(port as u8, LinkId(u64::MAX));
        while self.strangers.range(of_port()).count() >= bounds.max.max(1) {
            let Some((_, oldest)) = self.strangers.range(of_port()).next().copied() else { break };
            self.end(oldest, "too many callers that are not known".into());
        }
        self.strangers.insert((port as u8, id));
        self.timers.set(self.clock.now() + bounds.timeout, Timer::Stranger(id));
    }

    fn complain(&mut self, what: &str) {
        if let Some(line) = self.trouble.note(self.clock.now(), what) {
            log::warn!("{line}");
        }
    }

    fn give_turns(&mut self) {
        for id in std::mem::take(&mut self.ready) {
            self.give_turn(id);
        }
    }

    fn give_turn(&mut self, id: LinkId) {
        let Some(link) = self.links.get_mut(&id) else { return };
        link.queued = false;
        if link.phase == Phase::Open {
            if let Some(why) = serve(link, &self.mail, &mut self.buffer) {
                return self.end(id, why);
            }
        } else if !link.linger(&mut self.buffer) {
            return self.remove(id);
        }
        self.enqueue(id);
    }

    fn keep_time(&mut self) {
        let now = self.clock.now();
        while let Some(timer) = self.timers.due(now) {
            match timer {
                Timer::Accept(token) => self.accepting.push(Token(token)),
                Timer::NextAddress(dial) => {
                    self.dialer.next_addresses(dial, now, &mut self.timers);
                }
                Timer::ConnectTimeout(dial) => {
                    let outcome = self.dialer.time_out(dial);
                    self.finish_dial(outcome);
                }
                Timer::Stranger(id) => self.expel(id),
                Timer::Linger(id) => self.hurry(id, now),
            }
        }
    }

    fn expel(&mut self, id: LinkId) {
        let Some(link) = self.links.get(&id) else { return };
        if self.strangers.contains(&(link.port as u8, id)) {
            self.end(id, "the caller did not say who it is in time".into());
        }
    }

    /// A link that was to be closed is closed now, unless it still takes what is written.
    fn hurry(&mut self, id: LinkId, now: Millis) {
        let Some(link) = self.links.get_mut(&id) else { return };
        if link.phase == Phase::Flushing && std::mem::take(&mut link.progress) {
            return self.timers.set(now + LINGER, Timer::Linger(id));
        }
        self.remove(id);
    }

    /// Writes what the kernel takes at once, closes everything.
    fn stop(&mut self) {
        self.ports.close();
        let ids: Vec<LinkId> = self.links.keys().copied().collect();
        for id in ids {
            self.fetch(id);
            if let Some(link) = self.links.get_mut(&id)
                && !link.output.is_empty()
                && let Err(e) = link.write()
            {
                log::debug!("cannot write to {} at the end: {e}", link.remote);
            }
            self.remove(id);
        }
    }
}

/// A turn of an open link: one write, one read. Returns why it is at its end, if it is.
fn serve(link: &mut Link, mail: &Mail, buffer: &mut [u8]) -> Option<End> {
    if link.writable && !link.output.is_empty() {
        match link.write() {
            Ok(0) => {}
            Ok(n) if mail.taken(link.id, n) => link.sink.flushed(link.id),
            Ok(_) => {}
            Err(e) => return Some(End::broken("write", &e)),
        }
    }
    if link.readable && !link.paused {
        match link.read(buffer) {
            Got::Bytes(n) => link.paused = link.sink.bytes(link.id, &buffer[..n]) == Flow::Pause,
            Got::Nothing => {}
            Got::End(why) => return Some(why),
        }
    }
    None
}

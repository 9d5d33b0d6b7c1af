//! A selector's connections and what has come up for them. Whoever has them locked works on them: the
//! selector's thread in each of its rounds, and, while that sleeps, the server's thread for as long as
//! it takes to write a lone reply ([`Turns::lend`]).

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use mio::net::TcpStream;
use mio::{Interest, Registry, Token};

use super::conn::{Conn, Outcome, Scratch, Signals};
use super::heard::Heard;
use super::inbox::{Inbox, Letters, Returned};
use super::pool::Pool;
use super::slab::{Place, Slab, slot_of};
use super::timers::Timers;
use super::{Env, socket};
use crate::ids::{ConnId, Millis};
use crate::server::conn::Mailbox;

/// A selector that has had only writes in so many rounds keeps nobody waiting while it works one off.
const ROUNDS_TO_SPARE: u32 = 16;

/// The connections of one selector.
pub(super) struct Turns {
    env: Arc<Env>,
    registry: Registry,
    inbox: Arc<Inbox>,
    letters: Letters,
    pool: Option<Arc<Pool>>,
    slab: Slab,
    /// Who gets a turn in the next round, and who does in this one.
    ready: Vec<u32>,
    turning: Vec<u32>,
    scratch: Scratch,
    heard: Heard,
    timers: Timers,
    /// Rounds since someone was answered here.
    rounds_of_writes: u32,
}

impl Turns {
    pub(super) fn new(
        number: u8,
        env: &Arc<Env>,
        registry: Registry,
        inbox: Arc<Inbox>,
        pool: Option<Arc<Pool>>,
        heard: Arc<AtomicI64>,
    ) -> Self {
        Self {
            env: Arc::clone(env),
            registry,
            inbox,
            letters: Letters::default(),
            pool,
            slab: Slab::new(number),
            ready: Vec::new(),
            turning: Vec::new(),
            scratch: Scratch::new(),
            heard: Heard::new(heard),
            timers: Timers::new(env.settings.sessionless_timeout),
            rounds_of_writes: 0,
        }
    }

    /// Where others leave what is for these connections.
    pub(super) fn inbox(&self) -> Arc<Inbox> {
        Arc::clone(&self.inbox)
    }

    /// Notes that something has come up for the connection in a slot, and that it is to have a turn.
    pub(super) fn signal(&mut self, slot: u32, signals: Signals) {
        match self.slab.place(slot) {
            Place::Here(conn) => {
                conn.signals.merge(signals);
                if !conn.queued {
                    conn.queued = true;
                    self.ready.push(slot);
                }
            }
            Place::Away(pending) => pending.merge(signals),
            Place::Free => {}
        }
    }

    /// Whether nobody is to have a turn.
    pub(super) fn is_idle(&self) -> bool {
        self.ready.is_empty()
    }

    /// What the selector does between two sleeps. `polled` is when it asked the kernel who is ready,
    /// none if that had more to say.
    pub(super) fn round(&mut self, now: Millis, polled: Option<Millis>) {
        self.take_letters(now);
        self.give_turns(now);
        self.submit(now);
        if let Some(polled) = polled {
            self.heard.all_had_turns(polled);
        }
        self.keep_time(now);
    }

    /// Does on the calling thread what the inbox asks for, while the selector sleeps: for one reply that
    /// takes less than to wake it. False if there is something left for it.
    pub(super) fn lend(&mut self) -> bool {
        if self.pool.is_some() {
            return false;
        }
        let now = self.env.clock.now();
        self.take_letters(now);
        self.give_turns(now);
        self.env.submit(&mut self.scratch.batch, false);
        self.is_idle()
    }

    fn take_letters(&mut self, now: Millis) {
        let mut letters = std::mem::take(&mut self.letters);
        self.inbox.take(&mut letters);
        for (socket, remote) in letters.accepted.drain(..) {
            self.accept(socket, remote, now);
        }
        for returned in letters.returned.drain(..) {
            self.take_back(returned, now);
        }
        for id in letters.marks.drain(..) {
            self.signal_conn(id, Signals { marked: true, ..Signals::default() });
        }
        self.letters = letters;
    }

    fn signal_conn(&mut self, id: ConnId, signals: Signals) {
        if let Some(slot) = self.slab.find(id) {
            self.signal(slot, signals);
        }
    }

    fn accept(&mut self, mut socket: TcpStream, remote: SocketAddr, now: Millis) {
        let Some((slot, id)) = self.slab.reserve() else {
            log::error!("no id left for a connection from {remote}");
            return self.refuse(socket, remote);
        };
        let interest = Interest::READABLE | Interest::WRITABLE;
        let registered = socket::prepare(&socket, self.env.settings.keep_alive)
            .and_then(|()| self.registry.register(&mut socket, Token(slot as usize), interest));
        if let Err(e) = registered {
            log::warn!("cannot serve a connection from {remote}: {e}");
            self.slab.free(slot);
            return self.refuse(socket, remote);
        }
        let mailbox: Arc<dyn Mailbox> = Arc::<Inbox>::clone(&self.inbox);
        let client = self.env.welcome(id, remote, mailbox);
        *self.slab.place(slot) = Place::Here(Box::new(Conn::new(client, socket, now)));
        self.timers.expect_session(id, now);
    }

    fn refuse(&self, socket: TcpStream, remote: SocketAddr) {
        self.env.limits.release(remote.ip());
        socket::reset(socket);
    }

    fn take_back(&mut self, Returned { mut conn, outcome }: Returned, now: Millis) {
        self.heard.back(conn.epoch);
        let slot = slot_of(conn.shared.id);
        let place = self.slab.place(slot);
        if let Place::Away(signals) = place {
            conn.signals.merge(*signals);
        }
        let signalled = conn.signals.any();
        *place = Place::Here(conn);
        self.after_turn(slot, outcome, now);
        if signalled && outcome == Outcome::Wait {
            self.signal(slot, Signals::default());
        }
    }

    fn give_turns(&mut self, now: Millis) {
        let mut turning = std::mem::replace(&mut self.ready, std::mem::take(&mut self.turning));
        for slot in turning.drain(..) {
            self.give_turn(slot, now);
        }
        self.turning = turning;
    }

    fn give_turn(&mut self, slot: u32, now: Millis) {
        let Some(conn) = self.slab.here(slot) else { return };
        conn.queued = false;
        if self.pool.is_some() {
            return self.send_away(slot);
        }
        let outcome = conn.safe_turn(&self.env, &mut self.scratch, now);
        self.after_turn(slot, outcome, now);
    }

    /// Sends the round's writes on their way; if they are done at once their replies go out now.
    fn submit(&mut self, now: Millis) {
        let answered = std::mem::take(&mut self.scratch.answered);
        self.rounds_of_writes = if answered { 0 } else { self.rounds_of_writes.saturating_add(1) };
        let spare = self.rounds_of_writes > ROUNDS_TO_SPARE;
        if self.env.submit(&mut self.scratch.batch, spare) {
            self.take_letters(now);
            self.give_turns(now);
        }
    }

    fn send_away(&mut self, slot: u32) {
        let place = self.slab.place(slot);
        let Place::Here(mut conn) = std::mem::replace(place, Place::Away(Signals::default()))
        else {
            return;
        };
        conn.epoch = self.heard.sent();
        if let Some(pool) = &self.pool {
            pool.give(conn, &self.inbox);
        }
    }

    fn after_turn(&mut self, slot: u32, outcome: Outcome, now: Millis) {
        let Some(conn) = self.slab.here(slot) else { return };
        if outcome == Outcome::Gone {
            self.env.limits.release(conn.shared.remote.ip());
            return self.slab.free(slot);
        }
        if conn.is_leaving() && !conn.timed {
            conn.timed = true;
            self.timers.expect_end(conn.shared.id, now);
        }
        if conn.is_large() && !conn.fat {
            conn.fat = true;
            self.timers.fat.push(conn.shared.id);
        }
        if outcome == Outcome::Again {
            self.signal(slot, Signals::default());
        }
    }

    fn keep_time(&mut self, now: Millis) {
        while let Some((id, sessionless)) = self.timers.due(now) {
            let Some(slot) = self.slab.find(id) else { continue };
            let serves = self
                .slab
                .here(slot)
                .is_some_and(|c| c.shared.session().is_some() && !c.is_leaving());
            if sessionless && serves {
                continue;
            }
            if sessionless {
                self.timers.expect_session(id, now);
            }
            let expired = Signals { expired: true, ..Signals::default() };
            self.signal(slot, expired);
        }
        if let Some(since) = self.timers.sweep(now) {
            self.slim(since);
        }
    }

    /// Takes large buffers from connections that had no turn since then.
    fn slim(&mut self, since: Millis) {
        let mut fat = std::mem::take(&mut self.timers.fat);
        fat.retain(|id| {
            let Some(slot) = self.slab.find(*id) else { return false };
            match self.slab.here(slot) {
                Some(conn) if conn.touched <= since => {
                    conn.slim();
                    conn.fat = false;
                    false
                }
                _ => true,
            }
        });
        self.timers.fat = fat;
    }

    /// Gives all connections their last turn; true if none is left, those too that workers have.
    pub(super) fn end_all(&mut self, now: Millis) -> bool {
        let stopped = Signals { stopped: true, ..Signals::default() };
        self.take_letters(now);
        for slot in self.slab.taken() {
            if let Some(conn) = self.slab.here(slot) {
                conn.signals.merge(stopped);
                let outcome = conn.safe_turn(&self.env, &mut self.scratch, now);
                self.after_turn(slot, outcome, now);
            }
        }
        self.env.submit(&mut self.scratch.batch, false);
        self.slab.taken().is_empty()
    }
}

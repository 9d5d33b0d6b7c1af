//! All of a run: members, clients, network and time, one event after the other.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use gamekeeper::ids::{Millis, Sid, Zxid};
use gamekeeper::peer::ensemble::{Effect, Event};
use gamekeeper::zab::election::{cnx, fle};
use gamekeeper::zab::{LearnerType, LinkId};

use super::clients::Client;
use super::disk::CrashDisk;
use super::judge::Judge;
use super::legal::Legality;
use super::net::{Arrival, Due, Net, Place};
use super::node::{Node, Shared};
use super::plan::Plan;
use super::random::Random;
use super::shell::Sending;
use super::{Figures, Micros, Violation};
use crate::history::History;

/// What happens at a time.
#[derive(Debug)]
pub enum Happening {
    /// A member's time passes.
    Tick(Sid, u64),
    /// A machine of the election wants to be stepped.
    Timer(Sid, u64),
    /// A member's thread has time for what waits.
    Work(Sid, u64),
    /// Something that was ordered by a member is done.
    Step(Sid, u64, Box<Event>),
    /// The log's thread of a member has had its time with the disk.
    LogWritten(Sid, u64),
    /// A barrier has had its time with the disk.
    Barrier(Sid, u64),
    /// The snapshot's thread does a little more.
    Snapshot(Sid, u64),
    /// The thread that sends a snapshot to a learner does a little more.
    Sending(Sid, u64, Box<Sending>),
    /// The connections of the election.
    Cnx(Sid, u64, CnxNews),
    /// Something arrives at an end of a connection.
    Arrive(LinkId, Arrival),
    /// A member is called.
    Called(LinkId, u64),
    /// A client's call was answered.
    ClientConnected(usize, Option<LinkId>),
    /// A client's time passes.
    Client(usize),
    /// A process is started.
    Boot(Sid),
    /// A process that stood still goes on.
    Resume(Sid),
    /// Something goes wrong.
    Fault,
    /// A disk has space again.
    Space(Sid),
    /// A connection breaks.
    Break(LinkId),
}

/// What the connections of the election are told later.
#[derive(Debug)]
pub enum CnxNews {
    /// A call was answered.
    Connected(Sid, LinkId),
    /// A call was not answered.
    Failed(Sid),
    /// What was written is out.
    Flushed(LinkId),
}

/// A run.
#[derive(Debug)]
pub struct World {
    /// Its parameters.
    pub plan: Plan,
    /// The time since the start.
    pub now: Micros,
    /// The dice.
    pub random: Random,
    /// The members.
    pub nodes: BTreeMap<Sid, Node>,
    /// The network.
    pub net: Net,
    /// What clients saw.
    pub history: History,
    /// Who sees to it that all is right.
    pub judge: Judge,
    /// Who sees to it that nobody says what he must not.
    pub legality: Legality,
    /// What was counted.
    pub figures: Figures,
    /// Lines of the trace, if it is wanted.
    pub trace: Option<fn(&str)>,
    pub(super) shared: Shared,
    pub(super) clients: Vec<Client>,
    queue: BTreeMap<(Micros, u64), Happening>,
    queued: u64,
    /// The first phase is over: nothing goes wrong any more.
    pub healed: bool,
    /// These are down or cut off in the second phase.
    pub left_out: BTreeSet<Sid>,
    pub(super) violation: Option<Violation>,
    /// What a script holds back.
    pub(super) holds: Holds,
    hash: u64,
}

/// What a script holds back, so that things happen in its order.
#[derive(Debug, Default)]
pub(super) struct Holds {
    /// These members stand before the first effect of that name.
    pub(super) effects: BTreeSet<(Sid, &'static str)>,
    /// The logs' threads of these members stand still.
    pub(super) logs: BTreeSet<Sid>,
    /// The barriers of these members take for ever.
    pub(super) barriers: BTreeSet<Sid>,
    /// The snapshots' threads of these members stand still.
    pub(super) snapshots: BTreeSet<Sid>,
    /// Connections break in the middle of a snapshot for a learner.
    pub(super) breaks_snapshots: bool,
}

/// The shortest time to a timer, in microseconds: who is at work cannot be stepped at once.
const TIMER_MIN: Micros = 200;
/// How often clients look at the time, in microseconds.
const CLIENT_TICK: Micros = 5_000;

impl World {
    /// Members and clients that have not begun.
    pub fn new(seed: u64, plan: Plan, trace: Option<fn(&str)>) -> Self {
        let mut random = Random::new(seed ^ 0x5157_a7e5_eed5_0000);
        let net = Net::new(random.fork(), plan.latency);
        let mut world = Self {
            shared: Shared::new(&plan),
            now: 0,
            nodes: BTreeMap::new(),
            net,
            history: History::default(),
            judge: Judge::default(),
            legality: Legality::default(),
            figures: Figures::default(),
            trace,
            clients: Vec::new(),
            queue: BTreeMap::new(),
            queued: 0,
            healed: false,
            left_out: BTreeSet::new(),
            violation: None,
            holds: Holds::default(),
            hash: 0,
            plan,
            random,
        };
        for sid in 1..=world.plan.voters + world.plan.observers {
            world.add_node(Sid(sid));
        }
        for id in 0..world.plan.clients {
            let client = Client::new(id, world.plan.habits, world.random.fork());
            world.clients.push(client);
            world.after(CLIENT_TICK, Happening::Client(id));
        }
        world.schedule_fault();
        world
    }

    fn add_node(&mut self, sid: Sid) {
        let voter = sid.0 <= self.plan.voters;
        let (drift, skew) = (self.plan.drift_ppm, self.plan.skew_ms);
        let node = Node {
            sid,
            kind: if voter { LearnerType::Participant } else { LearnerType::Observer },
            disk: CrashDisk::new(self.random.fork()),
            incarnation: 0,
            life: None,
            paused_until: 0,
            deferred: Vec::new(),
            slow_disk_until: 0,
            skew: self.random.below(2 * skew + 1) as Millis - skew as Millis,
            offset: self.random.below(1_000_000) as Millis,
            rate: 1_000_000 - drift + self.random.below(2 * drift + 1),
            looks: 0,
        };
        self.nodes.insert(sid, node);
        let wait = self.random.below(2_000_000);
        self.after(wait, Happening::Boot(sid));
    }

    /// Whether a member sends a snapshot to another.
    pub(super) fn is_sending_snapshot(&self, sid: Sid) -> bool {
        let mut happenings = self.queue.values();
        happenings.any(|h| matches!(h, Happening::Sending(sender, ..) if *sender == sid))
    }

    /// Something is to happen.
    pub(super) fn after(&mut self, wait: Micros, what: Happening) {
        self.at(self.now + wait, what);
    }

    pub(super) fn at(&mut self, time: Micros, what: Happening) {
        self.queued += 1;
        self.queue.insert((time.max(self.now), self.queued), what);
    }

    pub(super) fn schedule(&mut self, due: impl IntoIterator<Item = Due>) {
        for (at, link, arrival) in due {
            self.at(at, Happening::Arrive(link, arrival));
        }
    }

    pub(super) fn schedule_fault(&mut self) {
        if let Some(every) = self.plan.fault_every {
            let wait = self.random.between(1, every * 2);
            self.after(wait, Happening::Fault);
        }
    }

    /// A line of the trace.
    pub(super) fn note(&mut self, who: Place, what: &str, detail: &str) {
        for byte in what.bytes().chain(detail.bytes()).chain(self.now.to_le_bytes()) {
            self.hash = (self.hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        let Some(print) = self.trace else { return };
        let who = match who {
            Place::Node(sid) => format!("{sid}"),
            Place::Client(id) => format!("c{id}"),
        };
        let mut line = String::new();
        let (s, us) = (self.now / 1_000_000, self.now % 1_000_000);
        let _ = write!(line, "{s:>5}.{us:06} {who:>3} {what:<12} {detail}");
        print(&line);
    }

    /// Of all that has happened: equal for equal runs.
    pub fn hash(&self) -> u64 {
        self.hash
    }

    /// A promise is broken; the run is over.
    pub(super) fn violated(&mut self, what: impl Into<String>) {
        if self.violation.is_none() {
            let what = what.into();
            self.note(Place::Node(Sid(0)), "VIOLATION", &what);
            self.violation = Some(Violation { at: self.now, what });
        }
    }

    /// Runs until `until`, or until a promise is broken.
    pub fn run(&mut self, until: Micros) {
        while self.turn(until) {}
        self.now = self.now.max(until);
    }

    /// Lets the next thing happen; false if there is none until `until`, or a promise is broken.
    pub(super) fn turn(&mut self, until: Micros) -> bool {
        if self.violation.is_some() {
            return false;
        }
        let Some(((time, _), what)) = self.pop(until) else { return false };
        self.now = time;
        self.figures.events += 1;
        self.happen(what);
        if self.figures.events.is_multiple_of(4096) {
            self.net.sweep();
        }
        true
    }

    fn pop(&mut self, until: Micros) -> Option<((Micros, u64), Happening)> {
        let entry = self.queue.first_entry()?;
        if entry.key().0 > until {
            return None;
        }
        Some(entry.remove_entry())
    }

    /// The member that something is about, if it is still the same process.
    fn subject(&self, what: &Happening) -> Option<Sid> {
        match what {
            Happening::Tick(sid, _)
            | Happening::Timer(sid, _)
            | Happening::Work(sid, _)
            | Happening::Step(sid, ..)
            | Happening::LogWritten(sid, _)
            | Happening::Barrier(sid, _)
            | Happening::Snapshot(sid, _)
            | Happening::Sending(sid, ..)
            | Happening::Cnx(sid, ..) => Some(*sid),
            Happening::Arrive(link, _) | Happening::Called(link, _) => {
                match self.net.ends.get(link)?.place {
                    Place::Node(sid) => Some(sid),
                    Place::Client(_) => None,
                }
            }
            _ => None,
        }
    }

    fn is_stale(&self, what: &Happening) -> bool {
        match what {
            Happening::Tick(sid, life)
            | Happening::Timer(sid, life)
            | Happening::Work(sid, life)
            | Happening::Step(sid, life, _)
            | Happening::LogWritten(sid, life)
            | Happening::Barrier(sid, life)
            | Happening::Snapshot(sid, life)
            | Happening::Sending(sid, life, _)
            | Happening::Cnx(sid, life, _) => {
                self.nodes[sid].incarnation != *life || self.nodes[sid].life.is_none()
            }
            _ => false,
        }
    }

    pub(super) fn happen(&mut self, what: Happening) {
        if self.is_stale(&what) {
            return;
        }
        if let Some(sid) = self.subject(&what)
            && self.nodes[&sid].paused_until > self.now
        {
            if let Some(node) = self.nodes.get_mut(&sid) {
                node.deferred.push(what);
            }
            return;
        }
        match what {
            Happening::Tick(sid, _) => self.on_tick(sid),
            Happening::Timer(sid, _) => self.on_timer(sid),
            Happening::Work(sid, _) => self.on_work(sid),
            Happening::Step(sid, _, event) => match *event {
                Event::LeaderConnected(link) if !self.is_open(link) => {
                    self.step(sid, Event::LeaderUnreachable);
                }
                event => self.step(sid, event),
            },
            Happening::LogWritten(sid, _) => self.on_log_written(sid),
            Happening::Barrier(sid, _) => self.on_barrier(sid),
            Happening::Snapshot(sid, _) => self.on_snapshot_slice(sid),
            Happening::Sending(sid, _, sending) => self.on_sending(sid, *sending),
            Happening::Cnx(sid, _, news) => self.on_cnx_news(sid, news),
            Happening::Arrive(link, arrival) => self.on_arrival(link, arrival),
            Happening::Called(link, life) => self.on_called(link, life),
            Happening::ClientConnected(id, link) => {
                let link = link.filter(|link| self.is_open(*link));
                let wishes = self.clients[id].on_connected(self.now, link);
                self.grant(id, wishes);
            }
            Happening::Client(id) => self.on_client(id),
            Happening::Boot(sid) => self.boot(sid),
            Happening::Resume(sid) => self.resume(sid),
            Happening::Fault => self.on_fault(),
            Happening::Space(sid) => self.nodes[&sid].disk.set_full(false),
            Happening::Break(link) => {
                let due = self.net.break_link(self.now, link);
                self.schedule(due);
            }
        }
    }

    // ---- time

    fn on_tick(&mut self, sid: Sid) {
        let heard_until = self.nodes[&sid].now(self.now).mono;
        let incarnation = self.nodes[&sid].incarnation;
        let pause = self.tick_pause();
        self.after(pause, Happening::Tick(sid, incarnation));
        self.step(sid, Event::Tick { heard_until });
    }

    fn on_timer(&mut self, sid: Sid) {
        let Some(node) = self.nodes.get_mut(&sid) else { return };
        let now = node.now(self.now).mono;
        let Some(life) = &mut node.life else { return };
        life.timer_at = None;
        let have_delivered = life.cnx.have_delivered();
        let is_members = life.ensemble.deadline().is_some_and(|at| at <= now);
        if life.cnx.deadline().is_some_and(|at| at <= now) {
            self.tell_cnx(sid, cnx::Event::Timer);
        }
        self.tell_fle(sid, fle::Event::Timer { have_delivered });
        if is_members {
            self.step(sid, Event::Tick { heard_until: now });
        }
    }

    /// Sees to it that the member and the machines of its election are stepped when they want to be.
    pub(super) fn schedule_timer(&mut self, sid: Sid) {
        let now = self.now;
        let Some(node) = self.nodes.get_mut(&sid) else { return };
        let Some(life) = &node.life else { return };
        let deadlines = [life.fle.deadline(), life.cnx.deadline(), life.ensemble.deadline()];
        let Some(deadline) = deadlines.into_iter().flatten().min() else { return };
        let at = node.when(deadline).max(now + TIMER_MIN);
        if life.timer_at.is_none_or(|planned| planned > at) {
            let incarnation = node.incarnation;
            if let Some(life) = &mut node.life {
                life.timer_at = Some(at);
            }
            self.at(at, Happening::Timer(sid, incarnation));
        }
    }

    fn on_client(&mut self, id: usize) {
        self.after(CLIENT_TICK.min(self.plan.habits.pause.max(500)), Happening::Client(id));
        let sids: Vec<Sid> = self.nodes.keys().copied().collect();
        let wishes = self.clients[id].on_tick(self.now, &sids, &mut self.history);
        self.grant(id, wishes);
    }

    // ---- the second phase

    /// From now on nothing goes wrong.
    pub fn heal(&mut self) {
        self.healed = true;
        self.note(Place::Node(Sid(0)), "heal", "");
        if self.plan.only_majority {
            self.leave_out_a_minority();
        }
        let due = self.net.heal(self.now);
        self.schedule(due);
        if self.plan.minority_lives {
            self.cut_off_who_is_left_out();
        } else {
            self.stop_who_is_left_out();
        }
        for node in self.nodes.values_mut() {
            node.disk.set_full(false);
            node.disk.process_ended();
            node.slow_disk_until = 0;
        }
        self.plan.crash_at_effect = 0.0;
    }

    fn stop_who_is_left_out(&mut self) {
        for sid in self.left_out.clone() {
            if self.nodes[&sid].life.is_some() {
                self.stop(sid, "it is left out", false);
            }
        }
    }

    fn cut_off_who_is_left_out(&mut self) {
        for out in &self.left_out {
            for sid in self.nodes.keys().filter(|sid| !self.left_out.contains(sid)) {
                self.net.cut(Place::Node(*out), Place::Node(*sid));
                self.net.cut(Place::Node(*sid), Place::Node(*out));
            }
        }
    }

    fn leave_out_a_minority(&mut self) {
        let mut voters: Vec<Sid> = (1..=self.plan.voters).map(Sid).collect();
        for _ in 0..(self.plan.voters - 1) / 2 {
            let at = self.random.below(voters.len() as u64) as usize;
            self.left_out.insert(voters.swap_remove(at));
        }
    }

    /// The clients ask for nothing more.
    pub fn rest(&mut self) {
        self.clients.iter_mut().for_each(|client| client.resting = true);
    }

    /// Whether all who are to be there have the same, and serve.
    pub fn is_settled(&self) -> bool {
        let here = self.nodes.values().filter(|n| !self.left_out.contains(&n.sid));
        let mut zxids = BTreeSet::new();
        for node in here {
            let Some(life) = &node.life else { return false };
            let working = life.log_busy || life.snapshotting.is_some();
            if working || !life.ensemble.status().peer_state.ends_with("broadcast") {
                return false;
            }
            let zxid = life.front.db.read_tree().last_processed_zxid();
            zxids.insert(self.judge.last_txn(zxid));
        }
        zxids.len() == 1 && self.clients.iter().all(Client::is_quiet)
    }

    /// Who does what, for messages.
    pub fn describe(&self) -> String {
        let mut text = String::new();
        for node in self.nodes.values() {
            let state = match &node.life {
                None => "down".to_owned(),
                Some(life) => format!(
                    "{} at {}{}",
                    life.ensemble.status().peer_state,
                    life.front.db.read_tree().last_processed_zxid(),
                    if life.barrier.is_some() { " behind a barrier" } else { "" }
                ),
            };
            let _ = write!(text, "{}: {state}; ", node.sid);
        }
        let quiet = self.clients.iter().filter(|c| c.is_quiet()).count();
        let _ = write!(text, "{quiet} of {} clients are quiet", self.clients.len());
        text
    }

    /// The last zxid that is known to be committed.
    pub fn committed(&self) -> Zxid {
        self.judge.committed()
    }

    pub(super) fn push_effects(&mut self, sid: Sid, effects: Vec<Effect>) {
        if let Some(life) = self.nodes.get_mut(&sid).and_then(|node| node.life.as_mut()) {
            life.effects.extend(effects);
        }
    }
}

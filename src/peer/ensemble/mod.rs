//! A member of an ensemble, from one election to the next: LOOKING, then LEADING, FOLLOWING or
//! OBSERVING (`QuorumPeer.run`).
//!
//! Joins the protocol ([`crate::zab`]) with the server ([`crate::server`]). The protocol's machines
//! say what they want done as a list of effects in which some are barriers: nothing behind a barrier
//! begins before what it writes is durable. So their effects go through one queue here, which stops at
//! each barrier until [`Event::Done`] (or [`Event::Reloaded`]) says that it is done, and packets that
//! arrive meanwhile wait unread.
//!
//! What clients ask, what has become durable and the packets of other servers are all taken before what
//! was committed is applied, what was asked for is prepared, and what is to be sent and logged goes out:
//! one lock of the tree, one write to each connection and one batch of the log for all that has come.

mod calling;
mod figures;
mod leading;
mod learned;
mod learning;
mod local;
mod outbox;
mod read_only;
mod reception;
mod replica;
mod requests;
mod settings;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::Arc;

use log::info;

use self::calling::{Calling, Refusals};
use self::figures::Figures;
use self::leading::Leading;
use self::learning::Learning;
use self::outbox::Outbox;
use self::read_only::Looking;
pub use self::reception::SIGNATURE;
use self::replica::Replica;
pub use self::replica::{ConfigText, Loaded};
pub use self::settings::{Epochs, Faults, Parts, Pauses, Settings};
use super::Now;
pub use super::face::{Effect, Event, Learners, Status};
use super::pipeline::by_id;
use crate::ids::{Millis, SessionId, Zxid};
use crate::server::auth::Auth;
use crate::server::request::Input;
use crate::zab::election::vote::Vote;
use crate::zab::quorum::Quorums;
use crate::zab::{LinkId, ServerState, leader, learner};

/// What is to be done next, in order.
#[derive(Debug)]
enum Step {
    Leader(leader::Effect),
    Learner(learner::Effect),
    /// Barrier, outside the machines.
    SyncLog,
    Reload,
    /// What the log has becomes part of the tree.
    ApplyLogged,
    Look,
    /// The same, but an observer takes its time.
    LookAgain,
}

#[derive(Debug)]
enum Role {
    Looking(Looking),
    /// Calling the elected leader.
    Calling(Calling),
    Learning(Box<Learning>),
    Leading(Box<Leading>),
}

/// A member. See [`Event`] and [`Effect`] for its face.
#[derive(Debug)]
pub struct Ensemble {
    settings: Settings,
    auth: Arc<Auth>,
    quorums: Quorums,
    epochs: Epochs,
    replica: Replica,
    role: Role,
    steps: VecDeque<Step>,
    outbox: Outbox,
    /// A barrier is being carried out.
    at_barrier: bool,
    /// The server's data is not to be voted with.
    must_not_vote: bool,
    refusals: Refusals,
    figures: Figures,
}

impl Ensemble {
    /// A member that looks for a leader.
    pub fn new(settings: Settings, parts: Parts, now: Now, effects: &mut Vec<Effect>) -> Self {
        let must_not_vote = parts.loaded.tree.last_processed_zxid() == Zxid(-1);
        let mut replica = Replica::new(
            parts.front,
            parts.snapshots,
            settings.committed_limit,
            settings.config.clone(),
            settings.faults,
        );
        replica.install(parts.loaded, now.wall);
        let mut member = Self {
            settings,
            auth: parts.auth,
            quorums: parts.quorums,
            epochs: parts.epochs,
            replica,
            role: Role::Looking(Looking::default()),
            steps: VecDeque::from([Step::Look]),
            outbox: Outbox::default(),
            at_barrier: false,
            must_not_vote,
            refusals: Refusals::default(),
            figures: Figures::default(),
        };
        member.drain(now, effects);
        member
    }

    /// Takes in what happened, in this order; what is to be done is appended to `effects`.
    pub fn step(
        &mut self,
        now: Now,
        events: impl IntoIterator<Item = Event>,
        effects: &mut Vec<Effect>,
    ) {
        for event in events {
            // Whatever else happens may change what these mean: they are dealt with before it, and it
            // before those behind it.
            let gathers = matches!(event, Event::Inputs(_) | Event::Durable(_) | Event::Bytes(..));
            if !gathers {
                self.drain(now, effects);
            }
            self.take_in(now, event, effects);
            if !gathers {
                self.drain(now, effects);
            }
        }
        self.drain(now, effects);
        self.replica.applier.flush();
    }

    fn take_in(&mut self, now: Now, event: Event, effects: &mut Vec<Effect>) {
        match event {
            Event::Inputs(inputs) => self.on_inputs(now, inputs),
            Event::Durable(zxid) => self.on_durable(now, zxid),
            Event::Tick { heard_until } => self.on_tick(now, heard_until, effects),
            Event::Done => self.pass_barrier(now),
            Event::Reloaded(loaded) => {
                self.replica.install(*loaded, now.wall);
                self.pass_barrier(now);
            }
            Event::Elected(vote, state) => self.on_elected(now, vote, state, effects),
            Event::VoterLooking { sid, epoch } => {
                self.tell_leader(now, leader::Event::VoterLooking { sid, epoch });
            }
            Event::LeaderConnected(link) => self.on_leader_connected(now, link, effects),
            Event::LeaderUnreachable => self.on_leader_unreachable(now),
            Event::CannotListen => self.on_cannot_listen(now, effects),
            Event::Accepted(link) => self.on_accepted(now, link, effects),
            Event::Bytes(link, bytes) => self.on_bytes(now, link, bytes, effects),
            Event::Closed(link) => self.on_closed(now, link),
            Event::SnapshotSent(link) => self.on_snapshot_sent(now, link, effects),
            Event::TxnLogRead(link, entries) => {
                self.tell_leader(now, leader::Event::TxnLogRead { link, entries });
            }
        }
    }

    /// The committed sessions and their timeouts in ms: what a snapshot holds.
    pub fn committed_sessions(&self) -> Vec<(SessionId, i32)> {
        match &self.role {
            Role::Leading(leading) if leading.pipeline().is_some() => {
                leading.pipeline().map(|p| p.committed_sessions()).unwrap_or_default()
            }
            _ => by_id(&self.replica.sessions),
        }
    }

    /// Forgets the sizes of a leader's proposals (`srst`).
    pub fn reset_proposal_sizes(&self) {
        if let Role::Leading(leading) = &self.role {
            leading.proposals.reset();
        }
    }

    /// What operators are told.
    pub fn status(&self) -> Status {
        match &self.role {
            Role::Looking(looking) => looking.status(),
            Role::Calling(_) => {
                Status { state: "looking", peer_state: "looking".to_owned(), ..Status::default() }
            }
            Role::Learning(learning) => learning.status(&self.settings),
            Role::Leading(leading) => leading.status(&self.quorums),
        }
    }

    /// The sessions as `dump` shows them.
    pub fn dump_sessions(&self, now: Millis, now_wall: Millis) -> String {
        match &self.role {
            Role::Leading(leading) => {
                leading.pipeline().map(|p| p.sessions().dump(now, now_wall)).unwrap_or_default()
            }
            Role::Learning(learning) => learning.dump_sessions(now, now_wall),
            Role::Looking(looking) => looking.dump_sessions(now, now_wall),
            Role::Calling(_) => String::new(),
        }
    }

    /// When a [`Event::Tick`] is wanted that does not wait for its turn.
    pub fn deadline(&self) -> Option<Millis> {
        match &self.role {
            Role::Calling(calling) => calling.again_at(),
            Role::Leading(leading) => leading.deadline(),
            Role::Looking(looking) => looking.look_at(),
            Role::Learning(_) => None,
        }
    }

    /// Whether there is a leader, its quorum has the history, and so has this server.
    pub fn is_settled(&self) -> bool {
        match &self.role {
            Role::Leading(leading) => leading.pipeline().is_some(),
            Role::Learning(learning) => learning.is_broadcasting(),
            _ => false,
        }
    }

    /// Whether it has a leader whom it asks for all that changes anything.
    pub fn asks_leader(&self) -> bool {
        matches!(self.role, Role::Learning(_))
    }

    /// Whether nothing of a client is in process.
    pub fn is_idle(&self) -> bool {
        match &self.role {
            Role::Leading(leading) => leading.pipeline().is_none_or(|p| p.is_idle()),
            Role::Learning(learning) => learning.is_idle(),
            _ => true,
        }
    }

    /// Carries out what is to be done, up to the next barrier; then takes packets that have waited
    /// for that, and so on; then what these have gathered.
    fn drain(&mut self, now: Now, effects: &mut Vec<Effect>) {
        loop {
            while !self.at_barrier
                && let Some(step) = self.steps.pop_front()
            {
                self.carry_out(now, step, effects);
            }
            let any =
                !self.at_barrier && (self.take_packets(now, effects) || self.take_gathered(now));
            if !any {
                break;
            }
        }
        self.hand_over(effects);
    }

    fn carry_out(&mut self, now: Now, step: Step, effects: &mut Vec<Effect>) {
        match step {
            Step::Leader(effect) => self.carry_out_leader(now, effect, effects),
            Step::Learner(effect) => self.carry_out_learner(now, effect, effects),
            Step::SyncLog => self.barrier(Effect::SyncLog, effects),
            Step::Reload => self.barrier(Effect::Reload, effects),
            Step::ApplyLogged => {
                if !self.replica.apply_logged(now) {
                    self.steps.push_front(Step::Reload);
                }
            }
            Step::Look => self.look(now, effects),
            Step::LookAgain => self.look_again(now, effects),
        }
    }

    /// The end of a term: the log is written to its end, and the tree becomes what it says.
    fn end_term(&mut self, reload: bool) {
        if self.settings.faults.leave_log_behind {
            self.replica.forget_logged();
        } else {
            self.steps.push_back(Step::SyncLog);
        }
        self.steps.push_back(if reload { Step::Reload } else { Step::ApplyLogged });
        self.steps.push_back(Step::LookAgain);
    }

    fn barrier(&mut self, effect: Effect, effects: &mut Vec<Effect>) {
        self.hand_over(effects);
        effects.push(effect);
        self.at_barrier = true;
    }

    /// However long the disk took, the leader was not listened to meanwhile: its time begins anew, as
    /// that of a socket does with each read.
    fn pass_barrier(&mut self, now: Now) {
        self.at_barrier = false;
        self.tell_learner(now, learner::Event::Progress);
    }

    /// Hands what gathered to the connections and to the log.
    fn hand_over(&mut self, effects: &mut Vec<Effect>) {
        self.outbox.flush(effects);
        if let Some((batch, snapshot_due)) = self.replica.take_batch() {
            effects.push(Effect::Log(batch));
            if snapshot_due {
                effects.push(Effect::Snapshot);
            }
        }
    }

    /// No packet that was sent to a connection is lost with it.
    fn close(&mut self, link: LinkId, effects: &mut Vec<Effect>) {
        self.outbox.flush(effects);
        effects.push(Effect::Close(link));
    }

    fn look_again(&mut self, now: Now, effects: &mut Vec<Effect>) {
        match self.draw_pause(self.settings.pauses.observer_looks, now) {
            Some(pause) => self.role = Role::Looking(Looking::later(now.mono + pause)),
            None => self.look(now, effects),
        }
    }

    fn look(&mut self, now: Now, effects: &mut Vec<Effect>) {
        info!("LOOKING");
        self.note_looking(now);
        self.role = Role::Looking(Looking::since(now.mono));
        if self.settings.faults.read_only_writes {
            self.replica.write_read_only();
        }
        let zxid = if self.must_not_vote { Zxid(-1) } else { self.replica.last_zxid() };
        effects.push(Effect::Look { zxid, peer_epoch: self.epochs.current });
    }

    fn on_elected(&mut self, now: Now, vote: Vote, state: ServerState, effects: &mut Vec<Effect>) {
        if state != ServerState::Looking {
            self.note_elected(now, state);
            self.stop_read_only();
        }
        match state {
            ServerState::Looking => {}
            ServerState::Leading => self.begin_leading(now, effects),
            ServerState::Following | ServerState::Observing => {
                self.begin_calling(now, vote.candidate.leader, state, effects);
            }
        }
    }

    fn on_inputs(&mut self, now: Now, inputs: Vec<Input>) {
        match &mut self.role {
            Role::Leading(_) => self.lead_inputs(now, inputs),
            Role::Learning(_) => self.learn_inputs(now, inputs),
            Role::Looking(_) | Role::Calling(_) => self.look_inputs(now, inputs),
        }
    }

    fn on_durable(&mut self, now: Now, zxid: Zxid) {
        match &mut self.role {
            Role::Leading(leading) => {
                let metrics = &self.replica.front.metrics;
                leading.note_durable(metrics, &self.settings, zxid, now);
                self.tell_leader(now, leader::Event::Durable(zxid));
            }
            Role::Learning(_) => self.tell_learner(now, learner::Event::Durable(zxid)),
            Role::Looking(_) | Role::Calling(_) => {}
        }
    }

    fn on_tick(&mut self, now: Now, heard_until: Millis, effects: &mut Vec<Effect>) {
        match &self.role {
            Role::Leading(leading) => {
                let due = leading.is_timer_due(now.mono);
                self.lead_tick(now, heard_until);
                if due {
                    self.tell_leader(now, leader::Event::Timer);
                }
            }
            Role::Learning(learning) => {
                if learning.is_timer_due(now.mono) && !self.at_barrier {
                    self.tell_learner(now, learner::Event::Timer);
                }
                self.learn_tick(now, heard_until);
            }
            Role::Calling(_) => self.call_again(now, effects),
            Role::Looking(looking) if looking.look_at().is_some_and(|at| now.mono >= at) => {
                self.look(now, effects);
            }
            Role::Looking(_) => self.look_tick(now, heard_until),
        }
    }

    fn on_accepted(&mut self, now: Now, link: LinkId, effects: &mut Vec<Effect>) {
        if let Role::Leading(leading) = &mut self.role {
            leading.accepted(link);
            self.tell_leader(now, leader::Event::LearnerConnected { link });
        } else {
            effects.push(Effect::Close(link));
        }
    }

    /// Whoever sends is alive, though it may take long until a packet or a snapshot is whole.
    fn on_bytes(&mut self, now: Now, link: LinkId, bytes: Vec<u8>, effects: &mut Vec<Effect>) {
        let known = match &mut self.role {
            Role::Leading(leading) => leading.feed(link, bytes),
            Role::Learning(learning) => learning.feed(link, bytes),
            Role::Looking(_) | Role::Calling(_) => false,
        };
        if known {
            self.tell_leader(now, leader::Event::Progress { link });
            self.tell_learner(now, learner::Event::Progress);
        } else {
            effects.push(Effect::Close(link));
        }
    }

    fn on_closed(&mut self, now: Now, link: LinkId) {
        match &mut self.role {
            Role::Leading(leading) => {
                leading.closed(link);
                self.tell_leader(now, leader::Event::LearnerClosed { link });
            }
            Role::Learning(learning) if learning.link() == link => {
                self.tell_learner(now, learner::Event::Closed);
            }
            _ => {}
        }
    }

    /// Takes packets that have arrived; true if there was one.
    fn take_packets(&mut self, now: Now, effects: &mut Vec<Effect>) -> bool {
        match &self.role {
            Role::Leading(_) => self.take_learners_packet(now, effects),
            Role::Learning(_) => self.take_leaders_packet(now),
            Role::Looking(_) | Role::Calling(_) => false,
        }
    }

    /// Does what packets have gathered; true if there was something.
    fn take_gathered(&mut self, now: Now) -> bool {
        match &self.role {
            Role::Leading(_) => self.lead_gathered(now),
            Role::Learning(_) => self.learn_gathered(now),
            Role::Looking(_) | Role::Calling(_) => false,
        }
    }
}

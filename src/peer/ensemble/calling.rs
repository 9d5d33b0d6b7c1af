//! Between the election and the connection to the one who won it (`Learner.connectToLeader`).

use log::{info, warn};

use super::{Effect, Ensemble, Pauses, Role, Step};
use crate::ids::{Millis, Sid};
use crate::peer::Now;
use crate::zab::{LearnerType, LinkId, ServerState};

/// Calls before the leader is given up: twice the time of Java's 5 (`Learner.connectToLeader`), for a
/// Java leader may learn 200 ms later than its followers that it was elected.
const CALLS_MAX: u32 = 12;
/// Pause before the second call, in ms; each that follows is twice as long as the one before, up to
/// [`Pauses::between_calls`]. Who is elected may learn of it a moment after those who elect it.
const FIRST_CALL_PAUSE: Millis = 5;

/// Pause before a leader is called a third time in whose term this server has no place, in ms; each
/// that follows is twice as long, up to half a tick. (In Java there is none: it calls and is refused as
/// fast as both can, for as long as that leader leads.)
const FIRST_REFUSED_PAUSE: Millis = 50;

/// The leader that this server was with last, and how often in a row that came to nothing.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    leader: Option<Sid>,
    count: u32,
}

impl Refusals {
    /// The server has a place in its leader's term.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    /// The leader would not have this server, or the server could not follow it. Once is nothing: who
    /// has just been elected may give up, and then the next election is waited for.
    pub(super) fn note(&mut self, leader: Sid) {
        if self.leader.replace(leader) == Some(leader) {
            self.count = self.count.saturating_add(1);
        } else {
            self.count = 0;
        }
    }

    fn pause(&self, leader: Sid, tick_time: Millis) -> Option<Millis> {
        let again = self.count.checked_sub(1).filter(|_| self.leader == Some(leader))?;
        Some((FIRST_REFUSED_PAUSE << again.min(10)).min(tick_time / 2))
    }
}

/// The leader, and how often it was called.
#[derive(Debug)]
pub(super) struct Calling {
    leader: Sid,
    since: Millis,
    attempts: u32,
    /// When to call again; none while a call is under way.
    again_at: Option<Millis>,
}

impl Calling {
    pub(super) fn again_at(&self) -> Option<Millis> {
        self.again_at
    }
}

impl Ensemble {
    pub(super) fn begin_calling(
        &mut self,
        now: Now,
        leader: Sid,
        state: ServerState,
        effects: &mut Vec<Effect>,
    ) {
        info!("{}", if state == ServerState::Following { "FOLLOWING" } else { "OBSERVING" });
        let since = now.mono;
        let refused = self.refusals.pause(leader, self.settings.tick_time);
        let drawn = self.draw_pause(self.settings.pauses.observer_calls, now);
        let Some(pause) = refused.max(drawn) else {
            self.role = Role::Calling(Calling { leader, since, attempts: 1, again_at: None });
            return effects.push(Effect::ConnectLeader(leader));
        };
        info!("calling leader {leader} again in {pause} ms");
        let again_at = Some(since + pause);
        self.role = Role::Calling(Calling { leader, since, attempts: 0, again_at });
    }

    /// A pause that this server makes if it is an observer.
    pub(super) fn draw_pause(&self, longest: Millis, now: Now) -> Option<Millis> {
        if self.settings.kind == LearnerType::Participant {
            return None;
        }
        let pause = Pauses::draw(longest, self.settings.my_id, now.wall)?;
        info!("Waiting for {pause} ms before reconnecting with the leader");
        Some(pause)
    }

    /// A leader that has just been elected may not listen yet.
    pub(super) fn on_leader_unreachable(&mut self, now: Now) {
        let limit = match self.settings.connect_limit {
            0 => self.settings.init_limit,
            limit => limit,
        } * self.settings.tick_time;
        let longest = self.settings.pauses.between_calls.max(0);
        let Role::Calling(calling) = &mut self.role else { return };
        if calling.attempts >= CALLS_MAX || now.mono - calling.since >= limit {
            warn!("cannot reach the leader {}, looking again", calling.leader);
            self.steps.push_back(Step::LookAgain);
        } else {
            let doubled = FIRST_CALL_PAUSE << calling.attempts.saturating_sub(1).min(CALLS_MAX);
            calling.again_at = Some(now.mono + doubled.min(longest));
        }
    }

    pub(super) fn call_again(&mut self, now: Now, effects: &mut Vec<Effect>) {
        let Role::Calling(calling) = &mut self.role else { return };
        if calling.again_at.is_some_and(|at| now.mono >= at) {
            calling.again_at = None;
            calling.attempts += 1;
            effects.push(Effect::ConnectLeader(calling.leader));
        }
    }

    pub(super) fn on_leader_connected(
        &mut self,
        now: Now,
        link: LinkId,
        effects: &mut Vec<Effect>,
    ) {
        if let Role::Calling(Calling { leader, .. }) = self.role {
            self.begin_learning(now, leader, link);
        } else {
            effects.push(Effect::Close(link));
        }
    }
}

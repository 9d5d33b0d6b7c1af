//! A leader that says anything to a follower or an observer.

use gamekeeper::ids::Sid;
use gamekeeper::peer::ensemble::Event;
use gamekeeper::zab::{LearnerType, LinkId, ServerState};

use super::Input;
use super::member::Member;

/// The learner is an observer.
const OBSERVER: u8 = 1;
/// There is something in its log.
const HAS_HISTORY: u8 = 2;

const LEADER: LinkId = LinkId(1);
/// Transactions in its log.
const HISTORY: i64 = 20;

/// Any bytes from the leader. Whatever comes of it, the server must be able to start again on what it
/// has on its disk.
pub(super) fn learner(data: &[u8]) {
    let Some(input) = Input::of(data) else { return };
    let history = if input.has(HAS_HISTORY) { HISTORY } else { 0 };
    let (kind, state, sid) = if input.has(OBSERVER) {
        (LearnerType::Observer, ServerState::Observing, Sid(4))
    } else {
        (LearnerType::Participant, ServerState::Following, Sid(1))
    };
    let mut learner = Member::new(sid, kind, history);
    learner.elected(Sid(3), state);
    for piece in input.pieces() {
        if !learner.closed.contains(&LEADER) {
            learner.step(Event::Bytes(LEADER, piece.to_vec()));
        }
    }
    if !learner.looks {
        learner.step(Event::Closed(LEADER));
    }
    learner.wait(60_000);
    assert!(learner.looks || learner.ended, "it follows a leader that is gone");
    learner.check_restart();
}

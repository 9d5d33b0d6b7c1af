//! A learner that says anything to a leader.

use gamekeeper::ids::{SessionId, Sid, Zxid};
use gamekeeper::op::op;
use gamekeeper::peer::ensemble::Event;
use gamekeeper::zab::packet::{ForwardedRequest, LearnerInfo, PROTOCOL_VERSION, Packet};
use gamekeeper::zab::{LearnerType, LinkId, ServerState};

use super::Input;
use super::member::{Member, create_body, encoded};

/// An honest follower is there, and the leader leads before the bytes come; else they alone may make
/// its quorum.
const HAS_QUORUM: u8 = 1;
/// There is something in the leader's log.
const HAS_HISTORY: u8 = 2;

const HONEST: LinkId = LinkId(1);
const OTHER: LinkId = LinkId(2);
const SESSION: SessionId = SessionId(0x0200_0000_0000_0001);
/// Transactions in the leader's log.
const HISTORY: i64 = 20;

/// Any bytes from a learner to a leader.
pub(super) fn leader(data: &[u8]) {
    let Some(input) = Input::of(data) else { return };
    let history = if input.has(HAS_HISTORY) { HISTORY } else { 0 };
    let mut leader = Member::new(Sid(3), LearnerType::Participant, history);
    leader.elected(Sid(3), ServerState::Leading);
    if input.has(HAS_QUORUM) {
        follow(&mut leader);
    }
    leader.step(Event::Accepted(OTHER));
    for piece in input.pieces() {
        if !leader.closed.contains(&OTHER) {
            leader.step(Event::Bytes(OTHER, piece.to_vec()));
        }
    }
    if input.has(HAS_QUORUM) {
        assert!(!leader.ended, "a learner has ended the leader's process");
        check_leads(&mut leader);
    }
    leader.step(Event::Closed(OTHER));
    leader.wait(60_000);
    leader.check_restart();
}

/// An honest follower comes, syncs, and is served.
fn follow(leader: &mut Member) {
    leader.step(Event::Accepted(HONEST));
    say(leader, &[follower_info(Sid(2))]);
    say(leader, &[Packet::AckEpoch { zxid: Zxid(0), current_epoch: 0 }]);
    let new_leader = leader.sent.iter().find_map(|(_, packet)| match packet {
        Packet::NewLeader { zxid, .. } => Some(*zxid),
        _ => None,
    });
    let zxid = new_leader.expect("a follower is brought up to date");
    say(leader, &[Packet::Ack { zxid }]);
    assert!(
        leader.sent.iter().any(|(_, packet)| *packet == Packet::UpToDate),
        "a quorum has the history"
    );
    ask(leader, 1, op::CREATE_SESSION, &30_000_i32.to_be_bytes());
}

/// How a follower without a history introduces itself.
fn follower_info(sid: Sid) -> Packet {
    Packet::LearnerInfo(LearnerInfo {
        kind: LearnerType::Participant,
        zxid: Zxid(0),
        sid: Some(sid),
        protocol_version: PROTOCOL_VERSION,
        config_version: 0,
    })
}

fn say(leader: &mut Member, packets: &[Packet]) {
    leader.step(Event::Bytes(HONEST, encoded(packets)));
}

/// Has a request proposed, acknowledges all proposals, and looks for the commits.
fn ask(leader: &mut Member, cxid: i32, op: i32, body: &[u8]) {
    ack_all(leader);
    let request =
        ForwardedRequest { session: SESSION, cxid, op, body: body.to_vec(), auth: Vec::new() };
    say(leader, &[Packet::Request(request)]);
    let proposed = ack_all(leader).expect("the request is proposed");
    let committed = std::mem::take(&mut leader.sent)
        .iter()
        .any(|(link, packet)| *link == HONEST && *packet == Packet::Commit { zxid: proposed });
    assert!(committed, "what a quorum has is committed");
}

/// Acknowledges what was proposed; the last of it.
fn ack_all(leader: &mut Member) -> Option<Zxid> {
    let sent = std::mem::take(&mut leader.sent);
    let proposed = sent.iter().filter_map(|(link, packet)| match packet {
        Packet::Proposal { zxid, .. } if *link == HONEST => Some(*zxid),
        _ => None,
    });
    let zxids: Vec<Zxid> = proposed.collect();
    let acks: Vec<Packet> = zxids.iter().map(|zxid| Packet::Ack { zxid: *zxid }).collect();
    say(leader, &acks);
    zxids.last().copied()
}

/// The honest follower is served as if nothing had happened.
fn check_leads(leader: &mut Member) {
    assert!(!leader.closed.contains(&HONEST), "another learner's bytes cost it its leader");
    assert_eq!(leader.state(), "leader");
    ask(leader, 2, op::CREATE, &create_body("/witness"));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A leader with an honest follower, `silence` ms after which another claims to be `sid`.
    fn claimed(sid: Sid, silence: i64) -> Member {
        let mut leader = Member::new(Sid(3), LearnerType::Participant, HISTORY);
        leader.elected(Sid(3), ServerState::Leading);
        follow(&mut leader);
        leader.now += silence;
        leader.step(Event::Accepted(OTHER));
        leader.step(Event::Bytes(OTHER, encoded(&[follower_info(sid)])));
        leader
    }

    #[test]
    fn who_claims_the_id_of_a_server_that_is_there_is_sent_away() {
        for sid in [Sid(2), Sid(3)] {
            let mut leader = claimed(sid, 0);
            assert!(leader.closed.contains(&OTHER), "{sid} is taken");
            check_leads(&mut leader);
        }
    }

    #[test]
    fn a_learner_may_call_again_when_its_first_connection_is_silent() {
        let leader = claimed(Sid(2), 2_000);
        assert!(leader.closed.contains(&HONEST), "it is not on its first connection any more");
        assert!(!leader.closed.contains(&OTHER), "it is on its second");
    }
}

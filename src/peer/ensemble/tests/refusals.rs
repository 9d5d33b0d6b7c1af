//! A member that its leader will not have, or that cannot follow it.

use super::*;
use crate::zab::packet::{PROTOCOL_VERSION, Packet};

/// Is told that server 3 leads, and connects; how long it waits before it calls, if it does.
fn call(stage: &mut Stage) -> Option<Millis> {
    stage.elected(ServerState::Following);
    let pause = stage.member.deadline().map(|at| at - stage.world.now);
    stage.wait(pause.unwrap_or(0));
    assert_eq!(stage.member.deadline(), None, "it calls");
    stage.pass(Event::LeaderConnected(LINK));
    pause
}

#[test]
fn a_leader_that_refuses_again_and_again_is_called_more_and_more_seldom() {
    let mut stage = Stage::new(LocalSessions::Off);
    let refused = |stage: &mut Stage| {
        let pause = call(stage);
        stage.pass(Event::Closed(LINK));
        assert_eq!(stage.member.status().state, "looking");
        pause
    };
    let pauses: Vec<_> = (0..7).map(|_| refused(&mut stage)).collect();
    // Half a tick at the most.
    let expected = [None, None, Some(50), Some(100), Some(200), Some(250), Some(250)];
    assert_eq!(pauses, expected);

    call(&mut stage);
    let epoch = Zxid::new(2, 0);
    stage
        .leader_sends(&Packet::LeaderInfo { zxid: epoch, protocol_version: PROTOCOL_VERSION }, &[]);
    stage.leader_sends(&Packet::Diff { zxid: Zxid::ZERO }, &[]);
    stage.leader_sends(&Packet::NewLeader { zxid: epoch, config: None }, &[]);
    stage.leader_sends(&Packet::UpToDate, &[]);
    assert_eq!(stage.member.status().state, "follower");
    stage.pass(Event::Closed(LINK));
    assert_eq!(refused(&mut stage), None, "it was followed");
}

#[test]
fn another_leader_is_called_at_once() {
    let mut stage = Stage::new(LocalSessions::Off);
    for _ in 0..5 {
        call(&mut stage);
        stage.pass(Event::Closed(LINK));
    }
    let candidate = Candidate { leader: Sid(2), zxid: Zxid::ZERO, peer_epoch: 1 };
    stage.step(Event::Elected(Vote::looking(candidate, 1), ServerState::Following));
    assert_eq!(stage.member.deadline(), None);
}

#[test]
fn a_leader_without_a_port_looks_for_another() {
    let mut stage = Stage::new(LocalSessions::Off);
    stage.elected(ServerState::Leading);
    assert_eq!(stage.member.status().state, "leader");
    stage.pass(Event::CannotListen);
    stage.pass(Event::Done);
    assert_eq!(stage.member.status().state, "looking");
    // The answer of one that leads no more.
    stage.pass(Event::CannotListen);
    assert_eq!(stage.member.status().state, "looking");
}

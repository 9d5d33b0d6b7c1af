//! What the clients of a follower ask for, on its way to the leader.

use super::syncs::{encoded, failure, serving_with};
use super::*;
use crate::server::throttle::RequestThrottler;
use crate::zab::packet::Packet;

/// A follower that throttles, and a client of it.
fn stage(throttler: RequestThrottler) -> (Stage, Peer) {
    let settings = ensemble_settings();
    let pipeline = PipelineSettings { throttler, ..settings.pipeline };
    let settings = Settings { local_sessions: LocalSessions::Off, pipeline, ..settings };
    let mut stage = serving_with(settings);
    let peer = stage.greet(&comeback(GLOBAL));
    stage.leader_sends(&Packet::Revalidated { session: GLOBAL, valid: true }, &[]);
    (stage, peer)
}

impl Stage {
    /// Hands over what the client has sent; the numbers of what goes on to the leader.
    fn hand_over(&mut self, peer: &mut Peer) -> Vec<i32> {
        let inputs = std::mem::take(&mut peer.submitted);
        self.forwarded(Event::Inputs(inputs))
    }

    /// The leader commits a transaction of the client's request `cxid`.
    fn commit(&mut self, cxid: i32) -> Vec<i32> {
        let zxid = Zxid::new(2, i64::from(cxid));
        self.leader_sends(&failure(zxid, GLOBAL, cxid, Code::NodeExists.number()), &[]);
        self.forwarded(Event::Bytes(LINK, encoded(&Packet::Commit { zxid })))
    }

    fn forwarded(&mut self, event: Event) -> Vec<i32> {
        let told = self.told_leader(event).into_iter();
        let cxid = |packet| if let Packet::Request(r) = packet { Some(r.cxid) } else { None };
        told.filter_map(cxid).collect()
    }
}

fn replies(peer: &Peer) -> Vec<(i32, i32)> {
    peer.replies().iter().map(|reply| (reply.xid, reply.err)).collect()
}

#[test]
fn a_follower_holds_back_what_its_clients_ask_for_over_the_throttle() {
    let (mut stage, mut peer) = stage(throttler(2, 0));
    peer.output();
    for xid in 1..=4 {
        stage.world.feed(&mut peer, &request(xid, op::CREATE, &[]));
    }
    assert_eq!(stage.hand_over(&mut peer), [1, 2]);
    assert!(!stage.member.is_idle());
    assert_eq!(stage.commit(1), [3], "there is room for one");
    assert_eq!(stage.commit(2), [4]);
    assert_eq!((stage.commit(3), stage.commit(4)), (vec![], vec![]));
    assert_eq!(replies(&peer), [1, 2, 3, 4].map(|xid| (xid, Code::NodeExists.number())));
    assert!(stage.member.is_idle());
}

/// The order of a session's replies is that of its requests.
#[test]
fn who_waited_too_long_at_a_follower_is_told_so_in_its_turn() {
    let (mut stage, mut peer) = stage(throttler(0, 50));
    peer.output();
    stage.world.feed(&mut peer, &request(1, op::CREATE, &[]));
    assert_eq!(stage.hand_over(&mut peer), [1]);
    for (xid, kind) in [(2, op::SYNC), (3, op::CREATE)] {
        stage.world.feed(&mut peer, &request(xid, kind, &[]));
    }
    stage.world.now += 51;
    assert_eq!(stage.hand_over(&mut peer), [0; 0]);
    assert_eq!(replies(&peer), []);
    stage.commit(1);
    let throttled = Code::ThrottledOp.number();
    assert_eq!(replies(&peer), [(1, Code::NodeExists.number()), (2, throttled), (3, throttled)]);
    stage.world.feed(&mut peer, &request(4, op::SYNC, &[]));
    assert_eq!(stage.hand_over(&mut peer), [4]);
    stage.leader_sends(&Packet::Sync, &[]);
    assert_eq!(replies(&peer).last().map(|(xid, _)| *xid), Some(4), "no other sync is waited for");
}

#[test]
fn what_a_follower_holds_back_goes_with_its_leader() {
    let (mut stage, mut peer) = stage(throttler(1, 0));
    for xid in 1..=2 {
        stage.world.feed(&mut peer, &request(xid, op::CREATE, &[]));
    }
    assert_eq!(stage.hand_over(&mut peer), [1]);
    stage.pass(Event::Closed(LINK));
    assert!(peer.conn().is_closing());
    assert!(stage.member.is_idle());
    assert_eq!(stage.world.front.load.in_process(), 0);
}

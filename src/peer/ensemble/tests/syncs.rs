//! A member that is sent its leader's history, by its face.

use jute::Write;

use super::*;
use crate::storage::snapshot::body::BodyWalk;
use crate::zab::LinkId;
use crate::zab::packet::{PROTOCOL_VERSION, Packet};

const LINK: LinkId = LinkId(1);

impl Stage {
    /// A step whose barriers are carried out at once.
    fn pass(&mut self, mut event: Event) {
        loop {
            let now = Now { mono: self.world.now, wall: WALL + self.world.now };
            let mut effects = Vec::new();
            self.member.step(now, event, &mut effects);
            if !self.member.at_barrier {
                return;
            }
            event = Event::Done;
        }
    }

    fn leader_sends(&mut self, packet: &Packet, more: &[u8]) {
        let mut bytes = Vec::new();
        packet.encode(&mut bytes);
        bytes.extend_from_slice(more);
        self.pass(Event::Bytes(LINK, bytes));
    }
}

fn snapshot() -> Vec<u8> {
    let (tree, mut bytes) = (DataTree::new(TreeOptions::default()), Vec::new());
    let mut walk = BodyWalk::start(&tree, &[], &mut bytes);
    while walk.next(&tree, usize::MAX, usize::MAX, &mut bytes) {}
    bytes.put_str(Some(SIGNATURE));
    bytes
}

/// Were it fuzzy still, a term that this server leads next would record no digest, and a snapshot of
/// that term would pass for one of a single moment.
#[test]
fn a_tree_from_a_leader_is_sound_when_the_term_ends_before_it_serves() {
    let mut stage = Stage::new(LocalSessions::Off);
    stage.elected(ServerState::Following);
    stage.pass(Event::LeaderConnected(LINK));
    let (epoch, zxid) = (Zxid::new(2, 0), Zxid::new(1, 9));
    let info = Packet::LeaderInfo { zxid: epoch, protocol_version: PROTOCOL_VERSION };
    stage.leader_sends(&info, &[]);
    stage.leader_sends(&Packet::Snap { zxid }, &snapshot());
    stage.leader_sends(&Packet::NewLeader { zxid: epoch, config: None }, &[]);
    let is_fuzzy = |stage: &Stage| stage.world.front.db.read_tree().is_fuzzy();
    assert!(is_fuzzy(&stage), "what is committed meanwhile may be part of it");
    stage.pass(Event::Closed(LINK));
    assert_eq!(stage.member.status().state, "looking");
    assert_eq!(stage.world.front.db.read_tree().last_processed_zxid(), zxid);
    assert!(!is_fuzzy(&stage));
}

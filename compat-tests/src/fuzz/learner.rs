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

#[cfg(test)]
mod tests {
    use gamekeeper::ids::Zxid;
    use gamekeeper::peer::ensemble::SIGNATURE;
    use gamekeeper::storage::snapshot::body::BodyWalk;
    use gamekeeper::tree::{DataTree, NoEvents, TreeOptions};
    use gamekeeper::zab::packet::{PROTOCOL_VERSION, Packet};
    use jute::Write;

    use super::*;
    use crate::fuzz::member::{create_record, encoded};

    const INFO: Packet =
        Packet::LeaderInfo { zxid: Zxid(1 << 32), protocol_version: PROTOCOL_VERSION };

    /// What a leader of epoch 1 sends first to one who needs a snapshot with these transactions.
    fn snapshot(zxids: &[Zxid]) -> Vec<u8> {
        let mut tree = DataTree::new(TreeOptions::default());
        for zxid in zxids {
            tree.apply_record(&create_record(*zxid), &mut NoEvents);
        }
        let mut bytes = encoded(&[INFO, Packet::Snap { zxid: tree.last_processed_zxid() }]);
        let mut walk = BodyWalk::start(&tree, &[], &mut bytes);
        while walk.next(&tree, usize::MAX, usize::MAX, &mut bytes) {}
        bytes.put_str(Some(SIGNATURE));
        bytes
    }

    fn proposal(zxid: Zxid) -> Packet {
        let mut record = Vec::new();
        create_record(zxid).encode(&mut record);
        Packet::Proposal { zxid, record: record.into() }
    }

    /// A follower without a history that has heard this.
    fn follower(bytes: Vec<u8>) -> Member {
        let mut learner = Member::new(Sid(1), LearnerType::Participant, 0);
        learner.elected(Sid(3), ServerState::Following);
        learner.step(Event::Bytes(LEADER, bytes));
        learner
    }

    /// Java's leader begins to queue proposals for a learner, then looks at its zxid, then sends the
    /// snapshot: what was committed in between is in it and comes again behind it.
    #[test]
    fn what_a_snapshot_holds_may_be_committed_behind_it() {
        let zxids = [1, 2, 3].map(|counter| Zxid::new(1, counter));
        let mut bytes = snapshot(&zxids[..2]);
        for zxid in zxids {
            bytes.extend(encoded(&[proposal(zxid), Packet::Commit { zxid }]));
        }
        let zxid = Zxid::new(1, 0);
        bytes.extend(encoded(&[Packet::NewLeader { zxid, config: None }, Packet::UpToDate]));
        let learner = follower(bytes);
        assert_eq!((learner.state(), learner.last_zxid()), ("follower", zxids[2]));
        learner.check_restart();
    }

    /// No file can be named after it: a snapshot of such a zxid is not found again.
    #[test]
    fn a_history_below_the_first_zxid_is_refused() {
        let zxid = Zxid(i64::MIN + 17);
        let mut behind_a_snapshot = snapshot(&[Zxid::new(1, 1)]);
        behind_a_snapshot.extend(encoded(&[proposal(zxid), Packet::Commit { zxid }]));
        for bytes in [
            encoded(&[INFO, Packet::Snap { zxid }]),
            encoded(&[INFO, Packet::Trunc { zxid }]),
            encoded(&[INFO, Packet::Diff { zxid }]),
            behind_a_snapshot,
        ] {
            let learner = follower(bytes);
            assert!(learner.looks, "{}", learner.state());
            learner.check_restart();
        }
    }

    /// The time in a transaction is the leader's word.
    #[test]
    fn a_transaction_may_be_of_any_time() {
        for time in [i64::MIN, -1, i64::MAX] {
            let zxid = Zxid::new(1, 1);
            let mut record = create_record(zxid);
            record.header.time = time;
            let mut bytes = Vec::new();
            record.encode(&mut bytes);
            let learner = follower(encoded(&[
                INFO,
                Packet::Diff { zxid: Zxid(0) },
                Packet::NewLeader { zxid: Zxid::new(1, 0), config: None },
                Packet::UpToDate,
                Packet::Proposal { zxid, record: bytes.into() },
                Packet::Commit { zxid },
            ]));
            assert_eq!((learner.state(), learner.last_zxid()), ("follower", zxid));
            learner.check_restart();
        }
    }
}

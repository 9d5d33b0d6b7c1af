//! What leader and learner may tell each other: the legality of messages in the TLA+ specification of
//! ZAB (`proposalConsistent`, `commitConsistent`, `ackConsistent`, `messageLegal`). A packet that may not
//! be sent is seen here steps before anything is lost by it.

use std::collections::{BTreeMap, VecDeque};

use gamekeeper::ids::{Sid, Zxid};
use gamekeeper::zab::LinkId;
use gamekeeper::zab::packet::{Packet, PacketReader};

use super::judge::Judge;

/// How far a leader is with a learner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
enum Stage {
    #[default]
    Connected,
    /// LEADERINFO was sent.
    Epoch,
    /// DIFF, TRUNC or SNAP was.
    Sync,
    /// NEWLEADER was.
    NewLeader,
    /// UPTODATE was.
    UpToDate,
}

/// What went over one connection of the quorum port.
#[derive(Debug, Default)]
struct Talk {
    stage: Stage,
    epoch: i64,
    /// The last proposal.
    proposed: Zxid,
    /// Proposed and not committed.
    open: VecDeque<Zxid>,
    /// Proposed and not acknowledged, what came before NEWLEADER aside.
    unacknowledged: VecDeque<Zxid>,
    /// Committed before NEWLEADER: what its ack is about.
    synced: Zxid,
    /// NEWLEADER was acknowledged.
    acknowledged: bool,
}

/// All connections of the quorum port.
#[derive(Debug, Default)]
pub struct Legality {
    talks: BTreeMap<LinkId, Talk>,
}

type Legal = Result<(), String>;

impl Legality {
    /// A member sends these bytes from its end of a connection, whose ends have the numbers `link`
    /// and `peer`.
    ///
    /// # Errors
    /// What it must not say.
    pub fn on_sent(
        &mut self,
        (sid, link, peer): (Sid, LinkId, LinkId),
        bytes: &[u8],
        judge: &mut Judge,
    ) -> Legal {
        let mut reader = PacketReader::new(jute::Limits::default());
        reader.feed(bytes);
        let talk = self.talks.entry(link.min(peer)).or_default();
        while let Some(packet) = reader.next_packet().map_err(|e| format!("{sid}: {e}"))? {
            let name = packet.name();
            talk.on_packet(sid, packet, judge)
                .map_err(|why| format!("{sid} sends {name}: {why}"))?;
        }
        Ok(())
    }
}

fn demand(holds: bool, why: impl FnOnce() -> String) -> Legal {
    if holds { Ok(()) } else { Err(why()) }
}

impl Talk {
    fn on_packet(&mut self, sid: Sid, packet: Packet, judge: &mut Judge) -> Legal {
        match packet {
            Packet::LeaderInfo { zxid, .. } => {
                self.epoch = zxid.epoch();
                self.advance(Stage::Connected, Stage::Epoch)
            }
            Packet::Diff { .. } | Packet::Trunc { .. } | Packet::Snap { .. } => {
                self.advance(Stage::Epoch, Stage::Sync)
            }
            Packet::Proposal { zxid, record } => self.on_proposal(sid, zxid, &record, judge),
            Packet::Commit { zxid } => self.on_commit(zxid, judge),
            Packet::Inform { zxid, record } => {
                self.on_proposal(sid, zxid, &record, judge)?;
                self.on_commit(zxid, judge)
            }
            Packet::NewLeader { zxid, .. } => {
                demand(zxid == Zxid::new(self.epoch, 0), || format!("{zxid} in {}", self.epoch))?;
                self.unacknowledged.clone_from(&self.open);
                self.advance(Stage::Sync, Stage::NewLeader)
            }
            Packet::UpToDate => {
                let leads = judge.leader_of(self.epoch) == Some(sid);
                demand(leads && self.acknowledged, || "nobody follows yet".to_owned())?;
                self.advance(Stage::NewLeader, Stage::UpToDate)
            }
            Packet::Ack { zxid } => self.on_ack(sid, zxid, judge),
            Packet::Request(_) | Packet::Revalidate { .. } => {
                demand(self.stage == Stage::UpToDate, || "it does not serve".to_owned())
            }
            _ => Ok(()),
        }
    }

    fn advance(&mut self, from: Stage, to: Stage) -> Legal {
        demand(self.stage == from, || format!("in stage {:?}", self.stage))?;
        self.stage = to;
        Ok(())
    }

    /// Without a hole, and what was logged or proposed under that zxid before.
    fn on_proposal(&mut self, sid: Sid, zxid: Zxid, record: &[u8], judge: &mut Judge) -> Legal {
        demand(self.stage >= Stage::Sync, || "before the sync".to_owned())?;
        let last = std::mem::replace(&mut self.proposed, zxid);
        let follows = last == Zxid::ZERO || zxid == last.next();
        demand(follows || zxid.epoch() > last.epoch(), || format!("{zxid} behind {last}"))?;
        self.open.push_back(zxid);
        if self.stage >= Stage::NewLeader {
            self.unacknowledged.push_back(zxid);
        }
        judge.on_logged(sid, zxid, record)
    }

    /// The oldest that is proposed, and a quorum has it; in a sync all that the leader has will be.
    fn on_commit(&mut self, zxid: Zxid, judge: &Judge) -> Legal {
        let next = self.open.pop_front();
        demand(next == Some(zxid), || format!("{zxid} where {next:?} is next"))?;
        if self.stage < Stage::NewLeader {
            self.synced = zxid;
            return Ok(());
        }
        demand(judge.is_committed(zxid), || format!("{zxid} is not committed"))
    }

    /// What is acknowledged is on the platter; NEWLEADER first, and each proposal in its turn.
    fn on_ack(&mut self, sid: Sid, zxid: Zxid, judge: &Judge) -> Legal {
        if zxid.counter() == 0 {
            self.acknowledged = true;
            let wanted = self.synced;
            return demand(judge.is_durable(sid, wanted), || format!("it has not logged {wanted}"));
        }
        demand(self.acknowledged, || "before that of NEWLEADER".to_owned())?;
        while let Some(next) = self.unacknowledged.pop_front() {
            if next == zxid {
                return demand(judge.is_durable(sid, zxid), || format!("{zxid} is not durable"));
            }
        }
        Err(format!("{zxid} was not proposed"))
    }
}

#[cfg(test)]
mod tests {
    use gamekeeper::zab::packet::RecordBytes;

    use super::*;

    /// What becomes of packets between leader 1 and learner 2, the learner's marked by `false`. The
    /// leader leads epoch 1, and the learner's disk has what `durable` says.
    fn talk(durable: i64, packets: &[(bool, Packet)]) -> Legal {
        let (mut judge, mut legality) = (Judge::default(), Legality::default());
        judge.on_lead(Sid(1), 1, Zxid::ZERO)?;
        judge.on_durable(Sid(2), Zxid::new(1, durable));
        for (leaders, packet) in packets {
            let mut bytes = Vec::new();
            packet.encode(&mut bytes);
            let end = match leaders {
                true => (Sid(1), LinkId(1), LinkId(2)),
                false => (Sid(2), LinkId(2), LinkId(1)),
            };
            legality.on_sent(end, &bytes, &mut judge)?;
        }
        Ok(())
    }

    fn proposal(counter: i64) -> (bool, Packet) {
        (true, Packet::Proposal { zxid: Zxid::new(1, counter), record: RecordBytes::from([]) })
    }

    fn ack(counter: i64) -> (bool, Packet) {
        (false, Packet::Ack { zxid: Zxid::new(1, counter) })
    }

    fn handshake() -> Vec<(bool, Packet)> {
        let zxid = Zxid::new(1, 0);
        vec![
            (true, Packet::LeaderInfo { zxid, protocol_version: 0x10000 }),
            (true, Packet::Diff { zxid }),
            (true, Packet::NewLeader { zxid, config: None }),
            ack(0),
            (true, Packet::UpToDate),
        ]
    }

    fn after_handshake(more: impl IntoIterator<Item = (bool, Packet)>) -> Vec<(bool, Packet)> {
        handshake().into_iter().chain(more).collect()
    }

    #[test]
    fn what_is_right_may_be_said() {
        talk(2, &after_handshake([proposal(1), proposal(2), ack(1), ack(2)])).unwrap();
    }

    #[test]
    fn what_is_wrong_may_not() {
        let commit = (true, Packet::Commit { zxid: Zxid::new(1, 1) });
        let wrong = |durable, packets: &[(bool, Packet)], why: &str| {
            let found = talk(durable, packets).unwrap_err();
            assert!(found.contains(why), "{found} instead of {why}");
        };
        wrong(1, &after_handshake([proposal(1), proposal(3)]), "behind");
        wrong(0, &after_handshake([proposal(1), ack(1)]), "is not durable");
        wrong(1, &after_handshake([ack(1)]), "was not proposed");
        wrong(1, &after_handshake([commit.clone()]), "is next");
        wrong(1, &after_handshake([proposal(1), commit]), "is not committed");
        wrong(1, &after_handshake([(true, Packet::UpToDate)]), "in stage");
        wrong(1, &[proposal(1)], "before the sync");
        let mut early = handshake();
        early.remove(3);
        wrong(1, &early, "nobody follows yet");
        early.truncate(3);
        early.extend([proposal(1), ack(1)]);
        wrong(1, &early, "before that of NEWLEADER");
    }
}

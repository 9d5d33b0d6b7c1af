//! A learner that has acked NEWLEADER (the loop of `LearnerHandler.run`).

use std::ops::Bound;

use super::learner_handler::Stage;
use super::{Effect, Leader, LearnerFault};
use crate::ids::Zxid;
use crate::zab::LinkId;
use crate::zab::packet::Packet;

impl Leader {
    pub(super) fn on_settled_packet(
        &mut self,
        link: LinkId,
        packet: Packet,
        out: &mut Vec<Effect>,
    ) {
        let deadline = self.tick + self.settings.sync_limit;
        let Some(learner) = self.learners.get_mut(&link) else { return };
        if learner.stage == Stage::Following {
            learner.tick_of_next_ack_deadline = deadline;
        }
        match packet {
            Packet::Ack { zxid } => self.on_ack(link, zxid, out),
            Packet::Ping { touched, .. } => {
                if let Some(sessions) = touched.filter(|t| !t.is_empty()) {
                    out.push(Effect::Touch { link, sessions });
                }
            }
            Packet::Revalidate { session, timeout } => {
                out.push(Effect::Revalidate { link, session, timeout });
            }
            Packet::Request(request) => out.push(Effect::Request { link, request }),
            other => log::warn!("unexpected quorum packet, type: {}", other.name()),
        }
    }

    /// The ack that follows UPTODATE has counter 0: it is about no transaction.
    pub(super) fn on_ack(&mut self, link: LinkId, zxid: Zxid, out: &mut Vec<Effect>) {
        let Some(learner) = self.learners.get_mut(&link) else { return };
        learner.sync_limit_check.acknowledged(zxid);
        let sid = learner.sid;
        if zxid.counter() == 0 {
            return;
        }
        if self.is_in_future(zxid) {
            return self.drop_learner(link, LearnerFault::FutureAck(zxid), out);
        }
        if let Some(sid) = sid.filter(|_| !self.is_superseded(link)) {
            self.count_ack(sid, zxid, out);
        }
    }

    /// Whether the learner has called again since and was synced anew: what still comes over the first
    /// connection is about a log that it may no longer have.
    fn is_superseded(&self, link: LinkId) -> bool {
        let sid = self.learners.get(&link).and_then(|learner| learner.sid);
        let mut later = self.learners.range((Bound::Excluded(link), Bound::Unbounded));
        later.any(|(_, learner)| learner.sid == sid && learner.is_forwarding())
    }
}

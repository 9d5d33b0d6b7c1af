//! A learner that has acked NEWLEADER (the loop of `LearnerHandler.run`).

use super::learner_handler::Stage;
use super::{Effect, Leader, LearnerFault};
use crate::ids::{Millis, Zxid};
use crate::zab::LinkId;
use crate::zab::packet::Packet;

impl Leader {
    pub(super) fn on_settled_packet(
        &mut self,
        now: Millis,
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
            Packet::Ack { zxid } => self.on_ack(now, link, zxid, out),
            Packet::Ping { touched, .. } => {
                if let Some(sessions) = touched.filter(|t| !t.is_empty()) {
                    out.push(Effect::Touch { link, sessions });
                }
            }
            Packet::Revalidate { session, timeout } => {
                out.push(Effect::Revalidate { link, session, timeout });
            }
            Packet::Request(request) => out.push(Effect::Request { link, request }),
            other => self.drop_learner(link, LearnerFault::Unexpected(other.name()), out),
        }
    }

    /// The ack that follows UPTODATE has counter 0: it is about no transaction.
    pub(super) fn on_ack(&mut self, now: Millis, link: LinkId, zxid: Zxid, out: &mut Vec<Effect>) {
        let Some(learner) = self.learners.get_mut(&link) else { return };
        learner.sync_limit_check.acknowledged(zxid);
        if zxid.counter() == 0 {
            return;
        }
        if self.is_in_future(zxid) {
            return self.drop_learner(link, LearnerFault::FutureAck(zxid), out);
        }
        self.count_ack(now, link, zxid, out);
    }
}

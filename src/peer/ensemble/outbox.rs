//! Packets on their way out. What one event brings about goes to each connection in one piece, however
//! many packets it is: a write, not its bytes, is what costs.

use crate::peer::Effect;
use crate::zab::LinkId;
use crate::zab::packet::Packet;

/// Room that is made for what goes to a connection, at the most.
const ROOM_MAX: usize = 64 * 1024;

/// What is to be written, by connection. Whatever must not overtake a packet (a barrier, the end of a
/// connection, a snapshot) asks for it to be [flushed](Outbox::flush) first.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    /// A leader has a handful of learners, a learner one leader.
    links: Vec<(LinkId, Vec<u8>)>,
    /// What went to a connection last was so long, and so is what goes next, as a rule: growing to it
    /// step by step would cost as much as all the encoding.
    usual_len: usize,
    /// Whose client waits for an answer, as far as that is known.
    awaited: Option<LinkId>,
}

impl Outbox {
    /// Adds a packet to what goes to `link`.
    pub(super) fn send(&mut self, link: LinkId, packet: &Packet) {
        match self.links.iter_mut().find(|(known, _)| *known == link) {
            Some((_, bytes)) => packet.encode(bytes),
            None => {
                let mut bytes = Vec::with_capacity(self.usual_len.min(ROOM_MAX));
                packet.encode(&mut bytes);
                self.links.push((link, bytes));
            }
        }
    }

    /// From now on `link` is written to first: a client of that learner has asked for something. The
    /// others are needed for a quorum, but it is this one that answers. (A write may wake its reader on
    /// the very core that was to do the next write.)
    pub(super) fn await_first(&mut self, link: LinkId) {
        self.awaited = Some(link);
    }

    /// Lets everything go.
    pub(super) fn flush(&mut self, effects: &mut Vec<Effect>) {
        let awaited = self.links.iter().position(|(link, _)| Some(*link) == self.awaited);
        if let Some(at) = awaited {
            self.links.swap(0, at);
        }
        let longest = self.links.iter().map(|(_, bytes)| bytes.len()).max();
        self.usual_len = longest.unwrap_or(self.usual_len);
        effects.extend(self.links.drain(..).map(|(link, bytes)| Effect::Send(link, bytes)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::Zxid;

    #[test]
    fn whose_client_waits_is_written_to_first() {
        let (mut outbox, mut effects) = (Outbox::default(), Vec::new());
        let mut order = |outbox: &mut Outbox| {
            for link in [1, 2, 3] {
                outbox.send(LinkId(link), &Packet::Commit { zxid: Zxid(7) });
            }
            outbox.flush(&mut effects);
            let sent = effects.drain(..);
            let link = |effect| if let Effect::Send(LinkId(link), _) = effect { link } else { 0 };
            sent.map(link).collect::<Vec<_>>()
        };
        assert_eq!(order(&mut outbox), [1, 2, 3]);
        outbox.await_first(LinkId(3));
        assert_eq!(order(&mut outbox), [3, 2, 1]);
        outbox.await_first(LinkId(9));
        assert_eq!(order(&mut outbox), [1, 2, 3], "nothing goes to one that has left");
    }
}

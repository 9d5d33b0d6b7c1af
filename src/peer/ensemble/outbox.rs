//! Packets on their way out. What one event brings about goes to each connection in one piece, however
//! many packets it is: a write, not its bytes, is what costs.

use crate::peer::Effect;
use crate::zab::LinkId;
use crate::zab::packet::Packet;

/// What is to be written, by connection. Whatever must not overtake a packet (a barrier, the end of a
/// connection, a snapshot) asks for it to be [flushed](Outbox::flush) first.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    /// A leader has a handful of learners, a learner one leader.
    links: Vec<(LinkId, Vec<u8>)>,
}

impl Outbox {
    /// Adds a packet to what goes to `link`.
    pub(super) fn send(&mut self, link: LinkId, packet: &Packet) {
        match self.links.iter_mut().find(|(known, _)| *known == link) {
            Some((_, bytes)) => packet.encode(bytes),
            None => {
                let mut bytes = Vec::new();
                packet.encode(&mut bytes);
                self.links.push((link, bytes));
            }
        }
    }

    /// Lets everything go.
    pub(super) fn flush(&mut self, effects: &mut Vec<Effect>) {
        effects.extend(self.links.drain(..).map(|(link, bytes)| Effect::Send(link, bytes)));
    }
}

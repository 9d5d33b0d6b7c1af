//! What goes over the network: calls, and what arrives at whom.

use gamekeeper::ids::Sid;
use gamekeeper::peer::ensemble::Event;
use gamekeeper::zab::LinkId;
use gamekeeper::zab::election::cnx;

use super::Micros;
use super::clients::Wish;
use super::net::{Arrival, Place, Port};
use super::world::{Happening, World};

impl World {
    /// Somebody calls a member's port: both ends, or nothing where nobody takes the call.
    /// And how long it takes until the caller knows.
    pub(super) fn call(
        &mut self,
        from: Place,
        sid: Sid,
        port: Port,
    ) -> Result<(LinkId, Micros), Micros> {
        let to = Place::Node(sid);
        let wait = self.net.delay(from, to) + self.net.delay(to, from);
        self.try_call(from, sid, port, wait).map(|link| (link, wait)).ok_or(wait)
    }

    fn try_call(&mut self, from: Place, sid: Sid, port: Port, wait: Micros) -> Option<LinkId> {
        let to = Place::Node(sid);
        if self.net.is_cut(from, to) || self.net.is_cut(to, from) {
            return None;
        }
        let node = &self.nodes[&sid];
        let life = node.life.as_ref()?;
        if port == Port::Quorum && !life.listening {
            return None;
        }
        let incarnation = node.incarnation;
        let (called, known) = (self.now + wait / 2, self.now + wait);
        let (mine, theirs) = self.net.connect((from, known), (to, called), port);
        self.at(called, Happening::Called(theirs, incarnation));
        Some(mine)
    }

    fn call_client_port(&mut self, id: usize, sid: Sid) {
        let (link, wait) = match self.call(Place::Client(id), sid, Port::Client) {
            Ok((link, wait)) => (Some(link), wait),
            Err(wait) => (None, wait),
        };
        self.after(wait, Happening::ClientConnected(id, link));
    }

    /// Whether a connection is still there when the caller hears of it.
    pub(super) fn is_open(&self, link: LinkId) -> bool {
        self.net.ends.get(&link).is_some_and(|end| end.open)
    }

    pub(super) fn on_called(&mut self, link: LinkId, incarnation: u64) {
        let Some(end) = self.net.ends.get(&link) else { return };
        let (Place::Node(sid), port) = (end.place, end.port) else { return };
        let node = &self.nodes[&sid];
        if !end.open || node.incarnation != incarnation || node.life.is_none() {
            let due = self.net.break_link(self.now, link);
            return self.schedule(due);
        }
        match port {
            Port::Quorum => self.step(sid, Event::Accepted(link)),
            Port::Election => self.tell_cnx(sid, cnx::Event::Accepted { link }),
            Port::Client => self.accept_client(sid, link),
        }
    }

    pub(super) fn on_arrival(&mut self, link: LinkId, arrival: Arrival) {
        if let Arrival::Bytes(bytes) = &arrival
            && bytes.len() > 1
            && self.random.chance(self.plan.pieces)
        {
            return self.on_piece(link, bytes.clone());
        }
        let Some((place, port)) = self.net.accept(link, &arrival) else { return };
        match (place, port) {
            (Place::Client(id), _) => self.on_client_arrival(id, link, arrival),
            (Place::Node(sid), Port::Quorum) => {
                let event = match arrival {
                    Arrival::Bytes(bytes) => Event::Bytes(link, bytes),
                    Arrival::Closed | Arrival::Reset => Event::Closed(link),
                };
                self.step(sid, event);
            }
            (Place::Node(sid), Port::Election) => match &arrival {
                Arrival::Bytes(bytes) => self.tell_cnx(sid, cnx::Event::Bytes { link, bytes }),
                Arrival::Closed | Arrival::Reset => self.tell_cnx(sid, cnx::Event::Closed { link }),
            },
            (Place::Node(sid), Port::Client) => self.on_server_arrival(sid, link, arrival),
        }
    }

    /// A part of the bytes arrives now, the rest right behind, before anything else.
    fn on_piece(&mut self, link: LinkId, mut bytes: Vec<u8>) {
        let at = self.random.between(1, bytes.len() as u64 - 1) as usize;
        let rest = bytes.split_off(at);
        let pieces = std::mem::replace(&mut self.plan.pieces, 0.0);
        self.on_arrival(link, Arrival::Bytes(bytes));
        self.on_arrival(link, Arrival::Bytes(rest));
        self.plan.pieces = pieces;
    }

    fn on_client_arrival(&mut self, id: usize, link: LinkId, arrival: Arrival) {
        let wishes = match arrival {
            Arrival::Bytes(bytes) => {
                match self.clients[id].on_bytes(self.now, link, &bytes, &mut self.history) {
                    Ok(wishes) => wishes,
                    Err(why) => return self.violated(format!("client {id}: {why}")),
                }
            }
            Arrival::Closed | Arrival::Reset => self.clients[id].on_closed(self.now, link),
        };
        self.grant(id, wishes);
    }

    pub(super) fn grant(&mut self, id: usize, wishes: Vec<Wish>) {
        for wish in wishes {
            match wish {
                Wish::Connect(sid) => self.call_client_port(id, sid),
                Wish::Send(link, bytes) => {
                    let due = self.net.send(self.now, link, Arrival::Bytes(bytes));
                    self.schedule(due);
                }
                Wish::Close(link) => {
                    let due = self.net.close(self.now, link);
                    self.schedule(due);
                }
            }
        }
    }
}

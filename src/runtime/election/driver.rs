//! The body of the election's thread.

use std::collections::VecDeque;
use std::sync::Arc;

use super::ElectionSink;
use super::inbox::{Arrival, Inbox};
use super::remotes::Remotes;
use crate::ids::{Millis, Sid};
use crate::net::Clock;
use crate::net::links::{Connect, Links, Order, Port};
use crate::zab::LinkId;
use crate::zab::election::cnx::{self, CloseReason, QuorumCnxManager};
use crate::zab::election::fle::{self, FastLeaderElection, Rejection};
use crate::zab::election::initial::ElectionAddr;
use crate::zab::quorum::Quorums;

/// An effect that is still to be carried out.
enum Work {
    Fle(fle::Effect),
    Cnx(cnx::Effect),
}

pub(super) struct Driver {
    fle: FastLeaderElection,
    cnx: QuorumCnxManager,
    quorums: Quorums,
    connect_timeout: Millis,
    links: Links,
    sink: Arc<dyn ElectionSink>,
    remotes: Remotes,
    work: VecDeque<Work>,
    /// What the links are to do, after each batch.
    orders: Vec<Order>,
    now: Millis,
}

impl Driver {
    pub(super) fn new(
        fle: FastLeaderElection,
        cnx: QuorumCnxManager,
        quorums: Quorums,
        connect_timeout: Millis,
        links: Links,
        sink: Arc<dyn ElectionSink>,
    ) -> Self {
        Self {
            fle,
            cnx,
            quorums,
            connect_timeout,
            links,
            sink,
            remotes: Remotes::default(),
            work: VecDeque::new(),
            orders: Vec::new(),
            now: 0,
        }
    }

    pub(super) fn run(mut self, inbox: &Inbox, clock: Clock) {
        loop {
            let deadline = self.fle.deadline().into_iter().chain(self.cnx.deadline()).min();
            let batch = inbox.take(deadline.map(|at| at - clock.now()));
            self.now = clock.now();
            for arrival in batch.arrivals {
                if let Arrival::Stop = arrival {
                    return self.stop();
                }
                self.handle(arrival);
                self.carry_out();
            }
            self.fire_timers();
            self.orders.extend(batch.paused.into_iter().map(Order::Resume));
            self.links.send(self.orders.drain(..));
        }
    }

    fn handle(&mut self, arrival: Arrival) {
        match arrival {
            Arrival::Look { zxid, peer_epoch } => self.fle(fle::Event::Look { zxid, peer_epoch }),
            Arrival::Established(epoch) => self.fle(fle::Event::EpochEstablished(epoch)),
            Arrival::Quorums(quorums) => {
                self.quorums = quorums.clone();
                self.fle(fle::Event::Quorums(quorums.clone()));
                self.cnx(cnx::Event::Quorums(quorums));
            }
            Arrival::Accepted { link, remote } => {
                log::debug!("election: {remote} calls");
                self.remotes.insert(link, remote);
                self.cnx(cnx::Event::Accepted { link });
            }
            Arrival::Connected { sid, link, remote } => {
                log::debug!("election: connected to server {sid} at {remote}");
                self.remotes.insert(link, remote);
                self.cnx(cnx::Event::Connected { sid, link });
            }
            Arrival::ConnectFailed { sid, why } => {
                log::warn!("Cannot open channel to {sid} at election address {why}");
                self.cnx(cnx::Event::ConnectFailed { sid });
            }
            Arrival::Bytes { link, bytes } => self.cnx(cnx::Event::Bytes { link, bytes: &bytes }),
            Arrival::Flushed(link) => self.cnx(cnx::Event::Flushed { link }),
            Arrival::Closed { link, end } => {
                if let Some(remote) = self.remotes.remove(link) {
                    log::info!("election: connection with {remote} ended: {}", end.why);
                }
                self.cnx(match end.is_lost {
                    true => cnx::Event::Lost { link },
                    false => cnx::Event::Closed { link },
                });
            }
            Arrival::Stop => {}
        }
    }

    fn fire_timers(&mut self) {
        let is_due = |deadline: Option<Millis>| deadline.is_some_and(|at| at <= self.now);
        let (fle, cnx) = (is_due(self.fle.deadline()), is_due(self.cnx.deadline()));
        if fle {
            let have_delivered = self.cnx.have_delivered();
            self.fle(fle::Event::Timer { have_delivered });
        }
        if cnx {
            self.cnx(cnx::Event::Timer);
        }
        self.carry_out();
    }

    fn fle(&mut self, event: fle::Event<'_>) {
        let mut out = Vec::new();
        self.fle.step(self.now, event, &mut out);
        self.work.extend(out.into_iter().map(Work::Fle));
    }

    fn cnx(&mut self, event: cnx::Event<'_>) {
        let mut out = Vec::new();
        self.cnx.step(self.now, event, &mut out);
        self.work.extend(out.into_iter().map(Work::Cnx));
    }

    fn carry_out(&mut self) {
        while let Some(work) = self.work.pop_front() {
            match work {
                Work::Fle(effect) => self.carry_out_fle(effect),
                Work::Cnx(effect) => self.carry_out_cnx(effect),
            }
        }
    }

    fn carry_out_fle(&mut self, effect: fle::Effect) {
        match effect {
            fle::Effect::Send { to, bytes } => self.cnx(cnx::Event::Send { to, bytes }),
            fle::Effect::ConnectAll => self.cnx(cnx::Event::ConnectAll),
            fle::Effect::Decided { vote, state } => {
                log::info!("election: {state:?}, vote {vote}, round {}", vote.election_epoch);
                self.sink.decided(vote, state);
            }
            fle::Effect::VoterLooking { sid, epoch } => self.sink.voter_looking(sid, epoch),
            fle::Effect::AdoptConfig(config) => {
                log::info!("election: others have configuration version {:x}", config.version());
                self.quorums.set_committed(Arc::clone(&config));
                self.cnx(cnx::Event::Quorums(self.quorums.clone()));
                self.sink.adopt_config(config);
            }
            fle::Effect::Rejected { from, why } => self.complain(from, &why),
        }
    }

    fn carry_out_cnx(&mut self, effect: cnx::Effect) {
        match effect {
            cnx::Effect::Connect { sid, addresses, told } => self.connect(sid, addresses, told),
            cnx::Effect::Write { link, bytes } => {
                self.orders.push(Order::Write { link, bytes: bytes.into() });
            }
            cnx::Effect::Close { link, why } => self.close(link, &why),
            cnx::Effect::Deliver { from, bytes } => {
                self.fle(fle::Event::Message { from, bytes: &bytes });
            }
            cnx::Effect::Unreachable(sid) => self.fle(fle::Event::Unreachable(sid)),
            cnx::Effect::UnknownSid(sid) => log::warn!("election: no server {sid} is a member"),
            cnx::Effect::Stranger { link, sid } => {
                if let Some(remote) = self.remotes.address(link) {
                    log::info!("election: {remote} is server {sid}, which is no member");
                }
            }
        }
    }

    /// A message was dropped; those of this server to itself come over no link.
    fn complain(&mut self, from: Sid, why: &Rejection) {
        let link = self.cnx.link(from);
        if let Some(remote) = link.and_then(|link| self.remotes.complain(link, self.now)) {
            log::warn!("election: dropped a message of server {from} at {remote}: {why}");
        }
    }

    fn connect(&mut self, sid: Sid, addresses: Vec<ElectionAddr>, told: bool) {
        let addresses = addresses.into_iter().map(|a| (a.host, a.port)).collect();
        let (port, timeout) = (Port::Election, self.connect_timeout);
        self.orders.push(Order::Connect(Connect { port, sid, addresses, timeout, told }));
    }

    fn close(&mut self, link: LinkId, why: &CloseReason) {
        if let Some(remote) = self.remotes.remove(link) {
            match why {
                CloseReason::PeerCallsBack(_)
                | CloseReason::CallingBack(_)
                | CloseReason::Replaced(_) => log::debug!("election: closing {remote}: {why}"),
                _ => log::warn!("election: closing the connection with {remote}: {why}"),
            }
        }
        self.orders.push(Order::Close(link));
    }

    fn stop(mut self) {
        let open = std::mem::take(&mut self.remotes);
        self.orders.extend(open.into_links().map(Order::CloseNow));
        self.links.send(self.orders.drain(..));
    }
}

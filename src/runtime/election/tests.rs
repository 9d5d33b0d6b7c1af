//! Elections over loopback, on the real clock.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::{Election, ElectionSettings, ElectionSink};
use crate::config::ConfigOptions;
use crate::ids::{Sid, Zxid};
use crate::net::links::{LinkSettings, Links, Port};
use crate::net::{Clock, loopback};
use crate::zab::ServerState;
use crate::zab::election::initial::ElectionAddr;
use crate::zab::election::vote::Vote;
use crate::zab::election::{cnx, fle};
use crate::zab::quorum::{QuorumVerifier, Quorums};

const PATIENCE: Duration = Duration::from_secs(60);

struct Ballot(Mutex<Sender<(Vote, ServerState)>>);

impl ElectionSink for Ballot {
    fn decided(&self, vote: Vote, state: ServerState) {
        // A test that has seen enough listens no more.
        let _ = self.0.lock().unwrap().send((vote, state));
    }

    fn voter_looking(&self, _: Sid, _: i64) {}

    fn adopt_config(&self, _: Arc<QuorumVerifier>) {}
}

struct Node {
    links: Links,
    election: Election,
    decided: Receiver<(Vote, ServerState)>,
}

impl Node {
    fn start(sid: Sid, links: Links, quorums: &Quorums, zxid: Zxid) -> Self {
        let member = quorums.committed().member(sid).unwrap();
        let address = |a: &crate::config::PeerAddress| ElectionAddr {
            host: a.host.clone(),
            port: a.election_port,
        };
        let settings = ElectionSettings {
            // A voter may not be scheduled for a while.
            fle: fle::Settings { finalize_wait: 2_000, ..fle::Settings::new(sid) },
            cnx: cnx::Settings {
                my_id: sid,
                addresses: member.addresses.iter().map(address).collect(),
                multi_address: false,
                greeting_timeout: 5_000,
                max_strangers: 256,
                fault_ebcdic: false,
            },
            connect_timeout: 5_000,
        };
        let (tell, decided) = channel();
        let sink = Arc::new(Ballot(Mutex::new(tell)));
        let quorums = quorums.clone();
        let clock = Clock::start();
        let election =
            Election::start(settings, quorums, (zxid, 0), links.clone(), clock, sink).unwrap();
        election.look(zxid, 0);
        Self { links, election, decided }
    }

    fn decision(&self) -> (Sid, ServerState) {
        let (vote, state) = self.decided.recv_timeout(PATIENCE).expect("nothing was decided");
        (vote.candidate.leader, state)
    }

    fn kill(self) {
        self.links.shutdown();
        self.election.stop();
    }
}

struct Ensemble {
    quorums: Quorums,
    addresses: BTreeMap<Sid, SocketAddr>,
    nodes: BTreeMap<Sid, Node>,
}

fn links() -> Links {
    Links::start(LinkSettings::default(), Clock::start()).unwrap()
}

impl Ensemble {
    /// All of `n` servers listen, those in `up` vote, with the zxids that stand there.
    fn start(n: i64, up: &[(i64, i64)]) -> Self {
        let mut all = BTreeMap::new();
        for id in 1..=n {
            let links = links();
            let address = links.listen(Port::Election, loopback::own()).unwrap();
            all.insert(Sid(id), (links, address));
        }
        let line = |(sid, (_, a)): (&Sid, &(Links, SocketAddr))| {
            format!("server.{sid}={}:1:{}\n", a.ip(), a.port())
        };
        let text: String = all.iter().map(line).collect();
        let options = ConfigOptions { standalone: false, ..ConfigOptions::default() };
        let quorums = Quorums::new(Arc::new(QuorumVerifier::parse(&text, options).unwrap()));
        let addresses = all.iter().map(|(sid, (_, a))| (*sid, *a)).collect();
        let mut nodes = BTreeMap::new();
        for (sid, (links, _)) in all {
            match up.iter().find(|(id, _)| *id == sid.0) {
                Some((_, zxid)) => {
                    nodes.insert(sid, Node::start(sid, links, &quorums, Zxid(*zxid)));
                }
                None => links.shutdown(),
            }
        }
        Self { quorums, addresses, nodes }
    }

    /// The leader that all agree on.
    fn leader(&self) -> Sid {
        let decisions: Vec<_> = self.nodes.iter().map(|(sid, n)| (*sid, n.decision())).collect();
        let (_, (leader, _)) = decisions[0];
        for (sid, decision) in &decisions {
            let leads = *sid == leader;
            let state = if leads { ServerState::Leading } else { ServerState::Following };
            assert_eq!(*decision, (leader, state), "server {sid} of {decisions:?}");
        }
        leader
    }

    fn kill(&mut self, sid: Sid) {
        self.nodes.remove(&sid).unwrap().kill();
    }

    fn restart(&mut self, sid: Sid, zxid: i64) {
        let links = links();
        links.listen(Port::Election, self.addresses[&sid]).unwrap();
        self.nodes.insert(sid, Node::start(sid, links, &self.quorums, Zxid(zxid)));
    }

    fn all_look(&self, zxid: i64) {
        self.nodes.values().for_each(|n| n.election.look(Zxid(zxid), 1));
    }
}

impl Drop for Ensemble {
    fn drop(&mut self) {
        std::mem::take(&mut self.nodes).into_values().for_each(Node::kill);
    }
}

#[test]
fn three_elect_the_highest_id_at_once() {
    let begun = Instant::now();
    let ensemble = Ensemble::start(3, &[(1, 0), (2, 0), (3, 0)]);
    assert_eq!(ensemble.leader(), Sid(3));
    assert!(begun.elapsed() < PATIENCE / 2, "{:?}", begun.elapsed());
}

#[test]
fn five_elect_the_longest_log() {
    let ensemble = Ensemble::start(5, &[(1, 5), (2, 9), (3, 5), (4, 5), (5, 5)]);
    assert_eq!(ensemble.leader(), Sid(2));
}

#[test]
fn two_of_three_are_enough_though_one_cannot_be_reached() {
    let ensemble = Ensemble::start(3, &[(1, 0), (2, 0)]);
    assert_eq!(ensemble.leader(), Sid(2));
}

#[test]
fn a_killed_leader_is_replaced_and_follows_when_it_is_back() {
    let mut ensemble = Ensemble::start(5, &[(1, 0), (2, 0), (3, 0), (4, 0), (5, 0)]);
    assert_eq!(ensemble.leader(), Sid(5));
    ensemble.kill(Sid(5));
    ensemble.all_look(7);
    assert_eq!(ensemble.leader(), Sid(4));
    ensemble.nodes.values().for_each(|n| n.election.established(2));
    ensemble.restart(Sid(5), 99);
    assert_eq!(ensemble.nodes[&Sid(5)].decision(), (Sid(4), ServerState::Following));
}

#[test]
fn a_follower_that_was_killed_comes_back() {
    let mut ensemble = Ensemble::start(3, &[(1, 0), (2, 0), (3, 0)]);
    assert_eq!(ensemble.leader(), Sid(3));
    for sid in [Sid(1), Sid(2), Sid(1)] {
        ensemble.kill(sid);
        ensemble.restart(sid, 0);
        assert_eq!(ensemble.nodes[&sid].decision(), (Sid(3), ServerState::Following));
    }
}

#[test]
fn a_thousand_silent_callers_and_some_that_babble_do_not_disturb() {
    let mut ensemble = Ensemble::start(3, &[(1, 0), (2, 0), (3, 0)]);
    assert_eq!(ensemble.leader(), Sid(3));
    let target = ensemble.addresses[&Sid(2)];
    let mut callers: Vec<TcpStream> =
        (0..1000).map(|_| TcpStream::connect(target).unwrap()).collect();
    for (i, caller) in callers.iter_mut().enumerate().skip(900) {
        // The connection may have been closed already, to make room.
        let _ = caller.write_all(&[i as u8; 64]);
    }
    ensemble.kill(Sid(3));
    ensemble.all_look(1);
    assert_eq!(ensemble.leader(), Sid(2));
}

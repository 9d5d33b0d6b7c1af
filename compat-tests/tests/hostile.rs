//! Three of ours under load, and strangers at their quorum and election ports: nothing that comes in
//! there may cost the ensemble its leader, a client an answer, or a member memory without bounds.

use std::io::{Read, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use compat_tests::ensemble::load::Load;
use compat_tests::ensemble::verdict::judge;
use compat_tests::ensemble::{Ensemble, PATIENCE, Plan};
use compat_tests::fuzz::{corpus, mutate};
use compat_tests::server::Kind;
use compat_tests::sim::random::Random;
use compat_tests::usage;
use compat_tests::{Failure, Result};
use gamekeeper::ids::{Sid, Zxid};
use gamekeeper::runtime::allow_open_files;
use gamekeeper::zab::LearnerType;
use gamekeeper::zab::election::initial::{ElectionAddr, InitialMessage};
use gamekeeper::zab::election::notification::encode;
use gamekeeper::zab::election::vote::{Candidate, Vote};
use gamekeeper::zab::packet::{LearnerInfo, PROTOCOL_VERSION, Packet};
use jute::Write;

/// Clients of the load.
const CLIENTS: usize = 4;
/// Writes between two attacks.
const WRITES: u64 = 40;
/// Connections that say nothing, over all ports.
const SILENT: usize = 1000;
/// Mutations of real traffic for each port.
const MUTATIONS: usize = 30;
/// Servers that are no members and come to stay, at each port.
const NEWCOMERS: i64 = 400;
/// What files a member may have open: its own, those of the load, and a bounded number of strangers.
const FILES_MAX: usize = 800;
/// What a member's memory may grow by, in bytes: strangers, their packets, the clients' nodes.
const GROWTH_MAX: u64 = 100 << 20;

/// The ports that members have for each other.
struct Ports {
    quorum: Vec<SocketAddr>,
    election: Vec<SocketAddr>,
}

impl Ports {
    fn all(&self) -> impl Iterator<Item = &SocketAddr> + Clone {
        self.quorum.iter().chain(&self.election)
    }
}

/// Sends bytes and goes; where to is listened to only if somebody listens (a follower does not take
/// learners). The address that the member saw, if it took the call.
fn shoot(to: SocketAddr, bytes: &[u8]) -> Option<SocketAddr> {
    let mut stream = TcpStream::connect(to).ok()?;
    let own = stream.local_addr().ok()?;
    // A member may hang up in the middle: that is what is wanted of it.
    let _ = stream.write_all(bytes);
    let _ = stream.set_read_timeout(Some(Duration::from_millis(5)));
    let _ = stream.read(&mut [0; 256]);
    Some(own)
}

fn garbage(random: &mut Random, ports: &Ports) {
    for to in ports.all() {
        for len in [1, 7, 100, 10_000] {
            let bytes: Vec<u8> = (0..len).map(|_| random.draw() as u8).collect();
            shoot(*to, &bytes);
        }
        shoot(*to, b"GET / HTTP/1.1\r\n\r\n");
        shoot(*to, b"ruok");
    }
}

/// Real traffic, cut, damaged and mixed.
fn mutations(random: &mut Random, ports: &Ports) -> Result<()> {
    for (target, to) in [("quorum_leader", &ports.quorum), ("election", &ports.election)] {
        let inputs: Vec<Vec<u8>> =
            corpus::read(target)?.into_iter().map(|(_, input)| input[2..].to_vec()).collect();
        for _ in 0..MUTATIONS {
            let input = mutate::mutate(&inputs, random);
            to.iter().for_each(|to| {
                shoot(*to, &input);
            });
        }
    }
    Ok(())
}

/// Lengths that nobody may have, and packets that end in the middle.
fn lengths(ports: &Ports) {
    for length in [-2, i32::MIN, i32::MAX, 1 << 30, 0x10_0000] {
        for to in &ports.quorum {
            let mut packet = Vec::new();
            packet.put_int(11);
            packet.put_long(0);
            packet.put_int(length);
            packet.extend([0; 1000]);
            shoot(*to, &packet);
        }
        for to in &ports.election {
            let mut first = Vec::new();
            first.put_long(-65536);
            first.put_long(1);
            first.put_int(length);
            shoot(*to, &first);
            let mut message = hello(1);
            message.put_int(length);
            message.extend([0; 1000]);
            shoot(*to, &message);
        }
    }
}

fn versions(ports: &Ports) {
    for to in &ports.election {
        for version in [-1, -65534, -65537, i64::MIN] {
            let mut first = hello(1);
            first[..8].copy_from_slice(&version.to_be_bytes());
            shoot(*to, &first);
        }
    }
    for to in &ports.quorum {
        for version in [0, 1, -1, i32::MIN] {
            shoot(*to, &learner(2, version));
        }
    }
}

fn hello(sid: i64) -> Vec<u8> {
    let addresses = vec![ElectionAddr { host: "127.0.0.1".to_owned(), port: 1 }];
    InitialMessage { sid: Sid(sid), addresses }.encode(false)
}

/// A learner introduces itself.
fn introduction(sid: i64, protocol_version: i32) -> Packet {
    Packet::LearnerInfo(LearnerInfo {
        kind: LearnerType::Participant,
        zxid: Zxid(0),
        sid: Some(Sid(sid)),
        protocol_version,
        config_version: 0,
    })
}

/// A learner that introduces itself and acknowledges whatever there is.
fn learner(sid: i64, protocol_version: i32) -> Vec<u8> {
    let zxid = Zxid::new(1, 0);
    let packets = [
        introduction(sid, protocol_version),
        Packet::AckEpoch { zxid: Zxid(0), current_epoch: 0 },
        Packet::Ack { zxid },
        Packet::Ack { zxid: Zxid::new(1, i64::from(u32::MAX)) },
    ];
    let mut bytes = Vec::new();
    packets.iter().for_each(|packet| packet.encode(&mut bytes));
    bytes
}

/// Those who say that they are others, or vote for nobody who is there.
fn impostors(ports: &Ports) {
    for sid in [1, 2, 3, 77, -1, 0, i64::MIN] {
        for to in &ports.election {
            let mut bytes = hello(sid);
            for leader in [1, 99, -5] {
                let candidate =
                    Candidate { leader: Sid(leader), zxid: Zxid(i64::MAX), peer_epoch: i64::MAX };
                let vote = encode(&Vote::looking(candidate, i64::MAX), b"version=ffffffff");
                bytes.put_buffer(Some(&vote));
            }
            shoot(*to, &bytes);
        }
        for to in &ports.quorum {
            shoot(*to, &learner(sid, PROTOCOL_VERSION));
        }
    }
}

/// Servers that are no members: they say who they are, and stay.
fn newcomers(ports: &Ports) -> Vec<TcpStream> {
    let call = |to: &SocketAddr, bytes: &[u8]| {
        let mut stream = TcpStream::connect(to).ok()?;
        // A member may have hung up.
        let _ = stream.write_all(bytes);
        Some(stream)
    };
    let mut streams = Vec::new();
    for sid in 1000..1000 + NEWCOMERS {
        let mut learner = Vec::new();
        introduction(sid, PROTOCOL_VERSION).encode(&mut learner);
        streams.extend(ports.election.iter().filter_map(|to| call(to, &hello(sid))));
        streams.extend(ports.quorum.iter().filter_map(|to| call(to, &learner)));
    }
    streams
}

fn ports(ensemble: &Ensemble) -> Ports {
    let of = |members: &[(SocketAddr, SocketAddr)]| Ports {
        quorum: members.iter().map(|(quorum, _)| *quorum).collect(),
        election: members.iter().map(|(_, election)| *election).collect(),
    };
    of(&ensemble.link_addresses())
}

/// Waits until some member has named this address in its log.
fn expect_told(ensemble: &mut Ensemble, stranger: SocketAddr) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while !(0..ensemble.size()).any(|member| ensemble.log(member).contains(&stranger.to_string())) {
        if Instant::now() > deadline {
            return Err(ensemble.failure(&format!("says nothing of the stranger {stranger}")));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

#[test]
fn strangers_at_the_ports_of_members_harm_nobody() -> Result<()> {
    // What the strangers do to a leader is asked, not what a slow machine does.
    allow_open_files();
    let plan = Plan::new(&[Kind::Ours; 3]).with("tickTime", "1000").with("syncLimit", "60");
    let mut ensemble = Ensemble::start(plan)?;
    let ports = ports(&ensemble);
    let load = Load::start(&ensemble.addresses(), CLIENTS)?;
    load.wait_written(WRITES)?;
    let leader = ensemble.wait_leader()?;
    let first_epoch = ensemble.epoch(leader);
    let before = memory(&ensemble)?;
    let mut random = Random::new(7);
    let silent: Vec<TcpStream> = (0..SILENT)
        .zip(ports.all().cycle())
        .filter_map(|(_, to)| TcpStream::connect(to).ok())
        .collect();
    load.wait_written(WRITES)?;
    garbage(&mut random, &ports);
    load.wait_written(WRITES)?;
    mutations(&mut random, &ports)?;
    load.wait_written(WRITES)?;
    lengths(&ports);
    versions(&ports);
    load.wait_written(WRITES)?;
    impostors(&ports);
    load.wait_written(WRITES)?;
    let newcomers = newcomers(&ports);
    load.wait_written(WRITES)?;
    for files in files(&ensemble)? {
        if files > FILES_MAX {
            return Err(ensemble.failure(&format!("has a member with {files} open files")));
        }
    }
    for to in [ports.quorum[leader], ports.election[leader]] {
        let stranger = shoot(to, &[0xff; 100]);
        let stranger = stranger.ok_or_else(|| Failure::new("the leader takes no calls"))?;
        expect_told(&mut ensemble, stranger)?;
    }
    drop((silent, newcomers));
    if ensemble.wait_leader()? != leader || ensemble.epoch(leader) != first_epoch {
        return Err(ensemble.failure("has lost its leader to strangers"));
    }
    for (member, (before, after)) in before.iter().zip(memory(&ensemble)?).enumerate() {
        if after > before + GROWTH_MAX {
            let what = format!("has a member {} that grew from {before} to {after}", member + 1);
            return Err(ensemble.failure(&what));
        }
    }
    let summary = judge(&mut ensemble, &load.stop()?.recorders)?;
    println!("{summary:?}");
    Ok(())
}

/// How many files the members have open.
fn files(ensemble: &Ensemble) -> Result<Vec<usize>> {
    let count = |pid| Ok(std::fs::read_dir(format!("/proc/{pid}/fd"))?.count());
    ensemble.pids().into_iter().map(count).collect()
}

/// Resident memory of the members in bytes.
fn memory(ensemble: &Ensemble) -> Result<Vec<u64>> {
    ensemble.pids().into_iter().map(|pid| Ok(usage::memory(pid)?.0)).collect()
}

//! Who makes a quorum, and who the members are: weights and groups, joiners without a vote, the
//! configuration's forms, several addresses, a leader that serves nobody. Live, with servers of both
//! kinds side by side. All but the first take longer:
//! `cargo test -p compat-tests --test members -- --ignored --test-threads 1`

use std::fs;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use compat_tests::ensemble::PATIENCE;
use compat_tests::ensemble::members::Members;
use compat_tests::ensemble::recorder::{Greeting, Op, Recorder};
use compat_tests::server::Kind::{self, Java, Ours};
use compat_tests::{Failure, Result};

const LONG: Duration = Duration::from_secs(120);

/// One heavy member is a quorum, the two others are none.
fn a_heavy_member_decides(kinds: [Kind; 3]) -> Result<Vec<String>> {
    let lines = [("group.1", "1:2:3"), ("weight.1", "5"), ("weight.2", "1"), ("weight.3", "1")];
    let mut members = Members::plain(&kinds, &lines)?;
    members.start(&[0])?;
    members.wait_modes(&["leader", "-", "-"])?;
    members.start(&[1, 2])?;
    members.wait_modes(&["leader", "follower", "follower"])?;
    members.write_and_read("/a", 1, 2)?;
    let told = vec![ports_out(&members, &members.config(1)?), figures(&members, 0)];
    members.kill(0)?;
    members.wait_modes(&["-", "-", "-"])?;
    members.watch_idle()?;
    members.start(&[0])?;
    // Whoever has the longest history leads; all have the same.
    let deadline = Instant::now() + PATIENCE;
    while members.modes().iter().any(Option::is_none) && Instant::now() < deadline {
        sleep(Duration::from_millis(20));
    }
    members.write_and_read("/b", 2, 0)?;
    Ok(told)
}

/// What the leader says of its quorum.
fn figures(members: &Members, member: usize) -> String {
    [
        "quorum_size",
        "learners",
        "synced_followers",
        "synced_non_voting_followers",
        "synced_observers",
    ]
    .map(|name| format!("{name} {:?}", members.figure(member, name)))
    .join(", ")
}

/// A text in which each member's ports have names.
fn ports_out(members: &Members, text: &str) -> String {
    let mut text = text.to_owned();
    for (member, [quorum, election]) in members.ports.iter().enumerate() {
        text = text.replace(&format!(":{quorum}"), &format!(":Q{member}"));
        text = text.replace(&format!(":{election}"), &format!(":E{member}"));
        text = text.replace(&format!("quorumPort={quorum}"), "quorumPort=Q");
        text = text.replace(&format!("electionPort={election}"), "electionPort=E");
        let client = members.setups[member].port;
        text = text.replace(&format!(":{client}"), &format!(":C{member}"));
    }
    text
}

/// Two of three groups, and of each more than half.
fn groups_decide(kinds: [Kind; 5]) -> Result<()> {
    let lines = [("group.1", "1:2"), ("group.2", "3:4"), ("group.3", "5")];
    let mut members = Members::plain(&kinds, &lines)?;
    members.start(&[0, 2, 4])?;
    sleep(Duration::from_secs(3));
    members.watch_idle()?;
    members.start(&[1])?;
    members.wait_modes(&["follower", "follower", "follower", "-", "leader"])?;
    members.write_and_read("/a", 0, 2)?;
    members.kill(4)?;
    members.wait_modes(&["-", "-", "-", "-", "-"])?;
    members.watch_idle()?;
    members.start(&[3])?;
    // The one that has just come has no history.
    members.wait_modes(&["follower", "follower", "leader", "follower", "-"])?;
    members.write_and_read("/b", 3, 1)
}

/// A member without weight follows and never leads, though its number is the highest.
fn the_weightless_never_lead(kinds: [Kind; 3]) -> Result<()> {
    let lines = [("group.1", "1:2:3"), ("weight.1", "1"), ("weight.2", "1"), ("weight.3", "0")];
    let mut members = Members::plain(&kinds, &lines)?;
    members.start(&[0, 2])?;
    members.watch_idle()?;
    members.start(&[1])?;
    members.wait_modes(&["follower", "leader", "follower"])?;
    members.kill(0)?;
    members.wait_modes(&["-", "-", "-"])
}

/// Member 4 is in nobody's list but its own: it follows and does not count.
fn a_stranger_joins(kinds: [Kind; 4]) -> Result<Vec<String>> {
    let mut members = Members::prepare(&kinds)?;
    for member in 0..4 {
        for other in (0..4).filter(|other| member == 3 || *other < 3) {
            let line = members.address(other, "127.0.0.1");
            members.set(member, &format!("server.{}", other + 1), &line);
        }
    }
    members.start(&[2, 0])?;
    members.wait_modes(&["follower", "-", "leader", "-"])?;
    // Of the four that it knows more than two must say who leads.
    members.start(&[1])?;
    members.wait_modes(&["follower", "follower", "leader", "-"])?;
    members.start(&[3])?;
    members.wait_modes(&["follower", "follower", "leader", "follower"])?;
    members.wait_figure(2, "synced_non_voting_followers", "1")?;
    members.write_and_read("/a", 3, 0)?;
    let told = vec![figures(&members, 2), members.figure(3, "peer_state").unwrap_or_default()];
    members.kill(0)?;
    members.kill(1)?;
    members.wait_modes(&["-", "-", "-", "-"])?;
    members.watch_idle()?;
    Ok(told)
}

/// The members stand in a file of their own, with their clients' ports; one observes, and says so.
fn a_dynamic_file(kinds: [Kind; 3]) -> Result<Vec<String>> {
    let mut members = Members::prepare(&kinds)?;
    let mut text = String::new();
    for member in 0..3 {
        let (address, port) = (members.address(member, "127.0.0.1"), members.setups[member].port);
        let role = if member == 2 { "observer" } else { "participant" };
        text += &format!("server.{}={address}:{role};127.0.0.1:{port}\n", member + 1);
    }
    for member in 0..3 {
        let file = members.setups[member].dir.join("members.dynamic");
        fs::write(&file, &text)?;
        members.set(member, "dynamicConfigFile", &file.display().to_string());
        members.set(member, "clientPort", "");
        members.set(member, "clientPortAddress", "");
        members.set(member, "standaloneEnabled", "false");
    }
    members.setups[2].config.push(("peerType".to_owned(), "observer".to_owned()));
    members.start(&[0, 1])?;
    members.wait_modes(&["follower", "leader", "-"])?;
    members.start(&[2])?;
    members.wait_modes(&["follower", "leader", "observer"])?;
    members.write_and_read("/a", 2, 0)?;
    members.wait_figure(1, "synced_observers", "1")?;
    let mut told = vec![ports_out(&members, &members.config(2)?), figures(&members, 1)];
    for member in 0..3 {
        let conf = members.word(member, "conf");
        let ensemble = conf.split_once("initLimit").map_or("", |(_, rest)| rest);
        told.push(ports_out(&members, ensemble));
    }
    Ok(told)
}

/// A single member of an ensemble of one leads; with `standaloneEnabled` it is alone.
fn one_of_one(kinds: [Kind; 1]) -> Result<Vec<String>> {
    let mut told = Vec::new();
    for (standalone, mode) in [("false", "leader"), ("true", "standalone")] {
        let mut members = Members::plain(&kinds, &[("standaloneEnabled", standalone)])?;
        members.start(&[0])?;
        members.wait_modes(&[mode])?;
        members.write_and_read("/a", 0, 0)?;
        told.push(ports_out(&members, &members.config(0)?));
        told.push(figures(&members, 0));
    }
    Ok(told)
}

/// Three members that serve, each at its own port of all `hosts`; the last one leads.
fn at_hosts(kinds: [Kind; 3], hosts: &[&str], properties: &[&str]) -> Result<Members> {
    serve_at_hosts(Members::prepare(&kinds)?, hosts, properties)
}

fn serve_at_hosts(mut members: Members, hosts: &[&str], properties: &[&str]) -> Result<Members> {
    for member in 0..3 {
        for other in 0..3 {
            let addresses: Vec<_> = hosts.iter().map(|host| members.address(other, host)).collect();
            members.set(member, &format!("server.{}", other + 1), &addresses.join("|"));
        }
        let properties = ["multiAddress.enabled=true"].iter().chain(properties);
        let properties = properties.map(|property| format!("-Dzookeeper.{property}"));
        members.setups[member].properties.extend(properties);
    }
    members.start(&[0, 2])?;
    members.wait_modes(&["follower", "-", "leader"])?;
    members.start(&[1])?;
    members.wait_modes(&["follower", "follower", "leader"])?;
    members.write_and_read("/a", 0, 1)?;
    Ok(members)
}

/// The leader is killed, and the others elect another.
fn go_on_without_the_leader(mut members: Members) -> Result<()> {
    members.kill(2)?;
    members.wait_modes(&["follower", "leader", "-"])?;
    members.write_and_read("/b", 0, 1)
}

/// Each member has two addresses, of which one leads nowhere.
fn several_addresses(kinds: [Kind; 3]) -> Result<Vec<String>> {
    let members = at_hosts(kinds, &["127.0.0.1", "127.0.0.2"], &[])?;
    let told = vec![ports_out(&members, &members.config(0)?)];
    go_on_without_the_leader(members)?;
    Ok(told)
}

/// An address of this machine, as long as it lives. Behind it is nothing: not even the machine's gateway
/// is asked for it.
struct Address(String);

impl Address {
    fn add() -> Result<Self> {
        Self::add_of("198.18")
    }

    /// One of a network of the range that is for tests of networks; another run has another.
    fn add_of(network: &str) -> Result<Self> {
        let id = std::process::id();
        let address = Self(format!("{network}.{}.{}", id / 254 % 254 + 1, id % 254 + 1));
        ip(&["route", "add", "unreachable", &address.0])?;
        address.restore()?;
        Ok(address)
    }

    fn restore(&self) -> Result<()> {
        ip(&["address", "add", &self.prefix(), "dev", "lo"])
    }

    fn prefix(&self) -> String {
        format!("{}/32", self.0)
    }

    fn remove(&self) -> Result<()> {
        ip(&["address", "delete", &self.prefix(), "dev", "lo"])
    }
}

impl Drop for Address {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.remove();
        let _ = ip(&["route", "delete", "unreachable", &self.0]);
    }
}

fn ip(arguments: &[&str]) -> Result<()> {
    let output = Command::new("ip").args(arguments).output()?;
    if output.status.success() {
        return Ok(());
    }
    let why = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(Failure::new(format!("ip {arguments:?}: {why} (this test needs root)")))
}

/// Each member has two addresses, of which one goes away; connections over it are left for others.
fn an_address_goes_away(kinds: [Kind; 3]) -> Result<()> {
    let address = Address::add()?;
    let members = at_hosts(kinds, &[&address.0, "127.0.0.1"], &[])?;
    address.remove()?;
    let begun = Instant::now();
    go_on_without_the_leader(members)?;
    println!("{kinds:?}: {:?}", begun.elapsed());
    Ok(())
}

/// Each member has two addresses, of which one goes away as soon as the other is there. Nothing is
/// elected over connections that nobody checks, until it is back.
fn a_dead_address_is_kept_without_the_check(kinds: [Kind; 3]) -> Result<()> {
    let (first, second) = (Address::add_of("198.18")?, Address::add_of("198.19")?);
    second.remove()?;
    let mut members = Members::prepare(&kinds)?;
    for member in 0..3 {
        members.set(member, "quorumListenOnAllIPs", "true");
    }
    let unchecked = ["multiAddress.reachabilityCheckEnabled=false"];
    let mut members = serve_at_hosts(members, &[&first.0, &second.0], &unchecked)?;
    second.restore()?;
    first.remove()?;
    members.kill(2)?;
    members.wait_modes(&["-", "-", "-"])?;
    members.watch_idle()?;
    first.restore()?;
    members.wait_modes(&["follower", "leader", "-"])?;
    members.write_and_read("/b", 0, 1)
}

/// With `leaderServes=no` the leader takes no clients and answers hardly a word.
fn a_leader_that_serves_nobody(kinds: [Kind; 3]) -> Result<Vec<String>> {
    let mut members = Members::plain(&kinds, &[])?;
    for setup in &mut members.setups {
        setup.properties.push("-Dzookeeper.leaderServes=no".to_owned());
    }
    members.start(&[0, 2])?;
    members.wait_modes(&["follower", "-", "-"])?;
    members.start(&[1])?;
    members.wait_modes(&["follower", "follower", "-"])?;
    members.write_and_read("/a", 0, 1)?;
    let mut client = members.client(0)?;
    let leader = members.setups[2].address();
    let said = Recorder::new(9, &[leader], LONG).greet(leader);
    assert_eq!(said, Greeting::Refused);
    let words = ["srvr", "mntr", "isro", "ruok", "cons"].map(|word| members.word(2, word));
    client.ask(&Op::Close);
    Ok(words.to_vec())
}

/// A member that takes no clients votes all the same: without it there is no quorum.
fn a_voter_without_a_client_port(kinds: [Kind; 3]) -> Result<Vec<String>> {
    let mut members = Members::plain(&kinds, &[])?;
    members.set(0, "clientPort", "");
    members.set(0, "clientPortAddress", "");
    members.start(&[0, 1])?;
    members.wait_modes(&["-", "leader", "-"])?;
    members.kill(0)?;
    members.wait_modes(&["-", "-", "-"])?;
    members.start(&[0])?;
    members.wait_modes(&["-", "leader", "-"])?;
    members.start(&[2])?;
    members.wait_modes(&["-", "leader", "follower"])?;
    members.write_and_read("/a", 1, 2)?;
    Ok(vec![ports_out(&members, &members.config(1)?)])
}

/// A session goes from server to server: its old connection is of no more use.
fn a_session_moves(kinds: [Kind; 3]) -> Result<Vec<String>> {
    let mut members = Members::plain(&kinds, &[])?;
    members.start(&[0, 2])?;
    members.wait_modes(&["follower", "-", "leader"])?;
    members.start(&[1])?;
    members.wait_modes(&["follower", "follower", "leader"])?;
    let mut told = Vec::new();
    for (from, to) in [(0, 1), (0, 2), (2, 1)] {
        let path = format!("/moved-{from}-{to}");
        let create = |path: &str, flags| Op::Create(path.to_owned(), vec![], flags);
        let mut old = members.client(from)?;
        let owned = old.ask(&create(&path, 1)).map(|r| r.err);
        let mut new = old.twin();
        let mut said = Greeting::Refused;
        // A member that has not come as far as the client refuses it.
        let deadline = Instant::now() + PATIENCE;
        while said == Greeting::Refused && Instant::now() < deadline {
            said = new.greet(members.setups[to].address());
        }
        let late = old.ask(&create(&format!("{path}-late"), 0)).map(|r| r.err);
        let closed = !old.is_connected();
        let ops = [Op::Exists(path.clone(), false), create(&format!("{path}-new"), 0), Op::Close];
        let errors: Vec<_> =
            new.run(&ops).iter().map(|c| c.reply.as_ref().map(|r| r.err)).collect();
        told.push(format!("{owned:?} {said:?} {late:?} {closed} {errors:?}"));
    }
    members.client(0)?.ask(&Op::Close);
    Ok(told)
}

/// Figures of `mntr` that a write moves at the leader, at a follower, and at both.
const OF_LEADER: [&str; 4] =
    ["cnt_1_ack_latency", "cnt_3_ack_latency", "cnt_quorum_ack_latency", "proposal_count"];
const OF_FOLLOWER: [&str; 3] =
    ["cnt_proposal_latency", "cnt_commit_propagation_latency", "learner_commit_received_count"];
const OF_BOTH: [&str; 4] = [
    "cnt_proposal_ack_creation_latency",
    "cnt_sync_processor_batch_size",
    "cnt_sync_processor_queue_flush_time_ms",
    "sync_processor_request_queued",
];

fn writes_are_measured(kinds: [Kind; 3]) -> Result<()> {
    let mut members = Members::plain(&kinds, &[])?;
    for setup in &mut members.setups {
        setup.properties.push("-Dzookeeper.leader.ackLoggingFrequency=1".to_owned());
    }
    members.start(&[0, 2])?;
    members.wait_modes(&["follower", "-", "leader"])?;
    // All acks are needed as long as there are but two, so none comes too late to be counted.
    let mut client = members.client(0)?;
    for i in 0..10 {
        client.ask(&Op::Create(format!("/{i}"), vec![], 0));
    }
    // What comes behind an ack may be counted behind the reply.
    let counted = |member: usize, names: &[&str]| {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let none = |name: &&str| {
                let figure = members.figure(member, name);
                figure.and_then(|n| n.parse::<i64>().ok()).is_none_or(|n| n < 10)
            };
            let unmoved: Vec<_> = names.iter().copied().filter(none).collect();
            if unmoved.is_empty() {
                return;
            }
            assert!(Instant::now() < deadline, "{:?} {member}: {unmoved:?}", kinds[member]);
            sleep(Duration::from_millis(20));
        }
    };
    counted(2, &OF_LEADER);
    counted(0, &OF_FOLLOWER);
    [0, 2].iter().for_each(|member| counted(*member, &OF_BOTH));
    let syncs = ["cnt_inflight_diff_count", "cnt_inflight_snap_count"];
    let synced = syncs.iter().any(|name| members.figure(2, name).is_some_and(|n| n != "0"));
    assert!(synced, "{:?} has counted no sync", kinds[2]);
    client.ask(&Op::Close);
    Ok(())
}

/// All these tell what Java's tell.
fn compare<const N: usize>(
    tell: impl Fn([Kind; N]) -> Result<Vec<String>>,
    ensembles: &[[Kind; N]],
) -> Result<()> {
    let expected = tell([Java; N])?;
    println!("{}", expected.join("\n"));
    for kinds in ensembles {
        assert_eq!(tell(*kinds)?, expected, "{kinds:?}");
    }
    Ok(())
}

const THREE: [[Kind; 3]; 3] = [[Ours; 3], [Ours, Java, Java], [Java, Ours, Ours]];

#[test]
fn weights_decide() -> Result<()> {
    a_heavy_member_decides([Ours, Java, Ours]).map(drop)
}

#[test]
fn a_member_needs_no_clients() -> Result<()> {
    a_voter_without_a_client_port([Ours; 3]).map(drop)
}

#[test]
#[ignore = "takes long"]
fn members_without_clients_vote_everywhere() -> Result<()> {
    compare(a_voter_without_a_client_port, &THREE)
}

#[test]
fn writes_are_measured_by_ours() -> Result<()> {
    writes_are_measured([Ours; 3])
}

#[test]
#[ignore = "takes long"]
fn writes_are_measured_everywhere() -> Result<()> {
    [[Java; 3], [Ours, Java, Java], [Java, Java, Ours]]
        .into_iter()
        .try_for_each(writes_are_measured)
}

#[test]
#[ignore = "takes long"]
fn weights_decide_everywhere() -> Result<()> {
    compare(a_heavy_member_decides, &THREE)
}

#[test]
#[ignore = "takes long"]
fn groups_decide_everywhere() -> Result<()> {
    groups_decide([Ours; 5])?;
    groups_decide([Java, Ours, Java, Ours, Ours])?;
    groups_decide([Ours, Java, Ours, Java, Java])
}

#[test]
#[ignore = "takes long"]
fn the_weightless_follow() -> Result<()> {
    THREE.into_iter().try_for_each(the_weightless_never_lead)
}

#[test]
#[ignore = "takes long"]
fn strangers_follow_without_a_vote() -> Result<()> {
    let mixed = [[Ours, Java, Java, Ours], [Java, Java, Ours, Java], [Ours, Ours, Java, Ours]];
    compare(a_stranger_joins, &[[Ours; 4], mixed[0], mixed[1], mixed[2]])
}

#[test]
#[ignore = "takes long"]
fn dynamic_files_are_read_as_java_reads_them() -> Result<()> {
    compare(a_dynamic_file, &THREE)
}

#[test]
#[ignore = "takes long"]
fn one_member_leads_or_is_alone() -> Result<()> {
    compare(one_of_one, &[[Ours]])
}

#[test]
#[ignore = "takes long"]
fn members_may_have_several_addresses() -> Result<()> {
    compare(several_addresses, &THREE)
}

#[test]
#[ignore = "takes long, and needs root"]
fn an_address_that_goes_away_is_left() -> Result<()> {
    [[Ours, Java, Ours], [Java, Ours, Ours], [Ours; 3], [Java; 3]]
        .into_iter()
        .try_for_each(an_address_goes_away)
}

/// Without the check a connection over an address that is gone is kept; but who calls does not need it
/// to find one that is there.
#[test]
#[ignore = "takes long, and needs root"]
fn dead_addresses_are_passed_over_without_the_check() -> Result<()> {
    for kinds in [[Ours, Java, Ours], [Java, Ours, Ours], [Ours; 3], [Java; 3]] {
        let address = Address::add()?;
        address.remove()?;
        let hosts = [&address.0, "127.0.0.1"];
        let members = at_hosts(kinds, &hosts, &["multiAddress.reachabilityCheckEnabled=false"])?;
        go_on_without_the_leader(members)?;
    }
    Ok(())
}

#[test]
#[ignore = "takes long, and needs root"]
fn an_address_that_goes_away_is_kept_without_the_check() -> Result<()> {
    [[Ours, Java, Ours], [Java, Ours, Ours], [Ours; 3], [Java; 3]]
        .into_iter()
        .try_for_each(a_dead_address_is_kept_without_the_check)
}

#[test]
#[ignore = "takes long"]
fn leaders_may_serve_nobody() -> Result<()> {
    compare(a_leader_that_serves_nobody, &THREE)
}

#[test]
#[ignore = "takes long"]
fn sessions_move_as_in_java() -> Result<()> {
    compare(a_session_moves, &THREE)
}

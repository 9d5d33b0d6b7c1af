//! A member that has lost its quorum and serves reads, from the loss to the return.

use std::time::Duration;

use compat_tests::Result;
use compat_tests::ensemble::Plan;
use compat_tests::ensemble::recorder::{EPHEMERAL, Op, Recorder};
use compat_tests::server::Kind::{self, Java, Ours};

use crate::java_client::JavaClient;
use crate::story::{Story, compare, create, exists};

/// A session's timeout where it must not expire.
const LONG: Duration = Duration::from_secs(300);

fn plan(kinds: [Kind; 3], local: bool) -> Plan {
    Plan::new(&kinds)
        .with("localSessionsEnabled", &local.to_string())
        .with("localSessionsUpgradingEnabled", "true")
        .with_property("readonlymode.enabled", "true")
}

/// What operators are told by member 0.
fn words(story: &mut Story) {
    let word = |word: &str| story.ensemble.word(0, word).unwrap_or_default();
    let mut told = vec![format!("isro {}", word("isro"))];
    let stat = word("stat");
    told.extend(
        stat.lines().filter(|l| l.starts_with("READ") || l.starts_with("Mode")).map(str::to_owned),
    );
    let quorum = ["zk_server_state", "zk_peer_state", "zk_quorum_size", "zk_global_sessions"];
    let mntr = word("mntr");
    told.extend(
        mntr.lines().filter(|l| quorum.iter().any(|key| l.starts_with(key))).map(str::to_owned),
    );
    let conf = word("conf");
    let keys = conf.lines().filter_map(|l| Some(l.split_once('=')?.0)).collect::<Vec<_>>();
    told.push(format!("conf {keys:?}, members: {}", conf.contains("membership:")));
    story.lines.extend(told);
    story.dump(0);
}

/// The others die; the last one serves reads once it is sure.
fn lose_the_quorum(story: &mut Story) -> Result<()> {
    story.ensemble.kill(1)?;
    story.ensemble.kill(2)?;
    story.ensemble.wait_for("has no member 0 that serves reads", |ensemble| {
        Ok((ensemble.word(0, "isro").as_deref() == Some("ro")).then_some(()))
    })?;
    story.tell("reads are served");
    Ok(())
}

fn regain_the_quorum(story: &mut Story) -> Result<()> {
    let kind = story.ensemble.kind(1);
    story.ensemble.spawn(1, kind)?;
    let leader = story.ensemble.wait_leader()?;
    story.ensemble.wait_for("has no member 0 that writes", |ensemble| {
        Ok((ensemble.word(0, "isro").as_deref() == Some("rw")).then_some(()))
    })?;
    story.ensemble.settle()?;
    story.tell(format!("member {leader} leads"));
    Ok(())
}

/// Clients of a member without a leader: those of before, those that want to write, those that do not.
fn clients(story: &mut Story, global: &Recorder) {
    let mut again = global.twin().content_read_only();
    story.greet(&mut again, 0);
    let mut writer = story.client(0, LONG);
    story.greet(&mut writer, 0);
    let mut reader = story.client(0, LONG).content_read_only();
    story.greet(&mut reader, 0);
    let ops = [
        exists("/kept"),
        Op::Get("/kept".to_owned(), false),
        create("/new", 0),
        create("/new", EPHEMERAL),
        Op::Set("/kept".to_owned(), vec![], -1),
        Op::Delete("/kept".to_owned(), -1),
        Op::Multi(vec![create("/new", 0)]),
        Op::Sync("/".to_owned()),
        Op::Children("/".to_owned(), true),
    ];
    for op in ops {
        let reply = reader.ask(&op).map(|reply| (reply.err, story.place(reply.zxid)));
        story.tell(format!("{op:?}: {reply:?}"));
    }
    story.count();
    story.greet(&mut reader, 0);
    let closed = reader.ask(&Op::Close).map(|reply| reply.err);
    story.tell(format!("closed: {closed:?}"));
    story.greet(&mut reader.twin(), 0);
}

fn told(kinds: [Kind; 3], local: bool) -> Result<Vec<String>> {
    let mut story = Story::start(plan(kinds, local))?;
    let mut java = JavaClient::start(&story.ensemble.addresses())?;
    let mut owner = story.client(0, LONG);
    story.greet(&mut owner, 0);
    story.ask(&mut owner, &[create("/kept", 0), create("/owned", EPHEMERAL)])?;
    for order in ["await CONNECTED", "ephemeral /of-java", "create /by-java"] {
        let answer = java.ask(order)?;
        story.tell(answer);
    }
    story.ensemble.settle()?;
    words(&mut story);
    lose_the_quorum(&mut story)?;
    words(&mut story);
    clients(&mut story, &owner);
    regain_the_quorum(&mut story)?;
    words(&mut story);
    story.greet(&mut owner, 0);
    story.ask(&mut owner, &[exists("/owned"), exists("/new"), Op::Close])?;
    for order in ["await CONNECTED", "exists /of-java", "set /by-java", "close"] {
        let answer = java.ask(order)?;
        story.tell(answer);
    }
    Ok(story.lines)
}

/// Java's client begins with a server that cannot write, and finds one that can.
fn told_by_java(kinds: [Kind; 3]) -> Result<Vec<String>> {
    let mut story = Story::start(plan(kinds, true))?;
    let mut owner = story.client(0, LONG);
    story.greet(&mut owner, 0);
    story.ask(&mut owner, &[create("/kept", 0), Op::Close])?;
    lose_the_quorum(&mut story)?;
    let mut java = JavaClient::start(&story.ensemble.addresses())?;
    for order in [
        "await CONNECTEDREADONLY",
        "get /kept",
        "set /kept",
        "create /new",
        "ephemeral /new",
        "exists /new",
    ] {
        let answer = java.ask(order)?;
        story.tell(answer);
    }
    regain_the_quorum(&mut story)?;
    for order in ["await CONNECTED", "set /kept", "ephemeral /new", "get /kept", "close"] {
        let answer = java.ask(order)?;
        story.tell(answer);
    }
    let mut reader = story.client(0, LONG);
    story.greet(&mut reader, 0);
    story.ask(&mut reader, &[exists("/new"), Op::Close])?;
    Ok(story.lines)
}

#[test]
fn ours_serve_reads_as_java_does() -> Result<()> {
    compare(|kinds| told(kinds, true), &[[Ours; 3]])
}

const MIXED: [[Kind; 3]; 2] = [[Ours, Java, Java], [Java, Ours, Ours]];

#[test]
#[ignore = "takes long"]
fn mixed_ensembles_serve_reads_as_java_does() -> Result<()> {
    compare(|kinds| told(kinds, true), &MIXED)
}

#[test]
#[ignore = "takes long"]
fn without_local_sessions_reads_are_served_to_nobody_new() -> Result<()> {
    compare(|kinds| told(kinds, false), &[[Ours; 3], MIXED[0], MIXED[1]])
}

#[test]
#[ignore = "takes long"]
fn javas_client_finds_a_server_that_writes() -> Result<()> {
    compare(told_by_java, &[[Ours; 3], MIXED[0], MIXED[1]])
}

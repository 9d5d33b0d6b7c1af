//! Local sessions and their upgrade: on the leader, a follower, an observer, and across a leader's end.

use std::time::Duration;

use compat_tests::Result;
use compat_tests::ensemble::Plan;
use compat_tests::ensemble::recorder::{EPHEMERAL, Op};
use compat_tests::server::Kind::{self, Java, Ours};

use crate::story::{Story, compare, create, exists};

/// A session's timeout where it must not expire.
const LONG: Duration = Duration::from_secs(300);
/// That of one that is to expire: it must live until it was counted.
const SHORT: Duration = Duration::from_secs(5);

/// Three voters and an observer.
fn plan(kinds: [Kind; 4], upgrading: bool) -> Plan {
    Plan::new(&kinds)
        .observers(1)
        .with("localSessionsEnabled", "true")
        .with("localSessionsUpgradingEnabled", &upgrading.to_string())
}

/// A local session's life on one member, and what the others think of it.
fn life(story: &mut Story, member: usize, elsewhere: usize) -> Result<()> {
    let mut client = story.client(member, LONG);
    story.greet(&mut client, member);
    story.last_op(member);
    story.ask(&mut client, &[create(&format!("/p{member}"), 0), exists("/")])?;
    story.count();
    story.dump(member);
    story.greet(&mut client.twin(), elsewhere);
    story.greet(&mut client.twin(), member);
    story.greet(&mut client, member);
    story.ask(&mut client, &[Op::Close])?;
    story.count();
    story.greet(&mut client.twin(), member);
    Ok(())
}

/// Nobody hears of it any more, and no transaction tells.
fn expiry(story: &mut Story, member: usize) -> Result<()> {
    let mut client = story.client(member, SHORT);
    story.greet(&mut client, member);
    story.count_beside(&mut client);
    client.hang_up();
    let zxid = story.ensemble.zxid(member);
    story.ensemble.wait_for("keeps a session that nobody hears", |ensemble| {
        let answer = ensemble.word(member, "mntr").unwrap_or_default();
        Ok(answer.contains("zk_local_sessions\t0").then_some(()))
    })?;
    let same = story.ensemble.zxid(member) == zxid;
    story.tell(format!("expired, no transaction: {same}"));
    story.greet(&mut client, member);
    Ok(())
}

/// A session that owns a node is everybody's.
fn upgrade(story: &mut Story, member: usize, elsewhere: usize) -> Result<()> {
    let mut client = story.client(member, LONG);
    story.greet(&mut client, member);
    let paths = [format!("/e{member}"), format!("/f{member}"), format!("/g{member}")];
    story.ask(&mut client, &[create(&paths[0], EPHEMERAL)])?;
    story.ask(&mut client, &[create(&paths[1], EPHEMERAL), exists(&paths[0])])?;
    story.count();
    story.dump(member);
    story.greet(&mut client, elsewhere);
    story.count_revalidations();
    story.ask(&mut client, &[exists(&paths[0]), create(&paths[2], EPHEMERAL), Op::Close])?;
    story.count();
    let mut reader = story.client(member, LONG);
    story.greet(&mut reader, member);
    story.ask(&mut reader, &paths.map(|path| exists(&path)))?;
    story.ask(&mut reader, &[Op::Close])
}

/// One within a multi, and the end right behind.
fn upgrade_by_multi(story: &mut Story, member: usize) -> Result<()> {
    let mut client = story.client(member, LONG);
    story.greet(&mut client, member);
    let path = format!("/m{member}");
    let parts = vec![create(&format!("/n{member}"), 0), create(&path, EPHEMERAL)];
    story.ask(&mut client, &[Op::Multi(parts), exists(&path)])?;
    story.count();
    story.ask(&mut client, &[Op::Close])?;
    let mut client = story.client(member, LONG);
    story.greet(&mut client, member);
    story.ask(&mut client, &[create(&path, EPHEMERAL), exists(&path), Op::Close])?;
    story.count();
    let mut reader = story.client(member, LONG);
    story.greet(&mut reader, member);
    story.ask(&mut reader, &[exists(&path), Op::Close])
}

/// The leader goes: what was local is gone, what was turned global lives on.
fn outlive_the_leader(story: &mut Story) -> Result<()> {
    let (mut local, mut owner) = (story.client(0, LONG), story.client(0, LONG));
    story.greet(&mut local, 0);
    story.greet(&mut owner, 0);
    story.ask(&mut owner, &[create("/owned", EPHEMERAL)])?;
    story.ensemble.kill(2)?;
    let leader = story.ensemble.wait_leader()?;
    story.ensemble.settle()?;
    story.tell(format!("member {leader} leads"));
    story.greet(&mut owner, 0);
    story.greet(&mut local, 0);
    story.ask(&mut owner, &[exists("/owned")])?;
    story.count();
    story.ask(&mut owner, &[Op::Close])
}

fn told(kinds: [Kind; 4]) -> Result<Vec<String>> {
    let mut story = Story::start(plan(kinds, true))?;
    // Leader, follower, observer.
    for (member, elsewhere) in [(2, 0), (0, 2), (3, 1)] {
        story.tell(format!("-- at member {member}"));
        life(&mut story, member, elsewhere)?;
        upgrade(&mut story, member, elsewhere)?;
        upgrade_by_multi(&mut story, member)?;
        expiry(&mut story, member)?;
    }
    story.tell("-- the leader is killed");
    outlive_the_leader(&mut story)?;
    Ok(story.lines)
}

/// Local sessions stay local, and own nothing.
fn told_without_upgrading(kinds: [Kind; 4]) -> Result<Vec<String>> {
    let mut story = Story::start(plan(kinds, false))?;
    for member in [2, 0, 3] {
        story.tell(format!("-- at member {member}"));
        let mut client = story.client(member, LONG);
        story.greet(&mut client, member);
        let (node, owned) = (format!("/p{member}"), format!("/e{member}"));
        story.ask(&mut client, &[create(&owned, EPHEMERAL)])?;
        story.ask(&mut client, &[create(&node, 0), create(&owned, EPHEMERAL), exists(&owned)])?;
        let parts = vec![Op::Set(node.clone(), vec![], -1), create(&owned, EPHEMERAL)];
        story.ask(&mut client, &[Op::Multi(parts), exists(&owned)])?;
        story.count();
        story.ask(&mut client, &[Op::Close])?;
    }
    Ok(story.lines)
}

#[test]
fn ours_do_as_java_does() -> Result<()> {
    compare(told, &[[Ours; 4]])
}

const MIXED: [[Kind; 4]; 3] =
    [[Ours, Java, Java, Ours], [Java, Ours, Ours, Java], [Ours, Ours, Java, Java]];

#[test]
#[ignore = "takes long"]
fn mixed_ensembles_do_as_java_does() -> Result<()> {
    compare(told, &MIXED)
}

#[test]
#[ignore = "takes long"]
fn without_upgrading_ephemerals_are_refused() -> Result<()> {
    compare(told_without_upgrading, &[[Ours; 4], MIXED[0], MIXED[1], MIXED[2]])
}

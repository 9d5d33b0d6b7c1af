use std::fmt::Write as _;
use std::path::Path;

use super::world::{Node, Role, World, parse_zxid, show};
use crate::ids::{Sid, Zxid};
use crate::op::op;
use crate::zab::{LearnerType, leader};

#[test]
fn scripts_do_what_they_say() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/zab/tests/scripts");
    let mut paths: Vec<_> =
        std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(!paths.is_empty());
    for path in paths {
        let expected = std::fs::read_to_string(&path).unwrap();
        let found = run(&expected);
        if std::env::var_os("REWRITE").is_some() {
            std::fs::write(&path, &found).unwrap();
        } else {
            assert_eq!(found, expected, "{}", path.display());
        }
    }
}

/// The script with what its commands do now.
fn run(script: &str) -> String {
    let mut world = World::new();
    let mut out = String::new();
    for line in script.lines() {
        if line.starts_with('#') || line.is_empty() {
            writeln!(out, "{line}").unwrap();
        }
        let Some(command) = line.strip_prefix("> ") else { continue };
        writeln!(out, "{line}").unwrap();
        execute(&mut world, command);
        for line in world.trace.drain(..) {
            writeln!(out, "{line}").unwrap();
        }
    }
    out
}

fn execute(world: &mut World, command: &str) {
    let words: Vec<&str> = command.split_whitespace().collect();
    let sid = |at: usize| Sid(words[at].parse().unwrap());
    match words[0] {
        "node" => add_node(world, sid(1), &words[2..]),
        "limits" => {
            let number = |at: usize| words[at].parse::<usize>().unwrap();
            world.limits = (words[1].parse().unwrap(), number(2), number(3));
        }
        "spare-after" => world.spare_after = words[1].parse().unwrap(),
        "lead" => world.lead(sid(1)),
        "follow" => world.follow(sid(1), sid(2)),
        "looks" => {
            let (sid, epoch) = (sid(1), world.node(sid(1)).current);
            world.leader_event(Sid(3), leader::Event::VoterLooking { sid, epoch });
        }
        "put" => world.put(sid(1)),
        "slow" => world.node(sid(1)).slow = true,
        "sync" => world.durable(sid(1)),
        "ack" => world.ack(sid(1), parse_zxid(words[2])),
        "drop" => world.disconnect(sid(1)),
        "mute" => world.node(sid(1)).mute = true,
        "hear" => world.node(sid(1)).mute = false,
        "run" => world.run(words[1].parse().unwrap()),
        "tick" => world.tick(words[1].parse().unwrap()),
        "request" => world.forward(sid(1), op::CREATE),
        "request-sync" => world.forward(sid(1), op::SYNC),
        "deliver" if words.len() == 1 => world.deliver_all(),
        "deliver" => {
            let count = words.get(3).map_or(1, |n| n.parse().unwrap());
            for _ in 0..count {
                world.deliver_one(sid(1), sid(2));
            }
        }
        "state" => state(world),
        other => panic!("{other}?"),
    }
}

fn add_node(world: &mut World, id: Sid, words: &[&str]) {
    let value = |key: &str| {
        words.iter().find_map(|w| w.strip_prefix(key).and_then(|v| v.strip_prefix('=')))
    };
    let number = |key| value(key).map_or(0, |v| v.parse().unwrap());
    let log: Vec<Zxid> =
        value("log").map_or(Vec::new(), |list| list.split(',').map(parse_zxid).collect());
    let kind =
        if words.contains(&"observer") { LearnerType::Observer } else { LearnerType::Participant };
    world.add(id, kind, (number("accepted"), number("current")), &log);
}

fn state(world: &mut World) {
    let line = |(id, node): (&Sid, &Node)| {
        let role = match node.role {
            Role::None => "looking",
            Role::Leader(_) => "leading",
            Role::Learner(..) => "following",
        };
        let serving = if node.serving { ", serving" } else { "" };
        let log: Vec<String> = node.log.iter().map(|e| show(e.zxid)).collect();
        format!(
            "{id} {role}{serving}: accepted {} current {} tree {} log [{}]",
            node.accepted,
            node.current,
            show(node.history.last_processed),
            log.join(" ")
        )
    };
    let lines: Vec<String> = world.nodes.iter().map(line).collect();
    world.trace.extend(lines);
}

//! The ensemble: server lines, quorum rules, and what makes a server standalone.

use super::*;
use crate::config::{DynamicFile, PeerType, QuorumRule};
use crate::ids::Sid;

const LIMITS: &str = "initLimit=10\nsyncLimit=5\n";
const THREE: &str = "server.1=a:2888:3888\nserver.2=b:2888:3888\nserver.3=c:2888:3888\n";

const NOTHING_BOUND: crate::config::Running = crate::config::Running {
    client_port: None,
    secure_client_port: None,
    data_dir_size: 0,
    data_log_size: 0,
    membership: true,
};

/// A server of an ensemble, with its id.
fn member(lines: &str, my_id: &str) -> Result<Config, ConfigError> {
    let mut written = written(&format!("{MINIMAL}{LIMITS}{lines}"), &[]);
    written.my_id = Some(my_id.as_bytes().to_vec());
    Config::interpret(&written, &resolve)
}

/// The value of a server line as members show it, where several addresses are allowed.
fn shown(spec: &str) -> Result<String, String> {
    let file = format!("{MINIMAL}server.5={spec}\nserver.6=x:1:2\n");
    let properties = [("zookeeper.multiAddress.enabled", "true")];
    let mut written = written(&file, &properties);
    written.my_id = Some(b"6".to_vec());
    written.entries.set("initLimit", "1");
    written.entries.set("syncLimit", "1");
    written.entries.set("server.7", "y:1:2");
    match Config::interpret(&written, &resolve) {
        Ok(config) => Ok(config.quorum.members.servers[&Sid(5)].text()),
        Err(ConfigError::File { message, .. }) => Err(message),
        Err(other) => panic!("{other:?}"),
    }
}

#[test]
fn server_lines_are_read_as_java_reads_them() {
    for (spec, want) in [
        ("a:2888:3888", "a:2888:3888:participant"),
        ("a:2888:3888:observer", "a:2888:3888:observer"),
        ("a:2888:3888: OBSERVER ", "a:2888:3888:observer"),
        (":2888:3888;:2181", "localhost:2888:3888:participant;localhost:2181"),
        ("a:2888:3888;2181", "a:2888:3888:participant;0.0.0.0:2181"),
        ("a:2888:3888;", "a:2888:3888:participant"),
        ("a:2888:3888::", "a:2888:3888:participant"),
        ("a:2888:3888:observer;h:2181", "a:2888:3888:observer;h:2181"),
        (
            "[::1]:2888:3888;[fe80::2]:2181",
            "[0:0:0:0:0:0:0:1]:2888:3888:participant;[fe80:0:0:0:0:0:0:2]:2181",
        ),
        ("b:1:2|a:3:4", "a:3:4|b:1:2:participant"),
        ("b:1:2:observer|a:3:4;2181", "a:3:4|b:1:2:observer;0.0.0.0:2181"),
        ("[::ffff:10.0.0.1]:1:2", "10.0.0.1:1:2:participant"),
        ("10.1:1:2;127.1:3", "10.0.0.1:1:2:participant;127.0.0.1:3"),
        ("a:1:2|a:1:2", "a:1:2:participant"),
        ("b:1:2|a:1:2|[::1]:1:2|C:1:2", "[0:0:0:0:0:0:0:1]:1:2|C:1:2|a:1:2|b:1:2:participant"),
    ] {
        assert_eq!(shown(spec).as_deref(), Ok(want), "{spec}");
    }
}

/// A blank at the end belongs to the value, and no port has one.
#[test]
fn malformed_server_lines_are_refused() {
    for spec in [
        "",
        "a",
        "a:2888",
        "a:2888:x",
        "a:2888:70000",
        "a:2888:3888:observer:x",
        "a:2888:3888;1;2",
        "a:2888:3888;h:1:2",
        "a:2888:3888;x",
        "[::1:2888:3888",
        "[::1]:",
        "[::1]",
        ":",
        ";",
        "|",
        "a:2888:3888 ",
    ] {
        let message = shown(spec).expect_err(spec);
        assert!(message.contains("does not have the form"), "{spec:?}: {message}");
    }
    assert_eq!(shown("a:1:2:leader").expect_err("role"), "Unrecognised peertype: leader");
    assert!(shown("a:2888:2888").expect_err("one port").contains("must be different"));
    assert!(
        shown("a:1:2:observer|b:1:2:participant").expect_err("roles").contains("similar roles")
    );
}

/// Ids that fall into one bucket come in the order of all entries of the file: as
/// `QuorumPeerConfig.getQuorumVerifier` of 3.9.5 gave them.
#[test]
fn members_are_told_in_the_order_of_java() {
    let ids = [1, 2, 3, 17, 33, 100, 16, 32, 64, 200, 5];
    let list: String = ids.map(|id| format!("server.{id}=h:1:2\n")).concat();
    let mut written = written(
        &format!("dataDir=/d\ntickTime=2000\ninitLimit=10\nsyncLimit=5\nclientPort=2181\n{list}"),
        &[],
    );
    written.my_id = Some(b"1".to_vec());
    let config = Config::interpret(&written, &resolve).expect("taken");
    let text = config.quorum.members.text();
    let found: Vec<&str> =
        text.lines().filter_map(|l| l.strip_prefix("server.")?.split('=').next()).collect();
    assert_eq!(found, ["16", "32", "64", "17", "33", "1", "2", "3", "100", "5", "200"]);
}

#[test]
fn several_addresses_take_a_property() {
    let message = refusal(&format!("{THREE}server.4=a:1:2|b:1:2"));
    assert!(message.starts_with("Multiple address feature is disabled"), "{message}");
    let message = refusal("multiAddress.enabled=true\nserver.4=a:1:2|b:1:2");
    assert!(message.contains("-Dzookeeper.multiAddress.enabled=true"), "{message}");
}

#[test]
fn one_member_is_a_standalone_server_unless_it_must_not_be() {
    let config = with("server.1=a:2888:3888");
    assert!(!config.quorum.is_distributed());
    assert_eq!(
        said_of(&config, "server"),
        ["Invalid configuration, only one server specified (ignoring)"]
    );
    let config = member("server.1=a:2888:3888\nstandaloneEnabled=false\n", "1").expect("taken");
    assert!(config.quorum.is_distributed());
    assert_eq!(
        refusal("standaloneEnabled=false"),
        "standaloneEnabled = false then number of participants should be >0"
    );
    assert_eq!(
        refusal("server.1=a:2888:3888:observer"),
        "Observers w/o participants is an invalid configuration"
    );
    assert_eq!(
        refusal("server.1=a:2888:3888\nserver.2=a:2888:3888:observer"),
        "Observers w/o quorum is an invalid configuration"
    );
}

#[test]
fn an_ensemble_needs_its_limits_and_its_id() {
    let config = member(THREE, "2\n").expect("taken");
    assert!(config.quorum.is_distributed());
    assert_eq!(config.quorum.my_id, Some(Sid(2)));
    assert_eq!(config.quorum.peer_type, PeerType::Participant);
    assert_eq!(config.warnings, []);
    assert_eq!(refusal(THREE), "initLimit is not set");
    assert_eq!(refusal(&format!("{THREE}initLimit=1")), "syncLimit is not set");
    assert_eq!(refusal(&format!("{THREE}{LIMITS}")), "myid file is missing");
    let unset = member(THREE, "-1").expect_err("Java's mark for none").to_string();
    assert!(unset.ends_with("myid file is missing"), "{unset}");
    let bad = member(THREE, "one\n").expect_err("no number").to_string();
    assert!(bad.ends_with("serverid one is not a number"), "{bad}");
    let two = member("server.1=a:2888:3888\nserver.2=b:2888:3888\n", "1").expect("taken");
    assert!(said_of(&two, "server")[0].starts_with("No server failure will be tolerated."));
}

#[test]
fn the_list_decides_on_role_and_client_address() {
    let lines = format!("{THREE}server.4=d:2888:3888:observer;127.0.0.1:2181\n");
    let config = member(&lines, "4").expect("taken");
    assert_eq!(config.quorum.peer_type, PeerType::Observer);
    assert!(said_of(&config, "peerType")[0].contains("(OBSERVER) doesn't match peerType"));
    assert_eq!(config.net.client.expect("a port").socket_addr().to_string(), "127.0.0.1:2181");
    let own =
        |lines: &str, id| member(lines, id).map(|c| c.quorum.members.servers[&Sid(1)].clone());
    let first = own(THREE, "1").expect("taken");
    assert!(first.client_from_static);
    assert_eq!(first.client.expect("from the static file").port, 2181);
    let differing = "server.1=a:2888:3888;2182\nserver.2=b:1:2\n";
    let message = own(differing, "1").expect_err("ports differ").to_string();
    assert!(
        message.contains("is different from client address found in dynamic file: 0.0.0.0:2182")
    );
    let apart =
        "clientPortAddress=127.0.0.1\nserver.1=a:2888:3888;127.0.0.2:2181\nserver.2=b:1:2\n";
    assert!(own(apart, "1").is_err());
}

#[test]
fn groups_and_weights_make_another_rule() {
    let lines = format!("{THREE}group.1=1:2\ngroup.2=3\nweight.1=0\n");
    let config = member(&lines, "1").expect("taken");
    let QuorumRule::Hierarchical { groups, weights } = &config.quorum.members.rule else {
        panic!("a plain majority");
    };
    assert_eq!(groups[..], [(Sid(1), 1), (Sid(2), 1), (Sid(3), 2)]);
    assert_eq!(weights[..], [(Sid(1), 0), (Sid(2), 1), (Sid(3), 1)]);
    assert_eq!(
        config.quorum.members.text(),
        "server.1=a:2888:3888:participant\nserver.2=b:2888:3888:participant\n\
         server.3=c:2888:3888:participant\ngroup.1=1:2\ngroup.2=3\n\
         weight.1=0\nweight.2=1\nweight.3=1\nversion=0"
    );
    for (lines, message) in [
        ("group.1=1:2\n", "Server 3 is not in a group"),
        (
            "group.1=1:2:3:9\n",
            "Server 9 is in a group and has no weight: it does not vote, and there is no weight.9",
        ),
        ("group.1=1:2:3\ngroup.2=3\n", "Server 3 is in multiple groups"),
        ("groupX=1\n", "groupX: expected a whole number behind the dot"),
        ("group.1=a\n", "group.1=a: expected server ids with ':' between them"),
        ("weight.1=x\n", "weight.1=x: expected a whole number"),
    ] {
        assert_eq!(refusal(&format!("{THREE}{lines}")), message, "{lines:?}");
    }
}

#[test]
fn a_dynamic_file_holds_members_alone() {
    let read_with = |static_lines: &str, path: &str, text: &str| {
        let mut written = written(&format!("{MINIMAL}{LIMITS}{static_lines}"), &[]);
        written.my_id = Some(b"1".to_vec());
        written.entries.set("dynamicConfigFile", path);
        written.dynamic =
            Some(DynamicFile { path: path.to_owned(), text: text.as_bytes().to_vec() });
        written.next = Some(format!("{THREE}version=20\n").into_bytes());
        Config::interpret(&written, &resolve)
    };
    let config = read_with("", "/conf/zoo.cfg.dynamic.1f", THREE).expect("taken");
    assert_eq!(config.quorum.members.version, 0x1f);
    assert_eq!(config.quorum.last_seen.expect("a next file").version, 0x20);
    assert!(config.quorum.members.text().ends_with("\nversion=1f"));
    let config = read_with("", "/conf/zoo.cfg.dynamic", THREE).expect("taken");
    assert_eq!(config.quorum.members.version, 0);
    for (lines, path, text, message) in [
        ("", "/d", "tickTime=1\n", "Error processing /d: Unrecognised parameter: tickTime"),
        (
            "",
            "/d",
            "version=1\n",
            "Error processing /d: dynamic file shouldn't have version inside",
        ),
        (
            "server.1=a:1:2\n",
            "/d",
            THREE,
            "Error processing /conf/zoo.cfg: parameter: server.1 must be in a separate dynamic \
             config file",
        ),
    ] {
        let error = read_with(lines, path, text).expect_err(message);
        assert_eq!(error.to_string(), message);
    }
}

#[test]
fn conf_of_a_member_shows_the_ensemble() {
    let config = member(THREE, "2").expect("taken");
    let text = config.conf_text(NOTHING_BOUND, std::path::Path::new("/"));
    let (_, ensemble) = text.split_once("serverId=2\n").expect("the id");
    assert_eq!(
        ensemble,
        "initLimit=10\nsyncLimit=5\nelectionAlg=3\nelectionPort=3888\nquorumPort=2888\npeerType=0\n\
         membership: \nserver.1=a:2888:3888:participant\nserver.2=b:2888:3888:participant\n\
         server.3=c:2888:3888:participant\nversion=0"
    );
}

#[test]
fn conf_tells_each_port_once() {
    let several = "server.1=a:2888:3888|b:2888:3889\nserver.2=c:2888:3888\n";
    let file = format!("{MINIMAL}{LIMITS}{several}");
    let mut written = written(&file, &[("zookeeper.multiAddress.enabled", "true")]);
    written.my_id = Some(b"1".to_vec());
    let config = Config::interpret(&written, &resolve).expect("taken");
    let text = config.conf_text(NOTHING_BOUND, std::path::Path::new("/"));
    assert!(text.contains("\nelectionPort=3888|3889\nquorumPort=2888\n"), "{text}");
}

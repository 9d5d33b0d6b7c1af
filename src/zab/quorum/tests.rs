use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::config::ConfigOptions;
use crate::ids::Sid;

fn config(text: &str) -> QuorumVerifier {
    QuorumVerifier::parse(text, ConfigOptions::default()).unwrap()
}

fn fault(text: &str) -> String {
    QuorumVerifier::parse(text, ConfigOptions::default()).unwrap_err().to_string()
}

fn sids(ids: &[i64]) -> SidSet {
    ids.iter().map(|id| Sid(*id)).collect()
}

fn majority_of(n: i64) -> String {
    (1..=n).map(|i| format!("server.{i}=h{i}:2888:3888\n")).collect()
}

#[test]
fn text_has_role_and_client_address_and_no_newline_at_the_end() {
    let text = "server.1=a:2888:3888;2181\nserver.2=b:2888:3888:observer;[::1]:2182\n\
                server.3=[fe80::1]:2888:3888:PARTICIPANT\nserver.4=c:1:2\nversion=100000000";
    assert_eq!(
        config(text).to_string(),
        "server.1=a:2888:3888:participant;0.0.0.0:2181\n\
         server.2=b:2888:3888:observer;[0:0:0:0:0:0:0:1]:2182\n\
         server.3=[fe80:0:0:0:0:0:0:1]:2888:3888:participant\n\
         server.4=c:1:2:participant\n\
         version=100000000"
    );
}

#[test]
fn members_come_in_the_order_of_javas_hash_map() {
    let text =
        |ids: &[i64]| -> String { ids.iter().map(|i| format!("server.{i}=h:1:2\n")).collect() };
    let order =
        |ids: &[i64]| -> Vec<i64> { config(&text(ids)).members().map(|m| m.sid.0).collect() };
    assert_eq!(order(&[1, 2, 3]), [1, 2, 3]);
    // 16 buckets: 33 falls into bucket 1, 20 into bucket 4.
    assert_eq!(order(&[2, 20, 3, 33]), [33, 2, 3, 20]);
    // More than twelve: 32 buckets.
    let many: Vec<i64> = (15..=28).rev().collect();
    assert_eq!(order(&many), (15..=28).collect::<Vec<_>>());
}

/// Ids in the order of a file, and in that of `QuorumMaj.toString` of 3.9.5 on Java 17.
#[test]
fn members_come_in_the_order_that_java_gave() {
    for line in include_str!("testdata/member_order.txt").lines() {
        let (ids, expected) = line.split_once(" | ").unwrap();
        let lines = ids.split(' ').map(|id| format!("server.{id}=h:1:2\n"));
        let verifier = config(&lines.collect::<String>());
        let order: Vec<String> = verifier.members().map(|m| m.sid.to_string()).collect();
        assert_eq!(order.join(" "), expected, "{ids}");
    }
}

#[test]
fn several_addresses_are_sorted_by_host_and_need_the_switch() {
    let line = "server.1=b:1:2|a:3:4";
    assert!(fault(line).contains("Multiple address feature is disabled"));
    let options = ConfigOptions { multi_address: true, ..ConfigOptions::default() };
    let verifier = QuorumVerifier::parse(line, options).unwrap();
    assert_eq!(verifier.to_string(), "server.1=a:3:4|b:1:2:participant\nversion=0");
}

#[test]
fn malformed_lines_are_refused() {
    for line in [
        "server.1=a",
        "server.1=a:1",
        "server.1=a:1:2:3:4",
        "server.1=a:1:2:leader",
        "server.1=a:1:1",
        "server.1=a:1:70000",
        "server.1=[::1:1:2",
        "server.1=a:1:2;b:1:2",
        "server.1=a:1:2;1;2",
        "server.x=a:1:2",
        "clientPort=2181",
        "version=xyz",
        "server.1=a:1:2:observer",
        "server.1=a:1:2\nserver.2=b:1:2:observer",
        "server.1=a:1:2\nserver.2=b:1:2\ngroup.1=1",
        "server.1=a:1:2\nserver.2=b:1:2\ngroup.1=1:2\ngroup.2=2",
        "server.1=a:1:2\ngroup.1=1:9",
    ] {
        assert!(QuorumVerifier::parse(line, ConfigOptions::default()).is_err(), "{line}");
    }
}

#[test]
fn majority_counts_voters_only() {
    let five = config(&majority_of(5));
    assert!(!five.contains_quorum(&sids(&[1, 2])));
    assert!(five.contains_quorum(&sids(&[1, 2, 5])));
    assert!(!five.contains_quorum(&sids(&[1, 2, 6, 7, 8])));
    let observed = config(&format!("{}server.4=o:1:2:observer\n", majority_of(3)));
    assert!(!observed.contains_quorum(&sids(&[1, 4])));
    assert!(observed.contains_quorum(&sids(&[1, 2])));
    assert!(!config("version=0").contains_quorum(&sids(&[])));
}

#[test]
fn hierarchy_wants_most_of_the_weight_of_most_of_the_groups() {
    let text: String = (1..=9).map(|i| format!("server.{i}=h{i}:1:2\n")).collect::<String>()
        + "group.1=1:2:3\ngroup.2=4:5:6\ngroup.3=7:8:9\nweight.9=0\n";
    let verifier = config(&text);
    assert!(verifier.contains_quorum(&sids(&[1, 2, 4, 5])));
    assert!(!verifier.contains_quorum(&sids(&[1, 4, 7])));
    assert!(!verifier.contains_quorum(&sids(&[1, 2, 3])));
    // Group 3 weighs 2: 7 alone is not more than half of it, 7 and 8 are.
    assert!(!verifier.contains_quorum(&sids(&[1, 2, 7, 9])));
    assert!(verifier.contains_quorum(&sids(&[1, 2, 7, 8])));
    assert_eq!(verifier.weight(Sid(9)), 0);
    let lines: Vec<String> = verifier.to_string().lines().skip(9).map(str::to_owned).collect();
    assert_eq!(lines[..4], ["group.1=1:2:3", "group.2=4:5:6", "group.3=7:8:9", "weight.1=1"]);
    assert_eq!(lines[11..], ["weight.9=0", "version=0"]);
}

#[test]
fn a_group_without_weight_does_not_count() {
    let text: String = (1..=6).map(|i| format!("server.{i}=h{i}:1:2\n")).collect::<String>()
        + "group.1=1:2:3\ngroup.2=4:5:6\nweight.4=0\nweight.5=0\nweight.6=0\n";
    assert!(config(&text).contains_quorum(&sids(&[1, 2])));
}

#[test]
fn while_a_newer_configuration_is_proposed_both_need_a_quorum() {
    let mut quorums = Quorums::new(Arc::new(config(&majority_of(3))));
    let next = Arc::new(config(&majority_of(5)).with_version(7));
    assert!(quorums.set_last_seen(Arc::clone(&next)));
    assert!(!quorums.set_last_seen(Arc::clone(&next)));
    let mut tracker = SyncedLearnerTracker::new(quorums.clone());
    tracker.add_ack(Sid(1));
    tracker.add_ack(Sid(2));
    assert!(!tracker.has_all_quorums());
    assert!(!tracker.has_sid(Sid(5)) && !tracker.add_ack(Sid(9)));
    assert!(tracker.add_ack(Sid(5)));
    assert!(tracker.has_all_quorums());
    assert_eq!(tracker.to_string(), "[1, 2],[1, 2, 5]");
    assert!(quorums.set_committed(next));
    assert!(!quorums.contain_quorums(&sids(&[1, 2])));
}

#[test]
fn the_same_version_is_the_same_configuration() {
    let three = config(&majority_of(3));
    assert!(three.same_as(&config(&majority_of(5))));
    assert!(three.same_as(&three.with_version(9)));
    assert!(!three.same_as(&config(&majority_of(5)).with_version(9)));
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(
        text in "(server\\.[0-9]{1,3}=|version=|group\\.|weight\\.|[a-z:;|=\\[\\]0-9\n]){0,40}",
    ) {
        if let Ok(verifier) = QuorumVerifier::parse(&text, ConfigOptions::default()) {
            let again = verifier.to_string();
            let read = QuorumVerifier::parse(&again, ConfigOptions::default()).unwrap();
            prop_assert_eq!(read.to_string(), again);
        }
    }
}

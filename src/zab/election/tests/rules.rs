//! The rules of the election one by one, on a single machine.

use super::{effect_text, machine, quorums};
use crate::config::ConfigOptions;
use crate::ids::{Millis, Sid, Zxid};
use crate::zab::election::fle::{Effect, Event, FastLeaderElection, Rejection, Settings};
use crate::zab::election::notification::{NotificationError, encode};
use crate::zab::election::vote::{Candidate, Vote};
use crate::zab::quorum::{QuorumVerifier, Quorums};
use crate::zab::{LearnerType, ServerState};

const NO_CONFIG: &[u8] = b"version=0";

fn look(m: &mut FastLeaderElection, zxid: i64, epoch: i64) -> Vec<String> {
    let mut out = Vec::new();
    m.step(0, Event::Look { zxid: Zxid(zxid), peer_epoch: epoch }, &mut out);
    out.iter().map(effect_text).collect()
}

/// A vote of `from`, told as `(leader, zxid, epoch, round)`.
fn hear(
    m: &mut FastLeaderElection,
    now: Millis,
    from: i64,
    state: ServerState,
    (leader, zxid, peer_epoch, round): (i64, i64, i64, i64),
) -> Vec<String> {
    let candidate = Candidate { leader: Sid(leader), zxid: Zxid(zxid), peer_epoch };
    let vote = Vote { candidate, election_epoch: round, state, version: 0 };
    let bytes = encode(&vote, NO_CONFIG);
    let mut out = Vec::new();
    m.step(now, Event::Message { from: Sid(from), bytes: &bytes }, &mut out);
    out.iter().map(effect_text).collect()
}

fn tick(m: &mut FastLeaderElection, now: Millis, have_delivered: bool) -> Vec<String> {
    let mut out = Vec::new();
    m.step(now, Event::Timer { have_delivered }, &mut out);
    out.iter().map(effect_text).collect()
}

use ServerState::{Following, Leading, Looking};

#[test]
fn a_round_begins_with_ones_own_candidacy() {
    let mut m = machine(2, 3);
    assert_eq!(
        look(&mut m, 5, 1),
        [1, 2, 3].map(|to| format!("send {to}: LOOKING leader=2 zxid=0x5 epoch=1 round=1"))
    );
}

#[test]
fn what_was_heard_before_the_first_round_waits_for_it() {
    let mut m = machine(2, 3);
    assert_eq!(hear(&mut m, 0, 1, Looking, (1, 4, 1, 1)), [] as [String; 0]);
    assert_eq!(hear(&mut m, 0, 3, Looking, (3, 9, 1, 1)), [] as [String; 0]);
    assert_eq!(hear(&mut m, 0, 99, Looking, (99, 9, 9, 1)), [] as [String; 0]);
    for stranger in 100..1000 {
        hear(&mut m, 0, stranger, Looking, (stranger, 9, 9, 1));
    }
    let said = look(&mut m, 5, 1);
    assert!(said.len() < 30, "{said:?}");
    let answer = "send 99: LOOKING leader=2 zxid=0x0 epoch=0 round=1";
    assert!(said.iter().any(|s| s == answer), "{said:?}");
    let votes = [1, 2, 3].map(|to| format!("send {to}: LOOKING leader=3 zxid=0x9 epoch=1 round=1"));
    assert!(said.windows(3).any(|w| w == votes), "{said:?}");
    let first = [1, 2, 3].map(|to| format!("send {to}: LOOKING leader=2 zxid=0x5 epoch=1 round=1"));
    assert!(said.starts_with(&first), "{said:?}");
}

#[test]
fn a_better_candidate_is_taken_over_and_passed_on() {
    let mut m = machine(2, 3);
    look(&mut m, 5, 1);
    assert_eq!(
        hear(&mut m, 0, 1, Looking, (1, 4, 1, 1)),
        ["send 1: LOOKING leader=2 zxid=0x5 epoch=1 round=1"]
    );
    assert_eq!(hear(&mut m, 0, 1, Looking, (2, 5, 1, 1)), [] as [String; 0]);
    for better in [(3, 5, 1, 1), (1, 6, 1, 1), (1, 0, 2, 1)] {
        let sent = hear(&mut m, 0, 3, Looking, better);
        assert_eq!(sent.len(), 3, "{better:?}");
    }
}

#[test]
fn a_quorum_waits_for_something_better() {
    let mut m = machine(2, 3);
    look(&mut m, 5, 1);
    hear(&mut m, 10, 2, Looking, (2, 5, 1, 1));
    hear(&mut m, 20, 1, Looking, (2, 5, 1, 1));
    assert_eq!(m.deadline(), Some(220));
    assert_eq!(tick(&mut m, 219, true), [] as [String; 0]);
    assert_eq!(tick(&mut m, 220, true), ["decided: Leading (2, 5, 1) round=1"]);
    assert_eq!(m.deadline(), None);
}

#[test]
fn who_cannot_be_reached_is_not_waited_for() {
    let unreachable = |m: &mut FastLeaderElection, now, sid| {
        let mut out = Vec::new();
        m.step(now, Event::Unreachable(Sid(sid)), &mut out);
        out.iter().map(effect_text).collect::<Vec<_>>()
    };
    let decided = ["decided: Leading (2, 5, 1) round=1"];
    let mut m = machine(2, 3);
    look(&mut m, 5, 1);
    assert_eq!(unreachable(&mut m, 5, 3), [] as [String; 0], "two of three have not voted");
    hear(&mut m, 10, 2, Looking, (2, 5, 1, 1));
    assert_eq!(hear(&mut m, 20, 1, Looking, (2, 5, 1, 1)), decided);

    let mut m = machine(2, 3);
    look(&mut m, 5, 1);
    hear(&mut m, 10, 2, Looking, (2, 5, 1, 1));
    hear(&mut m, 20, 1, Looking, (2, 5, 1, 1));
    assert_eq!(unreachable(&mut m, 30, 3), decided);

    let mut m = machine(2, 3);
    look(&mut m, 5, 1);
    unreachable(&mut m, 5, 3);
    hear(&mut m, 6, 3, Looking, (3, 4, 1, 1));
    hear(&mut m, 10, 2, Looking, (2, 5, 1, 1));
    hear(&mut m, 20, 1, Looking, (2, 5, 1, 1));
    assert_eq!(m.deadline(), Some(220), "it has come, and may come round");
}

#[test]
fn what_is_better_ends_the_wait() {
    let mut m = machine(2, 3);
    look(&mut m, 5, 1);
    hear(&mut m, 10, 2, Looking, (2, 5, 1, 1));
    hear(&mut m, 20, 1, Looking, (2, 5, 1, 1));
    assert_eq!(hear(&mut m, 100, 3, Looking, (3, 5, 1, 1)).len(), 3);
    assert_eq!(tick(&mut m, 220, true), [] as [String; 0]);
    hear(&mut m, 230, 2, Looking, (3, 5, 1, 1));
    assert_eq!(m.deadline(), Some(430));
    assert_eq!(tick(&mut m, 430, true), ["decided: Following (3, 5, 1) round=1"]);
}

#[test]
fn nobody_is_waited_for_when_all_have_agreed() {
    let mut m = machine(2, 3);
    look(&mut m, 5, 1);
    hear(&mut m, 10, 2, Looking, (2, 5, 1, 1));
    hear(&mut m, 20, 1, Looking, (2, 5, 1, 1));
    assert_eq!(hear(&mut m, 30, 3, Looking, (2, 5, 1, 1)), ["decided: Leading (2, 5, 1) round=1"]);
}

#[test]
fn a_later_round_is_joined_and_an_earlier_one_corrected() {
    let mut m = machine(2, 3);
    look(&mut m, 5, 1);
    assert_eq!(
        hear(&mut m, 0, 1, Looking, (1, 4, 1, 7))[0],
        "send 1: LOOKING leader=2 zxid=0x5 epoch=1 round=7"
    );
    assert_eq!(
        hear(&mut m, 0, 1, Looking, (3, 9, 9, 6)),
        ["send 1: LOOKING leader=2 zxid=0x5 epoch=1 round=7"]
    );
}

#[test]
fn silence_is_answered_by_repetition_that_backs_off() {
    let mut m = machine(2, 3);
    look(&mut m, 5, 1);
    assert_eq!(m.deadline(), Some(200));
    assert_eq!(tick(&mut m, 200, true).len(), 3);
    assert_eq!(m.deadline(), Some(600));
    assert_eq!(tick(&mut m, 600, false), ["ConnectAll"]);
    for _ in 0..20 {
        let at = m.deadline().unwrap();
        tick(&mut m, at, true);
    }
    let at = m.deadline().unwrap();
    tick(&mut m, at, true);
    assert_eq!(m.deadline(), Some(at + 60_000));
}

#[test]
fn an_ensemble_with_a_leader_is_joined_when_the_leader_says_so() {
    let mut m = machine(1, 3);
    look(&mut m, 5, 1);
    assert_eq!(
        hear(&mut m, 0, 2, Following, (3, 4, 4, 12)),
        ["send 3: LOOKING leader=1 zxid=0x5 epoch=1 round=1"]
    );
    assert_eq!(
        hear(&mut m, 0, 3, Leading, (3, 3, 4, 11)),
        ["decided: Following (3, 3, 4) round=11"]
    );
    assert_eq!(m.logical_clock(), 11);
}

#[test]
fn a_leader_of_whom_others_only_say_so_is_not_joined() {
    let mut m = machine(1, 5);
    look(&mut m, 5, 1);
    for from in [2, 3, 4] {
        let asked = hear(&mut m, 0, from, Following, (5, 4, 4, 12));
        assert_eq!(asked, ["send 5: LOOKING leader=1 zxid=0x5 epoch=1 round=1"]);
    }
    assert_eq!(hear(&mut m, 0, 5, Leading, (5, 4, 4, 12)).len(), 1);
}

#[test]
fn a_server_that_has_a_leader_tells_those_who_look() {
    let mut m = machine(1, 3);
    look(&mut m, 5, 1);
    hear(&mut m, 0, 2, Following, (3, 4, 4, 12));
    hear(&mut m, 0, 3, Leading, (3, 4, 4, 12));
    let mut out = Vec::new();
    m.step(0, Event::EpochEstablished(5), &mut out);
    assert_eq!(
        hear(&mut m, 0, 2, Looking, (2, 5, 1, 1)),
        [
            "VoterLooking { sid: Sid(2), epoch: 1 }",
            "send 2: FOLLOWING leader=3 zxid=0x4 epoch=5 round=12"
        ]
    );
    assert_eq!(hear(&mut m, 0, 2, Following, (3, 5, 1, 1)), [] as [String; 0]);
}

#[test]
fn who_has_no_vote_is_answered_and_not_counted() {
    let mut m = machine(2, 3);
    look(&mut m, 5, 1);
    assert_eq!(
        hear(&mut m, 0, 9, Looking, (9, 99, 99, 99)),
        ["send 9: LOOKING leader=2 zxid=0x0 epoch=0 round=1"]
    );
}

#[test]
fn an_empty_server_takes_no_part_until_others_have_a_leader() {
    let mut m = machine(1, 3);
    look(&mut m, -1, 0);
    hear(&mut m, 0, 2, Looking, (3, 5, 1, 1));
    hear(&mut m, 0, 3, Looking, (3, 5, 1, 1));
    assert_eq!(m.deadline(), Some(200));
    hear(&mut m, 0, 2, Following, (3, 5, 1, 1));
    assert_eq!(hear(&mut m, 0, 3, Leading, (3, 5, 1, 1)), ["decided: Following (3, 5, 1) round=1"]);
}

#[test]
fn an_observer_wants_nobody_and_observes_whom_others_elect() {
    let settings = Settings { kind: LearnerType::Observer, ..Settings::new(Sid(4)) };
    let mut m = FastLeaderElection::new(settings, quorums(3, 1), Zxid(0), 0);
    assert!(look(&mut m, 5, 1)[0].contains("leader=-9223372036854775808"));
    hear(&mut m, 0, 1, Looking, (3, 5, 1, 1));
    hear(&mut m, 0, 2, Looking, (3, 5, 1, 1));
    assert_eq!(tick(&mut m, 200, true), ["decided: Observing (3, 5, 1) round=1"]);
}

#[test]
fn a_server_without_weight_is_not_elected() {
    let text = "server.1=a:1:2\nserver.2=b:1:2\nserver.3=c:1:2\ngroup.1=1:2:3\nweight.3=0";
    let config = QuorumVerifier::parse(text, ConfigOptions::default()).unwrap();
    let quorums = Quorums::new(config.into());
    let mut m = FastLeaderElection::new(Settings::new(Sid(1)), quorums, Zxid(0), 0);
    look(&mut m, 5, 1);
    assert_eq!(hear(&mut m, 0, 3, Looking, (3, 9, 1, 1)), [] as [String; 0]);
    assert_eq!(hear(&mut m, 0, 2, Looking, (2, 5, 1, 1)).len(), 3);
}

#[test]
fn votes_of_settled_servers_agree_by_leader_and_epoch() {
    let vote = |state, zxid, epoch, round, version| {
        let candidate = Candidate { leader: Sid(1), zxid: Zxid(zxid), peer_epoch: epoch };
        Vote { candidate, election_epoch: round, state, version }
    };
    assert!(vote(Leading, 1, 2, 3, 2).agrees_with(&vote(Following, 9, 2, 9, 2)));
    assert!(!vote(Leading, 1, 2, 3, 2).agrees_with(&vote(Following, 1, 3, 3, 2)));
    assert!(vote(Leading, 1, 2, 3, 2).agrees_with(&vote(Following, 1, 3, 3, 0)));
    assert!(!vote(Leading, 1, 2, 3, 2).agrees_with(&vote(Looking, 9, 2, 3, 2)));
    assert!(vote(Leading, 1, 2, 3, 2).agrees_with(&vote(Looking, 1, 2, 3, 0)));
}

#[test]
fn a_newer_configuration_begins_a_new_round() {
    let settings = Settings { reconfig_enabled: true, ..Settings::new(Sid(1)) };
    let mut m = FastLeaderElection::new(settings, quorums(3, 0), Zxid(0), 0);
    look(&mut m, 5, 1);
    let config = quorums(5, 0).committed().with_version(0x100).to_string();
    let candidate = Candidate { leader: Sid(2), zxid: Zxid(9), peer_epoch: 1 };
    let bytes = encode(&Vote::looking(candidate, 1), config.as_bytes());
    let mut out = Vec::new();
    m.step(0, Event::Message { from: Sid(2), bytes: &bytes }, &mut out);
    let lines: Vec<String> = out.iter().map(effect_text).collect();
    assert_eq!(lines.len(), 6);
    assert_eq!(lines[0], "adopt version 100");
    assert_eq!(lines[5], "send 5: LOOKING leader=1 zxid=0x5 epoch=1 round=2");
}

#[test]
fn garbage_is_dropped() {
    let mut m = machine(1, 3);
    look(&mut m, 5, 1);
    let mut out = Vec::new();
    m.step(0, Event::Message { from: Sid(2), bytes: &[0; 27] }, &mut out);
    let short = Rejection::Notification(NotificationError::Short(27));
    assert!(matches!(&out[..], [Effect::Rejected { from: Sid(2), why }] if *why == short));
}

#[test]
fn votes_that_nobody_can_cast_are_dropped_with_a_word() {
    let mut m = machine(2, 3);
    look(&mut m, 5, 1);
    let rejected = hear(&mut m, 0, 1, Looking, (9, 99, 99, 1));
    assert_eq!(rejected, ["Rejected { from: Sid(1), why: Leader(Sid(9)) }"]);
    let candidate = Candidate { leader: Sid(1), zxid: Zxid(9), peer_epoch: 1 };
    let mut bytes = encode(&Vote::looking(candidate, 1), NO_CONFIG);
    bytes[3] = 4;
    let mut out = Vec::new();
    m.step(0, Event::Message { from: Sid(1), bytes: &bytes }, &mut out);
    assert!(matches!(out[..], [Effect::Rejected { from: Sid(1), why: Rejection::State }]));
}

/// A caller can have us call whoever it names.
#[test]
fn who_has_no_vote_is_not_waited_for_nor_remembered() {
    let mut m = machine(2, 3);
    look(&mut m, 5, 1);
    let mut out = Vec::new();
    (100..200).for_each(|sid| m.step(0, Event::Unreachable(Sid(sid)), &mut out));
    assert!(out.is_empty());
    let round = format!("{m:?}");
    assert!(!round.contains("Sid(150)"), "{round}");
}

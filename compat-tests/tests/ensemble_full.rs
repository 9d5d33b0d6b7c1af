//! Everything that may happen to an ensemble of real processes, ours, Java's and both mixed, each time
//! judged by the history of the clients. It takes some minutes:
//! `cargo test -p compat-tests --test ensemble_full -- --ignored --test-threads 1 --nocapture`

use std::collections::BTreeSet;
use std::thread::sleep;
use std::time::Duration;

use compat_tests::ensemble::load::Load;
use compat_tests::ensemble::recorder::{Op, Recorder};
use compat_tests::ensemble::scenes::{
    WRITES, judged, kill_and_back, kill_each, led_by_last, network, replace_each,
};
use compat_tests::ensemble::verdict::judge;
use compat_tests::ensemble::{Ensemble, Plan};
use compat_tests::history::Body;
use compat_tests::server::Kind::{self, Java, Ours};
use compat_tests::{Failure, Result};

#[test]
#[ignore = "takes long"]
fn java_alone_satisfies_the_judge() -> Result<()> {
    judged(led_by_last(&[Java; 3])?, kill_each)
}

#[test]
#[ignore = "takes long"]
fn ours_alone_lose_leader_and_follower() -> Result<()> {
    judged(led_by_last(&[Ours; 3])?, kill_each)
}

#[test]
#[ignore = "takes long"]
fn java_leads_one_of_ours() -> Result<()> {
    judged(led_by_last(&[Ours, Java, Java])?, kill_each)
}

#[test]
#[ignore = "takes long"]
fn java_leads_two_of_ours() -> Result<()> {
    judged(led_by_last(&[Ours, Ours, Java])?, kill_each)
}

#[test]
#[ignore = "takes long"]
fn ours_leads_one_java() -> Result<()> {
    judged(led_by_last(&[Java, Ours, Ours])?, kill_each)
}

#[test]
#[ignore = "takes long"]
fn ours_leads_two_java() -> Result<()> {
    judged(led_by_last(&[Java, Java, Ours])?, kill_each)
}

#[test]
#[ignore = "takes long"]
fn five_members_lose_two() -> Result<()> {
    let ensemble = Ensemble::start_led_by_last(Plan::new(&[Java, Ours, Java, Ours, Ours]))?;
    judged(ensemble, |ensemble, load| {
        let leader = ensemble.wait_leader()?;
        ensemble.kill(leader)?;
        ensemble.kill(0)?;
        load.wait_written(WRITES)?;
        ensemble.start_member(0, Ours)?;
        ensemble.start_member(leader, Java)
    })
}

/// Java, then ours, then Java again, each member twice.
#[test]
#[ignore = "takes long"]
fn all_members_are_replaced_one_by_one_and_back() -> Result<()> {
    judged(led_by_last(&[Java; 3])?, |ensemble, load| {
        replace_each(ensemble, load, Ours)?;
        replace_each(ensemble, load, Java)
    })
}

/// A member that stands still for longer than the others wait for it, and then goes on.
fn freeze_each(ensemble: &mut Ensemble, load: &Load) -> Result<()> {
    let leader = ensemble.wait_leader()?;
    for member in [leader, (leader + 1) % ensemble.voters()] {
        load.mark(if member == leader { "leader frozen" } else { "follower frozen" });
        ensemble.freeze(member)?;
        load.wait_written(WRITES)?;
        sleep(Duration::from_secs(6));
        ensemble.thaw(member)?;
        load.wait_written(WRITES)?;
    }
    Ok(())
}

#[test]
#[ignore = "takes long"]
fn ours_stand_still_and_go_on() -> Result<()> {
    judged(led_by_last(&[Ours; 3])?, freeze_each)
}

#[test]
#[ignore = "takes long"]
fn ours_stand_still_among_java() -> Result<()> {
    judged(led_by_last(&[Java, Java, Ours])?, freeze_each)
}

#[test]
#[ignore = "takes long"]
fn java_stands_still_among_ours() -> Result<()> {
    judged(led_by_last(&[Ours, Ours, Java])?, freeze_each)
}

/// Power fails everywhere.
fn restart_all(ensemble: &mut Ensemble, load: &Load) -> Result<()> {
    for _ in 0..3 {
        for member in 0..ensemble.size() {
            ensemble.kill(member)?;
        }
        for member in 0..ensemble.size() {
            ensemble.spawn(member, ensemble.kind(member))?;
        }
        ensemble.wait_all()?;
        load.wait_written(WRITES)?;
    }
    Ok(())
}

#[test]
#[ignore = "takes long"]
fn all_of_ours_restart_at_once() -> Result<()> {
    judged(led_by_last(&[Ours; 3])?, restart_all)
}

#[test]
#[ignore = "takes long"]
fn all_of_a_mixed_ensemble_restart_at_once() -> Result<()> {
    judged(led_by_last(&[Java, Ours, Ours])?, restart_all)
}

/// A client that vanishes takes its ephemerals with it, whichever server it was at; one that only
/// listens lives on, at followers too.
fn sessions(kinds: [Kind; 3]) -> Result<()> {
    let mut ensemble = led_by_last(&kinds)?;
    let addresses = ensemble.addresses();
    let timeout = Duration::from_secs(2);
    let mut clients = Vec::new();
    for (i, address) in addresses.iter().enumerate() {
        let mut client = Recorder::new(i, &[*address], timeout);
        client.connect()?;
        client.ask(&Op::Create(format!("/idle-{i}"), vec![], 1));
        let mut vanishing = Recorder::new(10 + i, &[*address], timeout);
        vanishing.connect()?;
        vanishing.ask(&Op::Create(format!("/gone-{i}"), vec![], 1));
        clients.push(client);
    }
    for _ in 0..8 {
        clients.iter_mut().for_each(|client| client.listen(timeout / 8));
    }
    let seen = clients[0].ask(&Op::Children("/".into(), false)).map(|reply| reply.body.clone());
    let Some(Body::Children(mut names)) = seen else {
        return Err(ensemble.failure(&format!("answers {seen:?}")));
    };
    names.sort_unstable();
    if names != ["idle-0", "idle-1", "idle-2", "zookeeper"] {
        return Err(ensemble.failure(&format!("has {names:?}")));
    }
    judge(&mut ensemble, &clients)?;
    Ok(())
}

#[test]
#[ignore = "takes long"]
fn sessions_end_and_live_on() -> Result<()> {
    sessions([Java, Java, Java])?;
    sessions([Ours, Ours, Ours])?;
    sessions([Ours, Java, Ours])?;
    sessions([Ours, Ours, Java])
}

/// A session goes from server to server with its ephemerals and sees its own writes everywhere.
fn wandering(kinds: [Kind; 3]) -> Result<()> {
    let mut ensemble = led_by_last(&kinds)?;
    let addresses = ensemble.addresses();
    let mut client = Recorder::new(0, &addresses, Duration::from_secs(6));
    for i in 0..30 {
        client.move_to(addresses[i % addresses.len()])?;
        let seen = if i == 0 { None } else { Some(format!("/e-{}", i - 1)) };
        let read = seen.map(|path| Op::Get(path, false));
        let write = Op::Create(format!("/e-{i}"), vec![], 1);
        let ops: Vec<Op> = read.into_iter().chain([write]).collect();
        let wrong = client.run(&ops).iter().find(|c| c.reply.as_ref().is_none_or(|r| r.err != 0));
        if let Some(wrong) = wrong {
            let what = format!("fails at move {i}: {wrong:?}");
            return Err(ensemble.failure(&what));
        }
    }
    judge(&mut ensemble, &[client])?;
    Ok(())
}

#[test]
#[ignore = "takes long"]
fn a_session_moves_between_servers() -> Result<()> {
    wandering([Java, Java, Java])?;
    wandering([Ours, Ours, Ours])?;
    wandering([Ours, Java, Ours])?;
    wandering([Ours, Ours, Java])
}

/// Observers follow without a vote, and serve.
#[test]
#[ignore = "takes long"]
fn observers_of_both_kinds() -> Result<()> {
    for last in [Ours, Java] {
        let plan = Plan::new(&[Java, Ours, last, Ours, Java]).observers(2);
        judged(Ensemble::start_led_by_last(plan)?, |ensemble, load| {
            for observer in [3, 4] {
                if ensemble.mode(observer).as_deref() != Some("observer") {
                    return Err(ensemble.failure("has an observer that does not observe"));
                }
                kill_and_back(ensemble, load, observer)?;
            }
            kill_each(ensemble, load)
        })?;
    }
    Ok(())
}

/// The name that each line of an answer begins with. Java's leader has a queue of packets for each
/// learner and measures it; ours has none, a packet goes out with those that are due with it.
fn names(answer: &str) -> BTreeSet<String> {
    let name = |line: &str| line.split(['\t', ':', '=']).next().unwrap_or_default().to_owned();
    answer.lines().map(name).filter(|name| !name.contains("learner_handler_qp_")).collect()
}

/// What the members answer to each of `words`: leader, follower, observer.
fn answers(kind: Kind, words: &[&str]) -> Result<Vec<Vec<String>>> {
    let ensemble = Ensemble::start_led_by_last(Plan::new(&[kind; 4]).observers(1))?;
    let mut client = Recorder::new(0, &ensemble.addresses(), Duration::from_secs(10));
    for member in [2, 0, 3] {
        client.move_to(ensemble.address(member))?;
        client.ask(&Op::Create(format!("/from-{member}"), vec![], 0));
    }
    let of_member = |member: usize| {
        let answers = words.iter().map(|word| ensemble.word(member, word).unwrap_or_default());
        answers.collect()
    };
    Ok([2, 0, 3].map(of_member).to_vec())
}

#[test]
#[ignore = "takes long"]
fn words_tell_the_same_of_each_role() -> Result<()> {
    let words = ["srvr", "stat", "mntr", "conf", "isro", "ruok", "dirs", "crst"];
    let (javas, ours) = (answers(Java, &words)?, answers(Ours, &words)?);
    let mut differ = Vec::new();
    for (role, (java, our)) in
        ["leader", "follower", "observer"].iter().zip(javas.iter().zip(&ours))
    {
        for (word, (java, our)) in words.iter().zip(java.iter().zip(our)) {
            let (theirs, mine) = (names(java), names(our));
            let missing: Vec<_> = theirs.difference(&mine).collect();
            let strange: Vec<_> = mine.difference(&theirs).collect();
            if !missing.is_empty() || !strange.is_empty() {
                differ.push(format!("{role} {word}: lacks {missing:?}, has {strange:?}"));
            }
        }
    }
    if differ.is_empty() { Ok(()) } else { Err(Failure::new(differ.join("\n"))) }
}

/// Links between the members break and drag, by turns.
fn bad_network(kinds: [Kind; 3]) -> Result<()> {
    judged(Ensemble::start_led_by_last(Plan::new(&kinds).proxied())?, |ensemble, load| {
        for turn in 0..12 {
            let (one, other) = (turn % 3, (turn + 1 + turn / 3 % 2) % 3);
            match turn % 4 {
                0 => network(ensemble).isolate(one, true),
                1 => network(ensemble).cut(one, other, true),
                2 => network(ensemble).delay(one, other, Duration::from_millis(30)),
                _ => network(ensemble).drop_connections(one, other),
            }
            load.wait_written(WRITES)?;
            sleep(Duration::from_millis(500));
            network(ensemble).isolate(one, false);
            network(ensemble).delay(one, other, Duration::ZERO);
            load.wait_written(WRITES)?;
        }
        Ok(())
    })
}

#[test]
#[ignore = "takes long"]
fn ours_with_a_bad_network() -> Result<()> {
    bad_network([Ours; 3])
}

#[test]
#[ignore = "takes long"]
fn mixed_with_a_bad_network() -> Result<()> {
    bad_network([Java, Ours, Ours])?;
    bad_network([Ours, Java, Java])
}

//! Ensembles of ours and other releases of Java's server: who leads, who is killed, all members
//! replaced and back. It takes some minutes:
//! `cargo test -p compat-tests --test ensemble_releases -- --ignored --test-threads 1 --nocapture`

use compat_tests::ensemble::scenes::{judged, kill_and_back, kill_each, led_by_last, replace_each};
use compat_tests::ensemble::verdict::FAILED_OF_A_COMMIT;
use compat_tests::server::Kind::{self, Java, Ours, Release};
use compat_tests::{Failure, Result};

/// The newest release of each line before 3.9.
const JAVA_38: Kind = Release("3.8.6");
const JAVA_37: Kind = Release("3.7.2");
const JAVA_36: Kind = Release("3.6.4");
const JAVA_35: Kind = Release("3.5.10");

/// Members are killed and come back, the leader first. At the end of a term a release before 3.9 closes
/// its log behind its database, and may be left without some of what it has acknowledged (ZOOKEEPER-4712):
/// the judge finds that in one of ten runs or so. Such a run says nothing of us, and another is made.
fn judged_but_for_zk_4712(kinds: [Kind; 3]) -> Result<()> {
    let is_4712 = |failure: &Failure| {
        let old = |member: &usize| matches!(kinds[member - 1], Release(_));
        let said = failure.to_string();
        (1..=3).filter(old).any(|member| said.contains(&format!("member {member} lacks ")))
    };
    for _ in 1..3 {
        match judged(led_by_last(&kinds)?, kill_each) {
            Err(failure) if is_4712(&failure) => println!("ZOOKEEPER-4712: {failure}"),
            other => return other,
        }
    }
    judged(led_by_last(&kinds)?, kill_each)
}

#[test]
#[ignore = "takes long"]
fn java_3_8_alone_satisfies_the_judge() -> Result<()> {
    judged_but_for_zk_4712([JAVA_38; 3])
}

#[test]
#[ignore = "takes long"]
fn java_3_8_leads_one_and_two_of_ours() -> Result<()> {
    judged_but_for_zk_4712([Ours, JAVA_38, JAVA_38])?;
    judged_but_for_zk_4712([Ours, Ours, JAVA_38])
}

#[test]
#[ignore = "takes long"]
fn ours_leads_one_and_two_of_java_3_8() -> Result<()> {
    judged_but_for_zk_4712([JAVA_38, Ours, Ours])?;
    judged_but_for_zk_4712([JAVA_38, JAVA_38, Ours])
}

/// Three kinds in one ensemble, each leading once.
#[test]
#[ignore = "takes long"]
fn ours_beside_java_3_8_and_3_9() -> Result<()> {
    judged_but_for_zk_4712([Ours, JAVA_38, Java])?;
    judged_but_for_zk_4712([Java, Ours, JAVA_38])?;
    judged_but_for_zk_4712([JAVA_38, Java, Ours])
}

/// A follower of one of these releases comes back under load, again and again. Under a leader of its own
/// kind it fails at times.
#[test]
#[ignore = "takes long"]
fn ours_leads_no_follower_into_zk_4394() -> Result<()> {
    for kind in [JAVA_35, JAVA_36, JAVA_37, JAVA_38] {
        judged(led_by_last(&[kind, Ours, Ours])?, |ensemble, load| {
            for _ in 0..3 {
                kill_and_back(ensemble, load, 0)?;
            }
            if ensemble.log(0).contains(FAILED_OF_A_COMMIT) {
                return Err(ensemble.failure("has a follower that cannot sync"));
            }
            Ok(())
        })?;
    }
    Ok(())
}

/// A running ensemble of `kind` becomes ours, and is given back.
fn replaced_and_back(kind: Kind, members: usize) -> Result<()> {
    judged(led_by_last(&vec![kind; members])?, |ensemble, load| {
        replace_each(ensemble, load, Ours)?;
        replace_each(ensemble, load, kind)
    })
}

#[test]
#[ignore = "takes long"]
fn java_3_5_is_replaced_and_back() -> Result<()> {
    replaced_and_back(JAVA_35, 3)
}

#[test]
#[ignore = "takes long"]
fn java_3_6_is_replaced_and_back() -> Result<()> {
    replaced_and_back(JAVA_36, 3)
}

#[test]
#[ignore = "takes long"]
fn java_3_7_is_replaced_and_back() -> Result<()> {
    replaced_and_back(JAVA_37, 3)
}

#[test]
#[ignore = "takes long"]
fn java_3_8_is_replaced_and_back() -> Result<()> {
    replaced_and_back(JAVA_38, 3)
}

#[test]
#[ignore = "takes long"]
fn five_members_are_replaced_and_back() -> Result<()> {
    replaced_and_back(Java, 5)
}

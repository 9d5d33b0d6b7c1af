use proptest::prelude::*;

use super::*;
use crate::server::sessions::{check_password, negotiate_timeout, password};

const TICK: i32 = 100;
const LATE: Millis = 1000;

fn tracker() -> SessionTracker {
    SessionTracker::new(1, TICK, 1_700_000_000_000)
}

/// From a Java run of `new Random(id ^ 0xB3415C00L).nextBytes(new byte[16])`.
#[test]
fn passwords_are_those_of_java() {
    for (id, hex) in [
        (1, 0x054c_c74a_3732_7db2_15e7_02e2_0c73_f005),
        (0x1000_1234_5678_0000, 0xfae1_8b1f_ff04_a306_6806_fbae_e072_25b6),
        (-1, 0x20f6_2cb5_648d_c2d7_7147_1c8a_2486_a9ee),
        (0x1000_00a2_b3c4_0001, 0x1134_8a76_53c7_04c4_018c_84e6_88b3_df1c_u128),
    ] {
        assert_eq!(password(SessionId(id)), u128::to_be_bytes(hex), "{id:x}");
        assert!(check_password(SessionId(id), &password(SessionId(id))));
    }
    assert!(!check_password(SessionId(1), &password(SessionId(2))));
    assert!(!check_password(SessionId(1), b""));
    assert!(!check_password(SessionId::NONE, &password(SessionId::NONE)));
}

#[test]
fn dates_are_those_of_java() {
    for (ms, text) in [
        (0, "Thu Jan 01 00:00:00 UTC 1970"),
        (1_763_780_163_123, "Sat Nov 22 02:56:03 UTC 2025"),
        (951_782_400_000, "Tue Feb 29 00:00:00 UTC 2000"),
        (4_107_542_399_000, "Sun Feb 28 23:59:59 UTC 2100"),
        (1_709_164_800_000, "Thu Feb 29 00:00:00 UTC 2024"),
    ] {
        assert_eq!(java_date(ms), text);
    }
}

#[test]
fn ids_carry_the_sid_and_count_up() {
    let mut tracker = SessionTracker::new(5, TICK, 0x12_3456_789a);
    let first = tracker.create(0, 4000);
    assert_eq!(first.id, SessionId(0x0512_3456_789a_0000));
    assert_eq!(tracker.create(0, 4000).id, SessionId(0x0512_3456_789a_0001));
}

#[test]
fn no_id_is_the_owner_of_containers() {
    assert_eq!(first_session_id(128, 1 << 40), i64::MIN + 1);
    assert_eq!(first_session_id(0, 0), 1);
}

#[test]
fn a_timeout_is_clamped() {
    assert_eq!(negotiate_timeout(0, 4000, 40_000), 4000);
    assert_eq!(negotiate_timeout(5000, 4000, 40_000), 5000);
    assert_eq!(negotiate_timeout(i32::MAX, 4000, 40_000), 40_000);
    assert_eq!(negotiate_timeout(-1, 4000, 3000), 3000);
}

#[test]
fn a_session_expires_at_the_end_of_its_tick_and_once() {
    let mut tracker = tracker();
    let session = tracker.create(1010, 250);
    assert_eq!(tracker.next_due(), Some(1300));
    assert!(tracker.expired(1299).is_empty());
    assert_eq!(tracker.expired(1300), [session.id]);
    assert!(session.is_closing());
    assert!(tracker.expired(9999).is_empty());
    assert!(tracker.get(session.id).is_some());
    tracker.remove(session.id);
    assert!(tracker.is_empty());
}

#[test]
fn a_session_that_is_heard_lives_on() {
    let mut tracker = tracker();
    let session = tracker.create(0, 250);
    session.heard(299);
    assert!(tracker.expired(300).is_empty());
    assert_eq!(tracker.next_due(), Some(600));
    assert_eq!(tracker.expired(600), [session.id]);
}

#[test]
fn a_renewed_session_has_its_new_timeout_and_keeps_the_recorded_one() {
    let mut tracker = tracker();
    let session = tracker.restore(SessionId(7), 250, 0);
    assert!(session.renew(1000, 10));
    assert!(tracker.expired(1099).is_empty());
    assert_eq!(tracker.committed()[&SessionId(7)], 250);
    assert_eq!(tracker.expired(1100), [session.id]);
    assert!(!session.renew(1000, 1100));
}

#[test]
fn sessions_expire_in_an_order_that_depends_on_nothing_else() {
    for ids in [[1, 2, 3], [3, 1, 2]] {
        let mut tracker = tracker();
        for id in ids {
            tracker.restore(SessionId(id), 100, 0);
        }
        assert_eq!(tracker.expired(600), [SessionId(1), SessionId(2), SessionId(3)]);
    }
}

#[test]
fn an_id_may_be_removed_and_tracked_again() {
    let mut tracker = tracker();
    tracker.restore(SessionId(7), 100, 0);
    tracker.remove(SessionId(7));
    let again = tracker.restore(SessionId(7), 500, 0);
    assert!(tracker.expired(200).is_empty());
    assert_eq!(tracker.expired(600), [again.id]);
}

#[test]
fn only_the_owner_may_act() {
    let mut tracker = tracker();
    let id = tracker.create(0, 1000).id;
    assert_eq!(tracker.check(SessionId(99), 1), Err(Code::UnknownSession));
    assert_eq!(tracker.check_global(SessionId(99), 1), Err(Code::SessionExpired));
    assert_eq!(tracker.check(id, 1), Ok(()));
    assert_eq!(tracker.check(id, 1), Ok(()));
    assert_eq!(tracker.check(id, 2), Err(Code::SessionMoved));
    tracker.set_closing(id);
    assert_eq!(tracker.check(id, 1), Err(Code::SessionExpired));
    assert_eq!(tracker.check_global(id, 1), Err(Code::SessionExpired));
}

#[test]
fn the_dump_groups_by_time() {
    let mut tracker = SessionTracker::new(1, TICK, 0);
    for (id, timeout) in [(3, 50), (2, 60), (1, 1500)] {
        tracker.restore(SessionId(id), timeout, 0);
    }
    let expected = "Session Sets (2)/(3):\n\
        2 expire at Thu Jan 01 00:00:00 UTC 1970:\n\t0x2\n\t0x3\n\
        1 expire at Thu Jan 01 00:00:01 UTC 1970:\n\t0x1\n";
    assert_eq!(tracker.dump(0, 0), expected);
}

#[test]
fn an_ensemble_knows_no_unknown_sessions() {
    let leader = tracker().of_leader(LocalSessions::Off, LATE);
    assert_eq!(leader.check(SessionId(99), 1), Err(Code::SessionExpired));
}

#[test]
fn a_leader_lets_sessions_pass_that_only_a_learner_knows() {
    let mut leader = tracker().of_leader(LocalSessions::Only, LATE);
    let elsewhere = SessionId(2 << 56 | 5);
    assert_eq!(leader.check(elsewhere, 7), Ok(()));
    assert_eq!(leader.check_global(elsewhere, 7), Err(Code::SessionExpired));
    let own = leader.create(0, 1000);
    assert_eq!(
        (leader.check(own.id, 1), leader.check(own.id, 2)),
        (Ok(()), Err(Code::SessionMoved))
    );
    leader.remove(own.id);
    assert_eq!(leader.check(own.id, 1), Err(Code::SessionExpired), "it was one of ours");
}

#[test]
fn a_global_session_that_has_ended_is_no_local_one_of_a_learner() {
    let mut leader = tracker().of_leader(LocalSessions::Upgrading, LATE);
    let elsewhere = SessionId(2 << 56 | 5);
    leader.restore(elsewhere, 1000, 0);
    leader.remove(elsewhere);
    assert_eq!(leader.check(elsewhere, 7), Err(Code::SessionExpired));
    leader.expired(1_000_000);
    assert_eq!(leader.check(elsewhere, 7), Err(Code::SessionExpired), "it stood still");
    for tick in 0..20 {
        leader.expired(1_000_000 + tick * 100);
    }
    assert_eq!(leader.check(elsewhere, 7), Ok(()), "nothing of it can come any more");
}

#[test]
fn a_local_session_turns_global_once() {
    let mut leader = tracker().of_leader(LocalSessions::Upgrading, LATE);
    let session = leader.create(0, 1000);
    assert_eq!((leader.is_local(session.id), leader.local_len()), (true, 1));
    assert_eq!(leader.check_global(session.id, 1), Err(Code::SessionExpired));
    assert_eq!(leader.upgrade(session.id), Ok(Some(1000)));
    assert_eq!((leader.upgrade(session.id), leader.local_len()), (Ok(None), 0));
    assert_eq!(leader.check_global(session.id, 1), Ok(()));
    let closing = leader.create(0, 1000);
    closing.set_closing();
    assert_eq!(leader.upgrade(closing.id), Ok(None));
}

#[test]
fn a_local_session_may_have_to_stay_local() {
    let mut learner = tracker().of_learner(LocalSessions::Only);
    let session = learner.create(0, 1000);
    assert_eq!(learner.upgrade(session.id), Err(Code::EphemeralOnLocalSession));
    assert_eq!(learner.upgrade(SessionId(7)), Ok(None));
    assert!(session.is_local());
    learner.commit(session.id, 1000);
    assert!(!session.is_local(), "another server has turned it global");
}

#[test]
fn a_learner_ends_only_what_is_local() {
    let mut learner = tracker().of_learner(LocalSessions::Upgrading);
    learner.restore(SessionId(7), 100, 0);
    let (local, upgraded) = (learner.create(0, 100), learner.create(0, 100));
    learner.upgrade(upgraded.id).unwrap();
    assert_eq!(learner.expired(9999), [local.id]);
    assert_eq!(learner.expired(99_999), []);
}

#[test]
fn dumps_tell_local_from_global() {
    let mut leader = SessionTracker::new(1, TICK, 0).of_leader(LocalSessions::Only, LATE);
    leader.restore(SessionId(3), 50, 0);
    let local = leader.create(0, 50).id;
    let at = "1 expire at Thu Jan 01 00:00:00 UTC 1970:";
    let expected = format!(
        "Local Session Sets (1)/(1):\n{at}\n\t{local}\n\
         Global Session Sets (1)/(1):\n{at}\n\t0x3\n"
    );
    assert_eq!(leader.dump(0, 0), expected);
    let mut learner = SessionTracker::new(1, TICK, 0).of_learner(LocalSessions::Off);
    learner.restore(SessionId(0x1e), 5000, 0);
    learner.restore(SessionId(3), 50, 0);
    assert_eq!(learner.dump(0, 0), "Global Sessions(2):\n0x3\t50ms\n0x1e\t5000ms\n");
    let learner = learner.of_learner(LocalSessions::Only);
    assert!(learner.dump(0, 0).starts_with("Local Session Sets (0)/(0):\nGlobal Sessions(2):\n"));
}

proptest! {
    /// Sessions are heard at random times: the tracker expires exactly those, and exactly then, that
    /// Java's queue would.
    #[test]
    fn expiry_agrees_with_a_naive_queue(
        timeouts in prop::collection::vec(1..2000i32, 1..8),
        steps in prop::collection::vec((0..300i64, 0..8usize, any::<bool>()), 1..100),
    ) {
        let mut tracker = tracker();
        let sessions: Vec<_> = timeouts.iter().map(|t| tracker.create(0, *t)).collect();
        let mut naive: Vec<_> = timeouts.iter().map(|t| Some(i64::from(t / TICK + 1) * 100)).collect();
        let mut now = 0;
        for (pause, who, look) in steps {
            now += pause;
            if look {
                let mut expected = Vec::new();
                for (due, session) in naive.iter_mut().zip(&sessions) {
                    if due.take_if(|due| *due <= now).is_some() {
                        expected.push(session.id);
                    }
                }
                let mut found = tracker.expired(now);
                found.sort_unstable();
                prop_assert_eq!(found, expected);
            } else if let Some(Some(due)) = naive.get_mut(who) {
                sessions[who].heard(now);
                *due = ((now + i64::from(timeouts[who])) / 100 + 1) * 100;
            }
        }
    }
}

//! How long a member waits before it calls a leader, or looks for one.

use super::*;

fn member(kind: LearnerType, pauses: Pauses) -> Stage {
    Stage::with(Settings {
        kind,
        pauses,
        local_sessions: LocalSessions::Off,
        ..ensemble_settings()
    })
}

impl Stage {
    /// What the member waits for, if it does; then it has waited.
    fn pause(&mut self) -> Option<Millis> {
        let pause = self.member.deadline()? - self.world.now;
        self.wait(pause);
        Some(pause)
    }

    /// Its leader is reached and lost; what it waits before it looks for another.
    fn lose_leader(&mut self) -> Option<Millis> {
        self.pass(Event::LeaderConnected(LINK));
        self.pass(Event::Closed(LINK));
        self.pause()
    }
}

#[test]
fn observers_come_back_at_different_times() {
    let pauses = Pauses { between_calls: 100, observer_calls: 400, observer_looks: 200 };
    let mut calls = Vec::new();
    let mut looks = Vec::new();
    for my_id in 5..55 {
        let mut stage = member(LearnerType::Observer, pauses);
        stage.member.settings.my_id = Sid(my_id);
        assert_eq!(stage.member.deadline(), None, "it starts at once");
        stage.elected(ServerState::Observing);
        calls.extend(stage.pause());
        assert_eq!(stage.member.deadline(), None, "it calls");
        looks.extend(stage.lose_leader());
        assert_eq!(stage.member.deadline(), None, "it looks");
        stage.elected(ServerState::Observing);
        assert_eq!(stage.member.status().state, "looking");
    }
    for (drawn, longest) in [(calls, 400), (looks, 200)] {
        assert_eq!(drawn.len(), 50);
        assert!(drawn.iter().all(|pause| (0..longest).contains(pause)), "{drawn:?}");
        let (early, late) = (longest / 4, longest * 3 / 4);
        assert!(drawn.iter().any(|p| *p < early) && drawn.iter().any(|p| *p > late), "{drawn:?}");
    }
}

#[test]
fn voters_and_observers_without_pauses_come_back_at_once() {
    let none = Pauses { between_calls: 100, observer_calls: 0, observer_looks: -1 };
    let long = Pauses { observer_calls: 1_000, observer_looks: 1_000, ..none };
    for (kind, pauses, state) in [
        (LearnerType::Participant, long, ServerState::Following),
        (LearnerType::Observer, none, ServerState::Observing),
    ] {
        let mut stage = member(kind, pauses);
        stage.elected(state);
        assert_eq!((stage.pause(), stage.lose_leader()), (None, None), "{kind:?}");
    }
}

#[test]
fn the_longest_pause_between_two_calls_is_a_setting() {
    let pauses = Pauses { between_calls: 30, observer_calls: 0, observer_looks: 0 };
    let mut stage = member(LearnerType::Participant, pauses);
    stage.elected(ServerState::Following);
    let mut waited = Vec::new();
    for _ in 0..5 {
        stage.step(Event::LeaderUnreachable);
        waited.extend(stage.pause());
    }
    assert_eq!(waited, [5, 10, 20, 30, 30]);
}

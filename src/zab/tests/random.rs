use proptest::prelude::*;

use super::world::{Role, World};
use crate::ids::{Sid, Zxid};
use crate::zab::LearnerType;

#[derive(Debug, Clone, Copy)]
enum Act {
    Put,
    Deliver(usize),
    Sync(i64),
    Drop(i64),
    Follow(i64),
    Tick,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => Just(Act::Put),
        20 => any::<usize>().prop_map(Act::Deliver),
        4 => (1i64..6).prop_map(Act::Sync),
        1 => (2i64..6).prop_map(Act::Drop),
        3 => (2i64..6).prop_map(Act::Follow),
        1 => Just(Act::Tick),
    ]
}

/// Logs of one history: each server has a prefix of it; the leader, server 1, the longest.
fn world(lengths: &[usize; 4], uncommitted: usize) -> World {
    let mut history: Vec<Zxid> = (1..=6).map(|c| Zxid::new(1, c)).collect();
    history.extend((1..=6).map(|c| Zxid::new(2, c)));
    let mut world = World::new();
    world.add(Sid(1), LearnerType::Participant, (2, 2), &history);
    for (i, len) in lengths.iter().enumerate() {
        let id = Sid(i as i64 + 2);
        let kind = if i == 3 { LearnerType::Observer } else { LearnerType::Participant };
        let mut log = history[..*len].to_vec();
        // One of them led epoch 1 and has what nobody else has.
        if i == 0 && *len == 6 {
            log.extend((0..uncommitted).map(|n| Zxid::new(1, 7 + n as i64)));
        }
        let epoch = log.last().map_or(0, |z| z.epoch());
        world.add(id, kind, (epoch, epoch), &log);
    }
    world
}

fn perform(world: &mut World, act: Act) {
    let leads = matches!(world.nodes[&Sid(1)].role, Role::Leader(_));
    match act {
        Act::Put if leads && world.nodes[&Sid(1)].serving => world.put(Sid(1)),
        Act::Deliver(n) => {
            let busy: Vec<_> =
                world.wires.iter().filter(|(_, w)| !w.is_empty()).map(|(ends, _)| *ends).collect();
            if !busy.is_empty() {
                let (from, to) = busy[n % busy.len()];
                world.deliver_one(from, to);
            }
        }
        Act::Sync(id) => world.durable(Sid(id)),
        Act::Drop(id) => world.disconnect(Sid(id)),
        Act::Follow(id) if leads && matches!(world.nodes[&Sid(id)].role, Role::None) => {
            world.follow(Sid(id), Sid(1));
        }
        Act::Tick => world.tick(50),
        _ => {}
    }
}

/// What every server has applied is a prefix of what the leader has proposed.
fn check(world: &World) {
    let leader = &world.nodes[&Sid(1)];
    let proposed: Vec<Zxid> = leader.log.iter().map(|e| e.zxid).collect();
    for (id, node) in &world.nodes {
        if !node.serving {
            continue;
        }
        let applied = &node.applied;
        assert!(proposed.starts_with(applied), "{id}: {applied:?} of {proposed:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn whatever_the_schedule_all_end_with_the_leaders_history(
        lengths in [0usize..13, 0usize..13, 0usize..13, 0usize..13],
        uncommitted in 0usize..3,
        slow in any::<[bool; 5]>(),
        spare_after in prop_oneof![Just(16u32), Just(1)],
        acts in proptest::collection::vec(act(), 0..300),
    ) {
        let mut world = world(&lengths, uncommitted);
        for (i, slow) in slow.into_iter().enumerate() {
            world.node(Sid(i as i64 + 1)).slow = slow;
        }
        world.spare_after = spare_after;
        world.lead(Sid(1));
        for act in acts {
            perform(&mut world, act);
            check(&world);
        }
        if !matches!(world.nodes[&Sid(1)].role, Role::Leader(_)) {
            return Ok(());
        }
        for node in world.nodes.values_mut() {
            node.slow = false;
        }
        for _ in 0..4 {
            // An observer is sent away while the leader has enough to sync, and comes again.
            (2..=5).for_each(|id| perform(&mut world, Act::Follow(id)));
            world.deliver_all();
            (1..=5).for_each(|id| world.durable(Sid(id)));
        }
        if !world.nodes[&Sid(1)].serving {
            // Too many had accepted the epoch before they lost their connection.
            world.tick(1100);
            prop_assert!(matches!(world.nodes[&Sid(1)].role, Role::None));
            return Ok(());
        }
        prop_assert!(world.nodes.values().all(|n| n.serving));
        world.put(Sid(1));
        world.deliver_all();
        check(&world);
        let last = world.nodes[&Sid(1)].history.last_processed;
        prop_assert_eq!(last, world.nodes[&Sid(1)].log.last().unwrap().zxid);
        for node in world.nodes.values() {
            prop_assert_eq!(node.history.last_processed, last);
        }
    }
}

//! What goes wrong.

use gamekeeper::ids::{Millis, Sid};

use super::Micros;
use super::net::Place;
use super::world::{Happening, World};

/// A second.
const SECOND: Micros = 1_000_000;

/// The faults, in the order of [`super::plan::FaultWeights::all`].
#[derive(Debug, Clone, Copy)]
pub enum Fault {
    /// The power of a member fails.
    Power,
    /// The power fails in the middle of work on the disk.
    Torn,
    /// A process is killed.
    Kill,
    /// A process stands still for a while.
    Pause,
    /// Some members are cut off from the rest.
    Partition,
    /// One direction between two members is cut.
    OneWay,
    /// All cuts end.
    Heal,
    /// A connection breaks.
    BreakLink,
    /// A pair gets slow.
    SlowLink,
    /// A sync fails.
    FailSync,
    /// A disk is full for a while.
    Full,
    /// A disk is slow for a while.
    SlowDisk,
    /// A wall clock jumps.
    Clock,
    /// The power of all members fails.
    Blackout,
}

/// All of them.
pub const ALL: [Fault; 14] = [
    Fault::Power,
    Fault::Torn,
    Fault::Kill,
    Fault::Pause,
    Fault::Partition,
    Fault::OneWay,
    Fault::Heal,
    Fault::BreakLink,
    Fault::SlowLink,
    Fault::FailSync,
    Fault::Full,
    Fault::SlowDisk,
    Fault::Clock,
    Fault::Blackout,
];

impl World {
    /// Something goes wrong.
    pub(super) fn on_fault(&mut self) {
        if self.healed {
            return;
        }
        self.schedule_fault();
        let weights = self.plan.faults.all();
        let mut at = self.random.below(weights.iter().sum());
        let mut chosen = Fault::Heal;
        for (fault, weight) in ALL.into_iter().zip(weights) {
            if at < weight {
                chosen = fault;
                break;
            }
            at -= weight;
        }
        let sids: Vec<Sid> = self.nodes.keys().copied().collect();
        let sid = self.random.pick(&sids);
        self.figures.faults[chosen as usize] += 1;
        self.note(Place::Node(sid), "fault", &format!("{chosen:?}"));
        self.inflict(chosen, sid, &sids);
    }

    fn inflict(&mut self, fault: Fault, sid: Sid, sids: &[Sid]) {
        match fault {
            Fault::Power | Fault::Kill => {
                if self.nodes[&sid].life.is_some() {
                    self.stop(sid, "by a fault", matches!(fault, Fault::Power));
                }
            }
            Fault::Torn => {
                let ops = self.random.below(20);
                self.nodes[&sid].disk.fail_power_after(ops);
            }
            Fault::Pause => {
                let until = self.now + self.random.between(1000, 10 * SECOND);
                if let Some(node) = self.nodes.get_mut(&sid).filter(|n| n.life.is_some()) {
                    node.paused_until = node.paused_until.max(until);
                    self.after(until - self.now, Happening::Resume(sid));
                }
            }
            Fault::Partition => self.partition(sids),
            Fault::OneWay => {
                let other = self.random.pick(sids);
                self.net.cut(Place::Node(sid), Place::Node(other));
            }
            Fault::Heal => {
                let due = self.net.heal(self.now);
                self.schedule(due);
            }
            Fault::BreakLink => {
                if let Some(link) = self.net.any_link() {
                    let due = self.net.break_link(self.now, link);
                    self.schedule(due);
                }
            }
            Fault::SlowLink => {
                let (other, factor) = (self.random.pick(sids), self.random.between(2, 100));
                self.net.slow_down(Place::Node(sid), Place::Node(other), factor);
            }
            other => self.inflict_on_machine(other, sid, sids),
        }
    }

    fn inflict_on_machine(&mut self, fault: Fault, sid: Sid, sids: &[Sid]) {
        match fault {
            Fault::FailSync => self.nodes[&sid].disk.fail_next_sync(),
            Fault::Full => {
                self.nodes[&sid].disk.set_full(true);
                let wait = self.random.between(1, 5 * SECOND);
                self.after(wait, Happening::Space(sid));
            }
            Fault::SlowDisk => {
                let until = self.now + self.random.between(1, 10 * SECOND);
                if let Some(node) = self.nodes.get_mut(&sid) {
                    node.slow_disk_until = until;
                }
            }
            Fault::Clock => {
                let skew = self.plan.skew_ms;
                let shift = self.random.below(2 * skew + 1) as Millis - skew as Millis;
                if let Some(node) = self.nodes.get_mut(&sid) {
                    node.skew = shift;
                }
            }
            Fault::Blackout => {
                for sid in sids {
                    if self.nodes[sid].life.is_some() {
                        self.stop(*sid, "by a blackout", true);
                    }
                }
            }
            _ => {}
        }
    }

    /// Splits the members in two, in both directions or in one.
    fn partition(&mut self, sids: &[Sid]) {
        let both = self.random.chance(0.7);
        let few = self.random.chance(0.5);
        let alone = self.random.pick(sids);
        let mut side = |sid: Sid| if few { sid == alone } else { self.random.chance(0.5) };
        let (here, there): (Vec<Sid>, Vec<Sid>) = sids.iter().partition(|sid| side(**sid));
        for a in &here {
            for b in &there {
                self.net.cut(Place::Node(*a), Place::Node(*b));
                if both {
                    self.net.cut(Place::Node(*b), Place::Node(*a));
                }
            }
        }
    }
}

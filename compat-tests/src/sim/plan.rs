//! What a run is like: every parameter is drawn from the seed.

use gamekeeper::peer::ensemble;
use gamekeeper::storage;
use gamekeeper::zab::sync;

use super::Micros;
use super::clients::Habits;
use super::random::Random;

/// How often faults of each kind come: weights of a draw.
#[derive(Debug, Clone, Copy, Default)]
pub struct FaultWeights {
    /// The power of a member fails.
    pub power: u64,
    /// The power fails in the middle of work on the disk.
    pub torn: u64,
    /// A process is killed.
    pub kill: u64,
    /// A process stands still for a while.
    pub pause: u64,
    /// Some members are cut off from the rest.
    pub partition: u64,
    /// One direction between two members is cut.
    pub one_way: u64,
    /// All cuts end.
    pub heal: u64,
    /// A connection breaks.
    pub break_link: u64,
    /// A pair gets slow.
    pub slow_link: u64,
    /// A sync fails.
    pub fail_sync: u64,
    /// A disk is full for a while.
    pub full: u64,
    /// A disk is slow for a while.
    pub slow_disk: u64,
    /// A wall clock jumps.
    pub clock: u64,
    /// The power of all members fails.
    pub blackout: u64,
}

impl FaultWeights {
    /// All of them, in the order of [`super::faults::Fault`].
    pub fn all(&self) -> [u64; 14] {
        [
            self.power,
            self.torn,
            self.kill,
            self.pause,
            self.partition,
            self.one_way,
            self.heal,
            self.break_link,
            self.slow_link,
            self.fail_sync,
            self.full,
            self.slow_disk,
            self.clock,
            self.blackout,
        ]
    }
}

/// The parameters of a run.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Members that vote, 1 to 7.
    pub voters: i64,
    /// Members that do not, so that there are 7 at the most.
    pub observers: i64,
    /// `tickTime` in ms.
    pub tick_ms: i64,
    /// `initLimit` in ticks.
    pub init_limit: i64,
    /// `syncLimit` in ticks.
    pub sync_limit: i64,
    /// `snapCount`.
    pub snap_count: u64,
    /// `commitLogCount`.
    pub committed_limit: usize,
    /// `preAllocSize` in bytes.
    pub prealloc: u64,
    /// `snapshotSizeFactor` is not negative.
    pub txn_log_sync: bool,
    /// `forceSnapshotSync`.
    pub force_snapshot: bool,
    /// `leaderServes`.
    pub leader_serves: bool,
    /// After so many commits in half a tick a leader spares the followers that it does not need.
    pub spare_after: u32,
    /// Nodes that a snapshot takes at a time.
    pub slice_nodes: usize,
    /// How many snapshots purging keeps; 0 for no purging.
    pub retain: usize,
    /// Latency in microseconds.
    pub latency: (Micros, Micros),
    /// What a sync takes in microseconds.
    pub disk: (Micros, Micros),
    /// By how much clocks run fast or slow, in millionths.
    pub drift_ppm: u64,
    /// How far wall clocks are apart, in ms.
    pub skew_ms: u64,
    /// Clients.
    pub clients: usize,
    /// How they behave.
    pub habits: Habits,
    /// Length of the first phase.
    pub safety: Micros,
    /// Time between faults, on average; none without faults.
    pub fault_every: Option<Micros>,
    /// Which faults.
    pub faults: FaultWeights,
    /// How often a power failure comes before an effect.
    pub crash_at_effect: f64,
    /// How often the bytes of a message come in pieces.
    pub pieces: f64,
    /// How often a member's thread is at work when something comes, which then waits for it together
    /// with what comes meanwhile.
    pub busy: f64,
    /// A minority stays down or cut off in the second phase.
    pub only_majority: bool,
    /// It is cut off: what it was connected to hears nothing any more, not even that it is gone.
    pub minority_lives: bool,
    /// Sessions are local until they own a node, and members that are cut off serve reads.
    pub local: bool,
    /// Where the transactions of each epoch begin, if not with the first (`testingonly.initialZxid`).
    pub initial_zxid: Option<i64>,
    /// Bugs of old that the members have.
    pub bugs: Bugs,
    /// Whether it is seen to that nobody says what he must not, and that what is taken for committed is
    /// on disks: else only what comes of it.
    pub legality: bool,
}

/// Bugs of old, each switched on where its scenario is to fail. None where nothing is said.
#[derive(Debug, Clone, Copy, Default)]
pub struct Bugs {
    /// Those of the members.
    pub peer: ensemble::Faults,
    /// Those of the choice of a sync.
    pub sync: sync::Faults,
    /// Those of the disk's side.
    pub storage: storage::Faults,
    /// ZOOKEEPER-3145.
    pub stale_pzxid: bool,
    /// ZOOKEEPER-4787.
    pub ebcdic: bool,
}

impl Plan {
    /// The plan of a seed.
    pub fn draw(random: &mut Random) -> Self {
        let voters = random.pick(&[1, 2, 3, 3, 3, 3, 4, 5, 5, 5, 6, 7]);
        // An observer needs a quorum that it is not part of.
        let observers = if voters < 2 { 0 } else { random.below(3).min(7 - voters as u64) as i64 };
        let tick_ms = random.pick(&[100, 200, 500, 1000, 2000]);
        let latency = random.pick(&[(50, 200), (200, 2_000), (1_000, 20_000), (5_000, 60_000)]);
        let disk = random.pick(&[(20, 100), (200, 2_000), (2_000, 20_000), (10, 200_000)]);
        let safety_s = random.between(5, 60);
        Self {
            voters,
            observers,
            tick_ms,
            init_limit: random.between(5, 20) as i64,
            sync_limit: random.between(2, 10) as i64,
            snap_count: random.pick(&[4, 20, 100, 1000, 100_000]),
            committed_limit: random.pick(&[3, 20, 100, 500]),
            prealloc: random.pick(&[0, 4096, 16_384]),
            txn_log_sync: random.chance(0.7),
            force_snapshot: random.chance(0.1),
            leader_serves: voters + observers == 1 || random.chance(0.9),
            slice_nodes: random.pick(&[1, 3, 50]),
            retain: random.pick(&[0, 0, 3, 5]),
            latency,
            disk,
            drift_ppm: random.pick(&[0, 100, 10_000, 50_000]),
            skew_ms: random.pick(&[0, 10, 1000, 100_000]),
            clients: random.between(1, 8) as usize,
            habits: habits(random, tick_ms.max((latency.1 + disk.1) as i64 / 50)),
            safety: safety_s * 1_000_000,
            fault_every: random.chance(0.9).then(|| random.between(100_000, 4_000_000)),
            faults: fault_weights(random),
            crash_at_effect: random.pick(&[0.0, 0.0, 0.0001, 0.001]),
            pieces: random.pick(&[0.0, 0.05, 0.5]),
            only_majority: random.chance(0.3),
            minority_lives: random.chance(0.5),
            // Dice of its own: the seeds in which nobody is busy are what they were without this.
            busy: random.clone().pick(&[0.0, 0.0, 0.05, 0.5]),
            spare_after: spare_after(random.clone()),
            local: false,
            initial_zxid: None,
            bugs: Bugs::default(),
            legality: true,
        }
    }

    /// Without any fault.
    #[must_use]
    pub fn calm(self) -> Self {
        Self { fault_every: None, crash_at_effect: 0.0, only_majority: false, ..self }
    }

    /// With local sessions and read-only servers, and clients that are content with those.
    #[must_use]
    pub fn local(self) -> Self {
        let habits = Habits { read_only: true, ..self.habits };
        Self { local: true, habits, ..self }
    }
}

/// Dice of its own, too, and not those of who is busy.
fn spare_after(mut random: Random) -> u32 {
    random.draw();
    random.pick(&[1, 1, 4, 16, u32::MAX])
}

fn habits(random: &mut Random, tick_ms: i64) -> Habits {
    Habits {
        timeout_ms: (tick_ms * random.pick(&[2, 4, 10, 20])) as i32,
        depth: random.pick(&[1, 2, 8, 30]),
        pause: random.pick(&[1_000, 10_000, 100_000]),
        parents: random.between(1, 5),
        names: random.between(1, 12),
        reads: random.pick(&[0.1, 0.5, 0.8]),
        closes: random.pick(&[0.0, 0.001, 0.02]),
        read_only: false,
    }
}

fn fault_weights(random: &mut Random) -> FaultWeights {
    let mut weight = || if random.chance(0.5) { random.between(1, 10) } else { 0 };
    FaultWeights {
        power: weight(),
        torn: weight(),
        kill: weight(),
        pause: weight(),
        partition: weight(),
        one_way: weight(),
        heal: weight() + 3,
        break_link: weight(),
        slow_link: weight(),
        fail_sync: weight(),
        full: weight(),
        slow_disk: weight(),
        clock: weight(),
        blackout: weight() / 5,
    }
}

//! A run that follows a script: members start and end, connections are cut, the log stands still, and a
//! member stops before an effect, all when the script says so. The judge is the same.

use gamekeeper::ids::{Sid, Zxid};
use gamekeeper::storage::Disk;

use super::clients::Habits;
use super::net::Place;
use super::node::{DATA_DIR, Life};
use super::orders::{Order, Script};
use super::plan::{Bugs, FaultWeights, Plan};
use super::random::Random;
use super::world::World;
use super::{Micros, Violation};

/// How long a script waits for anything, in simulated microseconds.
const PATIENCE: Micros = 60_000_000;

/// A millisecond.
const MS: Micros = 1_000;

/// A run and its script.
#[derive(Debug)]
pub struct Stage {
    /// The run.
    pub world: World,
    /// Where the script has a choice, this decides.
    pub seed: u64,
    in_vain: Option<String>,
}

/// A plan without any chance but the network's: voters, observers, clients.
pub fn quiet_plan(seed: u64, voters: i64, observers: i64, clients: usize, bugs: Bugs) -> Plan {
    let drawn = Plan::draw(&mut Random::new(seed)).calm();
    Plan {
        voters,
        observers,
        tick_ms: 1000,
        init_limit: 5,
        sync_limit: 3,
        snap_count: 100_000,
        committed_limit: 500,
        prealloc: 4096,
        txn_log_sync: true,
        force_snapshot: false,
        leader_serves: true,
        slice_nodes: 1,
        retain: 0,
        latency: (200, 2_000),
        disk: (200, 2_000),
        drift_ppm: 0,
        skew_ms: 0,
        clients,
        habits: Habits { timeout_ms: 20_000, depth: 30, pause: 1_000, ..drawn.habits },
        faults: FaultWeights::default(),
        pieces: 0.0,
        minority_lives: false,
        bugs,
        ..drawn
    }
}

impl Stage {
    /// Members that are all down, and clients that want nothing; each calls the member that
    /// [`Stage::ask`] names.
    pub fn new(seed: u64, plan: Plan) -> Self {
        let mut world = World::new(seed, plan, None);
        world.left_out = world.nodes.keys().copied().collect();
        for client in &mut world.clients {
            client.script = Some(Script::default());
        }
        Self { world, seed, in_vain: None }
    }

    fn is_over(&self) -> bool {
        self.world.violation.is_some() || self.in_vain.is_some()
    }

    // ---- members

    /// These members are started, now. The last comes first: nobody elects another one because it
    /// cannot be reached yet.
    pub fn start(&mut self, sids: &[i64]) {
        for sid in sids {
            self.world.left_out.remove(&Sid(*sid));
        }
        for sid in sids.iter().rev() {
            if !self.is_over() {
                self.world.boot(Sid(*sid));
            }
        }
    }

    /// The processes of these members end, and stay so until they are started.
    pub fn kill(&mut self, sids: &[i64]) {
        self.end(sids, false);
    }

    /// The power of these members fails, and stays off until they are started.
    pub fn power_off(&mut self, sids: &[i64]) {
        self.end(sids, true);
    }

    fn end(&mut self, sids: &[i64], power: bool) {
        for sid in sids {
            self.world.left_out.insert(Sid(*sid));
            if !self.is_over() && self.life(*sid).is_some() {
                self.world.stop(Sid(*sid), "by the script", power);
            }
        }
        self.world.holds.effects.retain(|(sid, _)| !sids.contains(&sid.0));
        self.thaw_logs(sids);
    }

    /// The process of a member, if it runs.
    pub fn life(&self, sid: i64) -> Option<&Life> {
        self.world.nodes.get(&Sid(sid))?.life.as_ref()
    }

    /// Whether a member leads.
    pub fn leads(&self, sid: i64) -> bool {
        self.life(sid).is_some_and(|l| l.ensemble.status().peer_state == "leading - broadcast")
    }

    /// Whether a member leads or follows, and serves.
    pub fn serves(&self, sid: i64) -> bool {
        self.life(sid).is_some_and(|l| l.ensemble.status().peer_state.ends_with("broadcast"))
    }

    /// Whether a member looks for a leader.
    pub fn looks(&self, sid: i64) -> bool {
        self.life(sid).is_some_and(|l| l.ensemble.status().state == "looking")
    }

    /// How often a member has looked for a leader.
    pub fn count_looks(&self, sid: i64) -> u64 {
        self.world.nodes[&Sid(sid)].looks
    }

    /// How often a member was started.
    pub fn count_starts(&self, sid: i64) -> u64 {
        self.world.nodes[&Sid(sid)].incarnation
    }

    /// The last transaction that was handed to a member's log, written or not.
    pub fn last_logged(&self, sid: i64) -> Zxid {
        let Some(life) = self.life(sid) else { return Zxid::ZERO };
        let queued = life.log_queue.back().and_then(gamekeeper::peer::LogBatch::last_zxid);
        queued.or(life.log.last_zxid()).unwrap_or(life.seen)
    }

    /// Whether a member has logged that, and it is on the platter.
    pub fn is_durable(&self, sid: i64, zxid: i64) -> bool {
        let Some(life) = self.life(sid) else { return false };
        let written = !life.log_busy && life.log_queue.is_empty();
        written && life.log.last_zxid().is_some_and(|last| last.0 >= zxid)
    }

    /// Whether a member has something for its log that is not written.
    pub fn is_logging(&self, sid: i64) -> bool {
        self.life(sid).is_some_and(|life| !life.log_queue.is_empty())
    }

    /// The zxid of a member's tree.
    pub fn zxid(&self, sid: i64) -> Zxid {
        self.life(sid).map_or(Zxid::ZERO, |l| l.front.db.read_tree().last_processed_zxid())
    }

    // ---- time

    /// So many simulated milliseconds pass.
    pub fn pass(&mut self, ms: u64) {
        let until = self.world.now + ms * MS;
        self.world.run(until);
    }

    /// Time passes until `cond` holds. If it never does, though no promise was broken, the script
    /// makes no sense, and ends.
    pub fn until(&mut self, what: &str, cond: impl Fn(&Self) -> bool) {
        if !self.comes(PATIENCE / MS, cond) && !self.is_over() {
            let state = self.world.describe();
            self.in_vain = Some(format!("{what}; {state}"));
        }
    }

    /// Time passes until `cond` holds, or so many milliseconds are over. Whether it holds.
    pub fn comes(&mut self, ms: u64, cond: impl Fn(&Self) -> bool) -> bool {
        let until = self.world.now + ms * MS;
        while !self.is_over() && !cond(self) {
            if !self.world.turn(until) {
                return false;
            }
        }
        !self.is_over()
    }

    // ---- what is held back

    /// These members stand before the next effect of that name (as the trace calls it), and behind
    /// it is what comes later.
    pub fn stop_before(&mut self, sids: &[i64], effect: &'static str) {
        self.world.holds.effects.extend(sids.iter().map(|sid| (Sid(*sid), effect)));
    }

    /// Whether a member stands before that effect.
    pub fn stands_before(&self, sid: i64, effect: &'static str) -> bool {
        let held = self.world.holds.effects.contains(&(Sid(sid), effect));
        held && self
            .life(sid)
            .and_then(|life| life.effects.front())
            .is_some_and(|front| super::shell::name(front) == effect)
    }

    /// They go on.
    pub fn release(&mut self, sids: &[i64]) {
        self.world.holds.effects.retain(|(sid, _)| !sids.contains(&sid.0));
        for sid in sids {
            if !self.is_over() {
                self.world.carry_out(Sid(*sid));
            }
        }
    }

    /// The logs of these members stand still.
    pub fn freeze_logs(&mut self, sids: &[i64]) {
        self.world.holds.logs.extend(sids.iter().copied().map(Sid));
    }

    /// They are written again.
    pub fn thaw_logs(&mut self, sids: &[i64]) {
        sids.iter().for_each(|sid| {
            self.world.holds.logs.remove(&Sid(*sid));
        });
    }

    /// A member's next barrier is begun, and takes as long as this holds.
    pub fn freeze_barrier(&mut self, sid: i64, still: bool) {
        if still {
            self.world.holds.barriers.insert(Sid(sid));
        } else {
            self.world.holds.barriers.remove(&Sid(sid));
        }
    }

    /// A member takes a snapshot.
    pub fn begin_snapshot(&mut self, sid: i64) {
        if let Err(e) = self.world.begin_snapshot(Sid(sid)) {
            self.world.violated(format!("a snapshot cannot be begun: {e}"));
        }
    }

    /// The snapshot of a member stands still, or goes on.
    pub fn freeze_snapshot(&mut self, sid: i64, still: bool) {
        if still {
            self.world.holds.snapshots.insert(Sid(sid));
        } else {
            self.world.holds.snapshots.remove(&Sid(sid));
        }
    }

    /// Whether a member takes a snapshot.
    pub fn is_snapshotting(&self, sid: i64) -> bool {
        self.life(sid).is_some_and(|life| life.snapshotting.is_some())
    }

    /// Whether a member sends a snapshot to another.
    pub fn is_sending_snapshot(&self, sid: i64) -> bool {
        self.world.is_sending_snapshot(Sid(sid))
    }

    /// A member's snapshot gets on by one slice.
    pub fn slice(&mut self, sid: i64) {
        if let Err(e) = self.world.snapshot_slice(Sid(sid)) {
            self.world.violated(format!("a snapshot fails: {e}"));
        }
    }

    /// Connections break in the middle of a snapshot, or do so no more.
    pub fn break_snapshots(&mut self, breaks: bool) {
        self.world.holds.breaks_snapshots = breaks;
    }

    // ---- the network

    /// Nothing gets from the one to the others, nor back.
    pub fn cut(&mut self, sid: i64, others: &[i64]) {
        let place = |sid| Place::Node(Sid(sid));
        for other in others {
            self.world.net.cut(place(sid), place(*other));
            self.world.net.cut(place(*other), place(sid));
        }
    }

    /// All cuts end.
    pub fn mend(&mut self) {
        let due = self.world.net.heal(self.world.now);
        self.world.schedule(due);
    }

    // ---- the disk

    /// The next sync of a member's disk fails.
    pub fn fail_sync(&mut self, sid: i64) {
        self.world.nodes[&Sid(sid)].disk.fail_next_sync();
    }

    /// The paths of a member's snapshots, oldest first.
    pub fn snapshots(&self, sid: i64) -> Vec<std::path::PathBuf> {
        let dir = std::path::Path::new(DATA_DIR).join("version-2");
        let found = self.world.nodes[&Sid(sid)].disk.list(&dir).unwrap_or_default();
        let zxid = |name: &str| i64::from_str_radix(name.strip_prefix("snapshot.")?, 16).ok();
        let mut found: Vec<_> =
            found.iter().filter_map(|f| Some((zxid(&f.name)?, dir.join(&f.name)))).collect();
        found.sort_unstable();
        found.into_iter().map(|(_, path)| path).collect()
    }

    /// Half of that file is gone.
    pub fn damage(&mut self, sid: i64, path: &std::path::Path) {
        self.world.nodes[&Sid(sid)].disk.damage(path);
    }

    // ---- clients

    /// A client is to ask the member `home` for something, whenever it can.
    pub fn ask(&mut self, client: usize, home: i64, orders: impl IntoIterator<Item = Order>) {
        if let Some(script) = &mut self.world.clients[client].script {
            script.home = Some(Sid(home));
            script.orders.extend(orders);
        }
    }

    /// A client asks, and is answered.
    pub fn put(&mut self, client: usize, home: i64, orders: impl IntoIterator<Item = Order>) {
        self.ask(client, home, orders);
        self.until("the client is answered", |stage| stage.is_quiet(client));
    }

    /// Whether a client has all that it asked for.
    pub fn is_quiet(&self, client: usize) -> bool {
        let client = &self.world.clients[client];
        client.is_quiet() && client.script.as_ref().is_none_or(|s| s.orders.is_empty())
    }

    // ---- the end

    /// The script asserts something that the judge does not know.
    pub fn expect(&mut self, holds: bool, what: &str) {
        if !holds {
            self.world.violated(what);
        }
    }

    /// All is healed, all members are started, all must agree soon, and the judge looks at everything.
    pub fn settle(&mut self) {
        self.world.holds = super::world::Holds::default();
        self.world.left_out.clear();
        let sids: Vec<Sid> = self.world.nodes.keys().copied().collect();
        for sid in sids {
            if !self.is_over() {
                self.world.boot(sid);
            }
            if !self.is_over() {
                self.world.carry_out(sid);
            }
        }
        self.world.heal();
        self.world.rest();
        if !self.comes(PATIENCE / MS, |stage| stage.world.is_settled()) && !self.is_over() {
            let state = self.world.describe();
            self.world.violated(format!("no agreement: {state}"));
        }
        if !self.is_over() {
            self.world.judge_end();
        }
    }

    /// A member has panicked.
    pub fn panicked(&mut self, why: &str) {
        self.world.violated(format!("a member panicked: {why}"));
    }

    /// What the script waited for in vain.
    pub fn in_vain(&self) -> Option<&str> {
        self.in_vain.as_deref()
    }

    /// The promise that was broken.
    pub fn verdict(mut self) -> Option<Violation> {
        self.world.violation.take()
    }
}

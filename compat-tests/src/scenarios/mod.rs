//! The known holes: every bug of ZAB and of its storage that others paid for, as a scripted run of the
//! simulator ([`Stage`]), judged as every other run is.
//!
//! Each scenario is played twice over. As we are, it must hold, whatever the seed; with its bug switched
//! on, which a member of the simulator can have and no configuration can, it must fail: a scenario that
//! does not fail with its bug proves nothing. Where the shape of this server leaves no place for the
//! bug, the switch undoes what keeps it out.
//!
//! [`ends`] has what goes wrong at the end of a term, [`handshakes`] what goes wrong between NEWLEADER
//! and UPTODATE, [`plans`] the choice of a sync, [`snapshots`] what a snapshot must not hold or lack.

mod ends;
mod handshakes;
mod plans;
mod snapshots;

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::sim::orders::Order;
use crate::sim::plan::{Bugs, Plan};
use crate::sim::stage::{Stage, quiet_plan};
use crate::sim::{Violation, take_panic};
use crate::{Failure, Result};

/// A bug of old and the schedule that it fails in.
#[derive(Debug, Clone, Copy)]
pub struct Scenario {
    /// The tickets.
    pub name: &'static str,
    /// A seed with which the bug shows.
    pub seed: u64,
    /// Voters, observers and clients.
    pub cast: (i64, i64, usize),
    /// What is not as in [`quiet_plan`].
    pub plan: fn(Plan) -> Plan,
    /// What is wrong with the members in both runs, and must be borne: bugs of a peer, or of a
    /// neighbouring part.
    pub borne: fn(&mut Bugs),
    /// The bug.
    pub bug: fn(&mut Bugs),
    /// What happens.
    pub play: fn(&mut Stage),
}

/// All of them, in the order of `track-record.md`.
pub fn all() -> Vec<Scenario> {
    [ends::all(), handshakes::all(), plans::all(), snapshots::all()].concat()
}

impl Scenario {
    /// Plays it, with the bug or without. What is broken, if something is; a panic of a member, too.
    ///
    /// # Errors
    /// What the script waited for in vain.
    pub fn run(&self, seed: u64, with_bug: bool) -> Result<Option<Violation>> {
        let mut bugs = Bugs::default();
        (self.borne)(&mut bugs);
        if with_bug {
            (self.bug)(&mut bugs);
        }
        let (voters, observers, clients) = self.cast;
        let mut plan = (self.plan)(quiet_plan(seed, voters, observers, clients, bugs));
        // The bug must be seen by what comes of it, and not by the first packet that is out of place.
        plan.legality &= !with_bug;
        let mut stage = Stage::new(seed, plan);
        let played = catch_unwind(AssertUnwindSafe(|| {
            (self.play)(&mut stage);
            stage.settle();
        }));
        if played.is_err() {
            stage.panicked(&take_panic());
        }
        match stage.in_vain() {
            Some(what) => Err(Failure::new(format!("the script waits in vain: {what}"))),
            None => Ok(stage.verdict()),
        }
    }
}

/// What most of them have in common.
const BASE: Scenario = Scenario {
    name: "",
    seed: 1,
    cast: (3, 0, 2),
    plan: |plan| plan,
    borne: |_| {},
    bug: |_| {},
    play: |_| {},
};

/// All members are started, and the one with the highest number leads.
fn establish(stage: &mut Stage, sids: &[i64], leader: i64) {
    stage.start(sids);
    stage.until("the leader is established", |s| s.leads(leader));
    stage.until("all follow", |s| sids.iter().all(|sid| s.serves(*sid)));
}

/// Nodes with these names.
fn creates(paths: &[&'static str]) -> Vec<Order> {
    paths.iter().map(|path| Order::Create(path)).collect()
}

/// The first client asks `leader` for these nodes, and `sid` logs them, whoever else does.
fn log(stage: &mut Stage, leader: i64, sid: i64, paths: &[&'static str]) {
    let last = stage.last_logged(sid).0 + paths.len() as i64;
    stage.ask(0, leader, creates(paths));
    stage.until("it is logged", |s| s.is_durable(sid, last));
}

/// `leader` logs what nobody else gets.
fn log_alone(stage: &mut Stage, leader: i64, others: &[i64], paths: &[&'static str]) {
    stage.cut(leader, others);
    log(stage, leader, leader, paths);
}

/// `leader` logs what nobody else gets, and all members are started anew: it leads again, and brings
/// the others what it has.
fn leave_alone_with(stage: &mut Stage, leader: i64, others: &[i64], paths: &[&'static str]) {
    log_alone(stage, leader, others, paths);
    stage.kill(others);
    stage.kill(&[leader]);
    stage.mend();
}

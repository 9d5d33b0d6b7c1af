//! What tests do to ensembles under load, each time judged.

use super::load::Load;
use super::proxy::Network;
use super::verdict::judge;
use super::{Ensemble, Plan};
use crate::Result;
use crate::server::Kind;

/// Clients of a load.
const CLIENTS: usize = 4;
/// Writes between two changes of the ensemble.
pub const WRITES: u64 = 150;

/// Voters of these kinds; the last one leads.
///
/// # Errors
/// If they do not serve.
pub fn led_by_last(kinds: &[Kind]) -> Result<Ensemble> {
    Ensemble::start_led_by_last(Plan::new(kinds))
}

/// Runs `change` under load and judges.
///
/// # Errors
/// Whatever is not as it should be, with the ends of the logs.
pub fn judged(
    mut ensemble: Ensemble,
    change: impl FnOnce(&mut Ensemble, &Load) -> Result<()>,
) -> Result<()> {
    let load = Load::start(&ensemble.addresses(), CLIENTS)?;
    load.wait_written(WRITES).map_err(|e| ensemble.failure(&e.to_string()))?;
    change(&mut ensemble, &load).map_err(|e| ensemble.failure(&e.to_string()))?;
    load.wait_written(WRITES).map_err(|e| ensemble.failure(&e.to_string()))?;
    let run = load.stop().map_err(|e| ensemble.failure(&e.to_string()))?;
    let summary = judge(&mut ensemble, &run.recorders)?;
    println!("ms without a write: {:?}; {summary:?}", run.silences());
    Ok(())
}

/// The leader is killed and comes back, then a follower.
///
/// # Errors
/// If clients cannot write meanwhile, or a member does not come back.
pub fn kill_each(ensemble: &mut Ensemble, load: &Load) -> Result<()> {
    let leader = ensemble.wait_leader()?;
    load.mark("leader killed");
    kill_and_back(ensemble, load, leader)?;
    let leader = ensemble.wait_leader()?;
    let follower = (leader + 1) % ensemble.voters();
    load.mark("follower killed");
    kill_and_back(ensemble, load, follower)
}

/// One member is killed and comes back.
///
/// # Errors
/// As [`kill_each`].
pub fn kill_and_back(ensemble: &mut Ensemble, load: &Load, member: usize) -> Result<()> {
    ensemble.kill(member)?;
    load.wait_written(WRITES)?;
    load.mark("back again");
    ensemble.start_member(member, ensemble.kind(member))?;
    load.wait_written(WRITES)
}

/// All members are replaced by one of `kind`, one after the other.
///
/// # Errors
/// As [`kill_each`].
pub fn replace_each(ensemble: &mut Ensemble, load: &Load, kind: Kind) -> Result<()> {
    for member in 0..ensemble.size() {
        ensemble.stop(member)?;
        load.wait_written(WRITES)?;
        ensemble.start_member(member, kind)?;
        load.wait_written(WRITES)?;
    }
    Ok(())
}

/// The proxies of an ensemble that was planned to have them.
pub fn network(ensemble: &Ensemble) -> &Network {
    ensemble.network.as_ref().unwrap_or_else(|| unreachable!("the plan has proxies"))
}

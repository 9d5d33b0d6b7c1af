//! Ensembles of real processes under load, each judged by the history of its clients and the logs of
//! its members. Here are the two that every change is held to; the others are in `ensemble_*.rs`.

use compat_tests::Result;
use compat_tests::ensemble::load::Load;
use compat_tests::ensemble::verdict::judge;
use compat_tests::ensemble::{Ensemble, Plan};
use compat_tests::server::Kind;

/// Clients of a load.
const CLIENTS: usize = 4;
/// Writes between two changes of the ensemble.
const WRITES: u64 = 100;

#[test]
fn three_of_ours_outlive_their_leader() -> Result<()> {
    let mut ensemble = Ensemble::start(Plan::new(&[Kind::Ours; 3]))?;
    let load = Load::start(&ensemble.addresses(), CLIENTS)?;
    load.wait_written(WRITES)?;
    let leader = ensemble.wait_leader()?;
    load.mark("leader killed");
    ensemble.kill(leader)?;
    load.wait_written(WRITES)?;
    load.mark("back again");
    ensemble.start_member(leader, Kind::Ours)?;
    load.wait_written(WRITES)?;
    let run = load.stop()?;
    let summary = judge(&mut ensemble, &run.recorders)?;
    println!("{:?} {summary:?}", run.silences());
    Ok(())
}

#[test]
fn java_members_are_replaced_one_by_one_and_back() -> Result<()> {
    let mut ensemble = Ensemble::start(Plan::new(&[Kind::Java, Kind::Java, Kind::Ours]))?;
    let load = Load::start(&ensemble.addresses(), CLIENTS)?;
    for (member, kind) in [(0, Kind::Ours), (2, Kind::Java), (1, Kind::Ours), (0, Kind::Java)] {
        load.wait_written(WRITES)?;
        ensemble.stop(member)?;
        load.wait_written(WRITES)?;
        ensemble.start_member(member, kind)?;
    }
    load.wait_written(WRITES)?;
    let summary = judge(&mut ensemble, &load.stop()?.recorders)?;
    println!("{summary:?}");
    Ok(())
}

//! The rows of ensembles: three of ours and three of Java's, under the same load in turn. Sessions
//! are spread over the members, followers first; CPU and memory are summed over the members.

use std::net::SocketAddr;

use compat_tests::ensemble::{Ensemble, Plan};
use compat_tests::server::Kind;
use compat_tests::{Failure, Result};

use crate::Settings;
use crate::report::Report;
use crate::rows::{self, Row, VALUES, mib};
use crate::target::Measured;
use compat_tests::usage;

/// What the names of these rows begin with.
const PREFIX: &str = "ensemble/";
const MEMBERS: usize = 3;
/// `tickTime` of all members, in ms.
const TICK_MS: u32 = 1000;

/// An ensemble that has a leader.
pub(crate) struct Trio {
    pub(crate) ensemble: Ensemble,
    pub(crate) leader: usize,
}

impl Trio {
    /// Starts the members on empty directories.
    pub(crate) fn start(settings: &Settings, kind: Kind) -> Result<Self> {
        let mut plan = Plan::new(&[kind; MEMBERS]);
        plan.tick_ms = TICK_MS;
        plan.jvm = vec![format!("-Xmx{}", settings.java_heap)];
        plan.dir = Some(settings.dir.clone());
        plan.lines.clone_from(&settings.config);
        let mut ensemble = Ensemble::start(plan)?;
        let leader = ensemble.wait_leader()?;
        Ok(Self { ensemble, leader })
    }
}

impl Measured for Trio {
    fn kind(&self) -> Kind {
        self.ensemble.kind(self.leader)
    }

    /// The leader's is the last, so that a session alone is a follower's.
    fn addresses(&self) -> Vec<SocketAddr> {
        let mut addresses = self.ensemble.addresses();
        let leader = addresses.remove(self.leader);
        addresses.push(leader);
        addresses
    }

    fn pids(&self) -> Vec<u32> {
        self.ensemble.pids()
    }

    fn failure(&self, what: &str) -> Failure {
        self.ensemble.failure(what)
    }
}

/// The name of a row.
pub(crate) fn name(row: &Row) -> String {
    format!("{PREFIX}{}", row.name())
}

/// Starts the ensembles, warms them up, measures the rows.
pub(crate) fn run(settings: &Settings, rows: &[Row], report: &mut Report) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let mut trios = Vec::new();
    for &kind in &settings.kinds {
        let mut trio = Trio::start(settings, kind)?;
        trio.fill(&VALUES)?;
        trio.ensemble.settle()?;
        rows::warm_up(settings, &trio)?;
        trios.push(trio);
    }
    report.begin_rows();
    let measured: Vec<&dyn Measured> = trios.iter().map(|trio| trio as _).collect();
    for row in rows {
        report.row(&name(row), row.run(settings, &measured, false)?);
    }
    for trio in &trios {
        let (_, peak) = usage::memory_of(&trio.pids())?;
        let what = "peak memory of three over all rows, MiB";
        report.fact("ensemble", what, trio.kind(), mib(peak));
    }
    Ok(())
}

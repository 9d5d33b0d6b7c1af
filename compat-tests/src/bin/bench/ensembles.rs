//! The rows of ensembles: three of ours and three of Java's, under the same load in turn. Sessions
//! are spread over the members, followers first; CPU and memory are summed over the members.

use compat_tests::Result;
use compat_tests::bench::report::{Report, mib};
use compat_tests::bench::target::{Measured, Trio};
use compat_tests::usage;

use crate::Settings;
use crate::rows::{self, Row, Servers, VALUES};
use crate::target::fill;

/// What the names of these rows begin with.
const PREFIX: &str = "ensemble/";

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
        let mut trio = Trio::start(&settings.launch, kind)?;
        fill(&trio, &VALUES)?;
        trio.ensemble.settle()?;
        rows::warm_up(settings, &trio)?;
        trios.push(trio);
    }
    report.begin_rows();
    let measured: Vec<&dyn Measured> = trios.iter().map(|trio| trio as _).collect();
    for row in rows {
        report.row(&name(row), row.run(settings, &measured, Servers::Three)?);
    }
    for trio in &trios {
        let (_, peak) = usage::memory_of(&trio.pids())?;
        let what = "peak memory of three over all rows, MiB";
        report.fact("ensemble", what, trio.kind(), mib(peak));
    }
    Ok(())
}

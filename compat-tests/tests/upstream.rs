//! A few of ZooKeeper's own tests against our server: `compat-tests/upstream/run` runs all of them.

use compat_tests::upstream::{self, ZOOKEEPER};
use compat_tests::{Failure, Result};

/// Quick ones that together touch every kind of request, and an ensemble.
const CLASSES: [&str; 10] = [
    "GetAllChildrenNumberTest",
    "GetEphemeralsTest",
    "test.AsyncTest",
    "test.AuthTest",
    "test.CreateTest",
    "test.GetChildren2Test",
    "test.MultiOperationTest",
    "test.SessionInvalidationTest",
    "test.StatTest",
    "test.WatcherFuncTest",
];

#[test]
fn a_choice_of_zookeepers_own_tests_passes() -> Result<()> {
    let summary = upstream::run(&upstream::Options {
        suite: ZOOKEEPER,
        classes: CLASSES.map(str::to_owned).to_vec(),
        version: ZOOKEEPER.version.to_owned(),
        baseline: false,
        jobs: 2,
    })?;
    if summary.is_good() && summary.baseline > 0 {
        return Ok(());
    }
    Err(Failure::new(format!("{} of {} passed: see above", summary.passed, summary.baseline)))
}

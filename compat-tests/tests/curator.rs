//! A few of Curator's own tests against our server: `compat-tests/curator/run` runs all of them.

use compat_tests::upstream::{self, CURATOR};
use compat_tests::{Failure, Result};

/// Quick ones of the framework and of each kind of recipe.
const CLASSES: [&str; 6] = [
    "framework.imps.TestCreate",
    "framework.imps.TestTransactionsNew",
    "framework.recipes.cache.TestCuratorCacheBridge",
    "framework.recipes.locks.TestLockACLs",
    "framework.recipes.nodes.TestGroupMember",
    "framework.recipes.queue.TestSimpleDistributedQueue",
];

#[test]
fn a_choice_of_curators_own_tests_passes() -> Result<()> {
    let summary = upstream::run(&upstream::Options {
        suite: CURATOR,
        classes: CLASSES.map(str::to_owned).to_vec(),
        version: CURATOR.version.to_owned(),
        baseline: false,
        jobs: 2,
    })?;
    if summary.is_good() && summary.baseline > 0 {
        return Ok(());
    }
    Err(Failure::new(format!("{} of {} passed: see above", summary.passed, summary.baseline)))
}

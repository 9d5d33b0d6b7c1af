//! A few of Curator's own tests against our server: `compat-tests/curator/run` runs all of them.

use compat_tests::Result;
use compat_tests::upstream::{self, CURATOR};

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
    upstream::choice(CURATOR, &CLASSES)
}

//! A few of ZooKeeper's own tests against our server: `compat-tests/upstream/run` runs all of them.

use compat_tests::Result;
use compat_tests::upstream::{self, ZOOKEEPER};

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
    upstream::choice(ZOOKEEPER, &CLASSES)
}

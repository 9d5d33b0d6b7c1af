//! What came of a load: figures, and whether it was served.

use std::time::Duration;

use compat_tests::bench::target::Measured;
use compat_tests::server::ask;
use compat_tests::{Failure, Result};

/// What came of one load on one server.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// Names and values, in the order in which they are printed.
    pub(crate) figures: Vec<(String, f64)>,
    /// What of the load was not served.
    pub(crate) missing: Vec<String>,
}

impl Outcome {
    pub(crate) fn figure(&mut self, what: impl Into<String>, value: f64) {
        self.figures.push((what.into(), value));
    }

    /// A figure in milliseconds.
    pub(crate) fn ms(&mut self, what: &str, value: Duration) {
        self.figure(what, value.as_secs_f64() * 1e3);
    }

    /// Notes what was found unless it is what it should be.
    pub(crate) fn require(&mut self, holds: bool, found: String) {
        if !holds {
            self.missing.push(found);
        }
    }

    /// The value of a figure, if there is such a one.
    pub(crate) fn value(&self, what: &str) -> Option<f64> {
        self.figures.iter().find(|(name, _)| name == what).map(|(_, value)| *value)
    }
}

/// The sum of what `mntr` of all these servers tells under a name.
pub(crate) fn told(servers: &dyn Measured, name: &str) -> Result<u64> {
    let told = |address| number(&ask(address, "mntr")?, name);
    servers.addresses().into_iter().map(told).sum()
}

fn number(answer: &str, name: &str) -> Result<u64> {
    answer
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix('\t')?.trim().parse().ok())
        .ok_or_else(|| Failure::new(format!("mntr does not tell {name}: {answer:?}")))
}

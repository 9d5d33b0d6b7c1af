//! Proof that Gamekeeper does what Apache ZooKeeper does: the same bytes, the same replies.
//!
//! Here stand the tools of the proofs: [`server`] runs a Gamekeeper or a Java ZooKeeper as a process,
//! [`java`] builds and runs the programs under `java/`, which are clients as people write them; [`native`]
//! those of the C client and kazoo, and [`program`] talks with those that run beside a test.
//! The proofs themselves are in `tests/`, the measurements in `src/bin/`. What differs from Java on
//! purpose is written down in `DIFFERENCES.md`.

pub mod bench;
pub mod differential;
pub mod ensemble;
pub mod fuzz;
pub mod history;
pub mod java;
pub mod native;
pub mod ports;
pub mod program;
pub mod pty;
pub mod scenarios;
pub mod server;
pub mod sim;
pub mod upstream;
pub mod usage;

use std::fmt;

/// Any failure, as text for whoever reads the test's output: a test that returns one prints it as it
/// is, line by line.
pub struct Failure(String);

impl Failure {
    /// The failure that `text` tells.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<E: std::error::Error> From<E> for Failure {
    fn from(e: E) -> Self {
        Self(e.to_string())
    }
}

/// What may fail.
pub type Result<T> = std::result::Result<T, Failure>;

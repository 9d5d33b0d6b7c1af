//! Proof that Gamekeeper does what Apache ZooKeeper does: the same bytes, the same replies.
//!
//! Here stand the tools of the proofs: [`server`] runs a Gamekeeper or a Java ZooKeeper as a process,
//! [`java`] builds and runs the programs under `java/`, which are clients as people write them.
//! The proofs themselves are in `tests/`, the measurements in `src/bin/`. What differs from Java on
//! purpose is written down in `DIFFERENCES.md`.

pub mod java;
pub mod server;

/// Any failure, told to whoever reads the test's output.
pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

pub mod history;

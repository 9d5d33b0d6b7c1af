//! The tools beside the server: what an operator runs on files, or against a server, by the script
//! names of Apache ZooKeeper.
//!
//! Floor 6: may know every room, and is known by the binaries alone.

pub mod cli;
#[allow(dead_code)] // Some forms are those of the offline tools.
mod dates;
mod zone;

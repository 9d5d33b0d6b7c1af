//! What anybody may send or leave on a disk, as bodies that take any bytes: none may panic, hang, take
//! memory beyond bounds, or harm what other peers and clients see.
//!
//! The bodies live here once. `compat-tests/fuzz` drives them with libFuzzer; `tests/fuzz.rs` drives
//! them on stable with mutations of the same corpus, which was recorded between Java and us
//! ([`capture`]).

mod bytes;
pub mod capture;
mod client;
mod config;
pub mod corpus;
mod election;
mod files;
mod learner;
mod member;
pub mod mutate;
mod quorum;

use bytes::Input;

/// A body, by its name.
#[derive(Clone, Copy)]
pub struct Target {
    /// Its name: that of the program under `fuzz/fuzz_targets` and of the directory of its corpus.
    pub name: &'static str,
    /// Takes any bytes; panics where something is wrong with the server.
    pub body: fn(&[u8]),
}

/// All of them.
pub const TARGETS: [Target; 7] = [
    Target { name: "client", body: client::client },
    Target { name: "quorum_leader", body: quorum::leader },
    Target { name: "quorum_learner", body: learner::learner },
    Target { name: "election", body: election::election },
    Target { name: "txnlog", body: files::txnlog },
    Target { name: "snapshot", body: files::snapshot },
    Target { name: "zoo_cfg", body: config::zoo_cfg },
];

/// The body of this name.
///
/// # Panics
/// If there is none.
pub fn target(name: &str) -> Target {
    let found = TARGETS.into_iter().find(|target| target.name == name);
    found.unwrap_or_else(|| panic!("no fuzz target {name}"))
}

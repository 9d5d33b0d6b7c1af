//! The members of the ensemble and what a quorum of them is.
//!
//! Java: `flexible.QuorumMaj` and `flexible.QuorumHierarchical` ([`QuorumVerifier`], over the members as
//! the [configuration](crate::config::Membership) has them), `SyncedLearnerTracker`. An ensemble has two
//! verifiers, the committed one and the last that was proposed ([`Quorums`]); while the second is
//! newer, whatever needs a quorum needs one of each.

mod tracker;
mod verifier;

#[cfg(test)]
mod tests;

pub use tracker::{Quorums, SidSet, SyncedLearnerTracker};
pub use verifier::QuorumVerifier;

use std::fmt;

/// Why a text is no configuration of an ensemble (`QuorumPeerConfig.ConfigException`). The text
/// says which line is at fault, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError(pub String);

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ConfigError {}

//! The servers of one seed: both the same, and not the same for every seed.

use super::rng::Rng;
use crate::ensemble::Plan;
use crate::server::Kind;

/// The digest of `super:test`.
const SUPER: &str = "super:D/InIHSb7yEEbrWz8b9l71RjZJU=";

/// The switches of a seed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Variant {
    pub(super) extended_types: bool,
    pub(super) enforce_quota: bool,
    reconfig_enabled: bool,
    /// Snapshots are taken while the test runs, not at the same zxids.
    pub(super) small_snapshots: bool,
}

impl Variant {
    pub(super) fn of(seed: u64) -> Self {
        let mut rng = Rng::new(!seed);
        Self {
            extended_types: rng.chance(75),
            enforce_quota: rng.chance(60),
            reconfig_enabled: rng.chance(30),
            small_snapshots: rng.chance(30),
        }
    }

    /// Servers with these switches. Nothing expires and no container goes while they run, because the
    /// clock is not the same for both.
    pub(super) fn plan(self, kinds: &[Kind]) -> Plan {
        let mut plan = Plan::new(kinds);
        // Time enough for a member that is not scheduled.
        plan.tick_ms = 1000;
        // A server alone refuses it, an ensemble would do it.
        let reconfig = self.reconfig_enabled && kinds.len() == 1;
        plan.with("extendedTypesEnabled", &self.extended_types.to_string())
            .with("enforceQuota", &self.enforce_quota.to_string())
            .with("reconfigEnabled", &reconfig.to_string())
            .with("syncLimit", "60")
            .with("minSessionTimeout", "3000000")
            .with("maxSessionTimeout", "4000000")
            .with("preAllocSize", "1024")
            .with("snapCount", if self.small_snapshots { "60" } else { "100000" })
            .with_property("zookeeper.forceSync", "no")
            .with_property("zookeeper.DigestAuthenticationProvider.superDigest", SUPER)
            .with_property("znode.container.checkIntervalMs", "100000000")
    }
}

//! A configuration of the ensemble: its members, its version, and the rule by which some of them
//! are a quorum. Its text is that of Java's `toString`, for it is sent in notifications and in
//! NEWLEADER and stored in `/zookeeper/config`.

use std::collections::HashMap;
use std::fmt;

use super::{ConfigError, SidSet};
use crate::config::{ConfigOptions, Membership, QuorumRule, QuorumServer};
use crate::ids::Sid;

/// Members, version and quorum rule.
#[derive(Debug, Clone)]
pub struct QuorumVerifier {
    membership: Membership,
    /// Those of the members that vote: looked up for each ack.
    voter_ids: SidSet,
    /// Who is in which group, where groups decide (`QuorumHierarchical`); else more than half of the
    /// voters do (`QuorumMaj`).
    groups: Option<Groups>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Groups {
    group_of: HashMap<Sid, i64>,
    weight_of: HashMap<Sid, i64>,
    weight_of_group: HashMap<i64, i64>,
    /// Groups that have weight.
    count: usize,
}

impl QuorumVerifier {
    /// The rule of these members.
    pub fn new(membership: Membership) -> Self {
        let voter_ids = membership.voting().map(|server| server.sid).collect();
        let groups = match &membership.rule {
            QuorumRule::Majority => None,
            QuorumRule::Hierarchical { groups, weights } => Some(Groups::new(groups, weights)),
        };
        Self { membership, voter_ids, groups }
    }

    /// Reads a configuration from its text: lines of `server.N`, `group.G`, `weight.N`, `version`.
    ///
    /// # Errors
    /// If a line is of another kind, malformed, or at odds with the others.
    pub fn parse(text: &str, options: ConfigOptions) -> Result<Self, ConfigError> {
        Membership::of_text(text.as_bytes(), options).map(Self::new).map_err(ConfigError)
    }

    /// The member `sid`.
    pub fn member(&self, sid: Sid) -> Option<&QuorumServer> {
        self.membership.servers.get(&sid)
    }

    /// All members, in the order in which Java lists them.
    pub fn members(&self) -> impl Iterator<Item = &QuorumServer> {
        self.membership.in_order()
    }

    /// The members that vote, in the order in which Java lists them.
    pub fn voters(&self) -> impl Iterator<Item = &QuorumServer> {
        self.members().filter(|server| server.peer_type.votes())
    }

    /// Whether `sid` is a member that votes.
    pub fn is_voter(&self, sid: Sid) -> bool {
        self.voter_ids.contains(sid)
    }

    /// What the vote of `sid` weighs: 1 under majority. A server of weight 0 is never elected.
    pub fn weight(&self, sid: Sid) -> i64 {
        match &self.groups {
            None => 1,
            Some(groups) => groups.weight_of.get(&sid).copied().unwrap_or(0),
        }
    }

    /// Whether the voters among `acks` are a quorum.
    pub fn contains_quorum(&self, acks: &SidSet) -> bool {
        let voters = acks.iter().filter(|sid| self.is_voter(*sid));
        match &self.groups {
            None => voters.count() > self.voter_ids.len() / 2,
            Some(groups) => groups.contain_quorum(voters),
        }
    }

    /// The version: 0 for a static file, afterwards the zxid that brought the configuration.
    pub fn version(&self) -> i64 {
        self.membership.version
    }

    /// The same members and rule under another version.
    #[must_use]
    pub fn with_version(&self, version: i64) -> Self {
        let mut next = self.clone();
        next.membership.version = version;
        next
    }

    /// Whether both say the same. As in Java (`equals`) the same version is taken for the same
    /// configuration.
    pub fn same_as(&self, other: &Self) -> bool {
        let same =
            |server: &QuorumServer| other.member(server.sid).is_some_and(|o| o.same_as(server));
        self.version() == other.version()
            || (self.groups == other.groups
                && self.membership.servers.len() == other.membership.servers.len()
                && self.members().all(same))
    }
}

impl fmt::Display for QuorumVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.membership.text())
    }
}

impl Groups {
    /// The group of each sid, and the weight of each that is in one.
    fn new(groups: &[(Sid, i64)], weights: &[(Sid, i64)]) -> Self {
        let weight_of: HashMap<Sid, i64> = weights.iter().copied().collect();
        let mut weight_of_group: HashMap<i64, i64> = HashMap::new();
        for (sid, group) in groups {
            let total = weight_of_group.entry(*group).or_default();
            *total = total.saturating_add(weight_of.get(sid).copied().unwrap_or(0));
        }
        let count = weight_of_group.values().filter(|weight| **weight != 0).count();
        Self { group_of: groups.iter().copied().collect(), weight_of, weight_of_group, count }
    }

    fn contain_quorum(&self, acks: impl Iterator<Item = Sid>) -> bool {
        let mut reached: HashMap<i64, i64> = HashMap::new();
        for sid in acks {
            if let (Some(group), Some(weight)) = (self.group_of.get(&sid), self.weight_of.get(&sid))
            {
                let total = reached.entry(*group).or_default();
                *total = total.saturating_add(*weight);
            }
        }
        let majorities = reached.iter().filter(|(g, w)| **w > self.weight_of_group[*g] / 2);
        let any = !reached.is_empty();
        any && majorities.count() > self.count / 2
    }
}

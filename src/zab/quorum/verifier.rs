//! A configuration of the ensemble: its members, its version, and the rule by which some of them
//! are a quorum. Its text is that of Java's `toString`, for it is sent in notifications and in
//! NEWLEADER and stored in `/zookeeper/config`.

use std::collections::HashMap;
use std::fmt;

use super::{ClientAddr, ConfigError, QuorumServer, SidSet};
use crate::config::java_order::{long_map_order, properties_order};
use crate::ids::Sid;
use crate::zab::LearnerType;

/// What is allowed in a configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConfigOptions {
    /// `multiAddress.enabled`: a server may have several addresses.
    pub multi_address: bool,
    /// `standaloneEnabled`: a configuration may have no voters or one.
    pub standalone: bool,
}

impl Default for ConfigOptions {
    fn default() -> Self {
        Self { multi_address: false, standalone: true }
    }
}

/// Members, version and quorum rule.
#[derive(Debug, Clone)]
pub struct QuorumVerifier {
    /// In the order in which Java lists them.
    members: Vec<QuorumServer>,
    /// Those of them that vote: looked up for each ack.
    voter_ids: SidSet,
    rule: Rule,
    version: i64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Rule {
    /// More than half of the voters (`QuorumMaj`).
    Majority,
    /// Of more than half of the groups more than half of the weight (`QuorumHierarchical`).
    Hierarchical(Groups),
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Groups {
    group_of: HashMap<Sid, i64>,
    weight_of: HashMap<Sid, i64>,
    weight_of_group: HashMap<i64, i64>,
    /// Groups that have weight.
    count: usize,
    /// The `group.` and `weight.` lines, in Java's order.
    text: String,
}

impl QuorumVerifier {
    /// Reads a configuration from its text: lines of `server.N`, `group.G`, `weight.N`, `version`.
    ///
    /// # Errors
    /// If a line is of another kind, malformed, or at odds with the others.
    pub fn parse(text: &str, options: ConfigOptions) -> Result<Self, ConfigError> {
        let lines = text.lines().map(str::trim_start);
        let lines = lines.filter(|l| !l.is_empty() && !l.starts_with(['#', '!']));
        let mut entries: Vec<(String, String)> = Vec::new();
        for line in lines {
            let (key, value) = split_property(line);
            match entries.iter_mut().find(|(k, _)| k == key) {
                Some((_, old)) => value.clone_into(old),
                None => entries.push((key.to_owned(), value.to_owned())),
            }
        }
        for (key, _) in &entries {
            let known = ["server.", "group", "weight"].iter().any(|p| key.starts_with(p));
            if !known && key != "version" {
                return Err(ConfigError(format!("Unrecognised parameter: {key}")));
            }
        }
        Self::from_entries(entries, options)
    }

    /// A configuration from properties in the order of their file; those that are not about the
    /// ensemble are passed over (`QuorumPeerConfig.parseDynamicConfig`).
    ///
    /// # Errors
    /// If an entry is malformed or at odds with the others.
    pub fn from_entries(
        mut entries: Vec<(String, String)>,
        options: ConfigOptions,
    ) -> Result<Self, ConfigError> {
        properties_order(&mut entries);
        let mut servers: HashMap<i64, QuorumServer> = HashMap::new();
        let mut order = Vec::new();
        let mut version = 0;
        for (key, value) in &entries {
            if let Some(id) = key.strip_prefix("server.") {
                let id = parse_long(key, id)?;
                order.push(id);
                servers.insert(id, QuorumServer::parse(Sid(id), value, options.multi_address)?);
            } else if key == "version" {
                version = parse_version(value)?;
            }
        }
        long_map_order(&mut order, |id| *id);
        let members: Vec<_> = order.iter().filter_map(|id| servers.remove(id)).collect();
        let rule = match Groups::from_entries(&entries, &members)? {
            Some(groups) => Rule::Hierarchical(groups),
            None => Rule::Majority,
        };
        let voters = members.iter().filter(|m| m.kind == LearnerType::Participant);
        let voter_ids = voters.map(|m| m.id).collect();
        let verifier = Self { members, voter_ids, rule, version };
        verifier.check_roles(options)?;
        Ok(verifier)
    }

    fn check_roles(&self, options: ConfigOptions) -> Result<(), ConfigError> {
        let voters = self.voter_ids.len();
        let observers = self.members.len() - voters;
        let fault = match voters {
            0 if !options.standalone => {
                "standaloneEnabled = false then number of participants should be >0"
            }
            0 if observers > 0 => "Observers w/o participants is an invalid configuration",
            1 if options.standalone && observers > 0 => {
                "Observers w/o quorum is an invalid configuration"
            }
            _ => return Ok(()),
        };
        Err(ConfigError(fault.to_owned()))
    }

    /// All members, in the order in which Java lists them.
    pub fn members(&self) -> &[QuorumServer] {
        &self.members
    }

    /// Gives a member the client address of its own static file, if its line has none
    /// (`isClientAddrFromStatic`): the text does not show it.
    pub fn set_static_client(&mut self, sid: Sid, client: ClientAddr) {
        let member = self.members.iter_mut().find(|m| m.id == sid && m.client.is_none());
        if let Some(member) = member {
            member.client = Some(client);
            member.client_from_static = true;
        }
    }

    /// The member `sid`.
    pub fn member(&self, sid: Sid) -> Option<&QuorumServer> {
        self.members.iter().find(|m| m.id == sid)
    }

    /// The members that vote.
    pub fn voters(&self) -> impl Iterator<Item = &QuorumServer> {
        self.members.iter().filter(|m| m.kind == LearnerType::Participant)
    }

    /// The members that only observe.
    pub fn observers(&self) -> impl Iterator<Item = &QuorumServer> {
        self.members.iter().filter(|m| m.kind == LearnerType::Observer)
    }

    /// Whether `sid` is a member that votes.
    pub fn is_voter(&self, sid: Sid) -> bool {
        self.voter_ids.contains(sid)
    }

    /// What the vote of `sid` weighs: 1 under majority. A server of weight 0 is never elected.
    pub fn weight(&self, sid: Sid) -> i64 {
        match &self.rule {
            Rule::Majority => 1,
            Rule::Hierarchical(groups) => groups.weight_of.get(&sid).copied().unwrap_or(0),
        }
    }

    /// Whether the voters among `acks` are a quorum.
    pub fn contains_quorum(&self, acks: &SidSet) -> bool {
        let voters = acks.iter().filter(|sid| self.is_voter(*sid));
        match &self.rule {
            Rule::Majority => voters.count() > self.voter_ids.len() / 2,
            Rule::Hierarchical(groups) => groups.contain_quorum(voters),
        }
    }

    /// The version: 0 for a static file, afterwards the zxid that brought the configuration.
    pub fn version(&self) -> i64 {
        self.version
    }

    /// The same members and rule under another version.
    pub fn with_version(&self, version: i64) -> Self {
        Self { version, ..self.clone() }
    }

    /// Whether both say the same. As in Java (`equals`) the same version is taken for the same
    /// configuration.
    pub fn same_as(&self, other: &Self) -> bool {
        self.version == other.version
            || (self.rule.same_as(&other.rule)
                && self.members.len() == other.members.len()
                && self.members.iter().all(|m| other.member(m.id).is_some_and(|o| m.same_as(o))))
    }
}

impl Rule {
    fn same_as(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Hierarchical(a), Self::Hierarchical(b)) => {
                a.group_of == b.group_of && a.weight_of == b.weight_of
            }
            (a, b) => a == b,
        }
    }
}

impl fmt::Display for QuorumVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for member in &self.members {
            writeln!(f, "server.{}={member}", member.id)?;
        }
        if let Rule::Hierarchical(groups) = &self.rule {
            f.write_str(&groups.text)?;
        }
        write!(f, "version={:x}", self.version)
    }
}

impl Groups {
    /// `None` where there is neither a group nor a weight.
    fn from_entries(
        entries: &[(String, String)],
        members: &[QuorumServer],
    ) -> Result<Option<Self>, ConfigError> {
        let mut group_of = Vec::new();
        let mut weight_of = Vec::new();
        let mut groups = 0;
        for (key, value) in entries {
            if key.starts_with("group") {
                groups += 1;
                let group = parse_long(key, after_dot(key))?;
                for sid in value.split(':') {
                    group_of.push((parse_long(key, sid)?, group));
                }
            } else if key.starts_with("weight") {
                weight_of.push((parse_long(key, after_dot(key))?, parse_long(key, value)?));
            }
        }
        if group_of.is_empty() && weight_of.is_empty() {
            return Ok(None);
        }
        check_groups(&group_of, members)?;
        for voter in members.iter().filter(|m| m.kind == LearnerType::Participant) {
            if !weight_of.iter().any(|(sid, _)| *sid == voter.id.0) {
                weight_of.push((voter.id.0, 1));
            }
        }
        Self::new(group_of, weight_of, groups).map(Some)
    }

    fn new(
        group_of: Vec<(i64, i64)>,
        weight_of: Vec<(i64, i64)>,
        groups: usize,
    ) -> Result<Self, ConfigError> {
        let text = groups_text(&group_of, &weight_of);
        let weight_of: HashMap<Sid, i64> =
            weight_of.into_iter().map(|(s, w)| (Sid(s), w)).collect();
        let group_of: HashMap<Sid, i64> = group_of.into_iter().map(|(s, g)| (Sid(s), g)).collect();
        let mut weight_of_group: HashMap<i64, i64> = HashMap::new();
        for (sid, group) in &group_of {
            let Some(weight) = weight_of.get(sid) else {
                return Err(ConfigError(format!("Server {sid} is in group {group}, not a voter")));
            };
            let total = weight_of_group.entry(*group).or_default();
            *total = total.saturating_add(*weight);
        }
        let empty = weight_of_group.values().filter(|w| **w == 0).count();
        Ok(Self { group_of, weight_of, weight_of_group, count: groups - empty, text })
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

fn check_groups(group_of: &[(i64, i64)], members: &[QuorumServer]) -> Result<(), ConfigError> {
    for (i, (sid, _)) in group_of.iter().enumerate() {
        if group_of[..i].iter().any(|(s, _)| s == sid) {
            return Err(ConfigError(format!("Server {sid}is in multiple groups")));
        }
    }
    for voter in members.iter().filter(|m| m.kind == LearnerType::Participant) {
        if !group_of.iter().any(|(sid, _)| *sid == voter.id.0) {
            return Err(ConfigError(format!("Server {}is not in a group", voter.id)));
        }
    }
    Ok(())
}

/// The `group.` and `weight.` lines as `QuorumHierarchical.toString` puts them: each from a
/// `HashMap` of its own.
fn groups_text(group_of: &[(i64, i64)], weight_of: &[(i64, i64)]) -> String {
    let lookup = |map: &[(i64, i64)], key| map.iter().find(|(k, _)| *k == key).map(|(_, v)| *v);
    let mut sids: Vec<i64> = group_of.iter().map(|(sid, _)| *sid).collect();
    long_map_order(&mut sids, |id| *id);
    let mut groups: Vec<(i64, String)> = Vec::new();
    for sid in sids {
        let Some(group) = lookup(group_of, sid) else { continue };
        match groups.iter_mut().find(|(g, _)| *g == group) {
            Some((_, text)) => *text = format!("{text}:{sid}"),
            None => groups.push((group, sid.to_string())),
        }
    }
    let mut ids: Vec<i64> = groups.iter().map(|(g, _)| *g).collect();
    long_map_order(&mut ids, |id| *id);
    let mut out = String::new();
    for id in ids {
        let members = groups.iter().find(|(g, _)| *g == id).map_or("", |(_, text)| text);
        out.push_str(&format!("group.{id}={members}\n"));
    }
    let mut sids: Vec<i64> = weight_of.iter().map(|(sid, _)| *sid).collect();
    long_map_order(&mut sids, |id| *id);
    for sid in sids {
        out.push_str(&format!("weight.{sid}={}\n", lookup(weight_of, sid).unwrap_or(1)));
    }
    out
}

/// Key and value of a line, as `Properties.load` splits it: at the first `=`, `:` or blank.
fn split_property(line: &str) -> (&str, &str) {
    let end = line.find(|c: char| c == '=' || c == ':' || c.is_whitespace());
    let (key, rest) = line.split_at(end.unwrap_or(line.len()));
    let rest = rest.trim_start();
    let value = rest.strip_prefix(['=', ':']).unwrap_or(rest);
    (key, value.trim_start())
}

/// What follows the first dot of a key; the whole key where there is none, as Java's arithmetic has
/// it.
fn after_dot(key: &str) -> &str {
    key.split_once('.').map_or(key, |(_, rest)| rest)
}

fn parse_long(key: &str, text: &str) -> Result<i64, ConfigError> {
    text.parse().map_err(|_| ConfigError(format!("{key}: \"{text}\" is not a number")))
}

fn parse_version(text: &str) -> Result<i64, ConfigError> {
    i64::from_str_radix(text.trim(), 16)
        .map_err(|_| ConfigError(format!("version: \"{text}\" is not a hexadecimal number")))
}

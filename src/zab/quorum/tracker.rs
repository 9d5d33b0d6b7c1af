//! Who has said yes so far, and whether that is enough.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use super::QuorumVerifier;
use crate::config::QuorumServer;
use crate::ids::Sid;

/// A few servers: a sorted vector, for an ensemble has seven voters, not thousands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SidSet(Vec<Sid>);

impl SidSet {
    /// Adds `sid`; false if it was there.
    pub fn insert(&mut self, sid: Sid) -> bool {
        match self.0.binary_search(&sid) {
            Ok(_) => false,
            Err(at) => {
                self.0.insert(at, sid);
                true
            }
        }
    }

    /// Takes `sid` out, if it is there.
    pub fn remove(&mut self, sid: Sid) {
        if let Ok(at) = self.0.binary_search(&sid) {
            self.0.remove(at);
        }
    }

    /// Whether `sid` is one of them.
    pub fn contains(&self, sid: Sid) -> bool {
        self.0.binary_search(&sid).is_ok()
    }

    /// How many they are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The servers, ascending.
    pub fn iter(&self) -> impl Iterator<Item = Sid> + '_ {
        self.0.iter().copied()
    }
}

impl FromIterator<Sid> for SidSet {
    fn from_iter<I: IntoIterator<Item = Sid>>(sids: I) -> Self {
        let mut set = Self::default();
        sids.into_iter().for_each(|sid| {
            set.insert(sid);
        });
        set
    }
}

/// The two configurations that an ensemble has at any time. They are the same one except while a
/// reconfiguration is under way.
#[derive(Debug, Clone)]
pub struct Quorums {
    committed: Arc<QuorumVerifier>,
    last_seen: Arc<QuorumVerifier>,
}

impl Quorums {
    /// Nothing newer than `committed` was proposed.
    pub fn new(committed: Arc<QuorumVerifier>) -> Self {
        Self { last_seen: Arc::clone(&committed), committed }
    }

    /// The configuration in force (`getQuorumVerifier`).
    pub fn committed(&self) -> &Arc<QuorumVerifier> {
        &self.committed
    }

    /// The last that was proposed (`getLastSeenQuorumVerifier`).
    pub fn last_seen(&self) -> &Arc<QuorumVerifier> {
        &self.last_seen
    }

    /// Takes note of a proposed configuration. A version names one configuration, so the same
    /// version changes nothing: false (`setLastSeenQuorumVerifier`).
    pub fn set_last_seen(&mut self, verifier: Arc<QuorumVerifier>) -> bool {
        if self.last_seen.version() == verifier.version() {
            return false;
        }
        self.last_seen = verifier;
        true
    }

    /// Puts a configuration in force; false if it is not newer (`setQuorumVerifier`).
    pub fn set_committed(&mut self, verifier: Arc<QuorumVerifier>) -> bool {
        if self.committed.version() >= verifier.version() {
            return false;
        }
        if verifier.version() > self.last_seen.version() {
            self.last_seen = Arc::clone(&verifier);
        }
        self.committed = verifier;
        true
    }

    /// Who votes in either configuration, ascending (`getCurrentAndNextConfigVoters`).
    pub fn voters(&self) -> BTreeSet<Sid> {
        self.committed.voters().chain(self.last_seen.voters()).map(|s| s.sid).collect()
    }

    /// The member `sid`, as the committed configuration has it, or else the one that was proposed.
    pub fn member(&self, sid: Sid) -> Option<&QuorumServer> {
        self.committed.member(sid).or_else(|| self.last_seen.member(sid))
    }

    /// Whether `sid` votes in either configuration.
    pub fn is_voter(&self, sid: Sid) -> bool {
        self.committed.is_voter(sid) || self.last_seen.is_voter(sid)
    }

    /// Whether `acks` holds a quorum of each configuration that counts.
    pub fn contain_quorums(&self, acks: &SidSet) -> bool {
        self.counting().all(|verifier| verifier.contains_quorum(acks))
    }

    /// The configurations of which a quorum is needed: the committed one, and the proposed one
    /// while it is newer.
    fn counting(&self) -> impl Iterator<Item = &QuorumVerifier> {
        let newer = self.last_seen.version() > self.committed.version();
        std::iter::once(&*self.committed).chain(newer.then_some(&*self.last_seen))
    }
}

/// Collects acknowledgements until there is a quorum of each configuration.
#[derive(Debug, Clone)]
pub struct SyncedLearnerTracker {
    quorums: Quorums,
    acks: SidSet,
}

impl SyncedLearnerTracker {
    /// Nobody has acknowledged.
    pub fn new(quorums: Quorums) -> Self {
        Self { quorums, acks: SidSet::default() }
    }

    /// Counts `sid`; false if it has no vote in a configuration that counts.
    pub fn add_ack(&mut self, sid: Sid) -> bool {
        let counts = self.quorums.counting().any(|verifier| verifier.is_voter(sid));
        if counts {
            self.acks.insert(sid);
        }
        counts
    }

    /// `sid` has acknowledged nothing any more.
    pub fn withdraw_ack(&mut self, sid: Sid) {
        self.acks.remove(sid);
    }

    /// Whether `sid` has a vote in each configuration that counts (`hasSid`).
    pub fn has_sid(&self, sid: Sid) -> bool {
        self.quorums.counting().all(|verifier| verifier.is_voter(sid))
    }

    /// Whether there is a quorum of each.
    pub fn has_all_quorums(&self) -> bool {
        self.quorums.contain_quorums(&self.acks)
    }

    /// Who has acknowledged.
    pub fn acks(&self) -> &SidSet {
        &self.acks
    }
}

/// `ackSetsToString`: one list in brackets for each configuration.
impl fmt::Display for SyncedLearnerTracker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, verifier) in self.quorums.counting().enumerate() {
            f.write_str(if i == 0 { "[" } else { ",[" })?;
            let voters = self.acks.iter().filter(|sid| verifier.is_voter(*sid));
            for (j, sid) in voters.enumerate() {
                write!(f, "{}{sid}", if j == 0 { "" } else { ", " })?;
            }
            f.write_str("]")?;
        }
        Ok(())
    }
}

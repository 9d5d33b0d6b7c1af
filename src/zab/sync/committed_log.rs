//! The last committed transactions, kept in memory for learners that are only slightly behind
//! (`ZKDatabase.committedLog`).

use std::collections::VecDeque;
use std::fmt;

use crate::ids::Zxid;
use crate::zab::packet::RecordBytes;

/// `commitLogCount`: how many are kept at least.
pub const DEFAULT_COMMIT_LOG_COUNT: usize = 500;

/// A committed transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its zxid.
    pub zxid: Zxid,
    /// Its record.
    pub record: RecordBytes,
}

/// A transaction that does not follow the one before it (ZOOKEEPER-4925): passing it on would make
/// a hole in the learner's log. The server must stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Discontinuity {
    /// The last kept.
    pub last: Zxid,
    /// The one that came.
    pub found: Zxid,
}

impl fmt::Display for Discontinuity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Committed proposal cached out of order: {} is not the next proposal of {}",
            self.found, self.last
        )
    }
}

impl std::error::Error for Discontinuity {}

/// The last committed transactions, without a hole.
#[derive(Debug, Clone)]
pub struct CommittedLog {
    entries: VecDeque<Entry>,
    limit: usize,
    /// ZOOKEEPER-4925, for the simulator alone: holes are not noticed.
    fault_holes: bool,
}

impl Default for CommittedLog {
    fn default() -> Self {
        Self::new(DEFAULT_COMMIT_LOG_COUNT)
    }
}

impl CommittedLog {
    /// Keeps the last `limit` transactions.
    pub fn new(limit: usize) -> Self {
        Self { entries: VecDeque::new(), limit, fault_holes: false }
    }

    /// As it was with ZOOKEEPER-4925, if `holes`: for the simulator alone.
    #[must_use]
    pub fn with_fault(self, holes: bool) -> Self {
        Self { fault_holes: holes, ..self }
    }

    /// The first zxid kept.
    pub fn min(&self) -> Option<Zxid> {
        self.entries.front().map(|e| e.zxid)
    }

    /// The last zxid kept.
    pub fn max(&self) -> Option<Zxid> {
        self.entries.back().map(|e| e.zxid)
    }

    /// Those kept, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    /// Takes a transaction that was applied. One that is known already (replayed after a sync)
    /// changes nothing.
    ///
    /// # Errors
    /// If there is a gap before it within an epoch.
    pub fn add(&mut self, entry: Entry) -> Result<(), Discontinuity> {
        if let Some(last) = self.max() {
            let found = entry.zxid;
            if found <= last {
                return Ok(());
            }
            if found != last.next() && found.epoch() <= last.epoch() && !self.fault_holes {
                return Err(Discontinuity { last, found });
            }
        }
        self.entries.push_back(entry);
        if self.entries.len() > self.limit {
            self.entries.pop_front();
        }
        Ok(())
    }

    /// Forgets all: the tree is replaced by a snapshot, or the log is cut.
    pub fn clear(&mut self) {
        self.entries.clear();
    }
}

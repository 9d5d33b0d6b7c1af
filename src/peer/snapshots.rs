//! When a snapshot is due (`SyncRequestProcessor.shouldSnapshot`).
//!
//! The log is rolled and a snapshot taken after half of `snapCount` transactions and a random part of
//! the other half, so that not all servers of an ensemble do it at the same moment; the same by bytes.

use super::LogBatch;

/// The limits, from `snapCount` and `snapSizeLimitInKb`.
#[derive(Debug, Clone, Copy)]
pub struct SnapshotLimits {
    /// Transactions between snapshots, at least 2.
    pub count: u64,
    /// Bytes of log between snapshots; 0 for no limit.
    pub bytes: u64,
}

/// Counts what was logged since the last snapshot.
#[derive(Debug)]
pub struct SnapshotPolicy {
    limits: SnapshotLimits,
    random: u64,
    txns: u64,
    bytes: u64,
    roll_txns: u64,
    roll_bytes: u64,
}

impl SnapshotPolicy {
    /// A policy that has counted nothing. `seed` decides the random parts.
    pub fn new(limits: SnapshotLimits, seed: u64) -> Self {
        let mut policy =
            Self { limits, random: seed, txns: 0, bytes: 0, roll_txns: 0, roll_bytes: 0 };
        policy.reset();
        policy
    }

    /// Counts transactions that recovery replayed: they are behind the newest snapshot as well.
    pub fn replayed(&mut self, txns: u64) {
        self.txns += txns;
    }

    /// Counts a batch on its way to the log. Where a snapshot falls due the log is to be rolled
    /// behind it, and this says true.
    pub fn count(&mut self, batch: &mut LogBatch) -> bool {
        let mut due = false;
        for (_, payload) in batch.iter() {
            due |= self.logged(payload.len());
        }
        batch.roll = due;
        due
    }

    /// Counts one logged transaction of `bytes`; true when the log is to be rolled and a snapshot
    /// taken, and the count starts anew.
    fn logged(&mut self, bytes: usize) -> bool {
        self.txns += 1;
        self.bytes += bytes as u64;
        let by_count = self.txns > self.limits.count / 2 + self.roll_txns;
        let by_bytes =
            self.limits.bytes > 0 && self.bytes > self.limits.bytes / 2 + self.roll_bytes;
        let due = by_count || by_bytes;
        if due {
            self.reset();
        }
        due
    }

    fn reset(&mut self) {
        self.txns = 0;
        self.bytes = 0;
        self.roll_txns = self.draw() % (self.limits.count / 2).max(1);
        self.roll_bytes = self.draw() % (self.limits.bytes / 2).max(1);
    }

    /// SplitMix64: enough to spread the servers' snapshots.
    fn draw(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn txns_until_due(policy: &mut SnapshotPolicy, bytes: usize) -> u64 {
        (1..).find(|_| policy.logged(bytes)).expect("a snapshot falls due")
    }

    #[test]
    fn due_between_half_of_the_count_and_the_whole_of_it() {
        let limits = SnapshotLimits { count: 100, bytes: 0 };
        let drawn: Vec<u64> =
            (0..50).map(|seed| txns_until_due(&mut SnapshotPolicy::new(limits, seed), 1)).collect();
        assert!(drawn.iter().all(|n| (51..=100).contains(n)), "{drawn:?}");
        assert!(drawn.iter().any(|n| *n != drawn[0]), "servers must not all do it at once");
    }

    #[test]
    fn due_by_bytes_and_counted_anew() {
        let limits = SnapshotLimits { count: 1_000_000, bytes: 1000 };
        let mut policy = SnapshotPolicy::new(limits, 7);
        for _ in 0..3 {
            let txns = txns_until_due(&mut policy, 10);
            assert!((51..=101).contains(&txns), "{txns}");
        }
    }
}

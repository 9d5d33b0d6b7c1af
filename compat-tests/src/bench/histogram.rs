//! Counts of latencies, in buckets that are about 3 % wide.

use std::time::Duration;

/// Buckets between two powers of two: 2^5.
const SUB_BITS: u32 = 5;
const SUB: usize = 1 << SUB_BITS;

/// How often which latency was seen.
#[derive(Debug, Clone)]
pub struct Histogram {
    buckets: Vec<u64>,
    total: u64,
    max: u64,
}

impl Histogram {
    /// Nothing was seen.
    #[must_use]
    #[allow(clippy::new_without_default, reason = "nobody wants one by default")]
    pub fn new() -> Self {
        Self { buckets: vec![0; (64 - SUB_BITS as usize + 1) * SUB], total: 0, max: 0 }
    }

    /// `count` of this latency.
    pub fn record(&mut self, latency: Duration, count: u64) {
        let nanos = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX);
        self.buckets[bucket(nanos)] += count;
        self.total += count;
        self.max = self.max.max(nanos);
    }

    /// All that another one has recorded, too.
    pub fn add(&mut self, other: &Self) {
        self.buckets.iter_mut().zip(&other.buckets).for_each(|(own, more)| *own += more);
        self.total += other.total;
        self.max = self.max.max(other.max);
    }

    /// How many were recorded.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// The highest.
    pub fn max(&self) -> Duration {
        Duration::from_nanos(self.max)
    }

    /// How many took longer than this, to the width of a bucket.
    pub fn later_than(&self, latency: Duration) -> u64 {
        let nanos = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX);
        self.buckets[bucket(nanos) + 1..].iter().sum()
    }

    /// The latency that this part (0 to 1) of all did not exceed.
    pub fn quantile(&self, part: f64) -> Duration {
        let rank = (self.total as f64 * part).ceil() as u64;
        let mut seen = 0;
        for (i, count) in self.buckets.iter().enumerate() {
            seen += count;
            if seen >= rank.max(1) {
                return Duration::from_nanos(upper(i).min(self.max));
            }
        }
        Duration::ZERO
    }
}

/// Values below 2^5 have a bucket each; above, the top five bits after the first one tell.
fn bucket(value: u64) -> usize {
    if value < SUB as u64 {
        return value as usize;
    }
    let shift = 63 - value.leading_zeros() - SUB_BITS;
    (shift as usize + 1) * SUB + ((value >> shift) as usize - SUB)
}

/// The largest value of a bucket.
fn upper(bucket: usize) -> u64 {
    if bucket < SUB {
        return bucket as u64;
    }
    let shift = bucket / SUB - 1;
    let base = (bucket % SUB + SUB) as u64;
    (base << shift) + ((1 << shift) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_fall_into_buckets_that_hold_them() {
        for value in (0..200).chain([1000, 123_456, u64::MAX / 2, u64::MAX]) {
            let upper = upper(bucket(value));
            assert!(upper >= value && upper - value <= value / 16, "{value} {upper}");
        }
    }

    #[test]
    fn quantiles_count_from_below() {
        let mut h = Histogram::new();
        h.record(Duration::from_nanos(10), 98);
        h.record(Duration::from_nanos(20), 2);
        assert_eq!(h.quantile(0.5), Duration::from_nanos(10));
        assert_eq!(h.quantile(0.99), Duration::from_nanos(20));
        assert_eq!(h.later_than(Duration::from_nanos(10)), 2);
        assert_eq!(h.later_than(Duration::MAX), 0);
        assert_eq!((h.total(), h.max()), (100, Duration::from_nanos(20)));
    }
}

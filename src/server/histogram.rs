//! Counters and summaries in relaxed atomics (`SimpleCounter`, `AvgMinMaxCounter`,
//! `AvgMinMaxPercentileCounter`).
//!
//! Java takes quantiles from 4096 values sampled at random; here every value is counted in a bucket
//! of a log-linear scale, so a quantile is exact to a sixteenth and the tail is never missed.

use std::fmt;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};

/// A figure as `mntr` prints it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value {
    /// A whole number.
    Int(i64),
    /// A fraction.
    Float(f64),
}

impl fmt::Display for Value {
    /// As Java's `Long.toString` and `Double.toString`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(v) => v.fmt(f),
            Self::Float(v) => f.write_str(&java_double(*v)),
        }
    }
}

/// `Double.toString`: a fraction digit always, computerized scientific notation outside of
/// 10^-3 to 10^7.
fn java_double(v: f64) -> String {
    if v != 0.0 && v.is_finite() && !(1e-3..1e7).contains(&v.abs()) {
        let text = format!("{v:E}");
        let (mantissa, exponent) = text.split_once('E').unwrap_or((&text, "0"));
        let point = if mantissa.contains('.') { "" } else { ".0" };
        return format!("{mantissa}{point}E{exponent}");
    }
    match v {
        _ if v.is_nan() => "NaN".to_owned(),
        _ if v.is_infinite() => if v > 0.0 { "Infinity" } else { "-Infinity" }.to_owned(),
        _ => format!("{v:?}"),
    }
}

/// Something that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicI64);

impl Counter {
    /// Adds.
    pub fn add(&self, n: i64) {
        self.0.fetch_add(n, Relaxed);
    }

    /// What it stands at.
    pub fn get(&self) -> i64 {
        self.0.load(Relaxed)
    }

    /// Back to 0.
    pub fn reset(&self) {
        self.0.store(0, Relaxed);
    }
}

/// Average, minimum, maximum, count and sum of values.
#[derive(Debug)]
pub struct Summary {
    total: AtomicI64,
    min: AtomicI64,
    max: AtomicI64,
    count: AtomicU64,
}

impl Default for Summary {
    fn default() -> Self {
        Self {
            total: AtomicI64::new(0),
            min: AtomicI64::new(i64::MAX),
            max: AtomicI64::new(i64::MIN),
            count: AtomicU64::new(0),
        }
    }
}

impl Summary {
    /// One value.
    pub fn add(&self, value: i64) {
        self.add_batch(&Batch { count: 1, total: value, min: value, max: value });
    }

    /// The same value `n` times.
    pub fn add_n(&self, value: i64, n: u64) {
        let total = value.wrapping_mul(n as i64);
        self.add_batch(&Batch { count: n, total, min: value, max: value });
    }

    /// Values that were gathered before.
    pub fn add_batch(&self, batch: &Batch) {
        if batch.count == 0 {
            return;
        }
        self.total.fetch_add(batch.total, Relaxed);
        self.count.fetch_add(batch.count, Relaxed);
        if batch.min < self.min.load(Relaxed) {
            self.min.fetch_min(batch.min, Relaxed);
        }
        if batch.max > self.max.load(Relaxed) {
            self.max.fetch_max(batch.max, Relaxed);
        }
    }

    /// The average, rounded half up to four digits; 0 without values.
    pub fn avg(&self) -> f64 {
        match self.count() {
            0 => 0.0,
            n => (self.sum() as f64 / n as f64 * 10_000.0).round() / 10_000.0,
        }
    }

    /// The least value; 0 without values.
    pub fn min(&self) -> i64 {
        Some(self.min.load(Relaxed)).filter(|v| *v != i64::MAX).unwrap_or(0)
    }

    /// The greatest value; 0 without values.
    pub fn max(&self) -> i64 {
        Some(self.max.load(Relaxed)).filter(|v| *v != i64::MIN).unwrap_or(0)
    }

    /// How many values.
    pub fn count(&self) -> u64 {
        self.count.load(Relaxed)
    }

    /// Their sum.
    pub fn sum(&self) -> i64 {
        self.total.load(Relaxed)
    }

    /// Forgets all.
    pub fn reset(&self) {
        self.count.store(0, Relaxed);
        self.total.store(0, Relaxed);
        self.min.store(i64::MAX, Relaxed);
        self.max.store(i64::MIN, Relaxed);
    }

    /// The five figures that `mntr` has for it. `prefix` is that of a set's member, with its `_`.
    pub(crate) fn list(&self, prefix: &str, name: &str, sink: &mut dyn FnMut(String, Value)) {
        sink(format!("avg_{prefix}{name}"), Value::Float(self.avg()));
        sink(format!("min_{prefix}{name}"), Value::Int(self.min()));
        sink(format!("max_{prefix}{name}"), Value::Int(self.max()));
        sink(format!("cnt_{prefix}{name}"), Value::Int(self.count() as i64));
        sink(format!("sum_{prefix}{name}"), Value::Int(self.sum()));
    }
}

/// Values gathered by one thread, to be added in one go.
#[derive(Debug, Clone, Copy)]
pub struct Batch {
    /// How many.
    pub count: u64,
    /// Their sum.
    pub total: i64,
    /// The least.
    pub min: i64,
    /// The greatest.
    pub max: i64,
}

impl Batch {
    /// Nothing yet.
    pub const EMPTY: Self = Self { count: 0, total: 0, min: i64::MAX, max: i64::MIN };

    /// One more value.
    #[inline]
    pub fn add(&mut self, value: i64) {
        self.count += 1;
        self.total += value;
        self.min = self.min.min(value);
        self.max = self.max.max(value);
    }
}

const SUB_BITS: u32 = 4;
const SUB: usize = 1 << SUB_BITS;
/// Values from 2^40 on (34 years in ms) share the last bucket.
const MAX_BITS: u32 = 40;
const BUCKETS: usize = ((MAX_BITS - SUB_BITS) as usize + 1) * SUB;

/// A summary with quantiles.
#[derive(Debug)]
pub struct Quantiles {
    summary: Summary,
    buckets: Box<[AtomicU64]>,
}

impl Default for Quantiles {
    fn default() -> Self {
        let buckets = (0..BUCKETS).map(|_| AtomicU64::new(0)).collect();
        Self { summary: Summary::default(), buckets }
    }
}

fn bucket(value: i64) -> usize {
    let v = u64::try_from(value).unwrap_or(0).min((1 << MAX_BITS) - 1);
    if v < SUB as u64 {
        return v as usize;
    }
    let shift = v.ilog2() - SUB_BITS;
    (shift as usize + 1) * SUB + (v >> shift) as usize - SUB
}

/// The least value of a bucket.
fn floor_of(bucket: usize) -> i64 {
    if bucket < SUB {
        return bucket as i64;
    }
    let shift = bucket / SUB - 1;
    ((SUB + bucket % SUB) as i64) << shift
}

impl Quantiles {
    /// One value.
    pub fn add(&self, value: i64) {
        self.add_n(value, 1);
    }

    /// The same value `n` times.
    pub fn add_n(&self, value: i64, n: u64) {
        if n > 0 {
            self.summary.add_n(value, n);
            self.buckets[bucket(value)].fetch_add(n, Relaxed);
        }
    }

    /// The five figures without the quantiles.
    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    /// The value below which the share `q` (0 to 1) of all values lies, to a sixteenth; 0 without
    /// values.
    pub fn quantile(&self, q: f64) -> i64 {
        let counts: Vec<u64> = self.buckets.iter().map(|b| b.load(Relaxed)).collect();
        let total: u64 = counts.iter().sum();
        let rank = ((total as f64 * q).ceil() as u64).max(1);
        let mut seen = 0;
        for (i, count) in counts.iter().enumerate() {
            seen += count;
            if seen >= rank {
                return floor_of(i).max(self.summary.min()).min(self.summary.max());
            }
        }
        0
    }

    /// Forgets all.
    pub fn reset(&self) {
        self.summary.reset();
        self.buckets.iter().for_each(|b| b.store(0, Relaxed));
    }

    /// The nine figures that `mntr` has for it.
    pub(crate) fn list(&self, prefix: &str, name: &str, sink: &mut dyn FnMut(String, Value)) {
        self.summary.list(prefix, name, sink);
        for (label, q) in [("p50", 0.5), ("p95", 0.95), ("p99", 0.99), ("p999", 0.999)] {
            sink(format!("{label}_{prefix}{name}"), Value::Int(self.quantile(q)));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn doubles_as_java_prints_them() {
        for (v, text) in [
            (0.0, "0.0"),
            (1.0, "1.0"),
            (0.3333, "0.3333"),
            (12_345_678.0, "1.2345678E7"),
            (1e7, "1.0E7"),
            (0.0001, "1.0E-4"),
            (-2.5, "-2.5"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(Value::Float(v).to_string(), text);
        }
    }

    #[test]
    fn an_empty_summary_is_all_zero() {
        let s = Quantiles::default();
        let mut all = Vec::new();
        s.list("", "x", &mut |name, value| all.push(format!("{name}={value}")));
        let text = "avg_x=0.0 min_x=0 max_x=0 cnt_x=0 sum_x=0 p50_x=0 p95_x=0 p99_x=0 p999_x=0";
        assert_eq!(all.join(" "), text);
    }

    #[test]
    fn averages_are_rounded_to_four_digits() {
        let s = Summary::default();
        s.add_n(0, 2);
        s.add(1);
        assert_eq!((s.avg(), s.min(), s.max(), s.count(), s.sum()), (0.3333, 0, 1, 3, 1));
    }

    proptest! {
        #[test]
        fn a_bucket_holds_what_it_says(v in 0_i64..1 << 40) {
            let i = bucket(v);
            prop_assert!(floor_of(i) <= v);
            prop_assert!(i + 1 == BUCKETS || v < floor_of(i + 1));
            prop_assert!(v - floor_of(i) <= v / 16);
        }

        #[test]
        fn any_value_has_a_bucket(v: i64) {
            prop_assert!(bucket(v) < BUCKETS);
        }

        #[test]
        fn quantiles_are_near(mut values in prop::collection::vec(0_i64..100_000, 1..200)) {
            let s = Quantiles::default();
            values.iter().for_each(|v| s.add(*v));
            values.sort_unstable();
            let exact = values[(values.len() as f64 * 0.95).ceil() as usize - 1];
            let found = s.quantile(0.95);
            prop_assert!((found - exact).abs() <= exact / 16, "{found} for {exact}");
        }
    }
}

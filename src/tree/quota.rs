//! Quotas: a node `/zookeeper/quota<path>/zookeeper_limits` limits the subtree at `<path>`; beside it
//! `zookeeper_stats` says what the subtree uses. Java: `Quotas`, `StatsTrack`, `PathTrie`.
//!
//! The usage is not replicated: each server keeps its own while it applies transactions, and counts
//! anew when it loads a snapshot.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};
use std::fmt;

/// Where limits and usage are kept.
pub const QUOTA_ROOT: &str = "/zookeeper/quota";
/// Name of the node with the limits.
pub const LIMITS_NODE: &str = "zookeeper_limits";
/// Name of the node with the usage.
pub const STATS_NODE: &str = "zookeeper_stats";

/// Path of the limits of the subtree at `prefix` (`Quotas.limitPath`).
pub fn limits_path(prefix: &str) -> String {
    format!("{QUOTA_ROOT}{prefix}/{LIMITS_NODE}")
}

/// Path of the usage of the subtree at `prefix` (`Quotas.statPath`).
pub fn stats_path(prefix: &str) -> String {
    format!("{QUOTA_ROOT}{prefix}/{STATS_NODE}")
}

/// Limits or usage, as the text in a quota node. A figure that is not there, or cannot be read, is
/// -1.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StatsTrack(BTreeMap<String, i64>);

/// One of the figures of a [`StatsTrack`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Figure {
    /// Nodes: the soft limit, or the usage.
    Count,
    /// Bytes of data: the soft limit, or the usage.
    Bytes,
    /// Nodes: the hard limit.
    CountHardLimit,
    /// Bytes of data: the hard limit.
    ByteHardLimit,
}

impl Figure {
    fn key(self) -> &'static str {
        match self {
            Self::Count => COUNT,
            Self::Bytes => BYTES,
            Self::CountHardLimit => "countHardLimit",
            Self::ByteHardLimit => "byteHardLimit",
        }
    }
}

const COUNT: &str = "count";
const BYTES: &str = "bytes";

impl StatsTrack {
    /// Reads `key=number` pairs between commas or semicolons. What is no such pair is left out: the
    /// text is a client's, and Java would stop the server over it.
    pub fn parse(data: &[u8]) -> Self {
        let text = String::from_utf8_lossy(data);
        let pairs = text.split([',', ';']).filter_map(|pair| {
            let mut parts = pair.split('=');
            let (key, value) = (parts.next()?, parts.next()?);
            Some((key.to_owned(), value.parse().unwrap_or(-1)))
        });
        Self(pairs.collect())
    }

    /// As [`StatsTrack::parse`], for a check that may fail: `None` where Java throws, at null and at text
    /// that is no list of pairs. (`StatsTrack(byte[])`.)
    pub fn parse_strict(data: Option<&[u8]>) -> Option<Self> {
        let is_separator = |c: char| matches!(c, ',' | ';');
        let text = String::from_utf8_lossy(data?);
        let text = text.trim_end_matches(is_separator);
        if text.starts_with(is_separator) {
            return None;
        }
        let pairs = text.split(is_separator).filter(|pair| !pair.is_empty()).map(|pair| {
            // Java's `split` drops empty parts at the end.
            let mut parts = pair.trim_end_matches('=').split('=');
            let (key, value) = (parts.next()?, parts.next()?);
            let value = if value.is_empty() { -1 } else { value.parse().ok()? };
            Some((key.to_owned(), value))
        });
        Some(Self(pairs.collect::<Option<_>>()?))
    }

    /// A figure; -1 where it is not there.
    pub fn get(&self, figure: Figure) -> i64 {
        self.0.get(figure.key()).copied().unwrap_or(-1)
    }

    /// Nodes: the soft limit, or the usage.
    pub fn count(&self) -> i64 {
        self.get(Figure::Count)
    }

    /// Bytes of data: the soft limit, or the usage.
    pub fn bytes(&self) -> i64 {
        self.get(Figure::Bytes)
    }

    /// Nodes: the hard limit.
    pub fn count_hard_limit(&self) -> i64 {
        self.get(Figure::CountHardLimit)
    }

    /// Bytes of data: the hard limit.
    pub fn byte_hard_limit(&self) -> i64 {
        self.get(Figure::ByteHardLimit)
    }

    /// Sets a figure; -1 is no limit.
    pub fn set(&mut self, figure: Figure, value: i64) {
        self.0.insert(figure.key().to_owned(), value);
    }

    /// Sets both figures of a usage.
    pub(super) fn set_usage(&mut self, count: i64, bytes: i64) {
        self.0.insert(COUNT.to_owned(), count);
        self.0.insert(BYTES.to_owned(), bytes);
    }
}

/// `count` and `bytes` first, then an extra `=` behind which parsers of 3.4 do not look, then the
/// rest in order.
impl fmt::Display for StatsTrack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{COUNT}={},{BYTES}={}", self.count(), self.bytes())?;
        let mut opened = false;
        for (key, value) in self.0.iter().filter(|(key, _)| *key != COUNT && *key != BYTES) {
            f.write_str(if opened { "" } else { "=" })?;
            opened = true;
            write!(f, ";{key}={value}")?;
        }
        Ok(())
    }
}

/// The paths that have a quota (`PathTrie`).
#[derive(Debug, Default)]
pub(super) struct QuotaPaths(HashSet<Box<str>>);

impl QuotaPaths {
    /// Adds the subtree at `path`. The root takes no quota.
    pub(super) fn add(&mut self, path: &str) {
        let path = normalize(path);
        if path.len() > 1 {
            self.0.insert(path.into());
        }
    }

    pub(super) fn remove(&mut self, path: &str) {
        self.0.remove(&*normalize(path));
    }

    /// The longest prefix of `path`, in whole components, that has a quota.
    pub(super) fn longest_prefix<'p>(&self, path: &'p str) -> Option<Cow<'p, str>> {
        if self.0.is_empty() {
            return None;
        }
        let path = normalize(path);
        let mut prefix: &str = &path;
        while !self.0.contains(prefix) {
            prefix = &prefix[..prefix.rfind('/')?];
        }
        let len = prefix.len();
        Some(match path {
            Cow::Borrowed(path) => Cow::Borrowed(&path[..len]),
            Cow::Owned(path) => Cow::Owned(path[..len].to_owned()),
        })
    }
}

/// Blank components do not count in `PathTrie`: neither empty ones nor those of spaces.
fn normalize(path: &str) -> Cow<'_, str> {
    let is_blank = |c: &str| c.chars().all(|c| c <= ' ');
    let plain = path.strip_prefix('/').is_some_and(|p| !p.split('/').any(is_blank));
    if plain {
        return Cow::Borrowed(path);
    }
    let mut normal = String::with_capacity(path.len());
    for component in path.split('/').filter(|c| !is_blank(c)) {
        normal.push('/');
        normal.push_str(component);
    }
    Cow::Owned(normal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_java_cannot_read_is_no_limit() {
        let count = |text: &[u8]| StatsTrack::parse_strict(Some(text)).map(|track| track.count());
        assert_eq!(count(b"count=2,bytes=-1=;byteHardLimit=7"), Some(2));
        for (text, expected) in
            [("", -1), (",;,", -1), ("count=+3,,;bytes=1;", 3), ("count==4", -1)]
        {
            assert_eq!(count(text.as_bytes()), Some(expected), "{text}");
        }
        for text in [
            "count",
            "count=",
            "=",
            "count=x",
            ",count=1",
            "count=1,=;,",
            "count=9999999999999999999",
        ] {
            assert_eq!(count(text.as_bytes()), None, "{text}");
        }
        assert_eq!(StatsTrack::parse_strict(None), None);
    }
}

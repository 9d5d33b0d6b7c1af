//! The numbers that ZooKeeper names things by, each a type of its own so that none passes for
//! another. Floor 0: known to every room.

use std::fmt;

/// A transaction id: the epoch in the high 32 bits, a counter in the low 32.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Zxid(pub i64);

impl Zxid {
    /// Before the first transaction.
    pub const ZERO: Self = Self(0);

    /// The zxid of `counter` in `epoch` (`ZxidUtils.makeZxid`).
    pub fn new(epoch: i64, counter: i64) -> Self {
        Self((epoch << 32) | (counter & 0xffff_ffff))
    }

    /// The epoch, as Java takes it: an arithmetic shift.
    pub fn epoch(self) -> i64 {
        self.0 >> 32
    }

    /// The counter within the epoch, 0 to 2^32 - 1.
    pub fn counter(self) -> i64 {
        self.0 & 0xffff_ffff
    }

    /// The zxid after this one. The caller rolls the epoch over before the counter is exhausted.
    pub fn next(self) -> Self {
        Self(self.0.wrapping_add(1))
    }

    /// Whether a leader may give this zxid to the transaction behind `last`: the next one, or any of an
    /// epoch of which none was given (`zookeeper.testingonly.initialZxid`).
    pub fn may_follow(self, last: Self) -> bool {
        let first = last.counter() == 0 && self > last && self.epoch() == last.epoch();
        self == last.next() || first
    }
}

impl fmt::Display for Zxid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{:x}", self.0)
    }
}

/// A session's id. The server that made it has its sid in the top byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct SessionId(pub i64);

impl SessionId {
    /// What a client sends that has no session yet, and what a refused one gets back.
    pub const NONE: Self = Self(0);
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{:x}", self.0)
    }
}

/// A server's id: `myid`, the N of `server.N`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Sid(pub i64);

impl fmt::Display for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A client connection of this process. Never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnId(pub u64);

/// Milliseconds: of the wall clock (since 1970) where a file or a client sees them, of a monotonic
/// clock where time is only compared. The two are never mixed; a name says which one it is.
pub type Millis = i64;

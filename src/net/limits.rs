//! How many connections there may be, in all (`maxCnxns`) and from one address (`maxClientCnxns`).
//! Counted from the accept to the close of the socket: a burst cannot pass before anyone has counted
//! it, and who does not hang up has no place to give to another.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::address;

#[derive(Debug, Default)]
struct Counts {
    total: u32,
    by_ip: HashMap<IpAddr, u32>,
}

/// The connections that are counted, and the limits on them.
#[derive(Debug)]
pub(super) struct Limits {
    /// From one address; 0 for no limit.
    per_ip: AtomicU32,
    /// In all; 0 for no limit.
    in_all: u32,
    counts: Mutex<Counts>,
}

/// Why a connection is refused. Printed as Java prints it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    InAll(u32),
    FromOne(IpAddr, u32),
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InAll(max) => write!(f, "Too many connections max allowed is {max}"),
            Self::FromOne(ip, max) => {
                write!(f, "Too many connections from /{} - max is {max}", address::host(*ip))
            }
        }
    }
}

impl Limits {
    pub(super) fn new(per_ip: u32, in_all: u32) -> Self {
        Self { per_ip: AtomicU32::new(per_ip), in_all, counts: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts one more connection from `ip`, or says why there may be none.
    pub(super) fn admit(&self, ip: IpAddr) -> Result<(), Refused> {
        let mut counts = self.lock();
        if self.in_all > 0 && counts.total >= self.in_all {
            return Err(Refused::InAll(self.in_all));
        }
        let per_ip = self.per_ip.load(Relaxed);
        let from_one = counts.by_ip.entry(ip).or_insert(0);
        if per_ip > 0 && *from_one >= per_ip {
            return Err(Refused::FromOne(ip, per_ip));
        }
        *from_one += 1;
        counts.total += 1;
        Ok(())
    }

    /// A connection from `ip` that was admitted is no more.
    pub(super) fn release(&self, ip: IpAddr) {
        let mut counts = self.lock();
        counts.total -= 1;
        if let Some(from_one) = counts.by_ip.get_mut(&ip) {
            *from_one -= 1;
            if *from_one == 0 {
                counts.by_ip.remove(&ip);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_address_has_its_own_limit() {
        let limits = Limits::new(2, 3);
        let (a, b) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
        assert_eq!(limits.admit(a), Ok(()));
        assert_eq!(limits.admit(a), Ok(()));
        let refused = limits.admit(a).unwrap_err();
        assert_eq!(refused.to_string(), "Too many connections from /10.0.0.1 - max is 2");
        assert_eq!(limits.admit(b), Ok(()));
        let refused = limits.admit(b).unwrap_err();
        assert_eq!(refused.to_string(), "Too many connections max allowed is 3");
        limits.release(a);
        assert_eq!(limits.admit(a), Ok(()));
    }
}

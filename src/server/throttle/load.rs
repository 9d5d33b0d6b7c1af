//! What is in the pipeline at this moment, against its limits (`ZooKeeperServer.shouldThrottle`,
//! `checkRequestSizeWhenMessageReceived`).

use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

/// The requests that connections handed to the pipeline and that have no answer yet.
#[derive(Debug)]
pub struct Load {
    outstanding_limit: i64,
    large_threshold: Option<usize>,
    large_max: i64,
    in_process: AtomicI64,
    large_bytes: AtomicI64,
}

/// A large request that would take the large ones over their limit together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestTooLarge;

impl fmt::Display for RequestTooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Rejecting large request")
    }
}

impl Load {
    /// Nothing in process. `outstanding_limit` is `globalOutstandingLimit`; a request longer than
    /// `large_threshold` bytes (-1: none) is large, and all large ones together may have `large_max`
    /// bytes.
    pub fn new(outstanding_limit: i32, large_threshold: i32, large_max: i32) -> Self {
        Self {
            outstanding_limit: i64::from(outstanding_limit),
            large_threshold: usize::try_from(large_threshold).ok(),
            large_max: i64::from(large_max),
            in_process: AtomicI64::new(0),
            large_bytes: AtomicI64::new(0),
        }
    }

    /// Requests in process: the figure `outstanding_requests`.
    pub fn in_process(&self) -> i64 {
        self.in_process.load(Relaxed)
    }

    /// Whether connections that have requests in process are to wait with reading more.
    pub fn is_over_limit(&self) -> bool {
        self.outstanding_limit < self.in_process()
    }

    /// Whether a request of that many bytes may be read at all.
    ///
    /// # Errors
    /// If it is large and there is no room for it: its connection is closed.
    pub fn check_size(&self, len: usize) -> Result<(), RequestTooLarge> {
        let room = self.large_max - self.large_bytes.load(Relaxed);
        if self.is_large(len) && len as i64 > room { Err(RequestTooLarge) } else { Ok(()) }
    }

    /// A request with a body of that many bytes goes into the pipeline.
    ///
    /// # Errors
    /// As [`Load::check_size`].
    pub fn enter(&self, body_len: usize) -> Result<(), RequestTooLarge> {
        if self.is_large(body_len) {
            let len = body_len as i64;
            if self.large_bytes.fetch_add(len, Relaxed) + len > self.large_max {
                self.large_bytes.fetch_sub(len, Relaxed);
                return Err(RequestTooLarge);
            }
        }
        self.in_process.fetch_add(1, Relaxed);
        Ok(())
    }

    /// The pipeline is done with a request with a body of that many bytes.
    pub fn leave(&self, body_len: usize) {
        self.in_process.fetch_sub(1, Relaxed);
        if self.is_large(body_len) {
            self.large_bytes.fetch_sub(body_len as i64, Relaxed);
        }
    }

    fn is_large(&self, len: usize) -> bool {
        self.large_threshold.is_some_and(|threshold| len > threshold)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn over_the_limit_is_more_than_the_limit() {
        let load = Load::new(2, -1, 100);
        for _ in 0..2 {
            load.enter(1_000_000).unwrap();
            assert!(!load.is_over_limit());
        }
        load.enter(0).unwrap();
        assert!(load.is_over_limit());
        load.leave(0);
        assert!(!load.is_over_limit());
    }

    #[test]
    fn large_requests_share_a_limit() {
        let load = Load::new(1000, 10, 100);
        load.enter(60).unwrap();
        assert_eq!(load.check_size(41), Err(RequestTooLarge));
        assert_eq!(load.enter(41), Err(RequestTooLarge));
        assert_eq!(load.in_process(), 1);
        load.enter(10).unwrap();
        load.enter(40).unwrap();
        load.leave(60);
        load.enter(60).unwrap();
    }
}

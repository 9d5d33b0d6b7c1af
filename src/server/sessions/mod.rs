//! Sessions: what the tracker and a connection share of one, its id, its password, and when it
//! expires. Pure: time comes in. Java: `SessionTrackerImpl`, `ExpiryQueue`,
//! `ZooKeeperServer.generatePasswd`.
//!
//! Java moves a session from bucket to bucket each time it is heard. Here being heard is one atomic
//! store; the tracker looks at a session again when its bucket is due, and moves it then.
//!
//! A session is global, known to the whole ensemble by its createSession, or local, known to the server
//! that gave it alone and in no log (`UpgradeableSessionTracker`). A local one turns global when it is to
//! own a node.

mod ended;
mod password;
mod tracker;

pub use password::{check_password, password};
pub use tracker::SessionTracker;
pub(crate) use tracker::java_date;

use std::sync::atomic::{AtomicBool, AtomicI32, AtomicI64, AtomicU64, Ordering};

use crate::ids::{Millis, SessionId};
use crate::op::Code;

/// A session, shared by the tracker and the connection that serves it.
#[derive(Debug)]
pub struct Session {
    /// Its name.
    pub id: SessionId,
    /// The timeout with which it was created, in ms: what transactions and snapshots record.
    pub timeout_ms: i32,
    /// The timeout that the client's latest connect negotiated, in ms.
    current_timeout_ms: AtomicI32,
    /// When its client was last heard, by the monotonic clock. The connection stores, the tracker
    /// looks when a bucket is due.
    pub last_heard: AtomicI64,
    /// The connection through which its requests come (a `ConnId`), 0 for none.
    pub owner: AtomicU64,
    /// It is being closed: nothing of it is accepted any more.
    pub closing: AtomicBool,
    /// Only this server knows it.
    local: AtomicBool,
}

/// Which sessions are known to their server alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LocalSessions {
    /// None: each session is a transaction (`localSessionsEnabled=false`).
    #[default]
    Off,
    /// All, and they cannot own nodes.
    Only,
    /// All, until they create an ephemeral (`localSessionsUpgradingEnabled`).
    Upgrading,
}

impl Session {
    /// A session that was heard at `now` (monotonic) and that no connection serves yet.
    pub fn new(id: SessionId, timeout_ms: i32, now: Millis) -> Self {
        Self {
            id,
            timeout_ms,
            current_timeout_ms: AtomicI32::new(timeout_ms),
            last_heard: AtomicI64::new(now),
            owner: AtomicU64::new(0),
            closing: AtomicBool::new(false),
            local: AtomicBool::new(false),
        }
    }

    /// Whether only this server knows it.
    pub fn is_local(&self) -> bool {
        self.local.load(Ordering::Relaxed)
    }

    fn set_local(&self, local: bool) {
        self.local.store(local, Ordering::Relaxed);
    }

    /// The client was heard at `now` (monotonic).
    pub fn heard(&self, now: Millis) {
        self.last_heard.store(now, Ordering::Relaxed);
    }

    /// The client came back at `now` (monotonic) and negotiated `timeout_ms`, by which it expires
    /// from here on. False if the session is being closed (`touchSession`).
    pub fn renew(&self, timeout_ms: i32, now: Millis) -> bool {
        if self.is_closing() {
            return false;
        }
        self.current_timeout_ms.store(timeout_ms, Ordering::Relaxed);
        self.heard(now);
        true
    }

    /// Whether it is being closed.
    pub fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Acquire)
    }

    /// From here on nothing of it is accepted (`setSessionClosing`).
    pub fn set_closing(&self) {
        self.closing.store(true, Ordering::Release);
    }

    /// Whether a request that came through `owner` (0 for none) may act for this session; where
    /// nobody owns it yet, `owner` does from here on (`checkSession`).
    ///
    /// # Errors
    /// [`Code::SessionExpired`] while it is being closed, [`Code::SessionMoved`] where another owns
    /// it.
    pub fn check(&self, owner: u64) -> Result<(), Code> {
        if self.is_closing() {
            return Err(Code::SessionExpired);
        }
        match self.owner.load(Ordering::Acquire) {
            current if current == owner => Ok(()),
            0 => {
                self.owner.store(owner, Ordering::Release);
                Ok(())
            }
            _ => Err(Code::SessionMoved),
        }
    }

    /// Its requests come through `owner` (0 for none) from here on.
    ///
    /// # Errors
    /// [`Code::SessionExpired`] while it is being closed.
    pub fn set_owner(&self, owner: u64) -> Result<(), Code> {
        if self.is_closing() {
            return Err(Code::SessionExpired);
        }
        self.owner.store(owner, Ordering::Release);
        Ok(())
    }

    /// When it expires unless it is heard again, by the monotonic clock, before rounding.
    fn deadline(&self) -> Millis {
        let timeout = Millis::from(self.current_timeout_ms.load(Ordering::Relaxed));
        self.last_heard.load(Ordering::Relaxed).saturating_add(timeout)
    }
}

/// The timeout that a client gets that asks for `wanted`, all in ms.
pub fn negotiate_timeout(wanted: i32, min: i32, max: i32) -> i32 {
    wanted.max(min).min(max)
}

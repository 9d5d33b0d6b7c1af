//! The first message of a connection on the election port, by which the initiator names itself
//! (`QuorumCnxManager.InitialMessage`):
//!
//! ```text
//!  0 long  protocol version: -65536 (3.5), -65535 (several addresses, 3.6);
//!          from 0 on it is the sid, and that is all (before 3.5)
//!  8 long  sid
//! 16 int   length of what follows, 1 to 2048
//! 20       host:port of the sender's election port, in version 2 several joined by |
//! ```

use std::fmt;
use std::net::IpAddr;

use jute::{Reader, Write};

use crate::config::host_and_rest;
use crate::ids::Sid;

/// The sid of an observer before 3.5: it is given one for the connection's life.
pub const OBSERVER_ID: Sid = Sid(i64::MAX);

/// Where the addresses begin.
pub(super) const TEXT_AT: usize = 20;

const PROTOCOL_V1: i64 = -65536;
const PROTOCOL_V2: i64 = -65535;
const MAX_ADDRESSES_LEN: i32 = 2048;

/// Where a peer takes connections of the election.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ElectionAddr {
    /// Name or address, an IPv6 address without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
}

impl fmt::Display for ElectionAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// Who called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InitialMessage {
    /// The caller, as it says.
    pub sid: Sid,
    /// Where it can be called back, without wildcard addresses; empty before 3.5.
    pub addresses: Vec<ElectionAddr>,
}

/// Why a connection does not begin as it should.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InitialError {
    /// A negative number that is no version.
    Version(i64),
    /// A length out of bounds.
    Length(i32),
    /// Not a list of `host:port`.
    Address(String),
}

impl fmt::Display for InitialError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version(v) => write!(f, "Got unrecognized protocol version {v}"),
            Self::Length(len) => write!(f, "Unreasonable buffer length: {len}"),
            Self::Address(text) => write!(f, "Badly formed address: {text}"),
        }
    }
}

impl std::error::Error for InitialError {}

impl InitialMessage {
    /// Reads the message at the start of `bytes`, with its length; `None` while it is incomplete.
    ///
    /// # Errors
    /// As soon as it cannot become one.
    pub fn parse(bytes: &[u8]) -> Result<Option<(Self, usize)>, InitialError> {
        let mut r = Reader::new(bytes);
        let Ok(version) = r.long() else { return Ok(None) };
        if version >= 0 {
            let legacy = Self { sid: Sid(version), addresses: Vec::new() };
            return Ok(Some((legacy, r.position())));
        }
        if version != PROTOCOL_V1 && version != PROTOCOL_V2 {
            return Err(InitialError::Version(version));
        }
        let (Ok(sid), Ok(len)) = (r.long(), r.int()) else { return Ok(None) };
        if !(1..=MAX_ADDRESSES_LEN).contains(&len) {
            return Err(InitialError::Length(len));
        }
        let Ok(text) = r.take(len.unsigned_abs() as usize) else { return Ok(None) };
        let addresses = parse_addresses(&jute::decode_java_utf8(text))?;
        Ok(Some((Self { sid: Sid(sid), addresses }, r.position())))
    }

    /// The bytes of the message: version 2 with all addresses if `multi_address`, else version 1
    /// with the first (ZOOKEEPER-3720: older servers do not know version 2).
    pub fn encode(&self, multi_address: bool) -> Vec<u8> {
        let count = if multi_address { self.addresses.len() } else { 1 };
        let texts: Vec<String> =
            self.addresses.iter().take(count).map(ToString::to_string).collect();
        let mut out = Vec::new();
        out.put_long(if multi_address { PROTOCOL_V2 } else { PROTOCOL_V1 });
        out.put_long(self.sid.0);
        out.put_buffer(Some(texts.join("|").as_bytes()));
        out
    }
}

fn parse_addresses(text: &str) -> Result<Vec<ElectionAddr>, InitialError> {
    let mut addresses = Vec::new();
    for part in text.split('|') {
        let bad = || InitialError::Address(part.to_owned());
        let (host, rest) = host_and_rest(part).ok_or_else(bad)?;
        let [port] = rest[..] else { return Err(bad()) };
        let port = port.parse().map_err(|_| bad())?;
        let wildcard = host.parse::<IpAddr>().is_ok_and(|ip| ip.is_unspecified());
        if !wildcard {
            addresses.push(ElectionAddr { host: host.to_owned(), port });
        }
    }
    Ok(addresses)
}

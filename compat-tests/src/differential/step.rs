//! What is done to both servers, one step at a time.

use std::fmt;

use gamekeeper::op::op;
use gamekeeper::server::sessions::password;
use jute::Write as _;

use super::decode;
use super::side::Side;

/// A client: the place of a connection. Both servers have the same ones.
pub(super) type Slot = usize;

/// One step.
#[derive(Clone)]
pub(super) enum Step {
    /// A new socket in this slot, and the first frame on it.
    Connect(Slot, Connect),
    /// Requests in one write, one of them or a burst.
    Requests(Slot, Vec<Request>),
    /// Bytes that are no frame, on an open connection or a new one.
    Raw(Slot, Vec<u8>),
    /// The client closes its socket; its session lives on.
    HangUp(Slot),
    /// The same in the middle of a frame.
    Cut(Slot, Vec<u8>),
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(slot, connect) => write!(f, "client {slot}: {connect:?}"),
            Self::Requests(slot, requests) => {
                write!(f, "client {slot}: {} request(s)", requests.len())?;
                requests.iter().try_for_each(|r| write!(f, "\n    {r}"))
            }
            Self::Raw(slot, bytes) => write!(f, "client {slot}: raw {}", decode::bytes(bytes)),
            Self::HangUp(slot) => write!(f, "client {slot}: hangs up"),
            Self::Cut(slot, bytes) => {
                write!(f, "client {slot}: hangs up after {}", decode::bytes(bytes))
            }
        }
    }
}

/// One request: header and body.
#[derive(Clone)]
pub(super) struct Request {
    pub(super) xid: i32,
    pub(super) kind: i32,
    pub(super) body: Vec<u8>,
    /// What was done to the body on purpose.
    pub(super) damage: Option<String>,
}

impl Request {
    /// The frame with its length.
    pub(super) fn frame(&self) -> Vec<u8> {
        let mut payload = Vec::new();
        payload.put_int(self.xid);
        payload.put_int(self.kind);
        payload.extend_from_slice(&self.body);
        framed(&payload)
    }

    /// The xid that the reply has.
    pub(super) fn reply_xid(&self) -> i32 {
        if self.kind == op::PING { -2 } else { self.xid }
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { xid, kind, body, damage } = self;
        write!(f, "xid {xid} op {kind} {}", decode::request(*kind, body))?;
        match damage {
            Some(damage) => write!(f, " ({damage}; body {})", decode::bytes(body)),
            None => Ok(()),
        }
    }
}

/// `payload` behind its length.
pub(super) fn framed(payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    out.put_buffer(Some(payload));
    out
}

/// The session that a client asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    /// A new one.
    New,
    /// The nth that the server gave.
    Known(usize),
    /// One that it did not give.
    Stranger(i64),
}

/// The password that it shows.
#[derive(Debug, Clone)]
pub(super) enum Password {
    Right,
    Null,
    Bytes(Vec<u8>),
}

/// A `ConnectRequest` in one of its forms.
#[derive(Debug, Clone)]
pub(super) struct Connect {
    /// Which server is asked.
    pub(super) member: usize,
    pub(super) protocol: i32,
    pub(super) last_zxid_seen: i64,
    pub(super) timeout: i32,
    pub(super) who: Who,
    pub(super) password: Password,
    /// Absent in the form of clients before 3.4.
    pub(super) read_only: Option<bool>,
    /// Bytes behind the request.
    pub(super) behind: usize,
    /// Bytes that are cut off its end.
    pub(super) cut: usize,
}

impl Connect {
    /// The frame with its length, as `side` knows the session.
    pub(super) fn frame(&self, side: &Side) -> Vec<u8> {
        let id = match self.who {
            Who::New => 0,
            Who::Known(nth) => side.sessions.id(nth),
            Who::Stranger(id) => id,
        };
        let mut payload = Vec::new();
        payload.put_int(self.protocol);
        payload.put_long(self.last_zxid_seen);
        payload.put_int(self.timeout);
        payload.put_long(id);
        match &self.password {
            Password::Right => payload.put_buffer(Some(&password(gamekeeper::ids::SessionId(id)))),
            Password::Null => payload.put_buffer(None),
            Password::Bytes(bytes) => payload.put_buffer(Some(bytes)),
        }
        if let Some(read_only) = self.read_only {
            payload.put_bool(read_only);
        }
        payload.truncate(payload.len().saturating_sub(self.cut));
        payload.resize(payload.len() + self.behind, 7);
        framed(&payload)
    }
}

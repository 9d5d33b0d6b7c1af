//! Raw connections to one server: every byte of a reply is seen.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use byteorder::{BigEndian, ByteOrder};
use gamekeeper::op::op;

use super::canon::{self, Sessions};
use crate::Result;
use crate::server::is_late;

/// How long a reply may take that must come. A limit for what hangs.
pub(super) const PATIENCE: Duration = Duration::from_secs(120);
/// How long a request may go unanswered before the fence is sent behind it. What comes later than this
/// comes before the fence's reply all the same.
pub(super) const SILENCE: Duration = Duration::from_millis(250);
/// How long a connection may stay open behind a reply that is its last. A limit for what hangs.
pub(super) const LAST_WORD: Duration = Duration::from_secs(60);
/// The op in place of a request's that stands for the first frame of a connection.
pub(super) const CONNECT: i32 = i32::MIN + 7;
/// The op that stands for a watch event.
pub(super) const EVENT: i32 = i32::MIN + 8;
/// The op that stands for a frame that nobody asked for.
pub(super) const UNASKED: i32 = i32::MIN + 9;
/// Xids of fences start here.
pub(super) const FENCE: i32 = 0x7000_0000;
/// The most fences of a run.
const FENCES: i32 = 0x0800_0000;

/// A frame from a server: what it answers, and its bytes without the length.
#[derive(Debug, Clone)]
pub(super) struct Frame {
    pub(super) kind: i32,
    pub(super) bytes: Vec<u8>,
    /// The bytes with what must differ between two servers taken out.
    pub(super) canon: Vec<u8>,
}

impl Frame {
    /// Whether a server closes the connection behind it: an op that there is not, authentication that
    /// failed, a session that was closed, a client that was refused.
    fn is_last(&self) -> bool {
        match self.kind {
            CONNECT => self.bytes.get(4..16).is_some_and(|rest| rest.iter().all(|byte| *byte == 0)),
            op::CLOSE_SESSION => true,
            op::AUTH => self.bytes.get(12..16).is_some_and(|err| *err != [0; 4]),
            _ => self.bytes.get(4..16) == Some(&UNIMPLEMENTED),
        }
    }
}

/// zxid -1 and error -6.
const UNIMPLEMENTED: [u8; 12] = [255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 250];

/// What one client saw in one step.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    pub(super) frames: Vec<Frame>,
    /// The server closed the connection.
    pub(super) closed: bool,
}

enum Got {
    Frame(Vec<u8>),
    Closed,
    Nothing,
}

/// A connection.
#[derive(Debug)]
pub(super) struct Conn {
    stream: TcpStream,
    buffer: Vec<u8>,
    /// Requests without a reply: xid and op.
    pub(super) open: VecDeque<(i32, i32)>,
    /// Whether the reply to the first frame is still to come.
    pub(super) connecting: bool,
    /// What came since the last step.
    pub(super) seen: Seen,
    /// The session that the server gave; 0 if it gave none.
    pub(super) session: i64,
    /// The newest zxid of a reply.
    pub(super) zxid: i64,
}

impl Conn {
    /// Connects to a server.
    pub(super) fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self {
            stream,
            buffer: vec![],
            open: VecDeque::new(),
            connecting: true,
            seen: Seen::default(),
            session: 0,
            zxid: 0,
        })
    }

    /// A server that closed meanwhile is found out by reading.
    pub(super) fn send(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes);
    }

    fn read(&mut self, deadline: Instant) -> Result<Got> {
        loop {
            if let Some(frame) = self.take_frame() {
                return Ok(Got::Frame(frame));
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(Got::Nothing);
            }
            self.stream.set_read_timeout(Some(left))?;
            let mut chunk = [0; 16 * 1024];
            match self.stream.read(&mut chunk) {
                Ok(0) => return Ok(Got::Closed),
                Ok(n) => self.buffer.extend_from_slice(&chunk[..n]),
                Err(e) if is_late(&e) => {}
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(_) => return Ok(Got::Closed),
            }
        }
    }

    fn take_frame(&mut self) -> Option<Vec<u8>> {
        let len = BigEndian::read_u32(self.buffer.get(..4)?) as usize;
        if self.buffer.len() < 4 + len {
            return None;
        }
        let rest = self.buffer.split_off(4 + len);
        let frame = std::mem::replace(&mut self.buffer, rest);
        Some(frame[4..].to_vec())
    }

    /// The op that a frame answers.
    fn kind_of(&mut self, frame: &[u8]) -> i32 {
        if std::mem::take(&mut self.connecting) {
            return CONNECT;
        }
        if frame.len() < 16 {
            return UNASKED;
        }
        let xid = BigEndian::read_i32(frame);
        let welcome = self.open.iter().position(|(_, kind)| *kind == op::CREATE_SESSION);
        if let (Some(at), 0, 36..) = (welcome, xid, frame.len()) {
            self.open.remove(at);
            return CONNECT;
        }
        match self.open.iter().position(|(open, _)| *open == xid) {
            Some(at) => self.open.remove(at).map_or(UNASKED, |(_, kind)| kind),
            None if xid == -1 => EVENT,
            None => UNASKED,
        }
    }

    /// Reads to the end.
    pub(super) fn read_end(&mut self, deadline: Instant, sessions: &mut Sessions) -> Result<()> {
        self.open.push_back((i32::MIN, UNASKED));
        self.read_until(None, deadline, sessions).map(drop)
    }

    /// Whether the reply to a request, or to the first frame, is still to come.
    fn awaits(&self, xid: Option<i32>) -> bool {
        self.connecting || self.open.iter().any(|(open, _)| xid.is_none_or(|xid| *open == xid))
    }

    /// Reads until the request with `xid` (all, if `None`) is answered, the end, or the deadline; says
    /// whether it is.
    pub(super) fn read_until(
        &mut self,
        xid: Option<i32>,
        deadline: Instant,
        sessions: &mut Sessions,
    ) -> Result<bool> {
        while !self.seen.closed && self.awaits(xid) {
            match self.read(deadline)? {
                Got::Nothing => return Ok(false),
                Got::Closed => self.seen.closed = true,
                Got::Frame(bytes) => {
                    let kind = self.kind_of(&bytes);
                    let mut canon = canon::frame(kind, &bytes, sessions);
                    self.learn(kind, &bytes);
                    if is_fence(kind, &bytes) {
                        BigEndian::write_i32(&mut canon, FENCE);
                    }
                    self.seen.frames.push(Frame { kind, bytes, canon });
                }
            }
        }
        Ok(!self.seen.closed)
    }

    fn learn(&mut self, kind: i32, bytes: &[u8]) {
        if kind == CONNECT && bytes.len() >= canon::HEADER {
            self.session = BigEndian::read_i64(&bytes[8..]);
        } else if bytes.len() >= canon::HEADER {
            self.zxid = self.zxid.max(BigEndian::read_i64(&bytes[4..]));
        }
    }

    /// Whether the server closes the connection behind what came last, but for fences.
    pub(super) fn has_last_word(&self) -> bool {
        let mut frames = self.seen.frames.iter().rev();
        frames.find(|frame| !is_fence(frame.kind, &frame.bytes)).is_some_and(Frame::is_last)
    }

    /// The session of this connection, if it was closed in this step.
    pub(super) fn closed_session(&self) -> Option<i64> {
        let closed = |frame: &Frame| {
            frame.kind == op::CLOSE_SESSION && frame.bytes.get(12..16) == Some(&[0; 4])
        };
        self.seen.frames.iter().any(closed).then_some(self.session)
    }

    /// Takes the replies to fences out of what was seen.
    pub(super) fn forget_fences(&mut self) {
        self.seen.frames.retain(|frame| !is_fence(frame.kind, &frame.bytes));
    }
}

/// Whether a frame answers a fence, of which one server may have needed more than the other.
fn is_fence(kind: i32, bytes: &[u8]) -> bool {
    let fences = FENCE..FENCE + FENCES;
    kind == op::EXISTS
        && bytes.len() >= canon::HEADER
        && fences.contains(&BigEndian::read_i32(bytes))
}

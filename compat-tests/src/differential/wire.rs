//! Raw connections to one server: every byte of a reply is seen.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use byteorder::{BigEndian, ByteOrder};
use gamekeeper::op::op;

use super::canon::{self, Sessions};
use super::step::{Request, Slot, Step};
use crate::server::Server;
use crate::{Failure, Result};

/// How long a reply may take that must come. A limit for what hangs.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a request may go unanswered before the fence is sent behind it. What comes later than this
/// comes before the fence's reply all the same.
const SILENCE: Duration = Duration::from_millis(250);
/// How long a connection may stay open behind a reply that is its last.
const LAST_WORD: Duration = Duration::from_secs(2);
/// The op in place of a request's that stands for the first frame of a connection.
pub(super) const CONNECT: i32 = i32::MIN + 7;
/// The op that stands for a watch event.
pub(super) const EVENT: i32 = i32::MIN + 8;
/// The op that stands for a frame that nobody asked for.
pub(super) const UNASKED: i32 = i32::MIN + 9;
/// Xids of fences start here.
const FENCE: i32 = 0x7000_0000;

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

#[derive(Debug)]
struct Conn {
    stream: TcpStream,
    buffer: Vec<u8>,
    /// Requests without a reply: xid and op.
    open: VecDeque<(i32, i32)>,
    connecting: bool,
    seen: Seen,
}

impl Conn {
    fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self {
            stream,
            buffer: vec![],
            open: VecDeque::new(),
            connecting: true,
            seen: Seen::default(),
        })
    }

    /// A server that closed meanwhile is found out by reading.
    fn send(&mut self, bytes: &[u8]) {
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
                Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
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
    fn read_end(&mut self, deadline: Instant, sessions: &mut Sessions) -> Result<()> {
        self.open.push_back((i32::MIN, UNASKED));
        self.read_until(None, deadline, sessions).map(drop)
    }

    /// Whether the reply to a request, or to the first frame, is still to come.
    fn awaits(&self, xid: Option<i32>) -> bool {
        self.connecting || self.open.iter().any(|(open, _)| xid.is_none_or(|xid| *open == xid))
    }

    /// Reads until the request with `xid` (all, if `None`) is answered, the end, or the deadline; says
    /// whether it is.
    fn read_until(
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
                    let canon = canon::frame(kind, &bytes, sessions);
                    self.seen.frames.push(Frame { kind, bytes, canon });
                }
            }
        }
        Ok(!self.seen.closed)
    }
}

/// One of the two servers, and the clients connected to it.
#[derive(Debug)]
pub(super) struct Side {
    pub(super) server: Server,
    pub(super) sessions: Sessions,
    conns: Vec<Option<Conn>>,
    fences: i32,
}

impl Side {
    pub(super) fn new(server: Server, slots: usize) -> Self {
        let conns = (0..slots).map(|_| None).collect();
        Self { server, sessions: Sessions::default(), conns, fences: 0 }
    }

    /// Does one step, waits until everything that it causes was seen, and says what each client saw.
    pub(super) fn step(&mut self, step: &Step) -> Result<Vec<Seen>> {
        match step {
            Step::HangUp(slot) => self.conns[*slot] = None,
            Step::Connect(slot, connect) => {
                let frame = connect.frame(self);
                self.connect(*slot)?;
                self.exchange(*slot, &frame)?;
            }
            Step::Raw(slot, bytes) => {
                if self.conns[*slot].is_none() {
                    self.connect(*slot)?;
                }
                self.exchange(*slot, bytes)?;
            }
            Step::Requests(slot, requests) => self.requests(*slot, requests)?,
            Step::Cut(slot, bytes) => {
                if let Some(mut conn) = self.conns[*slot].take() {
                    conn.send(bytes);
                }
            }
        }
        self.fence()?;
        Ok(self.take_seen())
    }

    fn connect(&mut self, slot: Slot) -> Result<()> {
        self.conns[slot] = Some(Conn::open(self.server.setup.address())?);
        Ok(())
    }

    fn requests(&mut self, slot: Slot, requests: &[Request]) -> Result<()> {
        let Some(conn) = &mut self.conns[slot] else { return Ok(()) };
        conn.open.extend(requests.iter().map(|r| (r.reply_xid(), r.kind)));
        let bytes: Vec<u8> = requests.iter().flat_map(Request::frame).collect();
        self.exchange(slot, &bytes)
    }

    fn exchange(&mut self, slot: Slot, bytes: &[u8]) -> Result<()> {
        let Some(conn) = &mut self.conns[slot] else { return Ok(()) };
        conn.send(bytes);
        // A first frame is answered or refused; whether it is must be known before a request follows.
        let patience = if conn.connecting { PATIENCE } else { SILENCE };
        conn.read_until(None, Instant::now() + patience, &mut self.sessions)?;
        // Java answers, then closes: a fence between the two may be answered or not.
        if conn.seen.frames.last().is_some_and(Frame::is_last) {
            conn.read_end(Instant::now() + LAST_WORD, &mut self.sessions)?;
        }
        Ok(())
    }

    /// Sends every client's fence and waits for the replies: all that was sent before them has come
    /// by then, or the connection was closed.
    fn fence(&mut self) -> Result<()> {
        self.fences += 1;
        let fence = FENCE + self.fences;
        let frame = Request { xid: fence, kind: op::EXISTS, body: root(), damage: None }.frame();
        for conn in self.conns.iter_mut().flatten().filter(|c| !c.seen.closed) {
            conn.open.push_back((fence, op::EXISTS));
            conn.send(&frame);
        }
        let deadline = Instant::now() + PATIENCE;
        for (slot, conn) in self.conns.iter_mut().enumerate() {
            let Some(conn) = conn.as_mut().filter(|c| !c.seen.closed) else { continue };
            let came = conn.read_until(Some(fence), deadline, &mut self.sessions)?;
            // What is not answered by now never will be.
            conn.open.clear();
            if !came && !conn.seen.closed {
                let what = format!("does not answer client {slot} any more");
                return Err(self.server.failure(&what));
            }
        }
        Ok(())
    }

    fn take_seen(&mut self) -> Vec<Seen> {
        let mut all = Vec::new();
        for conn in &mut self.conns {
            let seen = conn.as_mut().map(|c| std::mem::take(&mut c.seen)).unwrap_or_default();
            if seen.closed {
                *conn = None;
            }
            all.push(seen);
        }
        all
    }

    /// Closes every socket, so that both servers can be asked what is left.
    pub(super) fn hang_up(&mut self) {
        for conn in self.conns.iter_mut().filter_map(Option::take) {
            let _ = conn.stream.shutdown(Shutdown::Both);
        }
    }

    /// The answer to a four-letter word.
    pub(super) fn word(&self, word: &str) -> Result<String> {
        let answer = self.server.four_letter_word(word);
        answer.map_err(|e| Failure::new(format!("{word} to {}: {e}", self.server.setup.kind)))
    }
}

/// The body of `exists("/")`.
fn root() -> Vec<u8> {
    vec![0, 0, 0, 1, b'/', 0]
}

//! The client that makes the load: one thread, any number of sessions, each with so many requests in
//! flight. It sends frames that were encoded beforehand, counts the replies and takes the time;
//! nothing else, so that it is not what is measured.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use crate::{Failure, Result};
use jute::Write as _;
use jute::proto::ConnectRequest;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use super::histogram::Histogram;

/// Room for the replies of one read.
const INPUT_BYTES: usize = 256 * 1024;
/// How long the last replies may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// The session timeout to ask for, in milliseconds.
const TIMEOUT_MS: i32 = 40_000;
/// Bytes of a frame's length and of its reply header.
const REPLY_HEAD: usize = 4 + 16;

/// Frames one after the other, sent in a circle.
#[derive(Debug, Default, Clone)]
pub struct Script {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Script {
    /// Adds one request.
    pub fn push(&mut self, kind: i32, record: &impl jute::Record) {
        let start = self.bytes.len();
        self.bytes.put_int(0);
        self.bytes.put_int(1);
        self.bytes.put_int(kind);
        record.write(&mut self.bytes);
        let len = (self.bytes.len() - start - 4) as u32;
        self.bytes[start..start + 4].copy_from_slice(&len.to_be_bytes());
        self.ends.push(self.bytes.len());
    }

    /// The requests, one after the other.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether it has no request.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// How many requests it has.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Where request `i` begins.
    fn start(&self, i: usize) -> usize {
        if i == 0 { 0 } else { self.ends[i - 1] }
    }
}

/// One session.
struct Conn {
    stream: TcpStream,
    script: Rc<Script>,
    /// The next request of the script to be due.
    next: usize,
    /// The next byte of the script to be written, and how many from there are due.
    position: usize,
    due: usize,
    /// When requests became due and how many, oldest first.
    in_flight: VecDeque<(Instant, u32)>,
    input: Vec<u8>,
    filled: usize,
    /// Requests that may still be made.
    budget: u64,
}

impl Conn {
    fn open(address: SocketAddr, script: Rc<Script>, start: usize) -> Result<Self> {
        let stream = open_session(address)?;
        stream.set_nonblocking(true)?;
        Ok(Self {
            stream: TcpStream::from_std(stream),
            next: start,
            position: script.start(start),
            script,
            due: 0,
            in_flight: VecDeque::new(),
            input: vec![0; INPUT_BYTES],
            filled: 0,
            budget: 0,
        })
    }

    /// Makes up to `count` more requests due.
    fn request(&mut self, count: u32, now: Instant) -> io::Result<()> {
        let count = u64::from(count).min(self.budget);
        self.budget -= count;
        if count > 0 {
            self.in_flight.push_back((now, count as u32));
        }
        for _ in 0..count {
            self.due += self.script.ends[self.next] - self.script.start(self.next);
            self.next = (self.next + 1) % self.script.len();
        }
        self.flush()
    }

    fn flush(&mut self) -> io::Result<()> {
        while self.due > 0 {
            let bytes = &self.script.bytes[self.position..];
            match self.stream.write(&bytes[..bytes.len().min(self.due)]) {
                Ok(n) => {
                    self.due -= n;
                    self.position = (self.position + n) % self.script.bytes.len();
                }
                Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    /// Takes what has come. The result is how many replies it was.
    fn receive(&mut self, latencies: &mut Histogram) -> Result<u32> {
        let mut replies = 0;
        loop {
            let room = self.input.len() - self.filled;
            match self.stream.read(&mut self.input[self.filled..]) {
                Ok(0) => return Err(Failure::new("the server closed a connection under load")),
                Ok(n) => {
                    self.filled += n;
                    replies += self.take_replies()?;
                    // Less than there was room for is all that there is (epoll(7)).
                    if n < room {
                        break;
                    }
                }
                Err(e) if e.kind() == ErrorKind::WouldBlock => break,
                Err(e) => return Err(e.into()),
            }
        }
        self.account(replies, Instant::now(), latencies);
        Ok(replies)
    }

    fn take_replies(&mut self) -> Result<u32> {
        let (mut at, mut count) = (0, 0);
        while self.filled - at >= REPLY_HEAD {
            let head = &self.input[at..at + REPLY_HEAD];
            let len = u32::from_be_bytes([head[0], head[1], head[2], head[3]]) as usize;
            if head[16..20] != [0; 4] {
                let code = i32::from_be_bytes([head[16], head[17], head[18], head[19]]);
                return Err(Failure::new(format!("a request under load failed: {code}")));
            }
            if self.filled - at < 4 + len {
                break;
            }
            at += 4 + len;
            count += 1;
        }
        self.input.copy_within(at..self.filled, 0);
        self.filled -= at;
        Ok(count)
    }

    fn account(&mut self, replies: u32, now: Instant, latencies: &mut Histogram) {
        let mut left = replies;
        while left > 0 {
            let Some((since, count)) = self.in_flight.front_mut() else { return };
            let taken = left.min(*count);
            latencies.record(now.duration_since(*since), taken.into());
            *count -= taken;
            left -= taken;
            if *count == 0 {
                self.in_flight.pop_front();
            }
        }
    }
}

/// A session on a socket that blocks.
///
/// # Errors
/// If there is none to be had.
pub fn open_session(address: SocketAddr) -> Result<std::net::TcpStream> {
    let stream = std::net::TcpStream::connect(address)?;
    start_session(&stream)?;
    Ok(stream)
}

/// Gets a session on a socket that blocks.
///
/// # Errors
/// If the server grants none.
pub fn start_session(mut stream: &std::net::TcpStream) -> Result<()> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(&connect_frame(0, &[0; 16]))?;
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let mut reply = vec![0; (u32::from_be_bytes(length) as usize).min(INPUT_BYTES)];
    stream.read_exact(&mut reply)?;
    if reply.len() < 8 || reply[4..8] == [0; 4] {
        return Err(Failure::new("the server grants no session"));
    }
    Ok(())
}

/// The frame that asks for a new session (0), or for one that there is already.
pub fn connect_frame(session_id: i64, passwd: &[u8]) -> Vec<u8> {
    let request = ConnectRequest {
        timeout: TIMEOUT_MS,
        session_id,
        passwd: Some(passwd.to_vec()),
        ..ConnectRequest::default()
    };
    let mut frame = Vec::new();
    frame.put_buffer(Some(&jute::to_bytes(&request)));
    frame
}

/// Sends one request on a session's socket that blocks; returns the record of its reply.
///
/// # Errors
/// If the connection breaks or the request fails.
pub fn ask(
    mut stream: &std::net::TcpStream,
    kind: i32,
    record: &impl jute::Record,
) -> Result<Vec<u8>> {
    let mut script = Script::default();
    script.push(kind, record);
    stream.write_all(script.bytes())?;
    read_reply(stream)
}

/// The record of the next reply on a session's socket that blocks.
///
/// # Errors
/// If the connection breaks or the request has failed.
pub fn read_reply(mut stream: &std::net::TcpStream) -> Result<Vec<u8>> {
    let mut head = [0; REPLY_HEAD];
    stream.read_exact(&mut head)?;
    let code = i32::from_be_bytes([head[16], head[17], head[18], head[19]]);
    if code != 0 {
        return Err(Failure::new(format!("a request failed: {code}")));
    }
    let len = u32::from_be_bytes([head[0], head[1], head[2], head[3]]) as usize;
    let mut record = vec![0; (4 + len).saturating_sub(REPLY_HEAD)];
    stream.read_exact(&mut record)?;
    Ok(record)
}

/// What was measured in one stretch of time.
#[derive(Debug)]
pub struct Outcome {
    /// How long it was.
    pub time: Duration,
    /// Of all replies.
    pub latencies: Histogram,
}

/// Sessions under load.
pub struct Load {
    poll: Poll,
    events: Events,
    conns: Vec<Conn>,
    depth: u32,
}

impl Load {
    /// Opens the sessions, one for each script, on each server in turn. They begin at different
    /// places of their scripts, so that they do not all ask for the same.
    ///
    /// # Errors
    /// If a session is not granted.
    pub fn open(servers: &[SocketAddr], scripts: &[Rc<Script>], depth: u32) -> Result<Self> {
        let poll = Poll::new()?;
        let mut conns = Vec::new();
        for (i, script) in scripts.iter().enumerate() {
            let start = i * script.len() / scripts.len();
            let server = servers[i % servers.len()];
            let mut conn = Conn::open(server, Rc::clone(script), start)?;
            let interest = Interest::READABLE | Interest::WRITABLE;
            poll.registry().register(&mut conn.stream, Token(i), interest)?;
            conns.push(conn);
        }
        Ok(Self { poll, events: Events::with_capacity(1024), conns, depth })
    }

    /// Keeps the load up for this long, or until so many replies have come.
    ///
    /// # Errors
    /// If a connection breaks or a request fails.
    pub fn run_for(&mut self, time: Duration, replies: u64) -> Result<Outcome> {
        self.fill()?;
        let start = Instant::now();
        let mut latencies = Histogram::new();
        while start.elapsed() < time && latencies.total() < replies {
            self.turn(&mut latencies)?;
        }
        Ok(Outcome { time: start.elapsed(), latencies })
    }

    /// Makes each session go through its script once, and waits for the replies.
    ///
    /// # Errors
    /// If a connection breaks or a request fails.
    pub fn run_each_once(&mut self) -> Result<Outcome> {
        self.rewind();
        let now = Instant::now();
        for conn in &mut self.conns {
            conn.budget = conn.script.len() as u64;
            conn.request(self.depth, now)?;
        }
        self.drain()
    }

    /// Lets all sessions begin at the beginning of their scripts. Nothing may be in flight.
    pub fn rewind(&mut self) {
        for conn in &mut self.conns {
            conn.next = 0;
            conn.position = 0;
        }
    }

    /// Makes each session go on in its script by so many requests, and waits for the replies.
    ///
    /// # Errors
    /// If a connection breaks or a request fails.
    pub fn run_each(&mut self, requests: u64) -> Result<Outcome> {
        let now = Instant::now();
        for conn in &mut self.conns {
            conn.budget = requests;
            conn.request(self.depth, now)?;
        }
        self.drain()
    }

    /// Waits for the replies to all that may still be asked.
    fn drain(&mut self) -> Result<Outcome> {
        let start = Instant::now();
        let mut latencies = Histogram::new();
        let mut heard = Instant::now();
        while self.busy() {
            let before = latencies.total();
            self.turn(&mut latencies)?;
            if latencies.total() > before {
                heard = Instant::now();
            } else if heard.elapsed() > PATIENCE {
                return Err(Failure::new("replies stay away for a minute"));
            }
        }
        Ok(Outcome { time: start.elapsed(), latencies })
    }

    /// Waits for the replies to what is in flight, and closes the sessions.
    ///
    /// # Errors
    /// If a connection breaks or a request fails.
    pub fn close(mut self) -> Result<()> {
        for conn in &mut self.conns {
            conn.budget = 0;
        }
        self.drain()?;
        for conn in &mut self.conns {
            let mut frame = Vec::new();
            frame.put_int(8);
            frame.put_int(1);
            frame.put_int(gamekeeper::op::op::CLOSE_SESSION);
            conn.stream.write_all(&frame)?;
        }
        Ok(())
    }

    fn busy(&self) -> bool {
        self.conns.iter().any(|conn| !conn.in_flight.is_empty())
    }

    /// Fills the pipelines, to be kept full.
    fn fill(&mut self) -> Result<()> {
        let now = Instant::now();
        for conn in &mut self.conns {
            conn.budget = u64::MAX;
            let in_flight: u32 = conn.in_flight.iter().map(|&(_, count)| count).sum();
            conn.request(self.depth.saturating_sub(in_flight), now)?;
        }
        Ok(())
    }

    /// One look at the sockets: a new request for each reply.
    fn turn(&mut self, latencies: &mut Histogram) -> Result<()> {
        self.poll.poll(&mut self.events, Some(Duration::from_millis(100)))?;
        for event in &self.events {
            let conn = &mut self.conns[event.token().0];
            if event.is_writable() {
                conn.flush()?;
            }
            if event.is_readable() {
                let replies = conn.receive(latencies)?;
                conn.request(replies, Instant::now())?;
            }
        }
        Ok(())
    }
}

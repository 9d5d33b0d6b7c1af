//! A server that knows nothing: it answers each request with a reply of the right size, made
//! beforehand. Durable, it appends the writes of a batch to a file and syncs it before it answers
//! them, alone or as one of three ([`quorum_echo`]). What it costs is the machine's limit: sockets,
//! wake-ups, the disk.
//!
//! It runs as a process of its own (`bench --serve-echo`), so that its CPU can be told from the
//! client's.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use compat_tests::{Failure, Result};
use gamekeeper::op::op;
use getopts::Matches;
use jute::Write as _;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};

use crate::quorum_echo::{self, Follower};

const LISTENER: Token = Token(usize::MAX);
const INPUT_BYTES: usize = 256 * 1024;
/// Bytes of the durable server's file.
const LOG_BYTES: u64 = 64 * 1024 * 1024;
/// Bytes of a `Stat`.
const STAT: usize = 68;
/// Bytes of the path in the reply to a create.
const PATH: usize = 32;

/// An echo server as processes: one, or three.
pub(crate) struct Echo {
    children: Vec<Child>,
    /// Where it takes clients.
    pub(crate) address: SocketAddr,
}

impl Echo {
    /// Starts it; it answers reads with `value` bytes of data, and syncs `file` if there is one.
    pub(crate) fn start(value: usize, file: Option<&Path>) -> Result<Self> {
        let mut echo = Self::empty();
        let (value, mut args) = (value.to_string(), vec![OsStr::new("--serve-echo")]);
        args.push(value.as_ref());
        args.extend(file.iter().flat_map(|file| [OsStr::new("--durable"), file.as_os_str()]));
        echo.address = echo.spawn_on_port(&args)?;
        Ok(echo)
    }

    /// Starts three that agree, with their files in `dir`. Clients come to one that does not lead.
    pub(crate) fn start_quorum(value: usize, dir: &Path) -> Result<Self> {
        let mut echo = Self::empty();
        let files = ["leader", "follower", "other"].map(|name| dir.join(name));
        let [of_leader, of_follower, of_other] =
            files.each_ref().map(|file| [OsStr::new("--durable"), file.as_os_str()]);
        let lead = [OsStr::new("--lead-echo")];
        let leader = echo.spawn_on_port(&[&lead[..], &of_leader].concat())?.to_string();
        let follow = [OsStr::new("--follow-echo"), leader.as_ref()];
        echo.spawn(&[&follow[..], &of_other].concat())?;
        let value = value.to_string();
        let serve = [OsStr::new("--serve-echo"), value.as_ref()];
        echo.address = echo.spawn_on_port(&[&serve[..], &follow, &of_follower].concat())?;
        Ok(echo)
    }

    fn empty() -> Self {
        Self { children: Vec::new(), address: (Ipv4Addr::LOCALHOST, 0).into() }
    }

    fn spawn(&mut self, args: &[&OsStr]) -> Result<Option<ChildStdout>> {
        let mut command = Command::new(std::env::current_exe()?);
        let mut child = command.args(args).stdout(Stdio::piped()).spawn()?;
        let output = child.stdout.take();
        self.children.push(child);
        Ok(output)
    }

    fn spawn_on_port(&mut self, args: &[&OsStr]) -> Result<SocketAddr> {
        let output = self.spawn(args)?.ok_or_else(|| Failure::new("echo without a pipe"))?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        Ok((Ipv4Addr::LOCALHOST, line.trim().parse()?).into())
    }

    pub(crate) fn pids(&self) -> Vec<u32> {
        self.children.iter().map(Child::id).collect()
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        // First the one to which clients come: it would miss its leader.
        for child in self.children.iter_mut().rev() {
            // One that has ended already cannot be killed, and need not be.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// What this process is to be for a benchmark that has started it.
pub(crate) struct Role {
    /// Bytes of data in the replies to reads, where clients come.
    value: Option<usize>,
    file: Option<PathBuf>,
    /// The leader, if there is one.
    leader: Option<SocketAddr>,
}

impl Role {
    /// The role that the arguments give, if they do.
    pub(crate) fn of(given: &Matches) -> Result<Option<Self>> {
        let role = Self {
            value: given.opt_get("serve-echo")?,
            file: given.opt_get("durable")?,
            leader: given.opt_get("follow-echo")?,
        };
        let has_role = role.value.is_some() || role.leader.is_some();
        Ok((has_role || given.opt_present("lead-echo")).then_some(role))
    }

    /// The process's main.
    pub(crate) fn serve(self) -> Result<()> {
        match (self.value, self.leader, self.file) {
            (Some(value), None, None) => serve(value, Durable::Not),
            (Some(value), None, Some(file)) => serve(value, Durable::Alone(Log::create(&file)?)),
            (Some(value), Some(leader), Some(file)) => {
                let follower = Follower::connect(leader, Log::create(&file)?, true)?;
                serve(value, Durable::InQuorum(follower))
            }
            (None, Some(leader), Some(file)) => quorum_echo::serve_follower(leader, &file),
            (None, None, Some(file)) => quorum_echo::serve_leader(&file),
            (_, _, None) => Err(Failure::new("an echo quorum without --durable")),
        }
    }
}

/// Where writes go before they are answered.
enum Durable {
    Not,
    Alone(Log),
    InQuorum(Follower),
}

impl Durable {
    fn keeps(&self) -> bool {
        !matches!(self, Self::Not)
    }

    fn keep(&mut self, batch: &[u8]) -> io::Result<()> {
        match self {
            Self::Not => Ok(()),
            Self::Alone(log) => log.append(batch),
            Self::InQuorum(follower) => follower.ask(batch),
        }
    }
}

struct Conn {
    stream: TcpStream,
    connected: bool,
    input: Vec<u8>,
    filled: usize,
    output: Vec<u8>,
    written: usize,
}

struct Server {
    poll: Poll,
    listener: TcpListener,
    conns: Vec<Option<Conn>>,
    replies: Replies,
    durable: Durable,
    batch: Vec<u8>,
}

struct Replies {
    connect: Vec<u8>,
    get: Vec<u8>,
    set: Vec<u8>,
    create: Vec<u8>,
}

/// A reply with this many bytes behind its header.
fn reply(body: usize) -> Vec<u8> {
    let mut frame = Vec::new();
    frame.put_int((16 + body) as i32);
    frame.resize(4 + 16 + body, 0);
    frame
}

impl Replies {
    fn new(value: usize) -> Self {
        let mut connect = Vec::new();
        connect.put_int(37);
        connect.put_int(0);
        connect.put_int(40_000);
        connect.put_long(1);
        connect.put_buffer(Some(&[0; 16]));
        connect.put_bool(false);
        Self { connect, get: reply(4 + value + STAT), set: reply(STAT), create: reply(4 + PATH) }
    }

    fn of(&self, kind: i32) -> &[u8] {
        match kind {
            op::SET_DATA => &self.set,
            op::CREATE => &self.create,
            _ => &self.get,
        }
    }
}

/// The file of the durable server: filled with zeros beforehand and written over in a circle, for a
/// sync is dearest where the file grows.
pub(crate) struct Log {
    file: File,
    position: u64,
}

impl Log {
    pub(crate) fn create(path: &Path) -> Result<Self> {
        let mut file = File::create(path)?;
        for _ in 0..LOG_BYTES / INPUT_BYTES as u64 {
            file.write_all(&[0; INPUT_BYTES])?;
        }
        file.sync_all()?;
        Ok(Self { file, position: 0 })
    }

    pub(crate) fn append(&mut self, batch: &[u8]) -> io::Result<()> {
        if self.position + batch.len() as u64 > LOG_BYTES {
            self.position = 0;
        }
        self.file.write_all_at(batch, self.position)?;
        self.position += batch.len() as u64;
        self.file.sync_data()
    }
}

/// The main of a server to which clients come: prints its port and serves until it is killed.
fn serve(value: usize, durable: Durable) -> Result<()> {
    let mut listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0).into())?;
    println!("{}", listener.local_addr()?.port());
    let poll = Poll::new()?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    let (replies, conns, batch) = (Replies::new(value), Vec::new(), Vec::new());
    let mut server = Server { poll, listener, conns, replies, durable, batch };
    let mut events = Events::with_capacity(1024);
    loop {
        server.poll.poll(&mut events, None)?;
        server.turn(&events)?;
    }
}

impl Server {
    /// Takes what all the readable connections have, syncs once, answers.
    fn turn(&mut self, events: &Events) -> Result<()> {
        for event in events {
            match event.token() {
                LISTENER => self.accept()?,
                Token(i) => self.on_readable(i),
            }
        }
        if !self.batch.is_empty() {
            self.durable.keep(&self.batch)?;
            self.batch.clear();
        }
        for event in events {
            if event.token() != LISTENER {
                self.flush(event.token().0);
            }
        }
        Ok(())
    }

    fn accept(&mut self) -> Result<()> {
        loop {
            match self.listener.accept() {
                Ok((mut stream, _)) => {
                    stream.set_nodelay(true)?;
                    let interest = Interest::READABLE | Interest::WRITABLE;
                    let token = Token(self.conns.len());
                    self.poll.registry().register(&mut stream, token, interest)?;
                    self.conns.push(Some(Conn {
                        stream,
                        connected: false,
                        input: vec![0; INPUT_BYTES],
                        filled: 0,
                        output: Vec::new(),
                        written: 0,
                    }));
                }
                Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(e) => return Err(e.into()),
            }
        }
    }

    fn on_readable(&mut self, i: usize) {
        let Some(conn) = &mut self.conns[i] else { return };
        loop {
            let room = conn.input.len() - conn.filled;
            match conn.stream.read(&mut conn.input[conn.filled..]) {
                Ok(n) if n > 0 => {
                    conn.filled += n;
                    let durable = self.durable.keeps().then_some(&mut self.batch);
                    conn.answer(&self.replies, durable);
                    // Less than there was room for is all that there is (epoll(7)).
                    if n < room {
                        return;
                    }
                }
                Err(e) if e.kind() == ErrorKind::WouldBlock => return,
                _ => {
                    self.conns[i] = None;
                    return;
                }
            }
        }
    }

    fn flush(&mut self, i: usize) {
        let Some(conn) = &mut self.conns[i] else { return };
        while conn.written < conn.output.len() {
            match conn.stream.write(&conn.output[conn.written..]) {
                Ok(n) => conn.written += n,
                Err(e) if e.kind() == ErrorKind::WouldBlock => return,
                Err(_) => {
                    self.conns[i] = None;
                    return;
                }
            }
        }
        conn.output.clear();
        conn.written = 0;
    }
}

impl Conn {
    /// Answers the frames that are complete; the writes among them go into the batch.
    fn answer(&mut self, replies: &Replies, mut batch: Option<&mut Vec<u8>>) {
        let mut at = 0;
        while self.filled - at >= 12 {
            let frame = &self.input[at..self.filled];
            let len = u32::from_be_bytes([frame[0], frame[1], frame[2], frame[3]]) as usize;
            let kind = i32::from_be_bytes([frame[8], frame[9], frame[10], frame[11]]);
            if frame.len() < 4 + len {
                break;
            }
            if !self.connected {
                self.connected = true;
                self.output.extend_from_slice(&replies.connect);
            } else {
                self.output.extend_from_slice(replies.of(kind));
                if let (Some(batch), op::SET_DATA | op::CREATE) = (batch.as_deref_mut(), kind) {
                    batch.extend_from_slice(&frame[..4 + len]);
                }
            }
            at += 4 + len;
        }
        self.input.copy_within(at..self.filled, 0);
        self.filled -= at;
    }
}

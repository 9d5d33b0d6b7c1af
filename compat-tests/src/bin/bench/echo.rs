//! A server that knows nothing: it answers each request with a reply of the right size, made
//! beforehand. Durable, it appends the writes of a batch to a file and syncs it before it answers
//! them. What it costs is the machine's limit: sockets, wake-ups, the disk.
//!
//! It runs as a process of its own (`bench --serve-echo`), so that its CPU can be told from the
//! client's.

use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use compat_tests::{Failure, Result};
use gamekeeper::op::op;
use jute::Write as _;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};

const LISTENER: Token = Token(usize::MAX);
const INPUT_BYTES: usize = 256 * 1024;
/// Bytes of the durable server's file.
const LOG_BYTES: u64 = 64 * 1024 * 1024;
/// Bytes of a `Stat`.
const STAT: usize = 68;
/// Bytes of the path in the reply to a create.
const PATH: usize = 32;

/// The echo server as a process.
pub(crate) struct Echo {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Echo {
    /// Starts it; it answers reads with `value` bytes of data, and syncs `file` if there is one.
    pub(crate) fn start(value: usize, file: Option<&Path>) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("--serve-echo").arg(value.to_string());
        if let Some(file) = file {
            command.arg("--durable").arg(file);
        }
        let mut child = command.stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        let output = child.stdout.take().ok_or_else(|| Failure::new("echo without a pipe"))?;
        BufReader::new(output).read_line(&mut line)?;
        Ok(Self { child, address: (Ipv4Addr::LOCALHOST, line.trim().parse()?).into() })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        // One that has ended already cannot be killed, and need not be.
        let _ = self.child.kill();
        let _ = self.child.wait();
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
    log: Option<Log>,
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
struct Log {
    file: File,
    position: u64,
}

impl Log {
    fn create(path: &Path) -> Result<Self> {
        let mut file = File::create(path)?;
        for _ in 0..LOG_BYTES / INPUT_BYTES as u64 {
            file.write_all(&[0; INPUT_BYTES])?;
        }
        file.sync_all()?;
        Ok(Self { file, position: 0 })
    }

    fn append(&mut self, batch: &[u8]) -> Result<()> {
        if self.position + batch.len() as u64 > LOG_BYTES {
            self.position = 0;
        }
        self.file.write_all_at(batch, self.position)?;
        self.file.sync_data()?;
        self.position += batch.len() as u64;
        Ok(())
    }
}

/// The server's main: prints its port and serves until it is killed.
pub(crate) fn serve(value: usize, file: Option<&Path>) -> Result<()> {
    let mut listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0).into())?;
    println!("{}", listener.local_addr()?.port());
    let poll = Poll::new()?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    let log = file.map(Log::create).transpose()?;
    let replies = Replies::new(value);
    let mut server = Server { poll, listener, conns: Vec::new(), replies, log, batch: Vec::new() };
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
        if let Some(log) = &mut self.log
            && !self.batch.is_empty()
        {
            log.append(&self.batch)?;
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
                    let durable = self.log.is_some().then_some(&mut self.batch);
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

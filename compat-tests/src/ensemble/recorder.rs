//! A client that writes down what it sends and all that comes back, in the order in which it comes.
//!
//! One thread, one socket, many requests in flight if so asked. When its connection breaks it goes to
//! the next server with its session; a session that is gone is noted, and a new one begun.

use std::collections::VecDeque;
use std::io::{self, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use gamekeeper::ids::{SessionId, Zxid};
use gamekeeper::op::op;
use jute::data::{Acl, Id, Stat};
use jute::proto::{
    CheckVersionRequest, ConnectRequest, ConnectResponse, CreateRequest, CreateResponse,
    DeleteRequest, ExistsRequest, GetChildrenRequest, GetChildrenResponse, GetDataRequest,
    GetDataResponse, MultiHeader, ReplyHeader, SetDataRequest, SyncRequest, WatcherEvent,
};
use jute::{DecodeError, Reader, Record, Write as _, to_bytes};

use crate::history::{Body, Call, Reply, Request, SeenEvent};
use crate::server::is_late;
use crate::{Failure, Result};

/// How long a client tries to find a server that takes it.
const PATIENCE: Duration = Duration::from_secs(120);
/// The pause after a server that did not.
const PAUSE: Duration = Duration::from_millis(10);
/// How long a server may take to accept, and to answer a connect request, before the next one is tried:
/// at first, and when none of them has answered for some rounds. One that is asked alone has the latter.
const CONNECT_PATIENCE: Duration = Duration::from_secs(1);
const CONNECT_PATIENCE_MAX: Duration = Duration::from_secs(20);
/// How long a server may be silent while a reply is due, if the session's timeout is longer.
const SILENCE_MAX: Duration = Duration::from_secs(20);
/// `ClientCnxn.NOTIFICATION_XID` and `PING_XID`.
const EVENT_XID: i32 = -1;
const PING_XID: i32 = -2;

/// The flag of nodes that go with their session (`CreateMode`).
pub const EPHEMERAL: i32 = 1;
/// The flag of nodes whose names are numbered (`CreateMode`).
pub const SEQUENTIAL: i32 = 2;

/// What to ask for.
#[derive(Debug, Clone)]
pub enum Op {
    /// `create`, with the flags [`EPHEMERAL`] and [`SEQUENTIAL`] or none.
    Create(String, Vec<u8>, i32),
    /// `setData` of a version, -1 for any.
    Set(String, Vec<u8>, i32),
    /// `delete` of a version, -1 for any.
    Delete(String, i32),
    /// `multi` of creates, sets and deletes.
    Multi(Vec<Op>),
    /// `check`, only within a multi.
    Check(String, i32),
    /// `getData`, with a watch or without.
    Get(String, bool),
    /// `exists`, with a watch or without.
    Exists(String, bool),
    /// `getChildren`, with a watch or without.
    Children(String, bool),
    /// `sync`.
    Sync(String),
    /// `closeSession`.
    Close,
}

/// What a server says to a client that wants a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Greeting {
    /// It has one.
    Welcome {
        /// The server serves reads only.
        read_only: bool,
    },
    /// There is no such session.
    Gone,
    /// Nothing that a client understands, or nothing at all.
    Refused,
}

struct Conn {
    input: BufReader<TcpStream>,
    output: TcpStream,
}

/// The client.
pub struct Recorder {
    client: usize,
    servers: Vec<SocketAddr>,
    next: usize,
    asked_timeout: i32,
    timeout_ms: i64,
    session: SessionId,
    password: Vec<u8>,
    content_read_only: bool,
    conn: Option<Conn>,
    conn_no: u32,
    position: u64,
    xid: i32,
    last_zxid: i64,
    pending: VecDeque<usize>,
    /// Every call.
    pub calls: Vec<Call>,
    /// Every event.
    pub events: Vec<SeenEvent>,
    /// Sessions that servers said were gone, though they had not been closed.
    pub lost: Vec<SessionId>,
    /// Which server took the client, and when (wall clock, ms).
    pub taken: Vec<(SocketAddr, i64)>,
}

/// The wall clock, in ms.
pub fn wall_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// The list that lets anyone do anything.
pub fn open_acl() -> Vec<Acl> {
    let id = Id { scheme: Some("world".into()), id: Some("anyone".into()) };
    vec![Acl { perms: 31, id }]
}

impl Recorder {
    /// A client of `servers`, the first of which it tries first; not connected yet.
    pub fn new(client: usize, servers: &[SocketAddr], timeout: Duration) -> Self {
        let asked_timeout = i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX);
        Self {
            client,
            servers: servers.to_vec(),
            next: 0,
            asked_timeout,
            timeout_ms: i64::from(asked_timeout),
            session: SessionId::NONE,
            password: vec![0; 16],
            content_read_only: false,
            conn: None,
            conn_no: 0,
            position: 0,
            xid: 0,
            last_zxid: 0,
            pending: VecDeque::new(),
            calls: vec![],
            events: vec![],
            lost: vec![],
            taken: vec![],
        }
    }

    /// The same, content with a server that cannot write.
    #[must_use]
    pub fn content_read_only(mut self) -> Self {
        self.content_read_only = true;
        self
    }

    /// A second client with the session of this one.
    #[must_use]
    pub fn twin(&self) -> Self {
        let timeout = Duration::from_millis(u64::try_from(self.asked_timeout).unwrap_or(0));
        Self {
            session: self.session,
            password: self.password.clone(),
            last_zxid: self.last_zxid,
            content_read_only: self.content_read_only,
            ..Self::new(self.client, &self.servers, timeout)
        }
    }

    /// The session as it is.
    pub fn session(&self) -> SessionId {
        self.session
    }

    /// Whether there is a connection.
    pub fn is_connected(&self) -> bool {
        self.conn.is_some()
    }

    /// Leaves the server: the next one is asked next.
    pub fn hang_up(&mut self) {
        self.conn = None;
        self.pending.clear();
    }

    /// Goes to `server`, with the session.
    ///
    /// # Errors
    /// As [`Recorder::connect`].
    pub fn move_to(&mut self, server: SocketAddr) -> Result<()> {
        self.hang_up();
        if let Some(at) = self.servers.iter().position(|s| *s == server) {
            self.next = at;
        }
        self.connect()
    }

    /// Finds a server that takes the session; at once if there is one already.
    ///
    /// # Errors
    /// If none does in two minutes.
    pub fn connect(&mut self) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        let (mut why, mut patience) = (String::new(), CONNECT_PATIENCE.min(self.silence()));
        while self.conn.is_none() {
            if Instant::now() > deadline {
                return Err(Failure::new(format!("client {} finds no server: {why}", self.client)));
            }
            let server = self.servers[self.next % self.servers.len()];
            self.next += 1;
            if let Err(e) = self.shake_hands(server, patience) {
                if is_late(&e) && self.next.is_multiple_of(self.servers.len()) {
                    patience = (patience * 2).min(CONNECT_PATIENCE_MAX);
                }
                why = format!("{server}: {e}");
                thread::sleep(PAUSE);
            }
        }
        Ok(())
    }

    /// Asks one server once, with the session if there is one.
    pub fn greet(&mut self, server: SocketAddr) -> Greeting {
        self.hang_up();
        let lost = self.lost.len();
        match self.shake_hands(server, CONNECT_PATIENCE_MAX) {
            Ok(read_only) => Greeting::Welcome { read_only },
            Err(_) if self.lost.len() > lost => Greeting::Gone,
            Err(_) => Greeting::Refused,
        }
    }

    /// Whether the server is read-only.
    fn shake_hands(&mut self, server: SocketAddr, patience: Duration) -> io::Result<bool> {
        let mut output = TcpStream::connect_timeout(&server, patience)?;
        output.set_nodelay(true)?;
        output.set_read_timeout(Some(patience))?;
        let mut frame = Vec::new();
        frame.put_buffer(Some(&to_bytes(&ConnectRequest {
            protocol_version: 0,
            last_zxid_seen: self.last_zxid,
            timeout: self.asked_timeout,
            session_id: self.session.0,
            passwd: Some(self.password.clone()),
            read_only: self.content_read_only,
        })));
        output.write_all(&frame)?;
        let mut input = BufReader::new(output.try_clone()?);
        let reply = read_frame(&mut input)?;
        let reply = ConnectResponse::read(&mut Reader::new(&reply)).map_err(malformed)?;
        if reply.timeout <= 0 {
            self.lost.push(self.session);
            self.session = SessionId::NONE;
            self.password = vec![0; 16];
            return Err(io::Error::other("the session is gone"));
        }
        self.timeout_ms = i64::from(reply.timeout);
        self.session = SessionId(reply.session_id);
        self.password = reply.passwd.unwrap_or_default();
        output.set_read_timeout(Some(self.silence()))?;
        self.conn_no += 1;
        self.conn = Some(Conn { input, output });
        self.taken.push((server, wall_ms()));
        Ok(reply.read_only)
    }

    /// How long a server may be silent: two thirds of the session, as Java's client has it.
    fn silence(&self) -> Duration {
        Duration::from_millis(self.timeout_ms.unsigned_abs() * 2 / 3).min(SILENCE_MAX)
    }

    /// Sends all of `ops` at once and waits for the replies. A connection that breaks leaves those
    /// without a reply that had none.
    pub fn run(&mut self, ops: &[Op]) -> &[Call] {
        let first = self.calls.len();
        if self.conn.is_some() && self.run_on_connection(ops).is_err() {
            self.hang_up();
        }
        &self.calls[first..]
    }

    /// As [`Recorder::run`] with one request; its reply, if it came.
    pub fn ask(&mut self, op: &Op) -> Option<&Reply> {
        self.run(std::slice::from_ref(op)).first()?.reply.as_ref()
    }

    /// Reads what comes for so long, though nothing was asked.
    pub fn listen(&mut self, time: Duration) {
        let deadline = Instant::now() + time;
        while Instant::now() < deadline {
            let Some(conn) = &mut self.conn else { return };
            // The answer to a ping is behind all events that were sent before.
            let mut frame = Vec::new();
            put_frame(&mut frame, PING_XID, op::PING, &[]);
            if conn.output.write_all(&frame).is_err() || self.receive().is_err() {
                return self.hang_up();
            }
            thread::sleep(PAUSE);
        }
    }

    /// Sends all of `ops` and does not wait; the replies are taken by whatever waits next.
    pub fn send(&mut self, ops: &[Op]) {
        if self.conn.is_some() && self.send_on_connection(ops).is_err() {
            self.hang_up();
        }
    }

    fn send_on_connection(&mut self, ops: &[Op]) -> io::Result<()> {
        let mut frames = Vec::new();
        for op in ops {
            self.note(op, &mut frames);
        }
        let Some(conn) = &mut self.conn else { return Ok(()) };
        conn.output.write_all(&frames)
    }

    fn run_on_connection(&mut self, ops: &[Op]) -> io::Result<()> {
        self.send_on_connection(ops)?;
        while !self.pending.is_empty() {
            self.receive()?;
        }
        Ok(())
    }

    fn note(&mut self, op: &Op, frames: &mut Vec<u8>) {
        self.xid += 1;
        let (kind, body) = encode(op);
        put_frame(frames, self.xid, kind, &body);
        self.pending.push_back(self.calls.len());
        self.calls.push(Call {
            client: self.client,
            conn: self.conn_no,
            session: self.session,
            session_timeout_ms: self.timeout_ms,
            xid: self.xid,
            start_ms: wall_ms(),
            request: request(op),
            watch: matches!(op, Op::Get(_, true) | Op::Exists(_, true) | Op::Children(_, true)),
            reply: None,
        });
    }

    /// Takes one packet.
    fn receive(&mut self) -> io::Result<()> {
        let Some(conn) = &mut self.conn else { return Ok(()) };
        let frame = read_frame(&mut conn.input)?;
        let mut r = Reader::new(&frame);
        let header = ReplyHeader::read(&mut r).map_err(malformed)?;
        self.position += 1;
        match header.xid {
            PING_XID => Ok(()),
            EVENT_XID => {
                let event = WatcherEvent::read(&mut r).map_err(malformed)?;
                self.events.push(SeenEvent {
                    client: self.client,
                    conn: self.conn_no,
                    position: self.position,
                    zxid: Zxid(header.zxid),
                    kind: event.kind,
                    path: event.path.unwrap_or_default(),
                });
                Ok(())
            }
            _ => self.on_reply(&header, &mut r),
        }
    }

    fn on_reply(&mut self, header: &ReplyHeader, r: &mut Reader<'_>) -> io::Result<()> {
        let Some(at) = self.pending.pop_front() else {
            return Err(io::Error::other("a reply to nothing"));
        };
        let call = &mut self.calls[at];
        if call.xid != header.xid {
            let what = format!("xid {} out of order, expected {}", header.xid, call.xid);
            return Err(io::Error::other(what));
        }
        let body =
            if header.err == 0 { body(&call.request, r).map_err(malformed)? } else { Body::None };
        self.last_zxid = self.last_zxid.max(header.zxid);
        call.reply = Some(Reply {
            end_ms: wall_ms(),
            position: self.position,
            zxid: Zxid(header.zxid),
            err: header.err,
            body,
        });
        Ok(())
    }
}

fn malformed(e: DecodeError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, e)
}

fn put_frame(out: &mut Vec<u8>, xid: i32, kind: i32, body: &[u8]) {
    out.put_int(i32::try_from(8 + body.len()).unwrap_or(i32::MAX));
    out.put_int(xid);
    out.put_int(kind);
    out.extend_from_slice(body);
}

fn read_frame(input: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut len = [0; 4];
    input.read_exact(&mut len)?;
    let len = u32::from_be_bytes(len) as usize;
    if len > jute::DEFAULT_MAX_BUFFER {
        return Err(io::Error::other(format!("a packet of {len} bytes")));
    }
    let mut frame = vec![0; len];
    input.read_exact(&mut frame)?;
    Ok(frame)
}

fn request(op: &Op) -> Request {
    let path = |path: &String| path.clone();
    match op {
        Op::Create(p, data, _) => Request::Create { path: path(p), data: data.clone() },
        Op::Set(p, data, _) => Request::Set { path: path(p), data: data.clone() },
        Op::Delete(p, _) => Request::Delete { path: path(p) },
        Op::Multi(_) | Op::Check(..) => Request::Multi,
        Op::Get(p, _) => Request::Get { path: path(p) },
        Op::Exists(p, _) => Request::Exists { path: path(p) },
        Op::Children(p, _) => Request::Children { path: path(p) },
        Op::Sync(_) => Request::Sync,
        Op::Close => Request::Close,
    }
}

fn encode(op: &Op) -> (i32, Vec<u8>) {
    let path = |path: &String| Some(path.clone());
    match op {
        Op::Create(p, data, flags) => {
            let (data, acl) = (Some(data.clone()), Some(open_acl()));
            (op::CREATE, to_bytes(&CreateRequest { path: path(p), data, acl, flags: *flags }))
        }
        Op::Set(p, data, version) => {
            let data = Some(data.clone());
            (op::SET_DATA, to_bytes(&SetDataRequest { path: path(p), data, version: *version }))
        }
        Op::Delete(p, version) => {
            (op::DELETE, to_bytes(&DeleteRequest { path: path(p), version: *version }))
        }
        Op::Check(p, version) => {
            (op::CHECK, to_bytes(&CheckVersionRequest { path: path(p), version: *version }))
        }
        Op::Multi(parts) => (op::MULTI, multi(parts)),
        Op::Get(p, watch) => {
            (op::GET_DATA, to_bytes(&GetDataRequest { path: path(p), watch: *watch }))
        }
        Op::Exists(p, watch) => {
            (op::EXISTS, to_bytes(&ExistsRequest { path: path(p), watch: *watch }))
        }
        Op::Children(p, watch) => {
            (op::GET_CHILDREN, to_bytes(&GetChildrenRequest { path: path(p), watch: *watch }))
        }
        Op::Sync(p) => (op::SYNC, to_bytes(&SyncRequest { path: path(p) })),
        Op::Close => (op::CLOSE_SESSION, Vec::new()),
    }
}

fn multi(parts: &[Op]) -> Vec<u8> {
    let mut out = Vec::new();
    for part in parts {
        let (kind, body) = encode(part);
        MultiHeader { kind, done: false, err: -1 }.write(&mut out);
        out.extend_from_slice(&body);
    }
    MultiHeader { kind: -1, done: true, err: -1 }.write(&mut out);
    out
}

fn body(request: &Request, r: &mut Reader<'_>) -> std::result::Result<Body, DecodeError> {
    Ok(match request {
        Request::Create { .. } => Body::Created(CreateResponse::read(r)?.path.unwrap_or_default()),
        Request::Set { .. } | Request::Exists { .. } => Body::Stat(Stat::read(r)?),
        Request::Get { .. } => {
            let reply = GetDataResponse::read(r)?;
            Body::Data(reply.data.unwrap_or_default(), reply.stat)
        }
        Request::Children { .. } => {
            let names = GetChildrenResponse::read(r)?.children.unwrap_or_default();
            Body::Children(names.into_iter().map(Option::unwrap_or_default).collect())
        }
        Request::Multi | Request::Delete { .. } | Request::Sync | Request::Close => Body::None,
    })
}

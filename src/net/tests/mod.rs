//! A whole reactor on a port of its own, with a pipeline that echoes: it answers a connect with a
//! session and a write with its own body. Nothing waits for a time; conditions are awaited, with a
//! deadline far beyond what they take.

mod ends;
mod limits;
mod traffic;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread::ThreadId;
use std::time::{Duration, Instant};

use super::{Clock, NetSettings, Port, Reactor, Submit, Words, loopback};
use crate::ids::{SessionId, Zxid};
use crate::op::op;
use crate::server::Database;
use crate::server::auth::Auth;
use crate::server::conn::ConnShared;
use crate::server::connect;
use crate::server::front::{Command, Front, FrontSettings, Serving};
use crate::server::harness;
use crate::server::reply::Frame;
use crate::server::request::{Input, Request};
use crate::server::sessions::Session;
use crate::tree::{DataTree, TreeOptions};

/// Longer than anything here takes.
const DEADLINE: Duration = Duration::from_secs(60);
const SESSION_TIMEOUT: i32 = 10_000;

/// A pipeline that echoes, at once or when it is told to.
#[derive(Default)]
struct Echo {
    front: OnceLock<Arc<Front>>,
    held: Mutex<Vec<Input>>,
    holds: AtomicBool,
    /// Bytes of bodies that have come so far.
    seen: AtomicUsize,
    gone: AtomicUsize,
    /// Who brought the last batch.
    submitter: Mutex<Option<ThreadId>>,
}

impl Echo {
    fn front(&self) -> &Arc<Front> {
        self.front.get().expect("the front is there before any client")
    }

    fn hold(&self) {
        self.holds.store(true, Ordering::SeqCst);
    }

    fn release(&self) {
        self.holds.store(false, Ordering::SeqCst);
        let held = std::mem::take(&mut *self.held.lock().unwrap());
        self.answer_all(held);
    }

    fn answer_all(&self, batch: Vec<Input>) {
        for input in batch {
            match input {
                Input::Connect(connect) => self.connected(&connect.conn),
                Input::Request(request) => self.answer(&request),
                Input::Disconnected(_) => {
                    self.gone.fetch_add(1, Ordering::SeqCst);
                }
            }
        }
    }

    fn connected(&self, conn: &ConnShared) {
        let id = SessionId(0x100 + conn.id.0 as i64);
        let session = Arc::new(Session::new(id, SESSION_TIMEOUT, 0));
        connect::assign(self.front(), conn, session);
        connect::welcome(self.front(), conn);
        conn.notify();
    }

    fn answer(&self, request: &Request) {
        let Some(conn) = &request.conn else { return };
        let mut out = conn.lock_output();
        let frame = Frame::begin(&mut out, request.cxid, Zxid(7));
        out.extend_from_slice(&request.body);
        frame.end(&mut out);
        drop(out);
        conn.complete();
        self.front().load.leave(request.body.len());
        conn.notify_alone();
    }
}

impl Submit for Echo {
    fn submit(&self, batch: Vec<Input>, _spare: bool) -> bool {
        for input in &batch {
            if let Input::Request(request) = input {
                self.seen.fetch_add(request.body.len(), Ordering::SeqCst);
            }
        }
        *self.submitter.lock().unwrap() = Some(std::thread::current().id());
        if self.holds.load(Ordering::SeqCst) {
            self.held.lock().unwrap().extend(batch);
            return false;
        }
        self.answer_all(batch);
        true
    }
}

/// `ruok` at once; `mntr`, which is long, from the command thread; others without a word.
struct Answers;

const LONG: usize = 3 << 20;

impl Words for Answers {
    fn is_instant(&self, command: &Command) -> bool {
        command.name == "ruok"
    }

    fn answer(&self, command: &Command, _: &ConnShared) -> Option<String> {
        match command.name {
            "ruok" => Some("imok".to_owned()),
            "mntr" => Some("x".repeat(LONG)),
            _ => None,
        }
    }
}

/// A server, its settings as a test wants them.
struct Server {
    reactor: Option<Reactor>,
    address: SocketAddr,
    front: Arc<Front>,
    echo: Arc<Echo>,
    clock: Clock,
}

impl Server {
    fn start(change: impl FnOnce(&mut NetSettings)) -> Self {
        let mut settings = settings();
        change(&mut settings);
        let clock = Clock::start();
        let front = front(clock);
        let echo = Arc::new(Echo::default());
        assert!(echo.front.set(Arc::clone(&front)).is_ok());
        let port = Port::bind(loopback::own(), &settings).unwrap();
        let address = port.local_addr();
        let submit: Arc<dyn Submit> = Arc::<Echo>::clone(&echo);
        let reactor = Reactor::start(
            Some(port),
            settings,
            clock,
            Arc::clone(&front),
            submit,
            Arc::new(Answers),
        );
        Self { reactor: Some(reactor.unwrap()), address, front, echo, clock }
    }

    fn connections(&self) -> usize {
        self.front.db.conns.len()
    }

    fn stop(&mut self) {
        self.reactor.take().unwrap().shutdown();
    }
}

fn settings() -> NetSettings {
    NetSettings {
        backlog: None,
        max_client_cnxns: 0,
        max_cnxns: 0,
        selectors: 1,
        workers: 0,
        sessionless_timeout: 60_000,
        shutdown_timeout: 5_000,
        keep_alive: false,
        output_soft: 64 << 10,
        output_hard: 8 << 20,
        output_limit: 32 << 20,
        in_flight_of_one: 1 << 20,
        in_flight: 8 << 20,
    }
}

const MAX_BUFFER: usize = 0xfffff;

fn front(clock: Clock) -> Arc<Front> {
    let settings = FrontSettings {
        max_buffer: MAX_BUFFER,
        limits: jute::Limits::default(),
        outstanding_limit: 1_000_000,
        ..harness::settings()
    };
    let auth = Auth::new(&harness::auth_config());
    let db = Arc::new(Database::new(DataTree::new(TreeOptions::default())));
    let auth = Arc::new(auth.unwrap());
    let front = Front::new(settings, auth, db, Arc::default(), clock.now(), 1);
    front.set_serving(Serving::Yes);
    Arc::new(front)
}

/// Waits until `condition` holds.
fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < DEADLINE, "waited in vain until {what}");
        std::thread::yield_now();
    }
}

/// A client that speaks in frames and blocks.
struct Client(TcpStream);

impl Client {
    /// A connection without a session.
    fn dial(server: &Server) -> Self {
        let socket = TcpStream::connect(server.address).unwrap();
        socket.set_read_timeout(Some(DEADLINE)).unwrap();
        socket.set_write_timeout(Some(DEADLINE)).unwrap();
        socket.set_nodelay(true).unwrap();
        Self(socket)
    }

    /// A connection with a session.
    fn connect(server: &Server) -> Self {
        let mut client = Self::dial(server);
        client.send(&connect_request());
        let response = client.receive().unwrap();
        assert_eq!(response.len(), 37, "{response:?}");
        client
    }

    /// Whether the server gives it a session.
    fn try_connect(&mut self) -> bool {
        self.0.write_all(&connect_request()).is_ok() && self.receive().is_ok()
    }

    fn send(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).unwrap();
    }

    /// The next frame without its length; none at the end of the stream.
    fn receive(&mut self) -> std::io::Result<Vec<u8>> {
        let mut len = [0; 4];
        self.0.read_exact(&mut len)?;
        let mut frame = vec![0; usize::try_from(i32::from_be_bytes(len)).unwrap()];
        self.0.read_exact(&mut frame)?;
        Ok(frame)
    }

    /// The body of the next reply, which is to answer `cxid`.
    fn reply(&mut self, cxid: i32) -> Vec<u8> {
        let mut frame = self.receive().unwrap();
        assert_eq!(frame[..4], cxid.to_be_bytes(), "reply to another request");
        frame.split_off(16)
    }

    fn echo(&mut self, cxid: i32, body: &[u8]) {
        self.send(&write(cxid, body));
        assert_eq!(self.reply(cxid), body);
    }

    /// Whether the stream has ended, orderly or by a reset.
    fn is_closed(&mut self) -> bool {
        match self.0.read(&mut [0]) {
            Ok(n) => n == 0,
            Err(e) if e.kind() == std::io::ErrorKind::ConnectionReset => true,
            Err(e) => panic!("neither open nor closed: {e}"),
        }
    }

    /// All bytes up to an orderly end.
    fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        self.0.read_to_end(&mut rest).unwrap();
        rest
    }
}

fn framed(body: &[u8]) -> Vec<u8> {
    let mut frame = (body.len() as i32).to_be_bytes().to_vec();
    frame.extend_from_slice(body);
    frame
}

fn connect_request() -> Vec<u8> {
    let mut body = [0; 45];
    body[12..16].copy_from_slice(&SESSION_TIMEOUT.to_be_bytes());
    body[24..28].copy_from_slice(&16_i32.to_be_bytes());
    framed(&body)
}

/// A request that goes through the pipeline.
fn write(cxid: i32, body: &[u8]) -> Vec<u8> {
    framed(&[&cxid.to_be_bytes()[..], &op::SET_DATA.to_be_bytes(), body].concat())
}

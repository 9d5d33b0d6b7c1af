//! A client that sends anything to a whole server: front, preparation, tree, sessions.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use gamekeeper::config::{Config, Launch, Source};
use gamekeeper::ids::{ConnId, Millis, Zxid};
use gamekeeper::op::op;
use gamekeeper::peer::pipeline::PipelineSettings;
use gamekeeper::peer::snapshots::{SnapshotLimits, SnapshotPolicy};
use gamekeeper::peer::standalone::Standalone;
use gamekeeper::peer::{Effect, Event, Now};
use gamekeeper::server::Database;
use gamekeeper::server::auth::Auth;
use gamekeeper::server::conn::{ConnShared, Mailbox};
use gamekeeper::server::container::ContainerOptions;
use gamekeeper::server::front::{Client, Front, FrontSettings, Next, Serving};
use gamekeeper::server::metrics::ServerMetrics;
use gamekeeper::server::prep::PrepOptions;
use gamekeeper::server::sessions::SessionTracker;
use gamekeeper::server::throttle::RequestThrottler;
use gamekeeper::tree::{DataTree, NoEvents, TreeOptions};
use gamekeeper::txn::TxnRecord;
use jute::proto::{ConnectRequest, CreateRequest, ReplyHeader};
use jute::{Limits, Reader, Record, Write, to_bytes};

use super::Input;

/// The client has a session when its bytes come; else they begin with what asks for one.
const HAS_SESSION: u8 = 1;

const WALL: Millis = 1_700_000_000_000;
/// Longer than any session lives: a client that says createSession itself, as servers do to each other,
/// is given any timeout that it asks for, by Java too.
const FOREVER: Millis = i32::MAX as Millis + 10_000_000;

/// Nobody is waked: the stage looks by itself.
struct Nobody;

impl Mailbox for Nobody {
    fn mark(&self, _conn: ConnId) {}
}

struct Conn {
    client: Client,
    input: Vec<u8>,
    output: Vec<u8>,
    is_closed: bool,
}

/// A server alone, with a disk that is always durable at once.
struct Stage {
    front: Arc<Front>,
    server: Standalone,
    logged: Vec<Vec<u8>>,
    mono: Millis,
    next_conn: u64,
}

fn config() -> &'static Config {
    static CONFIG: OnceLock<Config> = OnceLock::new();
    CONFIG.get_or_init(|| {
        let source = Source::Arguments {
            client_port: 2181,
            data_dir: "/nowhere".to_owned(),
            tick_time: None,
            max_client_cnxns: None,
        };
        let launch = Launch { source, ..Launch::default() };
        Config::load(&launch).expect("the defaults are well formed")
    })
}

impl Stage {
    fn new() -> Self {
        let config = config();
        let auth = Arc::new(Auth::new(&config.auth).expect("the defaults are well formed"));
        let db = Arc::new(Database::new(DataTree::new(TreeOptions::default())));
        let metrics = Arc::new(ServerMetrics::default());
        let settings = FrontSettings::new(config);
        let front = Arc::new(Front::new(settings, Arc::clone(&auth), db, metrics, 0, 7));
        front.set_serving(Serving::Yes);
        let settings = PipelineSettings {
            prep: PrepOptions::default(),
            containers: ContainerOptions::default(),
            throttler: RequestThrottler::new(config.throttle.request, 0),
            batch_max: 10,
        };
        let sessions = SessionTracker::new(1, 2_000, WALL);
        let parts = settings.parts(&front, &auth, sessions, 0);
        let snapshots = SnapshotPolicy::new(SnapshotLimits { count: 100_000, bytes: 0 }, 1);
        let server = Standalone::new(parts, snapshots);
        Self { front, server, logged: Vec::new(), mono: 1_000, next_conn: 1 }
    }

    fn accept(&mut self) -> Conn {
        let remote = SocketAddr::from(([10, 0, 0, 9], 4711));
        let id = ConnId(self.next_conn);
        self.next_conn += 1;
        let ids = Auth::connect_ids(remote.ip());
        let conn = ConnShared::new(id, remote, false, ids, Arc::new(Nobody), 0, 10_000);
        let client = Client::new(Arc::new(conn), &self.front);
        Conn { client, input: Vec::new(), output: Vec::new(), is_closed: false }
    }

    /// A client that has its session.
    fn connect(&mut self) -> Conn {
        let mut conn = self.accept();
        let request =
            ConnectRequest { timeout: 10_000, passwd: Some(vec![0; 16]), ..<_>::default() };
        self.bring(&mut conn, &packet(&to_bytes(&request)));
        assert_eq!(conn.output.len(), 41, "a session is granted");
        conn.output.clear();
        conn
    }

    fn step(&mut self, event: Event) {
        let now = Now { mono: self.mono, wall: WALL + self.mono };
        let mut effects = Vec::new();
        self.server.step(now, event, &mut effects);
        for effect in effects {
            if let Effect::Log(batch) = effect {
                self.logged.extend(batch.iter().map(|(_, record)| record.to_vec()));
                let last = batch.last_zxid().unwrap_or(Zxid::ZERO);
                self.step(Event::Durable(last));
            }
        }
    }

    /// Bytes come; what can be done with them is done.
    fn bring(&mut self, conn: &mut Conn, bytes: &[u8]) {
        conn.input.extend_from_slice(bytes);
        let mut idle_turns = 0;
        while !conn.is_closed {
            let mut inputs = Vec::new();
            let progress = conn.client.on_bytes(&self.front, self.mono, &conn.input, &mut inputs);
            assert!(progress.consumed <= conn.input.len(), "more is consumed than came");
            conn.input.drain(..progress.consumed);
            self.step(Event::Inputs(inputs));
            conn.output.append(&mut conn.client.conn().lock_output());
            match progress.next {
                Next::More => break,
                Next::Close(_) | Next::Command(_) => self.hang_up(conn),
                Next::Again | Next::Paused => {}
            }
            idle_turns = if progress.consumed == 0 { idle_turns + 1 } else { 0 };
            assert!(idle_turns < 3, "all is answered, and it still does not read on");
        }
    }

    fn hang_up(&mut self, conn: &mut Conn) {
        conn.is_closed = true;
        let mut inputs = Vec::new();
        conn.client.disconnected(&self.front, &mut inputs);
        self.step(Event::Inputs(inputs));
    }

    /// Nothing is left undone, and the log says the same as the tree.
    fn check(&self) {
        assert!(self.server.pipeline().is_idle(), "something waits for ever");
        assert_eq!(self.front.load.in_process(), 0, "requests are counted that are not there");
        let mut replayed = DataTree::new(TreeOptions::default());
        for payload in &self.logged {
            let record = TxnRecord::decode(payload, Limits::default()).expect("our own record");
            replayed.apply_record(&record, &mut NoEvents);
        }
        let tree = self.front.db.read_tree();
        assert_eq!(replayed.digest(), tree.digest(), "the log and the tree differ");
        assert_eq!(replayed.node_count(), tree.node_count());
    }

    /// Time goes by until all sessions are over.
    fn expire_all(&mut self) {
        self.mono += FOREVER;
        for _ in 0..3 {
            self.mono += 10_000;
            self.step(Event::Tick { heard_until: self.mono });
        }
        let tree = self.front.db.read_tree();
        assert_eq!(tree.ephemeral_sessions().count(), 0, "ephemerals outlive their sessions");
        assert!(self.server.pipeline().sessions().is_empty());
    }
}

fn packet(content: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    out.put_buffer(Some(content));
    out
}

/// What the server says must be frames with headers; the first without one, if it is the answer to a
/// connect.
fn check_output(output: &[u8], mut is_first: bool) {
    let mut r = Reader::with_limits(output, Limits::new(i32::MAX as usize, 0));
    while !r.is_empty() {
        let frame = r.buffer().expect("whole frames").expect("frames with a length");
        if !std::mem::replace(&mut is_first, false) {
            ReplyHeader::read(&mut Reader::new(frame)).expect("a header before each reply");
        }
    }
}

/// Another client is served as if nothing had happened.
fn check_witness(stage: &mut Stage, witness: &mut Conn) {
    let create = CreateRequest {
        path: Some("/witness-".to_owned()),
        data: Some(b"x".to_vec()),
        acl: Some(jute::data::open_acl().to_vec()),
        flags: 3,
    };
    let mut content = Vec::new();
    content.put_int(77);
    content.put_int(op::CREATE);
    create.write(&mut content);
    stage.bring(witness, &packet(&content));
    // The one who sends anything may have proved to be anyone and taken the root's rights away.
    check_output(&witness.output, false);
    let mut r = Reader::new(witness.output.get(4..).expect("an answer"));
    let header = ReplyHeader::read(&mut r).expect("a header");
    assert_eq!(header.xid, 77, "the witness gets the answer to its request");
}

/// Any bytes from a client.
pub(super) fn client(data: &[u8]) {
    let Some(input) = Input::of(data) else { return };
    let mut stage = Stage::new();
    let mut witness = stage.connect();
    let has_session = input.has(HAS_SESSION);
    let mut conn = if has_session { stage.connect() } else { stage.accept() };
    for piece in input.pieces() {
        stage.bring(&mut conn, piece);
    }
    check_output(&conn.output, !has_session);
    if !conn.is_closed {
        stage.hang_up(&mut conn);
    }
    if !witness.client.conn().is_closing() {
        check_witness(&mut stage, &mut witness);
    }
    stage.check();
    stage.expire_all();
    stage.check();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_that_gives_itself_a_session_for_a_month_keeps_nothing_for_ever() {
        let mut content = Vec::new();
        content.put_int(5);
        content.put_int(op::CREATE_SESSION);
        content.put_int(i32::MAX);
        let mut stage = Stage::new();
        let mut conn = stage.connect();
        stage.bring(&mut conn, &packet(&content));
        stage.hang_up(&mut conn);
        stage.expire_all();
        stage.check();
    }
}

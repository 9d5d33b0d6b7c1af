//! A server in a test: clients by their bytes, a tree in memory, transactions put together by hand.
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::Mutex;

use jute::data::{Acl, Id, open_acl};
use jute::proto::ReplyHeader;
use jute::txn::{CreateSessionTxn, CreateTxn, DeleteTxn, SetDataTxn, TxnHeader};
use jute::{Limits, Reader, Record, Write};

use super::Database;
use super::apply::{Applier, Now};
use super::auth::Auth;
use super::conn::{ConnShared, Mailbox};
use super::connect;
use super::front::{Client, Front, FrontSettings, Next, Progress, Serving};
use super::metrics::ServerMetrics;
use super::request::{Connect, Input, Request};
use super::sessions::{SessionTracker, password};
use super::throttle::RequestThrottler;
use crate::config::{AuthConfig, ConnectionThrottle, RequestThrottle, ThrottleConfig};
use crate::ids::{ConnId, Millis, SessionId, Zxid};
use crate::op::op;
use crate::tree::{Applied, DataTree, TreeOptions};
use crate::txn::{Txn, TxnRecord};

/// Remembers who was marked.
#[derive(Debug, Default)]
pub(crate) struct Marks(pub(crate) Mutex<Vec<ConnId>>);

impl Mailbox for Marks {
    fn mark(&self, conn: ConnId) {
        self.0.lock().unwrap().push(conn);
    }
}

impl Marks {
    pub(crate) fn take(&self) -> Vec<ConnId> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

pub(crate) fn auth_config() -> AuthConfig {
    AuthConfig {
        skip_acl: false,
        digest_enabled: true,
        super_digest: None,
        digest_algorithm: "SHA1".to_owned(),
        ip_use_x_forwarded_for: false,
        enforce_auth: false,
        enforce_auth_schemes: Vec::new(),
        ensemble_auth_names: None,
        key_scheme: false,
        eager_acl_check: false,
    }
}

/// At most `max_requests` are processed at a time, 0 for no limit; who has waited for longer than
/// `throttled_op_wait_ms` is told so, 0 for nobody. Nothing is dropped.
pub(crate) fn throttler(max_requests: i32, throttled_op_wait_ms: i32) -> RequestThrottler {
    let throttle = settings().throttle.request;
    let throttle = RequestThrottle { max_requests, drop_stale: false, ..throttle };
    RequestThrottler::new(throttle, throttled_op_wait_ms)
}

pub(crate) fn settings() -> FrontSettings {
    FrontSettings {
        max_buffer: 10_000,
        limits: Limits::new(10_000, 1_024),
        min_session_timeout: 4_000,
        max_session_timeout: 40_000,
        local_sessions: false,
        eager_acl_check: false,
        outstanding_limit: 1_000,
        throttle: ThrottleConfig {
            connection: ConnectionThrottle {
                tokens: 0,
                fill_time_ms: 1,
                fill_count: 1,
                freeze_time_ms: -1,
                drop_increase: 0.02,
                drop_decrease: 0.002,
                decrease_ratio: 0.0,
                weight_enabled: false,
                global_session_weight: 3,
                local_session_weight: 1,
                renew_session_weight: 2,
            },
            request: RequestThrottle {
                max_requests: 0,
                stall_time_ms: 100,
                drop_stale: true,
                stale_latency_check: false,
                stale_connection_check: true,
                shutdown_timeout_ms: 10_000,
            },
            throttled_op_wait_ms: 0,
            large_request_max_bytes: 100 << 20,
            large_request_threshold: -1,
        },
    }
}

/// A server.
pub(crate) struct World {
    pub(crate) front: Arc<Front>,
    pub(crate) applier: Applier,
    pub(crate) sessions: SessionTracker,
    pub(crate) marks: Arc<Marks>,
    pub(crate) now: Millis,
    next_conn: u64,
    zxid: i64,
}

/// A client of it.
pub(crate) struct Peer {
    pub(crate) client: Client,
    pub(crate) submitted: Vec<Input>,
}

/// A reply as the client sees it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) xid: i32,
    pub(crate) zxid: i64,
    pub(crate) err: i32,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    /// The body as a record that fills it.
    pub(crate) fn record<R: Record>(&self) -> R {
        let mut r = Reader::new(&self.body);
        let record = R::read(&mut r).unwrap();
        assert!(r.is_empty(), "{} bytes behind the record", r.remaining().len());
        record
    }

    pub(crate) fn head(&self) -> (i32, i64, i32) {
        (self.xid, self.zxid, self.err)
    }
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(settings(), &auth_config())
    }

    pub(crate) fn with(settings: FrontSettings, auth: &AuthConfig) -> Self {
        let db = Arc::new(Database::new(DataTree::new(TreeOptions::default())));
        let auth = Arc::new(Auth::new(auth).unwrap());
        let metrics = Arc::new(ServerMetrics::default());
        let front = Arc::new(Front::new(settings, auth, db, metrics, 0, 7));
        front.set_serving(Serving::Yes);
        Self {
            front,
            applier: Applier::new(),
            sessions: SessionTracker::new(1, 2_000, 1_700_000_000_000),
            marks: Arc::default(),
            now: 1_000,
            next_conn: 1,
            zxid: 0,
        }
    }

    /// A connection that has said nothing.
    pub(crate) fn accept(&mut self) -> Peer {
        let remote: SocketAddr = "10.0.0.9:4711".parse().unwrap();
        let id = ConnId(self.next_conn);
        self.next_conn += 1;
        let mailbox = Arc::clone(&self.marks) as Arc<dyn Mailbox>;
        let ids = Auth::connect_ids(remote.ip());
        let conn = ConnShared::new(id, remote, false, ids, mailbox, 5, 10_000);
        Peer { client: Client::new(Arc::new(conn), &self.front), submitted: Vec::new() }
    }

    /// A connection with a new session.
    pub(crate) fn connect(&mut self) -> Peer {
        let mut peer = self.accept();
        let packet = connect_packet(0, 10_000, 0, &[0; 16], Some(false));
        assert_eq!(self.feed(&mut peer, &packet).next, Next::Paused);
        self.pump(&mut peer);
        assert_eq!(peer.output().len(), 4 + 37);
        peer
    }

    pub(crate) fn feed(&self, peer: &mut Peer, bytes: &[u8]) -> Progress {
        peer.client.on_bytes(&self.front, self.now, bytes, &mut peer.submitted)
    }

    /// Feeds one request and returns the replies.
    pub(crate) fn ask(&self, peer: &mut Peer, xid: i32, kind: i32, body: &[u8]) -> Vec<Reply> {
        let packet = request(xid, kind, body);
        let progress = self.feed(peer, &packet);
        assert_eq!((progress.consumed, progress.next), (packet.len(), Next::More));
        peer.replies()
    }

    /// One read and its reply.
    pub(crate) fn read(&self, peer: &mut Peer, kind: i32, record: &impl Record) -> Reply {
        let mut replies = self.ask(peer, 9, kind, &jute::to_bytes(record));
        assert_eq!(replies.len(), 1, "{replies:?}");
        replies.remove(0)
    }

    /// Does what the pipeline does with what the client handed over.
    pub(crate) fn pump(&mut self, peer: &mut Peer) {
        for input in std::mem::take(&mut peer.submitted) {
            match input {
                Input::Connect(connect) => self.on_connect(&connect),
                Input::Request(request) => self.on_request(&request),
                Input::Disconnected(_) => {}
            }
        }
        self.applier.flush();
    }

    fn on_connect(&mut self, request: &Connect) {
        if request.session != SessionId::NONE {
            match self.sessions.get(request.session).filter(|s| !s.is_closing()) {
                Some(session) => {
                    connect::assign(&self.front, &request.conn, Arc::clone(session));
                    connect::welcome(&self.front, &request.conn);
                }
                None => connect::refuse(&self.front, &request.conn),
            }
            self.applier.touch(&request.conn);
            return;
        }
        let session = self.sessions.create(self.now, request.timeout_ms);
        connect::assign(&self.front, &request.conn, Arc::clone(&session));
        let origin = Request {
            conn: Some(Arc::clone(&request.conn)),
            session: session.id,
            cxid: 0,
            op: op::CREATE_SESSION,
            body: Box::default(),
            auth: request.conn.auth(),
            received_ms: request.received_ms,
            learner: None,
            throttled: false,
        };
        self.front.load.enter(0).unwrap();
        request.conn.submit();
        let txn = Txn::CreateSession(CreateSessionTxn { timeout: request.timeout_ms });
        self.commit(op::CREATE_SESSION, session.id, txn, Some(&origin));
    }

    fn on_request(&mut self, request: &Request) {
        let mut r = Reader::new(&request.body);
        let txn = match request.op {
            op::CREATE | op::CREATE2 => {
                let t = jute::proto::CreateRequest::read(&mut r).unwrap();
                create_txn(t.path.as_deref().unwrap(), t.data.as_deref().unwrap_or_default())
            }
            op::DELETE => Txn::Delete(DeleteTxn { path: Record::read(&mut r).unwrap() }),
            op::SET_DATA => {
                let t = jute::proto::SetDataRequest::read(&mut r).unwrap();
                Txn::SetData(SetDataTxn { path: t.path, data: t.data, version: t.version + 1 })
            }
            op::CLOSE_SESSION => {
                self.sessions.set_closing(request.session);
                Txn::CloseSession(None)
            }
            _ => {
                let db = Arc::clone(&self.front.db);
                let now = self.moment();
                return self.applier.answer(&self.front, &db.read_tree(), request, None, now);
            }
        };
        self.commit(request.op, request.session, txn, Some(request));
    }

    /// Commits a transaction that no client of this server asked for.
    pub(crate) fn change(&mut self, kind: i32, txn: Txn) -> Applied {
        let applied = self.commit(kind, SessionId(0x77), txn, None);
        self.applier.flush();
        applied
    }

    pub(crate) fn create(&mut self, path: &str, data: &[u8]) {
        assert_eq!(self.change(op::CREATE, create_txn(path, data)).err, 0);
    }

    pub(crate) fn create_with_acl(&mut self, path: &str, acl: Vec<Acl>) {
        let Txn::Create(mut txn) = create_txn(path, b"x") else { unreachable!() };
        txn.acl = Some(acl.into());
        assert_eq!(self.change(op::CREATE, Txn::Create(txn)).err, 0);
    }

    pub(crate) fn commit(
        &mut self,
        kind: i32,
        session: SessionId,
        txn: Txn,
        origin: Option<&Request>,
    ) -> Applied {
        self.zxid += 1;
        let header = TxnHeader {
            client_id: session.0,
            cxid: origin.map_or(0, |r| r.cxid),
            zxid: self.zxid,
            time: 1_700_000_000_000,
            kind: if matches!(txn, Txn::Error(_)) { op::ERROR } else { kind },
        };
        let record = TxnRecord { header, txn, digest: None };
        let db = Arc::clone(&self.front.db);
        let now = self.moment();
        self.applier.commit(&self.front, &mut db.write_tree(), &record, origin, now)
    }

    fn moment(&self) -> Now {
        Now { monotonic: self.now, wall: 1_700_000_000_003 }
    }

    pub(crate) fn zxid(&self) -> i64 {
        self.zxid
    }

    pub(crate) fn last_zxid(&self) -> Zxid {
        self.front.db.read_tree().last_processed_zxid()
    }
}

impl Peer {
    pub(crate) fn conn(&self) -> &Arc<ConnShared> {
        self.client.conn()
    }

    pub(crate) fn session(&self) -> SessionId {
        self.conn().session_id()
    }

    /// Takes what is in the output.
    pub(crate) fn output(&self) -> Vec<u8> {
        std::mem::take(&mut *self.conn().lock_output())
    }

    /// Takes the replies in the output.
    pub(crate) fn replies(&self) -> Vec<Reply> {
        let output = self.output();
        let mut r = Reader::new(&output);
        let mut replies = Vec::new();
        while !r.is_empty() {
            let len = r.int().unwrap();
            let mut frame = Reader::new(r.take(len as usize).unwrap());
            let ReplyHeader { xid, zxid, err } = Record::read(&mut frame).unwrap();
            replies.push(Reply { xid, zxid, err, body: frame.remaining().to_vec() });
        }
        replies
    }

    /// The only reply in the output.
    pub(crate) fn reply(&self) -> Reply {
        let mut replies = self.replies();
        assert_eq!(replies.len(), 1, "{replies:?}");
        replies.remove(0)
    }
}

pub(crate) fn create_txn(path: &str, data: &[u8]) -> Txn {
    Txn::Create(CreateTxn {
        path: Some(path.to_owned()),
        data: Some(data.to_vec()),
        acl: Some(Arc::clone(open_acl())),
        ephemeral: false,
        parent_cversion: -1,
    })
}

pub(crate) fn delete_txn(path: &str) -> Txn {
    Txn::Delete(DeleteTxn { path: Some(path.to_owned()) })
}

pub(crate) fn set_txn(path: &str, data: &[u8], version: i32) -> Txn {
    let (path, data) = (Some(path.to_owned()), Some(data.to_vec()));
    Txn::SetData(SetDataTxn { path, data, version })
}

pub(crate) fn acl(perms: i32, scheme: &str, id: &str) -> Acl {
    Acl { perms, id: Id { scheme: Some(scheme.to_owned()), id: Some(id.to_owned()) } }
}

/// A packet: length and content.
pub(crate) fn packet(content: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    out.put_buffer(Some(content));
    out
}

/// A request packet.
pub(crate) fn request(xid: i32, kind: i32, body: &[u8]) -> Vec<u8> {
    let mut content = Vec::new();
    content.put_int(xid);
    content.put_int(kind);
    content.extend_from_slice(body);
    packet(&content)
}

/// A request packet with a path and a flag: exists, getData, getChildren.
pub(crate) fn read_request(xid: i32, kind: i32, path: &str, watch: bool) -> Vec<u8> {
    request(xid, kind, &path_and_flag(path, watch))
}

pub(crate) fn path_and_flag(path: &str, watch: bool) -> Vec<u8> {
    let mut body = Vec::new();
    body.put_str(Some(path));
    body.put_bool(watch);
    body
}

/// The first packet of a client.
pub(crate) fn connect_packet(
    last_zxid: i64,
    timeout: i32,
    session: i64,
    passwd: &[u8],
    read_only: Option<bool>,
) -> Vec<u8> {
    let mut content = Vec::new();
    content.put_int(0);
    content.put_long(last_zxid);
    content.put_int(timeout);
    content.put_long(session);
    content.put_buffer(Some(passwd));
    if let Some(read_only) = read_only {
        content.put_bool(read_only);
    }
    packet(&content)
}

/// The packet by which a client takes up a session again.
pub(crate) fn reconnect_packet(session: SessionId) -> Vec<u8> {
    connect_packet(0, 10_000, session.0, &password(session), Some(false))
}

//! What a client connection shares between the thread that owns it and the pipeline: the output
//! buffer, the session, who the client is, the count of requests in flight, and the figures that
//! `cons` prints.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicI64, AtomicU16, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use jute::data::Id;

use super::conn_stats::ConnStats;
use super::reason::DisconnectReason;
use super::sessions::Session;
use crate::ids::{ConnId, Millis, SessionId};

/// The way back to the thread that owns a connection.
pub trait Mailbox: Send + Sync {
    /// The output of `conn` has new bytes, or it is to be closed, or it may read on: its owner is to
    /// look at it. Called once for each connection that a batch touched; may be called from any
    /// thread and must not block.
    fn mark(&self, conn: ConnId);

    /// As [`Mailbox::mark`], where this is the only connection that was touched, for one reply or event:
    /// what the owner has to do may be done on the calling thread, which must hold no lock.
    fn mark_alone(&self, conn: ConnId) {
        self.mark(conn);
    }
}

/// How a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closing {
    /// As soon as what is in the output has been written (`sendCloseSession`).
    AfterOutput(DisconnectReason),
    /// At once; what is in the output is dropped (`ServerCnxn.close`).
    Now(DisconnectReason),
}

const OPEN: u16 = 0;
const AFTER_OUTPUT: u16 = 1 << 8;
const NOW: u16 = 2 << 8;

/// The part of a connection that more than one thread touches.
pub struct ConnShared {
    /// Its name.
    pub id: ConnId,
    /// The client's address.
    pub remote: SocketAddr,
    /// Whether it came in over TLS.
    pub secure: bool,
    /// Frames on their way to the client. Locked last (see [`super::Database`]).
    pub output: Mutex<Vec<u8>>,
    /// What `cons` prints.
    pub stats: ConnStats,
    mailbox: Arc<dyn Mailbox>,
    /// Requests handed to the pipeline.
    submitted: AtomicU64,
    /// Requests of those that the pipeline has answered.
    completed: AtomicU64,
    /// `OPEN`, or `AFTER_OUTPUT` or `NOW` with the reason's number in the low byte.
    closing: AtomicU16,
    /// A request of it was dropped by a throttle.
    invalid: AtomicBool,
    /// The owner has not been told yet of what changed.
    dirty: AtomicBool,
    /// The session that the client asked for or got, 0 before that. Known before `session` is.
    session_id: AtomicI64,
    session_timeout: AtomicI32,
    session: OnceLock<Arc<Session>>,
    ready: AtomicBool,
    auth: Mutex<Arc<[Id]>>,
    /// The client's `ConnectRequest` had the `readOnly` byte, so the response has it too.
    knows_read_only: AtomicBool,
}

impl ConnShared {
    /// A connection with nothing in flight. `auth` is what the client is known to be from the start:
    /// its address, its certificate. `established` is wall-clock time; `sessionless_timeout` is what
    /// `cons` shows as its timeout before there is a session, in ms.
    pub fn new(
        id: ConnId,
        remote: SocketAddr,
        secure: bool,
        auth: Vec<Id>,
        mailbox: Arc<dyn Mailbox>,
        established: Millis,
        sessionless_timeout: i32,
    ) -> Self {
        Self {
            id,
            remote,
            secure,
            output: Mutex::default(),
            stats: ConnStats::new(established),
            mailbox,
            submitted: AtomicU64::new(0),
            completed: AtomicU64::new(0),
            closing: AtomicU16::new(OPEN),
            invalid: AtomicBool::new(false),
            dirty: AtomicBool::new(false),
            session_id: AtomicI64::new(0),
            session_timeout: AtomicI32::new(sessionless_timeout),
            session: OnceLock::new(),
            ready: AtomicBool::new(false),
            auth: Mutex::new(auth.into()),
            knows_read_only: AtomicBool::new(false),
        }
    }

    /// The output, whatever happened to the thread that held it last: bytes are only ever appended
    /// as whole frames.
    pub fn lock_output(&self) -> MutexGuard<'_, Vec<u8>> {
        self.output.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many of its requests are with the pipeline. Zero means that the owner may answer reads by
    /// itself: everything before them is in the output already.
    pub fn in_flight(&self) -> u64 {
        self.submitted.load(Ordering::Relaxed) - self.completed.load(Ordering::Acquire)
    }

    /// One more request is handed to the pipeline. Called by the owner only.
    pub fn submit(&self) {
        self.submitted.fetch_add(1, Ordering::Relaxed);
    }

    /// A request's reply is in the output (or it has none). Called by the pipeline only, after the
    /// reply was appended.
    pub fn complete(&self) {
        self.completed.fetch_add(1, Ordering::Release);
    }

    /// Ends the connection once the output is written. The first call decides the reason.
    pub fn close_after_output(&self, reason: DisconnectReason) {
        let state = AFTER_OUTPUT | reason as u16;
        let _ = self.closing.compare_exchange(OPEN, state, Ordering::AcqRel, Ordering::Relaxed);
    }

    /// Ends the connection at once; the owner is told.
    pub fn close_now(&self, reason: DisconnectReason) {
        let before = self.closing.swap(NOW | reason as u16, Ordering::AcqRel);
        if before & NOW == 0 {
            self.mailbox.mark(self.id);
        }
    }

    /// Its socket is closed.
    pub(crate) fn set_stale(&self, reason: DisconnectReason) {
        let state = NOW | reason as u16;
        let _ = self.closing.compare_exchange(OPEN, state, Ordering::AcqRel, Ordering::Relaxed);
        self.closing.fetch_or(NOW, Ordering::AcqRel);
    }

    /// Whether and how the connection is to end.
    pub fn closing(&self) -> Option<Closing> {
        let state = self.closing.load(Ordering::Acquire);
        let reason = DisconnectReason::from_u8(state as u8);
        match state & 0xff00 {
            OPEN => None,
            AFTER_OUTPUT => Some(Closing::AfterOutput(reason)),
            _ => Some(Closing::Now(reason)),
        }
    }

    /// Whether nobody is there any more to read an answer (`ServerCnxn.isStale`).
    pub fn is_stale(&self) -> bool {
        self.closing.load(Ordering::Acquire) & NOW != 0
    }

    /// Whether a request of it was dropped, so that all behind it must be dropped too
    /// (`ServerCnxn.isInvalid`).
    pub fn is_invalid(&self) -> bool {
        self.invalid.load(Ordering::Relaxed)
    }

    /// A request of it was dropped: it is closed (`ServerCnxn.setInvalid`).
    pub fn set_invalid(&self) {
        self.invalid.store(true, Ordering::Relaxed);
        self.close_after_output(DisconnectReason::ClientClosedConnection);
    }

    /// Whether the connection is to end.
    pub fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Acquire) != OPEN
    }

    /// Notes that the owner has something to look at. True for the first note since
    /// [`ConnShared::notify`]: then the caller is the one who owes the call.
    pub(crate) fn touch(&self) -> bool {
        !self.dirty.swap(true, Ordering::AcqRel)
    }

    /// Tells the owner to look at the connection.
    pub fn notify(&self) {
        self.dirty.store(false, Ordering::Release);
        self.mailbox.mark(self.id);
    }

    /// As [`ConnShared::notify`], by [`Mailbox::mark_alone`].
    pub fn notify_alone(&self) {
        self.dirty.store(false, Ordering::Release);
        self.mailbox.mark_alone(self.id);
    }

    /// The session that the client asked for or got; [`SessionId::NONE`] before that.
    pub fn session_id(&self) -> SessionId {
        SessionId(self.session_id.load(Ordering::Relaxed))
    }

    pub(crate) fn set_session_id(&self, id: SessionId) {
        self.session_id.store(id.0, Ordering::Relaxed);
    }

    /// The negotiated timeout in ms.
    pub fn session_timeout(&self) -> i32 {
        self.session_timeout.load(Ordering::Relaxed)
    }

    pub(crate) fn set_session_timeout(&self, timeout_ms: i32) {
        self.session_timeout.store(timeout_ms, Ordering::Relaxed);
    }

    /// The session, once the pipeline attached it.
    pub fn session(&self) -> Option<&Arc<Session>> {
        self.session.get()
    }

    pub(crate) fn attach(&self, session: Arc<Session>) {
        let _ = self.session.set(session);
    }

    /// The client has been told of its session: its requests may be read.
    pub(crate) fn set_ready(&self) {
        self.ready.store(true, Ordering::Release);
    }

    /// Whether the client's requests may be read.
    pub fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Acquire)
    }

    /// Who the client has proved to be.
    pub fn auth(&self) -> Arc<[Id]> {
        Arc::clone(&self.auth.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Adds to who the client has proved to be. What is there already stays as it is. They stand in the
    /// order of Java's set, which shows in whoAmI and in what becomes of an `auth` entry of an ACL.
    pub fn add_auth(&self, ids: impl IntoIterator<Item = Id>) {
        let mut auth = self.auth.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all = auth.to_vec();
        for id in ids {
            if !all.contains(&id) {
                all.push(id);
            }
        }
        super::auth::sort_as_java(&mut all);
        *auth = all.into();
    }

    pub(crate) fn set_knows_read_only(&self, knows: bool) {
        self.knows_read_only.store(knows, Ordering::Relaxed);
    }

    pub(crate) fn knows_read_only(&self) -> bool {
        self.knows_read_only.load(Ordering::Relaxed)
    }
}

impl std::fmt::Debug for ConnShared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ConnShared")
            .field("id", &self.id)
            .field("remote", &self.remote)
            .field("session", &self.session_id())
            .field("in_flight", &self.in_flight())
            .field("closing", &self.closing())
            .finish_non_exhaustive()
    }
}

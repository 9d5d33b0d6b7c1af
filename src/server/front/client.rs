//! One client's connection: from its bytes to replies and requests (`NIOServerCnxn.readPayload`,
//! `ZooKeeperServer.processPacket`).

use std::sync::Arc;

use jute::data::Id;
use log::{info, warn};

use super::frame::{LEN, Packet, command, next_packet};
use super::run::{Run, Step};
use super::{Front, Next, Progress, Serving};
use crate::ids::Millis;
use crate::server::conn::{Closing, ConnShared};
use crate::server::connect;
use crate::server::read::Scratch;
use crate::server::reason::DisconnectReason;
use crate::server::request::Input;
use crate::server::sessions::Session;

/// Packets in one call, at most: the tree stays locked for reading over a run of them.
const RUN_PACKETS_MAX: u64 = 1024;
/// Bytes of replies in one call, about: then they are written before more are made.
const RUN_OUTPUT_MAX: usize = 512 << 10;
/// Bytes of replies that wait to be written: with more than this no packet is taken.
const OUTPUT_MAX: usize = 1 << 20;

/// A client's connection, owned by the thread that reads it. Pure: bytes come in and go out, the time
/// is passed in.
#[derive(Debug)]
pub struct Client {
    conn: Arc<ConnShared>,
    phase: Phase,
    pub(super) identity: Identity,
    pub(super) scratch: Scratch,
}

#[derive(Debug, Clone)]
enum Phase {
    /// Nothing but a word or a connect request is understood.
    Greeting,
    /// The pipeline has been asked for a session.
    Connecting,
    /// The client has its session.
    Serving(Arc<Session>),
}

/// Who the client has proved to be, as its own thread keeps it.
#[derive(Debug)]
pub(super) struct Identity {
    pub(super) ids: Arc<[Id]>,
    /// Whether that is enough for requests (`enforce.auth`).
    pub(super) may_send: bool,
}

impl Identity {
    pub(super) fn of(conn: &ConnShared, front: &Front) -> Self {
        let ids = conn.auth();
        Self { may_send: front.auth.may_send(&ids), ids }
    }
}

impl Client {
    /// A connection that has said nothing yet; it is registered in [`super::super::Database::conns`].
    pub fn new(conn: Arc<ConnShared>, front: &Front) -> Self {
        front.db.conns.insert(Arc::clone(&conn));
        let identity = Identity::of(&conn, front);
        Self { conn, phase: Phase::Greeting, identity, scratch: Scratch::default() }
    }

    /// What it shares with the pipeline.
    pub fn conn(&self) -> &Arc<ConnShared> {
        &self.conn
    }

    /// Whether it has a session, or has asked for one: if not, it is closed after
    /// `nio.sessionlessCnxnTimeout`.
    pub fn is_sessionless(&self) -> bool {
        matches!(self.phase, Phase::Greeting)
    }

    /// The socket is closed: the connection and its watches are forgotten.
    pub fn disconnected(&self, front: &Front, submit: &mut Vec<Input>) {
        front.db.disconnected(self.conn.id);
        submit.push(Input::Disconnected(Arc::clone(&self.conn)));
    }

    /// Takes packets from the start of `input`, bounded in number and in the size of the replies.
    /// Replies go into the output, what needs the pipeline into `submit`, in its order. `now` is
    /// monotonic: when the bytes arrived.
    ///
    /// What is not consumed is to be presented again, with what has been read since.
    pub fn on_bytes(
        &mut self,
        front: &Front,
        now: Millis,
        input: &[u8],
        submit: &mut Vec<Input>,
    ) -> Progress {
        if let Some(Closing::AfterOutput(why) | Closing::Now(why)) = self.conn.closing() {
            return at(0, Next::Close(why));
        }
        match &self.phase {
            Phase::Greeting => self.greet(front, now, input, submit),
            Phase::Connecting if !self.conn.is_ready() => at(0, Next::Paused),
            Phase::Connecting => {
                let Some(session) = self.conn.session() else { return at(0, Next::Paused) };
                self.phase = Phase::Serving(Arc::clone(session));
                self.on_bytes(front, now, input, submit)
            }
            Phase::Serving(session) => {
                let session = Arc::clone(session);
                self.serve(front, now, input, submit, &session)
            }
        }
    }

    /// The first packet: a word, or a request for a session.
    fn greet(
        &mut self,
        front: &Front,
        now: Millis,
        input: &[u8],
        submit: &mut Vec<Input>,
    ) -> Progress {
        if let Some((command, len)) = command(input) {
            self.received(front, 1, LEN);
            return at(len, Next::Command(command));
        }
        let packet = match self.packet(front, input) {
            Ok(packet) => packet,
            Err(progress) => return progress,
        };
        let consumed = LEN + packet.len();
        self.received(front, 1, consumed);
        match connect::on_connect(front, &self.conn, packet, now) {
            Ok(Some(request)) => {
                self.phase = Phase::Connecting;
                submit.push(Input::Connect(request));
                at(consumed, Next::Paused)
            }
            Ok(None) => self.close(consumed, DisconnectReason::ClientClosedConnection),
            Err(why) => self.close(consumed, why),
        }
    }

    /// Requests, of a client that has its session.
    fn serve(
        &mut self,
        front: &Front,
        now: Millis,
        input: &[u8],
        submit: &mut Vec<Input>,
        session: &Session,
    ) -> Progress {
        let conn = Arc::clone(&self.conn);
        if must_wait(front, &conn) {
            return at(0, Next::Paused);
        }
        if conn.lock_output().len() > OUTPUT_MAX {
            return at(0, Next::Again);
        }
        let mut run = Run::new(front, &conn, session, now);
        let mut consumed = 0;
        let progress = loop {
            if run.packets() == RUN_PACKETS_MAX || run.output_len() > RUN_OUTPUT_MAX {
                break at(consumed, Next::Again);
            }
            let packet = match self.packet(front, &input[consumed..]) {
                Ok(packet) => packet,
                Err(progress) => break Progress { consumed, ..progress },
            };
            consumed += LEN + packet.len();
            match run.on_packet(self, packet, submit) {
                Step::Next => {}
                Step::Wait => break at(consumed, Next::Paused),
                Step::Close(why) => break self.close(consumed, why),
            }
        };
        let packets = run.finish(&mut self.scratch);
        self.received(front, packets, consumed);
        progress
    }

    /// The packet at the start of `input`; or what to do where there is none.
    #[inline]
    fn packet<'i>(&self, front: &Front, input: &'i [u8]) -> Result<&'i [u8], Progress> {
        let refuse = |why| Err(self.close(0, why));
        let max = front.settings.max_buffer;
        match next_packet(input, max) {
            Packet::Whole(packet) => match self.check_packet(front, packet.len()) {
                Ok(()) => Ok(packet),
                Err(why) => refuse(why),
            },
            Packet::Part(len) => match len.map_or(Ok(()), |len| self.check_packet(front, len)) {
                Ok(()) => Err(at(0, Next::More)),
                Err(why) => refuse(why),
            },
            Packet::BadLength(len) => {
                warn!(
                    "Len error. A message from {} with advertised length of {len} is either a malformed \
                     message or too large to process (length is greater than jute.maxbuffer={max})",
                    self.conn.remote
                );
                refuse(DisconnectReason::IoException)
            }
        }
    }

    /// What Java looks at when it has read the length and nothing more.
    #[inline]
    fn check_packet(&self, front: &Front, len: usize) -> Result<(), DisconnectReason> {
        if front.serving() == Serving::No {
            info!("Closing the connection of {}: ZooKeeperServer not running", self.conn.remote);
            return Err(DisconnectReason::IoException);
        }
        front.load.check_size(len).map_err(|e| {
            front.metrics.large_requests_rejected.add(1);
            warn!("Closing the connection of {}: {e}", self.conn.remote);
            DisconnectReason::IoException
        })
    }

    /// Nothing more is taken from the client, and nothing more is put into its output.
    fn close(&self, consumed: usize, why: DisconnectReason) -> Progress {
        self.conn.close_after_output(why);
        at(consumed, Next::Close(why))
    }

    fn received(&self, front: &Front, packets: u64, bytes: usize) {
        if packets > 0 {
            self.conn.stats.received(packets);
            front.stats.add_received(packets);
            front.metrics.bytes_received_count.add(bytes as i64);
        }
    }
}

/// Whether a connection must wait until requests of it are answered, because there are too many of all
/// connections (`ServerCnxn.incrOutstandingAndCheckThrottle`).
fn must_wait(front: &Front, conn: &ConnShared) -> bool {
    front.load.is_over_limit() && conn.in_flight() > 0
}

fn at(consumed: usize, next: Next) -> Progress {
    Progress { consumed, next }
}

//! Clients: they speak the real protocol, move from server to server, and write down what they see.

mod asking;

use std::collections::VecDeque;

use gamekeeper::ids::{SessionId, Sid, Zxid};
use gamekeeper::op::op;
use gamekeeper::zab::LinkId;
use jute::proto::{
    ConnectRequest, ConnectResponse, CreateResponse, ExistsResponse, GetChildrenResponse,
    GetDataResponse, ReplyHeader, RequestHeader, SetDataResponse, WatcherEvent,
};
use jute::{Reader, Record, Write, to_bytes};

use super::Micros;
use super::orders::Script;
use super::random::Random;
use crate::history::{Body, Call, History, Reply, Request, SeenEvent};

/// How often a request comes together with the next.
const BURSTS: f64 = 0.3;
/// After so many calls in all a run goes on with fewer: its history and its disks are in this machine's
/// memory.
const CALLS_IN_HASTE: usize = 40_000;
/// The pause between requests then, in microseconds.
const PAUSE_BEHIND_HASTE: Micros = 200_000;
const PING: i32 = -2;
const NOTIFICATION: i32 = -1;

/// What a client wants done.
#[derive(Debug)]
pub enum Wish {
    /// Call this member.
    Connect(Sid),
    /// Send over its connection.
    Send(LinkId, Vec<u8>),
    /// Close its connection.
    Close(LinkId),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Idle {
        until: Micros,
    },
    Calling,
    /// Connected; the session is asked for.
    Greeting(LinkId),
    Live(LinkId),
}

/// How clients behave, the same for all of a run.
#[derive(Debug, Clone, Copy)]
pub struct Habits {
    /// Session timeout in ms.
    pub timeout_ms: i32,
    /// Requests in flight, at most.
    pub depth: usize,
    /// Pause between requests in microseconds, on average.
    pub pause: Micros,
    /// Parents there are.
    pub parents: u64,
    /// Names below each.
    pub names: u64,
    /// How often a request is a read.
    pub reads: f64,
    /// How often a client closes its session.
    pub closes: f64,
    /// Content with a server that cannot write.
    pub read_only: bool,
}

/// One client.
#[derive(Debug)]
pub struct Client {
    id: usize,
    habits: Habits,
    random: Random,
    state: State,
    session: SessionId,
    passwd: Vec<u8>,
    timeout_ms: i64,
    conn: u32,
    xid: i32,
    position: u64,
    last_zxid: i64,
    /// Calls whose replies are to come, by their place in the history. Answers to pings may overtake.
    outstanding: VecDeque<usize>,
    input: Vec<u8>,
    last_heard: Micros,
    last_sent: Micros,
    next_request: Micros,
    counter: u64,
    /// It makes no more requests.
    pub resting: bool,
    closing: bool,
    /// The member that was called last.
    callee: Sid,
    /// It does what is written here, and nothing else.
    pub script: Option<Script>,
}

pub(super) fn frame(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(4 + body.len());
    out.put_buffer(Some(body));
    out
}

pub(super) fn request<R: Record>(xid: i32, kind: i32, record: &R) -> Vec<u8> {
    let mut body = to_bytes(&RequestHeader { xid, kind });
    record.write(&mut body);
    frame(&body)
}

impl Client {
    /// A client without a session.
    pub fn new(id: usize, habits: Habits, random: Random) -> Self {
        Self {
            id,
            habits,
            random,
            state: State::Idle { until: 0 },
            session: SessionId::NONE,
            passwd: vec![0; 16],
            timeout_ms: i64::from(habits.timeout_ms),
            conn: 0,
            xid: 0,
            position: 0,
            last_zxid: 0,
            outstanding: VecDeque::new(),
            input: Vec::new(),
            last_heard: 0,
            last_sent: 0,
            next_request: 0,
            counter: 0,
            resting: false,
            closing: false,
            callee: Sid(0),
            script: None,
        }
    }

    /// Whether it has a session and nothing in flight.
    pub fn is_quiet(&self) -> bool {
        let homeless = self.script.as_ref().is_some_and(|script| script.home.is_none());
        homeless || (matches!(self.state, State::Live(_)) && self.outstanding.is_empty())
    }

    /// Time has passed.
    pub fn on_tick(&mut self, now: Micros, nodes: &[Sid], history: &mut History) -> Vec<Wish> {
        let mut wishes = Vec::new();
        match self.state {
            State::Idle { until } if now >= until => {
                if let Some(callee) = self.choose_callee(nodes) {
                    self.state = State::Calling;
                    self.callee = callee;
                    wishes.push(Wish::Connect(callee));
                }
            }
            State::Idle { .. } | State::Calling => {}
            State::Greeting(link) => {
                if now - self.last_heard > self.patience() {
                    self.lose(now, Some(link), &mut wishes);
                }
            }
            State::Live(link) => self.on_live_tick(now, link, history, &mut wishes),
        }
        wishes
    }

    fn choose_callee(&mut self, nodes: &[Sid]) -> Option<Sid> {
        match &self.script {
            Some(script) => script.home,
            None => Some(self.random.pick(nodes)),
        }
    }

    fn patience(&self) -> Micros {
        self.timeout_ms.unsigned_abs() * 1000 * 2 / 3
    }

    fn on_live_tick(
        &mut self,
        now: Micros,
        link: LinkId,
        history: &mut History,
        wishes: &mut Vec<Wish>,
    ) {
        let moves = self.script.as_ref().is_some_and(|s| s.home != Some(self.callee));
        if moves || now - self.last_heard > self.patience() {
            return self.lose(now, Some(link), wishes);
        }
        let bytes = self.next_requests(now, history);
        if !bytes.is_empty() {
            self.last_sent = now;
            wishes.push(Wish::Send(link, bytes));
        }
        if now - self.last_sent > self.patience() / 2 {
            self.last_sent = now;
            let bytes = frame(&to_bytes(&RequestHeader { xid: PING, kind: op::PING }));
            wishes.push(Wish::Send(link, bytes));
        }
    }

    /// What is to be asked now, in one piece: so the members meet it.
    fn next_requests(&mut self, now: Micros, history: &mut History) -> Vec<u8> {
        let mut bytes = Vec::new();
        while !self.closing
            && self.wants_something(now)
            && self.outstanding.len() < self.habits.depth
        {
            bytes.extend(self.next_request(now, history));
            if !self.random.chance(BURSTS) {
                let haste = history.calls.len() < CALLS_IN_HASTE;
                let pause = self.habits.pause.max(if haste { 0 } else { PAUSE_BEHIND_HASTE });
                self.next_request = now + self.random.between(1, pause * 2);
            }
        }
        bytes
    }

    fn wants_something(&self, now: Micros) -> bool {
        match &self.script {
            Some(script) => !script.orders.is_empty(),
            None => !self.resting && now >= self.next_request,
        }
    }

    /// The connection is no more, or was never made.
    fn lose(&mut self, now: Micros, link: Option<LinkId>, wishes: &mut Vec<Wish>) {
        wishes.extend(link.map(Wish::Close));
        self.outstanding.clear();
        self.input.clear();
        if std::mem::take(&mut self.closing) {
            self.forget_session();
        }
        self.state = State::Idle { until: now + self.random.between(1_000, 300_000) };
    }

    fn forget_session(&mut self) {
        self.session = SessionId::NONE;
        self.passwd = vec![0; 16];
    }

    /// The call was answered, or not.
    pub fn on_connected(&mut self, now: Micros, link: Option<LinkId>) -> Vec<Wish> {
        let Some(link) = link else {
            let mut wishes = Vec::new();
            self.lose(now, None, &mut wishes);
            return wishes;
        };
        if self.state != State::Calling {
            return vec![Wish::Close(link)];
        }
        self.state = State::Greeting(link);
        self.last_heard = now;
        self.conn += 1;
        let hello = ConnectRequest {
            protocol_version: 0,
            last_zxid_seen: self.last_zxid,
            timeout: self.habits.timeout_ms,
            session_id: self.session.0,
            passwd: Some(self.passwd.clone()),
            read_only: self.habits.read_only,
        };
        vec![Wish::Send(link, frame(&to_bytes(&hello)))]
    }

    /// The connection broke.
    pub fn on_closed(&mut self, now: Micros, link: LinkId) -> Vec<Wish> {
        let mut wishes = Vec::new();
        if self.state == State::Greeting(link) || self.state == State::Live(link) {
            self.lose(now, None, &mut wishes);
        }
        wishes
    }

    /// Bytes have come. An error is what no server may say.
    ///
    /// # Errors
    /// What was said.
    pub fn on_bytes(
        &mut self,
        now: Micros,
        link: LinkId,
        bytes: &[u8],
        history: &mut History,
    ) -> Result<Vec<Wish>, String> {
        let mut wishes = Vec::new();
        if self.state != State::Greeting(link) && self.state != State::Live(link) {
            return Ok(wishes);
        }
        self.input.extend_from_slice(bytes);
        self.last_heard = now;
        while let Some(len) = self.input.first_chunk::<4>().map(|l| u32::from_be_bytes(*l)) {
            let end = 4 + len as usize;
            if self.input.len() < end {
                break;
            }
            let packet: Vec<u8> = self.input.drain(..end).skip(4).collect();
            if self.state == State::Greeting(link) {
                self.on_session(now, link, &packet, &mut wishes)?;
            } else {
                self.on_packet(now, link, &packet, history, &mut wishes)?;
            }
            if !matches!(self.state, State::Live(_)) {
                break;
            }
        }
        Ok(wishes)
    }

    fn on_session(
        &mut self,
        now: Micros,
        link: LinkId,
        packet: &[u8],
        wishes: &mut Vec<Wish>,
    ) -> Result<(), String> {
        let response: ConnectResponse =
            Record::read(&mut Reader::new(packet)).map_err(|e| e.to_string())?;
        if response.timeout <= 0 {
            self.forget_session();
            self.lose(now, Some(link), wishes);
            return Ok(());
        }
        if self.session != SessionId::NONE && self.session.0 != response.session_id {
            return Err(format!("asked for {} and got {response:?}", self.session));
        }
        self.session = SessionId(response.session_id);
        self.passwd = response.passwd.unwrap_or_default();
        self.timeout_ms = i64::from(response.timeout);
        self.state = State::Live(link);
        self.last_sent = now;
        self.next_request = now;
        Ok(())
    }

    fn on_packet(
        &mut self,
        now: Micros,
        link: LinkId,
        packet: &[u8],
        history: &mut History,
        wishes: &mut Vec<Wish>,
    ) -> Result<(), String> {
        let mut r = Reader::new(packet);
        let header: ReplyHeader = Record::read(&mut r).map_err(|e| e.to_string())?;
        self.position += 1;
        if header.xid == NOTIFICATION {
            let event: WatcherEvent = Record::read(&mut r).map_err(|e| e.to_string())?;
            history.events.push(SeenEvent {
                client: self.id,
                conn: self.conn,
                position: self.position,
                zxid: Zxid(header.zxid),
                kind: event.kind,
                path: event.path.unwrap_or_default(),
            });
            return Ok(());
        }
        self.last_zxid = self.last_zxid.max(header.zxid);
        if header.xid == PING {
            return Ok(());
        }
        let call = self.outstanding.pop_front().ok_or("a reply to nothing")?;
        let call = &mut history.calls[call];
        if call.xid != header.xid {
            return Err(format!("client {} got {header:?} for {call:?}", self.id));
        }
        let body = if header.err == 0 { read_body(&call.request, &mut r)? } else { Body::None };
        call.reply = Some(Reply {
            end_ms: millis(now),
            position: self.position,
            zxid: Zxid(header.zxid),
            err: header.err,
            body,
        });
        if call.request == Request::Close {
            self.lose(now, Some(link), wishes);
        }
        Ok(())
    }

    fn next_request(&mut self, now: Micros, history: &mut History) -> Vec<u8> {
        self.xid += 1;
        let (asked, watch, bytes) = self.choose();
        history.calls.push(Call {
            client: self.id,
            conn: self.conn,
            session: self.session,
            session_timeout_ms: self.timeout_ms,
            xid: self.xid,
            start_ms: millis(now),
            request: asked,
            watch,
            reply: None,
        });
        self.outstanding.push_back(history.calls.len() - 1);
        bytes
    }
}

/// The wall clock of the clients.
pub fn millis(now: Micros) -> i64 {
    super::WALL_START + (now / 1000) as i64
}

fn read_body(request: &Request, r: &mut Reader<'_>) -> Result<Body, String> {
    let body = match request {
        Request::Create { .. } => {
            CreateResponse::read(r).map(|b| Body::Created(b.path.unwrap_or_default()))
        }
        Request::Set { .. } => SetDataResponse::read(r).map(|b| Body::Stat(b.stat)),
        Request::Get { .. } => {
            GetDataResponse::read(r).map(|b| Body::Data(b.data.unwrap_or_default(), b.stat))
        }
        Request::Exists { .. } => ExistsResponse::read(r).map(|b| Body::Stat(b.stat)),
        Request::Children { .. } => GetChildrenResponse::read(r)
            .map(|b| Body::Children(b.children.into_iter().flatten().flatten().collect())),
        Request::Delete { .. } | Request::Multi | Request::Sync | Request::Close => Ok(Body::None),
    };
    body.map_err(|e| format!("a reply to {request:?} that makes no sense: {e}"))
}

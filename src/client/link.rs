//! The connection: one thread that connects, reads replies and reconnects, and while connected a
//! second one that writes and pings. Java: `ClientCnxn.SendThread`.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::io::{self, BufReader, Read, Write as _};
use std::net::{Shutdown, TcpStream, ToSocketAddrs};
use std::sync::PoisonError;
use std::thread;
use std::time::{Duration, Instant};

use jute::proto::{ConnectRequest, ConnectResponse, ReplyHeader, WatcherEvent};
use jute::{DecodeError, Reader, Record, Write};

use crate::ids::{SessionId, Zxid};
use crate::op::{Code, op};
use crate::tree::EventType;

use super::connect_string::Host;
use super::shared::{
    AUTH_XID, NOTIFICATION_XID, PING_XID, Phase, SET_WATCHES_XID, Shared, State, put_frame,
};
use super::{Event, Session};

/// A ping goes out at the latest after this silence (`MAX_SEND_PING_INTERVAL`).
const MAX_PING_INTERVAL: Duration = Duration::from_secs(10);
/// The longest pause before the list of servers is gone through once more, in milliseconds.
const MAX_PAUSE_MS: u64 = 1000;

/// The thread of a client: from server to server until the session is over.
pub(super) fn run(shared: &Shared) {
    let hosts = shuffled(&shared.options.servers.hosts);
    for host in hosts.iter().cycle() {
        if let Err(e) = one_connection(shared, host) {
            log::info!("connection to {}:{} ended: {e}", host.name, host.port);
        }
        let mut state = shared.lock();
        let was_connected = matches!(state.phase, Phase::Connected { .. });
        state.failed_attempts = if was_connected { 0 } else { state.failed_attempts + 1 };
        state.lost();
        shared.changed.notify_all();
        if state.closing || matches!(state.phase, Phase::Gone(_)) {
            return;
        }
        drop(state);
        if !was_connected && Some(host) == hosts.last() {
            pause(shared);
        }
    }
}

/// A random number; the standard hasher is seeded by the system.
fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

fn shuffled(hosts: &[Host]) -> Vec<Host> {
    let mut keyed: Vec<(u64, &Host)> = hosts.iter().map(|host| (random(), host)).collect();
    keyed.sort_by_key(|&(key, _)| key);
    keyed.into_iter().map(|(_, host)| host.clone()).collect()
}

/// A random pause, so that the clients of a server that died do not come back all at once.
fn pause(shared: &Shared) {
    let deadline = Instant::now() + Duration::from_millis(random() % MAX_PAUSE_MS);
    let mut state = shared.lock();
    while !state.closing {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        let waited = shared.changed.wait_timeout(state, left);
        state = waited.unwrap_or_else(PoisonError::into_inner).0;
    }
}

/// Connects, shakes hands, and serves the connection until it ends.
fn one_connection(shared: &Shared, host: &Host) -> io::Result<()> {
    let hosts = u32::try_from(shared.options.servers.hosts.len()).unwrap_or(u32::MAX);
    let stream = open(host, shared.options.timeout / hosts)?;
    shared.lock().stream = Some(stream.try_clone()?);
    let mut input = BufReader::with_capacity(64 * 1024, stream.try_clone()?);
    let Some(read_timeout) = shake_hands(shared, &stream, &mut input)? else {
        return Ok(());
    };
    stream.set_read_timeout(Some(read_timeout))?;
    thread::scope(|scope| {
        scope.spawn(|| {
            let ended = write_loop(shared, &stream, ping_interval(read_timeout));
            // Ends the reader too; a socket that is closed already is as good.
            let _ = stream.shutdown(Shutdown::Both);
            ended
        });
        let ended = read_loop(shared, &mut input);
        // Ends the writer.
        shared.lock().stream = None;
        shared.changed.notify_all();
        let _ = stream.shutdown(Shutdown::Both);
        ended
    })
}

fn open(host: &Host, timeout: Duration) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in (host.name.as_str(), host.port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, timeout.max(Duration::from_millis(1))) {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                stream.set_read_timeout(Some(timeout.max(Duration::from_millis(1))))?;
                return Ok(stream);
            }
            Err(e) => last = e,
        }
    }
    Err(last)
}

/// Half of the silence that is allowed, a second early as Java has it, so that a second ping still
/// has time.
fn ping_interval(read_timeout: Duration) -> Duration {
    let half = read_timeout / 2;
    half.checked_sub(Duration::from_secs(1))
        .filter(|d| !d.is_zero())
        .unwrap_or(half)
        .min(MAX_PING_INTERVAL)
}

fn malformed(e: DecodeError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, e)
}

/// Gets or keeps the session. `None` if it is gone; else how long the server may be silent.
fn shake_hands(
    shared: &Shared,
    mut stream: &TcpStream,
    input: &mut impl Read,
) -> io::Result<Option<Duration>> {
    let state = shared.lock();
    if state.closing {
        return Ok(None);
    }
    let request = connect_request(shared, &state);
    drop(state);
    let mut frame = Vec::new();
    frame.put_buffer(Some(&jute::to_bytes(&request)));
    stream.write_all(&frame)?;
    let reply = read_frame(input, shared.options.max_packet)?;
    let reply = read_connect_response(&reply).map_err(malformed)?;
    let mut state = shared.lock();
    if state.closing {
        return Ok(None);
    }
    if reply.timeout <= 0 {
        state.enter(Phase::Gone(Code::SessionExpired));
        return Ok(None);
    }
    state.timeout = Duration::from_millis(reply.timeout.unsigned_abs().into());
    state.session =
        Session { id: SessionId(reply.session_id), password: reply.passwd.unwrap_or_default() };
    state.seen_rw |= !reply.read_only;
    state.prime();
    state.enter(Phase::Connected { read_only: reply.read_only });
    shared.changed.notify_all();
    Ok(Some(state.timeout * 2 / 3))
}

fn connect_request(shared: &Shared, state: &State) -> ConnectRequest {
    ConnectRequest {
        protocol_version: 0,
        last_zxid_seen: state.last_zxid,
        timeout: i32::try_from(shared.options.timeout.as_millis()).unwrap_or(i32::MAX),
        session_id: if state.seen_rw { state.session.id.0 } else { 0 },
        passwd: Some(match state.session.password.as_slice() {
            [] => vec![0; 16],
            password => password.to_vec(),
        }),
        read_only: shared.options.read_only,
    }
}

/// A server before 3.4 leaves the last byte out.
fn read_connect_response(bytes: &[u8]) -> Result<ConnectResponse, DecodeError> {
    let mut r = Reader::new(bytes);
    Ok(ConnectResponse {
        protocol_version: r.int()?,
        timeout: r.int()?,
        session_id: r.long()?,
        passwd: Record::read(&mut r)?,
        read_only: !r.is_empty() && r.bool()?,
    })
}

fn read_frame(input: &mut impl Read, max: usize) -> io::Result<Vec<u8>> {
    let mut len = [0; 4];
    input.read_exact(&mut len)?;
    match usize::try_from(i32::from_be_bytes(len)) {
        Ok(len) if len <= max => {
            let mut frame = vec![0; len];
            input.read_exact(&mut frame)?;
            Ok(frame)
        }
        _ => Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("packet of {} bytes, at most {max} are allowed", i32::from_be_bytes(len)),
        )),
    }
}

/// Writes what is queued, and a ping when nothing was for a while.
fn write_loop(shared: &Shared, mut stream: &TcpStream, interval: Duration) -> io::Result<()> {
    let mut frames = Vec::new();
    while take_output(shared, &mut frames, interval) {
        stream.write_all(&frames)?;
        frames.clear();
    }
    Ok(())
}

/// Waits for frames to write. False once the connection is over.
fn take_output(shared: &Shared, frames: &mut Vec<u8>, interval: Duration) -> bool {
    let ping_at = Instant::now() + interval;
    let mut state = shared.lock();
    while matches!(state.phase, Phase::Connected { .. }) && state.stream.is_some() {
        let left = ping_at.saturating_duration_since(Instant::now());
        if state.output.is_empty() && left.is_zero() {
            put_frame(&mut state.output, PING_XID, op::PING, &[]);
        }
        if !state.output.is_empty() {
            std::mem::swap(frames, &mut state.output);
            return true;
        }
        let waited = shared.changed.wait_timeout(state, left);
        state = waited.unwrap_or_else(PoisonError::into_inner).0;
    }
    false
}

fn read_loop(shared: &Shared, input: &mut impl Read) -> io::Result<()> {
    loop {
        let frame = read_frame(input, shared.options.max_packet)?;
        let mut r = Reader::new(&frame);
        let header = ReplyHeader::read(&mut r).map_err(malformed)?;
        match header.xid {
            PING_XID | SET_WATCHES_XID => {}
            AUTH_XID => on_auth(shared, &header)?,
            NOTIFICATION_XID => on_event(shared, &header, &mut r).map_err(malformed)?,
            _ => on_reply(shared, &header, r.remaining())?,
        }
    }
}

fn on_auth(shared: &Shared, header: &ReplyHeader) -> io::Result<()> {
    if header.err != Code::AuthFailed.number() {
        return Ok(());
    }
    shared.lock().enter(Phase::Gone(Code::AuthFailed));
    Err(io::Error::new(io::ErrorKind::PermissionDenied, "the server refused the authentication"))
}

fn on_event(shared: &Shared, header: &ReplyHeader, r: &mut Reader<'_>) -> Result<(), DecodeError> {
    let event = WatcherEvent::read(r)?;
    let path = event.path.unwrap_or_default();
    let kind = match event.kind {
        1 => EventType::NodeCreated,
        2 => EventType::NodeDeleted,
        3 => EventType::NodeDataChanged,
        4 => EventType::NodeChildrenChanged,
        other => {
            log::warn!("event of unknown type {other} for {path}");
            return Ok(());
        }
    };
    let mut state = shared.lock();
    state.watches.triggered(kind, &path);
    let path = shared.options.servers.to_client(path);
    state.tell(Event::Watch { kind, path, zxid: Zxid(header.zxid) });
    Ok(())
}

fn on_reply(shared: &Shared, header: &ReplyHeader, body: &[u8]) -> io::Result<()> {
    let mut state = shared.lock();
    let expected = state.pending.front().map(|pending| pending.xid);
    let pending = state.pending.pop_front().filter(|pending| pending.xid == header.xid);
    let Some(pending) = pending else {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("Xid out of order. Got Xid {}, expected {expected:?}", header.xid),
        ));
    };
    if header.zxid > 0 {
        state.last_zxid = header.zxid;
    }
    state.conclude(pending, header.err, body);
    Ok(())
}

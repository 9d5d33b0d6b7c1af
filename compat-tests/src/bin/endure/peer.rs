//! One connection of a session, on a socket that does not block.

use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::Instant;

use compat_tests::bench::load::connect_frame;
use compat_tests::bench::sockets;
use jute::Write as _;
use mio::event::Event;
use mio::net::TcpStream;
use mio::{Interest, Registry, Token};

/// Bytes of the password of a session.
const PASSWD_BYTES: usize = 16;
/// Where the reply to a connect has its parts: behind the length and the protocol version come the
/// timeout, the id, and the password with its length.
const TIMEOUT_AT: usize = 8;
const ID_AT: usize = 12;
const PASSWD_AT: usize = 24;
/// Where a reply has its xid and its error, behind the length.
const XID_AT: usize = 4;
const ERROR_AT: usize = 16;
/// The xid of a watch event.
const EVENT_XID: i32 = -1;

/// What it takes to come back to a session.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Pass {
    id: i64,
    passwd: [u8; PASSWD_BYTES],
}

/// What a server says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Heard {
    /// The session is granted; the one that was asked for, or a new one.
    Welcome(Pass),
    /// There is no such session.
    Refusal,
    /// A watch has fired.
    Event,
    /// The reply to a request, or to a ping, with its error code.
    Reply(i32),
}

/// A frame of a request that is its header alone.
pub(crate) fn bare_request(xid: i32, kind: i32) -> Vec<u8> {
    let mut frame = Vec::new();
    [8, xid, kind].into_iter().for_each(|field| frame.put_int(field));
    frame
}

/// The connection.
pub(crate) struct Peer {
    stream: TcpStream,
    pub(crate) begun: Instant,
    asked: Pass,
    greeted: bool,
    welcomed: bool,
    /// A frame that has not come to its end.
    input: Vec<u8>,
}

impl Peer {
    /// Begins to connect, for connection `n` of this process.
    pub(crate) fn begin(
        n: usize,
        server: SocketAddr,
        asked: Pass,
        registry: &Registry,
        token: Token,
    ) -> io::Result<Self> {
        let mut stream = TcpStream::from_std(sockets::begin(n, server)?);
        registry.register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
        let (begun, greeted, welcomed) = (Instant::now(), false, false);
        Ok(Self { stream, begun, asked, greeted, welcomed, input: Vec::new() })
    }

    /// Sends a frame. It is so short that a socket which has no room for it is as good as broken.
    pub(crate) fn send(&mut self, frame: &[u8]) -> io::Result<()> {
        self.stream.write_all(frame)
    }

    /// Does what is possible now, and passes on what was heard. `buffer` is for what one read takes.
    ///
    /// # Errors
    /// If the connection is over.
    pub(crate) fn go_on(
        &mut self,
        event: &Event,
        buffer: &mut [u8],
        mut heard: impl FnMut(Heard),
    ) -> io::Result<()> {
        if event.is_writable() && !self.greeted {
            self.greeted = true;
            self.send(&connect_frame(self.asked.id, &self.asked.passwd))?;
        }
        loop {
            let n = match self.stream.read(buffer) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(n) => n,
                Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(e) => return Err(e),
            };
            self.input.extend_from_slice(&buffer[..n]);
            while let Some(frame) = self.take_frame() {
                heard(self.meaning(&frame)?);
            }
            if n < buffer.len() {
                return Ok(());
            }
        }
    }

    /// The next frame, with its length.
    fn take_frame(&mut self) -> Option<Vec<u8>> {
        let len = 4 + usize::try_from(int(&self.input, 0)?).ok()?;
        (self.input.len() >= len).then(|| self.input.drain(..len).collect())
    }

    fn meaning(&mut self, frame: &[u8]) -> io::Result<Heard> {
        let meaning = if self.welcomed { reply(frame) } else { self.welcome(frame) };
        self.welcomed = true;
        meaning.ok_or_else(|| ErrorKind::InvalidData.into())
    }

    fn welcome(&self, frame: &[u8]) -> Option<Heard> {
        let id = i64::from_be_bytes(frame.get(ID_AT..ID_AT + 8)?.try_into().ok()?);
        let passwd = frame.get(PASSWD_AT..PASSWD_AT + PASSWD_BYTES)?.try_into().ok()?;
        let other = self.asked.id != 0 && self.asked.id != id;
        let none = int(frame, TIMEOUT_AT)? <= 0 || id == 0;
        Some(if none || other { Heard::Refusal } else { Heard::Welcome(Pass { id, passwd }) })
    }
}

fn reply(frame: &[u8]) -> Option<Heard> {
    let (xid, error) = (int(frame, XID_AT)?, int(frame, ERROR_AT)?);
    Some(if xid == EVENT_XID { Heard::Event } else { Heard::Reply(error) })
}

fn int(bytes: &[u8], at: usize) -> Option<i32> {
    Some(i32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

//! The durable echo server as three processes, of which two must have synced a batch before it is
//! answered: the messages and syncs of a write that comes to a follower, and nothing else. Each process
//! is one thread that waits in the one call that brings what it waits for, so this is the least that
//! three servers on this machine, with one disk, can do.
//!
//! ```text
//! client -> asking follower: REQUEST -> leader: PROPOSAL -> both followers
//!           all three sync; followers: ACK -> leader; after its own sync and the first ACK: COMMIT
//!           -> both followers; the asking one replies
//! ```
//!
//! A request, a proposal: a length and the batch. An ack, a commit: one byte.

use std::io::{self, BufReader, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;

use compat_tests::{Failure, Result};

use crate::echo::Log;

const BUFFER_BYTES: usize = 256 * 1024;
const ACK: u8 = 1;
const COMMIT: u8 = 2;
/// What a follower says first: whether clients come to it.
const ASKS: u8 = 1;
const ONLY_FOLLOWS: u8 = 0;

/// A connection between leader and follower.
struct Link {
    input: BufReader<TcpStream>,
    output: TcpStream,
    frame: Vec<u8>,
}

impl Link {
    fn new(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        let output = stream.try_clone()?;
        Ok(Self {
            input: BufReader::with_capacity(BUFFER_BYTES, stream),
            output,
            frame: Vec::new(),
        })
    }

    fn send_byte(&mut self, byte: u8) -> io::Result<()> {
        self.output.write_all(&[byte])
    }

    fn expect_byte(&mut self, expected: u8) -> io::Result<()> {
        match self.receive_byte()? {
            byte if byte == expected => Ok(()),
            byte => Err(io::Error::other(format!("the peer says {byte}, not {expected}"))),
        }
    }

    fn receive_byte(&mut self) -> io::Result<u8> {
        let mut byte = [0];
        self.input.read_exact(&mut byte)?;
        Ok(byte[0])
    }

    fn send_batch(&mut self, batch: &[u8]) -> io::Result<()> {
        let len = u32::try_from(batch.len()).map_err(io::Error::other)?;
        self.frame.clear();
        self.frame.extend_from_slice(&len.to_be_bytes());
        self.frame.extend_from_slice(batch);
        self.output.write_all(&self.frame)
    }

    fn receive_batch(&mut self, batch: &mut Vec<u8>) -> io::Result<()> {
        let mut len = [0; 4];
        self.input.read_exact(&mut len)?;
        batch.resize(u32::from_be_bytes(len) as usize, 0);
        self.input.read_exact(batch)
    }
}

/// A follower's end.
pub(crate) struct Follower {
    leader: Link,
    log: Log,
    proposal: Vec<u8>,
}

impl Follower {
    /// Connects to the leader; `asks` if clients come to this follower.
    pub(crate) fn connect(leader: SocketAddr, log: Log, asks: bool) -> io::Result<Self> {
        let mut leader = Link::new(TcpStream::connect(leader)?)?;
        leader.send_byte(if asks { ASKS } else { ONLY_FOLLOWS })?;
        Ok(Self { leader, log, proposal: Vec::new() })
    }

    /// Returns when two of the three have the batch on the disk.
    pub(crate) fn ask(&mut self, batch: &[u8]) -> io::Result<()> {
        self.leader.send_batch(batch)?;
        self.follow()
    }

    /// One round: from the proposal to the commit.
    fn follow(&mut self) -> io::Result<()> {
        self.leader.receive_batch(&mut self.proposal)?;
        self.log.append(&self.proposal)?;
        self.leader.send_byte(ACK)?;
        self.leader.expect_byte(COMMIT)
    }
}

/// The main of a follower that only follows; ends when the leader does.
pub(crate) fn serve_follower(leader: SocketAddr, file: &Path) -> Result<()> {
    let mut follower = Follower::connect(leader, Log::create(file)?, false)?;
    until_a_peer_is_gone(|| follower.follow())
}

/// The leader's main: prints its port, takes its two followers, serves until one of them is gone.
pub(crate) fn serve_leader(file: &Path) -> Result<()> {
    let log = Log::create(file)?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    println!("{}", listener.local_addr()?.port());
    let accept = || -> io::Result<_> {
        let mut link = Link::new(listener.accept()?.0)?;
        Ok((link.receive_byte()? == ASKS, link))
    };
    let mut followers = [accept()?, accept()?];
    followers.sort_by_key(|(asks, _)| !asks);
    let [(true, asking), (false, other)] = followers else {
        return Err(Failure::new("clients come to both followers, or to none"));
    };
    let mut leader = Leader { asking, other, log, batch: Vec::new(), owed: false };
    until_a_peer_is_gone(|| leader.round())
}

/// The benchmark ends its echoes one after the other: who is left is through.
fn until_a_peer_is_gone(mut round: impl FnMut() -> io::Result<()>) -> Result<()> {
    let gone = [ErrorKind::UnexpectedEof, ErrorKind::ConnectionReset, ErrorKind::BrokenPipe];
    loop {
        match round() {
            Ok(()) => {}
            Err(e) if gone.contains(&e.kind()) => return Ok(()),
            Err(e) => return Err(e.into()),
        }
    }
}

struct Leader {
    asking: Link,
    other: Link,
    log: Log,
    batch: Vec<u8>,
    /// The other follower's ack of the last round was not waited for.
    owed: bool,
}

impl Leader {
    fn round(&mut self) -> io::Result<()> {
        self.asking.receive_batch(&mut self.batch)?;
        self.asking.send_batch(&self.batch)?;
        self.other.send_batch(&self.batch)?;
        self.log.append(&self.batch)?;
        if std::mem::replace(&mut self.owed, true) {
            self.other.expect_byte(ACK)?;
        }
        self.asking.expect_byte(ACK)?;
        self.asking.send_byte(COMMIT)?;
        self.other.send_byte(COMMIT)
    }
}

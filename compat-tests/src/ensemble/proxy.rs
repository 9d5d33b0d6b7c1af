//! What stands between the members: a proxy for each ordered pair and each of the two ports, which
//! cuts and delays what goes through it.
//!
//! On the election port a caller says first where it can be called back, and the one that is called
//! may do so. The proxy puts the address of the way back through itself in its place:
//! long protocol, long sid, int length, `host:port`.
//!
//! A proxy can also write down what goes through it: [`Network::record`], [`Recording`].

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use super::local;
use crate::Result;
use crate::ports::free_ports;

/// The bytes before the address in a caller's first message.
const GREETING_HEAD: usize = 20;
/// The longest address that is passed on.
const GREETING_MAX: usize = 2048;

/// How often a member is called that does not answer yet, and the pause between.
const CONNECT_TRIES: usize = 50;
const CONNECT_PAUSE: Duration = Duration::from_millis(10);

/// What happens to the connections from one member to another.
#[derive(Debug, Default)]
struct Way {
    cut: AtomicBool,
    delay_ms: AtomicU64,
    open: Mutex<Vec<TcpStream>>,
    /// Where the two ports of the way are.
    ports: (u16, u16),
    recording: Recording,
}

/// Which port a connection was made to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Port {
    /// That of the leader for its learners.
    Quorum,
    /// That of the votes.
    Election,
    /// That of the clients.
    Client,
}

/// What went over one connection.
#[derive(Debug)]
pub struct Tape {
    /// To which port it was made.
    pub port: Port,
    /// What the caller has said.
    pub caller: Mutex<Vec<u8>>,
    /// What the called one has said.
    pub called: Mutex<Vec<u8>>,
}

/// The connections that went through a proxy since it was asked to write them down.
#[derive(Debug, Default)]
pub struct Recording {
    is_on: AtomicBool,
    tapes: Mutex<Vec<Arc<Tape>>>,
}

impl Recording {
    fn begin(&self, port: Port) -> Option<Arc<Tape>> {
        let tape = Arc::new(Tape { port, caller: Mutex::default(), called: Mutex::default() });
        self.is_on.load(Ordering::SeqCst).then(|| {
            lock(&self.tapes).push(Arc::clone(&tape));
            tape
        })
    }

    /// What was written down, in the order of the connections.
    pub fn tapes(&self) -> Vec<Arc<Tape>> {
        lock(&self.tapes).clone()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A proxy before the client port of a server, which writes down all that clients say.
#[derive(Debug)]
pub struct ClientProxy {
    way: Arc<Way>,
}

impl ClientProxy {
    /// A proxy before `server`.
    ///
    /// # Errors
    /// If there is no port.
    pub fn start(server: SocketAddr) -> Result<Self> {
        let port = free_ports(1)?[0];
        let way = Arc::new(Way { ports: (port, port), ..Way::default() });
        way.recording.is_on.store(true, Ordering::SeqCst);
        listen(port, server, &way, Port::Client, None)?;
        Ok(Self { way })
    }

    /// Where clients find it.
    pub fn address(&self) -> SocketAddr {
        local(self.way.ports.0)
    }

    /// What was said.
    pub fn tapes(&self) -> Vec<Arc<Tape>> {
        self.way.recording.tapes()
    }
}

/// All proxies of an ensemble.
#[derive(Debug)]
pub struct Network {
    /// `ways[from][to]`; those from a member to itself are not used.
    ways: Vec<Vec<Arc<Way>>>,
}

impl Network {
    /// Proxies for members whose quorum and election ports, by turns, are `ports`.
    ///
    /// # Errors
    /// If there are no ports.
    pub fn start(ports: &[u16]) -> Result<Self> {
        let n = ports.len() / 2;
        let mut ways = Vec::new();
        for _ in 0..n {
            let row = (0..n).map(|_| {
                let ports = free_ports(2)?;
                Ok(Arc::new(Way { ports: (ports[0], ports[1]), ..Way::default() }))
            });
            ways.push(row.collect::<Result<Vec<_>>>()?);
        }
        for (from, row) in ways.iter().enumerate() {
            for (to, way) in row.iter().enumerate().filter(|(to, _)| *to != from) {
                let back = ways[to][from].ports.1;
                listen(way.ports.0, local(ports[2 * to]), way, Port::Quorum, None)?;
                listen(way.ports.1, local(ports[2 * to + 1]), way, Port::Election, Some(back))?;
            }
        }
        Ok(Self { ways })
    }

    /// The quorum and election port at which `from` finds `to`.
    pub fn ports(&self, from: usize, to: usize) -> (u16, u16) {
        self.ways[from][to].ports
    }

    /// From now on new connections are written down.
    pub fn record(&self) {
        for way in self.ways.iter().flatten() {
            way.recording.is_on.store(true, Ordering::SeqCst);
        }
    }

    /// What was written down of the connections that `from` has opened to `to`.
    pub fn tapes(&self, from: usize, to: usize) -> Vec<Arc<Tape>> {
        self.ways[from][to].recording.tapes()
    }

    /// Cuts what goes from `from` to `to` and what it opened; `false` heals it.
    pub fn cut(&self, from: usize, to: usize, cut: bool) {
        let way = &self.ways[from][to];
        way.cut.store(cut, Ordering::SeqCst);
        if cut {
            self.drop_connections(from, to);
        }
    }

    /// Breaks the connections that `from` has opened to `to`.
    pub fn drop_connections(&self, from: usize, to: usize) {
        for stream in lock(&self.ways[from][to].open).drain(..) {
            // One that is closed already is as good.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Cuts a member from all others, or heals it.
    pub fn isolate(&self, member: usize, cut: bool) {
        for other in (0..self.ways.len()).filter(|other| *other != member) {
            self.cut(member, other, cut);
            self.cut(other, member, cut);
        }
    }

    /// Everything on connections that `from` opens to `to` waits so long, in both directions.
    pub fn delay(&self, from: usize, to: usize, delay: Duration) {
        let ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        self.ways[from][to].delay_ms.store(ms, Ordering::SeqCst);
    }
}

fn listen(port: u16, to: SocketAddr, way: &Arc<Way>, kind: Port, back: Option<u16>) -> Result<()> {
    let listener = TcpListener::bind(local(port))?;
    let way = Arc::clone(way);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let way = Arc::clone(&way);
            // A connection that breaks is what such a connection is for.
            thread::spawn(move || carry(stream, to, &way, kind, back));
        }
    });
    Ok(())
}

fn carry(
    mut caller: TcpStream,
    to: SocketAddr,
    way: &Arc<Way>,
    kind: Port,
    back: Option<u16>,
) -> io::Result<()> {
    if way.cut.load(Ordering::SeqCst) {
        return Ok(());
    }
    let mut called = connect(to)?;
    caller.set_nodelay(true)?;
    called.set_nodelay(true)?;
    lock(&way.open).extend([caller.try_clone()?, called.try_clone()?]);
    let tape = way.recording.begin(kind);
    if let Some(back) = back {
        let greeting = greeting(&mut caller, back)?;
        called.write_all(&greeting)?;
        tape.iter().for_each(|tape| lock(&tape.caller).extend(&greeting));
    }
    let (caller_too, called_too) = (caller.try_clone()?, called.try_clone()?);
    let (way_too, tape_too) = (Arc::clone(way), tape.clone());
    thread::spawn(move || {
        pump(called_too, caller_too, &way_too, tape_too.as_ref().map(|tape| &tape.called));
    });
    pump(caller, called, way, tape.as_ref().map(|tape| &tape.caller));
    Ok(())
}

/// A caller that reaches the proxy takes this for having reached the member, which may not be listening
/// yet.
fn connect(to: SocketAddr) -> io::Result<TcpStream> {
    for _ in 0..CONNECT_TRIES {
        if let Ok(stream) = TcpStream::connect(to) {
            return Ok(stream);
        }
        thread::sleep(CONNECT_PAUSE);
    }
    TcpStream::connect(to)
}

/// The caller's first message with another address in it.
fn greeting(caller: &mut TcpStream, back: u16) -> io::Result<Vec<u8>> {
    let mut head = [0; GREETING_HEAD];
    caller.read_exact(&mut head)?;
    let len = u32::from_be_bytes([head[16], head[17], head[18], head[19]]);
    let mut address = vec![0; (len as usize).min(GREETING_MAX)];
    caller.read_exact(&mut address)?;
    let address = local(back).to_string();
    let len = u32::try_from(address.len()).unwrap_or(0);
    Ok([&head[..16], &len.to_be_bytes(), address.as_bytes()].concat())
}

fn pump(mut from: TcpStream, mut to: TcpStream, way: &Way, tape: Option<&Mutex<Vec<u8>>>) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(n @ 1..) = from.read(&mut buffer) {
        tape.iter().for_each(|tape| lock(tape).extend_from_slice(&buffer[..n]));
        thread::sleep(Duration::from_millis(way.delay_ms.load(Ordering::SeqCst)));
        if way.cut.load(Ordering::SeqCst) || to.write_all(&buffer[..n]).is_err() {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}

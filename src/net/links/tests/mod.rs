//! Links on loopback: two ends of ours, or one of ours and a plain socket.

mod ends;
mod flow;
mod hostile;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::{Connect, Flow, LinkSettings, LinkSink, Links, Order, Port};
use crate::ids::Sid;
use crate::net::{Clock, loopback};
use crate::zab::LinkId;

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Debug, PartialEq, Eq)]
enum Heard {
    Accepted(LinkId),
    Connected(Sid, LinkId),
    Failed(Sid, String),
    Bytes(LinkId, Vec<u8>),
    Flushed(LinkId),
    Closed(LinkId, String),
}

/// A sink that tells all it hears.
struct Ear {
    tell: Mutex<Sender<Heard>>,
    flow: Mutex<Flow>,
}

impl Ear {
    fn tell(&self, heard: Heard) {
        // A test that has seen enough listens no more.
        let _ = self.tell.lock().unwrap().send(heard);
    }
}

impl LinkSink for Ear {
    fn accepted(&self, link: LinkId, _: SocketAddr) {
        self.tell(Heard::Accepted(link));
    }

    fn connected(&self, sid: Sid, link: LinkId, _: SocketAddr) {
        self.tell(Heard::Connected(sid, link));
    }

    fn connect_failed(&self, sid: Sid, why: &str) {
        self.tell(Heard::Failed(sid, why.to_owned()));
    }

    fn bytes(&self, link: LinkId, bytes: &[u8]) -> Flow {
        let flow = *self.flow.lock().unwrap();
        self.tell(Heard::Bytes(link, bytes.to_vec()));
        flow
    }

    fn flushed(&self, link: LinkId) {
        self.tell(Heard::Flushed(link));
    }

    fn closed(&self, link: LinkId, end: super::End) {
        self.tell(Heard::Closed(link, end.why));
    }
}

/// One server's links, with an ear at the quorum port.
struct End {
    links: Links,
    heard: Receiver<Heard>,
    ear: Arc<Ear>,
    address: SocketAddr,
}

impl Drop for End {
    fn drop(&mut self) {
        self.links.shutdown();
    }
}

impl End {
    fn new(settings: LinkSettings) -> Self {
        Self::over(Links::start(settings, Clock::start()).unwrap())
    }

    /// One whose port is given back, and taken again.
    fn alone() -> Self {
        let links = Links::start(LinkSettings::default(), Clock::start());
        Self::listening(links.unwrap(), loopback::own())
    }

    fn over(links: Links) -> Self {
        Self::listening(links, "127.0.0.1:0".parse().unwrap())
    }

    fn listening(links: Links, address: SocketAddr) -> Self {
        let (tell, heard) = channel();
        let ear = Arc::new(Ear { tell: Mutex::new(tell), flow: Mutex::new(Flow::Go) });
        links.serve(Port::Quorum, Arc::<Ear>::clone(&ear));
        let address = links.listen(Port::Quorum, address).unwrap();
        Self { links, heard, ear, address }
    }

    fn hear(&self) -> Heard {
        self.heard.recv_timeout(PATIENCE).expect("nothing was heard")
    }

    fn dial(&self, sid: i64, addresses: &[(&str, u16)], timeout: i64) {
        let addresses = addresses.iter().map(|(host, port)| ((*host).to_owned(), *port)).collect();
        let (port, sid) = (Port::Quorum, Sid(sid));
        let connect = Connect { port, sid, addresses, timeout, told: false };
        self.links.send([Order::Connect(connect)]);
    }

    /// As `dial`, where a caller said that it is.
    fn dial_told(&self, sid: i64, host: &str, at: u16, timeout: i64) {
        let (port, sid, addresses) = (Port::Quorum, Sid(sid), vec![(host.to_owned(), at)]);
        let connect = Connect { port, sid, addresses, timeout, told: true };
        self.links.send([Order::Connect(connect)]);
    }

    /// A plain socket, connected, and the link at our end.
    fn caller(&self) -> (TcpStream, LinkId) {
        let socket = TcpStream::connect(self.address).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        match self.hear() {
            Heard::Accepted(link) => (socket, link),
            other => panic!("{other:?}"),
        }
    }

    /// All bytes of `link` until there are `n`.
    fn hear_bytes(&self, link: LinkId, n: usize) -> Vec<u8> {
        let mut all = Vec::new();
        while all.len() < n {
            match self.hear() {
                Heard::Bytes(l, bytes) if l == link => all.extend(bytes),
                other => panic!("{other:?}"),
            }
        }
        all
    }
}

/// Bytes that tell their place.
fn pattern(n: usize) -> Vec<u8> {
    (0..n).map(|i| (i % 251) as u8).collect()
}

/// An address where nobody answers: a listener whose queue is full drops what calls it.
struct Silent {
    port: u16,
    _listener: socket2::Socket,
    _queued: Vec<socket2::Socket>,
}

impl Silent {
    fn new() -> Self {
        let address: SocketAddr = "127.0.0.1:0".parse().unwrap();
        let listener = stream_socket();
        listener.bind(&address.into()).unwrap();
        listener.listen(0).unwrap();
        let address = listener.local_addr().unwrap();
        let queued = (0..4).map(|_| {
            let socket = stream_socket();
            socket.set_nonblocking(true).unwrap();
            let _ = socket.connect(&address);
            socket
        });
        let _queued = queued.collect();
        Self { port: address.as_socket().unwrap().port(), _listener: listener, _queued }
    }
}

fn stream_socket() -> socket2::Socket {
    socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap()
}

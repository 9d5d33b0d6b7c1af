//! Addresses of this machine for tests, each of which has its own: a port of it that was given back
//! stays free until the test takes it again, for no other test listens there, and nobody calls from
//! there.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU32, Ordering};

/// An address that this process gives once. The system chooses the port.
pub(crate) fn own() -> SocketAddr {
    static GIVEN: AtomicU32 = AtomicU32::new(0);
    let given = GIVEN.fetch_add(1, Ordering::Relaxed);
    // Another process has most likely another one.
    let process = std::process::id() % 254 + 1;
    let address = (127 << 24) + (process << 16) + given % 0xffff + 1;
    (Ipv4Addr::from(address), 0).into()
}

/// A port of 127.0.0.1 where calls are refused, as long as the socket is kept: it does not listen.
pub(crate) fn refusing() -> (socket2::Socket, u16) {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
    let port = socket.local_addr().unwrap().as_socket().unwrap().port();
    (socket, port)
}

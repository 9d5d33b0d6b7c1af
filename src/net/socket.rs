//! Sockets as the Java server sets them up.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use mio::net::{TcpListener, TcpStream};
use socket2::{Domain, Protocol, SockRef, Socket, Type};

/// What `clientPortListenBacklog=-1` leaves to the platform. Java takes 50, which a thousand clients
/// that come back after an election overrun; the kernel cuts it down to `somaxconn`.
const DEFAULT_BACKLOG: i32 = 1024;

/// Listens on `address`. A wildcard of either family serves both, as a Java server socket does; where
/// the kernel has no IPv6, the IPv4 wildcard has to do.
pub(super) fn listen(address: SocketAddr, backlog: Option<i32>) -> io::Result<TcpListener> {
    let backlog = backlog.filter(|n| *n > 0).unwrap_or(DEFAULT_BACKLOG);
    if !address.ip().is_unspecified() {
        return bind(address, backlog);
    }
    match bind((Ipv6Addr::UNSPECIFIED, address.port()).into(), backlog) {
        Err(e) if no_ipv6(&e) => bind((Ipv4Addr::UNSPECIFIED, address.port()).into(), backlog),
        result => result,
    }
}

fn no_ipv6(e: &io::Error) -> bool {
    matches!(e.kind(), io::ErrorKind::Unsupported | io::ErrorKind::AddrNotAvailable)
        || e.raw_os_error() == Some(rustix::io::Errno::AFNOSUPPORT.raw_os_error())
}

fn bind(address: SocketAddr, backlog: i32) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(!address.ip().is_unspecified())?;
    }
    socket.bind(&address.into())?;
    socket.listen(backlog)?;
    socket.set_nonblocking(true)?;
    Ok(TcpListener::from_std(socket.into()))
}

/// Prepares a client's socket. No linger option: what is written before a close is still sent.
pub(super) fn prepare(socket: &TcpStream, keep_alive: bool) -> io::Result<()> {
    socket.set_nodelay(true)?;
    SockRef::from(socket).set_keepalive(keep_alive)
}

/// Closes at once with a reset: nothing stays behind in the kernel (`fastCloseSock`).
pub(super) fn reset(socket: TcpStream) {
    if let Err(e) = SockRef::from(&socket).set_linger(Some(Duration::ZERO)) {
        log::debug!("cannot set linger on a socket to be reset: {e}");
    }
}

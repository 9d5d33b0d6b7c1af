//! Very many sockets: more of them than one source address has ports, or than a shell lets us open.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use socket2::{Domain, Socket, Type};

use crate::Result;

/// Source addresses that take turns: each has some 28,000 ports.
const SOURCES: usize = 16;

/// Lets this process, and the servers that it starts, open as many files as the system allows; returns
/// how many that are.
///
/// # Errors
/// If the system refuses what it has promised.
pub fn allow_open_files() -> Result<usize> {
    let allowed = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: allowed, maximum: allowed })?;
    Ok(allowed.map_or(usize::MAX, |files| usize::try_from(files).unwrap_or(usize::MAX)))
}

/// Begins to make connection `n` to a server, without blocking. Its source address is one of
/// 127.0.1.1 to 127.0.1.16 by turns. It is closed with a reset, so that no port is held by what is
/// over.
///
/// # Errors
/// If that cannot be begun.
pub fn begin(n: usize, server: SocketAddr) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    let source = Ipv4Addr::new(127, 0, 1, 1 + (n % SOURCES) as u8);
    socket.bind(&SocketAddr::from((source, 0)).into())?;
    socket.set_linger(Some(Duration::ZERO))?;
    socket.set_tcp_nodelay(true)?;
    socket.set_nonblocking(true)?;
    match socket.connect(&server.into()) {
        Err(e) if e.raw_os_error() != Some(Errno::INPROGRESS.raw_os_error()) => Err(e),
        _ => Ok(socket.into()),
    }
}

//! `host:port,host:port/chroot` (Java: `ConnectStringParser`).

use std::str::FromStr;

use crate::tree::path;

use super::Error;

/// The port of a host that names none.
const DEFAULT_PORT: u16 = 2181;

/// One server: a name or an address (of IPv6 without its brackets), resolved at each connect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// The name or address.
    pub name: String,
    /// The client port.
    pub port: u16,
}

/// The servers of an ensemble, and the node that the client takes for the root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectString {
    /// The servers, at least one.
    pub hosts: Vec<Host>,
    /// The chroot, without a slash at its end; empty where there is none.
    pub chroot: String,
}

impl FromStr for ConnectString {
    type Err = Error;

    fn from_str(s: &str) -> Result<Self, Error> {
        let (hosts, chroot) = s.split_at(s.find('/').unwrap_or(s.len()));
        let hosts = hosts
            .split(',')
            .map(str::trim)
            .filter(|host| !host.is_empty())
            .map(parse_host)
            .collect::<Result<Vec<_>, _>>()?;
        if hosts.is_empty() {
            return Err(Error::ConnectString(format!("no server in connect string {s:?}")));
        }
        let chroot = if chroot == "/" { "" } else { chroot };
        if !chroot.is_empty() {
            let invalid = |e| Error::ConnectString(format!("invalid chroot in {s:?}: {e}"));
            path::validate(chroot).map_err(invalid)?;
        }
        Ok(Self { hosts, chroot: chroot.to_owned() })
    }
}

fn parse_host(host: &str) -> Result<Host, Error> {
    let (name, port) = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((name, rest)) => (name, rest.strip_prefix(':').unwrap_or(rest)),
        None => host.rsplit_once(':').unwrap_or((host, "")),
    };
    let port = if port.is_empty() { Ok(DEFAULT_PORT) } else { port.parse() };
    match port {
        Ok(port) if !name.is_empty() => Ok(Host { name: name.to_owned(), port }),
        _ => Err(Error::ConnectString(format!("{host:?} is not a host and a port"))),
    }
}

impl ConnectString {
    /// The server's path of the client's `path`.
    pub(super) fn to_server(&self, path: &str) -> String {
        if self.chroot.is_empty() {
            path.to_owned()
        } else if path == "/" {
            self.chroot.clone()
        } else {
            format!("{}{path}", self.chroot)
        }
    }

    /// The client's path of the server's `path`. One outside the chroot (as `/zookeeper/config` may
    /// be) stays as it is.
    pub(super) fn to_client(&self, path: String) -> String {
        match path.strip_prefix(self.chroot.as_str()) {
            Some("") => "/".to_owned(),
            Some(rest) if rest.starts_with('/') => rest.to_owned(),
            _ => path,
        }
    }
}

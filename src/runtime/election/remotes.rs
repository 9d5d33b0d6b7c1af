//! Who is at the other ends of the connections, for the log.

use std::collections::HashMap;
use std::net::SocketAddr;

use crate::ids::Millis;
use crate::zab::LinkId;

/// How long nothing more is said of one connection's messages, in ms.
const QUIET: Millis = 1_000;

/// The open connections.
#[derive(Debug, Default)]
pub(super) struct Remotes(HashMap<LinkId, Remote>);

#[derive(Debug)]
struct Remote {
    address: SocketAddr,
    told_at: Option<Millis>,
    untold: u64,
}

impl Remotes {
    pub(super) fn insert(&mut self, link: LinkId, address: SocketAddr) {
        self.0.insert(link, Remote { address, told_at: None, untold: 0 });
    }

    pub(super) fn remove(&mut self, link: LinkId) -> Option<SocketAddr> {
        self.0.remove(&link).map(|remote| remote.address)
    }

    pub(super) fn address(&self, link: LinkId) -> Option<SocketAddr> {
        self.0.get(&link).map(|remote| remote.address)
    }

    pub(super) fn into_links(self) -> impl Iterator<Item = LinkId> {
        self.0.into_keys()
    }

    /// Something is to be said of a message that came over `link`: from where it came, and how many
    /// more there were of which nothing was said. None if there was something lately: a flood of bad
    /// messages must not become one of log lines.
    pub(super) fn complain(&mut self, link: LinkId, now: Millis) -> Option<String> {
        let remote = self.0.get_mut(&link)?;
        if remote.told_at.is_some_and(|at| now - at < QUIET) {
            remote.untold += 1;
            return None;
        }
        remote.told_at = Some(now);
        let address = remote.address;
        Some(match std::mem::take(&mut remote.untold) {
            0 => address.to_string(),
            untold => format!("{address} ({untold} more were dropped)"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_connection_is_complained_of_once_a_second() {
        let mut remotes = Remotes::default();
        let (a, b) = (LinkId(1), LinkId(2));
        remotes.insert(a, SocketAddr::from(([10, 0, 0, 1], 5000)));
        remotes.insert(b, SocketAddr::from(([10, 0, 0, 2], 5000)));
        assert_eq!(remotes.complain(a, 7).as_deref(), Some("10.0.0.1:5000"));
        assert_eq!(remotes.complain(a, 7), None);
        assert_eq!(remotes.complain(b, 8).as_deref(), Some("10.0.0.2:5000"));
        assert_eq!(remotes.complain(a, 1006), None);
        let later = remotes.complain(a, 1007);
        assert_eq!(later.as_deref(), Some("10.0.0.1:5000 (2 more were dropped)"));
        assert_eq!(remotes.complain(LinkId(3), 0), None, "nobody is there");
    }
}

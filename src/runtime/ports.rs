//! Where a member listens for the others: on the addresses of its own line, or on all of this machine
//! (`quorumListenOnAllIPs`).

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::thread::{Builder, sleep};
use std::time::Duration;

use log::{error, info, warn};

use super::fatal::Fatal;
use super::start::{StartError, io_error};
use crate::config::{Config, HostPort, PeerAddress, QuorumServer};
use crate::net::links::{Links, Port};

/// Pause between two attempts to bind the election port.
const BIND_PAUSE: Duration = Duration::from_secs(1);

/// The addresses of one of this server's ports, each once.
pub(super) fn addresses(
    config: &Config,
    own: &QuorumServer,
    port: impl Fn(&PeerAddress) -> u16,
) -> Vec<HostPort> {
    let mut found = Vec::new();
    for address in &own.addresses {
        let everywhere = config.quorum.listen_on_all_ips;
        let host = if everywhere { "0.0.0.0" } else { &address.host };
        let address = HostPort { host: host.to_owned(), port: port(address) };
        if !found.contains(&address) {
            found.push(address);
        }
    }
    found
}

/// The same as they are now. Of several, one that cannot be resolved is done without as long as there
/// is another.
pub(super) fn resolved(
    config: &Config,
    own: &QuorumServer,
    port: impl Fn(&PeerAddress) -> u16,
) -> Result<Vec<SocketAddr>, StartError> {
    let mut found = Vec::new();
    let mut failed = None;
    for address in addresses(config, own, port) {
        match resolve(&address) {
            Ok(address) => found.push(address),
            Err(e) => {
                let what = format!("cannot resolve {} of server.{}", address.host, own.sid);
                warn!("{what}: {e}");
                failed = Some(io_error(&what)(e));
            }
        }
    }
    match failed {
        Some(e) if found.is_empty() => Err(e),
        _ => Ok(found),
    }
}

fn resolve(address: &HostPort) -> io::Result<SocketAddr> {
    let mut found = (address.host.as_str(), address.port).to_socket_addrs()?;
    found.next().ok_or_else(|| io::ErrorKind::NotFound.into())
}

/// Listens for learners. One address of several is enough (the constructor of Java's Leader).
///
/// # Errors
/// What failed last, of all of them.
pub(super) fn bind_for_learners(links: &Links, addresses: &[HostPort]) -> io::Result<()> {
    let mut failures = Vec::new();
    for address in addresses {
        if let Err(e) = resolve(address).and_then(|found| links.listen(Port::Quorum, found)) {
            error!("Couldn't bind to {}:{}: {e}", address.host, address.port);
            failures.push(e);
        }
    }
    match failures.pop() {
        Some(failure) if failures.len() + 1 == addresses.len() => Err(failure),
        _ => Ok(()),
    }
}

/// Listens for votes. What cannot be bound at once is tried again beside the server, which calls others
/// and answers operators meanwhile; without any address at last the server ends
/// (`QuorumCnxManager.Listener`).
pub(super) fn bind_for_votes(
    links: &Links,
    addresses: Vec<HostPort>,
    tries: i32,
    fatal: &Arc<Fatal>,
) -> Result<(), StartError> {
    let mut attempts = Attempts::new(addresses, tries);
    if bind_all(links, &mut attempts)? {
        return Ok(());
    }
    let (links, fatal) = (links.clone(), Arc::clone(fatal));
    let listener = move || {
        while !fatal.is_stopping() {
            sleep(BIND_PAUSE);
            match bind_all(&links, &mut attempts) {
                Ok(true) => return,
                Ok(false) => {}
                Err(e) => {
                    error!("{e}");
                    return fatal.stop(e.exit_code());
                }
            }
        }
    };
    let thread = Builder::new().name("Listener".to_owned()).spawn(listener);
    thread.map(|_| ()).map_err(io_error("cannot start the listener"))
}

/// A name is looked up at each attempt: it may be known only once this server runs
/// (`ListenerHandler.createNewServerSocket`).
fn bind_all(links: &Links, attempts: &mut Attempts) -> Result<bool, StartError> {
    attempts.attempt(|address| {
        let bound = links.listen(Port::Election, resolve(address)?)?;
        info!("Election port bound to {bound}");
        Ok(())
    })
}

/// As often as `electionPortBindRetry` says; 0 for ever. One address of several is enough at last.
struct Attempts {
    unbound: Vec<HostPort>,
    addresses: usize,
    tries: i32,
    tried: i32,
}

impl Attempts {
    fn new(addresses: Vec<HostPort>, tries: i32) -> Self {
        Self { addresses: addresses.len(), unbound: addresses, tries, tried: 0 }
    }

    /// Once more. False if there is something left to be tried.
    fn attempt(
        &mut self,
        mut bind: impl FnMut(&HostPort) -> io::Result<()>,
    ) -> Result<bool, StartError> {
        let mut failed = None;
        self.unbound.retain(|address| match bind(address) {
            Ok(()) => false,
            Err(source) => {
                let address = format!("{}:{}", address.host, address.port);
                error!("Exception while listening for votes on {address}: {source}");
                failed = Some(StartError::ElectionPort { address, source });
                true
            }
        });
        self.tried += 1;
        match failed {
            None => Ok(true),
            Some(_) if self.tries == 0 || self.tried < self.tries => Ok(false),
            Some(_) if self.unbound.len() < self.addresses => Ok(true),
            Some(failure) => Err(failure),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{ExitCode, PeerType};
    use crate::ids::Sid;
    use crate::runtime::testing::config;

    /// A member whose line has these hosts.
    fn own(hosts: &[&str]) -> QuorumServer {
        let address =
            |host: &&str| PeerAddress { host: (*host).into(), quorum_port: 1, election_port: 3888 };
        QuorumServer {
            sid: Sid(1),
            addresses: hosts.iter().map(address).collect(),
            peer_type: PeerType::Participant,
            client: None,
            client_from_static: false,
        }
    }

    #[test]
    fn of_several_addresses_one_may_be_unknown() {
        let (good, unknown) = ("127.0.0.1", "no.such.host.invalid");
        let found = |hosts: &[&str]| resolved(&config(""), &own(hosts), |a| a.election_port);
        let bound = vec![SocketAddr::from(([127, 0, 0, 1], 3888))];
        assert_eq!(found(&[unknown, good]).unwrap(), bound);
        assert_eq!(found(&[good]).unwrap(), bound);
        assert!(found(&[unknown]).is_err());
    }

    #[test]
    fn all_of_this_machine_is_listened_on_once() {
        let everywhere = config("quorumListenOnAllIPs=true\n");
        let found = resolved(&everywhere, &own(&["127.0.0.1", "127.0.0.2"]), |a| a.election_port);
        assert_eq!(found.unwrap(), [SocketAddr::from(([0, 0, 0, 0], 3888))]);
    }

    /// What each attempt comes to, where as many names are known at each.
    fn outcomes(tries: i32, known: &[usize]) -> Vec<Result<bool, ExitCode>> {
        let own = own(&["early", "late"]);
        let mut attempts = Attempts::new(addresses(&config(""), &own, |a| a.election_port), tries);
        let attempt = |known: &usize| {
            let names = &["early", "late"][..*known];
            let is_known = |a: &HostPort| names.contains(&a.host.as_str());
            let bind = |address: &HostPort| match is_known(address) {
                true => Ok(()),
                false => Err(io::ErrorKind::NotFound.into()),
            };
            attempts.attempt(bind).map_err(|e| e.exit_code())
        };
        known.iter().map(attempt).collect()
    }

    #[test]
    fn names_that_nobody_knows_yet_are_asked_for_again() {
        let end = Err(ExitCode::QuorumPortBind);
        assert_eq!(outcomes(3, &[2]), [Ok(true)]);
        assert_eq!(outcomes(3, &[0, 1, 2]), [Ok(false), Ok(false), Ok(true)]);
        assert_eq!(outcomes(3, &[0, 0, 0]), [Ok(false), Ok(false), end]);
        assert_eq!(outcomes(2, &[0, 1]), [Ok(false), Ok(true)]);
        assert_eq!(outcomes(0, &[0, 0, 1, 2]), [Ok(false), Ok(false), Ok(false), Ok(true)]);
    }
}

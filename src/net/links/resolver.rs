//! Names to addresses. The system's resolver blocks, for as long as a name server is silent: each
//! name is looked up in a thread of its own, so that none waits for another's, and a name that is
//! asked for again while it is being looked up costs no second thread. A name of the configuration that
//! cannot be looked up is what it was last (`MultipleAddresses.recreateSocketAddress`): that the name
//! servers are down must not keep the servers from each other.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::mail::Mail;

/// How many names are looked up at the same time; the next wait.
const THREADS: usize = 32;
/// How many may wait.
const WAITING: usize = 1024;

/// How a name becomes addresses, whose ports mean nothing.
pub(super) type Lookup = Arc<dyn Fn(&str) -> io::Result<Vec<SocketAddr>> + Send + Sync>;

/// The system's way.
pub(super) fn system() -> Lookup {
    Arc::new(|host| Ok((host, 0).to_socket_addrs()?.collect()))
}

/// Who asks: a connect, and which of its hosts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Asker {
    pub(super) dial: u64,
    pub(super) lane: usize,
}

/// What a name is, or why nobody knows.
type Answer = Result<Vec<SocketAddr>, String>;

/// The answer.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) asker: Asker,
    pub(super) addresses: Answer,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<String>,
    askers: HashMap<String, Vec<Asker>>,
    threads: usize,
    /// What names were last, where that is to be kept.
    known: HashMap<String, Vec<SocketAddr>>,
}

#[derive(Clone)]
pub(super) struct Resolver {
    mail: Arc<Mail>,
    lookup: Lookup,
    remembers: bool,
    state: Arc<Mutex<State>>,
}

impl Resolver {
    /// `remembers` is for names that are few: those of the configuration.
    pub(super) fn new(mail: Arc<Mail>, lookup: Lookup, remembers: bool) -> Self {
        Self { mail, lookup, remembers, state: Arc::default() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has `host` looked up; the answer comes by mail, also where it cannot be asked for.
    pub(super) fn ask(&self, host: &str, asker: Asker) {
        let mut state = self.lock();
        if let Some(askers) = state.askers.get_mut(host) {
            return askers.push(asker);
        }
        if state.waiting.len() >= WAITING {
            let addresses = Err("too many names are being looked up".to_owned());
            return self.mail.found(Found { asker, addresses });
        }
        state.askers.insert(host.to_owned(), vec![asker]);
        state.waiting.push_back(host.to_owned());
        if state.threads < THREADS {
            state.threads += 1;
            drop(state);
            self.start_thread();
        }
    }

    fn start_thread(&self) {
        let worker = self.clone();
        if let Err(e) = crate::net::spawn("QuorumResolver", move || worker.run()) {
            log::error!("cannot start a thread to look names up: {e}");
            let mut state = self.lock();
            state.threads -= 1;
            if state.threads == 0 {
                while let Some(host) = state.waiting.pop_front() {
                    self.answer(&mut state, &host, Err(e.to_string()));
                }
            }
        }
    }

    fn run(&self) {
        let mut state = self.lock();
        while let Some(host) = state.waiting.pop_front() {
            drop(state);
            let addresses = (self.lookup)(&host).map_err(|e| e.to_string());
            state = self.lock();
            let addresses =
                if self.remembers { state.or_last(&host, addresses) } else { addresses };
            self.answer(&mut state, &host, addresses);
        }
        state.threads -= 1;
    }

    fn answer(&self, state: &mut State, host: &str, addresses: Answer) {
        for asker in state.askers.remove(host).unwrap_or_default() {
            self.mail.found(Found { asker, addresses: addresses.clone() });
        }
    }
}

impl State {
    /// Keeps an answer, or gives the last one where there is none now.
    fn or_last(&mut self, host: &str, answer: Answer) -> Answer {
        match (answer, self.known.get(host)) {
            (Ok(addresses), _) => {
                self.known.insert(host.to_owned(), addresses.clone());
                Ok(addresses)
            }
            (Err(why), Some(last)) => {
                log::warn!("cannot look {host} up: {why}; calling it where it was: {last:?}");
                Ok(last.clone())
            }
            (Err(why), None) => Err(why),
        }
    }
}

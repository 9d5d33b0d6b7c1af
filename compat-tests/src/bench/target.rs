//! The servers under load: one alone or three together, ours or Java's, in directories that go with
//! them.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use gamekeeper::client::{Client, Options};

use crate::ensemble::{Ensemble, Plan};
use crate::server::{Kind, Server, Setup};
use crate::{Failure, Result};

/// The voters of an ensemble.
const MEMBERS: usize = 3;
/// `tickTime` of all of them, in ms.
const TICK_MS: u32 = 1000;

/// How servers are started.
#[derive(Debug, Clone)]
pub struct Launch {
    /// Java's `-Xmx`.
    pub java_heap: String,
    /// Lines of `zoo.cfg` over the usual ones.
    pub config: Vec<(String, String)>,
    /// System properties, for what has no line in `zoo.cfg`.
    pub properties: Vec<(String, String)>,
    /// Where the servers' directories are made: on the disk that is to be measured.
    pub dir: PathBuf,
}

impl Launch {
    /// The setup of a server in `dir`.
    ///
    /// # Errors
    /// If there is no free port.
    pub fn setup(&self, kind: Kind, dir: &Path) -> Result<Setup> {
        let mut setup = Setup::new(kind, dir)?.with_jvm(&format!("-Xmx{}", self.java_heap));
        setup.config.clone_from(&self.config);
        for (key, value) in &self.properties {
            setup = setup.with_property(key, value);
        }
        Ok(setup)
    }
}

/// The kinds of servers by their names, separated by commas: `ours` and `java`.
///
/// # Errors
/// If one has another name.
pub fn kinds(names: &str) -> Result<Vec<Kind>> {
    let kind = |name| match name {
        "ours" => Ok(Kind::Ours),
        "java" => Ok(Kind::Java),
        _ => Err(Failure::new(format!("--servers: {name:?} is neither ours nor java"))),
    };
    names.split(',').map(kind).collect()
}

/// A server, or an ensemble of them.
pub trait Measured {
    /// Whose servers.
    fn kind(&self) -> Kind;
    /// Where they take clients.
    fn addresses(&self) -> Vec<SocketAddr>;
    /// Their processes.
    fn pids(&self) -> Vec<u32>;
    /// A failure of theirs, with the ends of their logs.
    fn failure(&self, what: &str) -> Failure;

    /// A client of the usual kind, on any of the servers.
    ///
    /// # Errors
    /// If it gets no session.
    fn client(&self) -> Result<Client> {
        let servers: Vec<String> = self.addresses().iter().map(SocketAddr::to_string).collect();
        let options = Options::new(&servers.join(","), Duration::from_secs(30))?;
        Ok(Client::connect(options)?.0)
    }
}

/// A server in a directory of its own, which goes with it.
#[derive(Debug)]
pub struct Target {
    /// The server.
    pub server: Server,
    _dir: tempfile::TempDir,
}

impl Target {
    /// Starts a server on an empty directory.
    ///
    /// # Errors
    /// If it does not serve.
    pub fn start(launch: &Launch, kind: Kind) -> Result<Self> {
        let dir = tempfile::tempdir_in(&launch.dir)?;
        let server = launch.setup(kind, dir.path())?.start()?;
        Ok(Self { server, _dir: dir })
    }

    /// Where it takes clients.
    pub fn address(&self) -> SocketAddr {
        self.server.setup.address()
    }
}

impl Measured for Target {
    fn kind(&self) -> Kind {
        self.server.setup.kind
    }

    fn addresses(&self) -> Vec<SocketAddr> {
        vec![self.address()]
    }

    fn pids(&self) -> Vec<u32> {
        vec![self.server.pid()]
    }

    fn failure(&self, what: &str) -> Failure {
        self.server.failure(what)
    }
}

/// An ensemble that has a leader.
pub struct Trio {
    /// Its members.
    pub ensemble: Ensemble,
    /// Which of them leads.
    pub leader: usize,
}

impl Trio {
    /// Starts the members on empty directories.
    ///
    /// # Errors
    /// If they do not serve, or have no leader.
    pub fn start(launch: &Launch, kind: Kind) -> Result<Self> {
        let mut plan = Plan::new(&[kind; MEMBERS]);
        plan.tick_ms = TICK_MS;
        plan.jvm = vec![format!("-Xmx{}", launch.java_heap)];
        plan.dir = Some(launch.dir.clone());
        plan.lines.clone_from(&launch.config);
        plan.properties.clone_from(&launch.properties);
        let mut ensemble = Ensemble::start(plan)?;
        let leader = ensemble.wait_leader()?;
        Ok(Self { ensemble, leader })
    }
}

impl Measured for Trio {
    fn kind(&self) -> Kind {
        self.ensemble.kind(self.leader)
    }

    /// The leader's is the last, so that a session alone is a follower's.
    fn addresses(&self) -> Vec<SocketAddr> {
        let mut addresses = self.ensemble.addresses();
        let leader = addresses.remove(self.leader);
        addresses.push(leader);
        addresses
    }

    fn pids(&self) -> Vec<u32> {
        self.ensemble.pids()
    }

    fn failure(&self, what: &str) -> Failure {
        self.ensemble.failure(what)
    }
}

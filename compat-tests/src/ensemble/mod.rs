//! Ensembles of real processes, ours and Java's in any mix: start, stop, kill, freeze, replace.
//!
//! [`recorder`] is a client that writes down all that it sees, [`load`] lets many of them work while
//! servers change below them, [`verdict`] reads the members' logs when all is over and holds the
//! history against them. [`proxy`] stands between the members where a test wants to cut or delay them.

pub mod load;
pub mod members;
mod plan;
pub mod proxy;
pub mod recorder;
pub mod scenes;
mod snapshots;
pub mod verdict;

use std::fmt::Write as _;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use gamekeeper::config::Compression;
use gamekeeper::ids::Zxid;
use gamekeeper::storage::RestoreOptions;
use gamekeeper::storage::snapshot::SnapshotOptions;
use gamekeeper::tree::TreeOptions;
use jute::Limits;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

pub use self::plan::Plan;
use self::proxy::Network;
use crate::ports::free_ports;
use crate::server::{Kind, Server, Setup, ask};
use crate::{Failure, Result};

/// How long an ensemble may take for anything. A limit for what hangs, not a measurement.
pub const PATIENCE: Duration = Duration::from_secs(180);
/// The pause between two looks.
const GLANCE: Duration = Duration::from_millis(10);
/// How often an ensemble is started that another member leads than was wanted.
const STARTS: usize = 4;
/// Where the directories of failed ensembles are kept, if this says so.
const KEEP: &str = "COMPAT_KEEP";

#[derive(Debug)]
struct Member {
    setup: Setup,
    server: Option<Server>,
    frozen: bool,
}

/// Members and their directories. Dropping it kills them and removes these.
#[derive(Debug)]
pub struct Ensemble {
    plan: Plan,
    members: Vec<Member>,
    /// The proxies, if the plan wants them.
    pub network: Option<Network>,
    dir: TempDir,
}

impl Ensemble {
    /// Directories and ports; nothing runs.
    ///
    /// # Errors
    /// If a file cannot be written or there are no ports.
    pub fn prepare(plan: Plan) -> Result<Self> {
        let base = plan.dir.clone().unwrap_or_else(std::env::temp_dir);
        let dir = tempfile::Builder::new().prefix("ensemble-").tempdir_in(base)?;
        let n = plan.kinds.len();
        let ports = free_ports(3 * n)?;
        let network = if plan.proxied { Some(Network::start(&ports[n..])?) } else { None };
        let mut ensemble = Self { members: vec![], network, dir, plan };
        for member in 0..n {
            let setup = ensemble.setup(member, &ports)?;
            ensemble.members.push(Member { setup, server: None, frozen: false });
        }
        Ok(ensemble)
    }

    /// Starts all members and waits until all serve.
    ///
    /// # Errors
    /// As [`Ensemble::prepare`], or if one does not serve.
    pub fn start(plan: Plan) -> Result<Self> {
        let order: Vec<usize> = (0..plan.kinds.len()).collect();
        Self::start_in_order(plan, &order, order.len())
    }

    /// Starts the voters in such an order that the last of them leads, in the first epoch, then the
    /// observers. One server is started alone. On a machine that is slow enough the voters may elect
    /// another one, or twice; then they are started anew, a few times.
    ///
    /// # Errors
    /// As [`Ensemble::start`], or if another one leads every time.
    pub fn start_led_by_last(plan: Plan) -> Result<Self> {
        if plan.kinds.len() == 1 {
            return Self::start(plan);
        }
        let last = plan.kinds.len() - plan.observers - 1;
        let mut order: Vec<usize> = (0..plan.kinds.len()).filter(|m| *m != last).collect();
        order.insert(0, last);
        let mut starts = 0;
        loop {
            let mut ensemble = Self::start_in_order(plan.clone(), &order, last / 2 + 1 + last % 2)?;
            let leader = ensemble.wait_leader()?;
            let epoch = ensemble.epoch(leader);
            if leader == last && epoch == Some(1) {
                return Ok(ensemble);
            }
            starts += 1;
            if starts == STARTS {
                let what = format!("is led by member {} in epoch {epoch:?}", leader + 1);
                return Err(ensemble.failure(&what));
            }
        }
    }

    /// Starts the first `together` members of `order`, waits until they serve, then starts the rest.
    /// Of members that start together and have the same history, the one with the highest number leads.
    ///
    /// # Errors
    /// As [`Ensemble::start`].
    pub fn start_in_order(plan: Plan, order: &[usize], together: usize) -> Result<Self> {
        let mut ensemble = Self::prepare(plan)?;
        for group in [&order[..together], &order[together..]] {
            for &member in group {
                ensemble.spawn(member, ensemble.plan.kinds[member])?;
            }
            for &member in group {
                ensemble.wait_serving(member)?;
            }
        }
        Ok(ensemble)
    }

    /// The ports are clients' by member, then pairs of quorum and election ports.
    fn setup(&self, member: usize, ports: &[u16]) -> Result<Setup> {
        let dir = self.dir.path().join((member + 1).to_string());
        fs::create_dir_all(dir.join("data"))?;
        fs::write(dir.join("data/myid"), format!("{}\n", member + 1))?;
        let mut setup = Setup::new(Kind::Ours, &dir)?
            .with("tickTime", &self.plan.tick_ms.to_string())
            .with("initLimit", "40")
            .with("syncLimit", "10")
            .with("maxSessionTimeout", "600000")
            .with_jvm("-Dorg.slf4j.simpleLogger.showDateTime=true")
            .with_jvm("-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS")
            .with_jvm("-Dorg.slf4j.simpleLogger.defaultLogLevel=info");
        setup.jvm.extend_from_slice(&self.plan.jvm);
        for (key, value) in &self.plan.lines {
            setup = setup.with(key, value);
        }
        for (key, value) in &self.plan.properties {
            setup = setup.with_property(key, value);
        }
        if self.plan.is_observer(member) {
            setup = setup.with("peerType", "observer");
        }
        // A file with a single server is that of a server alone.
        let others = if self.plan.kinds.len() > 1 { self.plan.kinds.len() } else { 0 };
        for other in 0..others {
            setup =
                setup.with(&format!("server.{}", other + 1), &self.server(member, other, ports));
        }
        setup.port = ports[member];
        Ok(setup)
    }

    /// The line of `other` in the file of `member`.
    fn server(&self, member: usize, other: usize, ports: &[u16]) -> String {
        let own = &ports[self.plan.kinds.len()..][2 * other..][..2];
        let (quorum, election) = match &self.network {
            Some(network) if member != other => network.ports(member, other),
            _ => (own[0], own[1]),
        };
        let role = if self.plan.is_observer(other) { ":observer" } else { "" };
        format!("127.0.0.1:{quorum}:{election}{role}")
    }

    /// A member on its own, with the same data.
    fn alone(&self, member: usize) -> Setup {
        let mut setup = self.members[member].setup.clone();
        let of_ensemble = ["server.", "group.", "weight.", "peerType"];
        setup.config.retain(|(key, _)| !of_ensemble.iter().any(|it| key.starts_with(it)));
        setup
    }

    /// How many members there are.
    pub fn size(&self) -> usize {
        self.members.len()
    }

    /// How many members vote.
    pub fn voters(&self) -> usize {
        self.size() - self.plan.observers
    }

    /// Members that run.
    pub fn running(&self) -> Vec<usize> {
        (0..self.size()).filter(|m| self.members[*m].server.is_some()).collect()
    }

    /// Where clients find the members.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.members.iter().map(|member| member.setup.address()).collect()
    }

    /// Where the members take learners, and where votes.
    pub fn link_addresses(&self) -> Vec<(SocketAddr, SocketAddr)> {
        let own = |member: usize| {
            let key = format!("server.{}", member + 1);
            let config = &self.members[member].setup.config;
            let line = config.iter().find(|(k, _)| *k == key).map_or("", |(_, line)| line);
            let mut ports = line.split(':').skip(1).map(|port| port.parse().unwrap_or(0));
            (local(ports.next().unwrap_or(0)), local(ports.next().unwrap_or(0)))
        };
        (0..self.size()).map(own).collect()
    }

    /// Where one member takes clients.
    pub fn address(&self, member: usize) -> SocketAddr {
        self.members[member].setup.address()
    }

    /// The process ids of the members that run.
    pub fn pids(&self) -> Vec<u32> {
        self.members.iter().filter_map(|member| Some(member.server.as_ref()?.pid())).collect()
    }

    /// What the configuration says of each member, `host:port:port`; nothing of a server alone.
    pub fn peer_addresses(&self) -> Vec<String> {
        let own = |(at, member): (usize, &Member)| {
            let key = format!("server.{}", at + 1);
            let line = member.setup.config.iter().find(|(k, _)| *k == key)?;
            Some(line.1.trim_end_matches(":observer").to_owned())
        };
        self.members.iter().enumerate().filter_map(own).collect()
    }

    /// The directory of all members.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// The directory of a member.
    pub fn member_dir(&self, member: usize) -> &Path {
        &self.members[member].setup.dir
    }

    /// The directory with a member's `version-2`.
    pub fn data_dir(&self, member: usize) -> PathBuf {
        self.members[member].setup.data_dir()
    }

    /// Starts a member without waiting for it.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn spawn(&mut self, member: usize, kind: Kind) -> Result<()> {
        let member = &mut self.members[member];
        member.setup.kind = kind;
        member.server = Some(member.setup.clone().spawn()?);
        Ok(())
    }

    /// Starts a member and waits until it serves.
    ///
    /// # Errors
    /// If it does not.
    pub fn start_member(&mut self, member: usize, kind: Kind) -> Result<()> {
        self.spawn(member, kind)?;
        self.wait_serving(member)
    }

    /// Whose server a member is, or was last.
    pub fn kind(&self, member: usize) -> Kind {
        self.members[member].setup.kind
    }

    /// Stops a member as `zkServer.sh stop` does.
    ///
    /// # Errors
    /// If it does not stop.
    pub fn stop(&mut self, member: usize) -> Result<()> {
        if let Some(server) = self.members[member].server.take() {
            server.stop()?;
        }
        Ok(())
    }

    /// Kills a member (SIGKILL).
    ///
    /// # Errors
    /// If it cannot be killed.
    pub fn kill(&mut self, member: usize) -> Result<()> {
        if let Some(server) = self.members[member].server.take() {
            server.kill()?;
        }
        self.members[member].frozen = false;
        Ok(())
    }

    /// Whether a member that was started has ended by itself.
    ///
    /// # Errors
    /// If that cannot be told.
    pub fn has_ended(&mut self, member: usize) -> Result<bool> {
        self.members[member].server.as_mut().map_or(Ok(true), Server::has_ended)
    }

    /// Freezes a member (SIGSTOP).
    ///
    /// # Errors
    /// If it does not run.
    pub fn freeze(&mut self, member: usize) -> Result<()> {
        self.signal(member, Signal::STOP)?;
        self.members[member].frozen = true;
        Ok(())
    }

    /// Lets a frozen member go on (SIGCONT).
    ///
    /// # Errors
    /// If it does not run.
    pub fn thaw(&mut self, member: usize) -> Result<()> {
        self.signal(member, Signal::CONT)?;
        self.members[member].frozen = false;
        Ok(())
    }

    fn signal(&self, member: usize, signal: Signal) -> Result<()> {
        let server = self.members[member].server.as_ref();
        let pid = server.and_then(|s| i32::try_from(s.pid()).ok()).and_then(Pid::from_raw);
        kill_process(pid.ok_or_else(|| Failure::new("no such process"))?, signal)?;
        Ok(())
    }

    /// The answer of a member to a four-letter word; none if nobody listens.
    pub fn word(&self, member: usize, word: &str) -> Option<String> {
        ask(self.address(member), word).ok()
    }

    /// `leader`, `follower` or `observer`; none while the member does not serve.
    pub fn mode(&self, member: usize) -> Option<String> {
        if self.members[member].frozen || self.members[member].server.is_none() {
            return None;
        }
        let answer = self.word(member, "srvr")?;
        let mode = answer.lines().find_map(|line| line.strip_prefix("Mode: "))?;
        Some(mode.to_owned())
    }

    /// The member that says that it leads.
    pub fn leader(&self) -> Option<usize> {
        (0..self.size()).find(|m| self.mode(*m).as_deref() == Some("leader"))
    }

    /// Waits until a member says that it leads.
    ///
    /// # Errors
    /// If none does in time.
    pub fn wait_leader(&mut self) -> Result<usize> {
        self.wait_for("has no leader", |ensemble| Ok(ensemble.leader()))
    }

    /// Waits until a member serves.
    ///
    /// # Errors
    /// If it ends or does not serve in time.
    pub fn wait_serving(&mut self, member: usize) -> Result<()> {
        let what = format!("has a member {} that does not serve", member + 1);
        self.wait_for(&what, |ensemble| {
            if let Some(server) = &mut ensemble.members[member].server
                && server.has_ended()?
            {
                return Err(ensemble.failure(&format!("has a member {} that ended", member + 1)));
            }
            Ok(ensemble.mode(member).map(|_| ()))
        })
    }

    /// Waits until all members that run serve.
    ///
    /// # Errors
    /// As [`Ensemble::wait_serving`].
    pub fn wait_all(&mut self) -> Result<()> {
        self.running().into_iter().try_for_each(|member| self.wait_serving(member))
    }

    /// Waits until all members that run have come to the same zxid.
    ///
    /// # Errors
    /// If they do not in time.
    pub fn settle(&mut self) -> Result<()> {
        self.wait_all()?;
        self.wait_for("does not come to rest", |ensemble| {
            let zxids: Vec<_> = ensemble.running().iter().map(|m| ensemble.zxid(*m)).collect();
            let all: Option<Vec<i64>> = zxids.into_iter().collect();
            // A new leader without a transaction shows its epoch alone, which nobody else does.
            let at_rest = all.is_some_and(|mut zxids| {
                zxids.retain(|zxid| zxid & 0xffff_ffff != 0);
                zxids.iter().all(|zxid| *zxid == zxids[0])
            });
            Ok(at_rest.then_some(()))
        })
    }

    /// The zxid that a member shows.
    pub fn zxid(&self, member: usize) -> Option<i64> {
        let answer = self.word(member, "srvr")?;
        let text = answer.lines().find_map(|line| line.strip_prefix("Zxid: 0x"))?;
        i64::from_str_radix(text, 16).ok()
    }

    /// The epoch of the zxid that a member shows.
    pub fn epoch(&self, member: usize) -> Option<i64> {
        self.zxid(member).map(|zxid| Zxid(zxid).epoch())
    }

    /// Looks until there is something.
    ///
    /// # Errors
    /// If there is nothing in time, with `what` the ensemble fails to do.
    pub fn wait_for<T>(
        &mut self,
        what: &str,
        mut look: impl FnMut(&mut Self) -> Result<Option<T>>,
    ) -> Result<T> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(found) = look(self)? {
                return Ok(found);
            }
            if Instant::now() > deadline {
                return Err(self.failure(what));
            }
            thread::sleep(GLANCE);
        }
    }

    /// A failure of the ensemble, with the ends of all logs.
    pub fn failure(&self, what: &str) -> Failure {
        let mut text = format!("the ensemble {what}\n");
        for (at, member) in self.members.iter().enumerate() {
            let state = match &member.server {
                None => "stopped",
                Some(_) if member.frozen => "frozen",
                Some(_) => "running",
            };
            let _ = writeln!(text, "--- member {} ({}, {state})", at + 1, member.setup.kind);
            let _ = writeln!(text, "{}", tail(&member.setup.dir.join("server.log")));
        }
        Failure::new(text)
    }

    /// All that a member has logged.
    pub fn log(&self, member: usize) -> String {
        let log = fs::read(self.members[member].setup.dir.join("server.log")).unwrap_or_default();
        String::from_utf8_lossy(&log).into_owned()
    }
}

impl Drop for Ensemble {
    fn drop(&mut self) {
        self.members.iter_mut().for_each(|member| member.server = None);
        if let Some(keep) = std::env::var_os(KEEP) {
            let from = self.dir.path();
            // Without the name there is nothing to keep it under.
            if let Some(name) = from.file_name() {
                let _ = fs::rename(from, PathBuf::from(keep).join(name));
            }
        }
    }
}

/// Lines of each log that a failure shows.
const TAIL_LINES: usize = 60;

fn tail(log: &Path) -> String {
    let log = fs::read(log).unwrap_or_default();
    let log = String::from_utf8_lossy(&log);
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
}

/// An address on this machine.
pub(crate) fn local(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

/// How a member's disk is read to be looked at.
fn restore_options() -> RestoreOptions {
    RestoreOptions {
        tree: TreeOptions::default(),
        limits: Limits::default(),
        db_autocreate: false,
        trust_empty_snapshot: true,
        committed_log: 0,
        snapshot: SnapshotOptions { compression: Compression::None, digest: true, last_zxid: true },
        threads: None,
    }
}

//! From a configuration to a running server, and its end in order.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use log::info;

use super::fatal::Fatal;
use super::inbox::Inbox;
use super::info::{Info, QuorumInfo};
use super::log_device::Gathering;
use super::member::Member;
use super::open_files;
use super::pipeline::{self, Pipeline, Seat};
use super::purger::Purger;
use super::snapshotter::{self, Snapshotter};
use super::start_member;
use crate::admin::{FourLetterWords, user_name};
use crate::config::{Config, ExitCode};
use crate::ids::{Millis, Sid};
use crate::net::{Clock, NetSettings, Port, Reactor, Submit};
use crate::peer::pipeline::PipelineSettings;
use crate::peer::snapshots::{SnapshotLimits, SnapshotPolicy};
use crate::peer::standalone::Standalone;
use crate::peer::{self, Effect};
use crate::server::Database;
use crate::server::audit::Audit;
use crate::server::auth::Auth;
use crate::server::container::ContainerOptions;
use crate::server::front::{Front, FrontSettings, Serving};
use crate::server::metrics::ServerMetrics;
use crate::server::prep::PrepOptions;
use crate::server::sessions::SessionTracker;
use crate::server::throttle::RequestThrottler;
use crate::storage::snapshot::{self, SnapshotOptions};
use crate::storage::txnlog::{TxnLog, TxnLogOptions};
use crate::storage::{self, DataDirs, Job, RealDisk, RestoreOptions, Restored, restore};
use crate::tree::{DataTree, TreeOptions};

/// The id of a server alone in the session ids that it gives (`SessionTrackerImpl`).
const STANDALONE_SID: i64 = 1;
/// Time is looked at this often in a tick, so that a session expires at most a part of a tick late.
const LOOKS_PER_TICK: Millis = 10;

/// Why a server does not come up.
#[derive(Debug)]
pub enum StartError {
    /// Its files cannot be used.
    Storage(storage::Error),
    /// Its port cannot be bound, or a thread cannot be started.
    Io {
        /// What was tried.
        what: String,
        /// What the system said.
        source: io::Error,
    },
    /// Nobody could vote with this server.
    ElectionPort {
        /// The address.
        address: String,
        /// What the system said.
        source: io::Error,
    },
    /// The file `myid` says that this server is none of those that are listed.
    NotAMember(Sid),
    /// The configuration asks for what this version does not have.
    Unsupported(String),
}

impl StartError {
    /// The code to exit with.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Storage(storage::Error::DataDir(_)) => ExitCode::DataDir,
            Self::Storage(_) | Self::Io { .. } | Self::NotAMember(_) => ExitCode::Unexpected,
            Self::ElectionPort { .. } => ExitCode::QuorumPortBind,
            Self::Unsupported(_) => ExitCode::InvalidInvocation,
        }
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Storage(e) => e.fmt(f),
            Self::Io { what, source } => write!(f, "{what}: {source}"),
            Self::ElectionPort { address, source } => {
                write!(f, "Couldn't bind to the election address {address}: {source}")
            }
            Self::NotAMember(id) => write!(f, "My id {id} not in the peer list"),
            Self::Unsupported(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for StartError {}

impl From<storage::Error> for StartError {
    fn from(e: storage::Error) -> Self {
        Self::Storage(e)
    }
}

pub(super) fn io_error(what: &str) -> impl FnOnce(io::Error) -> StartError {
    let what = what.to_owned();
    move |source| StartError::Io { what, source }
}

/// A server that serves.
pub struct Server {
    front: Arc<Front>,
    fatal: Arc<Fatal>,
    reactor: Option<Reactor>,
    pipeline: Pipeline,
    _purger: Option<Purger>,
}

/// What a server stands on, whichever form it has.
struct Base<'a> {
    config: &'a Config,
    clock: Clock,
    fatal: Arc<Fatal>,
    dirs: DataDirs,
    settings: NetSettings,
    /// None if no clients are to come.
    port: Option<Port>,
    auth: Arc<Auth>,
    front: Arc<Front>,
    inbox: Arc<Inbox>,
    seat: Arc<Seat>,
    /// All but the tree, which is in the front.
    restored: Restored,
}

impl<'a> Base<'a> {
    /// Binds the port and restores the database.
    fn open(config: &'a Config) -> Result<Self, StartError> {
        let listen = check_supported(config)?;
        let clock = Clock::start();
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let mut settings = NetSettings::new(&config.net, cores);
        let is_member = config.quorum.is_distributed();
        settings.max_cnxns = open_files::connections(settings.max_cnxns, is_member);
        let dirs = open_dirs(config)?;
        let bind = |wanted| {
            Port::bind(wanted, &settings)
                .map_err(io_error(&format!("cannot serve clients on {wanted}")))
        };
        let port = listen.map(bind).transpose()?;
        snapshot::remove_leftovers(&**dirs.disk(), dirs.snap()).map_err(storage::Error::from)?;
        let mut restored = restore(&dirs, restore_options(config), || clock.now())?;
        let (auth, front) = build_front(config, &clock, &mut restored)?;
        let (fatal, inbox) = (Arc::new(Fatal::default()), Arc::new(Inbox::default()));
        let seat = Arc::new(Seat::new(&inbox, &fatal));
        Ok(Self { config, clock, fatal, dirs, settings, port, auth, front, inbox, seat, restored })
    }

    fn standalone(&self) -> peer::Server {
        standalone(self.config, &self.clock, &self.auth, &self.front, &self.restored)
    }

    fn member(&mut self) -> Result<(peer::Server, Member, Vec<Effect>), StartError> {
        let ground = start_member::Ground {
            config: self.config,
            fatal: Arc::clone(&self.fatal),
            auth: Arc::clone(&self.auth),
            front: Arc::clone(&self.front),
            inbox: Arc::clone(&self.inbox),
            seat: Arc::clone(&self.seat),
            dirs: self.dirs.clone(),
            clock: self.clock,
        };
        start_member::start(ground, &mut self.restored)
    }

    fn words(&self) -> FourLetterWords {
        let config = self.config;
        let info = Info {
            inbox: Arc::clone(&self.inbox),
            dirs: self.dirs.clone(),
            clock: self.clock,
            quorum: config.quorum.is_distributed().then(|| QuorumInfo::new(config)),
        };
        let port = self.port.as_ref().map(|port| port.local_addr().port());
        FourLetterWords::new(config, port, Arc::clone(&self.front), Arc::new(info), self.clock)
    }

    /// Snapshots; of a server alone one is due already where transactions were replayed. A member has
    /// replayed what it has logged, and its leader may say that this was never committed: it waits, but
    /// for where there is no snapshot yet (`shouldForceWriteInitialSnapshotAfterLeaderElection`).
    fn snapshotter(&self) -> Result<Snapshotter, StartError> {
        let snapshotter = Snapshotter::start(snapshotter::Parts {
            front: Arc::clone(&self.front),
            dirs: self.dirs.clone(),
            options: snapshot_options(self.config),
            inbox: Arc::clone(&self.inbox),
            clock: self.clock,
            fatal: Arc::clone(&self.fatal),
        })
        .map_err(io_error("cannot start the snapshot thread"))?;
        let waits = self.config.quorum.is_distributed() && self.restored.snapshot.is_some();
        if self.restored.stats.txns_loaded > 0 && !waits {
            snapshotter.order();
        }
        Ok(snapshotter)
    }

    /// Starts the threads.
    fn run(
        self,
        server: peer::Server,
        member: Option<Member>,
        effects: Vec<Effect>,
    ) -> Result<Server, StartError> {
        let (words, snapshotter) = (Arc::new(self.words()), self.snapshotter()?);
        let Self { config, clock, fatal, dirs, settings, port, front, seat, .. } = self;
        let submit = Arc::clone(&seat) as Arc<dyn Submit>;
        let reactor = Reactor::start(port, settings, clock, Arc::clone(&front), submit, words)
            .map_err(io_error("cannot start the reactor"))?;
        let pipeline = Pipeline::start(pipeline::Parts {
            server,
            member,
            effects,
            seat,
            log: open_log(config, &dirs, clock),
            gathering: gathering(config),
            metrics: Arc::clone(&front.metrics),
            snapshotter,
            clock,
            heard: reactor.heard_until(),
            tick: (Millis::from(config.sessions.tick_time_ms) / LOOKS_PER_TICK).clamp(10, 500),
        })
        .map_err(io_error("cannot start the server's thread"))?;
        let purger = start_purger(config, dirs)?;
        Ok(Server { front, fatal, reactor: Some(reactor), pipeline, _purger: purger })
    }
}

impl Server {
    /// Restores the database, starts the threads, and serves; a member of an ensemble looks for a
    /// leader first.
    ///
    /// # Errors
    /// If the files cannot be used, a port is taken, or the configuration asks for what is not there
    /// yet.
    pub fn start(config: &Config) -> Result<Self, StartError> {
        let started = Self::start_unheard(config);
        audit_log(config).started(started.is_ok());
        started
    }

    fn start_unheard(config: &Config) -> Result<Self, StartError> {
        let mut base = Base::open(config)?;
        if config.quorum.is_distributed() {
            let (server, member, effects) = base.member()?;
            base.run(server, Some(member), effects)
        } else {
            let server = base.standalone();
            base.front.set_serving(Serving::Yes);
            base.run(server, None, Vec::new())
        }
    }

    /// Where the server's end is announced.
    pub fn fatal(&self) -> &Arc<Fatal> {
        &self.fatal
    }

    /// Waits until the server is to end, ends it in order, and says how.
    pub fn wait(mut self) -> ExitCode {
        let code = self.fatal.wait();
        self.front.audit.stopping();
        self.stop();
        code
    }

    /// No new clients, what is in flight is finished, the connections are closed.
    fn stop(&mut self) {
        if let Some(reactor) = &mut self.reactor {
            reactor.stop_accepting();
        }
        self.front.set_serving(Serving::No);
        self.pipeline.stop();
        if let Some(reactor) = self.reactor.take() {
            reactor.shutdown();
        }
        info!("shutdown complete");
    }
}

/// The client address, if there is one, once it is sure that nothing is asked for in vain that one must
/// be able to rely on.
pub(super) fn check_supported(config: &Config) -> Result<Option<SocketAddr>, StartError> {
    let refused = |what: &str| Err(StartError::Unsupported(format!("{what} is not supported yet")));
    let quorum = &config.quorum;
    if quorum.is_distributed() {
        match quorum {
            q if q.ssl_quorum => return refused("sslQuorum=true"),
            q if q.sasl.enabled => return refused("quorum.auth.enableSasl=true"),
            q if q.oracle_path.is_some() => return refused("oraclePath"),
            _ => {}
        }
    }
    let client = config.net.client.as_ref().map(|client| client.socket_addr());
    match client {
        None if config.net.secure_client.is_some() => {
            refused("secureClientPort without clientPort")
        }
        client => Ok(client),
    }
}

fn open_dirs(config: &Config) -> Result<DataDirs, StartError> {
    let storage = &config.storage;
    Ok(DataDirs::open(
        Arc::new(RealDisk),
        &storage.data_dir,
        &storage.data_log_dir,
        storage.datadir_autocreate,
    )?)
}

fn tree_options(config: &Config) -> TreeOptions {
    TreeOptions {
        extended_types: config.tree.extended_types,
        emulate_353_ttl: config.tree.emulate_353_ttl,
        digest: config.tree.digest,
        ..TreeOptions::default()
    }
}

pub(super) fn snapshot_options(config: &Config) -> SnapshotOptions {
    SnapshotOptions {
        compression: config.storage.snapshot_compression,
        digest: config.tree.digest,
        last_zxid: config.storage.serialize_last_processed_zxid,
    }
}

/// What a start may do with the files, and what it keeps of them.
pub fn restore_options(config: &Config) -> RestoreOptions {
    RestoreOptions {
        tree: tree_options(config),
        limits: FrontSettings::new(config).limits,
        db_autocreate: config.storage.db_autocreate,
        trust_empty_snapshot: config.storage.trust_empty_snapshot,
        committed_log: usize::try_from(config.storage.commit_log_count).unwrap_or(0),
        snapshot: snapshot_options(config),
        threads: Some(start_thread),
    }
}

/// Gives rooms that start no threads one of their own.
///
/// # Errors
/// If the system has none.
pub fn start_thread(name: &str, job: Job) -> io::Result<()> {
    std::thread::Builder::new().name(name.to_owned()).spawn(job).map(drop)
}

fn open_log(config: &Config, dirs: &DataDirs, clock: Clock) -> TxnLog {
    let storage = &config.storage;
    let options = TxnLogOptions {
        prealloc: u64::try_from(storage.pre_alloc_bytes).unwrap_or(0),
        force_sync: storage.force_sync,
        fsync_warning: storage.fsync_warning_threshold_ms,
        size_limit: u64::try_from(storage.txn_log_size_limit_bytes).ok().filter(|limit| *limit > 0),
        limits: FrontSettings::new(config).limits,
    };
    TxnLog::new(dirs, options, Box::new(move || clock.now()))
}

fn gathering(config: &Config) -> Gathering {
    let ms = |ms: i64| Duration::from_millis(u64::try_from(ms).unwrap_or(0));
    Gathering {
        delay: ms(config.server.flush_delay_ms),
        poll: ms(config.server.max_write_queue_poll_ms),
    }
}

fn note_restore(metrics: &ServerMetrics, restored: &Restored) {
    let stats = &restored.stats;
    metrics.startup_snap_load_time.add(stats.snap_load_ms);
    if let Some(ms) = stats.txns_load_ms {
        metrics.startup_txns_loaded.add(i64::try_from(stats.txns_loaded).unwrap_or(i64::MAX));
        metrics.startup_txns_load_time.add(ms);
    }
    metrics.dbinittime.add(stats.total_ms);
}

/// The audit log, if there is to be one.
fn audit_log(config: &Config) -> Audit {
    if config.server.audit {
        Audit::new(&user_name().unwrap_or_else(|| "?".to_owned()))
    } else {
        Audit::default()
    }
}

/// What the connections share. The tree moves into it.
fn build_front(
    config: &Config,
    clock: &Clock,
    restored: &mut Restored,
) -> Result<(Arc<Auth>, Arc<Front>), StartError> {
    let metrics = Arc::new(ServerMetrics::default());
    note_restore(&metrics, restored);
    let auth = Auth::new(&config.auth).map_err(|e| StartError::Unsupported(e.to_string()))?;
    let auth = Arc::new(auth);
    let tree = std::mem::replace(&mut restored.tree, DataTree::new(tree_options(config)));
    let db = Arc::new(Database::new(tree));
    let seed = clock.wall().unsigned_abs();
    let settings = FrontSettings::new(config);
    let front = Front::new(settings, Arc::clone(&auth), db, metrics, clock.now(), seed)
        .with_audit(audit_log(config));
    Ok((auth, Arc::new(front)))
}

/// A server alone. Sessions get their full timeout again; ephemerals of sessions that are not there
/// any more go with the first tick.
fn standalone(
    config: &Config,
    clock: &Clock,
    auth: &Arc<Auth>,
    front: &Arc<Front>,
    restored: &Restored,
) -> peer::Server {
    let (now, wall) = (clock.now(), clock.wall());
    let mut sessions = SessionTracker::new(STANDALONE_SID, config.sessions.tick_time_ms, wall);
    for (id, timeout) in &restored.sessions {
        sessions.restore(*id, *timeout, now);
    }
    let parts = pipeline_settings(config).parts(front, auth, sessions, now);
    let snapshots = snapshot_policy(config, wall.unsigned_abs(), restored);
    peer::Server::Standalone(Box::new(Standalone::new(parts, snapshots)))
}

/// Counts from the transactions that were replayed.
pub(super) fn snapshot_policy(config: &Config, seed: u64, restored: &Restored) -> SnapshotPolicy {
    let limits = SnapshotLimits {
        count: u64::try_from(config.storage.snap_count).unwrap_or(2).max(2),
        bytes: u64::try_from(config.storage.snap_size_limit_bytes).unwrap_or(0),
    };
    let mut policy = SnapshotPolicy::new(limits, seed);
    policy.replayed(restored.stats.txns_loaded);
    policy
}

pub(super) fn pipeline_settings(config: &Config) -> PipelineSettings {
    PipelineSettings {
        prep: PrepOptions {
            limits: FrontSettings::new(config).limits,
            digest: config.tree.digest,
            close_session_txn: config.sessions.close_session_txn,
            enforce_quota: config.server.enforce_quota,
            reconfig: config.quorum.reconfig_enabled,
            in_ensemble: false,
        },
        containers: container_options(config),
        throttler: RequestThrottler::new(
            config.throttle.request,
            config.throttle.throttled_op_wait_ms,
        ),
        batch_max: usize::try_from(config.server.max_batch_size)
            .ok()
            .filter(|n| *n > 0)
            .unwrap_or(1000),
    }
}

fn container_options(config: &Config) -> ContainerOptions {
    ContainerOptions {
        check_interval_ms: config.sessions.container_check_interval_ms,
        max_per_minute: config.sessions.container_max_per_minute,
        max_never_used_ms: config.sessions.container_max_never_used_ms,
    }
}

fn start_purger(config: &Config, dirs: DataDirs) -> Result<Option<Purger>, StartError> {
    let Some(hours) = u64::try_from(config.storage.purge_interval_hours).ok().filter(|h| *h > 0)
    else {
        info!("Purge task is not scheduled.");
        return Ok(None);
    };
    let retain = usize::try_from(config.storage.purge_retain_count).unwrap_or(3).max(3);
    Purger::start(dirs, retain, hours).map(Some).map_err(io_error("cannot start the purge task"))
}

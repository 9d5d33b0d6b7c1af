//! A member: the real server over a disk that forgets, from one start of its process to its end.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use gamekeeper::config::{Compression, Config, ConfigOptions, Launch, Source};
use gamekeeper::ids::{ConnId, Millis, Sid, Zxid};
use gamekeeper::peer::ensemble::{self, ConfigText, Effect, Ensemble, Event, Loaded, Pauses};
use gamekeeper::peer::pipeline::PipelineSettings;
use gamekeeper::peer::snapshots::{SnapshotLimits, SnapshotPolicy};
use gamekeeper::peer::{LogBatch, Now};
use gamekeeper::server::Database;
use gamekeeper::server::auth::Auth;
use gamekeeper::server::conn::Mailbox;
use gamekeeper::server::container::ContainerOptions;
use gamekeeper::server::front::{Client as Connection, Front, FrontSettings};
use gamekeeper::server::metrics::ServerMetrics;
use gamekeeper::server::prep::PrepOptions;
use gamekeeper::server::sessions::LocalSessions;
use gamekeeper::server::throttle::RequestThrottler;
use gamekeeper::storage::snapshot::body::BodyWalk;
use gamekeeper::storage::snapshot::{self, SnapshotOptions, SnapshotWriter};
use gamekeeper::storage::txnlog::{TxnLog, TxnLogOptions};
use gamekeeper::storage::{self, DataDirs, Epochs, RestoreOptions, Restored, restore};
use gamekeeper::tree::{DataTree, TreeOptions};
use gamekeeper::zab::election::cnx::{self, QuorumCnxManager};
use gamekeeper::zab::election::fle::{self, FastLeaderElection};
use gamekeeper::zab::election::initial::ElectionAddr;
use gamekeeper::zab::quorum::{QuorumVerifier, Quorums};
use gamekeeper::zab::sync::{Entry, Options};
use gamekeeper::zab::{LearnerType, LinkId};

use super::disk::CrashDisk;
use super::plan::Plan;
use super::random::Random;
use super::world::Happening;
use super::{Micros, WALL_START};

/// Where a member's files are.
pub const DATA_DIR: &str = "/data";

/// Who has something to look at.
#[derive(Debug, Default)]
pub struct Marks(Mutex<BTreeSet<ConnId>>);

impl Mailbox for Marks {
    fn mark(&self, conn: ConnId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(conn);
    }
}

impl Marks {
    /// Those that were marked since the last call.
    pub fn take(&self) -> BTreeSet<ConnId> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A member, up or down.
#[derive(Debug)]
pub struct Node {
    /// Its id.
    pub sid: Sid,
    /// Whether it votes.
    pub kind: LearnerType,
    /// Its disk.
    pub disk: CrashDisk,
    /// How often it was started.
    pub incarnation: u64,
    /// Its process.
    pub life: Option<Life>,
    /// It stands still until then.
    pub paused_until: Micros,
    /// What has come meanwhile.
    pub deferred: Vec<Happening>,
    /// Its disk is slow until then.
    pub slow_disk_until: Micros,
    /// How far its wall clock is off, in ms.
    pub skew: Millis,
    /// How far its monotonic clock is off.
    pub offset: Millis,
    /// How fast that runs, in millionths.
    pub rate: u64,
    /// How often it looked for a leader.
    pub looks: u64,
}

impl Node {
    /// Its clocks.
    pub fn now(&self, at: Micros) -> Now {
        let mono = (u128::from(at) * u128::from(self.rate) / 1_000_000_000) as Millis;
        Now { mono: mono + self.offset, wall: WALL_START + (at / 1000) as Millis + self.skew }
    }

    /// When its monotonic clock will show `mono`, at the earliest.
    pub fn when(&self, mono: Millis) -> Micros {
        let ms = u128::from((mono - self.offset).max(0).unsigned_abs());
        (ms * 1_000_000_000).div_ceil(u128::from(self.rate)) as Micros
    }
}

/// A client's connection as the member has it.
#[derive(Debug)]
pub struct Conn {
    /// Takes the bytes.
    pub connection: Connection,
    /// What it has not taken yet.
    pub input: Vec<u8>,
}

/// A snapshot that is being taken while the tree changes.
#[derive(Debug)]
pub struct Snapshotting {
    /// The file.
    pub writer: SnapshotWriter,
    /// How far the walk is.
    pub walk: BodyWalk,
    /// Encoded and not written.
    pub out: Vec<u8>,
}

/// A process.
#[derive(Debug)]
pub struct Life {
    /// The server.
    pub ensemble: Ensemble,
    /// The election.
    pub fle: FastLeaderElection,
    /// Its connections.
    pub cnx: QuorumCnxManager,
    /// What connections share.
    pub front: Arc<Front>,
    /// Where its files are.
    pub dirs: DataDirs,
    /// The epochs on disk.
    pub epochs: Epochs,
    /// The log.
    pub log: TxnLog,
    /// What waits for the server's thread, in order.
    pub arrived: Vec<Event>,
    /// What is to be carried out, in order.
    pub effects: VecDeque<Effect>,
    /// What is to be logged.
    pub log_queue: VecDeque<LogBatch>,
    /// The log's thread is at work.
    pub log_busy: bool,
    /// A barrier that waits for the log.
    pub barrier: Option<Effect>,
    /// The snapshot's thread is at work.
    pub snapshotting: Option<Snapshotting>,
    /// Learners may call.
    pub listening: bool,
    /// Connections with news.
    pub marks: Arc<Marks>,
    /// Its clients.
    pub conns: BTreeMap<LinkId, Conn>,
    /// Their connections' links.
    pub links: BTreeMap<ConnId, LinkId>,
    /// The number of the next client's connection.
    pub next_conn: u64,
    /// When it next wants to be stepped.
    pub timer_at: Option<Micros>,
    /// The zxid of the tree when it was last looked at.
    pub seen: Zxid,
    /// See [`fuzzy_until`].
    pub fuzzy_until: Zxid,
    /// The tree comes from a leader that went on while it was sent: until the leader says that all of
    /// it is here it may be that of no moment.
    pub is_fuzzy: bool,
}

impl Life {
    /// Whether a barrier may be begun: all but the epochs wait for the log.
    pub fn may_begin(&self, barrier: &Effect) -> bool {
        let epoch = matches!(barrier, Effect::WriteAcceptedEpoch(_) | Effect::WriteCurrentEpoch(_));
        epoch || (!self.log_busy && self.log_queue.is_empty())
    }

    /// Writes batches to the log and syncs it.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn write_log(&mut self, batches: &[LogBatch]) -> storage::Result<()> {
        let log = &mut self.log;
        for batch in batches {
            batch.iter().try_for_each(|(zxid, record)| log.append(zxid, record))?;
            if batch.roll {
                log.roll()?;
            }
        }
        log.sync().map(drop)
    }

    /// Carries a barrier out; the event that answers it.
    ///
    /// # Errors
    /// If the disk fails.
    pub fn carry_out_barrier(&mut self, effect: &Effect, plan: &Plan) -> storage::Result<Event> {
        match effect {
            Effect::WriteAcceptedEpoch(epoch) => self.epochs.set_accepted(*epoch)?,
            Effect::WriteCurrentEpoch(epoch) => self.epochs.set_current(*epoch)?,
            Effect::SaveSnapshot => self.save_snapshot()?,
            Effect::Truncate(zxid) => {
                self.snapshotting = None;
                self.log.truncate(*zxid)?;
                let event = self.reload(plan)?;
                return match &event {
                    Event::Reloaded(l) if l.tree.last_processed_zxid() == *zxid => Ok(event),
                    _ => Err(storage::Error::NothingToTruncate),
                };
            }
            Effect::Reload => {
                self.snapshotting = None;
                self.log.roll()?;
                return self.reload(plan);
            }
            _ => {}
        }
        Ok(Event::Done)
    }

    fn save_snapshot(&mut self) -> storage::Result<()> {
        self.log.roll()?;
        self.snapshotting = None;
        let sessions = self.ensemble.committed_sessions();
        let saved = snapshot::take(
            &self.dirs,
            snapshot_options(),
            || sessions,
            |look| look(&self.front.db.read_tree()),
        )?;
        saved.map_or(Ok(()), |saved| self.log.forget_after(saved.zxid))
    }

    fn reload(&mut self, plan: &Plan) -> storage::Result<Event> {
        let restored = restore(&self.dirs, restore_options(plan), || 0)?;
        self.seen = restored.last_zxid;
        self.fuzzy_until = fuzzy_until(&restored.tree);
        Ok(Event::Reloaded(Box::new(loaded(restored))))
    }
}

/// What all members of a run have in common.
#[derive(Debug)]
pub struct Shared {
    config: Config,
    quorums: Quorums,
    plan: Plan,
}

/// The options with which databases are restored.
pub fn restore_options(plan: &Plan) -> RestoreOptions {
    RestoreOptions {
        tree: TreeOptions { fault_stale_pzxid: plan.bugs.stale_pzxid, ..TreeOptions::default() },
        limits: jute::Limits::default(),
        db_autocreate: true,
        trust_empty_snapshot: false,
        committed_log: plan.committed_limit,
        snapshot: snapshot_options(),
        threads: None,
    }
}

/// How snapshots are written.
pub fn snapshot_options() -> SnapshotOptions {
    SnapshotOptions { compression: Compression::None, digest: true, last_zxid: true }
}

impl Shared {
    /// The members of a plan.
    ///
    /// # Panics
    /// If the configuration of the simulator itself makes no sense.
    pub fn new(plan: &Plan) -> Self {
        let mut text = String::new();
        for sid in 1..=plan.voters + plan.observers {
            let role = if sid > plan.voters { "observer" } else { "participant" };
            text += &format!("server.{sid}=10.0.0.{sid}:2888:3888:{role}\n");
        }
        let options = ConfigOptions { standalone: false, ..ConfigOptions::default() };
        let verifier = QuorumVerifier::parse(&text, options).expect("the members are well formed");
        let source = Source::Arguments {
            client_port: 2181,
            data_dir: DATA_DIR.to_owned(),
            tick_time: None,
            max_client_cnxns: None,
        };
        let launch = Launch { source, ..Launch::default() };
        let config = Config::load(&launch).expect("the defaults are well formed");
        Self { config, quorums: Quorums::new(Arc::new(verifier)), plan: plan.clone() }
    }

    /// The configuration as its node shows it.
    pub fn config_text(&self) -> String {
        self.quorums.committed().to_string()
    }

    /// The settings of a member.
    fn settings(&self, sid: Sid, kind: LearnerType) -> ensemble::Settings {
        let plan = &self.plan;
        ensemble::Settings {
            my_id: sid,
            kind,
            tick_time: plan.tick_ms,
            init_limit: plan.init_limit,
            sync_limit: plan.sync_limit,
            connect_limit: 0,
            initial_zxid: plan.initial_zxid,
            pauses: Pauses { between_calls: 100, observer_calls: 0, observer_looks: 200 },
            ack_logging_frequency: 1,
            max_time_to_wait_for_epoch: -1,
            max_concurrent_snap_syncs: 10,
            max_concurrent_diff_syncs: 100,
            max_strangers: 100,
            spare_after: plan.spare_after,
            leader_serves: plan.leader_serves,
            log_enabled: true,
            sync: Options {
                txn_log: plan.txn_log_sync,
                force_snapshot: plan.force_snapshot,
                faults: plan.bugs.sync,
            },
            committed_limit: plan.committed_limit,
            local_sessions: if plan.local { LocalSessions::Upgrading } else { LocalSessions::Off },
            read_only_mode: plan.local,
            config: ConfigText { text: self.config_text(), version: 0 },
            pipeline: PipelineSettings {
                prep: PrepOptions::default(),
                containers: ContainerOptions::default(),
                throttler: RequestThrottler::new(self.config.throttle.request, 0),
                batch_max: 20,
            },
            faults: plan.bugs.peer,
        }
    }

    fn front_settings(&self) -> FrontSettings {
        let tick = self.plan.tick_ms as i32;
        FrontSettings {
            min_session_timeout: tick * 2,
            max_session_timeout: tick * 20,
            ..FrontSettings::new(&self.config)
        }
    }

    /// Starts the process of `node`.
    ///
    /// # Errors
    /// Why it does not start.
    pub fn boot(&self, node: &Node, at: Micros, random: &mut Random) -> storage::Result<Life> {
        let data = Path::new(DATA_DIR);
        let dirs = DataDirs::open(Arc::new(node.disk.clone()), data, data, true)?;
        let dirs = dirs.with_faults(self.plan.bugs.storage);
        snapshot::remove_leftovers(&**dirs.disk(), dirs.snap())?;
        let restored = restore(&dirs, restore_options(&self.plan), || 0)?;
        let epochs = Epochs::load(&dirs, restored.last_zxid)?;
        let now = node.now(at);
        let (seen, fuzzy_until) = (restored.last_zxid, fuzzy_until(&restored.tree));
        let auth = Arc::new(
            Auth::new(&self.config.auth).map_err(|e| storage::Error::DataDir(e.to_string()))?,
        );
        let db = Arc::new(Database::new(DataTree::new(TreeOptions::default())));
        let metrics = Arc::new(ServerMetrics::default());
        let settings = self.front_settings();
        let front = Front::new(settings, Arc::clone(&auth), db, metrics, now.mono, random.draw());
        let front = Arc::new(front);
        let limits = SnapshotLimits { count: self.plan.snap_count.max(2), bytes: 0 };
        let mut snapshots = SnapshotPolicy::new(limits, random.draw());
        snapshots.replayed(restored.stats.txns_loaded);
        let parts = ensemble::Parts {
            front: Arc::clone(&front),
            auth,
            snapshots,
            quorums: self.quorums.clone(),
            epochs: ensemble::Epochs { accepted: epochs.accepted(), current: epochs.current() },
            loaded: loaded(restored),
        };
        let mut effects = Vec::new();
        let ensemble = Ensemble::new(self.settings(node.sid, node.kind), parts, now, &mut effects);
        let current = epochs.current();
        let (fle, cnx) = self.election(node, seen, current);
        Ok(Life {
            ensemble,
            fle,
            cnx,
            front,
            log: self.open_log(&dirs),
            dirs,
            epochs,
            effects: effects.into(),
            log_queue: VecDeque::new(),
            log_busy: false,
            barrier: None,
            snapshotting: None,
            listening: false,
            marks: Arc::default(),
            conns: BTreeMap::new(),
            links: BTreeMap::new(),
            next_conn: 1,
            arrived: Vec::new(),
            timer_at: None,
            seen,
            fuzzy_until,
            is_fuzzy: false,
        })
    }

    fn open_log(&self, dirs: &DataDirs) -> TxnLog {
        let options = TxnLogOptions { prealloc: self.plan.prealloc, ..TxnLogOptions::default() };
        TxnLog::new(dirs, options, Box::new(|| 0))
    }

    fn election(
        &self,
        node: &Node,
        zxid: Zxid,
        epoch: i64,
    ) -> (FastLeaderElection, QuorumCnxManager) {
        let settings = fle::Settings { kind: node.kind, ..fle::Settings::new(node.sid) };
        let fle = FastLeaderElection::new(settings, self.quorums.clone(), zxid, epoch);
        let host = format!("10.0.0.{}", node.sid);
        let settings = cnx::Settings {
            my_id: node.sid,
            addresses: vec![ElectionAddr { host, port: 3888 }],
            multi_address: node.sid.0 % 2 == 0,
            greeting_timeout: self.plan.tick_ms * self.plan.sync_limit,
            max_strangers: 256,
            fault_ebcdic: self.plan.bugs.ebcdic,
        };
        (fle, QuorumCnxManager::new(settings, self.quorums.clone()))
    }
}

/// A snapshot may hold what was committed while it was taken, and the log may have lost that again
/// with the power: committed it is, and the leader sends it once more. Before that zxid the tree is
/// that of no moment.
pub fn fuzzy_until(tree: &DataTree) -> Zxid {
    tree.digest_from_loaded_snapshot().map_or(Zxid::ZERO, |digest| digest.zxid)
}

/// A database as a member takes it.
pub fn loaded(restored: Restored) -> Loaded {
    let committed = restored.committed.into_iter();
    Loaded {
        tree: restored.tree,
        sessions: restored.sessions,
        committed: committed.map(|(zxid, record)| Entry { zxid, record }).collect(),
    }
}

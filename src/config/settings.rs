//! What the configuration means, grouped by the room that acts on it. Plain data: each room builds
//! its own settings from these, so that no room needs to know where a number came from. Units are in
//! the names; limits that Java corrects silently (`snapCount` below 2, and the like) are corrected
//! here already.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

/// Where and how transaction logs and snapshots are kept.
#[derive(Debug, Clone, PartialEq)]
pub struct StorageConfig {
    /// `dataDir`: snapshots, `myid` and the epoch files lie in its `version-2`.
    pub data_dir: PathBuf,
    /// `dataLogDir`: transaction logs lie in its `version-2`. The same as `data_dir` if not set.
    pub data_log_dir: PathBuf,
    /// `datadir.autocreate`: may missing directories be made at start-up?
    pub datadir_autocreate: bool,
    /// `db.autocreate`: may a server without any data start with an empty tree? If not, the file
    /// `initialize` in `data_dir` must say so.
    pub db_autocreate: bool,
    /// `snapshot.trust.empty`: may logs be replayed without any snapshot?
    pub trust_empty_snapshot: bool,
    /// `preAllocSize`, in bytes: a log file grows by this much at a time. 0 or less: not at all.
    pub pre_alloc_bytes: i64,
    /// `snapCount`: transactions between snapshots, at least 2.
    pub snap_count: i32,
    /// `snapSizeLimitInKb`, in bytes: log bytes between snapshots. 0 or less: no limit.
    pub snap_size_limit_bytes: i64,
    /// `txnLogSizeLimitInKb`, in bytes: size at which a log file is rolled. 0 or less: no limit.
    pub txn_log_size_limit_bytes: i64,
    /// `forceSync`: is a log synced before its transactions are acknowledged?
    pub force_sync: bool,
    /// `fsync.warningthresholdms`: a sync that takes longer is reported.
    pub fsync_warning_threshold_ms: i64,
    /// `snapshot.compression.method`
    pub snapshot_compression: Compression,
    /// `serializeLastProcessedZxid.enabled`: do snapshots end with the last processed zxid?
    pub serialize_last_processed_zxid: bool,
    /// `commitLogCount`: committed transactions kept in memory for learners, at least 500.
    pub commit_log_count: i32,
    /// `snapshotSizeFactor`: a learner gets logs instead of a snapshot while they are smaller than
    /// this part of it, at most 1. Negative: never.
    pub snapshot_size_factor: f64,
    /// `autopurge.snapRetainCount`: snapshots that a purge keeps, at least 3.
    pub purge_retain_count: i32,
    /// `autopurge.purgeInterval`, in hours. 0 or less: no purge task.
    pub purge_interval_hours: i32,
}

/// How snapshots are written. What is read goes by the file's own name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// Plain, with its Adler-32 checksum (`CHECKED`).
    None,
    /// `.gz`
    Gzip,
    /// `.snappy`
    Snappy,
}

/// What the tree must know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TreeConfig {
    /// `extendedTypesEnabled`: are TTL nodes allowed?
    pub extended_types: bool,
    /// `emulate353TTLNodes`: are TTLs read in the encoding of 3.5.3?
    pub emulate_353_ttl: bool,
    /// `digest.enabled`
    pub digest: bool,
}

/// The client port and the threads behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetConfig {
    /// `clientPort` with `clientPortAddress`. None: no plain port.
    pub client: Option<ListenAddress>,
    /// `secureClientPort` with `secureClientPortAddress`. None: no TLS port.
    pub secure_client: Option<ListenAddress>,
    /// `clientPortListenBacklog`. None: the system's default.
    pub listen_backlog: Option<i32>,
    /// `maxClientCnxns`: connections from one address. 0 or less: no limit.
    pub max_client_cnxns: i32,
    /// `maxCnxns`: connections in all. 0 or less: no limit.
    pub max_cnxns: i32,
    /// `jute.maxbuffer`: the longest frame, buffer or string taken, in bytes.
    pub jute_max_buffer: i32,
    /// `jute.maxbuffer.extrasize`: what records of the server's own may be longer, at least 1024.
    pub jute_max_buffer_extra: i32,
    /// `nio.sessionlessCnxnTimeout`: a connection without a session is closed after this.
    pub sessionless_cnxn_timeout_ms: i32,
    /// `nio.numSelectorThreads`, at least 1. None: not set, the room chooses.
    pub selector_threads: Option<usize>,
    /// `nio.numWorkerThreads`; 0 is "no workers, the selectors do the work". None: not set.
    pub worker_threads: Option<usize>,
    /// `nio.shutdownTimeout`: how long a shutdown waits for the workers.
    pub shutdown_timeout_ms: i64,
    /// `clientTcpKeepAlive`: `SO_KEEPALIVE` on client connections.
    pub client_tcp_keep_alive: bool,
}

/// An address to listen on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenAddress {
    /// The host as written, None where only a port was.
    pub host: Option<String>,
    /// The resolved address. An unspecified one (`0.0.0.0`, `::`) means every interface, of both
    /// families, as with Java's dual-stack sockets.
    pub ip: IpAddr,
    /// The port; 0 lets the system choose.
    pub port: u16,
}

impl ListenAddress {
    /// Address and port.
    pub fn socket_addr(&self) -> SocketAddr {
        SocketAddr::new(self.ip, self.port)
    }
}

/// Time: ticks, sessions, and what the container manager does by the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionConfig {
    /// `tickTime`, never 0.
    pub tick_time_ms: i32,
    /// `minSessionTimeout`, two ticks if not set.
    pub min_timeout_ms: i32,
    /// `maxSessionTimeout`, twenty ticks if not set; never below `min_timeout_ms`.
    pub max_timeout_ms: i32,
    /// `closeSessionTxn.enabled`: does a closeSession transaction list the ephemerals it deletes?
    pub close_session_txn: bool,
    /// `localSessionsEnabled`
    pub local_sessions: bool,
    /// `localSessionsUpgradingEnabled`
    pub local_session_upgrading: bool,
    /// `znode.container.checkIntervalMs`: pause between two looks for empty containers.
    pub container_check_interval_ms: i32,
    /// `znode.container.maxPerMinute`: deletions of containers a minute.
    pub container_max_per_minute: i32,
    /// `znode.container.maxNeverUsedIntervalMs`: a container that never had a child is deleted
    /// after this. 0: never.
    pub container_max_never_used_ms: i64,
}

/// How requests are processed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerConfig {
    /// `globalOutstandingLimit`: requests in process before connections are throttled.
    pub global_outstanding_limit: i32,
    /// `flushDelay`: how long a sync may be put off to gather more transactions.
    pub flush_delay_ms: i64,
    /// `maxWriteQueuePollTime`: how long to wait for more to write before a sync.
    pub max_write_queue_poll_ms: i64,
    /// `maxBatchSize`: transactions in one sync. 0 or less: no limit.
    pub max_batch_size: i32,
    /// `enforceQuota`: are hard quotas enforced?
    pub enforce_quota: bool,
    /// `readonlymode.enabled`
    pub read_only_mode: bool,
    /// `audit.enable`: is there a line in the log for each change?
    pub audit: bool,
    /// `4lw.commands.whitelist` as a set, `srvr` (and `isro` in read-only mode) included.
    pub four_letter_words: Whitelist,
}

/// Which four-letter words are answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whitelist {
    /// `*`
    All,
    /// These.
    Only(Vec<String>),
}

impl Whitelist {
    /// Is this word answered?
    pub fn allows(&self, word: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(words) => words.iter().any(|w| w == word),
        }
    }
}

/// Who may do what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthConfig {
    /// `skipACL`: are ACLs neither checked nor fixed up?
    pub skip_acl: bool,
    /// `DigestAuthenticationProvider.enabled`
    pub digest_enabled: bool,
    /// `DigestAuthenticationProvider.superDigest`: `user:base64(digest)` of the super user.
    pub super_digest: Option<String>,
    /// `DigestAuthenticationProvider.digestAlg`: a name of Java's MessageDigest, `SHA1` if not set.
    pub digest_algorithm: String,
    /// `IPAuthenticationProvider.usexforwardedfor`: only the HTTP admin server knows that header.
    pub ip_use_x_forwarded_for: bool,
    /// `enforce.auth.enabled`, or `sessionRequireClientSASLAuth`
    pub enforce_auth: bool,
    /// `enforce.auth.schemes`, or `sasl` alone with `sessionRequireClientSASLAuth`
    pub enforce_auth_schemes: Vec<String>,
    /// `ensembleAuthName`, split at commas, if an `authProvider.` line names the scheme `ensemble`;
    /// an empty list accepts every name. None: there is no such scheme.
    pub ensemble_auth_names: Option<Vec<String>>,
    /// Does an `authProvider.` line name the scheme `key`?
    pub key_scheme: bool,
    /// `enableEagerACLCheck`: does a learner check ACLs before it forwards a write?
    pub eager_acl_check: bool,
}

/// Limits on what clients may ask for at a time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ThrottleConfig {
    /// New connections (`BlueThrottle`).
    pub connection: ConnectionThrottle,
    /// Requests in process (`RequestThrottler`).
    pub request: RequestThrottle,
    /// `throttled_op_wait_time`, in ms: a request that waited longer is refused with -127. 0: off.
    pub throttled_op_wait_ms: i32,
    /// `largeRequestMaxBytes`: bytes of large requests in process.
    pub large_request_max_bytes: i32,
    /// `largeRequestThreshold`: a request longer than this is large. -1: none is.
    pub large_request_threshold: i32,
}

/// The token bucket for new connections, with its BLUE dropping.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ConnectionThrottle {
    /// `connection_throttle_tokens`, times the global session's weight where weights are on.
    /// 0: off.
    pub tokens: i32,
    /// `connection_throttle_fill_time`, in ms.
    pub fill_time_ms: i32,
    /// `connection_throttle_fill_count`, times the global session's weight where weights are on.
    pub fill_count: i32,
    /// `connection_throttle_freeze_time`, in ms. Negative: no dropping by chance.
    pub freeze_time_ms: i32,
    /// `connection_throttle_drop_increase`
    pub drop_increase: f64,
    /// `connection_throttle_drop_decrease`
    pub drop_decrease: f64,
    /// `connection_throttle_decrease_ratio`
    pub decrease_ratio: f64,
    /// `connection_throttle_weight_enabled`
    pub weight_enabled: bool,
    /// `connection_throttle_global_session_weight`, at least 1.
    pub global_session_weight: i32,
    /// `connection_throttle_local_session_weight`, at least 1.
    pub local_session_weight: i32,
    /// `connection_throttle_renew_session_weight`, at least 1.
    pub renew_session_weight: i32,
}

/// The limit on requests in process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestThrottle {
    /// `request_throttle_max_requests`. 0 or less: off.
    pub max_requests: i32,
    /// `request_throttle_stall_time`, in ms.
    pub stall_time_ms: i32,
    /// `request_throttle_drop_stale`
    pub drop_stale: bool,
    /// `request_stale_latency_check`: is a request stale that is older than its session's timeout?
    pub stale_latency_check: bool,
    /// `request_stale_connection_check`: is a request stale whose connection is gone?
    pub stale_connection_check: bool,
    /// `request_throttler.shutdownTimeout`, in ms.
    pub shutdown_timeout_ms: i32,
}

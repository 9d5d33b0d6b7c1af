//! From what was written to what it means: each section is read through the table of keys, and the
//! rules that hold between keys are checked in Java's order (`QuorumPeerConfig.parseProperties`).

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use super::error::ConfigError;
use super::settings::{
    Compression, ConnectionThrottle, ListenAddress, NetConfig, RequestThrottle, ServerConfig,
    SessionConfig, StorageConfig, ThrottleConfig, TreeConfig, Whitelist,
};
use super::values::Values;

const KIB: i64 = 1024;

type Result<T> = std::result::Result<T, ConfigError>;

/// Finds the address of a host: the first that the system's resolver names.
pub(super) type Resolve<'a> = &'a dyn Fn(&str) -> io::Result<IpAddr>;

pub(super) fn storage(values: &mut Values<'_>) -> Result<StorageConfig> {
    let data_dir = directory(values, "dataDir")?;
    let data_log_dir = directory(values, "dataLogDir")?;
    let data_dir = data_dir.ok_or_else(|| values.error("dataDir is not set"))?;
    Ok(StorageConfig {
        data_log_dir: data_log_dir.unwrap_or_else(|| data_dir.clone()),
        data_dir,
        datadir_autocreate: values.flag("datadir.autocreate")?,
        db_autocreate: values.flag("db.autocreate")?,
        trust_empty_snapshot: values.flag("snapshot.trust.empty")?,
        pre_alloc_bytes: values.long("preAllocSize")?.saturating_mul(KIB),
        snap_count: values.int("snapCount")?,
        snap_size_limit_bytes: values.long("snapSizeLimitInKb")?.saturating_mul(KIB),
        txn_log_size_limit_bytes: values.long("txnLogSizeLimitInKb")?.saturating_mul(KIB),
        force_sync: values.flag("forceSync")?,
        fsync_warning_threshold_ms: values.long("fsync.warningthresholdms")?,
        snapshot_compression: match values.word("snapshot.compression.method")?.as_str() {
            "gz" => Compression::Gzip,
            "snappy" => Compression::Snappy,
            _ => Compression::None,
        },
        serialize_last_processed_zxid: values.flag("serializeLastProcessedZxid.enabled")?,
        commit_log_count: values.int("commitLogCount")?,
        snapshot_size_factor: snapshot_size_factor(values)?,
        purge_retain_count: values.int("autopurge.snapRetainCount")?,
        purge_interval_hours: values.int("autopurge.purgeInterval")?,
    })
}

fn directory(values: &mut Values<'_>, name: &'static str) -> Result<Option<PathBuf>> {
    let Some(path) = values.text_if_set(name) else { return Ok(None) };
    if path.is_empty() {
        return Err(values.error(format!("{name}=: expected a path")));
    }
    if !path.starts_with('/') && !path.starts_with("./") {
        values.warn(name, format!("{path} is relative. Prepend ./ to indicate that you're sure!"));
    }
    Ok(Some(PathBuf::from(path)))
}

fn snapshot_size_factor(values: &mut Values<'_>) -> Result<f64> {
    const DEFAULT: f64 = 0.33;
    let factor = values.real("snapshotSizeFactor")?;
    if factor > 1.0 {
        values.warn("snapshotSizeFactor", format!("{factor} is more than 1, {DEFAULT} is used"));
        return Ok(DEFAULT);
    }
    Ok(factor)
}

pub(super) fn tree(values: &mut Values<'_>) -> Result<TreeConfig> {
    Ok(TreeConfig {
        extended_types: values.flag("extendedTypesEnabled")?,
        emulate_353_ttl: values.flag("emulate353TTLNodes")?,
        digest: values.flag("digest.enabled")?,
    })
}

pub(super) fn net(values: &mut Values<'_>, resolve: Resolve<'_>) -> Result<NetConfig> {
    let jute_max_buffer = values.int("jute.maxbuffer")?;
    // Unset, it is as long as maxbuffer, and like a written one at least 1024.
    let extra = values.int_if_set("jute.maxbuffer.extrasize")?;
    Ok(NetConfig {
        client: listen_address(values, ("clientPort", "clientPortAddress"), resolve)?,
        secure_client: listen_address(
            values,
            ("secureClientPort", "secureClientPortAddress"),
            resolve,
        )?,
        listen_backlog: Some(values.int("clientPortListenBacklog")?).filter(|&n| n != -1),
        max_client_cnxns: values.int("maxClientCnxns")?,
        max_cnxns: values.int("maxCnxns")?,
        jute_max_buffer,
        jute_max_buffer_extra: extra.unwrap_or(jute_max_buffer.max(1024)),
        sessionless_cnxn_timeout_ms: values.int("nio.sessionlessCnxnTimeout")?,
        selector_threads: values.int_if_set("nio.numSelectorThreads")?.map(|n| n as usize),
        worker_threads: values.int_if_set("nio.numWorkerThreads")?.map(|n| n.max(0) as usize),
        shutdown_timeout_ms: values.long("nio.shutdownTimeout")?,
        client_tcp_keep_alive: values.flag("clientTcpKeepAlive")?,
    })
}

fn listen_address(
    values: &mut Values<'_>,
    (port_key, host_key): (&'static str, &'static str),
    resolve: Resolve<'_>,
) -> Result<Option<ListenAddress>> {
    let port = values.int_if_set(port_key)?;
    let host = values.text_if_set(host_key);
    let Some(port) = port else {
        return match host {
            Some(_) => Err(values.error(format!("{host_key} is set but {port_key} is not set"))),
            None => Ok(None),
        };
    };
    let ip = match host.as_deref() {
        None => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        Some(host) => resolve(host).map_err(|e| {
            values.error(format!("{host_key}={host}: expected a host with an address: {e}"))
        })?,
    };
    Ok(Some(ListenAddress { host, ip, port: port as u16 }))
}

pub(super) fn sessions(values: &mut Values<'_>) -> Result<SessionConfig> {
    let tick_time_ms = values.int("tickTime")?;
    if tick_time_ms == 0 {
        return Err(values.error("tickTime is not set"));
    }
    let timeout = |written: i32, ticks: i32| match written {
        -1 => tick_time_ms.saturating_mul(ticks),
        written => written,
    };
    let min_timeout_ms = timeout(values.int("minSessionTimeout")?, 2);
    let max_timeout_ms = timeout(values.int("maxSessionTimeout")?, 20);
    if min_timeout_ms > max_timeout_ms {
        return Err(values.error(format!(
            "minSessionTimeout must not be larger than maxSessionTimeout: {min_timeout_ms} ms is \
             larger than {max_timeout_ms} ms"
        )));
    }
    if tick_time_ms < 0 {
        return Err(values.error(format!("tickTime={tick_time_ms}: expected more than 0")));
    }
    Ok(SessionConfig {
        tick_time_ms,
        min_timeout_ms,
        max_timeout_ms,
        close_session_txn: values.flag("closeSessionTxn.enabled")?,
        local_sessions: values.flag("localSessionsEnabled")?,
        local_session_upgrading: values.flag("localSessionsUpgradingEnabled")?,
        container_check_interval_ms: values.int("znode.container.checkIntervalMs")?,
        container_max_per_minute: values.int("znode.container.maxPerMinute")?,
        container_max_never_used_ms: values.long("znode.container.maxNeverUsedIntervalMs")?,
    })
}

pub(super) fn server(values: &mut Values<'_>) -> Result<ServerConfig> {
    let flush_delay_ms = values.long("flushDelay")?;
    let poll = values.long_if_set("maxWriteQueuePollTime")?;
    let read_only_mode = values.flag("readonlymode.enabled")?;
    Ok(ServerConfig {
        global_outstanding_limit: values.int("globalOutstandingLimit")?,
        flush_delay_ms,
        max_write_queue_poll_ms: poll.unwrap_or(flush_delay_ms / 3),
        max_batch_size: values.int("maxBatchSize")?,
        enforce_quota: values.flag("enforceQuota")?,
        read_only_mode,
        audit: values.flag("audit.enable")?,
        four_letter_words: whitelist(values, read_only_mode),
    })
}

/// The words of the list, blanks around them cut, up to a `*`. `zkServer.sh status` depends on
/// `srvr`, read-only clients on `isro` (`FourLetterCommands.isEnabled`).
fn whitelist(values: &mut Values<'_>, read_only_mode: bool) -> Whitelist {
    const WORDS: [&str; 18] = [
        "conf", "cons", "crst", "dirs", "dump", "envi", "gtmk", "hash", "isro", "mntr", "ruok",
        "srst", "srvr", "stat", "stmk", "wchc", "wchp", "wchs",
    ];
    let list = values.text("4lw.commands.whitelist");
    let mut words: Vec<String> = Vec::new();
    for word in list.split(',').map(str::trim).filter(|word| !word.is_empty()) {
        if word == "*" {
            return Whitelist::All;
        }
        if !WORDS.contains(&word) {
            values.warn("4lw.commands.whitelist", format!("{word} is no four-letter word"));
        }
        words.push(word.to_owned());
    }
    let needed = if read_only_mode { &["srvr", "isro"][..] } else { &["srvr"] };
    for word in needed {
        if !words.iter().any(|listed| listed == word) {
            words.push((*word).to_owned());
        }
    }
    Whitelist::Only(words)
}

/// The class that publishes metrics must be one of the three that the Java server brings along: there
/// is no class path to find another on.
pub(super) fn check_metrics_provider(values: &mut Values<'_>) -> Result<()> {
    const KEY: &str = "metricsProvider.className";
    const KNOWN: [&str; 3] = [
        "org.apache.zookeeper.metrics.impl.DefaultMetricsProvider",
        "org.apache.zookeeper.metrics.impl.NullMetricsProvider",
        "org.apache.zookeeper.metrics.prometheus.PrometheusMetricsProvider",
    ];
    let class = values.text(KEY);
    if KNOWN.contains(&class.as_str()) {
        return Ok(());
    }
    Err(values.error(format!("{KEY}={class}: metrics provider class was not found")))
}

pub(super) fn throttle(values: &mut Values<'_>) -> Result<ThrottleConfig> {
    Ok(ThrottleConfig {
        connection: connection_throttle(values)?,
        request: RequestThrottle {
            max_requests: values.int("request_throttle_max_requests")?,
            stall_time_ms: values.int("request_throttle_stall_time")?,
            drop_stale: values.flag("request_throttle_drop_stale")?,
            stale_latency_check: values.flag("request_stale_latency_check")?,
            stale_connection_check: values.flag("request_stale_connection_check")?,
            shutdown_timeout_ms: values.int("request_throttler.shutdownTimeout")?,
        },
        throttled_op_wait_ms: values.int("throttled_op_wait_time")?,
        large_request_max_bytes: values.int("largeRequestMaxBytes")?,
        large_request_threshold: large_request_threshold(values)?,
    })
}

fn large_request_threshold(values: &mut Values<'_>) -> Result<i32> {
    const KEY: &str = "largeRequestThreshold";
    let threshold = values.int(KEY)?;
    if threshold == 0 {
        values.warn(KEY, "0 is neither -1 nor positive, -1 is used");
        return Ok(-1);
    }
    Ok(threshold)
}

/// Weights below the local session's are raised to it; tokens are counted in new sessions, so they
/// are multiplied by the weight of one (`BlueThrottle`).
fn connection_throttle(values: &mut Values<'_>) -> Result<ConnectionThrottle> {
    let local = values.int("connection_throttle_local_session_weight")?;
    let global = session_weight(values, "connection_throttle_global_session_weight", local)?;
    let renew = session_weight(values, "connection_throttle_renew_session_weight", local)?;
    let weight_enabled = values.flag("connection_throttle_weight_enabled")?;
    let factor = if weight_enabled { global } else { 1 };
    Ok(ConnectionThrottle {
        tokens: values.int("connection_throttle_tokens")?.saturating_mul(factor),
        fill_time_ms: values.int("connection_throttle_fill_time")?,
        fill_count: values.int("connection_throttle_fill_count")?.saturating_mul(factor),
        freeze_time_ms: values.int("connection_throttle_freeze_time")?,
        drop_increase: values.real("connection_throttle_drop_increase")?,
        drop_decrease: values.real("connection_throttle_drop_decrease")?,
        decrease_ratio: values.real("connection_throttle_decrease_ratio")?,
        weight_enabled,
        global_session_weight: global,
        local_session_weight: local,
        renew_session_weight: renew,
    })
}

fn session_weight(values: &mut Values<'_>, name: &'static str, local: i32) -> Result<i32> {
    let weight = values.int(name)?;
    if weight < local {
        values.warn(name, format!("{weight} is less than a local session's, {local} is used"));
    }
    Ok(weight.max(local))
}

//! Storage, connections, request processing, and what the server keeps in memory.

use super::{INT, Key, Kind, LONG, Range, Scope, at_least, key, property};

const NO_CACHE: &str = "replies are encoded straight from the tree, nothing is cached";
const WATCHES: &str = "there is one watch manager, and it needs no cleaning in the background";
const TRACKER: &str = "the last packets of learners are not kept yet";
const PATH_STATS: &str = "statistics by path come with a later version";

pub(super) const STORAGE: &[Key] = &[
    property("snapCount", at_least(2, 2), "100000")
        .unit("txns")
        .does("SyncRequestProcessor", "transactions between snapshots, give or take half"),
    property("snapSizeLimitInKb", LONG, "4194304")
        .unit("KiB")
        .does("SyncRequestProcessor", "log size between snapshots; 0 or less for none"),
    property("txnLogSizeLimitInKb", LONG, "-1")
        .unit("KiB")
        .does("FileTxnLog", "size at which a log file is closed; 0 or less for none"),
    property("preAllocSize", LONG, "65536")
        .unit("KiB")
        .decimal()
        .does("FilePadding", "how far a log file grows at a time"),
    property("forceSync", Kind::Unless("no"), "yes")
        .does("FileTxnLog", "sync the log before a write is acknowledged"),
    key(Scope::PropertyOrBare, "fsync.warningthresholdms", LONG, "1000")
        .unit("ms")
        .does("FileTxnLog", "a sync that takes longer is reported"),
    property("snapshot.compression.method", Kind::Word(&["", "gz", "snappy"]), "")
        .does("SnapStream", "how snapshots are written"),
    property("snapshot.trust.empty", Kind::Bool, "false")
        .does("FileTxnSnapLog", "start from logs without a snapshot"),
    property("datadir.autocreate", Kind::Bool, "true")
        .does("FileTxnSnapLog", "make missing directories"),
    property("db.autocreate", Kind::Bool, "true")
        .does("FileTxnSnapLog", "start empty without the file initialize"),
    property("serializeLastProcessedZxid.enabled", Kind::Bool, "true")
        .does("ZooKeeperServer", "snapshots end with the last processed zxid"),
    property("digest.enabled", Kind::Bool, "true")
        .does("ZooKeeperServer", "digest of the tree in logs and snapshots"),
    property("commitLogCount", at_least(500, 500), "500")
        .unit("txns")
        .decimal()
        .does("ZKDatabase", "transactions kept in memory for learners"),
    property("snapshotSizeFactor", Kind::Real, "0.33")
        .does("ZKDatabase", "send a learner logs up to this part of a snapshot; negative: never"),
];

pub(super) const REQUESTS: &[Key] = &[
    key(Scope::Bare, "jute.maxbuffer", INT, "1048575")
        .unit("bytes")
        .does("BinaryInputArchive", "longest frame, string or buffer taken"),
    property("jute.maxbuffer.extrasize", at_least(1024, 1024), "(jute.maxbuffer)")
        .unit("bytes")
        .does("BinaryInputArchive", "what the server's own records may be longer"),
    // Java's 1000 keeps its heap small. Here requests in process are bounded by their bytes, and
    // connections held back at 1000 cost throughput and the latency of the last.
    property("globalOutstandingLimit", INT, "100000")
        .does("ZooKeeperServer", "requests in process before connections are held back"),
    property("maxCnxns", INT, "0").does("ServerCnxnFactory", "connections in all; 0 for no limit"),
    property("serverCnxnFactory", Kind::Class, "org.apache.zookeeper.server.NIOServerCnxnFactory")
        .does("ServerCnxnFactory", "class that serves connections")
        .jvm_only("there is one reactor, whichever class is named"),
    property("nio.sessionlessCnxnTimeout", INT, "10000")
        .unit("ms")
        .does("NIOServerCnxnFactory", "time a connection has to ask for its session"),
    property(
        "nio.numSelectorThreads",
        Kind::Int(Range { min: 1, max: i64::MAX, instead: None }),
        "(by cores)",
    )
    .does("NIOServerCnxnFactory", "threads that wait for and serve connections"),
    property("nio.numWorkerThreads", INT, "(by cores)")
        .does("NIOServerCnxnFactory", "threads beside the selectors; 0 or less for none"),
    property("nio.shutdownTimeout", LONG, "5000")
        .unit("ms")
        .does("NIOServerCnxnFactory", "wait for the workers at the end"),
    property("nio.directBufferBytes", INT, "65536")
        .unit("bytes")
        .does("NIOServerCnxnFactory", "size of direct buffers")
        .jvm_only("output is written from where it lies"),
    property("clientTcpKeepAlive", Kind::Bool, "false")
        .does("NIOServerCnxn", "keep-alive probes on client connections"),
    property("maxResponseCacheSize", INT, "400")
        .does("ResponseCache", "nodes whose encoded data is kept")
        .jvm_only(NO_CACHE),
    property("maxGetChildrenResponseCacheSize", INT, "400")
        .does("ResponseCache", "nodes whose encoded children are kept")
        .jvm_only(NO_CACHE),
    property("intBufferStartingSizeBytes", INT, "1024")
        .unit("bytes")
        .does("ZooKeeperServer", "first size of a reply's buffer")
        .jvm_only("replies are encoded into their connection's output"),
    property("flushDelay", LONG, "0")
        .unit("ms")
        .does("SyncRequestProcessor", "how long a sync may wait for more writes"),
    property("maxWriteQueuePollTime", LONG, "(flushDelay / 3)")
        .unit("ms")
        .does("SyncRequestProcessor", "how long to wait for one more write"),
    property("maxBatchSize", INT, "1000")
        .unit("txns")
        .does("SyncRequestProcessor", "writes in one sync"),
    property("closeSessionTxn.enabled", Kind::Bool, "true")
        .does("ZooKeeperServer", "closing a session lists its ephemerals in the log"),
    property("enforceQuota", Kind::Bool, "false")
        .does("ZooKeeperServer", "refuse writes beyond a hard quota"),
    key(Scope::Bare, "readonlymode.enabled", Kind::Bool, "false")
        .does("QuorumPeer", "serve reads while cut off from the ensemble"),
    property("4lw.commands.whitelist", Kind::Text, "srvr")
        .does("FourLetterCommands", "four-letter words that are answered; * for all"),
];

pub(super) const STATE: &[Key] = &[
    property("extendedTypesEnabled", Kind::Bool, "false")
        .does("EphemeralType", "nodes with a time to live"),
    property("emulate353TTLNodes", Kind::Bool, "false")
        .does("EphemeralType", "read times to live as 3.5.3 wrote them"),
    key(Scope::Bare, "znode.container.checkIntervalMs", INT, "60000")
        .unit("ms")
        .does("ContainerManager", "time between looks for empty containers and overdue nodes"),
    key(Scope::Bare, "znode.container.maxPerMinute", INT, "10000")
        .does("ContainerManager", "deletions a minute"),
    key(Scope::Bare, "znode.container.maxNeverUsedIntervalMs", LONG, "0").unit("ms").does(
        "ContainerManager",
        "age at which a container that never had children goes; 0: never",
    ),
    property("watchManagerName", Kind::Class, "org.apache.zookeeper.server.watch.WatchManager")
        .does("WatchManagerFactory", "class that keeps watches")
        .jvm_only(WATCHES),
    property("watcherCleanThreadsNum", INT, "2")
        .does("WatcherCleaner", "threads")
        .jvm_only(WATCHES),
    property("watcherCleanThreshold", INT, "1000")
        .does("WatcherCleaner", "dead watchers that are worth a round")
        .jvm_only(WATCHES),
    property("watcherCleanIntervalInSeconds", INT, "600")
        .unit("s")
        .does("WatcherCleaner", "time between rounds")
        .jvm_only(WATCHES),
    property("maxInProcessingDeadWatchers", INT, "-1")
        .does("WatcherCleaner", "dead watchers that hold closing connections back")
        .jvm_only(WATCHES),
    property("bitHashCacheSize", INT, "10")
        .does("BitHashSet", "entries kept as objects")
        .jvm_only(WATCHES),
    property("messageTracker.BufferSize", INT, "10")
        .does("MessageTracker", "packets remembered by learner")
        .not_yet(TRACKER),
    property("messageTracker.Enabled", Kind::Bool, "false")
        .does("MessageTracker", "remember the last packets of each learner")
        .not_yet(TRACKER),
    property("pathStats.enabled", Kind::Bool, "false")
        .does("RequestPathMetricsCollector", "log the paths asked for most")
        .not_yet(PATH_STATS),
    property("pathStats.slotCapacity", INT, "60")
        .does("RequestPathMetricsCollector", "slots kept")
        .not_yet(PATH_STATS),
    property("pathStats.slotDuration", INT, "15")
        .unit("s")
        .does("RequestPathMetricsCollector", "length of a slot")
        .not_yet(PATH_STATS),
    property("pathStats.maxDepth", INT, "6")
        .does("RequestPathMetricsCollector", "components of a path counted")
        .not_yet(PATH_STATS),
    property("pathStats.sampleRate", Kind::Real, "0.1")
        .does("RequestPathMetricsCollector", "part of the requests counted")
        .not_yet(PATH_STATS),
    property("pathStats.initialDelay", LONG, "5")
        .unit("min")
        .does("RequestPathMetricsCollector", "time before the first line")
        .not_yet(PATH_STATS),
    property("pathStats.delay", LONG, "5")
        .unit("min")
        .does("RequestPathMetricsCollector", "time between lines")
        .not_yet(PATH_STATS),
    property("pathStats.topPathMax", INT, "20")
        .does("RequestPathMetricsCollector", "paths in a line")
        .not_yet(PATH_STATS),
];

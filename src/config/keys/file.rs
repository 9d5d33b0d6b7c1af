//! What zoo.cfg keeps to itself (`QuorumPeerConfig.parseProperties`): no system property sets these,
//! except where the row says so.

use super::{INT, Key, Kind, LONG, PORT, Scope, at_least, file, key};

const CLASS: &str = "QuorumPeerConfig";
const RECONFIG: &str = "dynamic reconfiguration comes with a later version";
const MASTERS: &str = "observer masters come with a later version";
const ORACLE: &str = "the oracle quorum comes with a later version";
const TLS: &str = "TLS comes with a later version";
const SASL: &str = "SASL comes with a later version";
const PAUSES: &str = "there are no garbage collection pauses to watch for";
const METRICS: &str = "metrics providers come with a later version; the word mntr has the figures";

const DEFAULT_PROVIDER: &str = "org.apache.zookeeper.metrics.impl.DefaultMetricsProvider";

pub(super) const SERVER: &[Key] = &[
    file("dataDir", Kind::Path, "").does(CLASS, "snapshots, myid, epoch files; must be set"),
    file("dataLogDir", Kind::Path, "(dataDir)").does(CLASS, "transaction logs"),
    file("clientPort", PORT, "").does(CLASS, "port for clients without TLS"),
    file("clientPortAddress", Kind::Host, "0.0.0.0").does(CLASS, "address of clientPort"),
    file("secureClientPort", PORT, "").does(CLASS, "port for clients with TLS").not_yet(TLS),
    file("secureClientPortAddress", Kind::Host, "0.0.0.0")
        .does(CLASS, "address of secureClientPort")
        .not_yet(TLS),
    file("clientPortListenBacklog", INT, "-1")
        .does(CLASS, "connections waiting to be accepted; -1 leaves it to the system"),
    file("tickTime", INT, "3000").unit("ms").does(CLASS, "the unit of time; must not be 0"),
    file("maxClientCnxns", INT, "60").does(CLASS, "connections from one address; 0 for no limit"),
    file("minSessionTimeout", INT, "-1")
        .unit("ms")
        .does(CLASS, "shortest session timeout given; -1 for 2 ticks"),
    file("maxSessionTimeout", INT, "-1")
        .unit("ms")
        .does(CLASS, "longest session timeout given; -1 for 20 ticks"),
    file("autopurge.snapRetainCount", at_least(3, 3), "3")
        .does("DatadirCleanupManager", "snapshots that a purge keeps"),
    file("autopurge.purgeInterval", INT, "0")
        .unit("h")
        .does("DatadirCleanupManager", "time between purges; 0 for none"),
    file("localSessionsEnabled", Kind::Bool, "false")
        .does("UpgradeableSessionTracker", "sessions known to their server alone"),
    file("localSessionsUpgradingEnabled", Kind::Bool, "false").does(
        "UpgradeableSessionTracker",
        "a local session that creates an ephemeral turns global",
    ),
    file("metricsProvider.className", Kind::Class, DEFAULT_PROVIDER)
        .does("MetricsProviderBootstrap", "where metrics are published")
        .not_yet(METRICS),
    file("metricsProvider.httpHost", Kind::Host, "0.0.0.0")
        .does("PrometheusMetricsProvider", "address that metrics are fetched from")
        .not_yet(METRICS),
    file("metricsProvider.httpPort", PORT, "7000")
        .does("PrometheusMetricsProvider", "port that metrics are fetched from")
        .not_yet(METRICS),
    file("metricsProvider.exportJvmInfo", Kind::Bool, "true")
        .does("PrometheusMetricsProvider", "figures of the Java process")
        .jvm_only("there is no Java process to report on"),
    file("metricsProvider.numWorkerThreads", INT, "1")
        .does("PrometheusMetricsProvider", "threads that take figures in")
        .jvm_only("figures are counters, taken in without threads"),
    file("metricsProvider.maxQueueSize", INT, "1000000")
        .does("PrometheusMetricsProvider", "figures waiting to be taken in")
        .jvm_only("figures are counters, taken in without a queue"),
    file("metricsProvider.workerShutdownTimeoutMs", LONG, "1000")
        .unit("ms")
        .does("PrometheusMetricsProvider", "wait for the threads at the end")
        .jvm_only("figures are counters, taken in without threads"),
    file("metricsProvider.*", Kind::Text, "")
        .does("MetricsProvider", "whatever else the provider takes")
        .not_yet(METRICS),
    file("jvm.pause.monitor", Kind::Bool, "false")
        .does("JvmPauseMonitor", "reports pauses of the process")
        .jvm_only(PAUSES),
    file("jvm.pause.sleep.time.ms", LONG, "500")
        .unit("ms")
        .does("JvmPauseMonitor", "time between looks")
        .jvm_only(PAUSES),
    file("jvm.pause.warn-threshold.ms", LONG, "10000")
        .unit("ms")
        .does("JvmPauseMonitor", "pause that is a warning")
        .jvm_only(PAUSES),
    file("jvm.pause.info-threshold.ms", LONG, "1000")
        .unit("ms")
        .does("JvmPauseMonitor", "pause that is worth a line")
        .jvm_only(PAUSES),
];

pub(super) const ENSEMBLE: &[Key] = &[
    file("server.*", Kind::ServerSpec, "")
        .does("QuorumServer", "a member: host:port:port[:role][;[host:]port], more with |"),
    file("group*", Kind::Text, "").does("QuorumHierarchical", "members of a group, sid:sid:..."),
    file("weight*", LONG, "1").does("QuorumHierarchical", "the weight of a member's vote"),
    file("dynamicConfigFile", Kind::Path, "")
        .does(CLASS, "file with the members, in place of lines here"),
    file("standaloneEnabled", Kind::Bool, "true").does(CLASS, "one member alone runs standalone"),
    file("initLimit", INT, "0").unit("ticks").does(CLASS, "time to find and copy the leader"),
    file("syncLimit", INT, "0").unit("ticks").does(CLASS, "time a member may fall silent"),
    file("connectToLearnerMasterLimit", INT, "0")
        .unit("ticks")
        .does("Learner", "time to connect to the leader; 0 for initLimit"),
    file("electionAlg", INT, "3").does(CLASS, "3, fast leader election, is the only one"),
    file("peerType", Kind::Word(&["participant", "observer"]), "participant")
        .does(CLASS, "role of this server, where its server line says nothing else"),
    file("reconfigEnabled", Kind::Bool, "false")
        .does("QuorumPeer", "members may be changed while running")
        .not_yet(RECONFIG),
    file("observerMasterPort", INT, "0")
        .does("ObserverMaster", "port where a follower serves observers")
        .not_yet(MASTERS),
    file("syncEnabled", Kind::Bool, "true")
        .does("QuorumPeer", "an observer keeps logs and snapshots"),
    file("quorumListenOnAllIPs", Kind::Bool, "false")
        .does("QuorumPeer", "listen for members on every address"),
    file("quorum.cnxn.threads.size", at_least(20, 20), "20")
        .does("QuorumPeer", "threads that authenticate members")
        .jvm_only("members are authenticated without a pool of threads"),
    file("sslQuorum", Kind::Bool, "false").does("QuorumPeer", "TLS between members").not_yet(TLS),
    file("portUnification", Kind::Bool, "false")
        .does("QuorumPeer", "members may come with and without TLS")
        .not_yet(TLS),
    file("sslQuorumReloadCertFiles", Kind::Bool, "false")
        .does("QuorumPeer", "new certificates without a restart")
        .not_yet(TLS),
    file("quorum.auth.enableSasl", Kind::Bool, "false")
        .does("QuorumAuth", "SASL between members")
        .not_yet(SASL),
    file("quorum.auth.serverRequireSasl", Kind::Bool, "false")
        .does("QuorumAuth", "refuse members without SASL")
        .not_yet(SASL),
    file("quorum.auth.learnerRequireSasl", Kind::Bool, "false")
        .does("QuorumAuth", "join only with SASL")
        .not_yet(SASL),
    file("quorum.auth.learner.saslLoginContext", Kind::Text, "QuorumLearner")
        .does("QuorumAuth", "JAAS section of a learner")
        .not_yet(SASL),
    file("quorum.auth.server.saslLoginContext", Kind::Text, "QuorumServer")
        .does("QuorumAuth", "JAAS section of a server")
        .not_yet(SASL),
    file("quorum.auth.kerberos.servicePrincipal", Kind::Text, "zkquorum/localhost")
        .does("QuorumAuth", "Kerberos principal of the members")
        .not_yet(SASL),
    key(Scope::FileOrProperty, "multiAddress.enabled", Kind::Bool, "false")
        .does("QuorumPeer", "members may have several addresses; server lines heed -D alone"),
    key(Scope::FileOrProperty, "multiAddress.reachabilityCheckEnabled", Kind::Bool, "true")
        .does("QuorumCnxManager", "leave an address of a member that is no longer reachable"),
    key(Scope::FileOrProperty, "multiAddress.reachabilityCheckTimeoutMs", INT, "1000")
        .unit("ms")
        .does("MultipleAddresses", "how long an address may confirm nothing that was sent to it"),
    file("oraclePath", Kind::Path, "")
        .does("QuorumOracleMaj", "file that decides when one of two members is gone")
        .not_yet(ORACLE),
];

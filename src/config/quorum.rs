//! The ensemble as the configuration describes it: the members, the rule that makes a quorum of
//! them, and the limits between them (`QuorumPeerConfig`, `QuorumMaj`, `QuorumHierarchical`).

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::ids::Sid;

/// Everything about the ensemble. Present in every [`super::Config`]; a standalone server has no
/// more than one voting member in it.
#[derive(Debug, Clone, PartialEq)]
pub struct QuorumConfig {
    /// `myid` in the data directory. None: there is no such file.
    pub my_id: Option<Sid>,
    /// The members and the quorum rule in force (`quorumVerifier`).
    pub members: Membership,
    /// What `<zoo.cfg>.dynamic.next` holds (`lastSeenQuorumVerifier`).
    pub last_seen: Option<Membership>,
    /// `dynamicConfigFile`
    pub dynamic_file: Option<PathBuf>,
    /// `standaloneEnabled`: does a single server run without an ensemble?
    pub standalone_enabled: bool,
    /// `reconfigEnabled`
    pub reconfig_enabled: bool,
    /// `initLimit`, in ticks; never 0 in an ensemble.
    pub init_limit: i32,
    /// `syncLimit`, in ticks; never 0 in an ensemble.
    pub sync_limit: i32,
    /// `connectToLearnerMasterLimit`, in ticks. 0: `initLimit` holds.
    pub connect_to_learner_master_limit: i32,
    /// The role of this server: the server list's word, not `peerType`'s, where they differ.
    pub peer_type: PeerType,
    /// `observerMasterPort`. None: this follower serves no observers.
    pub observer_master_port: Option<u16>,
    /// `syncEnabled`: does an observer keep logs and snapshots?
    pub sync_enabled: bool,
    /// `quorumListenOnAllIPs`
    pub listen_on_all_ips: bool,
    /// `sslQuorum`
    pub ssl_quorum: bool,
    /// `portUnification`: may peers connect with and without TLS?
    pub port_unification: bool,
    /// `sslQuorumReloadCertFiles`
    pub ssl_reload_cert_files: bool,
    /// `multiAddress.enabled`
    pub multi_address: bool,
    /// `multiAddress.reachabilityCheckEnabled`: is an election link given up whose address is gone?
    pub multi_address_reachability_check: bool,
    /// `multiAddress.reachabilityCheckTimeoutMs`: after how long. Not above 0: never.
    pub multi_address_reachability_timeout_ms: i32,
    /// `oraclePath`: the file that decides for one of two servers.
    pub oracle_path: Option<PathBuf>,
    /// SASL between the members.
    pub sasl: QuorumSasl,
    /// `quorum.cnxn.threads.size`, at least 20 with SASL.
    pub cnxn_threads: i32,
    /// What is set by system property only.
    pub tuning: QuorumTuning,
}

/// Times and limits between the members, set by system property.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuorumTuning {
    /// `leaderServes`: does a leader take clients?
    pub leader_serves: bool,
    /// `leader.nodelay`: `TCP_NODELAY` towards learners.
    pub leader_nodelay: bool,
    /// `follower.nodelay`: `TCP_NODELAY` towards the leader.
    pub follower_nodelay: bool,
    /// `cnxTimeout`: how long a peer is called for an election.
    pub cnx_timeout_ms: i32,
    /// `quorumCnxnTimeoutMs`: silence that breaks an election link. -1: tickTime * syncLimit.
    pub quorum_cnxn_timeout_ms: i32,
    /// `electionPortBindRetry`: attempts to bind the election port. 0: any number.
    pub election_bind_retry: i32,
    /// `tcpKeepAlive`: `SO_KEEPALIVE` on election links.
    pub tcp_keep_alive: bool,
    /// `fastleader.minNotificationInterval`
    pub min_notification_ms: i32,
    /// `fastleader.maxNotificationInterval`
    pub max_notification_ms: i32,
    /// `leader.maxTimeToWaitForEpoch`. Negative: as long as `initLimit`.
    pub max_time_to_wait_for_epoch_ms: i32,
    /// `leader.maxConcurrentSnapSyncs`
    pub max_concurrent_snap_syncs: i32,
    /// `leader.maxConcurrentDiffSyncs`
    pub max_concurrent_diff_syncs: i32,
    /// `leaderConnectDelayDuringRetryMs`: the longest pause between two calls to a leader.
    pub call_pause_ms: i32,
    /// `observer.reconnectDelayMs`: the longest pause before an observer calls its leader.
    pub observer_call_pause_ms: i64,
    /// `observer.election.DelayMs`: the longest pause before an observer looks for a leader again.
    pub observer_look_pause_ms: i64,
    /// `leader.ackLoggingFrequency`: the acks of one proposal in so many are measured. Not above 0: none.
    pub ack_logging_frequency: i32,
    /// `forceSnapshotSync`: every learner gets a snapshot, whatever it lacks.
    pub force_snapshot_sync: bool,
    /// `testingonly.initialZxid`: behind which counter a leader begins its epoch.
    pub initial_zxid: Option<i64>,
}

impl QuorumConfig {
    /// Does this server belong to an ensemble, rather than run alone
    /// (`QuorumPeerConfig.isDistributed`)?
    pub fn is_distributed(&self) -> bool {
        !self.standalone_enabled || self.members.voting().count() > 1
    }
}

/// SASL between the members of an ensemble.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuorumSasl {
    /// `quorum.auth.enableSasl`
    pub enabled: bool,
    /// `quorum.auth.serverRequireSasl`
    pub server_required: bool,
    /// `quorum.auth.learnerRequireSasl`
    pub learner_required: bool,
    /// `quorum.auth.learner.saslLoginContext`
    pub learner_login_context: String,
    /// `quorum.auth.server.saslLoginContext`
    pub server_login_context: String,
    /// `quorum.auth.kerberos.servicePrincipal`
    pub service_principal: String,
}

/// The members of an ensemble and what makes a quorum of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Membership {
    /// `server.N`, by sid.
    pub servers: BTreeMap<Sid, QuorumServer>,
    /// Their order in the text, that of Java's hash map.
    pub(super) order: Vec<Sid>,
    /// What makes a quorum.
    pub rule: QuorumRule,
    /// The version of this configuration: a zxid, from the dynamic file's name or its content.
    pub version: i64,
}

impl Membership {
    /// The members that vote.
    pub fn voting(&self) -> impl Iterator<Item = &QuorumServer> {
        self.servers.values().filter(|s| s.peer_type.votes())
    }

    /// The members that only follow.
    pub fn observing(&self) -> impl Iterator<Item = &QuorumServer> {
        self.servers.values().filter(|s| !s.peer_type.votes())
    }
}

/// What makes a quorum of voting members.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum QuorumRule {
    /// More than half of them.
    #[default]
    Majority,
    /// More than half of the weight in more than half of the groups.
    Hierarchical {
        /// `group.G`: the group of each sid, in the order of Java's hash map.
        groups: Vec<(Sid, i64)>,
        /// `weight.N`: the weight of each sid, 1 for a voter that has none, in the same order.
        weights: Vec<(Sid, i64)>,
    },
}

/// The role of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PeerType {
    /// Votes.
    #[default]
    Participant,
    /// Follows without a vote.
    Observer,
}

/// One `server.N` line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuorumServer {
    /// N
    pub sid: Sid,
    /// Host and ports, sorted; more than one with `|`.
    pub addresses: Vec<PeerAddress>,
    /// Its role, `participant` if the line does not say.
    pub peer_type: PeerType,
    /// Where it takes clients, if the line (or, for this server, the static file) says so.
    pub client: Option<HostPort>,
    /// Did `client` come from `clientPort` of the static file? Then it is not part of the shared
    /// configuration's text.
    pub client_from_static: bool,
}

/// Where a member takes the other members' connections. The host is resolved at each use, for it
/// may move.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PeerAddress {
    /// A name, or a literal address as Java shows it, IPv6 without its brackets.
    pub host: String,
    /// Where a leader takes its learners.
    pub quorum_port: u16,
    /// Where votes are exchanged.
    pub election_port: u16,
}

/// A host, resolved when it is used, and a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPort {
    /// A name or a literal address, IPv6 without its brackets.
    pub host: String,
    /// The port.
    pub port: u16,
}

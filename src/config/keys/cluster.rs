//! The protocol between members of an ensemble. Nothing here touches a standalone server.

use super::{INT, Key, Kind, LONG, Scope, at_least, key, property};

const MASTERS: &str = "observer masters come with a later version";
const POOL: &str = "commits are applied in batches, without a pool of threads";
const SOCKETS: &str = "sockets never block a thread here";

pub(super) const KEYS: &[Key] = &[
    property("leaderServes", Kind::Unless("no"), "yes").does("Leader", "the leader takes clients"),
    key(Scope::Bare, "leader.nodelay", Kind::Bool, "true")
        .does("Leader", "TCP_NODELAY towards learners"),
    key(Scope::Bare, "follower.nodelay", Kind::Bool, "true")
        .does("Learner", "TCP_NODELAY towards the leader"),
    property("cnxTimeout", INT, "5000")
        .unit("ms")
        .decimal()
        .does("QuorumCnxManager", "time to connect for an election"),
    property("quorumCnxnTimeoutMs", INT, "-1")
        .unit("ms")
        .does("QuorumPeer", "silence that breaks an election link; -1 for a limit by ticks"),
    property("electionPortBindRetry", at_least(0, 3), "3")
        .does("QuorumCnxManager", "attempts to bind the election port; 0 for any number"),
    property("tcpKeepAlive", Kind::Bool, "false")
        .does("QuorumCnxManager", "keep-alive probes on election links"),
    property("fastleader.minNotificationInterval", INT, "200")
        .unit("ms")
        .does("FastLeaderElection", "first wait for votes"),
    property("fastleader.maxNotificationInterval", INT, "60000")
        .unit("ms")
        .does("FastLeaderElection", "longest wait for votes"),
    property("leader.maxTimeToWaitForEpoch", INT, "-1")
        .unit("ms")
        .does("Leader", "wait for a quorum's epochs; -1 for initLimit"),
    property("leader.ackLoggingFrequency", INT, "1000")
        .does("Leader", "the acks of one proposal in so many are measured; 0 for none"),
    property("leader.maxConcurrentSnapSyncs", INT, "10")
        .does("LearnerMaster", "learners that copy a snapshot at a time"),
    property("leader.maxConcurrentDiffSyncs", INT, "100")
        .does("LearnerMaster", "learners that copy logs at a time"),
    property("leaderConnectDelayDuringRetryMs", INT, "100")
        .unit("ms")
        .does("Learner", "longest wait before the leader is tried again; the first is 5 ms"),
    key(Scope::PropertyOrBare, "learner.asyncSending", Kind::Bool, "false")
        .does("Learner", "packets to the leader leave from a thread of their own")
        .jvm_only(SOCKETS),
    key(Scope::PropertyOrBare, "learner.closeSocketAsync", Kind::Bool, "false")
        .does("Learner", "close the leader's socket in a thread of its own")
        .jvm_only(SOCKETS),
    key(Scope::PropertyOrBare, "leader.closeSocketAsync", Kind::Bool, "false")
        .does("LearnerHandler", "close a learner's socket in a thread of its own")
        .jvm_only(SOCKETS),
    property("forward_learner_requests_to_commit_processor_disabled", Kind::Bool, "false")
        .does("ProposalRequestProcessor", "learners' requests skip the leader's commit queue")
        .jvm_only(POOL),
    property("follower.skipLearnerRequestToNextProcessor", Kind::Bool, "false")
        .does("FollowerRequestProcessor", "observers' requests skip the follower's commit queue")
        .jvm_only(POOL),
    property("observer.reconnectDelayMs", LONG, "0")
        .unit("ms")
        .does("Observer", "longest wait before an observer calls its leader"),
    property("observer.election.DelayMs", LONG, "200")
        .unit("ms")
        .does("Observer", "longest wait before an observer looks for a leader again"),
    property("observer.syncEnabled", Kind::Bool, "(syncEnabled)")
        .does("QuorumPeer", "an observer keeps logs and snapshots; overrides syncEnabled"),
    property("observerMaster.sizeLimit", INT, "33554432")
        .unit("bytes")
        .does("ObserverMaster", "packets kept for observers")
        .not_yet(MASTERS),
    property("commitProcessor.numWorkerThreads", INT, "(cores)")
        .does("CommitProcessor", "threads that answer requests")
        .jvm_only(POOL),
    property("commitProcessor.shutdownTimeout", LONG, "5000")
        .unit("ms")
        .does("CommitProcessor", "wait for those threads at the end")
        .jvm_only(POOL),
    property("commitProcessor.maxReadBatchSize", INT, "-1")
        .does("CommitProcessor", "reads before a look for commits")
        .jvm_only(POOL),
    property("commitProcessor.maxCommitBatchSize", INT, "1")
        .does("CommitProcessor", "commits before a look for reads")
        .jvm_only(POOL),
    property("enableEagerACLCheck", Kind::Bool, "false")
        .does("ZooKeeperServer", "a member checks ACLs before a write takes its place in the log"),
];

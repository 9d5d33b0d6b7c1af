//! The differences that were decided on. Each has its reason in `DIFFERENCES.md`, under its name here.

use gamekeeper::op::{Code, op};
use gamekeeper::txn::Txn;

use crate::server::Kind;

/// A difference that is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Allowed {
    /// What only a JVM has to tell, or tells otherwise.
    Jvm,
    /// The version says who we are.
    Version,
    /// Java logs a request that it cannot decode, under the zxid of the transaction before it.
    RepeatedZxid,
    /// Java's `mntr` is empty once a quota's limits cannot be read.
    NoMetrics,
    /// Java's running digest goes wrong where ours does not.
    Digest,
    /// Java's leader has a queue of packets for each learner, and measures it.
    LearnerQueue,
    /// Java marks the parts of a multi that failed when it applies it; by timing, a member's log has them
    /// marked or not.
    Undone,
}

/// Whether Java's answer to a four-letter word need not be ours at all.
pub(super) fn answer(word: &str, java: &[String]) -> Option<Allowed> {
    let is_cut = !java.iter().any(|line| line.starts_with("zk_connection_request_count"));
    (word == "mntr" && is_cut).then_some(Allowed::NoMetrics)
}

/// Whether a line of a four-letter word's answer is allowed to stand on one side alone.
pub(super) fn line(word: &str, line: &str) -> Option<Allowed> {
    let version = line.starts_with("Zookeeper version:") || line.starts_with("zk_version");
    match word {
        _ if version => Some(Allowed::Version),
        "mntr" if line.starts_with("zk_jvm_") => Some(Allowed::Jvm),
        "mntr" if line.starts_with("zk_digest_mismatches_count") => Some(Allowed::Digest),
        "mntr" if line.contains("_learner_handler_qp_") => Some(Allowed::LearnerQueue),
        "envi" => Some(Allowed::Jvm),
        _ => None,
    }
}

/// Whether a log record that has the zxid of the one before it may be on one side alone.
pub(super) fn record(txn: &Txn) -> Option<Allowed> {
    let Txn::Error(error) = txn else { return None };
    (error.err == Code::MarshallingError.number()).then_some(Allowed::RepeatedZxid)
}

/// Whether a log record may have a digest on one side alone: the error that a multi became has in Java
/// what its first parts would have given.
pub(super) fn digest(txn: &Txn) -> Option<Allowed> {
    matches!(txn, Txn::Error(_)).then_some(Allowed::Digest)
}

/// Whether the parts of a multi in a log may be marked as undone on one side alone.
pub(super) fn undone(txn: &Txn) -> Option<Allowed> {
    let Txn::Multi(multi) = txn else { return None };
    let mut parts = multi.txns.iter().flatten();
    parts.any(|part| part.kind == op::ERROR).then_some(Allowed::Undone)
}

/// Whether the digests in the log of a server may be wrong.
pub(super) fn mismatches(kind: Kind) -> Option<Allowed> {
    (kind == Kind::Java).then_some(Allowed::Digest)
}

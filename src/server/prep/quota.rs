//! Quotas: whether a write keeps within the limits of the subtree that it belongs to. A soft limit is
//! only reported, a hard one refuses the write. Java: `ZooKeeperServer.checkQuota`, `RateLogger`.

use super::Context;
use crate::ids::Millis;
use crate::op::Code;
use crate::tree::path;
use crate::tree::quota::{self, StatsTrack};

/// The same message is reported once in this time.
const LOG_INTERVAL_MS: Millis = 100;

/// The quotas' guard.
#[derive(Debug)]
pub(super) struct Quota {
    enforced: bool,
    log: RateLog,
    exceeded: Option<String>,
}

/// A figure and what limits it.
struct Figure {
    name: &'static str,
    /// What the subtree would use, by the figures of what is applied.
    new: i64,
    soft: i64,
    hard: i64,
}

impl Quota {
    pub(super) fn new(enforced: bool) -> Self {
        Self { enforced, log: RateLog::default(), exceeded: None }
    }

    pub(super) fn check_create(
        &mut self,
        cx: &Context<'_>,
        path: &str,
        data: Option<&[u8]>,
    ) -> Result<(), Code> {
        self.check(cx, path, data.map_or(0, <[u8]>::len) as i64, 1)
    }

    pub(super) fn check_set(
        &mut self,
        cx: &Context<'_>,
        path: &str,
        old_len: usize,
        data: Option<&[u8]>,
    ) -> Result<(), Code> {
        self.check(cx, path, data.map_or(0, <[u8]>::len) as i64 - old_len as i64, 0)
    }

    fn check(&mut self, cx: &Context<'_>, path: &str, bytes: i64, count: i64) -> Result<(), Code> {
        if !self.enforced {
            return Ok(());
        }
        let Some(prefix) = cx.tree.quota_prefix(path) else { return Ok(()) };
        let Some(limits) = figures(cx, "limits", &quota::limits_path(&prefix))? else {
            return Ok(());
        };
        let limited = |soft: i64, hard: i64| soft > -1 || hard > -1;
        let nodes_limited = count != 0 && limited(limits.count(), limits.count_hard_limit());
        let bytes_limited = bytes != 0 && limited(limits.bytes(), limits.byte_hard_limit());
        if !nodes_limited && !bytes_limited {
            return Ok(());
        }
        let Some(usage) = figures(cx, "usage", &quota::stats_path(&prefix))? else {
            return Ok(());
        };
        let (soft, hard) = (limits.count(), limits.count_hard_limit());
        let nodes = Figure { name: "count", new: usage.count().wrapping_add(count), soft, hard };
        let (soft, hard) = (limits.bytes(), limits.byte_hard_limit());
        let size = Figure { name: "bytes", new: usage.bytes().wrapping_add(bytes), soft, hard };
        for (figure, diff) in [(nodes, count), (size, bytes)] {
            if diff != 0 && self.exceeds_hard(cx, &prefix, &figure) {
                let namespace = path::top_namespace(path).unwrap_or_default();
                self.exceeded = Some(namespace.to_owned());
                return Err(Code::QuotaExceeded);
            }
        }
        Ok(())
    }

    /// Whether the figure is over its hard limit. Being over either limit is reported; a soft limit
    /// does not count where there is a hard one.
    fn exceeds_hard(&mut self, cx: &Context<'_>, prefix: &str, figure: &Figure) -> bool {
        let is_hard = figure.hard > -1;
        let limit = if is_hard { figure.hard } else { figure.soft };
        if limit <= -1 || figure.new <= limit {
            return false;
        }
        let (name, new) = (figure.name, figure.new);
        let kind = if is_hard { "hard" } else { "soft" };
        let what = if name == "count" { "Count" } else { "Byte" };
        let message =
            format!("Quota exceeded: {prefix} [current {name}={new}, {kind}{what}Limit={limit}]");
        self.log.warn(cx.time, message);
        is_hard
    }

    pub(super) fn take_exceeded(&mut self) -> Option<String> {
        self.exceeded.take()
    }
}

/// What a quota node says; none if it is missing, malformed if it cannot be read.
fn figures(cx: &Context<'_>, what: &str, path: &str) -> Result<Option<StatsTrack>, Code> {
    let Some(node) = cx.tree.node(path) else {
        log::error!("the {what} of a quota are missing: {path}");
        return Ok(None);
    };
    StatsTrack::parse_strict(node.data()).map(Some).ok_or_else(|| {
        log::error!("the {what} of a quota cannot be read: {path}");
        Code::MarshallingError
    })
}

/// Reports a message at once when it is new, and how often it came once in an interval after that.
#[derive(Debug, Default)]
struct RateLog {
    message: Option<String>,
    reported: Millis,
    count: u64,
}

impl RateLog {
    fn warn(&mut self, now: Millis, message: String) {
        let is_new = self.message.as_ref() != Some(&message);
        if !is_new {
            self.count += 1;
        }
        if is_new || now - self.reported >= LOG_INTERVAL_MS {
            self.flush();
            self.reported = now;
        }
        if is_new {
            log::warn!("{message}");
            self.message = Some(message);
        }
    }

    fn flush(&mut self) {
        if let (Some(message), 1..) = (&self.message, self.count) {
            log::warn!("[{} times] {message}", self.count);
        }
        self.count = 0;
    }
}

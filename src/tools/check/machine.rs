//! What a start needs of the machine: free ports and room on the disk.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;

use super::report::Report;
use crate::config::Config;
use crate::runtime::preflight;

/// With less than this left on a disk, in bytes, not even an empty database can be written.
const HARDLY_ANY: u64 = 1 << 20;

/// Binds each port for a moment.
pub(super) fn ports(config: &Config, report: &mut Report) {
    match preflight::ports(config) {
        Ok(addresses) => addresses.into_iter().for_each(|(what, at)| port(what, at, report)),
        Err(e) => report.error("ports", e),
    }
}

fn port(what: &str, address: SocketAddr, report: &mut Report) {
    match TcpListener::bind(address) {
        Ok(_) => report.ok("ports", format!("{what} {address} is free")),
        Err(e) => report.error("ports", format!("{what} {address} cannot be bound: {e}")),
    }
}

/// Whether `dir` has room for a log that grows by `prealloc` bytes and a snapshot of `snapshot`.
pub(super) fn space(dir: &Path, prealloc: u64, snapshot: u64, report: &mut Report) {
    let Some(there) = dir.ancestors().find(|dir| dir.is_dir()) else { return };
    let free = match rustix::fs::statvfs(there) {
        Ok(stat) => stat.f_bavail.saturating_mul(stat.f_frsize),
        Err(e) => return report.warning("disk", format!("{}: {e}", there.display())),
    };
    let wanted = prealloc.saturating_add(snapshot);
    let message = format!("{}: {} MiB free", there.display(), free >> 20);
    if free < HARDLY_ANY {
        report.error("disk", message);
    } else if free < wanted {
        let wanted = wanted >> 20;
        report.warning(
            "disk",
            format!("{message}, {wanted} MiB are wanted for a new log and a snapshot"),
        );
    } else {
        report.ok("disk", message);
    }
}

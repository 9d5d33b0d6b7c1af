//! What the system says of this process and its machine. Everything here may be missing: then the
//! figure is what Java prints for something it cannot find out.

use std::fs;

use rustix::process::{Resource, getrlimit};

/// Open file descriptors of this process; -1 where the system does not say.
pub(super) fn open_files() -> i64 {
    // The directory that is being read is itself open.
    fs::read_dir("/proc/self/fd").map_or(-1, |entries| entries.count() as i64 - 1)
}

/// The limit on them; -1 for none.
pub(super) fn max_files() -> i64 {
    getrlimit(Resource::Nofile).current.and_then(|n| i64::try_from(n).ok()).unwrap_or(-1)
}

/// The first line of a file of the system.
pub(super) fn line_of(path: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    Some(text.lines().next()?.to_owned())
}

/// Memory in MB: available and in all.
pub(super) fn memory() -> (u64, u64) {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let field = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        let kib: u64 = line.trim_start_matches(':').trim().split(' ').next()?.parse().ok()?;
        Some(kib / 1024)
    };
    (field("MemAvailable").unwrap_or(0), field("MemTotal").unwrap_or(0))
}

/// The user's name: the environment's, or what the system calls the owner of this process.
pub(crate) fn user_name() -> Option<String> {
    if let Ok(name) = std::env::var("USER") {
        return Some(name);
    }
    let uid = rustix::process::getuid().as_raw().to_string();
    let users = fs::read_to_string("/etc/passwd").ok()?;
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, id) = (fields.next()?, fields.nth(1)?);
        (id == uid).then(|| name.to_owned())
    })
}

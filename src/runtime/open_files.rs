//! How many files this process may have open, and how many of them its clients may take.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Files that clients leave to the server: logs, snapshots, links to the other members. A JVM has as
/// many open before the first client comes.
const OWN: u64 = 128;
/// Strangers of one kind, at the most.
const STRANGERS_MAX: u64 = 128;

/// Raises the limit on open files to what the system allows, as a JVM does when it starts
/// (`-XX:+MaxFDLimit`): a shell's 1024 is not what the administrator has allowed.
pub fn allow_open_files() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => log::info!("open files: {}", told(limit.maximum)),
        Err(e) => log::warn!(
            "cannot raise the limit on open files from {} to {}: {e}",
            told(limit.current),
            told(limit.maximum)
        ),
    }
}

fn told(limit: Option<u64>) -> String {
    limit.map_or_else(|| "no limit".to_owned(), |limit| limit.to_string())
}

/// The limit on connections in all, 0 for none, that leaves the server its own files: a server that
/// cannot begin a log or a snapshot ends. `asked` is what the configuration says.
/// A member of an ensemble needs more for itself.
pub(super) fn connections(asked: u32, is_member: bool) -> u32 {
    within(asked, is_member, getrlimit(Resource::Nofile).current)
}

/// How many there may be of each kind of callers that other members are not: silent ones and servers
/// that are no members, at each of the two ports between servers.
pub(super) fn strangers() -> usize {
    strangers_within(getrlimit(Resource::Nofile).current)
}

fn strangers_within(files: Option<u64>) -> usize {
    let of_kind = files.map_or(STRANGERS_MAX, |files| files / 32).clamp(8, STRANGERS_MAX);
    usize::try_from(of_kind).unwrap_or(usize::MAX)
}

fn within(asked: u32, is_member: bool, files: Option<u64>) -> u32 {
    let Some(files) = files else { return asked };
    // Four kinds of strangers, and the calls that they ask for.
    let of_strangers = if is_member { 5 * strangers_within(Some(files)) as u64 } else { 0 };
    let room = files.saturating_sub(OWN + of_strangers).max(files / 2);
    let room = u32::try_from(room).unwrap_or(u32::MAX).max(1);
    if asked == 0 { room } else { asked.min(room) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_leave_files_to_the_server() {
        assert_eq!(within(0, false, Some(1024)), 896);
        assert_eq!(within(10_000, false, Some(1024)), 896);
        assert_eq!(within(0, true, Some(1024)), 896 - 5 * 32);
    }

    #[test]
    fn strangers_are_few_where_files_are() {
        let of = |files| strangers_within(files);
        assert_eq!((of(None), of(Some(1 << 20)), of(Some(1024)), of(Some(1))), (128, 128, 32, 8));
    }

    #[test]
    fn what_is_asked_for_counts_where_there_is_room() {
        assert_eq!(within(60, false, Some(1024)), 60);
        assert_eq!((within(0, true, None), within(60, true, None)), (0, 60));
        assert_eq!(within(0, true, Some(u64::MAX)), u32::MAX);
    }

    #[test]
    fn a_very_low_limit_is_halved() {
        assert_eq!((within(0, true, Some(100)), within(0, true, Some(1))), (50, 1));
    }
}

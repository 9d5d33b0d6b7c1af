//! Watches that stay, and the end of any: `addWatch`, `removewatches`.

use super::Outcome;
use crate::client::{AddWatchMode, WatcherType};
use crate::tools::cli::arguments::Arguments;
use crate::tools::cli::console::Console;
use crate::tools::cli::failure::Failure;
use crate::tools::cli::zk::Zk;

const USAGE: &str = "addWatch [-m mode] path # optional mode is one of [PERSISTENT, \
    PERSISTENT_RECURSIVE] - default is PERSISTENT_RECURSIVE";

pub(super) fn add_watch(zk: &Zk, arguments: &Arguments, _: &mut Console) -> Outcome {
    let mode = arguments.value("m").map(str::to_uppercase);
    let mode = match mode.as_deref() {
        None | Some("PERSISTENT_RECURSIVE") => AddWatchMode::PersistentRecursive,
        Some("PERSISTENT") => AddWatchMode::Persistent,
        Some(_) => return Err(Failure::new(USAGE)),
    };
    if arguments.words.len() != 2 {
        return Err(Failure::new(USAGE));
    }
    Ok(zk.add_watch(arguments.word(1), mode)?)
}

pub(super) fn remove(zk: &Zk, arguments: &Arguments, _: &mut Console) -> Outcome {
    let kinds = [
        ("c", WatcherType::Children),
        ("d", WatcherType::Data),
        ("p", WatcherType::Persistent),
        ("r", WatcherType::PersistentRecursive),
    ];
    let kind = kinds.iter().find(|(name, _)| arguments.has(name));
    let kind = kind.map_or(WatcherType::Any, |(_, kind)| *kind);
    Ok(zk.remove_watches(arguments.word(1), kind, arguments.has("l"))?)
}

//! What concerns the session: `addauth`, `getEphemerals`, `sync`, `version`, `whoami`.

use super::Outcome;
use crate::admin::full_version;
use crate::tools::cli::arguments::Arguments;
use crate::tools::cli::console::Console;
use crate::tools::cli::failure::Failure;
use crate::tools::cli::format;
use crate::tools::cli::zk::Zk;

pub(super) fn add_auth(zk: &Zk, arguments: &Arguments, _: &mut Console) -> Outcome {
    zk.client().add_auth(arguments.word(1), arguments.word(2).as_bytes());
    Ok(())
}

pub(super) fn ephemerals(zk: &Zk, arguments: &Arguments, console: &mut Console) -> Outcome {
    let prefix = arguments.words.get(1).map_or("/", String::as_str);
    console.line(format::list(&zk.get_ephemerals(prefix)?))
}

pub(super) fn sync(zk: &Zk, arguments: &Arguments, console: &mut Console) -> Outcome {
    match zk.sync(arguments.word(1))? {
        Some(0) => console.line("Sync is OK"),
        Some(number) => console.line(format_args!("Sync has failed. rc={number}")),
        None => Err(Failure::new("Sync has failed: no answer in 30 seconds")),
    }
}

pub(super) fn version(_: &Zk, arguments: &Arguments, console: &mut Console) -> Outcome {
    if arguments.words.len() > 1 {
        return Err(Failure::new("version "));
    }
    console.line(format_args!("ZooKeeper CLI version: {}", full_version()))
}

pub(super) fn who_am_i(zk: &Zk, _: &Arguments, console: &mut Console) -> Outcome {
    let known = zk.who_am_i()?;
    console.line("Auth scheme: User")?;
    for info in known {
        let (scheme, user) = (info.auth_scheme.unwrap_or_default(), info.user.unwrap_or_default());
        console.line(format_args!("{scheme}: {user}"))?;
    }
    Ok(())
}

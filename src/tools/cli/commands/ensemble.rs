//! The ensemble's configuration: `config`, `reconfig`.

use std::fs;

use super::Outcome;
use crate::config::{ConfigOptions, Membership, client_addresses};
use crate::tools::cli::arguments::Arguments;
use crate::tools::cli::console::Console;
use crate::tools::cli::failure::Failure;
use crate::tools::cli::format;
use crate::tools::cli::zk::{Data, Zk};

pub(super) const RECONFIG_USAGE: &str = "[-s] [-v version] [[-file path] | \
    [-members serverID=host:port1:port2;port3[,...]*]] | \
    [-add serverId=host:port1:port2;port3[,...]]* [-remove serverId[,...]*]";

fn text_of(data: Option<Vec<u8>>) -> String {
    data.map_or_else(|| "null".to_owned(), |data| String::from_utf8_lossy(&data).into_owned())
}

pub(super) fn config(zk: &Zk, arguments: &Arguments, console: &mut Console) -> Outcome {
    let (data, stat) = zk.get_config(arguments.has("w"))?;
    let text = text_of(data);
    if arguments.has("c") {
        console.line(client_addresses(&text))?;
    } else {
        console.line(text)?;
    }
    if arguments.has("s") {
        console.text(&format::stat(&stat))?;
    }
    Ok(())
}

pub(super) fn reconfig(zk: &Zk, arguments: &Arguments, console: &mut Console) -> Outcome {
    let from = check_modes(arguments)?;
    let lower = |name| arguments.value(name).map(str::to_lowercase);
    let members = match arguments.value("file") {
        Some(file) => Some(read_members(file)?),
        None => lower("members"),
    };
    let (joining, leaving) = (lower("add"), lower("remove"));
    let (data, stat): Data =
        zk.reconfig(joining.as_deref(), leaving.as_deref(), members.as_deref(), from)?;
    console.line(format_args!("Committed new configuration:\n{}", text_of(data)))?;
    if arguments.has("s") {
        console.text(&format::stat(&stat))?;
    }
    Ok(())
}

/// Whether the options go together. The result is the version that they ask for, -1 for any.
fn check_modes(arguments: &Arguments) -> Result<i64, Failure> {
    let [file, members, add, remove] =
        ["file", "members", "add", "remove"].map(|name| arguments.has(name));
    if !(file || members || add || remove) {
        return Err(Failure::new(format!("reconfig {RECONFIG_USAGE}")));
    }
    let from = match arguments.value("v").map(|version| i64::from_str_radix(version, 16)) {
        None => -1,
        Some(Ok(version)) => version,
        Some(Err(_)) => {
            let text = "-v must be followed by a long (configuration version)";
            return Err(Failure::new(text));
        }
    };
    if (file || members) && (add || remove) {
        return Err(Failure::new(
            "Can't use -file or -members together with -add or -remove (mixing incremental and \
             non-incremental modes is not allowed)",
        ));
    }
    if file && members {
        return Err(Failure::new(
            "Can't use -file and -members together (conflicting non-incremental modes)",
        ));
    }
    Ok(from)
}

/// The members that a file lists, as the leader wants to be told.
fn read_members(file: &str) -> Result<String, Failure> {
    let blame = |why: String| Failure::new(format!("Error processing {file}: {why}"));
    let bytes = fs::read(file).map_err(|e| blame(e.to_string()))?;
    let options = ConfigOptions { multi_address: true, standalone: true };
    Ok(Membership::of_text(&bytes, options).map_err(blame)?.text())
}

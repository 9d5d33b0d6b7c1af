//! Access control lists: `getAcl`, `setAcl`.

use super::{Outcome, int_option, subtree};
use crate::tools::cli::arguments::Arguments;
use crate::tools::cli::console::Console;
use crate::tools::cli::format;
use crate::tools::cli::zk::Zk;

pub(super) fn get(zk: &Zk, arguments: &Arguments, console: &mut Console) -> Outcome {
    let (list, stat) = zk.get_acl(arguments.word(1))?;
    for acl in &list {
        console.line(format::acl(acl))?;
    }
    if arguments.has("s") {
        console.text(&format::stat(&stat))?;
    }
    Ok(())
}

pub(super) fn set(zk: &Zk, arguments: &Arguments, console: &mut Console) -> Outcome {
    let path = arguments.word(1);
    let list = format::parse_acl(arguments.word(2), |fault| console.note(fault));
    let version = int_option(arguments, "v", -1)?;
    if arguments.has("R") {
        return subtree::visit(
            zk,
            path,
            false,
            &mut |path| match zk.set_acl(path, &list, version) {
                Ok(_) => Ok(()),
                // The rest of the subtree may still be set.
                Err(e) => console.text(&e.plain()),
            },
        );
    }
    let stat = zk.set_acl(path, &list, version)?;
    if arguments.has("s") {
        console.text(&format::stat(&stat))?;
    }
    Ok(())
}

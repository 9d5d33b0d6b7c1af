//! One node: `create`, `delete`, `get`, `set`, `ls`, `stat`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jute::data::open_acl;

use super::{Outcome, int_option, subtree};
use crate::client::{CreateMode, Error};
use crate::op::Code;
use crate::tools::cli::arguments::Arguments;
use crate::tools::cli::console::Console;
use crate::tools::cli::failure::{Failure, Trouble};
use crate::tools::cli::format;
use crate::tools::cli::zk::Zk;
use crate::tree::ephemeral::MAX_TTL;

pub(super) fn create(zk: &Zk, arguments: &Arguments, console: &mut Console) -> Outcome {
    let mode = create_mode(arguments)?;
    let data = arguments.words.get(2).map(|data| data.as_bytes());
    let acl = match arguments.words.get(3) {
        Some(text) => format::parse_acl(text, |fault| console.note(fault)),
        None => open_acl().to_vec(),
    };
    match zk.create(arguments.word(1), data, &acl, mode) {
        Ok(path) => {
            console.note(format_args!("Created {path}"));
            Ok(())
        }
        Err(e) => {
            if e.is(Code::EphemeralOnLocalSession) {
                console.note("Unable to create ephemeral node on a local session");
            } else if e.is(Code::InvalidAcl) {
                console.note(e.plain());
            }
            Err(e.into())
        }
    }
}

fn create_mode(arguments: &Arguments) -> Result<CreateMode, Failure> {
    let [e, s, c] = ["e", "s", "c"].map(|name| arguments.has(name));
    if c && (e || s) {
        return Err(Failure::new(
            "-c cannot be combined with -s or -e. Containers cannot be ephemeral or sequential.",
        ));
    }
    let ttl = arguments.value("t").map(str::parse::<i64>).transpose();
    let ttl = ttl.map_err(|_| Failure::new("-t argument must be a long value"))?;
    if ttl.is_some() && e {
        return Err(Failure::new("TTLs cannot be used with Ephemeral znodes"));
    }
    if ttl.is_some() && c {
        return Err(Failure::new("TTLs cannot be used with Container znodes"));
    }
    if ttl.is_some_and(|ttl| !(1..=MAX_TTL).contains(&ttl)) {
        let text = format!("ttl must be positive and cannot be larger than: {MAX_TTL}");
        return Err(Failure::new(text));
    }
    Ok(match (ttl, e, s) {
        (Some(ttl), _, true) => CreateMode::PersistentSequentialWithTtl(ttl),
        (Some(ttl), _, false) => CreateMode::PersistentWithTtl(ttl),
        (None, true, true) => CreateMode::EphemeralSequential,
        (None, true, false) => CreateMode::Ephemeral,
        (None, false, true) => CreateMode::PersistentSequential,
        (None, false, false) if c => CreateMode::Container,
        (None, false, false) => CreateMode::Persistent,
    })
}

pub(super) fn delete(zk: &Zk, arguments: &Arguments, _: &mut Console) -> Outcome {
    Ok(zk.delete(arguments.word(1), int_option(arguments, "v", -1)?)?)
}

pub(super) fn get(zk: &Zk, arguments: &Arguments, console: &mut Console) -> Outcome {
    let (data, stat) = zk.get_data(arguments.word(1), arguments.has("w"))?;
    let data = data.unwrap_or_else(|| b"null".to_vec());
    if arguments.has("x") {
        console.line(format::hex_dump(&data))?;
    } else if arguments.has("b") {
        console.line(STANDARD.encode(&data))?;
    } else {
        console.line(String::from_utf8_lossy(&data))?;
    }
    if arguments.has("s") {
        console.text(&format::stat(&stat))?;
    }
    Ok(())
}

pub(super) fn set(zk: &Zk, arguments: &Arguments, console: &mut Console) -> Outcome {
    let text = arguments.word(2);
    let data = if arguments.has("b") {
        STANDARD.decode(text).map_err(|e| {
            Failure::new(format!("java.lang.IllegalArgumentException: not base64: {e}"))
        })?
    } else {
        text.as_bytes().to_vec()
    };
    let stat = zk.set_data(arguments.word(1), &data, int_option(arguments, "v", -1)?)?;
    if arguments.has("s") {
        console.text(&format::stat(&stat))?;
    }
    Ok(())
}

pub(super) fn ls(zk: &Zk, arguments: &Arguments, console: &mut Console) -> Outcome {
    let (path, watch) = (arguments.word(1), arguments.has("w"));
    if arguments.has("R") {
        return subtree::visit(zk, path, watch, &mut |path| console.line(path));
    }
    let (children, stat) = zk.get_children(path, watch)?;
    console.line(format::list(&children))?;
    if arguments.has("s") {
        console.text(&format::stat(&stat))?;
    }
    Ok(())
}

pub(super) fn stat(zk: &Zk, arguments: &Arguments, console: &mut Console) -> Outcome {
    let path = arguments.word(1);
    match zk.exists(path, arguments.has("w"))? {
        Some(stat) => console.text(&format::stat(&stat)),
        None => Err(Trouble::Keeper(Error::Code(Code::NoNode), Some(path.to_owned())).into()),
    }
}

//! `zkSnapShotToolkit.sh`: prints a snapshot's nodes and sessions. Java: `SnapshotFormatter`.

use std::io::{self, Write};
use std::path::{Path, absolute};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::dates::{Dates, Form};
use super::java_order;
use super::snapshot_file::{self, SnapshotFile};
use super::walk::{Step, walk};
use super::{Console, Failure, Outcome, Settings};
use crate::config::ExitCode;
use crate::ids::SessionId;
use crate::storage::names::{SNAPSHOT, zxid_of};
use crate::tree::{DataTree, Node};

const USAGE: &str = "\
USAGE: SnapshotFormatter [-d|-json] snapshot_file
       -d dump the data for each znode
       -json dump znode info in json format";

/// The inode number before the first node's, for ncdu.
const FIRST_INODE: u64 = 1000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Summary,
    Data,
    Json,
}

/// Runs the tool.
///
/// # Errors
/// Why it could not do what it was asked for.
pub fn run(arguments: &[String], settings: Settings, console: &mut Console<'_>) -> Outcome {
    let (mode, path) = parse(arguments)?;
    let snapshot = snapshot_file::load(path, settings, console)?;
    match mode {
        Mode::Json => json(&snapshot.tree, console.out)?,
        Mode::Summary | Mode::Data => details(&snapshot, path, mode, console.out)?,
    }
    Ok(ExitCode::Finished)
}

fn parse(arguments: &[String]) -> Outcome<(Mode, &Path)> {
    let misuse = |message: &str| Failure::new(ExitCode::InvalidInvocation, message);
    let is_option = |argument: &&String| matches!(argument.as_str(), "-d" | "-json");
    let count = arguments.iter().take_while(is_option).count();
    let (options, [file]) = arguments.split_at(count) else { return Err(misuse(USAGE)) };
    if let Some(problem) = problem_with(file) {
        return Err(misuse(&problem));
    }
    let has = |name: &str| options.iter().any(|option| option == name);
    let mode = match (has("-d"), has("-json")) {
        (true, true) => {
            return Err(misuse(
                "Cannot specify both data dump (-d) and json mode (-json) in same call",
            ));
        }
        (true, false) => Mode::Data,
        (false, true) => Mode::Json,
        (false, false) => Mode::Summary,
    };
    Ok((mode, Path::new(file)))
}

/// `ZKUtil.validateFileInput`.
fn problem_with(file: &str) -> Option<String> {
    let path = Path::new(file);
    let shown = absolute(path).unwrap_or_else(|_| path.to_path_buf());
    let shown = shown.display();
    if !path.exists() {
        return Some(format!("File '{shown}' does not exist."));
    }
    if rustix::fs::access(path, rustix::fs::Access::READ_OK).is_err() {
        return Some(format!("Read permission is denied on the file '{shown}'"));
    }
    path.is_dir().then(|| format!("'{shown}' is a directory. it must be a file."))
}

fn details(
    snapshot: &SnapshotFile,
    path: &Path,
    mode: Mode,
    out: &mut dyn Write,
) -> io::Result<()> {
    let SnapshotFile { tree, sessions } = snapshot;
    writeln!(out, "ZNode Details (count={}):", tree.node_count())?;
    let mut dates = Dates::local(Form::Plain);
    let mut last = 0;
    walk(tree, "/", |step| {
        let Step::Enter { path, node, .. } = step else { return Ok(()) };
        let stat = node.stat_persisted();
        last = last.max(stat.mzxid).max(stat.pzxid);
        print_node(path, node, mode, &mut dates, out)
    })?;
    writeln!(out, "----\nSession Details (sid, timeout, ephemeralCount):")?;
    print_sessions(tree, sessions, out)?;
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let last = zxid_of(name, SNAPSHOT).map_or(last, |zxid| last.max(zxid.0));
    writeln!(out, "----\nLast zxid: 0x{last:x}")
}

fn print_node(
    path: &str,
    node: Node<'_>,
    mode: Mode,
    dates: &mut Dates,
    out: &mut dyn Write,
) -> io::Result<()> {
    let stat = node.stat_persisted();
    writeln!(out, "----\n{path}\n  cZxid = {:#016x}", stat.czxid)?;
    print_date("ctime", dates.text(stat.ctime), out)?;
    writeln!(out, "  mZxid = {:#016x}", stat.mzxid)?;
    print_date("mtime", dates.text(stat.mtime), out)?;
    writeln!(
        out,
        "  pZxid = {:#016x}\n  cversion = {}\n  dataVersion = {}\n  aclVersion = {}\n  \
         ephemeralOwner = {:#016x}",
        stat.pzxid, stat.cversion, stat.version, stat.aversion, stat.ephemeral_owner
    )?;
    let data = node.data().unwrap_or_default();
    if mode == Mode::Data {
        return writeln!(out, "  data = {}", STANDARD.encode(data));
    }
    writeln!(out, "  dataLength = {}", data.len())
}

fn print_date(name: &str, date: &[u8], out: &mut dyn Write) -> io::Result<()> {
    write!(out, "  {name} = ")?;
    out.write_all(date)?;
    out.write_all(b"\n")
}

fn print_sessions(
    tree: &DataTree,
    sessions: &[(SessionId, i32)],
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut sessions = sessions.to_vec();
    java_order::sort_by_id(&mut sessions, |(id, _)| id.0);
    for (id, timeout) in sessions {
        let ephemerals = tree.ephemerals_of(id).count();
        writeln!(out, "{:#016x}, {timeout}, {ephemerals}", id.0)?;
    }
    Ok(())
}

/// The format of ncdu.
fn json(tree: &DataTree, out: &mut dyn Write) -> io::Result<()> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    write!(
        out,
        "[1,0,{{\"progname\":\"SnapshotFormatter.java\",\"progver\":\"0.01\",\"timestamp\":{now}}}"
    )?;
    let mut inode = FIRST_INODE;
    let mut open = Vec::new();
    walk(tree, "/", |step| match step {
        Step::Enter { name, node, .. } => {
            inode += 1;
            let has_children = node.num_children() > 0;
            open.push(has_children);
            out.write_all(if has_children { b",[" } else { b"," })?;
            print_json(name, node, inode, out)
        }
        Step::Leave if open.pop() == Some(true) => out.write_all(b"]"),
        Step::Leave => Ok(()),
    })?;
    out.write_all(b"]")
}

fn print_json(name: &str, node: Node<'_>, inode: u64, out: &mut dyn Write) -> io::Result<()> {
    let len = node.data().map_or(0, <[u8]>::len);
    out.write_all(b"{\"name\":\"")?;
    print_quoted(name, out)?;
    write!(out, "\",\"asize\":{len},\"dsize\":{len},\"dev\":0,\"ino\":{inode}}}")
}

/// The inside of a JSON string, as Jackson writes it.
fn print_quoted(text: &str, out: &mut dyn Write) -> io::Result<()> {
    let needs_escape = |c: char| c < ' ' || c == '"' || c == '\\';
    let mut rest = text;
    while let Some(at) = rest.find(needs_escape) {
        let (before, behind) = rest.split_at(at);
        write!(out, "{before}")?;
        match behind.as_bytes()[0] {
            b'\n' => out.write_all(b"\\n")?,
            b'\r' => out.write_all(b"\\r")?,
            b'\t' => out.write_all(b"\\t")?,
            0x08 => out.write_all(b"\\b")?,
            0x0c => out.write_all(b"\\f")?,
            c @ (b'"' | b'\\') => out.write_all(&[b'\\', c])?,
            c => write!(out, "\\u{c:04X}")?,
        }
        rest = &behind[1..];
    }
    out.write_all(rest.as_bytes())
}

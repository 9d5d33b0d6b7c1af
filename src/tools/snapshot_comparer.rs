//! `zkSnapshotComparer.sh`: where two snapshots differ, by bytes and nodes. Java: `SnapshotComparer`.

mod compare;
mod tree_info;

use std::path::Path;
use std::time::Instant;

use super::options::{self, Given, Spec};
use super::snapshot_file;
use super::{Console, Failure, Outcome, Settings};
use crate::config::ExitCode;
use crate::config::java::parse_int;
use compare::Comparison;
use tree_info::TreeInfo;

const HELP: &str = "\
usage: java -cp <classPath> org.apache.zookeeper.server.SnapshotComparer
 -b,--bytes <BYTETHRESHOLD>   (Required) The node data delta size threshold, in bytes, \
for printing the node.
 -d,--debug                   Use debug output.
 -i,--interactive             Enter interactive mode.
 -l,--left <LEFT>             (Required) The left snapshot file.
 -n,--nodes <NODETHRESHOLD>   (Required) The descendant node delta size threshold, in nodes, \
for printing the node.
 -r,--right <RIGHT>           (Required) The right snapshot file.
";

const fn required(short: char, long: &'static str) -> Spec {
    Spec { short, long, takes_value: true, required: true }
}

const fn flag(short: char, long: &'static str) -> Spec {
    Spec { short, long, takes_value: false, required: false }
}

const SPECS: [Spec; 6] = [
    required('l', "left"),
    required('r', "right"),
    required('b', "bytes"),
    required('n', "nodes"),
    flag('d', "debug"),
    flag('i', "interactive"),
];

/// Runs the tool.
///
/// # Errors
/// Why it could not do what it was asked for.
pub fn run(arguments: &[String], settings: Settings, console: &mut Console<'_>) -> Outcome {
    let given = match options::parse(&SPECS, arguments) {
        Ok(given) => given,
        Err(misuse) => {
            console.complain(misuse)?;
            console.out.write_all(HELP.as_bytes())?;
            return Ok(ExitCode::InvalidInvocation);
        }
    };
    let (bytes, nodes) = (number(&given, 'b')?, number(&given, 'n')?);
    writeln!(console.out, "Successfully parsed options!")?;
    let left = load(&given, 'l', settings, console)?;
    let right = load(&given, 'r', settings, console)?;
    writeln!(console.out, "{left}\n{right}")?;
    let (debug, interactive) = (given.has('d'), given.has('i'));
    Comparison { left, right, bytes, nodes, debug, interactive }.run(console)?;
    Ok(ExitCode::Finished)
}

fn number(given: &Given, option: char) -> Outcome<i64> {
    let text = given.value(option).unwrap_or_default();
    let number = parse_int(text).map(i64::from);
    number.ok_or_else(|| Failure::uncaught(format!("-{option} {text:?}: expected a whole number")))
}

fn load(
    given: &Given,
    option: char,
    settings: Settings,
    console: &mut Console<'_>,
) -> Outcome<TreeInfo> {
    let path = Path::new(given.value(option).unwrap_or_default());
    let start = Instant::now();
    let snapshot = snapshot_file::load(path, settings, console)?;
    let (name, seconds) = (path.file_name().unwrap_or_default(), start.elapsed().as_secs_f64());
    writeln!(console.out, "Deserialized snapshot in {} in {seconds:.6} seconds", name.display())?;
    let start = Instant::now();
    let info = TreeInfo::of(&snapshot.tree);
    let seconds = start.elapsed().as_secs_f64();
    writeln!(console.out, "Processed data tree in {seconds:.6} seconds")?;
    Ok(info)
}

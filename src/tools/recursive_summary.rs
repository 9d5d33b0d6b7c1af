//! `zkSnapshotRecursiveSummaryToolkit.sh`: nodes and bytes below each node of a snapshot. Java:
//! `SnapshotRecursiveSummary`.

use std::convert::Infallible;
use std::io::Write;
use std::path::Path;

use super::walk::{Step, walk};
use super::{Console, Failure, Outcome, Settings, snapshot_file};
use crate::config::ExitCode;
use crate::config::java::parse_int;
use crate::tree::DataTree;

const USAGE: &str = "\
USAGE:


SnapshotRecursiveSummary  <snapshot_file>  <starting_node>  <max_depth>


snapshot_file:    path to the zookeeper snapshot
starting_node:    the path in the zookeeper tree where the traversal should begin
max_depth:        defines the depth where the tool still writes to the output. 0 means there is no \
depth limit, every non-leaf node's stats will be displayed, 1 means it will only contain the \
starting node's and it's children's stats, 2 ads another level and so on. This ONLY affects the \
level of details displayed, NOT the calculation.";

/// Runs the tool.
///
/// # Errors
/// Why it could not do what it was asked for.
pub fn run(arguments: &[String], settings: Settings, console: &mut Console<'_>) -> Outcome {
    let misuse = || Failure::new(ExitCode::InvalidInvocation, USAGE);
    let [file, start, depth] = arguments else { return Err(misuse()) };
    let max_depth = parse_int(depth).ok_or_else(misuse)?;
    let snapshot = snapshot_file::load(Path::new(file), settings, console)?;
    if snapshot.tree.node(start).is_none() {
        return Err(Failure::uncaught(format!("{file}: there is no node {start}")));
    }
    for (level, sum) in sums(&snapshot.tree, start) {
        let shown = max_depth == 0 || i32::try_from(level).is_ok_and(|level| level <= max_depth);
        if shown && sum.descendants > 0 {
            print(level, &sum, console.out)?;
        }
    }
    writeln!(console.out)?;
    Ok(ExitCode::Finished)
}

/// What is at and below a node.
#[derive(Debug)]
struct Sum {
    path: String,
    descendants: u64,
    bytes: u64,
}

/// All nodes that have children, parents first, each with its depth below the start.
fn sums(tree: &DataTree, start: &str) -> Vec<(usize, Sum)> {
    let mut sums: Vec<(usize, Sum)> = Vec::new();
    // The way down to the current node, as places among the sums.
    let mut line: Vec<usize> = Vec::new();
    let walked: Result<(), Infallible> = walk(tree, start, |step| {
        match step {
            Step::Enter { path, node, .. } => {
                let bytes = node.data().map_or(0, <[u8]>::len) as u64;
                line.push(sums.len());
                sums.push((line.len() - 1, Sum { path: path.to_owned(), descendants: 0, bytes }));
            }
            Step::Leave => leave(&mut line, &mut sums),
        }
        Ok(())
    });
    let Ok(()) = walked;
    sums
}

/// The last node of the line is done: what is there belongs to its parent's sum, too. A leaf's sum is
/// always the last one, and of no more use.
fn leave(line: &mut Vec<usize>, sums: &mut Vec<(usize, Sum)>) {
    let Some(done) = line.pop() else { return };
    let Some(&parent) = line.last() else { return };
    let Sum { descendants, bytes, .. } = sums[done].1;
    sums[parent].1.descendants += descendants + 1;
    sums[parent].1.bytes += bytes;
    if descendants == 0 {
        sums.pop();
    }
}

fn print(level: usize, sum: &Sum, out: &mut dyn Write) -> std::io::Result<()> {
    let tab = "--".repeat(level);
    let Sum { path, descendants, bytes } = sum;
    writeln!(out, "{tab} {path}\n{tab}   children: {descendants}\n{tab}   data: {bytes}")
}

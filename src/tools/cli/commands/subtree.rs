//! Whole subtrees: `ls -R`, `deleteall`, `getAllChildrenNumber` (Java: `ZKUtil`).

use std::collections::VecDeque;

use super::Outcome;
use crate::client::Op;
use crate::op::Code;
use crate::tools::cli::arguments::Arguments;
use crate::tools::cli::console::Console;
use crate::tools::cli::failure::{Failure, Trouble};
use crate::tools::cli::zk::Zk;

/// Deletes in one multi, unless `-b` says otherwise.
const BATCH: i32 = 1000;
/// Multis under way at once.
const IN_FLIGHT: usize = 10;

fn child_of(parent: &str, child: &str) -> String {
    if parent == "/" { format!("/{child}") } else { format!("{parent}/{child}") }
}

/// Shows each node to `show`: the root, then below each node first all its children, then what is
/// below them. A node that goes meanwhile is passed over.
pub(super) fn visit(
    zk: &Zk,
    root: &str,
    watch: bool,
    show: &mut impl FnMut(&str) -> Outcome,
) -> Outcome {
    zk.get_data(root, watch)?;
    show(root)?;
    let mut open = vec![root.to_owned()];
    while let Some(parent) = open.pop() {
        let children = match zk.get_children(&parent, watch) {
            Ok((children, _)) => children,
            Err(e) if e.is(Code::NoNode) => continue,
            Err(e) => return Err(e.into()),
        };
        let paths: Vec<String> = children.iter().map(|child| child_of(&parent, child)).collect();
        for path in &paths {
            show(path)?;
        }
        open.extend(paths.into_iter().rev());
    }
    Ok(())
}

pub(super) fn delete_all(zk: &Zk, arguments: &Arguments, console: &mut Console) -> Outcome {
    let batch = arguments.value("b").map_or(Ok(BATCH), str::parse);
    let batch: i32 = batch.map_err(|_| Failure::new("-b argument must be an int value"))?;
    let mut doomed = breadth_first(zk, arguments.word(1))?;
    doomed.reverse();
    let Some(batch) = usize::try_from(batch).ok().filter(|batch| *batch > 0) else {
        for path in doomed {
            zk.delete(&path, -1)?;
        }
        return Ok(());
    };
    if !delete_in_batches(zk, &doomed, batch) {
        console.note("Failed to delete some node(s) in the subtree!");
    }
    Ok(())
}

/// All nodes from `root` down, parents first.
fn breadth_first(zk: &Zk, root: &str) -> Result<Vec<String>, Trouble> {
    let mut nodes = vec![root.to_owned()];
    let mut next = 0;
    while let Some(parent) = nodes.get(next).cloned() {
        let (children, _) = zk.get_children(&parent, false)?;
        nodes.extend(children.iter().map(|child| child_of(&parent, child)));
        next += 1;
    }
    Ok(nodes)
}

/// Whether all is gone. After the first failure no more batches are sent.
fn delete_in_batches(zk: &Zk, paths: &[String], batch: usize) -> bool {
    let mut under_way = VecDeque::new();
    let mut all_gone = true;
    for paths in paths.chunks(batch) {
        if under_way.len() == IN_FLIGHT {
            all_gone &= under_way.pop_front().is_none_or(|multi| zk.succeeded(multi));
        }
        if !all_gone {
            break;
        }
        let ops: Vec<Op> =
            paths.iter().map(|path| Op::Delete { path: path.clone(), version: -1 }).collect();
        under_way.push_back(zk.multi(&ops));
    }
    under_way.into_iter().fold(all_gone, |gone, multi| zk.succeeded(multi) && gone)
}

pub(super) fn count(zk: &Zk, arguments: &Arguments, console: &mut Console) -> Outcome {
    console.line(zk.get_all_children_number(arguments.word(1))?)
}

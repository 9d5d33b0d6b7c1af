//! The nodes of a tree in the order in which Java's tools list them.

use super::java_order;
use crate::tree::{DataTree, Node};

/// What comes next of a tree, parents before children, without recursion: a tree may be very deep.
pub(super) enum Step<'a> {
    /// A node with its full path and name.
    Enter { path: &'a str, name: &'a str, node: Node<'a> },
    /// All below the last node that was entered and not left has been seen.
    Leave,
}

/// Walks over the nodes from `start` down, children in the order of Java's hash sets.
pub(super) fn walk<'t, E>(
    tree: &'t DataTree,
    start: &str,
    mut visit: impl FnMut(Step<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let mut path = start.to_owned();
    let Some(node) = tree.node(start) else { return Ok(()) };
    visit(Step::Enter { path: start, name: start, node })?;
    let mut open: Vec<(usize, std::vec::IntoIter<&'t str>)> = vec![(path.len(), names(node))];
    while let Some((len, children)) = open.last_mut() {
        path.truncate(*len);
        let Some(name) = children.next() else {
            open.pop();
            visit(Step::Leave)?;
            continue;
        };
        if path != "/" {
            path.push('/');
        }
        path.push_str(name);
        if let Some(node) = tree.node(&path) {
            visit(Step::Enter { path: &path, name, node })?;
            open.push((path.len(), names(node)));
        }
    }
    Ok(())
}

fn names(node: Node<'_>) -> std::vec::IntoIter<&str> {
    let mut names: Vec<&str> = node.children().collect();
    java_order::sort_names(&mut names);
    names.into_iter()
}

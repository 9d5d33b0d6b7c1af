//! A tree as the comparison needs it: sizes instead of data, by depth and in the order of the paths.

use std::convert::Infallible;
use std::fmt;

use crate::tools::java_order;
use crate::tools::walk::{Step, walk};
use crate::tree::DataTree;

/// A node with what is below it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TreeNode {
    /// Its path; the root's is empty.
    pub(super) label: String,
    /// Bytes of its own data and all below.
    pub(super) size: i64,
    /// Nodes below it.
    pub(super) descendants: i64,
}

/// All nodes of a tree.
#[derive(Debug, Default)]
pub(super) struct TreeInfo {
    /// Per depth, by their labels.
    layers: Vec<Vec<TreeNode>>,
}

impl TreeInfo {
    pub(super) fn of(tree: &DataTree) -> Self {
        let mut info = Self::default();
        let mut line: Vec<TreeNode> = Vec::new();
        let walked: Result<(), Infallible> = walk(tree, "/", |step| {
            match step {
                Step::Enter { path, node, .. } => {
                    let label = if path == "/" { String::new() } else { path.to_owned() };
                    let size = node.data().map_or(0, <[u8]>::len) as i64;
                    line.push(TreeNode { label, size, descendants: 0 });
                }
                Step::Leave => info.leave(&mut line),
            }
            Ok(())
        });
        let Ok(()) = walked;
        for layer in &mut info.layers {
            layer.sort_unstable_by(|a, b| java_order::compare(&a.label, &b.label));
        }
        info
    }

    /// The last node of the line is done.
    fn leave(&mut self, line: &mut Vec<TreeNode>) {
        let Some(node) = line.pop() else { return };
        if let Some(parent) = line.last_mut() {
            parent.size += node.size;
            parent.descendants += node.descendants + 1;
        }
        let depth = line.len();
        if self.layers.len() <= depth {
            self.layers.resize_with(depth + 1, Vec::new);
        }
        self.layers[depth].push(node);
    }

    /// How many depths there are.
    pub(super) fn depth(&self) -> usize {
        self.layers.len()
    }

    /// The nodes of a depth, by their labels.
    pub(super) fn layer(&self, depth: usize) -> &[TreeNode] {
        self.layers.get(depth).map_or(&[], Vec::as_slice)
    }

    /// The children of the node with this path, by their labels; `None` where there is no such node.
    pub(super) fn children(&self, path: &str) -> Option<Vec<&TreeNode>> {
        let depth = path.matches('/').count();
        self.layer(depth).binary_search_by(|n| java_order::compare(&n.label, path)).ok()?;
        let is_child = |node: &&TreeNode| {
            node.label.strip_prefix(path).is_some_and(|rest| rest.starts_with('/'))
        };
        Some(self.layer(depth + 1).iter().filter(is_child).collect())
    }
}

impl fmt::Display for TreeInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = self.layer(0).first().map_or(0, |root| root.size);
        writeln!(f, "Node count: {}", self.layers.iter().map(Vec::len).sum::<usize>())?;
        writeln!(f, "Total size: {size}")?;
        writeln!(f, "Max depth: {}", self.depth())?;
        for (depth, layer) in self.layers.iter().enumerate() {
            writeln!(f, "Count of nodes at depth {depth}: {}", layer.len())?;
        }
        Ok(())
    }
}

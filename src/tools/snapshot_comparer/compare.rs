//! Two trees side by side, layer by layer or as the user asks.

use std::cmp::Ordering;
use std::io::{self, Write};

use super::tree_info::{TreeInfo, TreeNode};
use crate::config::java::parse_int;
use crate::tools::java_order;
use crate::tools::{Console, Failure, Outcome};

const PROMPT: &str = "\
- Press enter to move to print current depth layer;
- Type a number to jump to and print all nodes at a given depth;
- Enter an ABSOLUTE path to print the immediate subtree of a node. Path must start with '/'.";

/// What is compared, and what is worth a line.
pub(super) struct Comparison {
    pub(super) left: TreeInfo,
    pub(super) right: TreeInfo,
    /// Differences of more bytes are shown...
    pub(super) bytes: i64,
    /// ...and of more nodes.
    pub(super) nodes: i64,
    /// Shows every step, and what is not worth a line.
    pub(super) debug: bool,
    /// Asks what to compare, and shows what is not worth a line.
    pub(super) interactive: bool,
}

impl Comparison {
    /// Prints it all.
    pub(super) fn run(&self, console: &mut Console<'_>) -> Outcome<()> {
        let depths = self.left.depth().max(self.right.depth());
        if self.interactive {
            self.converse(depths, console)?;
        } else {
            self.print_thresholds(console.out)?;
            for depth in 0..depths {
                self.print_layer(depth, console.out)?;
            }
        }
        Ok(writeln!(console.out, "All layers compared.")?)
    }

    fn converse(&self, depths: usize, console: &mut Console<'_>) -> Outcome<()> {
        let mut depth = 0;
        while depth < depths {
            writeln!(console.out, "Current depth is {depth}\n{PROMPT}")?;
            console.out.flush()?;
            let answer = read_line(console)?;
            self.print_thresholds(console.out)?;
            if answer.is_empty() {
                self.print_layer(depth, console.out)?;
                depth += 1;
            } else if answer.starts_with('/') {
                self.print_subtree(&answer, console.out)?;
            } else if !self.jump(&answer, depths, &mut depth, console.out)? {
                continue;
            }
            writeln!(console.out)?;
        }
        Ok(())
    }

    /// Goes to the depth that was asked for; false where there is none so deep.
    fn jump(
        &self,
        answer: &str,
        depths: usize,
        depth: &mut usize,
        out: &mut dyn Write,
    ) -> io::Result<bool> {
        let last = depths - 1;
        let Some(wanted) = parse_int(answer) else {
            writeln!(
                out,
                "Input {answer} is not valid. Depth must be in range [0, {last}]. Path must be an \
                 absolute path which starts with '/'."
            )?;
            return Ok(true);
        };
        match usize::try_from(wanted) {
            Ok(wanted) if wanted <= last => {
                *depth = wanted;
                self.print_layer(wanted, out)?;
                Ok(true)
            }
            _ => {
                writeln!(out, "Depth must be in range [0, {last}]")?;
                Ok(false)
            }
        }
    }

    fn print_thresholds(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(
            out,
            "Printing analysis for nodes difference larger than {} bytes or node count difference \
             larger than {}.",
            self.bytes, self.nodes
        )
    }

    fn print_layer(&self, depth: usize, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "Analysis for depth {depth}")?;
        self.compare(self.left.layer(depth).iter(), self.right.layer(depth).iter(), out)
    }

    fn print_subtree(&self, path: &str, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "Analysis for node {path}")?;
        let (left, right) = (self.left.children(path), self.right.children(path));
        if left.is_none() && right.is_none() {
            return writeln!(out, "Path {path} is neither found in left tree nor right tree.");
        }
        let (left, right) = (left.unwrap_or_default(), right.unwrap_or_default());
        self.compare(left.into_iter(), right.into_iter(), out)
    }

    /// Merges two lists in the order of their labels.
    fn compare<'t>(
        &self,
        left: impl Iterator<Item = &'t TreeNode>,
        right: impl Iterator<Item = &'t TreeNode>,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let (mut left, mut right) = (left.peekable(), right.peekable());
        loop {
            let order = match (left.peek(), right.peek()) {
                (Some(l), Some(r)) => self.order(l, r, out)?,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => return Ok(()),
            };
            let l = if order.is_le() { left.next() } else { None };
            let r = if order.is_ge() { right.next() } else { None };
            match (l, r) {
                (Some(l), Some(r)) => self.print_both(l, r, out)?,
                (Some(l), None) => self.print_one(l, "left", out)?,
                (None, Some(r)) => self.print_one(r, "right", out)?,
                (None, None) => {}
            }
        }
    }

    fn order(&self, l: &TreeNode, r: &TreeNode, out: &mut dyn Write) -> io::Result<Ordering> {
        let order = java_order::compare(&l.label, &r.label);
        if self.debug {
            writeln!(out, "Comparing {} to {}", l.label, r.label)?;
            out.write_all(match order {
                Ordering::Less => b"left is less\n",
                Ordering::Greater => b"right is less\n",
                Ordering::Equal => b"same\n",
            })?;
        }
        Ok(order)
    }

    fn print_one(&self, node: &TreeNode, side: &str, out: &mut dyn Write) -> io::Result<()> {
        let TreeNode { label, size, descendants } = node;
        if *size > self.bytes || *descendants > self.nodes {
            return writeln!(
                out,
                "Node {label} found only in {side} tree. Descendant size: {size}. Descendant count: \
                 {descendants}"
            );
        }
        if self.debug || self.interactive {
            writeln!(out, "Filtered {side} node {label} of size {size}")?;
        }
        Ok(())
    }

    fn print_both(&self, l: &TreeNode, r: &TreeNode, out: &mut dyn Write) -> io::Result<()> {
        let (bytes, nodes) = (r.size - l.size, r.descendants - l.descendants);
        let label = &l.label;
        if bytes.abs() > self.bytes || nodes.abs() > self.nodes {
            return writeln!(
                out,
                "Node {label} found in both trees. Delta: {bytes} bytes, {nodes} descendants"
            );
        }
        if self.debug || self.interactive {
            let (left, right) = (l.size, r.size);
            writeln!(out, "Filtered node {label} of left size {left}, right size {right}")?;
        }
        Ok(())
    }
}

/// A line without its end (`Scanner.nextLine`).
fn read_line(console: &mut Console<'_>) -> Outcome<String> {
    let mut line = String::new();
    if console.input.read_line(&mut line).map_err(Failure::uncaught)? == 0 {
        return Err(Failure::uncaught("No line found: the input has ended"));
    }
    Ok(line.trim_end_matches(['\n', '\r']).to_owned())
}

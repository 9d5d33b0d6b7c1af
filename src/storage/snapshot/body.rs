//! What is in a snapshot, without what makes it a file: the form in which a leader sends its tree to a
//! learner, too. Java: `SerializeUtils.serializeSnapshot`, `DataTree.serialize`,
//! `ReferenceCountedACLCache.serialize`.
//!
//! ```text
//! int  number of sessions, then for each: long id, int timeout in milliseconds
//! int  number of ACLs, then for each: long index, vector<ACL>
//! nodes, the root (path "") first and each parent before its children:
//!      string path, buffer data, long index of the ACL (-1: open), StatPersisted
//! string "/"
//! ```

use std::borrow::Cow;
use std::fmt;

use jute::data::{Acl, SharedAcl, StatPersisted};
use jute::{DecodeError, Limits, Reader, Record, Write};

use crate::ids::SessionId;
use crate::tree::{DataTree, Walk, WalkedNode};

/// The path that no node has, and with which the nodes end.
const END: &str = "/";
/// Bytes of one item, beyond a field's limit, that are still believed.
const MAX_ITEM_EXTRA: usize = 64 * 1024 * 1024;

/// Appends the sessions.
pub fn put_sessions(sessions: &[(SessionId, i32)], out: &mut Vec<u8>) {
    out.put_count(Some(sessions.len()));
    for (id, timeout) in sessions {
        out.put_long(id.0);
        out.put_int(*timeout);
    }
}

/// Appends the ACL map, of `count` entries.
pub fn put_acls<'a>(
    count: usize,
    entries: impl IntoIterator<Item = (i64, &'a [Acl])>,
    out: &mut Vec<u8>,
) {
    out.put_count(Some(count));
    for (index, acl) in entries {
        out.put_long(index);
        out.put_count(Some(acl.len()));
        acl.iter().for_each(|a| a.write(out));
    }
}

/// Appends a node.
pub fn put_node(node: WalkedNode<'_>, out: &mut Vec<u8>) {
    out.put_str(Some(node.path));
    out.put_buffer(node.data);
    out.put_long(node.acl);
    node.stat.write(out);
}

/// Appends what follows the last node.
pub fn put_end(out: &mut Vec<u8>) {
    out.put_str(Some(END));
}

/// The body of a tree, a piece at a time, while the tree goes on changing.
#[derive(Debug)]
pub struct BodyWalk {
    walk: Walk,
}

impl BodyWalk {
    /// Appends sessions and ACLs and starts the walk. The sessions must not be older than the tree:
    /// what either holds too much, replay of the log puts right, but not what it lacks.
    pub fn start(tree: &DataTree, sessions: &[(SessionId, i32)], out: &mut Vec<u8>) -> Self {
        put_sessions(sessions, out);
        let entries = tree.acl_entries().map(|(index, acl)| (index, &acl[..]));
        put_acls(tree.acl_entries().count(), entries, out);
        Self { walk: tree.walk() }
    }

    /// Whether this is the tree that the walk began with.
    pub fn is_of(&self, tree: &DataTree) -> bool {
        self.walk.is_of(tree)
    }

    /// Appends nodes until there were `max_nodes` or `out` has `max_bytes` (the last node may exceed
    /// that). False once all is appended, or if this is another tree than the walk began with: then
    /// what was appended is no body and never becomes one.
    pub fn next(
        &mut self,
        tree: &DataTree,
        max_nodes: usize,
        max_bytes: usize,
        out: &mut Vec<u8>,
    ) -> bool {
        for _ in 0..max_nodes {
            if out.len() >= max_bytes {
                break;
            }
            if !self.walk.next_slice(tree, 1, |node| put_node(node, out)) {
                if self.walk.is_of(tree) {
                    put_end(out);
                }
                return false;
            }
        }
        true
    }
}

/// One thing out of a body.
#[derive(Debug, Clone, PartialEq)]
pub enum Item<'a> {
    /// A session and its timeout in milliseconds.
    Session(SessionId, i32),
    /// An entry of the ACL map.
    Acl(i64, SharedAcl),
    /// A node.
    Node {
        /// The full path; the root's is the empty string.
        path: Cow<'a, str>,
        /// The data.
        data: Option<&'a [u8]>,
        /// Index of the ACL, -1 for the open one.
        acl: i64,
        /// The stat.
        stat: StatPersisted,
    },
    /// There is no more.
    End,
}

/// Why bytes are no body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BodyError {
    /// A length is out of bounds.
    Decode(DecodeError),
    /// An entry of the ACL map without a list, or a node without a path.
    Null(&'static str),
    /// One item is larger than anything that could have been written.
    TooLong,
}

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Decode(e) => e.fmt(f),
            Self::Null(what) => write!(f, "{what} is null"),
            Self::TooLong => f.write_str("an item is unreasonably long"),
        }
    }
}

impl std::error::Error for BodyError {}

impl From<DecodeError> for BodyError {
    fn from(e: DecodeError) -> Self {
        Self::Decode(e)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    SessionCount,
    Sessions(i32),
    AclCount,
    Acls(i32),
    Nodes,
    End,
}

/// Reads a body from bytes that arrive in pieces.
#[derive(Debug)]
pub struct BodyParser {
    state: State,
    limits: Limits,
}

impl BodyParser {
    /// At the start of a body.
    pub fn new(limits: Limits) -> Self {
        Self { state: State::SessionCount, limits }
    }

    /// The first item of `bytes` and how many bytes it took; `None` where `bytes` ends within it, and
    /// the call is to be made again with more.
    ///
    /// # Errors
    /// [`BodyError`] where no further bytes could make it a body.
    pub fn next<'a>(&mut self, bytes: &'a [u8]) -> Result<Option<(Item<'a>, usize)>, BodyError> {
        let mut r = Reader::with_limits(bytes, self.limits);
        let mut state = self.state;
        match step(&mut state, &mut r) {
            Ok(item) => {
                self.state = state;
                Ok(Some((item, r.position())))
            }
            Err(BodyError::Decode(e)) if e.is_eof() => {
                let longest = self.limits.max_field.saturating_add(MAX_ITEM_EXTRA);
                if bytes.len() > longest { Err(BodyError::TooLong) } else { Ok(None) }
            }
            Err(e) => Err(e),
        }
    }
}

/// Reads counts, which are no items, and then one item.
fn step<'a>(state: &mut State, r: &mut Reader<'a>) -> Result<Item<'a>, BodyError> {
    loop {
        *state = match *state {
            State::SessionCount => State::Sessions(r.int()?),
            // As in Java a negative count is none.
            State::Sessions(..=0) => State::AclCount,
            State::Sessions(left) => {
                let id = SessionId(r.long()?);
                let item = Item::Session(id, r.int()?);
                *state = State::Sessions(left - 1);
                return Ok(item);
            }
            State::AclCount => State::Acls(r.int()?),
            State::Acls(..=0) => State::Nodes,
            State::Acls(left) => {
                let index = r.long()?;
                let acl = Option::<SharedAcl>::read(r)?;
                *state = State::Acls(left - 1);
                return Ok(Item::Acl(index, acl.ok_or(BodyError::Null("an ACL"))?));
            }
            State::Nodes => {
                let item = node(r)?;
                if item == Item::End {
                    *state = State::End;
                }
                return Ok(item);
            }
            State::End => return Ok(Item::End),
        }
    }
}

fn node<'a>(r: &mut Reader<'a>) -> Result<Item<'a>, BodyError> {
    let path = r.str()?.ok_or(BodyError::Null("a path"))?;
    if path == END {
        return Ok(Item::End);
    }
    let data = r.buffer()?;
    let acl = r.long()?;
    let stat = StatPersisted::read(r)?;
    Ok(Item::Node { path, data, acl, stat })
}

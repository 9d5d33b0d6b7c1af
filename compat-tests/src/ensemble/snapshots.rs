//! The members' snapshots of the last transaction that they share, compared byte for byte.
//!
//! What an ensemble leaves on its disks was written while it went on, each member at its own time, so no
//! two of those need be of the same state. Therefore every server is started once more, alone, whereupon
//! it writes what it has, and is killed again; it has changed nothing by then.
//!
//! Of these files all bytes are compared but for the order in which they stand and for what follows from
//! it. No two servers of either kind need agree on that:
//!
//! * sessions are written in the order of a hash table;
//! * an ACL is written once, under a number by which nodes refer to it. The number says when the ACL was
//!   first used, or in which order a snapshot was read that came from the leader, and ACLs that no node has
//!   any more stay or not. So each node is compared with its ACL instead of the number;
//! * parents come before their children, and beyond that Java follows its hash tables, we the order in which
//!   nodes came to be, in this process. So nodes are compared by path;
//! * the checksums are over all of it. That they are right is proved by reading the file.
//!
//! The node of the configuration is left out: no transaction makes it what it is, every member writes its
//! own, with its own time, when it begins to lead or to follow; and so is what one of two members does not
//! say at the end: releases before 3.9 no zxid, those before 3.6 no digest, and later ones an empty digest
//! when they have loaded a snapshot and no transaction since.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;
use std::path::Path;

use gamekeeper::ids::{SessionId, Zxid};
use gamekeeper::storage::RealDisk;
use gamekeeper::storage::names::{self, ZxidFile};
use gamekeeper::storage::snapshot::body::Item;
use gamekeeper::storage::snapshot::{self, Trailer};
use gamekeeper::tree::{CONFIG_NODE, ZxidDigest};
use jute::data::SharedAcl;
use jute::{Limits, Record, Write as _};

use super::Ensemble;
use crate::{Failure, Result};

/// The index of the ACL that stands in no table.
const OPEN_ACL: i64 = -1;

/// Starts each of `members` alone, so that it writes a snapshot of all that it has, and compares these.
/// They must have been stopped, and their last transaction must be `last`.
///
/// # Errors
/// If a server does not start or writes none, or if two differ.
pub(super) fn same_bytes(ensemble: &mut Ensemble, members: &[usize], last: Zxid) -> Result<()> {
    let alone = members.iter().map(|member| ensemble.alone(*member).spawn());
    let alone = alone.collect::<Result<Vec<_>>>()?;
    let mut contents = Vec::new();
    for (&member, mut server) in members.iter().zip(alone) {
        server.wait_serving()?;
        let what = format!("has a member {} that writes no snapshot of {last}", member + 1);
        let dir = ensemble.data_dir(member);
        let file = ensemble.wait_for(&what, |_| find(&dir, last))?;
        server.kill()?;
        contents.push(Content::read(&file)?);
    }
    for (content, member) in contents.iter().zip(members) {
        if let Some(what) = contents[0].difference(content) {
            let (one, other) = (members[0] + 1, member + 1);
            let what = format!("snapshots of {one} and {other} at {last}: {what}");
            return Err(Failure::new(what));
        }
    }
    Ok(())
}

/// The snapshot of this zxid.
fn find(data_dir: &Path, zxid: Zxid) -> Result<Option<ZxidFile>> {
    let files = names::files(&RealDisk, &data_dir.join("version-2"), names::SNAPSHOT)?;
    Ok(files.into_iter().find(|file| file.zxid == zxid))
}

/// The bytes of a snapshot, in an order that does not depend on who wrote it.
#[derive(Debug, Default)]
struct Content {
    sessions: BTreeMap<SessionId, i32>,
    /// What stands behind the path: data, ACL in the place of its number, stat.
    nodes: BTreeMap<String, Vec<u8>>,
    trailer: Trailer,
}

impl Content {
    fn read(file: &ZxidFile) -> Result<Self> {
        let (mut content, mut acls) = (Self::default(), HashMap::new());
        content.trailer = snapshot::read(&RealDisk, file, Limits::default(), None, |item| {
            content.take(item, &mut acls)
        })?;
        Ok(content)
    }

    fn take(
        &mut self,
        item: Item<'_>,
        acls: &mut HashMap<i64, SharedAcl>,
    ) -> std::result::Result<(), String> {
        let again = match item {
            Item::Session(id, timeout) => self.sessions.insert(id, timeout).is_some(),
            Item::Acl(index, acl) => acls.insert(index, acl).is_some(),
            Item::Node { path, .. } if path == CONFIG_NODE => false,
            Item::Node { path, data, acl, stat } => {
                let list = acls.get(&acl).cloned();
                if list.is_none() && acl != OPEN_ACL {
                    return Err(format!("{path} has an ACL that is not there"));
                }
                let mut bytes = Vec::new();
                bytes.put_buffer(data);
                list.write(&mut bytes);
                stat.write(&mut bytes);
                self.nodes.insert(path.into_owned(), bytes).is_some()
            }
            Item::End => false,
        };
        if again { Err("something stands there twice".to_owned()) } else { Ok(()) }
    }

    /// The digest, unless it is empty.
    fn digest(&self) -> Option<ZxidDigest> {
        self.trailer.digest.filter(|digest| digest.zxid != Zxid::ZERO)
    }

    /// How `other` is not the same.
    fn difference(&self, other: &Self) -> Option<String> {
        first_difference("session", &self.sessions, &other.sessions)
            .or_else(|| first_difference("node", &self.nodes, &other.nodes))
            .or_else(|| both("digest", self.digest(), other.digest()))
            .or_else(|| both("zxid", self.trailer.last_zxid, other.trailer.last_zxid))
    }
}

fn first_difference<K: Ord + Debug, V: PartialEq + Debug>(
    what: &str,
    one: &BTreeMap<K, V>,
    other: &BTreeMap<K, V>,
) -> Option<String> {
    let key = one.keys().chain(other.keys()).find(|key| one.get(key) != other.get(key))?;
    Some(format!("{what} {key:?} is {:?} and {:?}", one.get(key), other.get(key)))
}

/// What one of the two does not say is not compared.
fn both<T: PartialEq + Debug>(what: &str, one: Option<T>, other: Option<T>) -> Option<String> {
    let (one, other) = (one?, other?);
    (one != other).then(|| format!("{what} is {one:?} and {other:?}"))
}

#[cfg(test)]
mod tests {
    use gamekeeper::ids::SessionId;
    use gamekeeper::storage::snapshot::body::Item;
    use jute::data::{Acl, Id, StatPersisted};

    use super::*;

    fn acl(perms: i32) -> SharedAcl {
        let (scheme, id) = (Some("digest".to_owned()), Some("a:b".to_owned()));
        vec![Acl { perms, id: Id { scheme, id } }].into()
    }

    fn node<'a>(path: &'static str, data: &'a [u8], acl: i64) -> Item<'a> {
        let stat = StatPersisted { czxid: 7, ..StatPersisted::default() };
        Item::Node { path: path.into(), data: Some(data), acl, stat }
    }

    fn content(items: impl IntoIterator<Item = Item<'static>>) -> Content {
        let (mut content, mut acls) = (Content::default(), HashMap::new());
        for item in items {
            content.take(item, &mut acls).unwrap_or_else(|what| panic!("{what}"));
        }
        content
    }

    #[test]
    fn order_and_numbers_are_no_difference() {
        let session = |id, timeout| Item::Session(SessionId(id), timeout);
        let one = content([
            session(1, 10),
            session(2, 20),
            Item::Acl(1, acl(1)),
            Item::Acl(2, acl(31)),
            node("/a", b"x", 2),
            node("/b", b"", -1),
        ]);
        let other = content([
            session(2, 20),
            session(1, 10),
            Item::Acl(9, acl(31)),
            node("/b", b"", -1),
            node("/a", b"x", 9),
        ]);
        assert_eq!(one.difference(&other), None);
    }

    #[test]
    fn anything_else_is_one() {
        let of = |timeout, perms, data: &'static [u8], path| {
            let session = Item::Session(SessionId(1), timeout);
            content([session, Item::Acl(1, acl(perms)), node(path, data, 1)])
        };
        let one = of(10, 1, b"x", "/a");
        let others = [
            of(11, 1, b"x", "/a"),
            of(10, 2, b"x", "/a"),
            of(10, 1, b"y", "/a"),
            of(10, 1, b"x", "/b"),
        ];
        for other in others {
            assert!(one.difference(&other).is_some(), "{other:?}");
        }
    }
}

//! Containers and nodes with a time to live: which of them are to go, and how fast. A candidate is
//! only proposed; preparation checks it again. Java: `ContainerManager`.
//!
//! Only the leader and the standalone server run it. Its tick may come at any pace. The deletions are
//! requests of no session and no connection.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use jute::Write;

use super::request::Request;
use crate::ids::{Millis, SessionId};
use crate::op::op;
use crate::tree::ephemeral::owner_to_ttl;
use crate::tree::{DataTree, Node};

/// What of the configuration the manager depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContainerOptions {
    /// `znode.container.checkIntervalMs`: pause between two looks at the tree.
    pub check_interval_ms: i32,
    /// `znode.container.maxPerMinute`: deletions a minute; 0 for none, negative for no limit.
    pub max_per_minute: i32,
    /// `znode.container.maxNeverUsedIntervalMs`: a container that never had a child goes after
    /// this; 0 for never.
    pub max_never_used_ms: i64,
}

/// As Java without configuration.
impl Default for ContainerOptions {
    fn default() -> Self {
        Self { check_interval_ms: 60_000, max_per_minute: 10_000, max_never_used_ms: 0 }
    }
}

/// Proposes deletions, spread over time.
#[derive(Debug)]
pub struct ContainerManager {
    options: ContainerOptions,
    /// When the tree is looked at next, by the monotonic clock.
    next_check: Millis,
    /// When the next candidate may go, by the monotonic clock.
    next_delete: Millis,
    candidates: VecDeque<String>,
}

impl ContainerManager {
    /// A manager that looks at the tree for the first time one interval after `now` (monotonic).
    pub fn new(options: ContainerOptions, now: Millis) -> Self {
        let next_check = now + check_interval(options);
        Self { options, next_check, next_delete: now, candidates: VecDeque::new() }
    }

    /// When [`ContainerManager::tick`] has something to do, by the monotonic clock.
    pub fn next_due(&self) -> Millis {
        if self.candidates.is_empty() { self.next_check } else { self.next_delete }
    }

    /// The deletions that are due at `now` (monotonic) and `now_wall`, the same moment by the two
    /// clocks. The tree is looked at again only when the candidates of the last look are through.
    pub fn tick(&mut self, tree: &DataTree, now: Millis, now_wall: Millis) -> Vec<Request> {
        if self.candidates.is_empty() && now >= self.next_check {
            let interval = check_interval(self.options);
            self.next_check += ((now - self.next_check) / interval + 1) * interval;
            self.next_delete = now;
            if self.options.max_per_minute != 0 {
                let max_never_used = self.options.max_never_used_ms;
                self.candidates = candidates(tree, now_wall, max_never_used).into();
            }
        }
        self.due_deletions(now)
    }

    fn due_deletions(&mut self, now: Millis) -> Vec<Request> {
        let spacing = match self.options.max_per_minute {
            max @ 1.. => 60_000 / Millis::from(max),
            _ => 0,
        };
        let mut due = Vec::new();
        while self.next_delete <= now
            && let Some(path) = self.candidates.pop_front()
        {
            log::info!("Attempting to delete candidate container: {path}");
            due.push(deletion(&path, now));
            self.next_delete += spacing;
        }
        due
    }
}

/// At least 1 ms, so that a tick does not look at the tree for ever.
fn check_interval(options: ContainerOptions) -> Millis {
    Millis::from(options.check_interval_ms.max(1))
}

/// The nodes that are to go: containers that had children and have none, or were never used for
/// longer than `max_never_used` ms (0 for no limit); and nodes that have no children and were not
/// written for their time to live. Paths ascending.
pub fn candidates(tree: &DataTree, now_wall: Millis, max_never_used: i64) -> Vec<String> {
    let unwritten = |node: &Node<'_>| now_wall.saturating_sub(node.stat_persisted().mtime);
    let is_over = |node: &Node<'_>| {
        node.stat_persisted().cversion > 0
            || (max_never_used != 0 && unwritten(node) > max_never_used)
    };
    let is_stale = |node: &Node<'_>| {
        let ttl = owner_to_ttl(node.stat_persisted().ephemeral_owner);
        ttl != 0 && unwritten(node) > ttl
    };
    let containers = tree.containers().filter(|(_, node)| is_over(node));
    let stale = tree.ttls().filter(|(_, node)| is_stale(node));
    let empty = containers.chain(stale).filter(|(_, node)| node.num_children() == 0);
    empty.map(|(path, _)| path).collect::<BTreeSet<_>>().into_iter().collect()
}

/// The server's own request to delete a container.
fn deletion(path: &str, now: Millis) -> Request {
    let mut body = Vec::with_capacity(4 + path.len());
    body.put_buffer(Some(path.as_bytes()));
    Request {
        conn: None,
        session: SessionId::NONE,
        cxid: 0,
        op: op::DELETE_CONTAINER,
        body: body.into(),
        auth: Arc::new([]),
        received_ms: now,
        learner: None,
        throttled: false,
    }
}

#[cfg(test)]
mod tests {
    use jute::data::open_acl;
    use jute::txn::{CreateContainerTxn, CreateTTLTxn, CreateTxn, DeleteTxn, TxnHeader};

    use super::*;
    use crate::tree::{NoEvents, TreeOptions};
    use crate::txn::Txn;

    struct Fixture {
        tree: DataTree,
        zxid: i64,
    }

    impl Fixture {
        fn new() -> Self {
            let options = TreeOptions { extended_types: true, ..TreeOptions::default() };
            Self { tree: DataTree::new(options), zxid: 0 }
        }

        fn apply(&mut self, kind: i32, time: Millis, txn: Txn) {
            self.zxid += 1;
            let header = TxnHeader { zxid: self.zxid, time, kind, ..TxnHeader::default() };
            let applied = self.tree.apply(&header, &txn, &mut NoEvents);
            assert_eq!(applied.err, 0);
        }

        fn container(&mut self, path: &str, time: Millis) {
            let (path, acl) = (Some(path.to_owned()), Some(open_acl().clone()));
            let txn = CreateContainerTxn { path, data: None, acl, parent_cversion: -1 };
            self.apply(op::CREATE_CONTAINER, time, Txn::CreateContainer(txn));
        }

        fn ttl(&mut self, path: &str, time: Millis, ttl: i64) {
            let (path, acl) = (Some(path.to_owned()), Some(open_acl().clone()));
            let txn = CreateTTLTxn { path, data: None, acl, parent_cversion: -1, ttl };
            self.apply(op::CREATE_TTL, time, Txn::CreateTtl(txn));
        }

        fn child(&mut self, path: &str) {
            let (path, acl) = (Some(path.to_owned()), Some(open_acl().clone()));
            let txn = CreateTxn { path, data: None, acl, ephemeral: false, parent_cversion: -1 };
            self.apply(op::CREATE, 0, Txn::Create(txn));
        }

        fn delete(&mut self, path: &str) {
            let txn = DeleteTxn { path: Some(path.to_owned()) };
            self.apply(op::DELETE, 0, Txn::Delete(txn));
        }

        /// A container that had a child and has none.
        fn used(&mut self, path: &str) {
            self.container(path, 0);
            let child = format!("{path}/x");
            self.child(&child);
            self.delete(&child);
        }
    }

    fn paths(requests: &[Request]) -> Vec<&str> {
        requests.iter().map(|r| std::str::from_utf8(&r.body[4..]).unwrap()).collect()
    }

    #[test]
    fn containers_go_when_they_were_used_and_are_empty() {
        let mut f = Fixture::new();
        f.container("/new", 100);
        f.container("/full", 0);
        f.child("/full/x");
        f.used("/used");
        assert_eq!(candidates(&f.tree, 1_000_000, 0), ["/used"]);
        assert_eq!(candidates(&f.tree, 1099, 1000), ["/used"]);
        assert_eq!(candidates(&f.tree, 1101, 1000), ["/new", "/used"]);
    }

    #[test]
    fn nodes_go_when_their_time_to_live_is_over_and_they_are_empty() {
        let mut f = Fixture::new();
        f.ttl("/t", 100, 50);
        f.ttl("/parent", 100, 50);
        f.child("/parent/x");
        assert!(candidates(&f.tree, 150, 0).is_empty());
        assert_eq!(candidates(&f.tree, 151, 0), ["/t"]);
    }

    #[test]
    fn deletions_are_spread_over_time() {
        let mut f = Fixture::new();
        for path in ["/a", "/b", "/c"] {
            f.used(path);
        }
        let options =
            ContainerOptions { check_interval_ms: 1000, max_per_minute: 600, ..Default::default() };
        let mut manager = ContainerManager::new(options, 0);
        assert!(manager.tick(&f.tree, 999, 0).is_empty());
        assert_eq!(paths(&manager.tick(&f.tree, 1000, 0)), ["/a"]);
        assert_eq!(manager.next_due(), 1100);
        assert!(manager.tick(&f.tree, 1099, 0).is_empty());
        assert_eq!(paths(&manager.tick(&f.tree, 1250, 0)), ["/b", "/c"]);
        assert_eq!(manager.next_due(), 2000);
        assert_eq!(paths(&manager.tick(&f.tree, 4500, 0)), ["/a"]);
        assert_eq!(manager.next_check, 5000);
    }

    #[test]
    fn none_a_minute_is_none() {
        let mut f = Fixture::new();
        f.used("/a");
        let options = ContainerOptions { max_per_minute: 0, ..Default::default() };
        let mut manager = ContainerManager::new(options, 0);
        assert!(manager.tick(&f.tree, 60_000, 0).is_empty());
        let options = ContainerOptions { max_per_minute: -1, ..options };
        let mut manager = ContainerManager::new(options, 0);
        assert_eq!(manager.tick(&f.tree, 60_000, 0).len(), 1);
    }
}

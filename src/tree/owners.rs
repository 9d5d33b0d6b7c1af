//! Nodes that do not stay for ever, by what ends them: a session's end, or the container manager.

use std::collections::{BTreeMap, BTreeSet};

use super::arena::NodeId;
use super::ephemeral::EphemeralType;
use crate::ids::SessionId;

#[derive(Debug, Default)]
pub(super) struct Owners {
    /// A session stays here when its last ephemeral goes, until it is closed: `dump` counts it.
    sessions: BTreeMap<SessionId, BTreeSet<NodeId>>,
    pub(super) containers: BTreeSet<NodeId>,
    pub(super) ttls: BTreeSet<NodeId>,
    ephemerals: usize,
}

impl Owners {
    pub(super) fn add(&mut self, kind: EphemeralType, owner: i64, id: NodeId) {
        match kind {
            EphemeralType::Void => {}
            EphemeralType::Container => {
                self.containers.insert(id);
            }
            EphemeralType::Ttl => {
                self.ttls.insert(id);
            }
            EphemeralType::Normal => {
                let is_new = self.sessions.entry(SessionId(owner)).or_default().insert(id);
                self.ephemerals += usize::from(is_new);
            }
        }
    }

    pub(super) fn remove(&mut self, kind: EphemeralType, owner: i64, id: NodeId) {
        match kind {
            EphemeralType::Void => {}
            EphemeralType::Container => {
                self.containers.remove(&id);
            }
            EphemeralType::Ttl => {
                self.ttls.remove(&id);
            }
            EphemeralType::Normal => {
                let ids = self.sessions.get_mut(&SessionId(owner));
                let was_there = ids.is_some_and(|ids| ids.remove(&id));
                self.ephemerals -= usize::from(was_there);
            }
        }
    }

    /// Forgets a session and hands out what it still owns.
    pub(super) fn close(&mut self, session: SessionId) -> BTreeSet<NodeId> {
        let ids = self.sessions.remove(&session).unwrap_or_default();
        self.ephemerals -= ids.len();
        ids
    }

    pub(super) fn of(&self, session: SessionId) -> impl Iterator<Item = NodeId> {
        self.sessions.get(&session).into_iter().flatten().copied()
    }

    pub(super) fn sessions(&self) -> impl Iterator<Item = SessionId> {
        self.sessions.keys().copied()
    }

    pub(super) fn ephemerals(&self) -> usize {
        self.ephemerals
    }
}

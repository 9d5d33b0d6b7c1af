//! The connections that are alive, by their own number and by session
//! (`ServerCnxnFactory.cnxns`, `sessionMap`).

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use foldhash::fast::RandomState;
use hashbrown::HashMap;

use super::conn::ConnShared;
use super::reason::DisconnectReason;
use crate::ids::{ConnId, SessionId};

#[derive(Debug, Default)]
struct Maps {
    conns: HashMap<ConnId, Arc<ConnShared>, RandomState>,
    sessions: HashMap<SessionId, ConnId, RandomState>,
}

/// The connections that are alive. Never locked while an output is.
#[derive(Debug, Default)]
pub struct Connections {
    maps: RwLock<Maps>,
}

impl Connections {
    fn read(&self) -> RwLockReadGuard<'_, Maps> {
        self.maps.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Maps> {
        self.maps.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection was accepted.
    pub fn insert(&self, conn: Arc<ConnShared>) {
        self.write().conns.insert(conn.id, conn);
    }

    /// A connection's socket is closed. Its watches are its owner's to remove
    /// (`Database::disconnected`).
    pub fn remove(&self, id: ConnId) -> Option<Arc<ConnShared>> {
        let mut maps = self.write();
        let conn = maps.conns.remove(&id)?;
        let session = conn.session_id();
        if maps.sessions.get(&session) == Some(&id) {
            maps.sessions.remove(&session);
        }
        Some(conn)
    }

    /// The connection of that number.
    pub fn get(&self, id: ConnId) -> Option<Arc<ConnShared>> {
        self.read().conns.get(&id).cloned()
    }

    /// Shows each of those that are still there, under one lock. `see` takes no other connection's
    /// name up.
    pub(crate) fn visit(&self, ids: &[ConnId], mut see: impl FnMut(&Arc<ConnShared>)) {
        let maps = self.read();
        ids.iter().filter_map(|id| maps.conns.get(id)).for_each(&mut see);
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.read().conns.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All of them, in no order.
    pub fn all(&self) -> Vec<Arc<ConnShared>> {
        self.read().conns.values().cloned().collect()
    }

    /// From now on `session` is served over `conn`.
    pub fn bind(&self, session: SessionId, conn: &ConnShared) {
        conn.set_session_id(session);
        self.write().sessions.insert(session, conn.id);
    }

    /// The connection over which `session` is served.
    pub fn of_session(&self, session: SessionId) -> Option<Arc<ConnShared>> {
        let maps = self.read();
        maps.conns.get(maps.sessions.get(&session)?).cloned()
    }

    /// Ends the connection of `session` at once. False if it has none here
    /// (`ServerCnxnFactory.closeSession`).
    pub fn close_session(&self, session: SessionId, reason: DisconnectReason) -> bool {
        let conn = self.of_session(session);
        self.write().sessions.remove(&session);
        conn.map(|conn| conn.close_now(reason)).is_some()
    }

    /// Ends all connections at once, in the order of their ids: that of a map is another in each run.
    pub fn close_all(&self, reason: DisconnectReason) {
        let mut all = self.all();
        all.sort_unstable_by_key(|conn| conn.id);
        all.iter().for_each(|conn| conn.close_now(reason));
    }
}

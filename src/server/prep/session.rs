//! `createSession` and `closeSession`.

use jute::txn::{CloseSessionTxn, CreateSessionTxn};
use jute::{Reader, Record};

use super::{Context, Prep};
use crate::ids::SessionId;
use crate::op::Code;
use crate::server::request::Request;
use crate::server::sessions::SessionTracker;
use crate::txn::Txn;

/// The session is tracked from here on, and in the database once the transaction is applied.
pub(super) fn create(
    cx: &Context<'_>,
    req: &Request,
    sessions: &mut SessionTracker,
) -> Result<Txn, Code> {
    let txn =
        CreateSessionTxn::read(&mut Reader::new(&req.body)).map_err(|_| Code::MarshallingError)?;
    let session = sessions.track(cx.session, txn.timeout, req.received_ms);
    match cx.owner {
        // A session that turns global has its owner.
        0 if !session.is_closing() => {}
        owner => session.set_owner(owner)?,
    }
    Ok(Txn::CreateSession(txn))
}

impl Prep {
    /// Whoever asks: the session's expiry comes without its owner. From here on nothing of the
    /// session is accepted.
    pub(super) fn close_session(&mut self, cx: &Context<'_>, sessions: &SessionTracker) -> Txn {
        let paths = self.ephemerals_of(cx);
        for path in &paths {
            self.remove_ephemeral(cx, path);
        }
        sessions.set_closing(cx.session);
        let list =
            || CloseSessionTxn { paths_to_delete: Some(paths.into_iter().map(Some).collect()) };
        Txn::CloseSession(self.options.close_session_txn.then(list))
    }

    /// The session's ephemerals as they will be: those of the tree that are not about to go, and
    /// those that are about to come.
    fn ephemerals_of(&self, cx: &Context<'_>) -> Vec<String> {
        if cx.session == SessionId::NONE {
            return Vec::new();
        }
        let owner = cx.session.0;
        let stays = |path: &String| {
            let at = self.changes.locate(cx.tree, path);
            self.changes.view(&at).is_some_and(|node| node.stat.ephemeral_owner == owner)
        };
        let mut paths: Vec<_> = cx.tree.ephemerals_of(cx.session).filter(stays).collect();
        paths.extend(self.changes.created_by(cx.tree, owner).map(str::to_owned));
        paths
    }
}

//! `delete` and `deleteContainer`.

use jute::txn::DeleteTxn;

use super::changes::At;
use super::create::ephemeral_type;
use super::{Context, Prep, next_version, parent_of};
use crate::op::Code;
use crate::server::auth::perms;
use crate::server::sessions::SessionTracker;
use crate::tree::quota::QUOTA_ROOT;
use crate::tree::{CONFIG_NODE, EphemeralType, ZOOKEEPER};
use crate::txn::Txn;

impl Prep {
    pub(super) fn delete(
        &mut self,
        cx: &Context<'_>,
        path: Option<&str>,
        version: i32,
        sessions: &SessionTracker,
    ) -> Result<Txn, Code> {
        sessions.check(cx.session, cx.owner)?;
        let path = path.ok_or(Code::MarshallingError)?;
        let parent_path = parent_of_deletable(path)?;
        let (parent_at, parent) = self.node(cx, parent_path)?;
        self.auth.check_acl(parent.acl, perms::DELETE, cx.auth)?;
        let (at, node) = self.node(cx, path)?;
        next_version(node.stat.version, version)?;
        if node.children > 0 {
            return Err(Code::NotEmpty);
        }
        Ok(self.remove(cx, (parent_at, parent_path), (at, path)))
    }

    /// The container manager's way to delete; a client may take it too, and neither its session nor
    /// its permissions are asked for.
    pub(super) fn delete_container(&mut self, cx: &Context<'_>, path: &str) -> Result<Txn, Code> {
        let parent_path = parent_of_deletable(path)?;
        let (at, node) = self.node(cx, path)?;
        if node.children > 0 {
            return Err(Code::NotEmpty);
        }
        if ephemeral_type(cx, node.stat.ephemeral_owner)? == EphemeralType::Normal {
            return Err(Code::BadVersion);
        }
        let (parent_at, _) = self.node(cx, parent_path)?;
        Ok(self.remove(cx, (parent_at, parent_path), (at, path)))
    }

    fn remove(&mut self, cx: &Context<'_>, parent: (At<'_>, &str), node: (At<'_>, &str)) -> Txn {
        self.changes.update(cx.tree, parent.0, parent.1, cx.zxid, |parent| {
            parent.children = parent.children.saturating_sub(1);
            parent.stat.pzxid = cx.zxid.0;
        });
        self.changes.update(cx.tree, node.0, node.1, cx.zxid, |node| node.exists = false);
        Txn::Delete(DeleteTxn { path: Some(node.1.to_owned()) })
    }

    /// Takes out an ephemeral whose session ends.
    pub(super) fn remove_ephemeral(&mut self, cx: &Context<'_>, path: &str) {
        let Ok(parent_path) = parent_of(path) else { return };
        let parent_at = self.changes.locate(cx.tree, parent_path);
        let at = self.changes.locate(cx.tree, path);
        self.remove(cx, (parent_at, parent_path), (at, path));
    }
}

/// The parent's path of a node that may be deleted (`getParentPathAndValidate`).
fn parent_of_deletable(path: &str) -> Result<&str, Code> {
    let parent = parent_of(path)?;
    if matches!(path, "/" | ZOOKEEPER | QUOTA_ROOT | CONFIG_NODE) {
        return Err(Code::BadArguments);
    }
    Ok(parent)
}

//! `setData`, `setACL`, and `check`, which sets nothing.

use jute::data::SharedAcl;
use jute::txn::{CheckVersionTxn, SetACLTxn, SetDataTxn};

use super::{Context, Prep, next_version, validate};
use crate::op::Code;
use crate::server::auth::perms;
use crate::server::sessions::SessionTracker;
use crate::txn::Txn;

impl Prep {
    pub(super) fn set_data(
        &mut self,
        cx: &Context<'_>,
        path: Option<&str>,
        data: Option<&[u8]>,
        expected: i32,
        sessions: &SessionTracker,
    ) -> Result<Txn, Code> {
        sessions.check(cx.session, cx.owner)?;
        validate(cx, path)?;
        let path = path.unwrap_or_default();
        let (at, node) = self.node(cx, path)?;
        self.auth.check_acl(node.acl, perms::WRITE, cx.auth)?;
        let (old_len, current) = (node.data_len, node.stat.version);
        self.quota.check_set(cx, path, old_len, data)?;
        let version = next_version(current, expected)?;

        let content_crc = self.changes.content_crc(path, data);
        self.changes.update(cx.tree, at, path, cx.zxid, |node| {
            node.stat.version = version;
            node.stat.mtime = cx.time;
            node.stat.mzxid = cx.zxid.0;
            node.data_len = data.map_or(0, <[u8]>::len);
            node.content_crc = content_crc;
        });
        let (path, data) = (Some(path.to_owned()), data.map(<[u8]>::to_vec));
        Ok(Txn::SetData(SetDataTxn { path, data, version }))
    }

    pub(super) fn set_acl(
        &mut self,
        cx: &Context<'_>,
        path: Option<&str>,
        acl: Option<&SharedAcl>,
        expected: i32,
        sessions: &SessionTracker,
    ) -> Result<Txn, Code> {
        sessions.check(cx.session, cx.owner)?;
        validate(cx, path)?;
        let path = path.unwrap_or_default();
        let acl = self.auth.fixup_acl(acl, cx.auth)?;
        let (at, node) = self.node(cx, path)?;
        self.auth.check_acl(node.acl, perms::ADMIN, cx.auth)?;
        let version = next_version(node.stat.aversion, expected)?;

        self.changes.update(cx.tree, at, path, cx.zxid, |node| {
            node.stat.aversion = version;
            node.acl = SharedAcl::clone(&acl);
        });
        Ok(Txn::SetAcl(SetACLTxn { path: Some(path.to_owned()), acl: Some(acl), version }))
    }

    pub(super) fn check(
        &self,
        cx: &Context<'_>,
        path: Option<&str>,
        expected: i32,
        sessions: &SessionTracker,
    ) -> Result<Txn, Code> {
        sessions.check(cx.session, cx.owner)?;
        validate(cx, path)?;
        let path = path.unwrap_or_default();
        let (_, node) = self.node(cx, path)?;
        self.auth.check_acl(node.acl, perms::READ, cx.auth)?;
        let version = next_version(node.stat.version, expected)?;
        Ok(Txn::Check(CheckVersionTxn { path: Some(path.to_owned()), version }))
    }
}

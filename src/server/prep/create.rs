//! `create`, `create2`, `createContainer`, `createTTL`. Java: `pRequest2TxnCreate`.

use std::borrow::Cow;

use jute::data::{SharedAcl, StatPersisted};
use jute::txn::{CreateContainerTxn, CreateTTLTxn, CreateTxn};

use super::body::{Create, CreateMode};
use super::changes::{At, State};
use super::{Context, Prep, parent_of, validate};
use crate::op::{Code, op};
use crate::server::auth::perms;
use crate::server::sessions::{LocalSessions, SessionTracker};
use crate::tree::EphemeralType;
use crate::tree::ephemeral::{CONTAINER_OWNER, Encodings, ttl_to_owner};
use crate::txn::Txn;

/// What the checks found out.
struct NewNode<'a> {
    parent: (At<'a>, &'a str),
    at: At<'a>,
    path: Cow<'a, str>,
    data: Option<&'a [u8]>,
    acl: SharedAcl,
    parent_cversion: i32,
    owner: i64,
}

impl Prep {
    pub(super) fn create(
        &mut self,
        cx: &Context<'_>,
        kind: i32,
        create: &Create<'_>,
        sessions: &SessionTracker,
    ) -> Result<Txn, Code> {
        let mode = CreateMode::from_flags(create.flags).ok_or(Code::BadArguments)?;
        check_mode(cx, mode, create.ttl)?;
        if mode.ephemeral {
            let stays_local = sessions.local_sessions() == LocalSessions::Only;
            let is_looked_at = matches!(kind, op::CREATE | op::CREATE2);
            if stays_local && is_looked_at && sessions.is_local(cx.session) {
                return Err(Code::EphemeralOnLocalSession);
            }
            sessions.check_global(cx.session, cx.owner)?;
        } else {
            sessions.check(cx.session, cx.owner)?;
        }
        let new = self.check_create(cx, kind, mode, create)?;
        self.quota.check_create(cx, &new.path, new.data)?;
        self.change_create(cx, &new);
        Ok(new.into_txn(kind, mode, create.ttl))
    }

    /// All checks but those of mode, session and quota, in their order.
    fn check_create<'a>(
        &self,
        cx: &Context<'a>,
        kind: i32,
        mode: CreateMode,
        create: &'a Create<'_>,
    ) -> Result<NewNode<'a>, Code> {
        let asked = create.path.as_deref().ok_or(Code::MarshallingError)?;
        let parent_path = parent_of(asked)?;
        let acl = self.auth.fixup_acl(create.acl.as_ref(), cx.auth)?;
        let (parent_at, parent) = self.node(cx, parent_path)?;
        self.auth.check_acl(parent.acl, perms::CREATE, cx.auth)?;
        let path = match mode.sequential {
            true => Cow::Owned(format!("{asked}{:010}", parent.stat.cversion)),
            false => Cow::Borrowed(asked),
        };
        validate(cx, Some(&path))?;
        let at = self.changes.locate(cx.tree, &path);
        if self.changes.view(&at).is_some() {
            return Err(Code::NodeExists);
        }
        if ephemeral_type(cx, parent.stat.ephemeral_owner)? == EphemeralType::Normal {
            return Err(Code::NoChildrenForEphemerals);
        }
        let parent_cversion = parent.stat.cversion.wrapping_add(1);
        let owner = owner(cx, kind, mode, create.ttl)?;
        let parent = (parent_at, parent_path);
        Ok(NewNode { parent, at, path, data: create.data, acl, parent_cversion, owner })
    }

    fn change_create(&mut self, cx: &Context<'_>, new: &NewNode<'_>) {
        let (parent_at, parent_path) = new.parent;
        self.changes.update(cx.tree, parent_at, parent_path, cx.zxid, |parent| {
            parent.children += 1;
            // As the tree does: a counter that ran over stays where it is.
            if new.parent_cversion > parent.stat.cversion {
                parent.stat.cversion = new.parent_cversion;
                parent.stat.pzxid = cx.zxid.0;
            }
        });
        let state = self.state_of(cx, new);
        self.changes.insert(cx.tree, new.at, &new.path, cx.zxid, state);
    }

    fn state_of(&self, cx: &Context<'_>, new: &NewNode<'_>) -> State {
        State {
            exists: true,
            stat: StatPersisted {
                czxid: cx.zxid.0,
                mzxid: cx.zxid.0,
                pzxid: cx.zxid.0,
                ctime: cx.time,
                mtime: cx.time,
                ephemeral_owner: new.owner,
                ..StatPersisted::default()
            },
            children: 0,
            acl: SharedAcl::clone(&new.acl),
            data_len: new.data.map_or(0, <[u8]>::len),
            content_crc: self.changes.content_crc(&new.path, new.data),
        }
    }
}

impl NewNode<'_> {
    /// The op code decides which record it becomes, whatever the flags say.
    fn into_txn(self, kind: i32, mode: CreateMode, ttl: i64) -> Txn {
        let (path, data) = (Some(self.path.into_owned()), self.data.map(<[u8]>::to_vec));
        let (acl, parent_cversion) = (Some(self.acl), self.parent_cversion);
        match kind {
            op::CREATE_CONTAINER => {
                Txn::CreateContainer(CreateContainerTxn { path, data, acl, parent_cversion })
            }
            op::CREATE_TTL => {
                Txn::CreateTtl(CreateTTLTxn { path, data, acl, parent_cversion, ttl })
            }
            _ => {
                let ephemeral = mode.ephemeral;
                Txn::Create(CreateTxn { path, data, acl, ephemeral, parent_cversion })
            }
        }
    }
}

/// Whether mode and time to live go together (`validateCreateRequest`, `validateTTL`). A `createTTL`
/// without a mode that has a time to live passes with a negative ttl; [`owner`] refuses it.
fn check_mode(cx: &Context<'_>, mode: CreateMode, ttl: i64) -> Result<(), Code> {
    if mode.ttl && !cx.tree.options().extended_types {
        return Err(Code::Unimplemented);
    }
    let fits = if mode.ttl { ttl_to_owner(ttl).is_ok() } else { ttl < 0 };
    if fits { Ok(()) } else { Err(Code::BadArguments) }
}

/// The owner that the applied node will have: by the transaction's record, not by the flags. A negative
/// ttl is refused here at the latest: Java stops when it applies it.
fn owner(cx: &Context<'_>, kind: i32, mode: CreateMode, ttl: i64) -> Result<i64, Code> {
    Ok(match kind {
        op::CREATE_CONTAINER => CONTAINER_OWNER,
        op::CREATE_TTL => ttl_to_owner(ttl).map_err(|_| Code::BadArguments)?,
        _ if mode.ephemeral => cx.session.0,
        _ => 0,
    })
}

/// What ends the life of the node that has this owner.
pub(super) fn ephemeral_type(cx: &Context<'_>, owner: i64) -> Result<EphemeralType, Code> {
    let options = cx.tree.options();
    let encodings = Encodings {
        extended_types: options.extended_types,
        emulate_353_ttl: options.emulate_353_ttl,
    };
    EphemeralType::of(owner, encodings).map_err(|_| Code::MarshallingError)
}

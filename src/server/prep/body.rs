//! What a write asks for, read from the request's bytes and borrowed from them.
//! Java: the request records of `zookeeper.jute`, `MultiOperationRecord`, `DeleteContainerRequest`.

use std::borrow::Cow;

use jute::data::SharedAcl;
use jute::{DecodeError, Limits, Reader, Record};

use crate::op::op;

/// A path as it came; null is a path too until someone has to look at it.
pub(super) type Path<'a> = Option<Cow<'a, str>>;

/// A write.
#[derive(Debug)]
pub(super) enum Body<'a> {
    Create(Create<'a>),
    Delete { path: Path<'a>, version: i32 },
    DeleteContainer { path: Cow<'a, str> },
    SetData { path: Path<'a>, data: Option<&'a [u8]>, version: i32 },
    SetAcl { path: Path<'a>, acl: Option<SharedAcl>, version: i32 },
    Check { path: Path<'a>, version: i32 },
    Reconfig,
    Multi(Vec<Op<'a>>),
    CreateSession,
    CloseSession,
}

/// `create`, `create2`, `createContainer`, `createTTL`.
#[derive(Debug)]
pub(super) struct Create<'a> {
    pub(super) path: Path<'a>,
    pub(super) data: Option<&'a [u8]>,
    pub(super) acl: Option<SharedAcl>,
    pub(super) flags: i32,
    /// In ms; -1 where the request has none.
    pub(super) ttl: i64,
}

/// A part of a multi. Its op code is not always the one on the wire: the flags of a create decide.
#[derive(Debug)]
pub(super) struct Op<'a> {
    pub(super) kind: i32,
    pub(super) body: Body<'a>,
}

/// Bytes that are no request. The client gets `MARSHALLINGERROR` either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Malformed {
    /// Found out before a zxid was taken.
    WithoutZxid,
    /// A multi takes its zxid all the same.
    WithZxid,
}

/// The modes of a create, by the flags of the request (`CreateMode`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CreateMode {
    pub(super) ephemeral: bool,
    pub(super) sequential: bool,
    pub(super) container: bool,
    pub(super) ttl: bool,
}

impl CreateMode {
    /// What Java calls the mode of these flags, in small letters.
    pub(super) fn name_of(flags: i32) -> Option<&'static str> {
        const NAMES: [&str; 7] = [
            "persistent",
            "ephemeral",
            "persistent_sequential",
            "ephemeral_sequential",
            "container",
            "persistent_with_ttl",
            "persistent_sequential_with_ttl",
        ];
        NAMES.get(usize::try_from(flags).ok()?).copied()
    }

    /// None for flags that no mode has.
    pub(super) fn from_flags(flags: i32) -> Option<Self> {
        (0..=6).contains(&flags).then_some(Self {
            ephemeral: matches!(flags, 1 | 3),
            sequential: matches!(flags, 2 | 3 | 6),
            container: flags == 4,
            ttl: matches!(flags, 5 | 6),
        })
    }
}

impl From<DecodeError> for Malformed {
    fn from(_: DecodeError) -> Self {
        Self::WithoutZxid
    }
}

impl<'a> Body<'a> {
    /// Reads the request that `kind` has; none if `kind` is no write.
    pub(super) fn read(
        kind: i32,
        bytes: &'a [u8],
        limits: Limits,
    ) -> Result<Option<Self>, Malformed> {
        let mut r = Reader::with_limits(bytes, limits);
        Ok(Some(match kind {
            op::CREATE | op::CREATE2 | op::CREATE_CONTAINER | op::CREATE_TTL => {
                Self::Create(Create::read(kind, &mut r)?)
            }
            op::DELETE => Self::read_delete(&mut r)?,
            op::DELETE_CONTAINER => {
                let path = r.buffer()?.ok_or(Malformed::WithoutZxid)?;
                Self::DeleteContainer { path: jute::decode_java_utf8(path) }
            }
            op::SET_DATA => Self::read_set_data(&mut r)?,
            op::SET_ACL => {
                Self::SetAcl { path: r.str()?, acl: Record::read(&mut r)?, version: r.int()? }
            }
            op::RECONFIG => {
                jute::proto::ReconfigRequest::read(&mut r)?;
                Self::Reconfig
            }
            op::MULTI => Self::Multi(read_multi(&mut r)?),
            op::CREATE_SESSION => Self::CreateSession,
            op::CLOSE_SESSION => Self::CloseSession,
            _ => return Ok(None),
        }))
    }

    fn read_delete(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self::Delete { path: r.str()?, version: r.int()? })
    }

    fn read_set_data(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self::SetData { path: r.str()?, data: r.buffer()?, version: r.int()? })
    }

    /// The path, of those that can be part of a multi.
    pub(super) fn path(&self) -> Option<&str> {
        match self {
            Self::Create(Create { path, .. })
            | Self::Delete { path, .. }
            | Self::SetData { path, .. }
            | Self::Check { path, .. } => path.as_deref(),
            _ => None,
        }
    }
}

impl<'a> Create<'a> {
    fn read(kind: i32, r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self {
            path: r.str()?,
            data: r.buffer()?,
            acl: Record::read(r)?,
            flags: r.int()?,
            ttl: if kind == op::CREATE_TTL { r.long()? } else { -1 },
        })
    }

    /// As part of a multi: the op code that it has there (`MultiOperationRecord.deserialize`).
    fn read_op(wire: i32, r: &mut Reader<'a>) -> Result<Op<'a>, Malformed> {
        let create = Self::read(wire, r).map_err(|_| Malformed::WithZxid)?;
        let mode = CreateMode::from_flags(create.flags);
        let kind = if wire == op::CREATE_TTL {
            match mode {
                Some(mode) if mode.ttl => op::CREATE_TTL,
                Some(mode) if mode.container => op::CREATE_CONTAINER,
                _ => op::CREATE,
            }
        } else {
            let mode = mode.ok_or(Malformed::WithZxid)?;
            if create.acl.is_none() {
                return Err(Malformed::WithoutZxid);
            }
            match mode {
                // A time to live that has no place in this request.
                mode if mode.ttl => return Err(Malformed::WithZxid),
                mode if mode.container => op::CREATE_CONTAINER,
                _ => wire,
            }
        };
        let ttl = if kind == op::CREATE_TTL { create.ttl } else { -1 };
        Ok(Op { kind, body: Body::Create(Self { ttl, ..create }) })
    }
}

/// Reads the parts of a multi.
fn read_multi<'a>(r: &mut Reader<'a>) -> Result<Vec<Op<'a>>, Malformed> {
    let mut ops = Vec::new();
    while let Some(kind) = read_multi_header(r).map_err(|_| Malformed::WithZxid)? {
        ops.push(match kind {
            op::CREATE | op::CREATE2 | op::CREATE_CONTAINER | op::CREATE_TTL => {
                Create::read_op(kind, r)?
            }
            _ => read_op(kind, r).map_err(|_| Malformed::WithZxid)?.ok_or(Malformed::WithZxid)?,
        });
    }
    Ok(ops)
}

/// The op code of the next part; none behind the last (`MultiHeader`).
fn read_multi_header(r: &mut Reader<'_>) -> Result<Option<i32>, DecodeError> {
    let (kind, done, _err) = (r.int()?, r.bool()?, r.int()?);
    Ok((!done).then_some(kind))
}

/// A part other than a create; none if it is not one that a multi may have. Reads belong into a
/// `multiRead`: mixed with writes Java calls them malformed, and alone it fails over them in the same
/// way.
fn read_op<'a>(kind: i32, r: &mut Reader<'a>) -> Result<Option<Op<'a>>, DecodeError> {
    let body = match kind {
        op::DELETE => Body::read_delete(r)?,
        op::SET_DATA => Body::read_set_data(r)?,
        op::CHECK => Body::Check { path: r.str()?, version: r.int()? },
        _ => return Ok(None),
    };
    Ok(Some(Op { kind, body }))
}

//! What a request asked for, as far as the audit log tells of it (`AuditHelper`).

use jute::Limits;
use jute::data::Acl;

use super::body::{Body, Create, CreateMode};
use crate::server::auth::perms;

/// What stands in the request itself.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::server) struct Asked {
    /// The path, of what is no multi.
    pub(in crate::server) path: Option<String>,
    /// The mode of a create (`znode_type`).
    pub(in crate::server) mode: Option<&'static str>,
    /// The list of a setACL, as `scheme:id:perms` without anything in between.
    pub(in crate::server) acl: Option<String>,
    /// Paths and modes of the creates of a multi.
    pub(in crate::server) creates: Vec<(String, &'static str)>,
}

impl Asked {
    /// None if the request cannot be read, or wants a mode that there is not: Java then logs no line.
    pub(in crate::server) fn read(kind: i32, bytes: &[u8], limits: Limits) -> Option<Self> {
        let body = Body::read(kind, bytes, limits).ok()?;
        let path = |path: &Option<_>| path.as_deref().map(str::to_owned);
        Some(match body? {
            Body::Create(Create { path: asked, flags, .. }) => {
                let mode = CreateMode::name_of(flags)?;
                Self { path: path(&asked), mode: Some(mode), ..Self::default() }
            }
            Body::Delete { path: asked, .. } | Body::SetData { path: asked, .. } => {
                Self { path: path(&asked), ..Self::default() }
            }
            Body::DeleteContainer { path } => {
                Self { path: Some(path.into_owned()), ..Self::default() }
            }
            Body::SetAcl { path: asked, acl, .. } => {
                let acl = acl.as_deref().map(|acl| acl.iter().map(text_of).collect());
                Self { path: path(&asked), acl, ..Self::default() }
            }
            Body::Multi(ops) => {
                let creates = ops.into_iter().filter_map(|part| match part.body {
                    // Java knows those with a time to live by no mode.
                    Body::Create(create) if create.ttl == -1 => {
                        Some((create.path?.into_owned(), CreateMode::name_of(create.flags)?))
                    }
                    _ => None,
                });
                Self { creates: creates.collect(), ..Self::default() }
            }
            _ => Self::default(),
        })
    }
}

/// `ZKUtil.aclToString`
fn text_of(acl: &Acl) -> String {
    let (scheme, id) = (acl.id.scheme.as_deref(), acl.id.id.as_deref());
    let perms = perms::letters(acl.perms);
    format!("{}:{}:{perms}", scheme.unwrap_or("null"), id.unwrap_or("null"))
}

//! A look at a write before it takes its place in the log: one that its client may not do, or that would
//! set a list of permissions that is none, needs none. Java: `ZooKeeperServer.authWriteRequest`.

use jute::Limits;
use jute::data::Id;

use super::body::Body;
use crate::op::{Code, op};
use crate::server::auth::{Auth, perms};
use crate::tree::{DataTree, path};

/// Why the write `(op, body, limits)` of a client who is `ids` is refused; none where the whole check
/// has to decide. Only the kinds that Java looks at are looked at.
pub(in crate::server) fn refused_early(
    auth: &Auth,
    tree: &DataTree,
    (kind, bytes, limits): (i32, &[u8], Limits),
    ids: &[Id],
) -> Option<Code> {
    let looked_at =
        matches!(kind, op::CREATE | op::CREATE2 | op::DELETE | op::SET_DATA | op::SET_ACL);
    if !looked_at {
        return None;
    }
    let Ok(Some(body)) = Body::read(kind, bytes, limits) else { return None };
    let (path, perm, acl) = match &body {
        Body::Create(create) => {
            (path::parent(create.path.as_deref()?), perms::CREATE, Some(create.acl.as_ref()))
        }
        Body::Delete { path, .. } => (path::parent(path.as_deref()?), perms::DELETE, None),
        Body::SetData { path, .. } => (path.as_deref(), perms::WRITE, None),
        Body::SetAcl { path, acl, .. } => (path.as_deref(), perms::ADMIN, Some(acl.as_ref())),
        _ => return None,
    };
    if let Some(acl) = acl
        && let Err(Code::InvalidAcl) = auth.fixup_acl(acl, ids)
    {
        return Some(Code::InvalidAcl);
    }
    auth.check_acl(tree.node(path?)?.acl(), perm, ids).err()
}

//! From the ACL that a client asks for to the one that the node gets. Java: `fixupACL`.

use std::collections::HashSet;

use jute::data::{Acl, Id, SharedAcl};

use super::{Auth, is_world_anyone};
use crate::op::Code;

pub(super) fn fixup(auth: &Auth, acl: &SharedAcl, ids: &[Id]) -> Result<SharedAcl, Code> {
    check_nulls(acl)?;
    let mut seen = HashSet::new();
    let mut fixed = Vec::with_capacity(acl.len());
    for entry in acl.iter().filter(|entry| acl.len() == 1 || seen.insert(*entry)) {
        fixup_entry(auth, entry, ids, &mut fixed)?;
    }
    Ok(if fixed == **acl { SharedAcl::clone(acl) } else { fixed.into() })
}

/// Java looks for duplicates first, and throws where it compares a null scheme or id: with an entry
/// before it of the same perms, and for an id of the same scheme.
fn check_nulls(acl: &[Acl]) -> Result<(), Code> {
    if acl.iter().all(|entry| entry.id.scheme.is_some() && entry.id.id.is_some()) {
        return Ok(());
    }
    let mut perms = HashSet::new();
    let mut schemes = HashSet::new();
    for entry in acl {
        let scheme = entry.id.scheme.as_deref();
        let same_perms = !perms.insert(entry.perms);
        let same_scheme = !schemes.insert((entry.perms, scheme));
        if scheme.is_none() && same_perms || entry.id.id.is_none() && same_scheme {
            return Err(Code::MarshallingError);
        }
    }
    Ok(())
}

fn fixup_entry(auth: &Auth, entry: &Acl, ids: &[Id], fixed: &mut Vec<Acl>) -> Result<(), Code> {
    match entry.id.scheme.as_deref() {
        None => return Err(Code::InvalidAcl),
        // Java compares the id before it knows whether there is one.
        Some("world") if entry.id.id.is_none() => return Err(Code::MarshallingError),
        Some("world") if is_world_anyone(&entry.id) => fixed.push(entry.clone()),
        Some("auth") => expand_auth(auth, entry.perms, ids, fixed)?,
        scheme => {
            let provider = auth.provider(scheme).ok_or(Code::InvalidAcl)?;
            let id = entry.id.id.as_deref().ok_or(Code::MarshallingError)?;
            if !provider.is_valid(id) {
                return Err(Code::InvalidAcl);
            }
            fixed.push(entry.clone());
        }
    }
    Ok(())
}

/// In the place of `auth`: each id that the client has proved.
fn expand_auth(auth: &Auth, perms: i32, ids: &[Id], fixed: &mut Vec<Acl>) -> Result<(), Code> {
    let before = fixed.len();
    let proved =
        |id: &&Id| auth.provider(id.scheme.as_deref()).is_some_and(|p| p.is_authenticated());
    fixed.extend(ids.iter().filter(proved).map(|id| Acl { perms, id: id.clone() }));
    if fixed.len() == before { Err(Code::InvalidAcl) } else { Ok(()) }
}

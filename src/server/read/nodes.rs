//! Reads of nodes, of sessions and of the client itself.

use jute::data::{Acl, ClientInfo};
use jute::{Reader, Record, Write};

use super::{Context, Scratch, malformed, read_path};
use crate::op::Code;
use crate::server::auth::{mask_acl, perms};
use crate::server::reply::put_stat;
use crate::tree::watch::WatchKind;

/// `GetDataRequest{path, watch}` -> `GetDataResponse{data, stat}`.
#[inline]
pub(super) fn get_data(
    cx: &Context<'_>,
    scratch: &mut Scratch,
    r: &mut Reader<'_>,
    out: &mut Vec<u8>,
) -> Result<(), Code> {
    let path = read_path(r)?;
    let watch = r.bool().map_err(malformed)?;
    put_data(cx, scratch, &path, out)?;
    if watch {
        cx.watch(&path, WatchKind::Data);
    }
    Ok(())
}

/// `GetDataResponse{data, stat}` of a node.
#[inline]
pub(super) fn put_data(
    cx: &Context<'_>,
    scratch: &mut Scratch,
    path: &str,
    out: &mut Vec<u8>,
) -> Result<(), Code> {
    let node = cx.readable(scratch, path)?;
    let data = node.data();
    out.put_buffer(data);
    put_stat(out, &node.stat());
    scratch.read(cx, path, data.map_or(0, <[u8]>::len));
    Ok(())
}

/// `ExistsRequest{path, watch}` -> `ExistsResponse{stat}`. The watch is set whether there is a node or
/// not.
pub(super) fn exists(
    cx: &Context<'_>,
    scratch: &mut Scratch,
    r: &mut Reader<'_>,
    out: &mut Vec<u8>,
) -> Result<(), Code> {
    let path = read_path(r)?;
    let watch = r.bool().map_err(malformed)?;
    if path.contains('\0') {
        return Err(Code::BadArguments);
    }
    let node = cx.tree.node(&path);
    if let Some(node) = &node {
        cx.check_read(scratch, node.acl())?;
    }
    if watch {
        cx.watch(&path, WatchKind::Data);
    }
    put_stat(out, &node.ok_or(Code::NoNode)?.stat());
    scratch.read(cx, &path, 0);
    Ok(())
}

/// `GetChildrenRequest{path, watch}` -> `GetChildrenResponse{children}`.
pub(super) fn get_children(
    cx: &Context<'_>,
    scratch: &mut Scratch,
    r: &mut Reader<'_>,
    out: &mut Vec<u8>,
) -> Result<(), Code> {
    let path = read_path(r)?;
    let watch = r.bool().map_err(malformed)?;
    put_children(cx, scratch, &path, out)?;
    if watch {
        cx.watch(&path, WatchKind::Child);
    }
    Ok(())
}

/// `GetChildren2Request{path, watch}` -> `GetChildren2Response{children, stat}`.
pub(super) fn get_children2(
    cx: &Context<'_>,
    scratch: &mut Scratch,
    r: &mut Reader<'_>,
    out: &mut Vec<u8>,
) -> Result<(), Code> {
    let path = read_path(r)?;
    let watch = r.bool().map_err(malformed)?;
    let node = put_children(cx, scratch, &path, out)?;
    put_stat(out, &node.stat());
    if watch {
        cx.watch(&path, WatchKind::Child);
    }
    Ok(())
}

/// The vector of a node's children. Returns the node.
pub(super) fn put_children<'a>(
    cx: &Context<'a>,
    scratch: &mut Scratch,
    path: &str,
    out: &mut Vec<u8>,
) -> Result<crate::tree::Node<'a>, Code> {
    let node = cx.readable(scratch, path)?;
    out.put_count(Some(node.num_children()));
    let mut bytes = 0;
    for name in node.children() {
        out.put_str(Some(name));
        bytes += name.len();
    }
    scratch.read(cx, path, bytes);
    Ok(node)
}

/// `GetACLRequest{path}` -> `GetACLResponse{acl, stat}`: who may only read sees no digests.
pub(super) fn get_acl(cx: &Context<'_>, r: &mut Reader<'_>, out: &mut Vec<u8>) -> Result<(), Code> {
    let path = read_path(r)?;
    let node = cx.tree.node(&path).ok_or(Code::NoNode)?;
    let acl = node.acl();
    cx.auth().check_acl(acl, perms::READ | perms::ADMIN, cx.ids)?;
    match cx.auth().check_acl(acl, perms::ADMIN, cx.ids) {
        Ok(()) => put_acl(acl, out),
        Err(_) => put_acl(&mask_acl(acl), out),
    }
    put_stat(out, &node.stat());
    Ok(())
}

fn put_acl(acl: &[Acl], out: &mut Vec<u8>) {
    out.put_count(Some(acl.len()));
    for entry in acl {
        entry.write(out);
    }
}

/// `GetAllChildrenNumberRequest{path}` -> `GetAllChildrenNumberResponse{totalNumber}`.
pub(super) fn get_all_children_number(
    cx: &Context<'_>,
    scratch: &mut Scratch,
    r: &mut Reader<'_>,
    out: &mut Vec<u8>,
) -> Result<(), Code> {
    let path = read_path(r)?;
    cx.readable(scratch, &path)?;
    out.put_int(cx.tree.all_children_number(&path) as i32);
    Ok(())
}

/// `GetEphemeralsRequest{prefixPath}` -> `GetEphemeralsResponse{ephemerals}`: the session's own whose
/// path starts so; all of them where the prefix is null, blank or the root.
pub(super) fn get_ephemerals(
    cx: &Context<'_>,
    r: &mut Reader<'_>,
    out: &mut Vec<u8>,
) -> Result<(), Code> {
    let prefix = r.str().map_err(malformed)?.unwrap_or_default();
    // Java's trim takes every character up to the space.
    let trimmed = prefix.trim_matches(|c| c <= ' ');
    let prefix = if matches!(trimmed, "" | "/") { "" } else { &prefix };
    let paths = cx.tree.ephemerals_of(cx.session).filter(|path| path.starts_with(prefix));
    let count_at = out.len();
    out.put_count(Some(0));
    let mut count = 0_i32;
    for path in paths {
        out.put_str(Some(&path));
        count += 1;
    }
    out[count_at..count_at + 4].copy_from_slice(&count.to_be_bytes());
    Ok(())
}

/// `WhoAmIResponse{clientInfo}`; the request has no record.
pub(super) fn who_am_i(cx: &Context<'_>, out: &mut Vec<u8>) -> Result<(), Code> {
    let infos: Option<Vec<ClientInfo>> = Some(cx.auth().client_infos(cx.ids));
    infos.write(out);
    Ok(())
}

/// `SyncRequest{path}` -> `SyncResponse{path}`.
pub(super) fn sync(r: &mut Reader<'_>, out: &mut Vec<u8>) -> Result<(), Code> {
    let path = r.str().map_err(malformed)?;
    out.put_str(path.as_deref());
    Ok(())
}

impl Scratch {
    /// Counts a node's read: `bytes` of data or of names.
    #[inline]
    fn read(&mut self, cx: &Context<'_>, path: &str, bytes: usize) {
        self.namespaces.add(path, bytes, &cx.front.metrics.read_per_namespace);
    }
}

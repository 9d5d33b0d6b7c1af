//! Taking a snapshot of a tree that goes on changing. Java: `FileTxnSnapLog.save`.

use std::path::PathBuf;
use std::sync::Arc;

use super::body::BodyWalk;
use super::{SnapshotWriter, Trailer};
use crate::config::Compression;
use crate::ids::{SessionId, Zxid};
use crate::storage::{DataDirs, disk};
use crate::tree::DataTree;

/// The most nodes that are encoded while the tree is held: some tenths of a millisecond.
const SLICE_NODES: usize = 512;
/// Bytes of encoded nodes from which on the tree is let go.
const SLICE_BYTES: usize = 512 * 1024;

/// How snapshots are written.
#[derive(Debug, Clone, Copy)]
pub struct SnapshotOptions {
    /// `snapshot.compression.method`.
    pub compression: Compression,
    /// `digest.enabled`: whether the digest follows the nodes.
    pub digest: bool,
    /// `serializeLastProcessedZxid.enabled`: whether the last zxid follows.
    pub last_zxid: bool,
}

/// A snapshot that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakenSnapshot {
    /// The file.
    pub path: PathBuf,
    /// The zxid in its name: replay goes on behind it.
    pub zxid: Zxid,
    /// Length in bytes.
    pub len: u64,
}

/// Writes a snapshot of a tree into `dirs`, holding it for less than a millisecond at a time.
/// `with_tree` calls what it is given with the tree, locked against change. `sessions` is asked after
/// the snapshot's zxid was read, and must not lack a session that was created up to then. Nothing if
/// another tree took the place of the first meanwhile, or the history was cut: what the server has then
/// is another one.
///
/// # Errors
/// If the disk refuses. There is no new snapshot then.
pub fn take(
    dirs: &DataDirs,
    options: SnapshotOptions,
    sessions: impl FnOnce() -> Vec<(SessionId, i32)>,
    mut with_tree: impl FnMut(&mut dyn FnMut(&DataTree)),
) -> disk::Result<Option<TakenSnapshot>> {
    let cuts = *dirs.cuts();
    let mut start = None;
    with_tree(&mut |tree| start = Some((tree.walk(), tree.last_processed_zxid())));
    let Some((first, zxid)) = start else { return Ok(None) };
    let sessions = sessions();
    let mut writer =
        SnapshotWriter::create(Arc::clone(dirs.disk()), dirs.snap(), zxid, options.compression)?;
    let path = writer.path();
    log::info!("Snapshotting: {zxid} to {}", path.display());

    let mut out = Vec::new();
    let mut walk = None;
    with_tree(&mut |tree| walk = Some(BodyWalk::start(tree, &sessions, &mut out)));
    let mut more = walk.is_some();
    while more {
        writer.put(&out)?;
        out.clear();
        let Some(walk) = &mut walk else { break };
        with_tree(&mut |tree| more = walk.next(tree, SLICE_NODES, SLICE_BYTES, &mut out));
    }
    writer.put(&out)?;

    let now = dirs.cuts();
    let mut trailer = None;
    with_tree(&mut |tree| trailer = first.is_of(tree).then(|| trailer_of(tree, options)));
    let Some(trailer) = trailer.filter(|_| *now == cuts) else {
        log::info!("The database was replaced: {} is given up", path.display());
        return Ok(None);
    };
    let len = writer.finish(trailer)?;
    Ok(Some(TakenSnapshot { path, zxid, len }))
}

fn trailer_of(tree: &DataTree, options: SnapshotOptions) -> Trailer {
    Trailer {
        digest: options.digest.then(|| tree.snapshot_digest()),
        last_zxid: options.last_zxid.then_some(tree.last_processed_zxid()),
    }
}

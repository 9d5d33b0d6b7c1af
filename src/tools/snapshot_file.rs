//! A snapshot as the tools see it: the tree and the sessions that are in the file, and nothing of the
//! logs behind it.

use std::path::Path;

use super::progress::Progress;
use super::{Console, Failure, Outcome, Settings};
use crate::ids::{SessionId, Zxid};
use crate::runtime::start_thread;
use crate::storage::names::ZxidFile;
use crate::storage::snapshot::{self, body::Item};
use crate::storage::{Error, RealDisk};
use crate::tree::{DataTree, Loader, TreeOptions};

/// Items between two looks at the clock.
const ITEMS_PER_LOOK: u64 = 4096;

/// What is in a snapshot.
#[derive(Debug)]
pub(super) struct SnapshotFile {
    pub(super) tree: DataTree,
    /// Sessions and their timeouts in milliseconds, in the file's order.
    pub(super) sessions: Vec<(SessionId, i32)>,
}

/// Reads a snapshot. One whose nodes are whole is taken even if its checksum is wrong or what stands
/// behind them is damaged, as by Java's tools, which do not look; but it is said.
pub(super) fn load(
    path: &Path,
    settings: Settings,
    console: &mut Console<'_>,
) -> Outcome<SnapshotFile> {
    let len = std::fs::metadata(path).map(|meta| meta.len());
    let len = len.map_err(|e| Failure::uncaught(format!("{}: {e}", path.display())))?;
    let file = ZxidFile { zxid: Zxid::ZERO, path: path.to_path_buf(), len, modified: 0 };
    let mut progress = Progress::new(console, &path.display().to_string(), len, true);
    let options = TreeOptions { digest: false, ..TreeOptions::default() };
    let mut reading = Reading { loader: Loader::new(options), sessions: Vec::new(), whole: false };
    let (mut items, mut bytes) = (0_u64, 0);
    let take = |item: Item<'_>| {
        items += 1;
        bytes += reading.take(item)?;
        if items.is_multiple_of(ITEMS_PER_LOOK) {
            progress.at(bytes, console.err);
        }
        Ok(())
    };
    let read = snapshot::read(&RealDisk, &file, settings.limits, Some(start_thread), take);
    progress.end(console.err);
    match read {
        Err(e) if !reading.whole => return Err(Failure::uncaught(e)),
        Err(e) => console.complain(format!("{e}; its nodes are shown all the same"))?,
        Ok(_) => {}
    }
    reading.finish(path)
}

struct Reading {
    loader: Loader,
    sessions: Vec<(SessionId, i32)>,
    whole: bool,
}

impl Reading {
    /// Takes an item; says about how many bytes it has in the file.
    fn take(&mut self, item: Item<'_>) -> Result<u64, String> {
        Ok(match item {
            Item::Session(id, timeout) => {
                self.sessions.push((id, timeout));
                12
            }
            Item::Acl(index, acl) => {
                self.loader.acl(index, acl);
                12
            }
            Item::Node { path, data, acl, stat } => {
                self.loader.node(&path, data, acl, stat).map_err(|e| e.to_string())?;
                (path.len() + data.map_or(0, <[u8]>::len) + 76) as u64
            }
            Item::End => {
                self.whole = true;
                0
            }
        })
    }

    fn finish(self, path: &Path) -> Outcome<SnapshotFile> {
        let unusable = |what: String| Error::Snapshot { path: path.to_path_buf(), what };
        let tree = self.loader.finish();
        let tree = tree.map_err(|e| Failure::uncaught(unusable(e.to_string())))?;
        Ok(SnapshotFile { tree, sessions: self.sessions })
    }
}

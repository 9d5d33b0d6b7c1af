//! What a leader reads from its log for a learner that is far behind. Java:
//! `ZKDatabase.getProposalsFromTxnLog`.

use std::path::Path;
use std::sync::Arc;

use jute::Limits;

use super::names::{SNAPSHOT, files};
use super::txnlog::LogIter;
use super::{DataDirs, Disk, Result};
use crate::ids::Zxid;

/// How many bytes of transactions are worth reading in the place of a snapshot: `factor`
/// (`snapshotSizeFactor`) times the size of the newest one; any number where that is nothing
/// (`ZKDatabase.calculateTxnLogSizeLimit`).
pub fn bytes_worth_reading(dirs: &DataDirs, factor: f64) -> f64 {
    let size = match newest_snapshot_size(&**dirs.disk(), dirs.snap()) {
        Ok(size) => size.unwrap_or(0),
        Err(e) => {
            log::error!("cannot tell the size of the newest snapshot: {e}");
            0
        }
    };
    let limit = (factor * size as f64).trunc();
    if limit > 0.0 { limit } else { f64::INFINITY }
}

fn newest_snapshot_size(disk: &dyn Disk, dir: &Path) -> Result<Option<u64>> {
    let newest = files(disk, dir, SNAPSHOT)?.pop();
    newest.map(|file| Ok(disk.open(&file.path)?.len()?)).transpose()
}

/// The transactions from the last one at or before `from` on, with their payloads; none where they
/// are more than `bytes_max`, or where some are missing.
///
/// A log has a hole where the server once got a snapshot of its leader. Within an epoch the zxids show
/// it, and who uses the transactions looks at that; where an epoch ends only the snapshot's name tells
/// whether something was between. Java passes such a hole on.
///
/// # Errors
/// If a log is damaged.
pub fn read_since(
    dirs: &DataDirs,
    from: Zxid,
    limits: Limits,
    bytes_max: f64,
) -> Result<Vec<(Zxid, Arc<[u8]>)>> {
    let snapshots = snapshot_zxids(&**dirs.disk(), dirs.snap())?;
    let in_place_of = |before: Zxid, next: Zxid| {
        next != before.next() && snapshots.iter().any(|zxid| before < *zxid && *zxid < next)
    };
    let mut found: Vec<(Zxid, Arc<[u8]>)> = Vec::new();
    let mut bytes = 0;
    let mut log = LogIter::open_live(Arc::clone(dirs.disk()), dirs.log(), from, limits)?;
    while log.advance()? {
        let Some(record) = log.record() else { break };
        if record.zxid <= from {
            found.clear();
            bytes = 0;
        }
        bytes += record.payload.len();
        if bytes as f64 > bytes_max && record.zxid > from {
            log::info!("the transactions since {from} are larger than a snapshot is worth");
            return Ok(Vec::new());
        }
        if found.last().is_some_and(|(before, _)| in_place_of(*before, record.zxid)) {
            log::info!("the log has a hole before {}: a snapshot was taken over", record.zxid);
            return Ok(Vec::new());
        }
        found.push((record.zxid, record.payload.into()));
    }
    Ok(found)
}

fn snapshot_zxids(disk: &dyn Disk, dir: &Path) -> Result<Vec<Zxid>> {
    Ok(files(disk, dir, SNAPSHOT)?.iter().map(|file| file.zxid).collect())
}

#[cfg(test)]
mod tests {
    use jute::txn::TxnHeader;

    use super::*;
    use crate::storage::snapshot::SnapshotWriter;
    use crate::storage::testing::dirs_with;
    use crate::storage::txnlog::{TxnLog, TxnLogOptions};

    fn found(dirs: &DataDirs, from: Zxid) -> Vec<Zxid> {
        let all = read_since(dirs, from, Limits::default(), f64::MAX).unwrap();
        all.into_iter().map(|(zxid, _)| zxid).collect()
    }

    #[test]
    fn what_is_worth_reading_is_a_part_of_the_newest_snapshot() {
        let dirs = dirs_with(&[]);
        let snapshot = |zxid, len| {
            let path = dirs.snap().join(format!("snapshot.{zxid:x}"));
            dirs.disk().create(&path).unwrap().write_at(0, &vec![1; len]).unwrap();
        };
        assert_eq!(bytes_worth_reading(&dirs, 0.33), f64::INFINITY, "there is none");
        snapshot(0x20, 5000);
        snapshot(0x100, 1000);
        assert_eq!(bytes_worth_reading(&dirs, 0.33), 330.0);
        assert_eq!(bytes_worth_reading(&dirs, 2.0), 2000.0);
        assert_eq!(bytes_worth_reading(&dirs, 0.0), f64::INFINITY);
    }

    #[test]
    fn a_snapshot_between_two_epochs_is_a_hole() {
        let dirs = dirs_with(&[]);
        let mut log = TxnLog::new(&dirs, TxnLogOptions::default(), Box::new(|| 0));
        let zxids = [Zxid::new(1, 4), Zxid::new(1, 5), Zxid::new(3, 1), Zxid::new(3, 2)];
        for zxid in zxids {
            let header = TxnHeader { zxid: zxid.0, ..TxnHeader::default() };
            log.append(zxid, &jute::to_bytes(&header)).unwrap();
        }
        log.sync().unwrap();
        assert_eq!(found(&dirs, zxids[1]), zxids[1..]);
        let disk = Arc::clone(dirs.disk());
        let compression = crate::config::Compression::None;
        let taken_over =
            SnapshotWriter::create(disk, dirs.snap(), Zxid::new(2, 7), compression).unwrap();
        taken_over.finish(crate::storage::snapshot::Trailer::default()).unwrap();
        assert_eq!(found(&dirs, zxids[1]), []);
        assert_eq!(found(&dirs, zxids[2]), zxids[2..]);
    }
}

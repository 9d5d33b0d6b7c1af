//! Applying logged transactions to a tree. Java: `FileTxnSnapLog.fastForwardFromEdits`,
//! `ZKDatabase.addCommittedProposal`.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use jute::Limits;

use super::restore::CommittedLog;
use super::txnlog::{LogIter, LogRecord};
use super::{Error, Result};
use crate::ids::SessionId;
use crate::tree::{DataTree, NoEvents};
use crate::txn::{Txn, TxnRecord};

/// What is known of the transaction with which replay starts, and between epochs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Continuity {
    /// Nothing: there was no snapshot.
    Unknown,
    /// The logs were written after this snapshot; a hole is worth a warning. Java looks only for holes
    /// within an epoch and behind the first transaction, and so does this one stop only for these.
    Expected,
    /// A newer snapshot could not be read. If the server had got it from its leader, the logs lack what
    /// came between; then this older one is no base.
    Required,
}

/// A database to which transactions are being applied.
#[derive(Debug)]
pub struct Replay {
    tree: DataTree,
    sessions: HashMap<SessionId, i32>,
    committed: CommittedLog,
    keep: usize,
}

impl Replay {
    /// Starts with a database as it is; `keep` transactions stay in `committed`.
    pub fn new(
        tree: DataTree,
        sessions: HashMap<SessionId, i32>,
        committed: CommittedLog,
        keep: usize,
    ) -> Self {
        Self { tree, sessions, committed, keep }
    }

    /// The database.
    pub fn finish(self) -> (DataTree, HashMap<SessionId, i32>, CommittedLog) {
        (self.tree, self.sessions, self.committed)
    }

    /// Applies all of `logs` that is behind the tree; says how many transactions that were. What stands
    /// there again, behind later transactions, is passed over: a follower of Java 3.5.10 to 3.8.6 whose
    /// sync fails may log it again, in several threads (ZOOKEEPER-4394). Java applies it again.
    ///
    /// # Errors
    /// [`Error::LogDamaged`], [`Error::LogTxn`] or [`Error::LogGap`]. The tree is then as it was before
    /// the transaction in question.
    pub fn run(
        &mut self,
        logs: &mut LogIter,
        continuity: Continuity,
        limits: Limits,
    ) -> Result<u64> {
        let (mut count, mut again) = (0, 0);
        let mut more = logs.advance_to(self.tree.last_processed_zxid().next())?;
        while more {
            if let (Some(record), Some(path)) = (logs.record(), logs.path()) {
                if record.zxid > self.tree.last_processed_zxid() {
                    self.check_order(record, path, continuity, count == 0)?;
                    self.apply(record, path, limits)?;
                    count += 1;
                } else {
                    again += 1;
                }
            }
            more = logs.advance()?;
        }
        if again > 0 {
            log::error!("{again} transactions stand in the log again, behind later ones");
        }
        self.warn_of_digest();
        Ok(count)
    }

    /// Transactions of an epoch are numbered without a hole, from 1.
    fn check_order(
        &self,
        record: LogRecord<'_>,
        path: &Path,
        continuity: Continuity,
        first: bool,
    ) -> Result<()> {
        let (last, found) = (self.tree.last_processed_zxid(), record.zxid);
        let same_epoch = found.epoch() == last.epoch();
        let next = if same_epoch { found == last.next() } else { found.counter() == 1 };
        if next || (first && continuity == Continuity::Unknown) {
            return Ok(());
        }
        if continuity == Continuity::Required || (same_epoch && !first) {
            let (path, offset) = (path.to_path_buf(), record.offset);
            return Err(Error::LogGap { path, offset, last, found });
        }
        log::warn!("{found} is not the next proposal of {last}: transactions may be missing");
        Ok(())
    }

    fn apply(&mut self, record: LogRecord<'_>, path: &Path, limits: Limits) -> Result<()> {
        let LogRecord { zxid, offset, payload } = record;
        let decoded = TxnRecord::decode(payload, limits).map_err(|cause| Error::LogTxn {
            path: path.to_path_buf(),
            offset,
            zxid,
            cause,
        })?;
        self.note_session(&decoded);
        let applied = self.tree.apply_record(&decoded, &mut NoEvents);
        if applied.err != 0 {
            // The snapshot is fuzzy: it may hold what this transaction did, and what came after it.
            log::debug!("Ignoring failure {} of {zxid} in replay", applied.err);
        }
        self.committed.push_back((zxid, Arc::from(payload)));
        if self.committed.len() > self.keep {
            self.committed.pop_front();
        }
        Ok(())
    }

    fn note_session(&mut self, record: &TxnRecord) {
        let id = SessionId(record.header.client_id);
        match &record.txn {
            Txn::CreateSession(txn) => {
                self.sessions.insert(id, txn.timeout);
            }
            Txn::CloseSession(_) => {
                self.sessions.remove(&id);
            }
            _ => {}
        }
    }

    fn warn_of_digest(&self) {
        if let Some(digest) = self.tree.digest_from_loaded_snapshot() {
            log::warn!(
                "Highest txn zxid {} is not covering the snapshot digest zxid {}, which might lead to \
                 inconsistent state",
                self.tree.last_processed_zxid(),
                digest.zxid
            );
        }
    }
}

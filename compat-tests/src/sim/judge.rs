//! Sees everything that happens in a run and holds it against the promises of the protocol.
//!
//! A zxid names one transaction for ever: its epoch had one leader, which gave it out once, behind a
//! history that it had before. So the state at a zxid is a function of that zxid, committed or not,
//! and it is enough to write down the first state that was seen at each.

use std::collections::BTreeMap;
use std::sync::Arc;

use gamekeeper::ids::{SessionId, Sid, Zxid};
use gamekeeper::tree::DataTree;
use gamekeeper::txn::TxnRecord;

/// What is known of all histories.
#[derive(Debug, Default)]
pub struct Judge {
    records: BTreeMap<Zxid, Arc<[u8]>>,
    digests: BTreeMap<Zxid, (i64, Sid)>,
    sessions: BTreeMap<Zxid, (Vec<SessionId>, Sid)>,
    /// Who led each epoch, and behind which transaction it began.
    leaders: BTreeMap<i64, (Sid, Zxid)>,
    committed: Zxid,
    /// Up to where each member's history is on the platter.
    durable: BTreeMap<Sid, Zxid>,
}

impl Judge {
    /// The last transaction that is known to be committed.
    pub fn committed(&self) -> Zxid {
        self.committed
    }

    /// How many epochs had a leader.
    pub fn epochs(&self) -> usize {
        self.leaders.len()
    }

    /// The last transaction before or at `zxid`: counter 0 of an epoch is none.
    pub fn last_txn(&self, mut zxid: Zxid) -> Zxid {
        while zxid.counter() == 0
            && let Some((_, base)) = self.leaders.get(&zxid.epoch())
        {
            zxid = *base;
        }
        zxid
    }

    /// Whether the history that ends with `later` has all of that which ends with `earlier`.
    fn is_ancestor(&self, earlier: Zxid, later: Zxid) -> bool {
        let (earlier, mut later) = (self.last_txn(earlier), self.last_txn(later));
        while later.epoch() > earlier.epoch() {
            let Some((_, base)) = self.leaders.get(&later.epoch()) else { return false };
            later = self.last_txn(*base);
        }
        later.epoch() == earlier.epoch() && earlier <= later
    }

    /// Who leads an epoch.
    pub fn leader_of(&self, epoch: i64) -> Option<Sid> {
        self.leaders.get(&epoch).map(|(sid, _)| *sid)
    }

    /// Whether a transaction is committed.
    pub fn is_committed(&self, zxid: Zxid) -> bool {
        self.is_ancestor(zxid, self.committed)
    }

    /// The history of a member is on the platter up to `zxid`, and no further.
    pub fn on_durable(&mut self, sid: Sid, zxid: Zxid) {
        self.durable.insert(sid, zxid);
    }

    /// Whether a member has a transaction, and all before it, on the platter.
    pub fn is_durable(&self, sid: Sid, zxid: Zxid) -> bool {
        let last = self.durable.get(&sid).copied().unwrap_or_default();
        zxid == Zxid::ZERO || self.is_ancestor(zxid, last)
    }

    /// Whether most of the voters have it on the platter.
    ///
    /// # Errors
    /// If they have not.
    pub fn on_quorum(&self, voters: i64, zxid: Zxid) -> Result<(), String> {
        let zxid = self.last_txn(zxid);
        let have: Vec<i64> = (1..=voters).filter(|sid| self.is_durable(Sid(*sid), zxid)).collect();
        if have.len() as i64 * 2 > voters {
            return Ok(());
        }
        Err(format!("{zxid} is taken for committed, and only {have:?} of {voters} have it on disk"))
    }

    /// A member hands a transaction to its log, or proposes it.
    ///
    /// # Errors
    /// If another member has another transaction of that zxid, or if nobody proposed it.
    pub fn on_logged(&mut self, sid: Sid, zxid: Zxid, record: &[u8]) -> Result<(), String> {
        match self.records.get(&zxid) {
            Some(known) if **known != *record => {
                Err(format!("{sid} logs another {zxid} than was logged before"))
            }
            Some(_) => Ok(()),
            None if self.leader_of(zxid.epoch()) != Some(sid) => {
                Err(format!("{sid} logs {zxid}, which nobody proposed"))
            }
            None => {
                self.records.insert(zxid, record.into());
                Ok(())
            }
        }
    }

    /// A member's tree stands at `zxid`.
    ///
    /// # Errors
    /// If the tree of another member was another at that zxid.
    pub fn on_state(&mut self, sid: Sid, zxid: Zxid, tree: &DataTree) -> Result<(), String> {
        let zxid = self.last_txn(zxid);
        let digest = tree.digest();
        let (first, by) = *self.digests.entry(zxid).or_insert((digest, sid));
        if first == digest {
            return Ok(());
        }
        Err(format!("the tree at {zxid} is {digest:x}, that of {by} was {first:x}"))
    }

    /// A member knows these sessions, in any order, where its tree stands at `zxid`.
    ///
    /// # Errors
    /// If another member knew others there.
    pub fn on_sessions(
        &mut self,
        sid: Sid,
        zxid: Zxid,
        mut sessions: Vec<SessionId>,
    ) -> Result<(), String> {
        let zxid = self.last_txn(zxid);
        sessions.sort_unstable();
        let (first, by) = self.sessions.entry(zxid).or_insert_with(|| (sessions.clone(), sid));
        if *first == sessions {
            return Ok(());
        }
        Err(format!("the sessions at {zxid} are {sessions:?}, those of {by} were {first:?}"))
    }

    /// A leader has a quorum: `base` is where its history ended. One that has stood still may hear of
    /// it when others have led since: all that it takes for committed is so, and nothing more will be.
    ///
    /// # Errors
    /// If the epoch has another leader, or something committed is missing.
    pub fn on_lead(&mut self, sid: Sid, epoch: i64, base: Zxid) -> Result<(), String> {
        let base = self.last_txn(base);
        if let Some((other, _)) = self.leaders.get(&epoch) {
            return Err(format!("{sid} and {other} lead epoch {epoch}"));
        }
        if epoch < self.committed.epoch() && self.is_ancestor(base, self.committed) {
            self.leaders.insert(epoch, (sid, base));
            return Ok(());
        }
        if !self.is_ancestor(self.committed, base) {
            let lost = self.committed;
            return Err(format!("{sid} leads epoch {epoch} from {base}, but {lost} is committed"));
        }
        self.leaders.insert(epoch, (sid, base));
        self.committed = base;
        Ok(())
    }

    /// A leader has committed up to `zxid`.
    ///
    /// # Errors
    /// If that is not behind what was committed before. A leader of the past may still hear of acks
    /// that came in time: then a later leader has it in its history.
    pub fn on_leader_commit(&mut self, sid: Sid, zxid: Zxid) -> Result<(), String> {
        if self.is_ancestor(zxid, self.committed) {
            return Ok(());
        }
        if !self.is_ancestor(self.committed, zxid) {
            let committed = self.committed;
            return Err(format!("{sid} commits {zxid} where {committed} is committed"));
        }
        self.committed = self.last_txn(zxid);
        Ok(())
    }

    /// A learner has committed up to `zxid`.
    ///
    /// # Errors
    /// If no leader has.
    pub fn on_learner_commit(&self, sid: Sid, zxid: Zxid) -> Result<(), String> {
        if self.is_ancestor(zxid, self.committed) {
            return Ok(());
        }
        Err(format!("{sid} commits {zxid}, which is not in the history up to {}", self.committed))
    }

    /// What these sessions did, committed or not, for messages.
    pub fn records_of(&self, sessions: &[i64]) -> Vec<TxnRecord> {
        let records = self.records.values();
        let decoded = records.filter_map(|r| TxnRecord::decode(r, jute::Limits::default()).ok());
        decoded.filter(|record| sessions.contains(&record.header.client_id)).collect()
    }

    /// The committed transactions, in order.
    ///
    /// # Errors
    /// If a record makes no sense.
    pub fn history(&self) -> Result<Vec<TxnRecord>, String> {
        let committed = self.records.iter().filter(|(z, _)| self.is_ancestor(**z, self.committed));
        committed
            .map(|(zxid, record)| {
                TxnRecord::decode(record, jute::Limits::default())
                    .map_err(|e| format!("the record of {zxid}: {e}"))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Acks that came in time are read when others have led and gone on.
    #[test]
    fn a_leader_of_the_past_may_hear_late_that_it_leads() {
        let mut judge = Judge::default();
        judge.on_lead(Sid(1), 1, Zxid::ZERO).unwrap();
        judge.on_leader_commit(Sid(1), Zxid::new(1, 2)).unwrap();
        judge.on_lead(Sid(2), 3, Zxid::new(1, 2)).unwrap();
        judge.on_leader_commit(Sid(2), Zxid::new(3, 1)).unwrap();
        assert!(judge.on_lead(Sid(1), 2, Zxid::new(1, 3)).is_err(), "that is not committed");
        judge.on_lead(Sid(1), 2, Zxid::new(1, 2)).unwrap();
        assert_eq!(judge.committed(), Zxid::new(3, 1));
        assert!(judge.on_leader_commit(Sid(1), Zxid::new(2, 1)).is_err(), "others have gone on");
        assert!(judge.on_lead(Sid(1), 4, Zxid::new(1, 2)).is_err(), "it is no leader of the past");
    }
}

//! Every session there is, and which of them have not been heard in time.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::sync::Arc;

use super::Session;
use crate::ids::{Millis, SessionId};
use crate::op::Code;

/// Java: `SessionTrackerImpl` with its `ExpiryQueue`. Sessions expire in batches, at the ends of
/// ticks, up to one tick late.
#[derive(Debug)]
pub struct SessionTracker {
    by_id: hashbrown::HashMap<SessionId, Arc<Session>, foldhash::fast::RandomState>,
    /// The sessions by the end of the tick in which they may be due. A session is in one bucket, at
    /// or before its due time; one that is gone stays in its bucket until that is due.
    buckets: BTreeMap<Millis, Vec<Arc<Session>>>,
    /// The sessions whose creation is committed, and their timeouts in ms.
    committed: HashMap<SessionId, i32>,
    next_id: i64,
    tick_ms: Millis,
}

impl SessionTracker {
    /// A tracker without sessions. `sid` goes into the ids that it gives, `tick_ms` is `tickTime`
    /// (at least 1), `now_wall` is the wall clock: ids of one server do not repeat after a restart.
    pub fn new(sid: i64, tick_ms: i32, now_wall: Millis) -> Self {
        Self {
            by_id: hashbrown::HashMap::default(),
            buckets: BTreeMap::new(),
            committed: HashMap::new(),
            next_id: first_session_id(sid, now_wall),
            tick_ms: Millis::from(tick_ms.max(1)),
        }
    }

    /// A new session with the next id, heard at `now` (monotonic).
    pub fn create(&mut self, now: Millis, timeout_ms: i32) -> Arc<Session> {
        let id = SessionId(self.next_id);
        self.next_id = self.next_id.wrapping_add(1);
        self.track(id, timeout_ms, now)
    }

    /// Takes up a session that the snapshot, the log or a learner knows. It counts as heard at `now`
    /// (monotonic). One that is tracked already is only touched (`trackSession`).
    pub fn track(&mut self, id: SessionId, timeout_ms: i32, now: Millis) -> Arc<Session> {
        if let Some(session) = self.by_id.get(&id) {
            session.renew(timeout_ms, now);
            return Arc::clone(session);
        }
        let session = Arc::new(Session::new(id, timeout_ms, now));
        self.by_id.insert(id, Arc::clone(&session));
        self.enqueue(Arc::clone(&session));
        session
    }

    /// Takes up a session from the database: tracked and committed.
    pub fn restore(&mut self, id: SessionId, timeout_ms: i32, now: Millis) -> Arc<Session> {
        self.commit(id, timeout_ms);
        self.track(id, timeout_ms, now)
    }

    /// The session's creation is committed (`commitSession`).
    pub fn commit(&mut self, id: SessionId, timeout_ms: i32) {
        self.committed.insert(id, timeout_ms);
    }

    /// The committed sessions and their timeouts in ms: what a snapshot holds.
    pub fn committed(&self) -> &HashMap<SessionId, i32> {
        &self.committed
    }

    /// The session of that id, closing or not.
    pub fn get(&self, id: SessionId) -> Option<&Arc<Session>> {
        self.by_id.get(&id)
    }

    /// From here on nothing of this session is accepted.
    pub fn set_closing(&self, id: SessionId) {
        if let Some(session) = self.get(id) {
            session.set_closing();
        }
    }

    /// The session is closed: forgets it.
    pub fn remove(&mut self, id: SessionId) -> Option<Arc<Session>> {
        self.committed.remove(&id);
        let session = self.by_id.remove(&id)?;
        // It stays in its bucket until that is due, and is known there as gone by this.
        session.set_closing();
        Some(session)
    }

    /// Whether a request that came through `owner` (0 for none) may act for the session `id`.
    ///
    /// # Errors
    /// [`Code::UnknownSession`], or as [`Session::check`].
    pub fn check(&self, id: SessionId, owner: u64) -> Result<(), Code> {
        self.get(id).ok_or(Code::UnknownSession)?.check(owner)
    }

    /// As [`SessionTracker::check`] for what only a global session may do.
    ///
    /// # Errors
    /// [`Code::SessionExpired`] where there is no such session, or as [`Session::check`].
    pub fn check_global(&self, id: SessionId, owner: u64) -> Result<(), Code> {
        self.get(id).ok_or(Code::SessionExpired)?.check(owner)
    }

    /// The sessions that have expired, which are closing from here on; each is reported once.
    /// `heard_until` (monotonic) is the time up to which everything that arrived has been counted: a
    /// session that was heard in time is never hit, however late its bytes were read.
    pub fn expired(&mut self, heard_until: Millis) -> Vec<SessionId> {
        let mut expired = Vec::new();
        while let Some(bucket) = self.buckets.first_entry()
            && *bucket.key() <= heard_until
        {
            for session in bucket.remove() {
                if session.is_closing() {
                    continue;
                }
                if self.due(&session) > heard_until {
                    self.enqueue(session);
                } else {
                    session.set_closing();
                    expired.push(session.id);
                }
            }
        }
        expired
    }

    /// When [`SessionTracker::expired`] has something to look at again, by the monotonic clock.
    pub fn next_due(&self) -> Option<Millis> {
        self.buckets.keys().next().copied()
    }

    /// Every session, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Session>> {
        self.by_id.values()
    }

    /// How many sessions there are.
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Whether there is no session.
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// The sessions by the time (monotonic) at which they expire, ids ascending
    /// (`getSessionExpiryMap`).
    pub fn expiry_map(&self) -> BTreeMap<Millis, Vec<SessionId>> {
        let mut map: BTreeMap<Millis, Vec<SessionId>> = BTreeMap::new();
        for session in self.iter() {
            map.entry(self.due(session)).or_default().push(session.id);
        }
        map.values_mut().for_each(|ids| ids.sort_unstable());
        map
    }

    /// What the command `dump` prints of the sessions (`dumpSessions`). `now` and `now_wall` are the
    /// same moment by the two clocks.
    pub fn dump(&self, now: Millis, now_wall: Millis) -> String {
        let map = self.expiry_map();
        let mut out = format!("Session Sets ({})/({}):\n", map.len(), self.len());
        for (due, ids) in &map {
            let date = java_date(now_wall + due - now);
            let _ = writeln!(out, "{} expire at {date}:", ids.len());
            for id in ids {
                let _ = writeln!(out, "\t{id}");
            }
        }
        out
    }

    fn enqueue(&mut self, session: Arc<Session>) {
        let due = self.due(&session);
        self.buckets.entry(due).or_default().push(session);
    }

    /// The end of the tick in which the session's time runs out (`roundToNextInterval`).
    fn due(&self, session: &Session) -> Millis {
        (session.deadline() / self.tick_ms).saturating_add(1).saturating_mul(self.tick_ms)
    }
}

/// The sid in the top byte, then 40 bits of the time in ms, then 16 zeros
/// (`initializeNextSessionId`). Two values name no session: the owner of container nodes, and 0.
fn first_session_id(sid: i64, now_wall: Millis) -> i64 {
    let time = (((now_wall as u64) << 24) >> 8) as i64;
    match time | (sid << 56) {
        i64::MIN | 0 => 1 | (sid << 56),
        id => id,
    }
}

/// A moment of the wall clock as `java.util.Date.toString` prints it in UTC.
pub(crate) fn java_date(wall_ms: Millis) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (days, secs) =
        (wall_ms.div_euclid(86_400_000), wall_ms.div_euclid(1000).rem_euclid(86_400));
    let (year, month, day) = civil_from_days(days);
    let (hour, minute, second) = (secs / 3600, secs / 60 % 60, secs % 60);
    let weekday = DAYS[days.rem_euclid(7) as usize];
    let month = MONTHS[month];
    format!("{weekday} {month} {day:02} {hour:02}:{minute:02}:{second:02} UTC {year}")
}

/// Year, month (0 for January) and day of the month of a day counted from 1970-01-01.
fn civil_from_days(days: i64) -> (i64, usize, i64) {
    // Years are counted from March, so that the leap day is the last of its year.
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = (from_march + 2) % 12;
    let year = era * 400 + year_of_era + i64::from(month < 2);
    (year, month as usize, day)
}

#[cfg(test)]
mod tests;

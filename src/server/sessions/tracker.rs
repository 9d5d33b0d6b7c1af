//! Every session there is, and which of them have not been heard in time.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::sync::Arc;

use super::ended::Ended;
use super::{LocalSessions, Session};
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
    /// Where a leader has to tell them from the local sessions of others.
    ended: Option<Ended>,
    next_id: i64,
    tick_ms: Millis,
    sid: i64,
    place: Place,
    local: LocalSessions,
}

/// Whose sessions are tracked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// All there are.
    Standalone,
    /// All that are global, and this server's local ones.
    Leader,
    /// Those that have been served here; only the local ones expire by this server's clock.
    Learner,
}

impl SessionTracker {
    /// A tracker without sessions. `sid` goes into the ids that it gives, `tick_ms` is `tickTime`
    /// (at least 1), `now_wall` is the wall clock: ids of one server do not repeat after a restart.
    pub fn new(sid: i64, tick_ms: i32, now_wall: Millis) -> Self {
        Self {
            by_id: hashbrown::HashMap::default(),
            buckets: BTreeMap::new(),
            committed: HashMap::new(),
            ended: None,
            next_id: first_session_id(sid, now_wall),
            tick_ms: Millis::from(tick_ms.max(1)),
            sid,
            place: Place::Standalone,
            local: LocalSessions::Off,
        }
    }

    /// As a leader needs it (`LeaderSessionTracker`). What a learner sent of a session before it knew
    /// of its end may come up to `late` ms later.
    #[must_use]
    pub fn of_leader(self, local: LocalSessions, late: Millis) -> Self {
        let ended = (local != LocalSessions::Off).then(|| Ended::new(late));
        Self { place: Place::Leader, local, ended, ..self }
    }

    /// As a follower or observer needs it (`LearnerSessionTracker`).
    #[must_use]
    pub fn of_learner(self, local: LocalSessions) -> Self {
        Self { place: Place::Learner, local, ..self }
    }

    /// Which sessions are local.
    pub fn local_sessions(&self) -> LocalSessions {
        self.local
    }

    /// A new session with the next id, heard at `now` (monotonic); a local one where there are such.
    pub fn create(&mut self, now: Millis, timeout_ms: i32) -> Arc<Session> {
        let id = SessionId(self.next_id);
        self.next_id = self.next_id.wrapping_add(1);
        let session = Session::new(id, timeout_ms, now);
        session.set_local(self.local != LocalSessions::Off);
        self.add(session)
    }

    /// Takes up a session that the snapshot, the log or a learner knows. It counts as heard at `now`
    /// (monotonic). One that is tracked already is only touched (`trackSession`).
    pub fn track(&mut self, id: SessionId, timeout_ms: i32, now: Millis) -> Arc<Session> {
        if let Some(session) = self.by_id.get(&id) {
            session.renew(timeout_ms, now);
            return Arc::clone(session);
        }
        self.add(Session::new(id, timeout_ms, now))
    }

    fn add(&mut self, session: Session) -> Arc<Session> {
        let session = Arc::new(session);
        self.by_id.insert(session.id, Arc::clone(&session));
        if self.expires_here(&session) {
            self.enqueue(Arc::clone(&session));
        }
        session
    }

    /// Whether this server decides that the session has not been heard for too long.
    fn expires_here(&self, session: &Session) -> bool {
        self.place != Place::Learner || session.is_local()
    }

    /// Takes up a session from the database: tracked and committed.
    pub fn restore(&mut self, id: SessionId, timeout_ms: i32, now: Millis) -> Arc<Session> {
        self.commit(id, timeout_ms);
        self.track(id, timeout_ms, now)
    }

    /// The session's creation is committed: it is global (`commitSession`).
    pub fn commit(&mut self, id: SessionId, timeout_ms: i32) {
        self.committed.insert(id, timeout_ms);
        if let Some(session) = self.get(id) {
            session.set_local(false);
        }
    }

    /// Whether it is a session that only this server knows.
    pub fn is_local(&self, id: SessionId) -> bool {
        self.get(id).is_some_and(|session| session.is_local())
    }

    /// How many sessions only this server knows.
    pub fn local_len(&self) -> usize {
        match self.local {
            LocalSessions::Off => 0,
            _ => self.iter().filter(|session| session.is_local()).count(),
        }
    }

    /// A local session is to own a node: from here on it is global, and its createSession is to be
    /// proposed. Its timeout in ms; none if it is global already, or about to end (`upgradeSession`).
    ///
    /// # Errors
    /// [`Code::EphemeralOnLocalSession`] where local sessions stay local.
    pub fn upgrade(&self, id: SessionId) -> Result<Option<i32>, Code> {
        let Some(session) = self.get(id).filter(|s| s.is_local() && !s.is_closing()) else {
            return Ok(None);
        };
        if self.local == LocalSessions::Only {
            return Err(Code::EphemeralOnLocalSession);
        }
        session.set_local(false);
        Ok(Some(session.timeout_ms))
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
        let was_global = self.committed.remove(&id).is_some();
        if let Some(ended) = self.ended.as_mut().filter(|_| was_global) {
            ended.add(id);
        }
        let session = self.by_id.remove(&id)?;
        // It stays in its bucket until that is due, and is known there as gone by this.
        session.set_closing();
        Some(session)
    }

    /// Whether a request that came through `owner` (0 for none) may act for the session `id`.
    ///
    /// # Errors
    /// [`Code::UnknownSession`], [`Code::SessionExpired`] in an ensemble, or as [`Session::check`].
    pub fn check(&self, id: SessionId, owner: u64) -> Result<(), Code> {
        match (self.get(id), self.place) {
            (Some(session), _) => session.check(owner),
            (None, Place::Standalone) => Err(Code::UnknownSession),
            (None, Place::Leader) if self.may_be_local_elsewhere(id) => Ok(()),
            (None, _) => Err(Code::SessionExpired),
        }
    }

    /// Whether a session that is not known may be a local one of a learner, of which nobody else
    /// knows. (To Java a global session that has ended may be one, too.)
    fn may_be_local_elsewhere(&self, id: SessionId) -> bool {
        self.ended.as_ref().is_some_and(|ended| !self.gave(id) && !ended.contains(id))
    }

    /// Whether the id is one of this server's (`getServerIdFromSessionId`).
    fn gave(&self, id: SessionId) -> bool {
        id.0 >> 56 == self.sid
    }

    /// As [`SessionTracker::check`] for what only a global session may do.
    ///
    /// # Errors
    /// [`Code::SessionExpired`] where there is no such session, or as [`Session::check`].
    pub fn check_global(&self, id: SessionId, owner: u64) -> Result<(), Code> {
        let global = self.get(id).filter(|session| !session.is_local());
        global.ok_or(Code::SessionExpired)?.check(owner)
    }

    /// The sessions that have expired, in the order of their ids; they are closing from here on, and each
    /// is reported once. `heard_until` (monotonic) is the time up to which everything that arrived has
    /// been counted: a session that was heard in time is never hit, however late its bytes were read.
    pub fn expired(&mut self, heard_until: Millis) -> Vec<SessionId> {
        if let Some(ended) = &mut self.ended {
            ended.pass(heard_until, self.tick_ms);
        }
        let mut expired = Vec::new();
        while let Some(bucket) = self.buckets.first_entry()
            && *bucket.key() <= heard_until
        {
            for session in bucket.remove() {
                if session.is_closing() || !self.expires_here(&session) {
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
        // They came out of a map when the server started, in an order that a seed does not know.
        expired.sort_unstable();
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

    /// What the command `dump` prints of the sessions (`dumpSessions`). `now` and `now_wall` are the
    /// same moment by the two clocks.
    pub fn dump(&self, now: Millis, now_wall: Millis) -> String {
        let mut out = String::new();
        let wall = now_wall - now;
        if self.local != LocalSessions::Off {
            self.dump_sets(&mut out, "Local Session", wall, Session::is_local);
        }
        match (self.place, self.local) {
            (Place::Learner, _) => self.dump_global(&mut out),
            (_, LocalSessions::Off) => self.dump_sets(&mut out, "Session", wall, |_| true),
            _ => self.dump_sets(&mut out, "Global Session", wall, |s| !s.is_local()),
        }
        out
    }

    /// Sessions by the time at which they expire, `wall` behind the monotonic one; ids ascending
    /// (`ExpiryQueue.dump`).
    fn dump_sets(
        &self,
        out: &mut String,
        title: &str,
        wall: Millis,
        shown: impl Fn(&Session) -> bool,
    ) {
        let mut sets: BTreeMap<Millis, Vec<SessionId>> = BTreeMap::new();
        let mut len = 0;
        for session in self.iter().filter(|session| shown(session)) {
            sets.entry(self.due(session)).or_default().push(session.id);
            len += 1;
        }
        let _ = writeln!(out, "{title} Sets ({})/({len}):", sets.len());
        for (due, mut ids) in sets {
            ids.sort_unstable();
            let _ = writeln!(out, "{} expire at {}:", ids.len(), java_date(due + wall));
            for id in ids {
                let _ = writeln!(out, "\t{id}");
            }
        }
    }

    /// A learner knows of the ensemble's sessions that they are there, and no more.
    fn dump_global(&self, out: &mut String) {
        let mut sessions: Vec<_> = self.committed.iter().collect();
        sessions.sort_unstable();
        let _ = writeln!(out, "Global Sessions({}):", sessions.len());
        for (id, timeout) in sessions {
            let _ = writeln!(out, "{id}\t{timeout}ms");
        }
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

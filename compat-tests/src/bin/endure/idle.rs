//! Sessions that do nothing but live: they ping, and every one of them must still be there at the end.
//!
//! Where the system lets a process open fewer files than there are sessions, the last of them take
//! turns at a connection: they come, are told that they are still known, and hang up.

use std::time::{Duration, Instant};

use compat_tests::Result;
use compat_tests::bench::report::mib;
use compat_tests::bench::target::Target;
use compat_tests::server::Kind;
use compat_tests::usage;

use crate::Settings;
use crate::crowd::{Crowd, WINDOW};
use crate::outcome::{Outcome, told};
use crate::peer::Pass;

/// `tickTime` of a server alone.
const TICK: Duration = Duration::from_secs(2);
/// How often those without a connection come to look: well within their timeout.
const VISIT_EVERY: Duration = Duration::from_secs(10);

/// How many sessions keep their connections, and how many take turns, where there is room for so many
/// connections.
fn split(sessions: usize, room: usize) -> (usize, usize) {
    let standing = if sessions <= room { sessions } else { room.saturating_sub(WINDOW) };
    (standing, sessions - standing)
}

/// The sessions, and those of them that have no connection now.
struct Sessions {
    crowd: Crowd,
    standing: usize,
    parked: Vec<Pass>,
}

impl Sessions {
    fn open(settings: &Settings, target: &Target) -> Result<Self> {
        let (standing, turns) = split(settings.sessions, settings.room());
        let mut crowd = Crowd::new(target.address())?;
        let mut parked = Vec::new();
        for first in (0..turns).step_by(WINDOW) {
            crowd.open(WINDOW.min(turns - first))?;
            parked.extend(crowd.park(0));
        }
        crowd.open(standing)?;
        Ok(Self { crowd, standing, parked })
    }

    /// Those without a connection come back, by turns; who is not known any more is gone.
    fn visit(&mut self) -> Result<()> {
        let mut known = Vec::new();
        for some in std::mem::take(&mut self.parked).chunks(WINDOW) {
            self.crowd.resume(some)?;
            known.extend(self.crowd.park(self.standing));
        }
        self.parked = known;
        Ok(())
    }

    /// All live for so long.
    fn live(&mut self, time: Duration) -> Result<()> {
        let since = Instant::now();
        while let Some(left) = time.checked_sub(since.elapsed()) {
            self.crowd.until(VISIT_EVERY.min(left), |_| false)?;
            self.visit()?;
        }
        self.crowd.ping_all()?;
        Ok(())
    }

    fn living(&self) -> usize {
        self.crowd.living() + self.parked.len()
    }
}

/// Opens the sessions and keeps them for so many ticks.
pub(crate) fn idle(settings: &Settings, kind: Kind) -> Result<Outcome> {
    let target = Target::start(&settings.launch, kind)?;
    run(settings, &target).map_err(|e| target.server.failure(&format!("fails: {e}")))
}

fn run(settings: &Settings, target: &Target) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    let pid = target.server.pid();
    let (before, _) = usage::memory(pid)?;
    let cpu = usage::cpu(pid)?;
    let begun = Instant::now();
    let mut sessions = Sessions::open(settings, target)?;
    let opened = begun.elapsed();
    let (to_open, since) = (usage::cpu(pid)? - cpu, Instant::now());
    sessions.live(TICK * settings.ticks)?;
    let living = (usage::cpu(pid)? - cpu - to_open).as_secs_f64() / since.elapsed().as_secs_f64();
    let (alive, wanted) = (sessions.living(), settings.sessions);
    let known = told(target, "zk_global_sessions")?;
    let (now, peak) = usage::memory(pid)?;
    outcome.figure("sessions", wanted as f64);
    outcome.figure("of these with a connection all the time", sessions.standing as f64);
    outcome.figure("time to open them, s", opened.as_secs_f64());
    outcome
        .ms("from the first packet to the session, p99, ms", sessions.crowd.opening.quantile(0.99));
    outcome.figure("server CPU to open them, s", to_open.as_secs_f64());
    outcome.figure(format!("alive after {} ticks", settings.ticks), alive as f64);
    outcome.figure("server CPU while they live, % of a core", living * 100.0);
    outcome.figure("resident, MiB", mib(now));
    outcome.figure("resident bytes for each", now.saturating_sub(before) as f64 / wanted as f64);
    outcome.figure("resident at most, MiB", mib(peak));
    outcome.require(alive == wanted, format!("{alive} of {wanted} sessions are alive at the end"));
    outcome.require(known == wanted as u64, format!("mntr tells {known} of {wanted} sessions"));
    let broken = sessions.crowd.counts;
    outcome.require(
        broken.lost + broken.refused == 0,
        format!("{} connections were lost, {} refused", broken.lost, broken.refused),
    );
    Ok(outcome)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_have_a_connection_where_there_is_room() {
        assert_eq!(split(20_000, 20_000), (20_000, 0));
        assert_eq!(split(20_000, usize::MAX), (20_000, 0));
    }

    #[test]
    fn the_last_take_turns_where_there_is_none() {
        assert_eq!(split(20_000, 19_700), (19_700 - WINDOW, 300 + WINDOW));
        assert_eq!(split(20_000, 0), (0, 20_000));
    }
}

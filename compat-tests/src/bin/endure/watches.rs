//! Watches on one node: every session watches its data and its children, and one multi changes both.
//! Each watcher must hear both events.

use std::time::{Duration, Instant};

use compat_tests::bench::report::mib;
use compat_tests::bench::target::{Measured, Target, Trio};
use compat_tests::ensemble::recorder::open_acl;
use compat_tests::server::Kind;
use compat_tests::{Failure, Result, usage};
use gamekeeper::client::{Client, CreateMode, Op};

use crate::Settings;
use crate::helper::Helper;
use crate::outcome::{Outcome, told};

/// The node that is watched.
const PATH: &str = "/watched";
/// Watches of a session on it.
const EACH: usize = 2;
/// Members of an ensemble.
const MEMBERS: usize = 3;

/// How many sessions each server gets: one of all, or of three where one has no room for them.
///
/// # Errors
/// If even three servers have no room.
fn spread(watches: usize, room: usize) -> Result<Vec<usize>> {
    let sessions = watches.div_ceil(EACH);
    let servers = if sessions <= room { 1 } else { MEMBERS };
    let each = sessions.div_ceil(servers);
    if each > room {
        return Err(Failure::new(format!(
            "{watches} watches need {each} connections on each of {servers} servers; \
             the limit of open files has room for {room}"
        )));
    }
    Ok((0..servers).map(|server| (sessions + server) / servers).collect())
}

/// The servers, and a helper for each.
struct Watched {
    servers: Box<dyn Measured>,
    helpers: Vec<Helper>,
}

impl Watched {
    fn start(settings: &Settings, kind: Kind, servers: usize) -> Result<Self> {
        let servers: Box<dyn Measured> = match servers {
            1 => Box::new(Target::start(&settings.launch, kind)?),
            _ => Box::new(Trio::start(&settings.launch, kind)?),
        };
        let addresses = servers.addresses();
        let helpers = addresses.into_iter().map(Helper::start).collect::<Result<_>>()?;
        Ok(Self { servers, helpers })
    }

    fn say(&mut self, word: &str) -> Result<()> {
        self.helpers.iter_mut().try_for_each(|helper| helper.say(word))
    }

    /// The sum of all answers.
    fn answer(&mut self) -> Result<usize> {
        self.helpers.iter_mut().map(Helper::answer).sum()
    }

    fn cpu(&self) -> Result<Duration> {
        usage::cpu_of(&self.servers.pids())
    }
}

/// Sets the watches and fires them.
pub(crate) fn watches(settings: &Settings, kind: Kind) -> Result<Outcome> {
    let sessions = spread(settings.watches, settings.room())?;
    let mut watched = Watched::start(settings, kind, sessions.len())?;
    run(&mut watched, &sessions).map_err(|e| watched.servers.failure(&format!("fails: {e}")))
}

fn run(watched: &mut Watched, sessions: &[usize]) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    let client = watched.servers.client()?;
    client.create(PATH, Some(b"before"), &open_acl(), CreateMode::Persistent).wait()?;
    let all: usize = sessions.iter().sum();
    for (helper, sessions) in watched.helpers.iter_mut().zip(sessions) {
        helper.say(&format!("open {sessions}"))?;
    }
    let opened = watched.answer()?;
    outcome.figure("servers", watched.helpers.len() as f64);
    outcome.figure("sessions, each with a watch on data and one on children", opened as f64);
    outcome.require(opened == all, format!("{opened} of {all} sessions were granted"));
    let begun = Instant::now();
    watched.say(&format!("watch {PATH}"))?;
    let set = watched.answer()?;
    outcome.figure("watches", set as f64);
    outcome.figure("watches set in a second", set as f64 / begun.elapsed().as_secs_f64());
    outcome.require(set == all * EACH, format!("{set} of {} watches were set", all * EACH));
    let told = told(&*watched.servers, "zk_watch_count")?;
    outcome.require(told == set as u64, format!("mntr tells {told} of {set} watches"));
    fire(watched, &client, set, &mut outcome)?;
    let (now, peak) = usage::memory_of(&watched.servers.pids())?;
    outcome.figure("resident of all servers, MiB", mib(now));
    outcome.figure("resident at most, MiB", mib(peak));
    client.close()?;
    Ok(outcome)
}

/// One multi, and what comes of it.
fn fire(watched: &mut Watched, client: &Client, set: usize, outcome: &mut Outcome) -> Result<()> {
    let path = PATH.to_owned();
    let child = format!("{PATH}/child");
    let (acl, mode) = (open_acl(), CreateMode::Persistent);
    let multi = [
        Op::SetData { path, data: Some(b"after".to_vec()), version: -1 },
        Op::Create { path: child, data: None, acl, mode },
    ];
    watched.say(&format!("hear {EACH}"))?;
    let (cpu, begun) = (watched.cpu()?, Instant::now());
    client.multi(&multi).wait()?;
    let answered = begun.elapsed();
    let heard = watched.answer()?;
    let last = begun.elapsed();
    let cpu = watched.cpu()? - cpu;
    outcome.ms("the write that fires them is answered, ms", answered);
    outcome.ms("the last event has arrived, ms", last);
    outcome.figure("server CPU to fire them, s", cpu.as_secs_f64());
    let left = told(&*watched.servers, "zk_watch_count")?;
    outcome.require(heard == set, format!("{heard} of {set} events arrived"));
    outcome.require(left == 0, format!("{left} watches are left behind the event"));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_server_is_enough_where_there_is_room() {
        assert!(spread(100_000, 60_000).is_ok_and(|sessions| sessions == [50_000]));
    }

    #[test]
    fn three_servers_share_what_one_has_no_room_for() {
        let sessions = spread(100_000, 19_700);
        assert!(sessions.is_ok_and(|sessions| sessions == [16_666, 16_667, 16_667]));
    }

    #[test]
    fn too_low_a_limit_is_told() {
        let told = spread(100_000, 700).map_err(|e| e.to_string());
        assert!(told.is_err_and(|text| text.contains("16667") && text.contains("room for 700")));
    }
}

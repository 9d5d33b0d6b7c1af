//! The row of failover: how long writes stand still when the leader is killed. Clients on every
//! member, which write one request after the other, go to the next server as soon as they lose
//! theirs; the time is that from the kill to the next write that is acknowledged to them.

use std::net::SocketAddr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use compat_tests::bench::report::Report;
use compat_tests::bench::target::Trio;
use compat_tests::ensemble::PATIENCE;
use compat_tests::ensemble::recorder::{Op, Recorder};
use compat_tests::server::Kind;
use compat_tests::{Failure, Result};

use crate::Settings;

/// The name of these figures.
pub(crate) const NAME: &str = "failover";
/// How often the leader is killed; the median and the worst count.
const ROUNDS: usize = 7;
const QUICK_ROUNDS: usize = 3;
/// Writes of each client before the leader is killed.
const WRITES: usize = 300;
const SESSION: Duration = Duration::from_secs(30);
/// The node that all clients set.
const PATH: &str = "/failover";

/// What the clients of one kind of ensemble saw.
#[derive(Default)]
struct Times {
    of_followers: Vec<Duration>,
    of_leader: Vec<Duration>,
}

/// Kills the leaders of all ensembles in turn.
pub(crate) fn run(settings: &Settings, report: &mut Report) -> Result<()> {
    let mut trios = Vec::new();
    for &kind in &settings.kinds {
        trios.push((kind, Trio::start(&settings.launch, kind)?, Times::default()));
    }
    let rounds = if settings.rounds == 1 { QUICK_ROUNDS } else { ROUNDS };
    for _ in 0..rounds {
        for (kind, trio, times) in &mut trios {
            round(*kind, trio, times)?;
        }
    }
    let all: Vec<(Kind, Times)> = trios.into_iter().map(|(kind, _, times)| (kind, times)).collect();
    report_times(report, "a follower", all.iter().map(|(kind, t)| (*kind, &t.of_followers)));
    report_times(report, "the leader", all.iter().map(|(kind, t)| (*kind, &t.of_leader)));
    Ok(())
}

fn report_times<'a>(
    report: &mut Report,
    whose: &str,
    times: impl Iterator<Item = (Kind, &'a Vec<Duration>)> + Clone,
) {
    let at = |times: &[Duration], part: usize| {
        let mut sorted = times.to_vec();
        sorted.sort();
        sorted[(sorted.len() - 1) * part / 2].as_secs_f64() * 1e3
    };
    for (which, part) in [("median", 1), ("worst", 2)] {
        for (kind, times) in times.clone() {
            let what = format!("kill of the leader to a write, client of {whose}, {which}, ms");
            report.fact(NAME, &what, kind, at(times, part));
        }
    }
}

/// Lets a client of each member write, kills the leader, and starts it again.
fn round(kind: Kind, trio: &mut Trio, times: &mut Times) -> Result<()> {
    trio.leader = trio.ensemble.wait_leader()?;
    let (ready, killed) = (AtomicUsize::new(0), OnceLock::new());
    let addresses = trio.ensemble.addresses();
    let seen = thread::scope(|scope| -> Result<Vec<Duration>> {
        let (ready, killed) = (&ready, &killed);
        let clients: Vec<_> = (0..addresses.len())
            .map(|first| {
                let mut servers = addresses.clone();
                servers.rotate_left(first);
                scope.spawn(move || client(&servers, ready, killed))
            })
            .collect();
        while ready.load(Ordering::Relaxed) < clients.len() {
            if clients.iter().any(thread::ScopedJoinHandle::is_finished) {
                break;
            }
            thread::sleep(Duration::from_millis(1));
        }
        killed.get_or_init(Instant::now);
        trio.ensemble.kill(trio.leader)?;
        let joined = clients.into_iter().map(|client| client.join());
        joined.map(|seen| seen.unwrap_or_else(|_| Err(Failure::new("a client failed")))).collect()
    })?;
    for (member, time) in seen.into_iter().enumerate() {
        let kept =
            if member == trio.leader { &mut times.of_leader } else { &mut times.of_followers };
        kept.push(time);
    }
    trio.ensemble.start_member(trio.leader, kind)?;
    trio.ensemble.settle()
}

/// Writes to the first of the servers; after the kill to whichever takes the session. The result is
/// the time from the kill to the first write that was sent after it and acknowledged.
fn client(
    servers: &[SocketAddr],
    ready: &AtomicUsize,
    killed: &OnceLock<Instant>,
) -> Result<Duration> {
    let mut client = Recorder::new(0, servers, SESSION);
    client.connect()?;
    client.ask(&Op::Create(PATH.to_owned(), vec![], 0));
    let (began, mut written) = (Instant::now(), 0);
    while began.elapsed() < PATIENCE {
        client.connect()?;
        let killed = killed.get();
        let reply = client.ask(&Op::Set(PATH.to_owned(), vec![b'f'; 100], -1));
        if reply.is_none_or(|reply| reply.err != 0) {
            continue;
        }
        written += 1;
        if written == WRITES {
            ready.fetch_add(1, Ordering::Relaxed);
        }
        if let Some(killed) = killed {
            let time = killed.elapsed();
            client.ask(&Op::Close);
            return Ok(time);
        }
    }
    Err(Failure::new("writes are not acknowledged again"))
}

//! Mixed load for a long time at a steady pace, with as much data at the end as at the beginning:
//! memory must level off, and nothing may be left of those that went. On a server alone, and on an
//! ensemble of three.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use compat_tests::bench::bulk::{bulk, push_create, push_delete};
use compat_tests::bench::histogram::Histogram;
use compat_tests::bench::load::{Load, Script};
use compat_tests::bench::report::mib;
use compat_tests::bench::target::{Measured, Target, Trio};
use compat_tests::ensemble::recorder::open_acl;
use compat_tests::server::Kind;
use compat_tests::{Failure, Result, usage};
use gamekeeper::client::{Client, CreateMode, Options};
use gamekeeper::op::op;
use jute::proto::{ExistsRequest, GetChildrenRequest, GetDataRequest, SetDataRequest};

use crate::Settings;
use crate::levels::{GROWTH_IGNORED, GROWTH_MAX, Thirds};
use crate::outcome::{Outcome, told};

/// Sessions of the steady load, their depth, and the nodes that each makes and deletes in turn.
const SESSIONS: usize = 20;
const DEPTH: u32 = 10;
const NODES: usize = 500;
/// Requests for one node, from its create to its delete.
const LIFE: u64 = 7;
/// The load comes in slices: in each of them every session works off so many nodes.
const SLICE: Duration = Duration::from_millis(100);
const NODES_PER_SLICE: u64 = 4;
/// Looks at memory; the pause between two is at most so long.
const LOOKS: u32 = 120;
const LOOK_MAX: Duration = Duration::from_secs(5);
/// A shorter soak says nothing of memory.
const JUDGED_MIN: Duration = Duration::from_secs(120);
/// Sessions that come and go between two looks, their timeout, and how long the last may take to
/// expire.
const CHURN: usize = 50;
const CHURN_TIMEOUT: Duration = Duration::from_secs(12);
const EXPIRY: Duration = Duration::from_secs(90);
/// What must be in the end as it was in the beginning.
const COUNTS: [&str; 4] =
    ["zk_znode_count", "zk_watch_count", "zk_ephemerals_count", "zk_global_sessions"];

/// What a session does again and again. Of each node that it makes nothing is left.
fn script(session: usize) -> Script {
    let mut script = Script::default();
    let parent = Some(format!("/soak/{session}"));
    for n in 0..NODES {
        let node = format!("/soak/{session}/n{n}");
        let (path, watch) = (Some(node.clone()), false);
        let get = GetDataRequest { path: path.clone(), watch };
        let data = Some(vec![b'x'; 10 + n * 7 % 2000]);
        push_create(&mut script, &node, &[b'x'; 100], 0);
        script.push(op::GET_DATA, &get);
        script.push(op::SET_DATA, &SetDataRequest { path: path.clone(), data, version: -1 });
        script.push(op::GET_DATA, &get);
        script.push(op::GET_CHILDREN, &GetChildrenRequest { path: parent.clone(), watch });
        script.push(op::EXISTS, &ExistsRequest { path, watch });
        push_delete(&mut script, &node);
    }
    script
}

/// A session comes, makes an ephemeral, watches it and its parent, and goes: by turns it closes, or
/// just hangs up.
fn visit(servers: &str, closes: bool) -> Result<()> {
    let (client, _events) = Client::connect(Options::new(servers, CHURN_TIMEOUT)?)?;
    let node = client
        .create("/churn/e-", Some(b"e"), &open_acl(), CreateMode::EphemeralSequential)
        .wait()?;
    client.get_data(&node, true).wait()?;
    client.get_children("/churn", true).wait()?;
    client.exists("/nowhere", true).wait().err();
    if closes {
        client.close()?;
    }
    Ok(())
}

/// Sessions come and go until told to stop; returns how many.
fn churn(servers: &str, pause: Duration, stop: &AtomicBool) -> Result<u64> {
    let mut visits = 0;
    while !stop.load(Ordering::Relaxed) {
        visit(servers, visits % 2 == 0)?;
        visits += 1;
        thread::sleep(pause);
    }
    Ok(visits)
}

/// What was seen of a server while it soaked.
struct Soaked {
    latencies: Histogram,
    /// MiB of each server, one for each look.
    memory: Vec<Vec<f64>>,
    visits: u64,
}

/// The pause between two looks.
fn look_every(soak: Duration) -> Duration {
    (soak / LOOKS).min(LOOK_MAX)
}

/// Keeps the load up, and looks at memory.
fn load(servers: &dyn Measured, soak: Duration) -> Result<Soaked> {
    let (addresses, pids) = (servers.addresses(), servers.pids());
    let scripts: Vec<Rc<Script>> = (0..SESSIONS).map(|i| Rc::new(script(i))).collect();
    let mut load = Load::open(&addresses, &scripts, DEPTH)?;
    load.rewind();
    let stop = Arc::new(AtomicBool::new(false));
    let churning = {
        let (stop, pause) = (Arc::clone(&stop), look_every(soak) / CHURN as u32);
        let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
        thread::spawn(move || churn(&addresses.join(","), pause, &stop))
    };
    let memory = vec![Vec::new(); pids.len()];
    let mut soaked = Soaked { latencies: Histogram::new(), memory, visits: 0 };
    let (begun, mut slice, mut looks) = (Instant::now(), Duration::ZERO, 0);
    while slice < soak && !churning.is_finished() {
        soaked.latencies.add(&load.run_each(NODES_PER_SLICE * LIFE)?.latencies);
        if begun.elapsed() >= look_every(soak) * (looks + 1) {
            looks += 1;
            for (series, pid) in soaked.memory.iter_mut().zip(&pids) {
                series.push(mib(usage::memory(*pid)?.0));
            }
        }
        slice = (slice + SLICE).max(begun.elapsed());
        thread::sleep(slice.saturating_sub(begun.elapsed()));
    }
    stop.store(true, Ordering::Relaxed);
    soaked.visits = churning.join().map_err(|_| Failure::new("the churn panicked"))??;
    load.close()?;
    Ok(soaked)
}

fn counts(servers: &dyn Measured) -> Result<Vec<u64>> {
    COUNTS.iter().map(|name| told(servers, name)).collect()
}

/// Waits until the counts are as they should be, or will not be; returns them.
fn settled(servers: &dyn Measured, right: impl Fn(&[u64]) -> bool) -> Result<Vec<u64>> {
    let since = Instant::now();
    loop {
        let now = counts(servers)?;
        if right(&now) || since.elapsed() > EXPIRY {
            return Ok(now);
        }
        thread::sleep(SLICE);
    }
}

/// Soaks one server.
pub(crate) fn soak(settings: &Settings, kind: Kind) -> Result<Outcome> {
    let target = Target::start(&settings.launch, kind)?;
    run(&target, settings.soak).map_err(|e| target.failure(&format!("fails: {e}")))
}

/// Soaks three servers that are an ensemble.
pub(crate) fn ensemble(settings: &Settings, kind: Kind) -> Result<Outcome> {
    let trio = Trio::start(&settings.launch, kind)?;
    run(&trio, settings.soak).map_err(|e| trio.failure(&format!("fails: {e}")))
}

fn run(servers: &dyn Measured, soak: Duration) -> Result<Outcome> {
    // One of them alone, for a session of another member might not see the parent yet.
    let first = &servers.addresses()[..1];
    for parent in ["/soak", "/churn"] {
        bulk(first, 1, |script, _| push_create(script, parent, b"", 0))?;
    }
    bulk(first, SESSIONS, |script, i| push_create(script, &format!("/soak/{i}"), b"", 0))?;
    let before = settled(servers, |now| now.last() == Some(&0))?;
    let cpu = usage::cpu_of(&servers.pids())?;
    let soaked = load(servers, soak)?;
    let cpu = usage::cpu_of(&servers.pids())? - cpu;
    let after = settled(servers, |now| now == before)?;
    let mut outcome = Outcome::default();
    let operations = soaked.latencies.total() as f64;
    outcome.figure("operations", operations);
    outcome.figure("operations a second", operations / soak.as_secs_f64());
    outcome.figure("sessions that came and went", soaked.visits as f64);
    outcome.ms("latency in bursts of 560, p50, ms", soaked.latencies.quantile(0.5));
    outcome.ms("the same, p99, ms", soaked.latencies.quantile(0.99));
    outcome.ms("the same, at most, ms", soaked.latencies.max());
    outcome.figure("server CPU, s", cpu.as_secs_f64());
    judge(&mut outcome, &soaked.memory, soak);
    for (name, (before, after)) in COUNTS.iter().zip(before.iter().zip(&after)) {
        outcome.require(before == after, format!("{name} was {before} and is {after}"));
    }
    Ok(outcome)
}

/// Figures of all servers together; each of them must have levelled off.
fn judge(outcome: &mut Outcome, memory: &[Vec<f64>], soak: Duration) {
    let thirds: Vec<Thirds> = memory.iter().filter_map(|series| Thirds::of(series)).collect();
    let sum = |of: fn(&Thirds) -> f64| thirds.iter().map(of).sum();
    outcome.figure("resident in the first third, at most, MiB", sum(|thirds| thirds.first));
    outcome.figure("resident in the middle third, at most, MiB", sum(|thirds| thirds.middle));
    outcome.figure("resident in the last third, at most, MiB", sum(|thirds| thirds.last));
    let growth = thirds.iter().map(Thirds::growth).fold(f64::MIN, f64::max);
    outcome.figure("growth of the last over the middle third, %", growth);
    for (thirds, series) in thirds.iter().zip(memory) {
        outcome.require(
            soak < JUDGED_MIN || thirds.level_off(),
            format!(
                "memory does not level off: {:.1} % more in the last third than in the middle one, \
                 {GROWTH_MAX} % or {GROWTH_IGNORED} MiB are allowed: {series:.1?}",
                thirds.growth()
            ),
        );
    }
}

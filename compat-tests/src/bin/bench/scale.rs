//! The rows of size: a million nodes, snapshots of them, idle sessions, and how soon a server answers.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::rc::Rc;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use compat_tests::bench::bulk::{bulk, push_create};
use compat_tests::bench::histogram::Histogram;
use compat_tests::bench::load::{Load, Script, open_session, start_session};
use compat_tests::bench::report::{Report, mib};
use compat_tests::bench::sockets;
use compat_tests::bench::target::{Measured, Target};
use compat_tests::ensemble::recorder::open_acl;
use compat_tests::server::{Kind, Server};
use compat_tests::{Failure, Result};
use gamekeeper::client::CreateMode;
use gamekeeper::op::op;
use jute::proto::{ExistsRequest, GetDataRequest, SetDataRequest};

use crate::Settings;
use crate::target::copy_dir;
use compat_tests::usage;

const MILLION: usize = 1_000_000;
/// Sessions that do nothing.
const IDLE: usize = 5000;
/// How often the start on an empty directory is measured; the median counts.
const STARTS: usize = 5;
/// Transactions between snapshots, where they are wanted and where not.
const OFTEN: &str = "20000";
const NEVER: &str = "1000000000";
/// A reply that comes later is a late one.
const LATE: Duration = Duration::from_millis(10);

/// The names of these rows.
pub(crate) const NAMES: [&str; 4] = ["start", "idle", "million", "snapshot"];

/// Runs those of the rows that are asked for.
pub(crate) fn run(settings: &Settings, names: &[&str], report: &mut Report) -> Result<()> {
    if names.contains(&"start") {
        start(settings, report)?;
    }
    if names.contains(&"idle") {
        idle(settings, report)?;
    }
    if names.contains(&"million") || names.contains(&"snapshot") {
        let data = tempfile::tempdir_in(&settings.launch.dir)?;
        million(settings, data.path(), report)?;
        if names.contains(&"snapshot") {
            snapshot(settings, data.path(), report)?;
        }
    }
    Ok(())
}

/// A name of 20 bytes.
fn million_path(i: usize) -> String {
    format!("/m/node-{i:015}")
}

/// Time from now until the server has answered a request. A server that is just starting may take a
/// connection and forget it, so there is a new attempt every few milliseconds, whatever became of
/// those before.
fn first_answer(server: &mut Server, path: &str) -> Result<Duration> {
    let since = Instant::now();
    let address = server.setup.address();
    let mut script = Script::default();
    script.push(op::EXISTS, &ExistsRequest { path: Some(path.to_owned()), watch: false });
    let (answered, answer) = channel();
    while since.elapsed() < Duration::from_secs(300) {
        if let Ok(stream) = TcpStream::connect(address) {
            let (answered, request) = (answered.clone(), script.clone());
            thread::spawn(move || {
                if start_session(&stream).is_ok() && ask(&stream, &request).is_ok() {
                    // Only the first one is waited for.
                    let _ = answered.send(since.elapsed());
                }
            });
        }
        if let Ok(time) = answer.recv_timeout(attempt_pause(since.elapsed())) {
            return Ok(time);
        }
        if server.has_ended()? {
            return Err(server.failure("ended before it answered"));
        }
    }
    Err(server.failure("does not answer in five minutes"))
}

/// One in a hundred of the time so far, from 0.5 to 20 ms: close enough, and no load for the server.
fn attempt_pause(so_far: Duration) -> Duration {
    (so_far / 100).clamp(Duration::from_micros(500), Duration::from_millis(20))
}

/// Sends the script's requests and waits for the reply of the first.
fn ask(mut stream: &TcpStream, script: &Script) -> Result<()> {
    stream.write_all(script.bytes())?;
    stream.read_exact(&mut [0; 20])?;
    Ok(())
}

fn start(settings: &Settings, report: &mut Report) -> Result<()> {
    for &kind in &settings.kinds {
        let mut times = Vec::new();
        // One more than is counted: the first one also builds what is missing.
        for _ in 0..=STARTS {
            let dir = tempfile::tempdir_in(&settings.launch.dir)?;
            let mut server = settings.launch.setup(kind, dir.path())?.spawn()?;
            times.push(first_answer(&mut server, "/")?);
        }
        let times = &mut times[1..];
        times.sort();
        let median = times[STARTS / 2].as_secs_f64() * 1e3;
        report.fact("start", "first answer on an empty dataDir, ms", kind, median);
    }
    Ok(())
}

fn idle(settings: &Settings, report: &mut Report) -> Result<()> {
    if sockets::allow_open_files()? < IDLE + 100 {
        return Err(Failure::new("idle sessions need more open files than the system allows"));
    }
    for &kind in &settings.kinds {
        let target = Target::start(&settings.launch, kind)?;
        open_session(target.address())?;
        let (before, _) = usage::memory(target.server.pid())?;
        let sessions =
            (0..IDLE).map(|_| open_session(target.address())).collect::<Result<Vec<_>>>()?;
        let (after, _) = usage::memory(target.server.pid())?;
        let each = after.saturating_sub(before) as f64 / sessions.len() as f64;
        report.fact("idle", "resident bytes for each of 5,000 idle sessions", kind, each);
    }
    Ok(())
}

/// Makes a million nodes on each server, and restarts each on the same files: those that the last
/// server wrote, which stay behind in `data`.
fn million(settings: &Settings, data: &Path, report: &mut Report) -> Result<()> {
    for (i, &kind) in settings.kinds.iter().enumerate() {
        let target = Target::start(&settings.launch, kind)?;
        let since = Instant::now();
        make_million(&target)?;
        let per_second = MILLION as f64 / since.elapsed().as_secs_f64();
        let (resident, peak) = usage::memory(target.server.pid())?;
        report.fact("million", "creates a second", kind, per_second);
        report.fact("million", "resident after 1,000,000 creates, MiB", kind, mib(resident));
        report.fact("million", "peak, MiB", kind, mib(peak));
        let (_, setup) = target.server.stop()?;
        if i + 1 == settings.kinds.len() {
            copy_dir(&setup.data_dir(), data)?;
        }
    }
    for &kind in &settings.kinds {
        restart(settings, kind, data, report)?;
    }
    Ok(())
}

fn make_million(target: &Target) -> Result<()> {
    let client = target.client()?;
    client.create("/m", None, &open_acl(), CreateMode::Persistent).wait()?;
    client.close()?;
    let data = [b'd'; 100];
    bulk(&target.addresses(), MILLION, |script, i| {
        push_create(script, &million_path(i), &data, 0);
    })
}

fn restart(settings: &Settings, kind: Kind, data: &Path, report: &mut Report) -> Result<()> {
    let dir = tempfile::tempdir_in(&settings.launch.dir)?;
    let setup = settings.launch.setup(kind, dir.path())?;
    copy_dir(data, &setup.data_dir())?;
    let mut server = setup.spawn()?;
    let time = first_answer(&mut server, &million_path(MILLION - 1))?;
    let (resident, peak) = usage::memory(server.pid())?;
    report.fact("million", "restart to the first answer, ms", kind, time.as_secs_f64() * 1e3);
    report.fact("million", "resident after the restart, MiB", kind, mib(resident));
    report.fact("million", "peak since the restart, MiB", kind, mib(peak));
    Ok(())
}

/// The latest replies under the same load, without snapshots and with them.
fn snapshot(settings: &Settings, data: &Path, report: &mut Report) -> Result<()> {
    for &kind in &settings.kinds {
        for (snap_count, how) in [(NEVER, "without"), (OFTEN, "with")] {
            let dir = tempfile::tempdir_in(&settings.launch.dir)?;
            let setup = settings.launch.setup(kind, dir.path())?.with("snapCount", snap_count);
            copy_dir(data, &setup.data_dir())?;
            let server = setup.start()?;
            // Also lets a snapshot end that the start itself has begun.
            let load = |time| {
                reads_beside_writes(server.setup.address(), time)
                    .map_err(|e| server.failure(&format!("fails: {e}")))
            };
            load(settings.time * 3)?;
            let before = snapshots(&server)?;
            let time = settings.time * 5;
            let (reads, writes) = load(time)?;
            let seconds = time.as_secs_f64();
            let taken = (snapshots(&server)? - before) as f64;
            let ms = |latency: Duration| latency.as_secs_f64() * 1e3;
            let mut fact = |what: &str, value| {
                report.fact("snapshot", &format!("{what} {how} snapshots"), kind, value);
            };
            fact("files begun,", taken);
            for (what, latencies) in [("read", reads), ("write", writes)] {
                fact(&format!("latest {what}, ms,"), ms(latencies.max()));
                fact(&format!("p99.9 of {what}s, ms,"), ms(latencies.quantile(0.999)));
                let late = latencies.later_than(LATE) as f64 / seconds;
                fact(&format!("{what}s later than {} ms, a second,", LATE.as_millis()), late);
            }
        }
    }
    Ok(())
}

fn snapshots(server: &Server) -> Result<usize> {
    let files = fs::read_dir(server.setup.data_dir().join("version-2"))?;
    Ok(files.flatten().filter(|f| f.file_name().to_string_lossy().starts_with("snapshot.")).count())
}

/// One session that reads, one request at a time, while four others write.
fn reads_beside_writes(address: SocketAddr, time: Duration) -> Result<(Histogram, Histogram)> {
    let reader = thread::spawn(move || -> Result<Histogram> {
        let mut script = Script::default();
        for i in 0..1000 {
            let path = Some(million_path(i * 997));
            script.push(op::GET_DATA, &GetDataRequest { path, watch: false });
        }
        let mut load = Load::open(&[address], &[Rc::new(script)], 1)?;
        let outcome = load.run_for(time, u64::MAX)?;
        load.close()?;
        Ok(outcome.latencies)
    });
    let mut script = Script::default();
    for i in 0..1000 {
        let (path, data) = (Some(million_path(i * 991)), Some(vec![b'e'; 100]));
        script.push(op::SET_DATA, &SetDataRequest { path, data, version: -1 });
    }
    let script = Rc::new(script);
    let mut load = Load::open(&[address], &vec![script; 4], 8)?;
    let writes = load.run_for(time, u64::MAX)?.latencies;
    load.close()?;
    let reads = reader.join().map_err(|_| Failure::new("the reader failed"))??;
    Ok((reads, writes))
}

//! The rows of throughput and latency: one operation at so many sessions, so deep, with values of
//! such a size; every target in turn.

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use compat_tests::Result;
use compat_tests::bench::bulk::{bulk, push_create, push_delete};
use compat_tests::bench::load::{Load, Script};
use compat_tests::bench::report::{Report, Sample, Samples, mib};
use compat_tests::bench::target::{Measured, Target};
use compat_tests::ensemble::recorder::open_acl;
use compat_tests::server::Kind;
use gamekeeper::client::CreateMode;
use gamekeeper::op::op;
use jute::proto::{GetDataRequest, SetDataRequest};

use crate::Settings;
use crate::echo::Echo;
use crate::target::{NODES, fill, node};
use compat_tests::usage;

/// The sizes of values, in bytes.
pub(crate) const VALUES: [usize; 2] = [100, 1024];
/// Frames of a script that has the same request all along.
const COPIES: usize = 256;
/// Where creates go.
const CREATES: &str = "/bench/c";
/// So many creates make a round: a server that makes more of them in the same time would work on a
/// larger tree, and write larger snapshots of it, than the one it is compared with.
const CREATES_MAX: u64 = 120_000;

/// What the sessions do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    Get,
    Set,
    Create,
    /// Nine gets, one set.
    Mixed,
}

/// How many servers a target is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Servers {
    Alone,
    Three,
}

/// One row.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row {
    work: Work,
    sessions: usize,
    depth: u32,
    value: usize,
}

/// All the rows; the quick ones are those of 100 bytes at 1 and 50 sessions.
pub(crate) fn all(quick: bool) -> Vec<Row> {
    let mut rows = Vec::new();
    for work in [Work::Get, Work::Set, Work::Create, Work::Mixed] {
        for depth in [1, 100] {
            for sessions in [1, 10, 50] {
                for value in VALUES {
                    if !quick || (value == VALUES[0] && sessions != 10) {
                        rows.push(Row { work, sessions, depth, value });
                    }
                }
            }
        }
    }
    rows
}

/// The rows of ensembles: those of small values, at 1 and 50 sessions.
pub(crate) fn of_ensembles() -> Vec<Row> {
    all(true)
}

impl Row {
    pub(crate) fn name(&self) -> String {
        let work = match self.work {
            Work::Get => "get",
            Work::Set => "set",
            Work::Create => "create",
            Work::Mixed => "mixed",
        };
        format!("{work}/s{}/d{}/{}B", self.sessions, self.depth, self.value)
    }

    fn writes(&self) -> bool {
        self.work != Work::Get
    }

    fn script(&self) -> Script {
        let data = vec![b'y'; self.value];
        let mut script = Script::default();
        match self.work {
            Work::Get => (0..NODES).for_each(|i| self.push_get(&mut script, i)),
            Work::Set => (0..NODES).for_each(|i| self.push_set(&mut script, i, &data)),
            Work::Mixed => (0..NODES).for_each(|i| match i % 10 {
                0 => self.push_set(&mut script, i, &data),
                _ => self.push_get(&mut script, i),
            }),
            Work::Create => (0..COPIES).for_each(|_| {
                let flags = CreateMode::PersistentSequential.flags();
                push_create(&mut script, &format!("{CREATES}/n"), &data, flags);
            }),
        }
        script
    }

    /// Numbers are strewn, so that neighbours in time are no neighbours in the tree.
    fn path(&self, i: usize) -> Option<String> {
        Some(node(self.value, i * 379 % NODES))
    }

    fn push_get(&self, script: &mut Script, i: usize) {
        script.push(op::GET_DATA, &GetDataRequest { path: self.path(i), watch: false });
    }

    fn push_set(&self, script: &mut Script, i: usize, data: &[u8]) {
        let (path, data) = (self.path(i), Some(data.to_vec()));
        script.push(op::SET_DATA, &SetDataRequest { path, data, version: -1 });
    }

    /// Loads one target for a while.
    fn measure(&self, settings: &Settings, servers: &[SocketAddr], pids: &[u32]) -> Result<Sample> {
        let script = Rc::new(self.script());
        let mut load = Load::open(servers, &vec![script; self.sessions], self.depth)?;
        let replies = if self.work == Work::Create { CREATES_MAX } else { u64::MAX };
        load.run_for(settings.time / 4, replies / 4)?;
        let (server, client) = (usage::cpu_of(pids)?, usage::cpu(std::process::id())?);
        let outcome = load.run_for(settings.time, replies)?;
        let server = usage::cpu_of(pids)? - server;
        let client = usage::cpu(std::process::id())? - client;
        load.close()?;
        let ops = outcome.latencies.total();
        let per_op = |cpu: Duration| cpu.as_secs_f64() * 1e6 / ops.max(1) as f64;
        Ok(Sample {
            ops_per_second: ops as f64 / outcome.time.as_secs_f64(),
            p50: outcome.latencies.quantile(0.5),
            p99: outcome.latencies.quantile(0.99),
            cpu_us: per_op(server),
            client_us: per_op(client),
            resident: usage::memory_of(pids)?.0,
        })
    }

    fn on_server(&self, settings: &Settings, target: &dyn Measured) -> Result<Sample> {
        if self.work != Work::Create {
            return self.measure(settings, &target.addresses(), &target.pids());
        }
        let client = target.client()?;
        client.create(CREATES, None, &open_acl(), CreateMode::Persistent).wait()?;
        let sample = self.measure(settings, &target.addresses(), &target.pids())?;
        // The client's server may be behind the one that answered last.
        client.sync(CREATES).wait()?;
        let made = client.exists(CREATES, false).wait()?.num_children;
        bulk(&target.addresses(), usize::try_from(made).unwrap_or(0), |script, i| {
            push_delete(script, &format!("{CREATES}/n{i:010}"));
        })?;
        client.delete(CREATES, -1).wait()?;
        client.close()?;
        Ok(sample)
    }

    fn on_echo(&self, settings: &Settings) -> Result<Sample> {
        let echo = Echo::start(self.value, None)?;
        self.measure(settings, &[echo.address], &echo.pids())
    }

    fn on_durable_echo(&self, settings: &Settings, servers: Servers) -> Result<Sample> {
        let dir = tempfile::tempdir_in(&settings.launch.dir)?;
        let echo = match servers {
            Servers::Alone => Echo::start(self.value, Some(&dir.path().join("log")))?,
            Servers::Three => Echo::start_quorum(self.value, dir.path())?,
        };
        self.measure(settings, &[echo.address], &echo.pids())
    }

    /// All targets in turn, and that so many times.
    pub(crate) fn run(
        &self,
        settings: &Settings,
        targets: &[&dyn Measured],
        servers: Servers,
    ) -> Result<Samples> {
        let mut samples = Samples::default();
        for _ in 0..settings.rounds {
            for &target in targets {
                let kept = match target.kind() {
                    Kind::Ours => &mut samples.ours,
                    Kind::Java | Kind::Release(_) => &mut samples.java,
                };
                let sample = self.on_server(settings, target);
                kept.push(sample.map_err(|e| target.failure(&format!("fails: {e}")))?);
            }
            // Reads that are spread over three servers have three echoes' worth of machine.
            if servers == Servers::Alone {
                samples.echo.push(self.on_echo(settings)?);
            }
            if self.writes() {
                samples.durable.push(self.on_durable_echo(settings, servers)?);
            }
        }
        Ok(samples)
    }
}

/// Starts the servers, warms them up, measures all the rows.
pub(crate) fn run(settings: &Settings, rows: &[Row], report: &mut Report) -> Result<()> {
    if rows.is_empty() {
        return Ok(());
    }
    let mut targets = Vec::new();
    for &kind in &settings.kinds {
        let target = Target::start(&settings.launch, kind)?;
        fill(&target, &VALUES)?;
        warm_up(settings, &target)?;
        targets.push(target);
    }
    report.begin_rows();
    let measured: Vec<&dyn Measured> = targets.iter().map(|target| target as _).collect();
    for row in rows {
        report.row(&row.name(), row.run(settings, &measured, Servers::Alone)?);
    }
    for target in &targets {
        let (_, peak) = usage::memory(target.server.pid())?;
        report.fact("rows", "peak memory over all rows, MiB", target.server.setup.kind, mib(peak));
    }
    Ok(())
}

/// Seconds of load, for a JVM to compile what it will run.
pub(crate) fn warm_up(settings: &Settings, target: &dyn Measured) -> Result<()> {
    for work in [Work::Get, Work::Set, Work::Create, Work::Mixed] {
        for depth in [1, 100] {
            let row = Row { work, sessions: 10, depth, value: VALUES[0] };
            let settings = Settings { time: settings.warm_up, ..settings.clone() };
            row.on_server(&settings, target)?;
        }
    }
    Ok(())
}

//! A class of tests in a JVM of its own: with a directory, a range of ports and a limit of time, all of
//! which end with it, and so do the servers that it started.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tempfile::TempDir;

use super::Suite;
use super::lists::Needs;
use super::outcome::{Line, parse};
use crate::java::Built;
use crate::{Failure, Result};

/// Options of a JVM that shares the machine with others.
const SMALL: [&str; 3] = ["-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"];
/// How long a class may take that says nothing else.
const LIMIT: Duration = Duration::from_secs(300);
/// How long the dump of the threads of one that hangs may take.
const DUMP: Duration = Duration::from_secs(2);
const GLANCE: Duration = Duration::from_millis(20);
/// Lines that are shown of a log.
const TAIL_LINES: usize = 25;
/// PortAssignment splits the ports from 11221 to 32767 among so many, and uses all but the first.
const SLICES: usize = 80;
const FIRST_PORT: usize = 11_221;
const LAST_PORT: usize = 32_767;
/// The super user that the published tests expect (its surefire configuration).
const SUPER_DIGEST: &str = "super:D/InIHSb7yEEbrWz8b9l71RjZJU=";

/// What all the JVMs have in common.
pub(super) struct Harness {
    suite: Suite,
    class_path: OsString,
    /// The jars of tests.
    tests: Vec<PathBuf>,
    /// What every JVM is told: how it logs, and what lets tests change classes.
    common: Vec<OsString>,
    /// What the shim starts.
    server: String,
    next_slice: AtomicUsize,
    /// The runner's classes without the shim's; empty where the shim is used.
    _runner: TempDir,
}

/// What a JVM left.
pub(super) struct Ran {
    /// What it told of its tests.
    pub(super) lines: Vec<Line>,
    /// How long it took.
    pub(super) took: Duration,
    /// What went wrong with the JVM itself, with whatever helps.
    pub(super) trouble: Option<String>,
}

impl Ran {
    /// That it could not even be started.
    pub(super) fn failed(why: &Failure) -> Self {
        Self { lines: Vec::new(), took: Duration::ZERO, trouble: Some(why.to_string()) }
    }
}

impl Harness {
    /// Our server behind the shim or, without the shim, Java's own in the JVM of the tests.
    pub(super) fn new(suite: Suite, built: &Built, server: Option<&Path>) -> Result<Self> {
        let runner = TempDir::new()?;
        let classes = match server {
            Some(_) => built.classes.as_path(),
            None => {
                copy(&built.classes.join("gamekeeper"), &runner.path().join("gamekeeper"))?;
                runner.path()
            }
        };
        let class_path = std::env::join_paths(
            std::iter::once(classes).chain(built.jars.iter().map(|jar| jar.as_path())),
        )?;
        let is_tests = |jar: &&PathBuf| jar.to_string_lossy().ends_with("-tests.jar");
        let tests: Vec<PathBuf> = built.jars.iter().filter(is_tests).cloned().collect();
        let next_slice = AtomicUsize::new(std::process::id() as usize);
        let server = server.map_or_else(String::new, |path| path.display().to_string());
        let common = common_options(built);
        Ok(Self { suite, class_path, tests, common, server, next_slice, _runner: runner })
    }

    /// The classes of the jars that have tests, or that cannot even be loaded behind the shim.
    pub(super) fn classes_with_tests(&self) -> Result<BTreeSet<String>> {
        let mut classes = BTreeSet::new();
        for jar in &self.tests {
            let dir = TempDir::new()?;
            let results = dir.path().join("results");
            let mut command = self.java(dir.path(), &[])?;
            let status = command.arg("list").arg(&results).arg(jar).status()?;
            let lines = parse(&fs::read_to_string(&results)?);
            if !status.success() || lines.last().is_none_or(|line| line.kind != "end") {
                let jar = jar.display();
                return Err(Failure::new(format!("cannot list the classes of {jar}")));
            }
            let with_tests =
                lines.iter().filter(|line| line.kind == "tests" || line.kind == "unloadable");
            classes.extend(with_tests.map(|line| line.test.clone()));
        }
        Ok(classes)
    }

    /// Runs the methods `only` of a class, or all, but never `except`.
    pub(super) fn run(
        &self,
        class: &str,
        only: &BTreeSet<String>,
        except: &BTreeSet<String>,
        needs: &Needs,
    ) -> Result<Ran> {
        let dir = TempDir::with_prefix("upstream-")?;
        let results = dir.path().join("results");
        let (slice, _lock) = self.take_slice()?;
        let mut properties = needs.properties.clone();
        properties.push(format!("-Dzookeeper.junit.threadid={slice}"));
        let mut command = self.java(dir.path(), &properties)?;
        command.arg("run").arg(&results).arg(format!("{}{class}", self.suite.package));
        command.args(only.iter().map(|method| format!("+{method}")));
        command.args(except.iter().map(|method| format!("-{method}")));
        let start = Instant::now();
        // The pipe is closed when this process ends, however it ends, and then the JVM ends too.
        let mut child = command.process_group(0).stdin(Stdio::piped()).spawn()?;
        let limit = needs.limit.map_or(LIMIT, Duration::from_secs);
        let status = wait(&mut child, limit);
        // Whoever is still there belongs to this class: its process group is its own.
        kill_group(&child);
        child.wait()?;
        let lines = parse(&fs::read_to_string(&results).unwrap_or_default());
        let trouble = trouble(status?, limit, &lines, dir.path());
        Ok(Ran { lines, took: start.elapsed(), trouble })
    }

    fn java(&self, dir: &Path, properties: &[String]) -> Result<Command> {
        let servers = dir.join("servers");
        fs::create_dir_all(&servers)?;
        let out = File::create(dir.join("out"))?;
        let mut command = Command::new("java");
        command.args(SMALL).args(&self.common).current_dir(dir).stdin(Stdio::null());
        command.stdout(out.try_clone()?).stderr(out);
        command.arg(format!("-Dbuild.test.dir={}", dir.join("build").display()));
        command.arg(format!("-Djava.io.tmpdir={}", dir.display()));
        command.arg(format!("-Dtest.junit.threads={SLICES}"));
        command.arg(format!("-Dzookeeper.DigestAuthenticationProvider.superDigest={SUPER_DIGEST}"));
        command.arg(format!("-Dupstream.dir={}", dir.display()));
        command.arg(format!("-Dupstream.work={}", servers.display()));
        command.arg(format!("-Dupstream.command={}", self.server));
        command.args(properties);
        command.arg("-cp").arg(&self.class_path).arg("gamekeeper.upstream.Main");
        Ok(command)
    }

    /// A share of the ports that no other run on this machine has, as long as the socket is kept.
    fn take_slice(&self) -> Result<(usize, TcpListener)> {
        for _ in 0..SLICES {
            let slice = self.next_slice.fetch_add(1, Ordering::Relaxed) % SLICES;
            let first = FIRST_PORT + slice * ((LAST_PORT - FIRST_PORT) / SLICES);
            if let Ok(lock) = TcpListener::bind((Ipv4Addr::LOCALHOST, u16::try_from(first)?)) {
                return Ok((slice + 1, lock));
            }
        }
        Err(Failure::new("all shares of the ports are taken"))
    }
}

/// How a JVM logs, with either of the two loggers, and the agent through which some of the tests change
/// classes while they run.
fn common_options(built: &Built) -> Vec<OsString> {
    let mut options = vec![OsString::from("-Dorg.slf4j.simpleLogger.defaultLogLevel=warn")];
    let mut logback = OsString::from("-Dlogback.configurationFile=");
    logback.push(built.classes.join("logback.xml"));
    options.push(logback);
    let is_agent = |jar: &&PathBuf| jar.to_string_lossy().contains("/jmockit-");
    if let Some(jar) = built.jars.iter().find(is_agent) {
        let mut agent = OsString::from("-javaagent:");
        agent.push(jar);
        options.push(agent);
    }
    options
}

/// Copies a directory with what is in it.
fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let path = entry?.path();
        let target = to.join(path.file_name().unwrap_or_default());
        if path.is_dir() {
            copy(&path, &target)?;
        } else {
            fs::copy(&path, &target)?;
        }
    }
    Ok(())
}

fn pid_of(child: &Child) -> Option<Pid> {
    i32::try_from(child.id()).ok().and_then(Pid::from_raw)
}

fn kill_group(child: &Child) {
    if let Some(pid) = pid_of(child) {
        // Nobody is left in most cases.
        let _ = kill_process_group(pid, Signal::KILL);
    }
}

/// Waits for its end; None if the time is up, and then it has been asked to print its threads.
fn wait(child: &mut Child, limit: Duration) -> Result<Option<ExitStatus>> {
    let deadline = Instant::now() + limit;
    while Instant::now() < deadline {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        thread::sleep(GLANCE);
    }
    if let Some(pid) = pid_of(child) {
        // It may end at this very moment.
        let _ = kill_process(pid, Signal::QUIT);
        thread::sleep(DUMP);
    }
    Ok(None)
}

/// What is wrong with a JVM that ended this way, if anything is.
fn trouble(
    status: Option<ExitStatus>,
    limit: Duration,
    lines: &[Line],
    dir: &Path,
) -> Option<String> {
    let ended = lines.last().is_some_and(|line| line.kind == "end");
    let out = fs::read(dir.join("out")).unwrap_or_default();
    let out = String::from_utf8_lossy(&out);
    match status {
        Some(status) if status.success() && ended => None,
        Some(status) => Some(format!("the JVM ended with {status}:\n{}", tail(&out))),
        None => Some(format!(
            "took longer than {} s; its main thread:\n{}\n{}",
            limit.as_secs(),
            main_thread(&out),
            server_tails(&dir.join("servers"))
        )),
    }
}

fn main_thread(out: &str) -> String {
    let from = out.lines().skip_while(|line| !line.starts_with("\"main\""));
    from.take_while(|line| !line.is_empty()).take(TAIL_LINES).collect::<Vec<_>>().join("\n")
}

fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
}

/// The ends of the logs of the servers that logged last.
fn server_tails(servers: &Path) -> String {
    let entries = fs::read_dir(servers).into_iter().flatten().flatten();
    let mut logs: Vec<PathBuf> = entries.map(|entry| entry.path().join("server.log")).collect();
    logs.sort_by_key(|log| fs::metadata(log).and_then(|meta| meta.modified()).ok());
    let mut text = String::new();
    for log in logs.iter().rev().take(3) {
        let bytes = fs::read(log).unwrap_or_default();
        let server = log.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy();
        text.push_str(&format!("--- {server}:\n{}\n", tail(&String::from_utf8_lossy(&bytes))));
    }
    text
}

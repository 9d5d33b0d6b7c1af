//! The server is stopped, another one is started on its dataDir and its port, and no client notices:
//! every field of every node is as it was, and sessions, ephemerals and watches live on.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use compat_tests::server::{Kind, Server, Setup};
use compat_tests::{Failure, Result, java};

/// `super:swap`, as `DigestAuthenticationProvider.generateDigest` has it.
const SUPER: &str = "super:RbSZsbAbnU+95BF70sZUvIUQK3E=";

/// How the server goes.
#[derive(Clone, Copy, PartialEq)]
enum End {
    Stopped,
    Killed,
}

#[test]
fn java_to_java_and_back() -> Result<()> {
    swap(Kind::Java, Kind::Java, End::Stopped)
}

#[test]
fn java_killed_to_java_and_back() -> Result<()> {
    swap(Kind::Java, Kind::Java, End::Killed)
}

#[test]
fn java_to_ours_and_back() -> Result<()> {
    swap(Kind::Java, Kind::Ours, End::Stopped)
}

#[test]
fn ours_to_java_and_back() -> Result<()> {
    swap(Kind::Ours, Kind::Java, End::Stopped)
}

#[test]
fn java_killed_to_ours_killed_and_back() -> Result<()> {
    swap(Kind::Java, Kind::Ours, End::Killed)
}

/// A program that stays connected while the servers change.
struct Writer {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Writer {
    fn start(servers: &str) -> Result<Self> {
        let mut command = java::program_command("SwapWriter", &[servers])?;
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(Failure::new("the writer has no pipes"));
        };
        let mut writer = Self { child, input, output: BufReader::new(output) };
        writer.wait_done()?;
        Ok(writer)
    }

    fn say(&mut self, word: &str) -> Result<()> {
        writeln!(self.input, "{word}")?;
        self.wait_done()
    }

    /// Waits for `done`; anything else is the failure that the program tells before it ends.
    fn wait_done(&mut self) -> Result<()> {
        let mut told = String::new();
        loop {
            let mut line = String::new();
            if self.output.read_line(&mut line)? == 0 {
                return Err(Failure::new(format!("the writer ended:\n{told}")));
            }
            if line.trim_end() == "done" {
                return Ok(());
            }
            told.push_str(&line);
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // One that has ended already cannot be killed, and need not be.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn setup(kind: Kind, dir: &Path, port: u16) -> Result<Setup> {
    let mut setup = Setup::new(kind, dir)?
        .with("extendedTypesEnabled", "true")
        .with("snapCount", "200")
        .with("DigestAuthenticationProvider.superDigest", SUPER)
        .with_property("znode.container.checkIntervalMs", "10000");
    setup.port = port;
    Ok(setup)
}

/// All nodes as text; the server must not have found a digest that is wrong on its way.
fn dump(server: &Server) -> Result<String> {
    let log = server.log();
    if let Some(line) = log.lines().find(|line| line.to_lowercase().contains("mismatch")) {
        return Err(server.failure(&format!("complains of a digest: {line}")));
    }
    java::run("SwapReader", &[&server.connect_string()])
        .map_err(|e| server.failure(&format!("and {e}")))
}

/// The first lines that differ.
fn compare(before: &str, after: &str, what: &str) -> Result<()> {
    if before == after {
        return Ok(());
    }
    let lines = before.lines().zip(after.lines()).find(|(before, after)| before != after);
    let (before, after) = lines.unwrap_or(("", "more or fewer lines"));
    Err(Failure::new(format!("{what} changed\nfrom {before}\nto   {after}")))
}

fn replace(server: Server, kind: Kind, end: End) -> Result<Server> {
    let Setup { dir, port, .. } = match end {
        End::Stopped => server.stop()?.1,
        End::Killed => server.kill()?,
    };
    setup(kind, &dir, port)?.start()
}

/// From the one to the other and back again, the clients connected all the time.
fn swap(one: Kind, other: Kind, end: End) -> Result<()> {
    let dir = tempfile::tempdir()?;
    let port = compat_tests::server::free_port()?;
    let mut server = setup(one, dir.path(), port)?.start()?;
    let mut writer = Writer::start(&server.connect_string())?;
    for kind in [other, one] {
        let before = dump(&server)?;
        let from = server.setup.kind;
        server = replace(server, kind, end)?;
        compare(&before, &dump(&server)?, &format!("from {from} to {kind}, a node"))?;
        writer.say("swapped").map_err(|e| server.failure(&format!("serves wrongly: {e}")))?;
    }
    writer.say("close")?;
    let left = dump(&server)?;
    if left.contains("/swap/eph-") || left.contains("/swap/seq/eph-") {
        return Err(server.failure("keeps ephemerals of closed sessions"));
    }
    Ok(())
}

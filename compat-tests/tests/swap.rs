//! The server is stopped, another one is started on its dataDir and its port, and no client notices:
//! every field of every node is as it was, and sessions, ephemerals and watches live on.

use std::path::Path;

use compat_tests::program::Program;
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
fn writer(servers: &str) -> Result<Program> {
    let mut writer = Program::start(java::program_command("SwapWriter", &[servers])?)?;
    writer.wait_done()?;
    Ok(writer)
}

fn say(writer: &mut Program, word: &str) -> Result<()> {
    writer.say(word)?;
    writer.wait_done().map(drop)
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
    if let Some(line) = server.wrong_digest()? {
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
    let mut writer = writer(&server.patient_connect_string())?;
    for kind in [other, one] {
        let before = dump(&server)?;
        let from = server.setup.kind;
        server = replace(server, kind, end)?;
        compare(&before, &dump(&server)?, &format!("from {from} to {kind}, a node"))?;
        say(&mut writer, "swapped").map_err(|e| server.failure(&format!("serves wrongly: {e}")))?;
    }
    say(&mut writer, "close")?;
    let left = dump(&server)?;
    if left.contains("/swap/eph-") || left.contains("/swap/seq/eph-") {
        return Err(server.failure("keeps ephemerals of closed sessions"));
    }
    Ok(())
}

//! Each version of Java's server that people still run writes a dataDir, ours takes it over, goes on
//! writing, and hands it back to that same version: stopped the first time, killed in the middle of a
//! write the second. Every field of every node is the same each time, and sessions live on.
//!
//! A small part of the matrix is always run; all of it, with a table, by
//! `cargo test -p compat-tests --test data_dirs -- --ignored --nocapture`.

mod nodes;
mod torn;
mod world;

use std::path::Path;

use compat_tests::server::{self, Kind, Server, Setup};
use compat_tests::{Failure, Result};

use world::World;

/// `super:swap`, as `DigestAuthenticationProvider.generateDigest` has it.
const SUPER: &str = "super:RbSZsbAbnU+95BF70sZUvIUQK3E=";

/// A version of Java's server, and how it writes snapshots.
#[derive(Clone, Copy)]
struct Cell {
    version: &'static str,
    /// `snapshot.compression.method`, empty for none.
    compression: &'static str,
}

impl Cell {
    /// Whose server it is.
    fn kind(self) -> Kind {
        if self.version == "3.9.5" { Kind::Java } else { Kind::Release(self.version) }
    }

    /// Whether this version is at least 3.`minor`.
    fn since(self, minor: u32) -> bool {
        let found = self.version.split('.').nth(1).and_then(|minor| minor.parse().ok());
        found.is_some_and(|found: u32| found >= minor)
    }
}

#[test]
fn java_3_4() -> Result<()> {
    there_and_back(Cell { version: "3.4.14", compression: "" }).map(drop)
}

#[test]
fn java_3_8_gz() -> Result<()> {
    there_and_back(Cell { version: "3.8.6", compression: "gz" }).map(drop)
}

/// All versions and all ways of compression; prints a line for each.
#[test]
#[ignore = "takes minutes, and fetches six versions of the server"]
fn matrix() -> Result<()> {
    println!("| version | snapshots | handed over | nodes compared | logs torn | verdict |");
    println!("|---|---|---|---|---|---|");
    let mut failures = String::new();
    for version in ["3.4.14", "3.5.10", "3.6.4", "3.7.2", "3.8.6", "3.9.5"] {
        for compression in ["", "gz", "snappy"] {
            let cell = Cell { version, compression };
            if !compression.is_empty() && !cell.since(6) {
                continue;
            }
            let plain = if compression.is_empty() { "plain" } else { compression };
            match there_and_back(cell) {
                Ok(tally) => println!("| {version} | {plain} | {tally} | same |"),
                Err(e) => {
                    println!("| {version} | {plain} | | | | FAILED |");
                    failures += &format!("{version} {plain}: {e}\n\n");
                }
            }
        }
    }
    if failures.is_empty() { Ok(()) } else { Err(Failure::new(failures)) }
}

/// What was done.
#[derive(Default)]
struct Tally {
    takeovers: usize,
    nodes: usize,
    torn: usize,
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} | {} | {}", self.takeovers, self.nodes, self.torn)
    }
}

/// How the server goes.
#[derive(Clone, Copy, PartialEq)]
enum End {
    Stopped,
    /// Killed while it wrote.
    Torn,
}

fn setup(cell: Cell, kind: Kind, dir: &Path, port: u16) -> Result<Setup> {
    let mut setup = Setup::new(kind, dir)?
        .with("extendedTypesEnabled", "true")
        // Sessions live through a slow start, and the log is not all there is to read.
        .with("tickTime", "6000")
        .with("snapCount", "100")
        .with("DigestAuthenticationProvider.superDigest", SUPER);
    if !cell.compression.is_empty() {
        setup = setup.with("snapshot.compression.method", cell.compression);
    }
    setup.port = port;
    Ok(setup)
}

/// Java, ours, Java, ours, Java; the same two sessions all the time.
fn there_and_back(cell: Cell) -> Result<Tally> {
    let dir = tempfile::tempdir()?;
    let port = server::free_port()?;
    let mut tally = Tally::default();
    let mut server = setup(cell, cell.kind(), dir.path(), port)?.start()?;
    let failure = |server: &Server, e: Failure| server.failure(&format!("and {e}"));
    let servers = server.patient_connect_string();
    let mut world = World::new(cell, &servers).map_err(|e| failure(&server, e))?;
    let turns = [
        (Kind::Ours, End::Stopped),
        (cell.kind(), End::Stopped),
        (Kind::Ours, End::Torn),
        (cell.kind(), End::Torn),
    ];
    for (kind, end) in turns {
        world.fill().map_err(|e| failure(&server, e))?;
        let before = world.nodes().map_err(|e| failure(&server, e))?;
        server = replace(server, setup(cell, kind, dir.path(), port)?, end)?;
        world.reconnected().map_err(|e| failure(&server, e))?;
        let after = world.nodes().map_err(|e| failure(&server, e))?;
        nodes::compare(&before, &after).map_err(|e| failure(&server, e))?;
        complaints(&server)?;
        tally.takeovers += 1;
        tally.nodes += after.len();
        tally.torn += usize::from(end == End::Torn);
    }
    world.fill().map_err(|e| failure(&server, e))?;
    world.close().map_err(|e| failure(&server, e))?;
    snapshots_are(cell, dir.path())?;
    Ok(tally)
}

fn replace(server: Server, next: Setup, end: End) -> Result<Server> {
    let Setup { dir, .. } = match end {
        End::Stopped => server.stop()?.1,
        End::Torn => server.kill()?,
    };
    if end == End::Torn {
        torn::tear_newest_log(&dir.join("data/version-2"))?;
    }
    next.start()
}

/// No server may have found on its way that something in the files is not as it should be.
fn complaints(server: &Server) -> Result<()> {
    let log = server.log().to_lowercase();
    let bad = ["crc check", "severe", "problem reading snap"];
    let line = log.lines().find(|line| bad.iter().any(|bad| line.contains(bad)));
    match line.map(str::to_owned).or(server.wrong_digest()?) {
        Some(line) => Err(server.failure(&format!("complains: {line}"))),
        None => Ok(()),
    }
}

/// Both servers have written snapshots as they were told to.
fn snapshots_are(cell: Cell, dir: &Path) -> Result<()> {
    let mut names = vec![];
    for entry in std::fs::read_dir(dir.join("data/version-2"))? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    let snapshots: Vec<_> = names.iter().filter(|name| name.starts_with("snapshot.")).collect();
    let as_told = |name: &&&String| match cell.compression {
        "" => !name.ends_with(".gz") && !name.ends_with(".snappy"),
        compression => name.ends_with(&format!(".{compression}")),
    };
    match snapshots.len() > 4 && snapshots.iter().all(|name| as_told(&name)) {
        true => Ok(()),
        false => Err(Failure::new(format!("expected {:?}: {names:?}", cell.compression))),
    }
}

//! What a member does with what it has logged, as long as no leader says that it was committed.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

use compat_tests::ensemble::PATIENCE;
use compat_tests::ensemble::recorder::{Op, Recorder};
use compat_tests::ports::free_ports;
use compat_tests::server::{Kind, Server, Setup};
use compat_tests::{Failure, Result};
use tempfile::TempDir;

fn snapshots(setup: &Setup) -> Result<BTreeSet<OsString>> {
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(setup.data_dir().join("version-2"))? {
        let name = entry?.file_name();
        if name.to_string_lossy().starts_with("snapshot.") {
            names.insert(name);
        }
    }
    Ok(names)
}

/// A log with a session and a node behind the newest snapshot, as a crash leaves it.
fn crashed(dir: &TempDir) -> Result<Setup> {
    let server = Setup::new(Kind::Ours, dir.path())?.start()?;
    let mut client = Recorder::new(0, &[server.setup.address()], PATIENCE);
    client.connect()?;
    client.ask(&Op::Create("/a".to_owned(), vec![], 0));
    server.kill()
}

fn wait_for_words(server: &Server) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while server.four_letter_word("srvr").map_or(true, |answer| answer.is_empty()) {
        if Instant::now() > deadline {
            return Err(server.failure("answers no four-letter word"));
        }
        sleep(Duration::from_millis(20));
    }
    Ok(())
}

/// A snapshot of it could not be gone back behind when the leader says so.
#[test]
fn it_is_not_made_part_of_a_snapshot() -> Result<()> {
    let dir = tempfile::Builder::new().prefix("uncommitted-").tempdir()?;
    let mut setup = crashed(&dir)?;
    let before = snapshots(&setup)?;
    fs::write(setup.data_dir().join("myid"), "1\n")?;
    for (member, ports) in free_ports(6)?.chunks(2).enumerate() {
        let address = format!("127.0.0.1:{}:{}", ports[0], ports[1]);
        setup = setup.with(&format!("server.{}", member + 1), &address);
    }
    let server = setup.with("initLimit", "10").with("syncLimit", "5").spawn()?;
    wait_for_words(&server)?;
    let (_, setup) = server.stop()?;
    let after = snapshots(&setup)?;
    if after == before {
        return Ok(());
    }
    Err(Failure::new(format!("there were the snapshots {before:?}, and are {after:?}")))
}

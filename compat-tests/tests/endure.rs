//! `endure` with a little of everything, so that it keeps working: its loads in full are by command.

use std::net::TcpStream;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use compat_tests::bench::bulk::create_request;
use compat_tests::bench::load::{ask, open_session};
use compat_tests::server::{Kind, Setup};
use compat_tests::{Failure, Result};
use gamekeeper::op::op;

/// Writes of a session: enough for some snapshots, each of which needs a file, as does the next log.
const WRITES: usize = 500;

fn endure(options: &[&str]) -> Result<(bool, String)> {
    let output = Command::new(env!("CARGO_BIN_EXE_endure")).args(options).output()?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok((output.status.success(), text(&output.stdout) + &text(&output.stderr)))
}

#[test]
fn a_little_of_every_load_is_served() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let dir = dir.path().to_str().ok_or_else(|| Failure::new("a directory that is no text"))?;
    let (served, told) = endure(&[
        "--ours-only",
        "--dir",
        dir,
        "--sessions=300",
        "--ticks=1",
        "--watches=400",
        "--connects=50",
        "--connecting=1",
        "--children=2000",
        "--seconds=2",
    ])?;
    assert!(served, "{told}");
    for row in ["idle", "watches", "connects", "children", "soak", "ensemble"] {
        assert!(told.contains(&format!("{row:10} gamekeeper: served")), "{row}: {told}");
    }
    Ok(())
}

#[test]
fn what_is_not_served_fails() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let dir = dir.path().to_str().ok_or_else(|| Failure::new("a directory that is no text"))?;
    let too_many = ["--connects=1000000", "--connecting=0.1"];
    let (served, told) =
        endure(&[&["--ours-only", "--dir", dir, "--only=connects"], &too_many[..]].concat())?;
    assert!(!served && told.contains("connects   gamekeeper: NOT SERVED"), "{told}");
    Ok(())
}

#[test]
fn a_load_that_there_is_not_fails() -> Result<()> {
    let (served, told) = endure(&["--only=nothing"])?;
    assert!(!served && told.contains("nothing"), "{told}");
    Ok(())
}

/// Sessions until one is refused.
fn fill(setup: &Setup, most: u32) -> Vec<TcpStream> {
    (0..most).map_while(|_| open_session(setup.address()).ok()).collect()
}

/// A JVM takes all files that the system allows, whatever the shell says; with ours, clients leave it
/// enough of them to go on.
#[test]
fn clients_take_the_files_that_are_allowed_save_those_that_the_server_needs() -> Result<()> {
    let (soft, hard) = (150, 400);
    let dir = tempfile::tempdir()?;
    let mut setup = Setup::new(Kind::Ours, dir.path())?.with("snapCount", "100");
    setup.files = Some((soft, hard));
    let mut server = setup.start()?;
    let mut sessions = fill(&server.setup, hard);
    let taken = sessions.len();
    assert!(taken > soft as usize && taken < hard as usize, "{taken} sessions were taken");
    for n in 0..WRITES {
        ask(&sessions[0], op::CREATE, &create_request(&format!("/n{n}"), b"", 0))
            .map_err(|e| server.failure(&format!("refuses write {n}: {e}")))?;
    }
    sessions.truncate(taken / 2);
    // The places of those that hung up are free as soon as the server knows.
    let deadline = Instant::now() + Duration::from_secs(60);
    let mut more = Vec::new();
    while more.len() < taken / 4 && Instant::now() < deadline {
        more.extend(fill(&server.setup, hard));
        thread::sleep(Duration::from_millis(10));
    }
    assert!(more.len() >= taken / 4, "only {} of {taken} places are free again", more.len());
    assert!(!server.has_ended()?, "{}", server.log_tail());
    Ok(())
}

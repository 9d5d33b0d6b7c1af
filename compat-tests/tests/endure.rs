//! `endure` with a little of everything, so that it keeps working: its loads in full are by command.

use std::process::Command;

use compat_tests::{Failure, Result};

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
    for row in ["idle", "watches", "connects", "children", "soak"] {
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

//! `zkCleanup.sh`. Its script reads the directories from `zoo.cfg`, so here the binary is asked.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use compat_tests::{Result, java, server};

use super::both::{Both, golden};

/// Five snapshots and six logs, all of one age.
fn fill(side: &Path) -> Result<()> {
    let dir = side.join("version-2");
    fs::create_dir_all(&dir)?;
    for zxid in [1, 0x10, 0x20, 0x30, 0x40] {
        fs::copy(golden("3.9.5/snapshot.1a"), dir.join(format!("snapshot.{zxid:x}")))?;
        fs::copy(golden("3.9.5/log.1"), dir.join(format!("log.{:x}", zxid + 1)))?;
    }
    fs::copy(golden("3.9.5/log.1"), dir.join("log.1"))?;
    let age = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_314_909);
    for entry in fs::read_dir(&dir)? {
        File::options().append(true).open(entry?.path())?.set_modified(age)?;
    }
    Ok(())
}

fn names(side: &Path) -> Result<BTreeSet<String>> {
    let entries = fs::read_dir(side.join("version-2"))?;
    entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
}

#[test]
fn the_same_files_are_removed() -> Result<()> {
    let both = Both::new()?;
    let sides = both.sides();
    for side in &sides {
        fill(side)?;
    }
    for line in ["", ". -n 2", ". -n x", "missing -n 3", ". -m 3", ". -n 3", ". . -n 3"] {
        let mut ours = Command::new(server::our_tool("gamekeeper")?);
        let mut tools = [java::tool("org.apache.zookeeper.server.PurgeTxnLog")?, {
            ours.arg("purge");
            ours
        }];
        let mut printed = Vec::new();
        for (tool, side) in tools.iter_mut().zip(&sides) {
            let output =
                tool.args(line.split_whitespace()).env("TZ", "UTC").current_dir(side).output()?;
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            let lines: BTreeSet<String> = text.lines().map(|l| l.replace("./", "")).collect();
            printed.push((lines, output.status.code()));
        }
        assert_eq!(printed[0], printed[1], "{line}");
        assert_eq!(names(&sides[0])?, names(&sides[1])?, "{line}");
    }
    assert_eq!(names(&sides[1])?.len(), 7, "three snapshots, and the logs that they need");
    Ok(())
}

//! `zkServer.sh status` of members whose clients' port stands nowhere but in the list of servers, in
//! `zoo.cfg` or in a dynamic file. Beside Java's script, with `COMPAT_ZK_BIN` naming its directory, which
//! Maven does not have: `cargo test -p compat-tests --test status -- --ignored`

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use compat_tests::ensemble::members::Members;
use compat_tests::server::Kind::{self, Java, Ours};
use compat_tests::{Failure, Result, java, server};

/// Where the list of servers is.
#[derive(Debug, Clone, Copy)]
enum List {
    Static,
    Dynamic,
}

/// How a server's line goes on behind the ports of the members: with an address for clients or without.
#[derive(Debug, Clone, Copy)]
enum Clients {
    Anywhere,
    Loopback,
}

impl Clients {
    fn address(self) -> &'static str {
        match self {
            Self::Anywhere => "localhost",
            Self::Loopback => "127.0.0.1",
        }
    }

    fn text(self, port: u16) -> String {
        match self {
            Self::Anywhere => format!(";{port}"),
            Self::Loopback => format!(";127.0.0.1:{port}"),
        }
    }
}

/// Members that have no port for clients but in the list.
fn prepare(kinds: &[Kind], list: List, clients: Clients) -> Result<Members> {
    let mut members = Members::prepare(kinds)?;
    let line = |members: &Members, other: usize| {
        let end = clients.text(members.setups[other].port);
        (format!("server.{}", other + 1), members.address(other, "127.0.0.1") + &end)
    };
    let lines: Vec<_> = (0..kinds.len()).map(|other| line(&members, other)).collect();
    for member in 0..kinds.len() {
        members.set(member, "clientPort", "");
        members.set(member, "clientPortAddress", "");
        match list {
            List::Static => lines.iter().for_each(|(key, line)| members.set(member, key, line)),
            List::Dynamic => {
                let file = members.setups[member].dir.join("members.dynamic");
                let text: String = lines.iter().map(|(k, line)| format!("{k}={line}\n")).collect();
                fs::write(&file, text)?;
                members.set(member, "dynamicConfigFile", &file.display().to_string());
            }
        }
    }
    Ok(members)
}

/// What the script of a directory says of a member: from the port that it found on.
fn status(bin: &Path, conf: &Path) -> Result<String> {
    let mut script = Command::new("bash");
    script.arg(bin.join("zkServer.sh")).arg("--config").arg(conf).arg("status");
    script.env("GAMEKEEPER_BIN", server::our_tool("gamekeeper")?);
    script.env("ZOO_LOG_DIR", conf);
    if bin != ours() {
        script.env("CLASSPATH", java::class_path()?);
    }
    let output = script.output()?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let all = format!("{said}{}", String::from_utf8_lossy(&output.stderr));
    if !output.status.success() {
        return Err(Failure::new(format!("{script:?} fails: {all}")));
    }
    let lines = said.lines().skip_while(|line| !line.starts_with("Client port"));
    Ok(lines.map(|line| format!("{line}\n")).collect())
}

/// Each script says of each member where it was found, and what it is.
fn found(kinds: &[Kind], bins: &[PathBuf]) -> Result<()> {
    for list in [List::Static, List::Dynamic] {
        for clients in [Clients::Anywhere, Clients::Loopback] {
            let mut members = prepare(kinds, list, clients)?;
            members.start(&[0, 2])?;
            members.wait_modes(&["follower", "-", "leader"])?;
            members.start(&[1])?;
            members.wait_modes(&["follower", "follower", "leader"])?;
            for (member, mode) in ["follower", "follower", "leader"].iter().enumerate() {
                let setup = &members.setups[member];
                let (port, address) = (setup.port, clients.address());
                let expected = format!(
                    "{}Client port found: {port}. Client address: {address}. Client SSL: false.\n\
                     Mode: {mode}\n",
                    match list {
                        List::Static => "",
                        List::Dynamic =>
                            "Client port not found in static config file. Looking in \
                                          dynamic config file.\n",
                    }
                );
                for bin in bins {
                    let said = status(bin, &setup.dir)?;
                    assert_eq!(said, expected, "{} {list:?} {clients:?}", bin.display());
                }
            }
        }
    }
    Ok(())
}

fn ours() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../bin")
}

#[test]
fn our_script_finds_the_port_in_the_list_of_servers() -> Result<()> {
    found(&[Ours; 3], &[ours()])
}

#[test]
#[ignore = "needs Java's scripts"]
fn so_does_javas() -> Result<()> {
    let theirs = std::env::var_os("COMPAT_ZK_BIN");
    let theirs = theirs.ok_or_else(|| Failure::new("COMPAT_ZK_BIN names no scripts of Java's"))?;
    let bins = [ours(), theirs.into()];
    found(&[Ours, Java, Ours], &bins)?;
    found(&[Java; 3], &bins)
}

//! Records the corpus from traffic between Java and ours: what clients send to our server, what
//! learners and leaders of both kinds say to each other, and their votes.
//!
//! `cargo run -p compat-tests --bin fuzz_capture` writes it anew.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::corpus;
use crate::ensemble::proxy::{ClientProxy, Network, Port};
use crate::ensemble::recorder::{Op, Recorder};
use crate::ensemble::{Ensemble, Plan};
use crate::server::Kind::{self, Java, Ours};
use crate::server::Setup;
use crate::{Failure, Result, java};

/// Streams are cut after so many bytes: what is repeated later teaches nothing.
const STREAM_MAX: usize = 6 << 10;
/// Connections of one program at the most.
const CONNECTIONS_MAX: usize = 16;
/// The longest recorded snapshot and log are small, so that mutations hit something.
const SESSION: Duration = Duration::from_secs(20);

/// Writes the whole corpus.
///
/// # Errors
/// If Java is not there, a server fails, or a file cannot be written.
pub fn all() -> Result<()> {
    clients()?;
    members("java-leads", [Java, Ours, Java, Ours], &[])?;
    members("ours-leads", [Ours, Java, Ours, Java], &[])?;
    let snapshots = [("forceSnapshotSync", "true")];
    members("java-leads-snap", [Java, Ours, Java, Ours], &snapshots)?;
    members("ours-leads-snap", [Ours, Java, Ours, Java], &snapshots)?;
    files()
}

/// The way an input is played, then its stream.
fn input(flags: u8, stream: &[u8]) -> Vec<u8> {
    [&[flags, 0], &stream[..stream.len().min(STREAM_MAX)]].concat()
}

fn bytes(tape: &Mutex<Vec<u8>>) -> Vec<u8> {
    tape.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// What Java's own client and Curator send.
fn clients() -> Result<()> {
    for program in ["PlainClient", "CuratorApp"] {
        let dir = tempfile::tempdir()?;
        let setup = Setup::new(Ours, dir.path())?.with("extendedTypesEnabled", "true");
        let server = setup.start()?;
        let proxy = ClientProxy::start(server.setup.address())?;
        java::run(program, &[&proxy.address().to_string()])?;
        for (n, tape) in proxy.tapes().iter().enumerate().take(CONNECTIONS_MAX) {
            let stream = bytes(&tape.caller);
            corpus::write("client", &format!("{program}-{n}"), &input(0, &stream))?;
            // The same without the request for a session.
            if let Some(rest) = stream.get(49..).filter(|rest| !rest.is_empty()) {
                corpus::write("client", &format!("{program}-{n}-served"), &input(1, rest))?;
            }
        }
    }
    Ok(())
}

/// What three members and an observer say to each other. The third leads. The first starts later than
/// the others, so that it is brought up to date.
fn members(name: &str, kinds: [Kind; 4], lines: &[(&str, &str)]) -> Result<()> {
    let plan = lines.iter().fold(Plan::new(&kinds), |plan, (key, value)| plan.with(key, value));
    let mut ensemble = Ensemble::prepare(plan.observers(1).proxied())?;
    network(&ensemble)?.record();
    for member in [1, 2] {
        ensemble.spawn(member, kinds[member])?;
    }
    ensemble.wait_all()?;
    for member in [0, 3] {
        work(&ensemble, 1 + member)?;
        ensemble.start_member(member, kinds[member])?;
    }
    work(&ensemble, 8)?;
    // It comes back a little behind.
    ensemble.kill(0)?;
    work(&ensemble, 9)?;
    ensemble.start_member(0, kinds[0])?;
    ensemble.settle()?;
    write(name, network(&ensemble)?)
}

fn network(ensemble: &Ensemble) -> Result<&Network> {
    ensemble.network.as_ref().ok_or_else(|| Failure::new("the plan has proxies"))
}

/// A client at a follower, one at the leader: some writes, a read, an ephemeral, the end of a session.
fn work(ensemble: &Ensemble, client: usize) -> Result<()> {
    for member in [1, 2] {
        let mut recorder = Recorder::new(client, &[ensemble.address(member)], SESSION);
        recorder.connect()?;
        let path = format!("/c{client}-{member}");
        recorder.ask(&Op::Create(path.clone(), b"data".to_vec(), 0));
        recorder.ask(&Op::Create(format!("{path}-e"), vec![], 1));
        recorder.ask(&Op::Set(path.clone(), b"more".to_vec(), 0));
        recorder.ask(&Op::Sync("/".into()));
        let checked = Op::Check(path.clone(), 1);
        recorder.ask(&Op::Multi(vec![checked, Op::Create(format!("{path}-m"), vec![], 0)]));
        recorder.ask(&Op::Delete(path, -1));
        recorder.ask(&Op::Close);
    }
    Ok(())
}

fn write(name: &str, network: &Network) -> Result<()> {
    for (from, to) in (0..4).flat_map(|from| (0..4).map(move |to| (from, to))) {
        for (n, tape) in network.tapes(from, to).iter().enumerate() {
            let (caller, called) = (bytes(&tape.caller), bytes(&tape.called));
            let label = format!("{name}-{}to{}-{n}", from + 1, to + 1);
            let observer = u8::from(from == 3);
            match tape.port {
                Port::Quorum if !called.is_empty() => {
                    corpus::write("quorum_leader", &label, &input(0, &caller))?;
                    corpus::write("quorum_leader", &format!("{label}-joins"), &input(1, &caller))?;
                    corpus::write("quorum_learner", &label, &input(observer, &called))?;
                }
                Port::Election if caller.len() > 50 => {
                    corpus::write("election", &label, &input(0, &caller))?;
                }
                _ => {}
            }
            if tape.port == Port::Election && !called.is_empty() {
                corpus::write("election", &format!("{label}-called"), &input(1, &called))?;
            }
        }
    }
    Ok(())
}

/// Files that Java wrote, and configurations of both kinds.
fn files() -> Result<()> {
    let golden = corpus::dir("").join("../../golden/files");
    for entry in std::fs::read_dir(golden)? {
        let dir = entry?.path();
        let version = dir.file_name().map(|name| name.to_string_lossy().into_owned());
        let version = version.unwrap_or_default();
        for entry in std::fs::read_dir(&dir)? {
            let path = entry?.path();
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
            let (name, content) = (name.unwrap_or_default(), std::fs::read(&path)?);
            let label = format!("{version}-{name}");
            if name.starts_with("log.") {
                // Nothing but zeros follows: Java makes its logs longer than they are full.
                let len = content.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 9);
                corpus::write("txnlog", &label, &content[..len.min(content.len())])?;
            } else {
                let kind = match path.extension().and_then(|e| e.to_str()) {
                    Some("gz") => 1,
                    Some("snappy") => 2,
                    _ => 0,
                };
                corpus::write("snapshot", &label, &[&[kind], content.as_slice()].concat())?;
            }
        }
    }
    Ok(())
}

//! `gamekeeper check`: reads everything that a start would read, changes nothing, and says whether
//! this node can be taken over.
//!
//! The reading is that of a start itself ([`restore()`], [`Epochs::load`]), on a disk that lets no
//! change through ([`overlay`]); so it cannot be of another opinion. What it adds: what would be
//! changed, the digest, ports, and room on the disk.

mod machine;
mod overheard;
mod overlay;
mod report;

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use byteorder::{BigEndian, ByteOrder};

use super::console::{Console, Failure, Outcome};
use super::progress::Progress;
use crate::config::{Compression, Config, ExitCode, Launch, Source, ToolCall};
use crate::ids::{Millis, Zxid};
use crate::runtime::{preflight, restore_options};
use crate::storage::names::{self, LOG, SNAPSHOT, ZxidFile};
use crate::storage::snapshot::{compression_of, remove_leftovers};
use crate::storage::{DataDirs, Disk, Epochs, RealDisk, RestoreOptions, Restored, restore};
use crate::txn::TxnRecord;
use overlay::{Change, Overlay};
use report::Report;

const USAGE: &str = "\
Usage: gamekeeper [-Dkey=value ...] check [--json] <zoo.cfg | dataDir>
Reads what a start would read, changes nothing, and ends with 0 if a start would succeed, else \
with 1.";

/// The version that both kinds of files have had since 3.0.
const FILE_VERSION: i32 = 2;

/// Runs the tool.
///
/// # Errors
/// Of the command line, with code 2.
pub fn run(call: &ToolCall, console: &mut Console<'_>) -> Outcome {
    let (json, target) = parse(&call.arguments)?;
    overheard::listen();
    let mut report = Report::default();
    check(call, target, console, &mut report);
    if json {
        report.print_json(console.out)?;
    } else {
        report.print(console.colour, console.out)?;
    }
    Ok(if report.startable() { ExitCode::Finished } else { ExitCode::Unexpected })
}

fn parse(arguments: &[String]) -> Outcome<(bool, &Path)> {
    let (options, targets): (Vec<_>, Vec<_>) = arguments.iter().partition(|a| a.starts_with('-'));
    match (&options[..], &targets[..]) {
        ([], [target]) => Ok((false, Path::new(target.as_str()))),
        ([json], [target]) if *json == "--json" => Ok((true, Path::new(target.as_str()))),
        _ => Err(Failure::new(ExitCode::InvalidInvocation, USAGE)),
    }
}

fn check(call: &ToolCall, target: &Path, console: &Console<'_>, report: &mut Report) {
    let with_ports = !target.is_dir();
    let Some((config, supported)) = configuration(call, target, report) else { return };
    if let Some(ground) = directories(&config, console, report) {
        data(&config, &ground, !with_ports, report);
    }
    if with_ports && supported {
        machine::ports(&config, report);
    }
}

/// The configuration, if it can be read, and whether a start would take it.
fn configuration(call: &ToolCall, target: &Path, report: &mut Report) -> Option<(Config, bool)> {
    let path = target.display().to_string();
    let source = if target.is_dir() {
        if !target.join("version-2").is_dir() {
            report.error("config", format!("{path} is no data directory: it has no version-2"));
            return None;
        }
        // The port is not looked at.
        Source::Arguments {
            client_port: 0,
            data_dir: path,
            tick_time: None,
            max_client_cnxns: None,
        }
    } else {
        Source::File(path)
    };
    let properties = call.properties.clone();
    let config = match Config::load(&Launch { properties, source }) {
        Ok(config) => config,
        Err(e) => {
            report.error("config", e);
            return None;
        }
    };
    for warning in &config.warnings {
        report.warning("config", warning);
    }
    let supported = preflight::check_config(&config);
    match &supported {
        Ok(()) => report.ok("config", summary(&config)),
        Err(e) => report.error("config", e),
    }
    Some((config, supported.is_ok()))
}

fn summary(config: &Config) -> String {
    let what = match (&config.file, config.quorum.is_distributed()) {
        (None, _) => "no zoo.cfg, defaults hold".to_owned(),
        (Some(file), false) => format!("{}: a server alone", file.display()),
        (Some(file), true) => {
            let id = config.quorum.my_id.map(|id| id.to_string()).unwrap_or_default();
            let count = config.quorum.members.servers.len();
            format!("{}: server {id} of {count}", file.display())
        }
    };
    format!("{what}, dataDir {}", config.storage.data_dir.display())
}

/// The files, behind glass.
struct Ground {
    disk: Arc<Overlay>,
    dirs: DataDirs,
    progress: Arc<Mutex<Progress>>,
}

fn directories(config: &Config, console: &Console<'_>, report: &mut Report) -> Option<Ground> {
    let storage = &config.storage;
    let total = size(&storage.data_dir) + size(&storage.data_log_dir);
    let progress = Arc::new(Mutex::new(Progress::new(console, "reading", total, true)));
    let shown = Arc::clone(&progress);
    let disk = Arc::new(Overlay::new(Box::new(move |done| {
        lock(&shown).at(done, &mut io::stderr());
    })));
    let shared = Arc::clone(&disk) as Arc<dyn Disk>;
    let autocreate = storage.datadir_autocreate;
    match DataDirs::open(shared, &storage.data_dir, &storage.data_log_dir, autocreate) {
        Ok(dirs) => Some(Ground { disk, dirs, progress }),
        Err(e) => {
            report.error("data", e);
            None
        }
    }
}

/// A panic elsewhere leaves the progress as it is.
fn lock(progress: &Mutex<Progress>) -> MutexGuard<'_, Progress> {
    progress.lock().unwrap_or_else(PoisonError::into_inner)
}

fn size(dir: &Path) -> u64 {
    crate::storage::disk::dir_size(&RealDisk, &dir.join("version-2"))
}

fn data(config: &Config, ground: &Ground, any_role: bool, report: &mut Report) {
    // Where nobody says that it is a server alone, epochs that are there must be good.
    let has_epochs = ground.dirs.snap().join("currentEpoch").exists();
    let needs_epochs = config.quorum.is_distributed() || (any_role && has_epochs);
    let dirs = &ground.dirs;
    if files(dirs.snap(), SNAPSHOT, "snapshots", report) + files(dirs.log(), LOG, "logs", report)
        == 0
    {
        report.warning("data", "there is none: a start would begin with an empty tree");
    }
    if let Err(e) = remove_leftovers(&*ground.disk, dirs.snap()) {
        report.error("data", e);
    }
    // What other threads say is not overheard.
    let options = RestoreOptions { threads: None, ..restore_options(config) };
    let start = Instant::now();
    let clock = || Millis::try_from(start.elapsed().as_millis()).unwrap_or(Millis::MAX);
    let restored = restore(dirs, options, clock);
    lock(&ground.progress).end(&mut io::stderr());
    report.overhear("data");
    let mut snapshot = 0;
    match restored {
        Ok(restored) => {
            snapshot = restored.snapshot.as_ref().map_or(0, |file| file.len);
            database(&restored, options, report);
            epochs(dirs, restored.last_zxid, needs_epochs, report);
        }
        Err(e) => report.error("data", e),
    }
    let changes: Vec<String> = ground.disk.changes().iter().map(Change::to_string).collect();
    for change in &changes {
        report.ok("changes", format!("a start would {change}"));
    }
    report.fact("changes", changes);
    let prealloc = u64::try_from(config.storage.pre_alloc_bytes).unwrap_or(0);
    if dirs.snap() == dirs.log() {
        return machine::space(dirs.log(), prealloc, snapshot, report);
    }
    machine::space(dirs.snap(), 0, snapshot, report);
    machine::space(dirs.log(), prealloc, 0, report);
}

/// How many files there are, and whether they are of the version that everybody reads.
fn files(dir: &Path, prefix: &str, section: &'static str, report: &mut Report) -> usize {
    let found = match names::files(&RealDisk, dir, prefix) {
        Ok(found) => found,
        Err(e) if e.is_not_found() => Vec::new(),
        Err(e) => {
            report.error(section, e);
            return 0;
        }
    };
    report.fact(section, found.len());
    if let (Some(first), Some(last)) = (found.first(), found.last()) {
        let (count, mib) = (found.len(), found.iter().map(|f| f.len).sum::<u64>() >> 20);
        let (first, last) = (first.zxid, last.zxid);
        report.ok(section, format!("{count} of {mib} MiB, named {first} to {last}"));
    }
    for file in &found {
        check_version(file, section, report);
    }
    found.len()
}

/// Java writes 2 and looks at no other; who wrote another one had other plans.
fn check_version(file: &ZxidFile, section: &'static str, report: &mut Report) {
    let name = file.path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if compression_of(name) != Compression::None {
        return;
    }
    let mut header = [0; 8];
    let read = RealDisk.open(&file.path).and_then(|opened| opened.read_at(0, &mut header));
    match read.map(|n| (n == header.len()).then(|| BigEndian::read_i32(&header[4..]))) {
        // A start says what it thinks of a file without a header.
        Ok(None | Some(0 | FILE_VERSION)) => {}
        Ok(Some(version)) => {
            let path = file.path.display();
            report.warning(section, format!("{path} is of version {version}, not {FILE_VERSION}"));
        }
        Err(e) => report.error(section, e),
    }
}

fn database(restored: &Restored, options: RestoreOptions, report: &mut Report) {
    let Restored { tree, sessions, last_zxid, snapshot, stats, .. } = restored;
    let base = match snapshot {
        Some(file) => format!("snapshot {}", file.path.display()),
        None => "no snapshot".to_owned(),
    };
    let count = stats.txns_loaded;
    report.ok("data", format!("{base}, {count} transactions behind it, last zxid {last_zxid}"));
    let (nodes, ephemerals) = (tree.node_count(), tree.ephemerals_count());
    let (session_count, size) = (sessions.len(), tree.approximate_data_size());
    report.ok("data", format!("{nodes} nodes of {size} bytes"));
    report.ok("sessions", format!("{session_count} sessions, {ephemerals} ephemerals"));
    orphans(restored, report);
    report.fact("lastZxid", last_zxid.to_string());
    report.fact("snapshot", snapshot.as_ref().map(|file| file.path.display().to_string()));
    report.fact("transactions", count);
    report.fact("nodes", nodes);
    report.fact("bytes", size);
    report.fact("sessions", session_count);
    report.fact("ephemerals", ephemerals);
    digest(restored, options, report);
}

/// Owners of ephemerals that are no sessions: they would be closed, and their nodes go.
fn orphans(restored: &Restored, report: &mut Report) {
    let Restored { tree, sessions, .. } = restored;
    let orphans = || tree.ephemeral_sessions().filter(|id| !sessions.contains_key(id));
    let count = orphans().count();
    if count == 0 {
        return;
    }
    // A session's top byte is a server's id; that of a time to live is 0xff.
    let hint = if !tree.options().extended_types && orphans().any(|id| id.0 >> 56 == -1) {
        ". Nodes with a time to live? Then zookeeper.extendedTypesEnabled=true is missing here"
    } else {
        ""
    };
    let what = "owners of ephemerals are no sessions; a start would remove their nodes";
    report.warning("sessions", format!("{count} {what}{hint}"));
}

/// The digest as it was computed from the tree, against what transactions and the snapshot say.
fn digest(restored: &Restored, options: RestoreOptions, report: &mut Report) {
    let tree = &restored.tree;
    if !tree.options().digest {
        return report.warning("digest", "not compared: zookeeper.digest.enabled=false");
    }
    let (computed, mismatches) = (tree.digest(), tree.digest_mismatches());
    report.fact("digest", computed.to_string());
    report.fact("digestMismatches", mismatches);
    if mismatches > 0 {
        let what = "what was recorded differs from what the data has";
        return report.error("digest", format!("{what}, {mismatches} times"));
    }
    let last = restored.committed.back();
    let recorded = last.and_then(|(_, payload)| TxnRecord::decode(payload, options.limits).ok());
    match recorded.and_then(|record| record.digest) {
        Some(_) => {
            report.ok("digest", format!("{computed}, as recorded with the last transaction"))
        }
        None => report.ok("digest", format!("{computed}, the last transaction has none recorded")),
    }
}

/// The epochs, which a server alone does not look at.
fn epochs(dirs: &DataDirs, last: Zxid, needed: bool, report: &mut Report) {
    if !needed {
        return report.ok("epochs", "not looked at, as by a server alone");
    }
    let loaded = Epochs::load(dirs, last);
    report.overhear("epochs");
    match loaded {
        Ok(epochs) => {
            let (current, accepted) = (epochs.current(), epochs.accepted());
            report.ok("epochs", format!("current {current}, accepted {accepted}"));
            report.fact("currentEpoch", current);
            report.fact("acceptedEpoch", accepted);
        }
        Err(e) => report.error("epochs", e),
    }
}

#[cfg(test)]
mod tests;

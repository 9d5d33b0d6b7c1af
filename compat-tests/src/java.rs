//! Java, as a client and as the server to compare with: builds the programs under `java/` with Maven,
//! once, and runs them on what Maven fetched.

use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;
use std::time::SystemTime;

use crate::{Failure, Result};

/// How often Maven is asked for what the network did not bring.
const FETCHES: usize = 3;

/// The directory of the Maven project.
fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("java")
}

/// Runs a program of `java/` (its class without the package) to its end.
///
/// # Errors
/// If Java or Maven is not there, the programs do not build, or this one ends with a failure: then
/// the text has everything that it printed.
pub fn run(program: &str, args: &[&str]) -> Result<String> {
    let mut command = program_command(program, args)?;
    let output = command.output().map_err(|e| absent("java", &e))?;
    let printed = text_of(&output);
    if output.status.success() {
        return Ok(printed);
    }
    Err(Failure::new(format!("{program} {args:?} failed ({}):\n{printed}", output.status)))
}

/// A program of `java/`, still to be started.
///
/// # Errors
/// If the programs do not build.
pub fn program_command(program: &str, args: &[&str]) -> Result<Command> {
    let mut command = Command::new("java");
    command.args(["-Dorg.slf4j.simpleLogger.defaultLogLevel=off", "-XX:TieredStopAtLevel=1"]);
    command.arg("-cp").arg(class_path()?).arg(format!("compat.{program}")).args(args);
    Ok(command)
}

/// The Java server, still to be given its `zoo.cfg`: the class that `zkServer.sh start` runs. Without a
/// release it is the one that everything here is compared with.
///
/// # Errors
/// If Maven cannot fetch it.
pub fn server(release: Option<&str>, jvm: &[String], properties: &[String]) -> Result<Command> {
    let mut command = Command::new("java");
    command.args(["-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"]);
    command.args(jvm).args(properties).arg("-cp");
    match release {
        None => command.arg(class_path()?),
        // Releases that know log4j want to show it to JMX.
        Some(release) => command.arg(jars_of(release)?).arg("-Dzookeeper.jmx.log4j.disable=true"),
    };
    command.arg("org.apache.zookeeper.server.quorum.QuorumPeerMain");
    Ok(command)
}

/// A main class of ZooKeeper's own, as its scripts run it, still to be given its arguments.
///
/// # Errors
/// If Maven cannot fetch it.
pub fn tool(class: &str) -> Result<Command> {
    let mut command = Command::new("java");
    command.args(["-Dorg.slf4j.simpleLogger.defaultLogLevel=off", "-XX:TieredStopAtLevel=1"]);
    command.arg("-Dorg.jline.terminal.dumb=true").env("TZ", "UTC");
    command.arg("-cp").arg(class_path()?).arg(class);
    Ok(command)
}

/// Without Java these tests prove nothing, so they must fail, and say why.
fn absent(what: &str, e: &std::io::Error) -> Failure {
    Failure::new(format!("cannot run {what}: {e}. These tests need a JDK 17 and Maven on the PATH"))
}

fn text_of(output: &Output) -> String {
    let both = [output.stdout.as_slice(), &output.stderr].concat();
    String::from_utf8_lossy(&both).into_owned()
}

/// Our classes and all the jars, built first where something is newer than the last build.
///
/// # Errors
/// If Maven cannot fetch them, or ours do not build.
pub fn class_path() -> Result<&'static OsString> {
    static CLASS_PATH: OnceLock<std::result::Result<OsString, String>> = OnceLock::new();
    let built = CLASS_PATH.get_or_init(|| {
        let built = build(&project(), &["src"], &project().join("target"), &[])
            .and_then(|it| it.class_path());
        built.map_err(|e| e.to_string())
    });
    built.as_ref().map_err(Failure::new)
}

/// A Maven project that has been built.
#[derive(Debug)]
pub(crate) struct Built {
    /// Its own classes.
    pub classes: PathBuf,
    /// Everything else on its class path, sorted.
    pub jars: Vec<PathBuf>,
}

impl Built {
    fn class_path(&self) -> Result<OsString> {
        Ok(std::env::join_paths(std::iter::once(&self.classes).chain(&self.jars))?)
    }
}

/// Builds a Maven project into `target`, unless nothing in the directories `sources`, seen from the
/// project's, is newer than the last build. Who asks meanwhile waits, in another process, too.
pub(crate) fn build(
    project: &Path,
    sources: &[&str],
    target: &Path,
    options: &[String],
) -> Result<Built> {
    let _building = locked(target)?;
    let stamp = target.join("built");
    let mut changed = modified(&project.join("pom.xml"));
    for directory in sources {
        changed = changed.max(newest(&project.join(directory))?);
    }
    if modified(&stamp) < changed {
        // A jar that the project no longer asks for would stay there.
        if target.join("lib").exists() {
            fs::remove_dir_all(target.join("lib"))?;
        }
        maven(project, "process-classes", options)?;
        fs::write(&stamp, "")?;
    }
    let jars = fs::read_dir(target.join("lib"))?.map(|entry| Ok(entry?.path()));
    let mut jars = jars.collect::<Result<Vec<_>>>()?;
    jars.sort();
    Ok(Built { classes: target.join("classes"), jars })
}

/// The jars of another release, fetched first if they are not there.
fn jars_of(release: &str) -> Result<OsString> {
    let (pom, lib) = (project().join("release"), project().join("target/releases").join(release));
    let _fetching = locked(&lib)?;
    let stamp = lib.join("fetched");
    if modified(&stamp) < modified(&pom.join("pom.xml")) {
        let to = format!("-DoutputDirectory={}", lib.display());
        let version = format!("-Dzookeeper.version={release}");
        maven(&pom, "dependency:copy-dependencies", &[version, to])?;
        fs::write(&stamp, "")?;
    }
    Ok(lib.join("*").into())
}

/// The lock of a directory that is made if it is not there.
fn locked(dir: &Path) -> Result<File> {
    fs::create_dir_all(dir)?;
    let file = File::create(dir.join("lock"))?;
    file.lock()?;
    Ok(file)
}

fn maven(project: &Path, goal: &str, options: &[String]) -> Result<()> {
    let mut maven = Command::new("mvn");
    maven.args(["--quiet", "--batch-mode", goal]).args(options).current_dir(project);
    let mut failure = String::new();
    for _ in 0..FETCHES {
        let output = maven.output().map_err(|e| absent("mvn", &e))?;
        if output.status.success() {
            return Ok(());
        }
        failure = format!("{maven:?} failed ({}):\n{}", output.status, text_of(&output));
        // All else fails again.
        if !["Could not transfer", "Could not resolve", "timed out"]
            .iter()
            .any(|why| failure.contains(why))
        {
            break;
        }
    }
    Err(Failure::new(failure))
}

fn modified(path: &Path) -> SystemTime {
    let time = fs::metadata(path).and_then(|meta| meta.modified());
    time.unwrap_or(SystemTime::UNIX_EPOCH)
}

/// The time of the newest file under `dir`.
fn newest(dir: &Path) -> Result<SystemTime> {
    let mut newest = modified(dir);
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        let time = if path.is_dir() { self::newest(&path)? } else { modified(&path) };
        newest = newest.max(time);
    }
    Ok(newest)
}

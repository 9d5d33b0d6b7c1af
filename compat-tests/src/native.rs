//! Clients that are not Java's, made ready to run: the C client's program is compiled against Debian's
//! `libzookeeper-mt-dev`, kazoo is installed into an environment of Python's under `target/`, once.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Failure, Result};

/// What the programs under `kazoo/` were written for.
const KAZOO: &str = "kazoo==2.11.0";

/// The program under `c/`, compiled into `dir`, still to be given its arguments.
///
/// # Errors
/// If there is no C compiler, or the client's library and header are not installed.
pub fn c_client(dir: &Path) -> Result<Command> {
    let program = dir.join("every-call");
    let mut cc = Command::new("cc");
    cc.args(["-std=gnu11", "-O1", "-Wall", "-Wextra", "-Werror", "-DTHREADED", "-o"]).arg(&program);
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("c");
    for entry in fs::read_dir(source)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "c") {
            cc.arg(path);
        }
    }
    succeed(cc.args(["-lzookeeper_mt", "-lpthread"]), "gcc libc6-dev libzookeeper-mt-dev")?;
    Ok(Command::new(program))
}

/// The program under `kazoo/`, still to be given its arguments.
///
/// # Errors
/// If Python has no `venv`, or kazoo cannot be fetched.
pub fn kazoo() -> Result<Command> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut command = Command::new(environment(&root.join("../target"))?.join("bin/python"));
    // No byte code beside the sources.
    command.args(["-B", "-u"]).arg(root.join("kazoo/every_call.py"));
    Ok(command)
}

/// The environment in which kazoo is installed: made by the first who asks, the others wait.
fn environment(target: &Path) -> Result<PathBuf> {
    fs::create_dir_all(target)?;
    let dir = target.join("kazoo");
    let stamp = dir.join(KAZOO);
    let lock = File::create(target.join("kazoo.lock"))?;
    lock.lock()?;
    if !stamp.exists() {
        let mut venv = Command::new("python3");
        succeed(venv.args(["-m", "venv", "--clear"]).arg(&dir), "python3-venv")?;
        let mut pip = Command::new(dir.join("bin/python"));
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", KAZOO]);
        succeed(&mut pip, "kazoo")?;
        fs::write(&stamp, "")?;
    }
    Ok(dir)
}

/// Runs `command`; `needed` is what a machine lacks where it fails.
fn succeed(command: &mut Command, needed: &str) -> Result<()> {
    let hint = format!("is there {needed}? compat-tests/run installs what is missing");
    let output = command.output();
    let output =
        output.map_err(|e| Failure::new(format!("cannot run {command:?}: {e}; {hint}")))?;
    if output.status.success() {
        return Ok(());
    }
    let told = String::from_utf8_lossy(&output.stderr);
    Err(Failure::new(format!("{command:?} failed ({}):\n{told}\n{hint}", output.status)))
}

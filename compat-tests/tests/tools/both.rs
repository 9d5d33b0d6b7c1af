//! Two directories with the same files, and a tool of each kind in its own.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use compat_tests::{Result, java, server};

/// A pair of tools.
#[derive(Clone, Copy)]
pub(super) struct Tool {
    /// The script of ours.
    pub(super) script: &'static str,
    /// Java's class.
    pub(super) class: &'static str,
}

/// The two directories.
pub(super) struct Both {
    dir: tempfile::TempDir,
}

/// What both did.
pub(super) struct Ran {
    pub(super) java: Output,
    pub(super) ours: Output,
    line: String,
}

/// The directory of the golden files.
pub(super) fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/files").join(name)
}

impl Both {
    pub(super) fn new() -> Result<Self> {
        let both = Self { dir: tempfile::tempdir()? };
        for side in both.sides() {
            fs::create_dir(side)?;
        }
        Ok(both)
    }

    /// Java's directory and ours.
    pub(super) fn sides(&self) -> [PathBuf; 2] {
        ["java", "ours"].map(|side| self.dir.path().join(side))
    }

    /// Writes a file on both sides.
    pub(super) fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        for side in self.sides() {
            fs::write(side.join(name), bytes)?;
        }
        Ok(())
    }

    /// Copies a golden file to both sides, changed by `damage`.
    pub(super) fn copy(
        &self,
        file: &str,
        name: &str,
        damage: impl FnOnce(&mut Vec<u8>),
    ) -> Result<()> {
        let mut bytes = fs::read(golden(file))?;
        damage(&mut bytes);
        self.write(name, &bytes)
    }

    /// Runs both.
    pub(super) fn run(&self, tool: Tool, line: &str, input: &str) -> Result<Ran> {
        self.run_in("UTC", tool, line, input)
    }

    /// Runs both in a time zone.
    pub(super) fn run_in(&self, zone: &str, tool: Tool, line: &str, input: &str) -> Result<Ran> {
        let [java, ours] = self.sides();
        let java = run(java::tool(tool.class)?.env("TZ", zone), line, input, &java)?;
        let ours = run(script(tool)?.env("TZ", zone), line, input, &ours)?;
        Ok(Ran { java, ours, line: format!("{} {line}", tool.script) })
    }

    /// Runs ours alone, with what stands in `JVMFLAGS`.
    pub(super) fn run_ours(&self, tool: Tool, flags: &str, line: &str) -> Result<Output> {
        let [_, ours] = self.sides();
        run(script(tool)?.env("JVMFLAGS", flags), line, "", &ours)
    }

    /// The same file on both sides must have the same bytes.
    pub(super) fn assert_same_file(&self, name: &str) -> Result<()> {
        let [java, ours] = self.sides().map(|side| fs::read(side.join(name)));
        assert!(java? == ours?, "{name} differs");
        Ok(())
    }
}

fn script(tool: Tool) -> Result<Command> {
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("../bin");
    let mut command = Command::new(scripts.join(tool.script));
    command.env("GAMEKEEPER_BIN", server::our_tool("gamekeeper")?);
    Ok(command)
}

fn run(command: &mut Command, line: &str, input: &str, dir: &Path) -> Result<Output> {
    let mut child = command
        .args(line.split_whitespace())
        .env("LC_ALL", "C.UTF-8")
        .current_dir(dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // Who has no question does not read.
        let _ = stdin.write_all(input.as_bytes());
    }
    Ok(child.wait_with_output()?)
}

impl Ran {
    /// Holds ours to Java's.
    pub(super) fn assert_same(&self) {
        self.assert_same_but(str::to_owned);
    }

    /// Holds ours to Java's, each line of standard output as `shape` shows it.
    pub(super) fn assert_same_but(&self, shape: impl Fn(&str) -> String) {
        let (java, ours) = (text(&self.java.stdout), text(&self.ours.stdout));
        let shaped = |text: &str| text.split_inclusive('\n').map(&shape).collect::<Vec<String>>();
        let (java, ours, line) = (shaped(&java), shaped(&ours), &self.line);
        let same = java.iter().zip(&ours).take_while(|(java, ours)| java == ours).count();
        let complaint = self.complaint();
        assert_eq!(java.get(same), ours.get(same), "line {same} of {line}; {complaint}");
        let (java, ours) = (text(&self.java.stderr), text(&self.ours.stderr));
        assert_eq!(self.java.status.code(), self.ours.status.code(), "{line}:\n{java}\n{ours}");
        assert!(!ours.contains(".sh: line "), "{line}: the script is wrong: {ours}");
        if java.starts_with("Exception in thread") {
            assert!(ours.contains(": "), "{line} must say what is wrong: {ours}");
            assert!(!ours.contains("panicked"), "{line}: {ours}");
            return;
        }
        for said in java.lines() {
            assert!(ours.lines().any(|line| line == said), "{line} must say {said:?}: {ours}");
        }
    }

    /// What ours said on standard error.
    pub(super) fn complaint(&self) -> String {
        text(&self.ours.stderr)
    }
}

pub(super) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};

use compat_tests::program::Program;
use compat_tests::server::{Kind, Server, Setup, our_tool};
use compat_tests::{Failure, Result, java};

const BOTH: [Kind; 2] = [Kind::Java, Kind::Ours];

/// A server for one of the two: both start from the same state, and none sees the other's nodes.
fn server(dir: &Path) -> Result<Server> {
    Setup::new(Kind::Ours, dir)?.with("extendedTypesEnabled", "true").start()
}

fn zkcli(kind: Kind) -> Result<Command> {
    match kind {
        Kind::Java | Kind::Release(_) => java::tool("org.apache.zookeeper.ZooKeeperMain"),
        Kind::Ours => {
            let mut command = Command::new(our_tool("zkcli")?);
            command.env("TZ", "UTC");
            Ok(command)
        }
    }
}

/// What it said, without what is different from run to run.
struct Said {
    out: String,
    err: String,
    events: Vec<String>,
    code: Option<i32>,
}

impl Said {
    fn new(out: &str, err: &str, code: Option<i32>, server: &Server) -> Self {
        let text = |said: &str| said.replace(&server.connect_string(), "SERVER");
        let mut events = Vec::new();
        let out = normal(&without_events(&text(out), &mut events));
        let err = normal(&without_events(&text(err), &mut events));
        let mut events: Vec<String> = events.iter().map(|event| normal_line(event)).collect();
        // Those of one removal come in the order of a hash table.
        for several in events.chunk_by_mut(|a, b| [a, b].iter().all(|e| e.contains("WatchRemoved")))
        {
            several.sort();
        }
        Self { out, err, events, code }
    }
}

/// Takes the events out: Java prints each in three pieces between which a prompt may come. So prompts get
/// lines of their own, and blank lines go.
fn without_events(text: &str, events: &mut Vec<String>) -> String {
    let mut rest = String::new();
    for line in prompts_on_lines(&text.replace("WATCHER::", "\n")).lines() {
        let (before, event) = line.split_at(line.find("WatchedEvent ").unwrap_or(line.len()));
        if !event.is_empty() {
            events.push(event.to_owned());
        }
        if !before.trim().is_empty() {
            rest.push_str(before);
            rest.push('\n');
        }
    }
    rest
}

fn prompts_on_lines(text: &str) -> String {
    const PROMPT: &str = "[zk: ";
    let mut parts = text.split(PROMPT);
    let mut lines = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (prompt, after) = part.split_once("] ").unwrap_or((part, ""));
        lines.push_str(&format!("\n{PROMPT}{prompt}]\n{after}"));
    }
    lines
}

fn normal(text: &str) -> String {
    let lines = text.lines().filter(|line| !line.starts_with("JLine support is"));
    lines.map(|line| normal_line(line) + "\n").collect()
}

/// Times and zxids as `#`, and which build it is left out.
fn normal_line(line: &str) -> String {
    let numbered = ["cZxid", "mZxid", "pZxid", "ctime", "mtime", "ephemeralOwner"];
    if let Some((name, value)) = line.split_once(" = ").filter(|(name, _)| numbered.contains(name))
    {
        if value == "0x0" {
            return line.to_owned();
        }
        let shape: String = value
            .trim_start_matches("0x")
            .chars()
            .map(|c| if c.is_ascii_hexdigit() && name != "ctime" { '#' } else { c })
            .map(|c| if c.is_ascii_digit() { '#' } else { c })
            .collect();
        return match name {
            "ctime" | "mtime" => format!("{name} = {}", shape.len()),
            _ => format!("{name} = #"),
        };
    }
    if let Some((event, _)) = line.split_once(" zxid: ") {
        return event.to_owned();
    }
    line.to_owned()
}

/// A line of a script that is not said: an event is told before it goes on. Otherwise it would be told
/// some commands later, in the midst of another one's output, or not at all.
const EVENT: &str = "(event)";

fn run_session(kind: Kind, dir: &Path, script: &str) -> Result<Said> {
    let server = server(dir)?;
    let errors = dir.join("zkcli.err");
    let mut command = zkcli(kind)?;
    command.args(["-server", &server.connect_string(), "-waitforconnection"]);
    command.stderr(File::create(&errors)?);
    let mut program = Program::start(command)?;
    let mut out = String::new();
    for line in script.lines() {
        match line {
            EVENT => hear_event(&mut program, &mut out)?,
            command => program.say(command)?,
        }
    }
    while let Some(line) = program.next_line()? {
        out += &format!("{line}\n");
    }
    let code = program.end()?.code();
    Ok(Said::new(&out, &fs::read_to_string(&errors)?, code, &server))
}

/// Listens to what it prints until it has told of one more event.
fn hear_event(program: &mut Program, out: &mut String) -> Result<()> {
    while let Some(line) = program.next_line().map_err(|e| Failure::new(format!("{e}\n{out}")))? {
        *out += &format!("{line}\n");
        if line.contains("WatchedEvent ") {
            return Ok(());
        }
    }
    Err(Failure::new(format!("it ended without an event:\n{out}")))
}

/// The first line in which two texts differ, with what stands before it.
fn same(what: &str, java: &str, ours: &str) -> Result<()> {
    let (mut j, mut o) = (java.lines(), ours.lines());
    let mut before = Vec::new();
    loop {
        match (j.next(), o.next()) {
            (None, None) => return Ok(()),
            (a, b) if a == b => before.push(a.unwrap_or_default()),
            (a, b) => {
                let context = before[before.len().saturating_sub(6)..].join("\n");
                return Err(Failure::new(format!(
                    "{what} differs\njava: {a:?}\nours: {b:?}\nafter:\n{context}"
                )));
            }
        }
    }
}

/// Java's and ours say the same to a script. The result is what the watches told.
fn run_both(script: &str) -> Result<Vec<String>> {
    let [java, ours] = BOTH.map(|kind| {
        let dir = tempfile::tempdir()?;
        run_session(kind, dir.path(), script)
    });
    let (java, ours) = (java?, ours?);
    same("standard output", &java.out, &ours.out)?;
    same("standard error", &java.err, &ours.err)?;
    same("what the watches told", &java.events.join("\n"), &ours.events.join("\n"))?;
    assert_eq!(java.code, ours.code);
    Ok(java.events)
}

#[test]
fn a_session_reads_the_same() -> Result<()> {
    let script = include_str!("session.txt");
    let events = run_both(script)?.len();
    assert_eq!(events, script.lines().filter(|line| *line == EVENT).count());
    Ok(())
}

/// Nothing is switched on again here: whether an event is wanted is asked when it is printed, which
/// may be some commands after the one that made it.
#[test]
fn events_that_are_not_wanted_are_not_told() -> Result<()> {
    let script = [EVENT, "create /q", "printwatches off", "get -w /q", "set /q 1", "printwatches"];
    let told = run_both(&(script.join("\n") + "\nclose\nquit\n"))?;
    assert_eq!(told, ["WatchedEvent state:SyncConnected type:None path:null"]);
    Ok(())
}

/// Command lines whose exit code and output scripts look at.
const ONCE: [&[&str]; 20] = [
    &["create", "/once", "data"],
    &["get", "/once"],
    &["get", "-s", "/once"],
    &["create", "/once"],
    &["ls", "/"],
    &["ls", "/nowhere"],
    &["delete", "/once"],
    &["nothing"],
    &["get"],
    &["ls", "-x", "/"],
    &["setquota", "/"],
    &["history"],
    &["printwatches"],
    &["redo", "1"],
    &["quit"],
    &["close"],
    &["-r", "ls", "/"],
    &["-timeout", "25000", "stat", "/nowhere"],
    &["-server", "127.0.0.1:1", "ls", "/"],
    &["-client-configuration", "/no/such/file", "ls", "/"],
];

/// Where Java ends with a stack trace, ours says why in one line, and ends with the same code.
const TRACED: [&[&str]; 8] = [
    &["delete", "-v", "x", "/"],
    &["set", "-v", "x", "/zookeeper", "y"],
    &["set", "-b", "/zookeeper", "!"],
    &["addWatch", "bad"],
    &["redo", "x"],
    &["-timeout", "x", "ls", "/"],
    &["-server", "127.0.0.1:x", "ls", "/"],
    &["-server", "127.0.0.1:1", "-timeout", "300", "-waitforconnection", "ls", "/"],
];

fn run_once(kind: Kind, server: &Server, args: &[&str]) -> Result<Said> {
    let mut command = zkcli(kind)?;
    command.args(["-server", &server.connect_string()]).args(args).stdin(Stdio::null());
    let output = command.output()?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    let mut said = Said::new(&out, &err, output.status.code(), server);
    for text in [&mut said.out, &mut said.err] {
        let lines = text.lines().filter(|line| !line.starts_with("Connecting to "));
        *text = lines.map(|line| format!("{line}\n")).collect();
    }
    Ok(said)
}

#[test]
fn one_command_ends_the_same() -> Result<()> {
    let dirs = [tempfile::tempdir()?, tempfile::tempdir()?];
    let servers = [server(dirs[0].path())?, server(dirs[1].path())?];
    for args in ONCE {
        let java = run_once(Kind::Java, &servers[0], args)?;
        let ours = run_once(Kind::Ours, &servers[1], args)?;
        same(&format!("{args:?}: standard output"), &java.out, &ours.out)?;
        if args[0] != "-client-configuration" {
            same(&format!("{args:?}: standard error"), &java.err, &ours.err)?;
        }
        assert_eq!(java.code, ours.code, "{args:?}");
    }
    for args in TRACED {
        let java = run_once(Kind::Java, &servers[0], args)?;
        let ours = run_once(Kind::Ours, &servers[1], args)?;
        assert!(java.err.contains("\tat "), "{args:?}: {}", java.err);
        assert_eq!(ours.err.lines().count(), 1, "{args:?}: {}", ours.err);
        assert_eq!((java.code, &java.out), (ours.code, &ours.out), "{args:?}");
    }
    Ok(())
}

#[test]
fn standard_output_is_for_the_result_alone() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let server = server(dir.path())?;
    let mut command = zkcli(Kind::Ours)?;
    let output = command.args(["-server", &server.connect_string(), "ls", "/"]).output()?;
    assert_eq!(String::from_utf8_lossy(&output.stdout), "[zookeeper]\n");
    assert!(output.status.success());
    Ok(())
}

/// With a server of the list down, the command goes to the other one.
#[test]
fn one_dead_server_of_two_does_not_matter() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let server = server(dir.path())?;
    for _ in 0..6 {
        let hosts = format!("127.0.0.1:1,{}/zookeeper", server.connect_string());
        let output = zkcli(Kind::Ours)?.args(["-server", &hosts, "ls", "/"]).output()?;
        let err = String::from_utf8_lossy(&output.stderr);
        assert_eq!(String::from_utf8_lossy(&output.stdout), "[config, quota]\n", "{err}");
    }
    Ok(())
}

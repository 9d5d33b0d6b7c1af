use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

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
    fn new(output: &Output, server: &Server) -> Self {
        let text = |bytes: &[u8]| {
            String::from_utf8_lossy(bytes).replace(&server.connect_string(), "SERVER")
        };
        let mut events = Vec::new();
        let out = normal(&without_events(&text(&output.stdout), &mut events));
        let err = normal(&without_events(&text(&output.stderr), &mut events));
        let mut events: Vec<String> = events.iter().map(|event| normal_line(event)).collect();
        // Those of one removal come in the order of a hash table.
        for several in events.chunk_by_mut(|a, b| [a, b].iter().all(|e| e.contains("WatchRemoved")))
        {
            several.sort();
        }
        Self { out, err, events, code: output.status.code() }
    }
}

/// Takes the events out: when they are printed depends on the moment, and Java prints each in three
/// pieces between which a prompt may come. So prompts get lines of their own, and blank lines go.
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

fn run_session(kind: Kind, dir: &Path, script: &str) -> Result<Said> {
    let server = server(dir)?;
    let mut child = zkcli(kind)?
        .args(["-server", &server.connect_string(), "-waitforconnection"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut input = child.stdin.take().ok_or_else(|| Failure::new("no standard input"))?;
    let script = script.to_owned();
    let writer = std::thread::spawn(move || input.write_all(script.as_bytes()));
    let output = child.wait_with_output()?;
    writer.join().map_err(|_| Failure::new("the writer failed"))??;
    Ok(Said::new(&output, &server))
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

/// What Java's and ours say to the same script: the same, but for events, which the caller judges.
fn run_both(script: &str) -> Result<[Said; 2]> {
    let [java, ours] = BOTH.map(|kind| {
        let dir = tempfile::tempdir()?;
        run_session(kind, dir.path(), script)
    });
    let (java, ours) = (java?, ours?);
    same("standard output", &java.out, &ours.out)?;
    same("standard error", &java.err, &ours.err)?;
    assert_eq!(java.code, ours.code);
    Ok([java, ours])
}

#[test]
fn a_session_reads_the_same() -> Result<()> {
    let [java, ours] = run_both(include_str!("session.txt"))?;
    // Java's client may close before it has told that a watch is removed.
    let told = |said: &Said| {
        let lasting = said.events.iter().filter(|event| !event.contains("WatchRemoved"));
        lasting.map(String::as_str).collect::<Vec<_>>().join("\n")
    };
    same("what the watches told", &told(&java), &told(&ours))
}

/// Nothing is switched on again here: whether an event is wanted is asked when it is printed, which
/// may be some commands after the one that made it.
#[test]
fn events_that_are_not_wanted_are_not_told() -> Result<()> {
    let script = "create /q\nprintwatches off\nget -w /q\nset /q 1\nprintwatches\nclose\nquit\n";
    for said in run_both(script)? {
        assert_eq!(said.events, ["WatchedEvent state:SyncConnected type:None path:null"]);
    }
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
    &["-timeout", "5000", "stat", "/nowhere"],
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
    let mut said = Said::new(&command.output()?, server);
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

use std::process::Command;
use std::time::Duration;

use compat_tests::Result;
use compat_tests::pty::Terminal;
use compat_tests::server::{Kind, Server, Setup, our_tool};
use gamekeeper::client::{Client, Options};

struct Scene {
    server: Server,
    terminal: Terminal,
    _dir: tempfile::TempDir,
}

impl Scene {
    fn set() -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let server = Setup::new(Kind::Ours, dir.path())?.start()?;
        let mut command = Command::new(our_tool("zkcli")?);
        command.args(["-server", &server.connect_string()]);
        // Otherwise the prompt waits for half a second only.
        let terminal = Terminal::start(command.arg("-waitforconnection"))?;
        let mut scene = Self { server, terminal, _dir: dir };
        scene.terminal.expect("Welcome to ZooKeeper!")?;
        scene.prompt(0)?;
        Ok(scene)
    }

    /// Waits for the prompt with this number.
    fn prompt(&mut self, number: u32) -> Result<String> {
        let server = self.server.connect_string();
        self.terminal.expect(&format!("[zk: {server}(CONNECTED) {number}] "))
    }

    /// Types a line, and waits for the prompt with this number behind it.
    fn line(&mut self, line: &str, next: u32) -> Result<String> {
        self.terminal.keys(&format!("{line}\r"))?;
        self.prompt(next)
    }
}

#[test]
fn tab_completes_verbs_and_live_paths() -> Result<()> {
    let mut scene = Scene::set()?;
    scene.terminal.keys("cre\t")?;
    scene.terminal.expect("create ")?;
    let created = scene.line("/hello world", 1)?;
    assert!(created.contains("Created /hello"), "{created}");
    scene.terminal.keys("get /he\t")?;
    scene.terminal.expect("/hello")?;
    let got = scene.line("", 2)?;
    assert!(got.contains("world"), "{got}");
    // Two candidates: their common part, then both.
    scene.line("create /help x", 3)?;
    scene.terminal.keys("stat /h\t\t")?;
    scene.terminal.expect("/hello")?;
    scene.terminal.expect("/help")?;
    Ok(())
}

#[test]
fn events_appear_above_what_is_being_typed() -> Result<()> {
    let mut scene = Scene::set()?;
    scene.line("create /w 1", 1)?;
    scene.line("get -w /w", 2)?;
    scene.terminal.keys("ls /zoo")?;
    scene.terminal.expect("ls /zoo")?;
    let options = Options::new(&scene.server.connect_string(), Duration::from_secs(20))?;
    let (client, _events) = Client::connect(options)?;
    client.set_data("/w", Some(b"2"), -1).wait()?;
    scene.terminal.expect("WATCHER::")?;
    scene
        .terminal
        .expect("WatchedEvent state:SyncConnected type:NodeDataChanged path:/w zxid: ")?;
    // The line is there again, whole, and goes on.
    scene.prompt(2)?;
    scene.terminal.expect("ls /zoo")?;
    let listed = scene.line("keeper", 3)?;
    assert!(listed.contains("[config, quota]"), "{listed}");
    Ok(())
}

#[test]
fn nothing_that_is_typed_ends_the_prompt() -> Result<()> {
    let mut scene = Scene::set()?;
    for (number, (line, answer)) in [
        ("foo", "Command not found: Command not found foo"),
        ("get /nowhere", "Node does not exist: /nowhere"),
        ("delete -v x /", "For input string: \"x\""),
        ("ls '", "ls [-s] [-w] [-R] path"),
        ("addWatch bad", "Path must start with / character"),
        ("redo 1", "Node does not exist: /nowhere"),
        ("history", "5 - get /nowhere"),
    ]
    .into_iter()
    .enumerate()
    {
        let said = scene.line(line, u32::try_from(number)? + 1)?;
        assert!(said.contains(answer), "{line}: {said}");
    }
    scene.terminal.keys("half a line\x03")?;
    scene.prompt(7)?;
    scene.terminal.keys("\x04")?;
    assert_eq!(scene.terminal.wait()?.code(), Some(0));
    Ok(())
}

#[test]
fn the_session_outlives_its_server() -> Result<()> {
    let mut scene = Scene::set()?;
    scene.line("create -e /mine x", 1)?;
    let (_, setup) = scene.server.stop()?;
    scene.terminal.expect("WatchedEvent state:Disconnected")?;
    scene.server = setup.start()?;
    scene.terminal.expect("WatchedEvent state:SyncConnected")?;
    let listed = scene.line("getEphemerals", 2)?;
    assert!(listed.contains("[/mine]"), "{listed}");
    let server = scene.server.connect_string();
    scene.terminal.keys("close\r")?;
    scene.terminal.expect(&format!("[zk: {server}(CLOSED) 3] "))?;
    scene.terminal.keys("ls /\r")?;
    scene.terminal.expect("Not connected")?;
    scene.line("connect", 5)?;
    scene.terminal.keys("quit\r")?;
    assert_eq!(scene.terminal.wait()?.code(), Some(0));
    Ok(())
}

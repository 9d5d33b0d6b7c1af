//! The scripts in `bin/`, run against a stand-in for the server: verbs, words, files and exit codes
//! that service managers, images and people know from Apache ZooKeeper.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::thread;

use socket2::{Domain, Socket, Type};
use tempfile::TempDir;

/// Writes its arguments down and stays, unless told to fail.
const STAND_IN: &str = "#!/bin/sh\n\
    printf '%s\\n' \"$@\" > \"$STAND_IN_DIR/arguments\"\n\
    : > \"$STAND_IN_DIR/settled\"\n\
    [ -e \"$STAND_IN_DIR/fail\" ] && { echo no good >&2; exit 2; }\n\
    [ \"$1\" = --version ] && { echo version 9; exit 0; }\n\
    [ -e \"$STAND_IN_DIR/finish\" ] && exit 7\n\
    exec /bin/sleep 600\n";

/// The second in which a server is expected to fail begins when the stand-in has come so far.
const SLEEP: &str = "#!/bin/sh\n\
    [ \"$1\" = 1 ] && until rm \"$STAND_IN_DIR/settled\" 2>/dev/null; do /bin/sleep 0.02; done\n\
    exec /bin/sleep \"$@\"\n";

/// Makes a program. Another one writes it: a file that this process had open for writing may still be
/// open in a child that another test has just begun, and cannot be executed then.
fn make_executable(path: &Path, text: &str) {
    let draft = path.with_extension("draft");
    fs::write(&draft, text).expect("written");
    let installed = Command::new("install").args(["-m", "755"]).args([&draft, path]).status();
    assert!(installed.expect("install is there").success());
}

struct Home {
    dir: TempDir,
}

impl Home {
    fn new() -> Self {
        let home = Self { dir: tempfile::tempdir().expect("a directory") };
        fs::create_dir(home.path("conf")).expect("made");
        home.configure("clientPort=2181\n");
        make_executable(&home.path("stand-in"), STAND_IN);
        fs::create_dir(home.path("tools")).expect("made");
        make_executable(&home.path("tools/sleep"), SLEEP);
        home
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn show(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    fn configure(&self, lines: &str) {
        let text = format!("# test\n  dataDir = {} \n{lines}", self.show("data"));
        fs::write(self.path("conf/zoo.cfg"), text).expect("written");
    }

    fn script(&self, name: &str) -> Command {
        let mut command =
            Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("bin").join(name));
        command
            .env_clear()
            .env("PATH", format!("{}:{}", self.show("tools"), std::env::var("PATH").expect("set")))
            .env("USER", "tester")
            .env("HOSTNAME", "host")
            .env("ZOOCFGDIR", self.path("conf"))
            .env("ZOO_LOG_DIR", self.path("logs"))
            .env("GAMEKEEPER_BIN", self.path("stand-in"))
            .env("STAND_IN_DIR", self.dir.path());
        command
    }

    fn server(&self, verbs: &[&str]) -> Said {
        Said::by(self.script("zkServer.sh").args(verbs))
    }

    fn pid(&self) -> Option<String> {
        fs::read_to_string(self.path("data/zookeeper_server.pid")).ok()
    }

    /// What the stand-in was called with.
    fn arguments(&self) -> Vec<String> {
        let text = fs::read_to_string(self.path("arguments")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        if let Some(pid) = self.pid() {
            let _ = Command::new("kill").arg(pid).output();
        }
    }
}

/// What a script said, and how it ended.
struct Said {
    out: String,
    err: String,
    code: Option<i32>,
}

impl Said {
    fn by(command: &mut Command) -> Self {
        let Output { status, stdout, stderr } = command.output().expect("the script runs");
        let text = |bytes| String::from_utf8(bytes).expect("text");
        Self { out: text(stdout), err: text(stderr), code: status.code() }
    }

    fn is(&self, out: &str, code: i32) {
        assert_eq!((self.out.as_str(), self.code), (out, Some(code)), "stderr: {}", self.err);
    }
}

fn is_running(pid: &str) -> bool {
    let output = Command::new("kill").args(["-0", pid]).output();
    output.expect("kill is there").status.success()
}

#[test]
fn start_again_stop_again() {
    let home = Home::new();
    let started = home.server(&["start"]);
    started.is("Starting zookeeper ... STARTED\n", 0);
    assert!(started.err.ends_with(&format!("Using config: {}\n", home.show("conf/zoo.cfg"))));
    let pid = home.pid().expect("a pid file");
    assert!(pid.bytes().all(|b| b.is_ascii_digit()), "no line end: {pid:?}");
    assert!(is_running(&pid));
    assert_eq!(home.arguments(), [home.show("conf/zoo.cfg")]);
    let out = home.path("logs/zookeeper-tester-server-host.out");
    assert!(out.exists());

    let again = home.server(&["start"]);
    again.is(&format!("Starting zookeeper ... already running as process {pid}.\n"), 1);

    let restarted = home.server(&["restart"]);
    restarted.is("Stopping zookeeper ... STOPPED\nStarting zookeeper ... STARTED\n", 0);
    let next = home.pid().expect("a pid file");
    assert_ne!(pid, next);
    assert!(!is_running(&pid) && is_running(&next));

    home.server(&["stop"]).is("Stopping zookeeper ... STOPPED\n", 0);
    assert!(!is_running(&next));
    assert_eq!(home.pid(), None);
    let file = home.show("data/zookeeper_server.pid");
    let none =
        format!("Stopping zookeeper ... no zookeeper to stop (could not find file {file})\n");
    home.server(&["stop"]).is(&none, 0);
}

#[test]
fn a_start_that_fails_says_so() {
    let home = Home::new();
    fs::write(home.path("fail"), "").expect("written");
    home.server(&["start"]).is("Starting zookeeper ... FAILED TO START\n", 1);
    let log = fs::read_to_string(home.path("logs/zookeeper-tester-server-host.out"));
    assert_eq!(log.expect("a log"), "no good\n");
    let missing = home.server(&["start", "other.cfg"]);
    missing.is("Starting zookeeper ... FAILED TO START\n", 1);
    assert!(missing.err.contains("conf/other.cfg"), "{}", missing.err);
}

#[test]
fn start_foreground_becomes_the_server() {
    let home = Home::new();
    fs::write(home.path("finish"), "").expect("written");
    home.server(&["start-foreground"]).is("", 7);
    let kept = Said::by(home.script("zkServer.sh").arg("start-foreground").env("ZOO_NOEXEC", "1"));
    kept.is("", 7);
    fs::write(home.path("my.cfg"), "dataDir=/tmp\n").expect("written");
    let own = home.show("my.cfg");
    Said::by(home.script("zkServer.sh").args(["start-foreground", &own])).is("", 7);
    assert_eq!(home.arguments(), [own], "a path is taken as it is");
}

#[test]
fn flags_for_a_jvm_are_sorted() {
    let home = Home::new();
    fs::write(home.path("finish"), "").expect("written");
    let env = "export SERVER_JVMFLAGS='-Dzookeeper.skipACL=yes -Xmx512m'\n";
    fs::write(home.path("conf/java.env"), env).expect("written");
    fs::write(home.path("conf/zookeeper-env.sh"), "JVMFLAGS='-Dx=* -ea'\n").expect("written");
    let said = home.server(&["start-foreground"]);
    said.is("", 7);
    assert_eq!(home.arguments(), ["-Dzookeeper.skipACL=yes", "-Dx=*", &home.show("conf/zoo.cfg")]);
    assert!(said.err.contains("Ignored, as there is no JVM: -Xmx512m -ea\n"), "{}", said.err);
    let printed = home.server(&["print-cmd"]);
    assert!(printed.out.contains("\"-Dzookeeper.skipACL=yes\" \"-Dx=*\""), "{}", printed.out);
    assert!(printed.out.trim_end().ends_with(".out\" 2>&1 < /dev/null"), "{}", printed.out);
}

#[test]
fn the_client_stands_beside_the_server() {
    let home = Home::new();
    fs::write(home.path("finish"), "").expect("written");
    fs::rename(home.path("stand-in"), home.path("zkcli")).expect("renamed");
    let mut script = home.script("zkCli.sh");
    let said = Said::by(
        script
            .args(["-server", "a:1", "set", "/a", "two words"])
            .env("CLIENT_JVMFLAGS", "-Djute.maxbuffer=9 -Xmx1g"),
    );
    said.is("", 7);
    assert_eq!(said.err, "Ignored, as there is no JVM: -Xmx1g\n");
    let expected = ["-Djute.maxbuffer=9", "-server", "a:1", "set", "/a", "two words"];
    assert_eq!(home.arguments(), expected);
}

#[test]
fn directories_are_not_made_where_that_is_forbidden() {
    let home = Home::new();
    fs::write(home.path("finish"), "").expect("written");
    let start = || {
        let mut command = home.script("zkServer.sh");
        Said::by(command.arg("start-foreground").env("ZOO_DATADIR_AUTOCREATE_DISABLE", "1"))
    };
    let missing = start();
    assert!(missing.out.starts_with("ZooKeeper data directory is missing at "), "{}", missing.out);
    assert_eq!(missing.code, Some(1));
    fs::create_dir_all(home.path("data/version-2")).expect("made");
    start().is("", 7);
    assert_eq!(home.arguments()[0], "-Dzookeeper.datadir.autocreate=false");
    home.configure(&format!("dataLogDir={}\n", home.show("log")));
    assert!(start().out.starts_with("ZooKeeper txnlog directory is missing at "));
}

/// Answers one question as the word srvr is answered; the port it listens on.
fn answer_once(listener: TcpListener) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a question");
        let mut word = [0; 4];
        stream.read_exact(&mut word).expect("a word");
        let reply = b"Zookeeper version: 3.9.5\nLatency min/avg/max: 0/0.0/0\nMode: standalone\n";
        stream.write_all(reply).expect("answered");
        String::from_utf8_lossy(&word).into_owned()
    })
}

#[test]
fn status_asks_the_server() {
    let home = Home::new();
    let lines = |port: u16| {
        [
            (format!("clientPort={port}\n"), "localhost"),
            (format!("clientPort = {port}\nclientPortAddress=127.0.0.1\n"), "127.0.0.1"),
            (format!("server.3=a:1:2;{port}\nserver.33=b:1:2;1\n"), "localhost"),
            (format!("server.3=a:1:2:participant;127.0.0.1:{port}\n"), "127.0.0.1"),
        ]
    };
    fs::create_dir(home.path("data")).expect("made");
    fs::write(home.path("data/myid"), "3\n").expect("written");
    for case in 0..4 {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("bound").port();
        let (line, host) = &lines(port)[case];
        home.configure(line);
        let answered = answer_once(listener);
        let found =
            format!("Client port found: {port}. Client address: {host}. Client SSL: false.");
        home.server(&["status"]).is(&format!("{found}\nMode: standalone\n"), 0);
        assert_eq!(answered.join().expect("answered"), "srvr");
    }
}

#[test]
fn status_of_no_server_fails() {
    let home = Home::new();
    // A socket that does not listen: nobody else gets its port.
    let held = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    held.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).expect("bound");
    let port = held.local_addr().expect("bound").as_socket().expect("an address").port();
    home.configure(&format!("clientPort={port}\n"));
    let said = home.server(&["status"]);
    assert!(said.out.ends_with("Error contacting service. It is probably not running.\n"));
    assert_eq!(said.code, Some(1));
    home.configure("");
    let said = home.server(&["status"]);
    assert!(said.out.ends_with("in any configs. Terminating.\n"), "{}", said.out);
    assert_eq!(said.code, Some(1));
}

#[test]
fn other_words() {
    let home = Home::new();
    let usage = home.server(&["dance"]);
    usage.is("", 0);
    assert!(usage.err.contains("{start|start-foreground|stop|version|restart|status|print-cmd}"));
    home.server(&["version"]).is("version 9\n", 0);
    let other = home.path("other");
    fs::create_dir(&other).expect("made");
    let said = home.server(&["--config", &other.display().to_string(), "version"]);
    assert!(said.err.contains(&format!("Using config: {}/zoo.cfg", other.display())));
}

#[test]
fn the_binary_is_looked_for() {
    let home = Home::new();
    fs::create_dir(home.path("bin")).expect("made");
    for script in ["zkServer.sh", "zkEnv.sh"] {
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("bin").join(script);
        make_executable(&home.path("bin").join(script), &fs::read_to_string(from).expect("read"));
    }
    let version = |variable: &str, value: &Path| {
        let mut command = Command::new(home.path("bin/zkServer.sh"));
        command.env_remove("GAMEKEEPER_BIN").env("PATH", "/usr/bin:/bin");
        Said::by(command.arg("version").env(variable, value))
    };
    let lost = version("GAMEKEEPER_HOME", Path::new("/nowhere"));
    assert!(lost.err.starts_with("Error: gamekeeper was not found in "), "{}", lost.err);
    assert_eq!(lost.code, Some(1));
    fs::create_dir_all(home.path("target/release")).expect("made");
    for place in ["target/release/gamekeeper", "bin/gamekeeper"] {
        make_executable(&home.path(place), &format!("#!/bin/sh\necho {place}\n"));
        version("GAMEKEEPER_HOME", Path::new("/nowhere")).is(&format!("{place}\n"), 0);
    }
    version("GAMEKEEPER_HOME", home.dir.path()).is("bin/gamekeeper\n", 0);
}

#[test]
fn initialize_makes_and_renews() {
    let home = Home::new();
    home.configure(&format!("dataLogDir={}\n", home.show("log")));
    let run = |args: &[&str]| Said::by(home.script("zkServer-initialize.sh").args(args));
    run(&["--myid=5"]).is("Using myid of 5\n", 0);
    assert_eq!(fs::read_to_string(home.path("data/myid")).expect("an id"), "5\n");
    for made in ["data/version-2", "log/version-2", "data/initialize"] {
        assert!(home.path(made).exists(), "{made}");
    }
    let again = run(&[]);
    assert!(again.out.starts_with("ZooKeeper data directory already exists at "), "{}", again.out);
    assert_eq!(again.code, Some(1));
    fs::write(home.path("data/version-2/log.1"), "").expect("written");
    let forced = run(&["--force"]);
    assert!(forced.out.starts_with("Force enabled,"), "{}", forced.out);
    assert_eq!(forced.code, Some(0));
    assert!(!home.path("data/version-2/log.1").exists() && !home.path("data/myid").exists());
    assert_eq!(run(&["--what"]).code, Some(1));
    assert_eq!(run(&["--help"]).code, Some(1));
    let missing = run(&["--configfile", "/nowhere.cfg"]);
    missing.is("Unable to find config file at /nowhere.cfg\n", 1);
}

#[test]
fn cleanup_names_the_directories() {
    let home = Home::new();
    fs::write(home.path("finish"), "").expect("written");
    let run = || Said::by(home.script("zkCleanup.sh").args(["-n", "4"]));
    run().is("", 7);
    assert_eq!(home.arguments(), ["purge", &home.show("data"), "-n", "4"]);
    home.configure(&format!("dataLogDir={}\n", home.show("log")));
    run().is("", 7);
    assert_eq!(home.arguments(), ["purge", &home.show("log"), &home.show("data"), "-n", "4"]);
}

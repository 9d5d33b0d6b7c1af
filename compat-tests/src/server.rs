//! A server as a process, ours or Java's, on the same `zoo.cfg`: start, wait until it serves, stop.

use std::fmt::{self, Write as _};
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::ports::free_ports;
use crate::{Failure, Result, java};

/// How long a server may take to serve, and to stop. A limit for what hangs, not a measurement.
const PATIENCE: Duration = Duration::from_secs(120);
/// The pause between two looks at whether it does.
const GLANCE: Duration = Duration::from_millis(5);
/// How long a server may take to answer a word, the first time that it is asked; then twice as long,
/// and so on until it was asked so often.
const WORD_PATIENCE: Duration = Duration::from_secs(1);
const WORD_TRIES: u32 = 6;
/// Lines of its log that a failure shows.
const TAIL_LINES: usize = 40;

/// Whose server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Gamekeeper, as built by this workspace.
    Ours,
    /// Apache ZooKeeper, as Maven fetched it.
    Java,
    /// Another release of it, as `3.8.6`.
    Release(&'static str),
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ours => f.write_str("gamekeeper"),
            Self::Java => f.write_str("java"),
            Self::Release(version) => write!(f, "java {version}"),
        }
    }
}

/// What to start.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Whose server.
    pub kind: Kind,
    /// Where `zoo.cfg`, `data/` and `server.log` are. Whoever made it removes it.
    pub dir: PathBuf,
    /// The client port on 127.0.0.1.
    pub port: u16,
    /// More lines of `zoo.cfg`, over the defaults of [`Setup::zoo_cfg`].
    pub config: Vec<(String, String)>,
    /// System properties, as `-Dkey=value`, for what has no line in `zoo.cfg`.
    pub properties: Vec<String>,
    /// Options of the JVM, as `-Xmx1g`; nothing for ours.
    pub jvm: Vec<String>,
    /// Its soft and its hard limit on open files; none leaves those of this process.
    pub files: Option<(u32, u32)>,
}

impl Setup {
    /// A server on a free port with the directory `dir`.
    ///
    /// # Errors
    /// If there is no free port.
    pub fn new(kind: Kind, dir: &Path) -> Result<Self> {
        Ok(Self {
            kind,
            dir: dir.to_owned(),
            port: free_port()?,
            config: vec![],
            properties: vec![],
            jvm: vec![],
            files: None,
        })
    }

    /// The same with one more line of `zoo.cfg`; an empty value takes a default's line away.
    #[must_use]
    pub fn with(mut self, key: &str, value: &str) -> Self {
        self.config.push((key.to_owned(), value.to_owned()));
        self
    }

    /// The same with one more system property.
    #[must_use]
    pub fn with_property(mut self, key: &str, value: &str) -> Self {
        self.properties.push(format!("-D{key}={value}"));
        self
    }

    /// The same with one more option of the JVM.
    #[must_use]
    pub fn with_jvm(mut self, option: &str) -> Self {
        self.jvm.push(option.to_owned());
        self
    }

    /// Where the server keeps its `version-2`.
    pub fn data_dir(&self) -> PathBuf {
        self.dir.join("data")
    }

    /// Its address.
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// The text of its `zoo.cfg`.
    pub fn zoo_cfg(&self) -> String {
        let mut text = String::new();
        let defaults = [
            ("tickTime", "2000".to_owned()),
            ("dataDir", self.data_dir().display().to_string()),
            ("clientPort", self.port.to_string()),
            ("clientPortAddress", "127.0.0.1".to_owned()),
            ("maxClientCnxns", "0".to_owned()),
            ("admin.enableServer", "false".to_owned()),
            ("4lw.commands.whitelist", "*".to_owned()),
        ];
        let own = |key: &str| self.config.iter().any(|(own, _)| own == key);
        for (key, value) in defaults.iter().filter(|(key, _)| !own(key)) {
            let _ = writeln!(text, "{key}={value}");
        }
        for (key, value) in self.config.iter().filter(|(_, value)| !value.is_empty()) {
            let _ = writeln!(text, "{key}={value}");
        }
        text
    }

    /// Starts the process without waiting for it.
    ///
    /// # Errors
    /// If it cannot be built, its files cannot be written, or it cannot be started.
    pub fn spawn(self) -> Result<Server> {
        fs::create_dir_all(self.data_dir())?;
        let cfg = self.dir.join("zoo.cfg");
        fs::write(&cfg, self.zoo_cfg())?;
        let log = File::options().append(true).create(true).open(self.log())?;
        let mut command = match self.kind {
            Kind::Ours => Command::new(our_binary()?),
            Kind::Java => java::server(None, &self.jvm, &self.properties)?,
            Kind::Release(version) => java::server(Some(version), &self.jvm, &self.properties)?,
        };
        if self.kind == Kind::Ours {
            command.args(&self.properties);
        }
        command.arg(&cfg);
        if let Some((soft, hard)) = self.files {
            command = with_files(&command, soft, hard);
        }
        let child = command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .map_err(|e| Failure::new(format!("cannot start {command:?}: {e}")))?;
        Ok(Server { child, setup: self })
    }

    /// Starts the process and waits until it serves.
    ///
    /// # Errors
    /// As [`Setup::spawn`], or if it ends or does not serve in time; the text has the end of its log.
    pub fn start(self) -> Result<Server> {
        let mut server = self.spawn()?;
        server.wait_serving()?;
        Ok(server)
    }

    fn log(&self) -> PathBuf {
        self.dir.join("server.log")
    }
}

/// The same command under limits on open files.
fn with_files(command: &Command, soft: u32, hard: u32) -> Command {
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(format!("ulimit -Sn {soft} && ulimit -Hn {hard} && exec \"$0\" \"$@\""));
    shell.arg(command.get_program()).args(command.get_args());
    shell
}

/// Asks a server a four-letter word. One that has much to do is asked again, and one of Java's that starts
/// may leave a connection without an answer for ever.
///
/// # Errors
/// If nobody listens there, or does not answer in a minute.
pub fn ask(address: SocketAddr, word: &str) -> io::Result<String> {
    let mut patience = WORD_PATIENCE;
    for _ in 1..WORD_TRIES {
        match ask_once(address, word, patience) {
            Err(e) if is_late(&e) => patience *= 2,
            answer => return answer,
        }
    }
    ask_once(address, word, patience)
}

/// Whether a socket's patience has ended, rather than the connection.
pub(crate) fn is_late(e: &io::Error) -> bool {
    matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

fn ask_once(address: SocketAddr, word: &str, patience: Duration) -> io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, patience)?;
    stream.set_read_timeout(Some(patience))?;
    stream.write_all(word.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

/// A port at which nobody else listens, as [`free_ports`] has them.
///
/// # Errors
/// If there is none.
pub fn free_port() -> Result<u16> {
    Ok(free_ports(1)?[0])
}

/// Our server's executable: `GAMEKEEPER_BIN`, or what cargo builds beside the running program, in the
/// same profile.
pub(crate) fn our_binary() -> Result<&'static Path> {
    static BINARY: OnceLock<std::result::Result<PathBuf, String>> = OnceLock::new();
    let built = BINARY.get_or_init(|| build_ours().map_err(|e| e.to_string()));
    built.as_deref().map_err(Failure::new)
}

/// Another of our executables, of this name: it stands beside the server's.
///
/// # Errors
/// If they cannot be built.
pub fn our_tool(name: &str) -> Result<PathBuf> {
    Ok(our_binary()?.with_file_name(name))
}

fn build_ours() -> Result<PathBuf> {
    if let Some(given) = std::env::var_os("GAMEKEEPER_BIN") {
        return Ok(given.into());
    }
    let own = std::env::current_exe()?;
    let dir = own.ancestors().skip(1).find(|dir| !dir.ends_with("deps"));
    let dir = dir.ok_or_else(|| Failure::new("no directory above the running program"))?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    build.args(["build", "--quiet", "--package", "gamekeeper", "--bins"]);
    if dir.ends_with("release") {
        build.arg("--release");
    }
    let status = build.current_dir(env!("CARGO_MANIFEST_DIR")).status()?;
    if !status.success() {
        return Err(Failure::new(format!("{build:?} failed: {status}")));
    }
    Ok(dir.join("gamekeeper"))
}

/// A server that runs. Dropping it kills it.
#[derive(Debug)]
pub struct Server {
    child: Child,
    /// What was started.
    pub setup: Setup,
}

impl Server {
    /// `127.0.0.1:port`, for a connect string.
    pub fn connect_string(&self) -> String {
        self.setup.address().to_string()
    }

    /// The same address many times, for a client that is connected while the server is replaced. Java's
    /// server may leave a connection that comes while it starts open for ever, without an answer; clients
    /// give each address of the list its share of their session's timeout.
    pub fn patient_connect_string(&self) -> String {
        [self.connect_string().as_str(); 10].join(",")
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until it answers clients.
    ///
    /// # Errors
    /// If it ends before, or does not in two minutes; the text has the end of its log.
    pub fn wait_serving(&mut self) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while !self.serves() {
            if let Some(status) = self.child.try_wait()? {
                return Err(self.failure(&format!("ended before it served: {status}")));
            }
            if Instant::now() > deadline {
                return Err(self.failure("does not serve"));
            }
            thread::sleep(GLANCE);
        }
        Ok(())
    }

    /// Whether it has ended by itself.
    ///
    /// # Errors
    /// If that cannot be told.
    pub fn has_ended(&mut self) -> Result<bool> {
        Ok(self.child.try_wait()?.is_some())
    }

    fn serves(&self) -> bool {
        self.four_letter_word("srvr").is_ok_and(|answer| answer.contains("Zxid:"))
    }

    /// The whole answer to a four-letter word.
    ///
    /// # Errors
    /// If it cannot be asked.
    pub fn four_letter_word(&self, word: &str) -> io::Result<String> {
        ask(self.setup.address(), word)
    }

    /// Sends SIGTERM and waits for the end.
    ///
    /// # Errors
    /// If it does not end in two minutes.
    pub fn stop(mut self) -> Result<(ExitStatus, Setup)> {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        kill_process(pid.ok_or_else(|| Failure::new("no such process"))?, Signal::TERM)?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok((status, self.setup.clone()));
            }
            if Instant::now() > deadline {
                return Err(self.failure("does not stop on SIGTERM"));
            }
            thread::sleep(GLANCE);
        }
    }

    /// Kills it (SIGKILL), as a crash does.
    ///
    /// # Errors
    /// If it cannot be killed.
    pub fn kill(mut self) -> Result<Setup> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(self.setup.clone())
    }

    /// A failure of this server, with the end of its log.
    pub fn failure(&self, what: &str) -> Failure {
        let Setup { kind, port, .. } = self.setup;
        Failure::new(format!(
            "{kind} server on port {port} {what}
The end of its log:
{}",
            self.log_tail()
        ))
    }

    /// All that it (and whoever ran in its directory before it) has logged.
    pub fn log(&self) -> String {
        let log = fs::read(self.setup.log()).unwrap_or_default();
        String::from_utf8_lossy(&log).into_owned()
    }

    /// What it, or whoever ran in its directory before it, has logged of a digest that is wrong. A snapshot
    /// of Java's may have what came while it was written, and not the digest of that: Java complains of
    /// such a one, too. So a server of ours, which runs, may have found one in its snapshot, if all
    /// transactions behind it had the right one.
    ///
    /// # Errors
    /// If it does not answer.
    pub fn wrong_digest(&self) -> Result<Option<String>> {
        let log = self.log();
        let told = |line: &&str| line.to_lowercase().contains("mismatch");
        if let Some(line) = log.lines().find(|line| told(line) && !is_of_snapshot(line)) {
            return Ok(Some(line.to_owned()));
        }
        if self.setup.kind != Kind::Ours {
            return Ok(None);
        }
        // Of several ours logs but the first.
        let answer = self.four_letter_word("mntr")?;
        let count = answer.lines().find_map(|line| line.strip_prefix(MISMATCHES));
        let found = count.and_then(|count| count.trim().parse::<u64>().ok()).unwrap_or(0);
        let allowed = log.lines().any(is_of_snapshot);
        Ok((found > u64::from(allowed)).then(|| format!("{found} digests are wrong")))
    }

    /// The end of its log, without the questions of who waits for it.
    pub fn log_tail(&self) -> String {
        let log = self.log();
        let lines = log.lines().filter(|line| !line.contains("Processing srvr command"));
        let lines: Vec<&str> = lines.collect();
        lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
    }
}

/// The name of a figure of `mntr`.
const MISMATCHES: &str = "zk_digest_mismatches_count\t";

/// Whether a line of a log complains of the digest in a snapshot.
pub(crate) fn is_of_snapshot(line: &str) -> bool {
    line.contains("digest mismatch at zxid") && line.contains(": the snapshot has ")
}

impl Drop for Server {
    fn drop(&mut self) {
        // One that has ended already cannot be killed, and need not be.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

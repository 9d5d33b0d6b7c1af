//! Members of an ensemble that are not all configured alike: each has its own lines.

use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::PATIENCE;
use super::recorder::{Op, Recorder};
use crate::history::Body;
use crate::ports::free_ports;
use crate::server::{Kind, Server, Setup, ask};
use crate::{Failure, Result};

/// How long servers that must not find a quorum are watched.
const WATCH: Duration = Duration::from_secs(4);
/// The timeout of the clients' sessions.
const LONG: Duration = Duration::from_secs(120);

/// Servers with a configuration each. Dropping them kills them.
#[derive(Debug)]
pub struct Members {
    /// What is to be started.
    pub setups: Vec<Setup>,
    servers: Vec<Option<Server>>,
    /// Quorum and election port of each.
    pub ports: Vec<[u16; 2]>,
    _dir: TempDir,
}

impl Members {
    /// Directories, ports and what all have in common.
    ///
    /// # Errors
    /// If a file cannot be written or there are no ports.
    pub fn prepare(kinds: &[Kind]) -> Result<Self> {
        let dir = tempfile::Builder::new().prefix("members-").tempdir()?;
        let ports = free_ports(3 * kinds.len())?;
        let mut setups = Vec::new();
        for (member, kind) in kinds.iter().enumerate() {
            let own = dir.path().join((member + 1).to_string());
            fs::create_dir_all(own.join("data"))?;
            fs::write(own.join("data/myid"), format!("{}\n", member + 1))?;
            let mut setup = Setup::new(*kind, &own)?
                .with("tickTime", "500")
                .with("initLimit", "40")
                .with("syncLimit", "10")
                .with("maxSessionTimeout", "600000")
                .with_jvm("-Xmx128m")
                .with_jvm("-XX:+UseSerialGC")
                .with_jvm("-XX:TieredStopAtLevel=1");
            setup.port = ports[member];
            setups.push(setup);
        }
        let ports = ports[kinds.len()..].chunks(2).map(|pair| [pair[0], pair[1]]).collect();
        let servers = kinds.iter().map(|_| None).collect();
        Ok(Self { setups, servers, ports, _dir: dir })
    }

    /// Members that know each other by the plainest lines, and these more.
    ///
    /// # Errors
    /// As [`Members::prepare`].
    pub fn plain(kinds: &[Kind], lines: &[(&str, &str)]) -> Result<Self> {
        let mut members = Self::prepare(kinds)?;
        for member in 0..kinds.len() {
            for other in 0..kinds.len() {
                let line = members.address(other, "127.0.0.1");
                members.set(member, &format!("server.{}", other + 1), &line);
            }
            lines.iter().for_each(|(key, value)| members.set(member, key, value));
        }
        Ok(members)
    }

    /// Where a member takes learners and votes, as its line says it.
    pub fn address(&self, member: usize, host: &str) -> String {
        let [quorum, election] = self.ports[member];
        format!("{host}:{quorum}:{election}")
    }

    /// One more line of a member's `zoo.cfg`; an empty value takes a default's line away.
    pub fn set(&mut self, member: usize, key: &str, value: &str) {
        self.setups[member].config.push((key.to_owned(), value.to_owned()));
    }

    /// Starts members without waiting for them.
    ///
    /// # Errors
    /// If one cannot be started.
    pub fn start(&mut self, members: &[usize]) -> Result<()> {
        for &member in members {
            self.servers[member] = Some(self.setups[member].clone().spawn()?);
        }
        Ok(())
    }

    /// Kills a member.
    ///
    /// # Errors
    /// If it cannot be killed.
    pub fn kill(&mut self, member: usize) -> Result<()> {
        self.servers[member].take().map_or(Ok(()), |server| server.kill().map(drop))
    }

    /// What a member answers to a four-letter word; nothing if it does not.
    pub fn word(&self, member: usize, word: &str) -> String {
        ask(self.setups[member].address(), word).unwrap_or_default()
    }

    /// What a member says that it is, while it serves.
    pub fn mode(&self, member: usize) -> Option<String> {
        let answer = self.word(member, "srvr");
        answer.lines().find_map(|line| line.strip_prefix("Mode: ")).map(str::to_owned)
    }

    /// What all say that they are.
    pub fn modes(&self) -> Vec<Option<String>> {
        (0..self.setups.len()).map(|member| self.mode(member)).collect()
    }

    /// Waits until all members say that they are this; `-` is one that serves nobody.
    ///
    /// # Errors
    /// If they do not in time.
    pub fn wait_modes(&mut self, expected: &[&str]) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let modes = self.modes();
            let found: Vec<&str> = modes.iter().map(|m| m.as_deref().unwrap_or("-")).collect();
            if found == expected {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(self.failure(&format!("are {found:?}, not {expected:?}")));
            }
            sleep(Duration::from_millis(20));
        }
    }

    /// Watches for some time that nobody serves.
    ///
    /// # Errors
    /// If somebody does.
    pub fn watch_idle(&self) -> Result<()> {
        let end = Instant::now() + WATCH;
        while Instant::now() < end {
            let modes = self.modes();
            if modes.iter().any(Option::is_some) {
                return Err(self.failure(&format!("serve without a quorum: {modes:?}")));
            }
            sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// A failure of these, with the ends of their logs.
    pub fn failure(&self, what: &str) -> Failure {
        let logs: Vec<String> = self.servers.iter().flatten().map(Server::log_tail).collect();
        Failure::new(format!("the members {what}\n{}", logs.join("\n--- another's log:\n")))
    }

    /// A figure of `mntr`.
    pub fn figure(&self, member: usize, name: &str) -> Option<String> {
        let answer = self.word(member, "mntr");
        answer.lines().find_map(|l| l.strip_prefix(&format!("zk_{name}\t"))).map(str::to_owned)
    }

    /// Waits until a figure of `mntr` is this.
    ///
    /// # Errors
    /// If it is not in time.
    pub fn wait_figure(&self, member: usize, name: &str, expected: &str) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while self.figure(member, name).as_deref() != Some(expected) {
            if Instant::now() > deadline {
                let found = self.figure(member, name);
                return Err(self.failure(&format!("have {name} {found:?}, not {expected}")));
            }
            sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// A client of one member.
    ///
    /// # Errors
    /// If it is not let in.
    pub fn client(&self, member: usize) -> Result<Recorder> {
        let mut client = Recorder::new(member, &[self.setups[member].address()], LONG);
        client.connect()?;
        Ok(client)
    }

    /// The text of `/zookeeper/config`.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn config(&self, member: usize) -> Result<String> {
        let mut client = self.client(member)?;
        match client.ask(&Op::Get("/zookeeper/config".to_owned(), false)).map(|r| &r.body) {
            Some(Body::Data(data, _)) => Ok(String::from_utf8_lossy(data).into_owned()),
            other => Err(self.failure(&format!("have no configuration: {other:?}"))),
        }
    }

    /// A write through one member is there at another behind a sync.
    ///
    /// # Errors
    /// If it is not.
    pub fn write_and_read(&self, path: &str, writer: usize, reader: usize) -> Result<()> {
        let (mut writer, mut reader) = (self.client(writer)?, self.client(reader)?);
        writer.ask(&Op::Create(path.to_owned(), vec![], 0));
        let ops = [Op::Sync("/".to_owned()), Op::Exists(path.to_owned(), false)];
        let errors: Vec<_> =
            reader.run(&ops).iter().map(|c| c.reply.as_ref().map(|r| r.err)).collect();
        if errors == [Some(0), Some(0)] {
            return Ok(());
        }
        Err(self.failure(&format!("do not pass {path} on: {errors:?}")))
    }
}

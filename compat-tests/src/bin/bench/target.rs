//! The servers under measurement: ours and Java's, each with the nodes that the rows work on.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use compat_tests::server::{Kind, Server, Setup};
use compat_tests::{Failure, Result};
use gamekeeper::client::{Client, CreateMode, Options};
use gamekeeper::op::op;
use jute::data::{Acl, Id};
use jute::proto::{CreateRequest, DeleteRequest};

use crate::Settings;
use crate::load::{Load, Script};

/// How many nodes of each size the rows read and write.
pub(crate) const NODES: usize = 1000;
/// Sessions and depth at which nodes are made and deleted in bulk.
const BULK_SESSIONS: usize = 4;
const BULK_DEPTH: u32 = 200;
/// Requests of one bulk script.
const BULK_CHUNK: usize = 100_000;

/// The list that lets anyone do anything.
pub(crate) fn open_acl() -> Vec<Acl> {
    let id = Id { scheme: Some("world".into()), id: Some("anyone".into()) };
    vec![Acl { perms: 31, id }]
}

/// One of the nodes that the rows work on.
pub(crate) fn node(value: usize, i: usize) -> String {
    format!("/bench/v{value}/n{i:03}")
}

/// What is measured: a server, or an ensemble of them.
pub(crate) trait Measured {
    /// Whose servers.
    fn kind(&self) -> Kind;
    /// Where they take clients.
    fn addresses(&self) -> Vec<SocketAddr>;
    /// Their processes.
    fn pids(&self) -> Vec<u32>;
    /// A failure of theirs, with the ends of their logs.
    fn failure(&self, what: &str) -> Failure;

    /// A client of the usual kind, on any of the servers.
    fn client(&self) -> Result<Client> {
        let servers: Vec<String> = self.addresses().iter().map(SocketAddr::to_string).collect();
        let options = Options::new(&servers.join(","), Duration::from_secs(30))?;
        Ok(Client::connect(options)?.0)
    }

    /// Makes the nodes for values of these sizes.
    fn fill(&self, values: &[usize]) -> Result<()> {
        let client = self.client()?;
        let acl = open_acl();
        let create =
            |path: &str, data: &[u8]| client.create(path, Some(data), &acl, CreateMode::Persistent);
        create("/bench", b"").wait()?;
        for &value in values {
            create(&format!("/bench/v{value}"), b"").wait()?;
            let data = vec![b'x'; value];
            let calls: Vec<_> = (0..NODES).map(|i| create(&node(value, i), &data)).collect();
            for call in calls {
                call.wait()?;
            }
        }
        client.close()?;
        Ok(())
    }
}

/// A server in a directory of its own, which goes with it.
pub(crate) struct Target {
    pub(crate) server: Server,
    _dir: tempfile::TempDir,
}

/// The setup of a server in `dir`.
pub(crate) fn setup(settings: &Settings, kind: Kind, dir: &Path) -> Result<Setup> {
    let mut setup = Setup::new(kind, dir)?.with_jvm(&format!("-Xmx{}", settings.java_heap));
    setup.config.clone_from(&settings.config);
    Ok(setup)
}

impl Target {
    /// Starts a server on an empty directory.
    pub(crate) fn start(settings: &Settings, kind: Kind) -> Result<Self> {
        let dir = tempfile::tempdir_in(&settings.dir)?;
        let server = setup(settings, kind, dir.path())?.start()?;
        Ok(Self { server, _dir: dir })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.server.setup.address()
    }
}

impl Measured for Target {
    fn kind(&self) -> Kind {
        self.server.setup.kind
    }

    fn addresses(&self) -> Vec<SocketAddr> {
        vec![self.address()]
    }

    fn pids(&self) -> Vec<u32> {
        vec![self.server.pid()]
    }

    fn failure(&self, what: &str) -> Failure {
        self.server.failure(what)
    }
}

/// Sends `count` requests in bulk; `add` puts the one of a number into the script.
pub(crate) fn bulk(
    servers: &[SocketAddr],
    count: usize,
    add: impl Fn(&mut Script, usize),
) -> Result<()> {
    for chunk in (0..count).step_by(BULK_CHUNK) {
        let numbers = chunk..count.min(chunk + BULK_CHUNK);
        let scripts: Vec<Rc<Script>> = (0..BULK_SESSIONS)
            .map(|session| {
                let mut script = Script::default();
                numbers
                    .clone()
                    .skip(session)
                    .step_by(BULK_SESSIONS)
                    .for_each(|i| add(&mut script, i));
                Rc::new(script)
            })
            .filter(|script| script.len() > 0)
            .collect();
        let mut load = Load::open(servers, &scripts, BULK_DEPTH)?;
        load.run_each_once()?;
        load.close()?;
    }
    Ok(())
}

/// Adds a create of a plain node.
pub(crate) fn push_create(script: &mut Script, path: String, data: &[u8], flags: i32) {
    let request =
        CreateRequest { path: Some(path), data: Some(data.to_vec()), acl: Some(open_acl()), flags };
    script.push(op::CREATE, &request);
}

/// Adds a delete.
pub(crate) fn push_delete(script: &mut Script, path: String) {
    script.push(op::DELETE, &DeleteRequest { path: Some(path), version: -1 });
}

/// Copies a directory with everything in it.
pub(crate) fn copy_dir(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let path: PathBuf = entry?.path();
        let name = path.file_name().ok_or_else(|| Failure::new("a file without a name"))?;
        if path.is_dir() {
            copy_dir(&path, &to.join(name))?;
        } else {
            fs::copy(&path, to.join(name))?;
        }
    }
    Ok(())
}

//! Two sessions that stay, and what they write: all that a version of the server knows.

use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use compat_tests::{Failure, Result};
use gamekeeper::client::{Client, CreateMode, Error, Event, KeeperState, Op, Options, Session};
use gamekeeper::op::Code;
use gamekeeper::tree::EventType;
use jute::data::{Acl, Id};

use super::{Cell, nodes};

/// For what hangs, not a measurement; also the timeout of the sessions.
const PATIENCE: Duration = Duration::from_secs(120);

/// Who writes, and how often.
pub(crate) struct World {
    cell: Cell,
    servers: String,
    /// Has no rights but everybody's.
    plain: Member,
    /// Is the super user, who may read everything.
    super_user: Member,
    rounds: usize,
}

/// A session that stays.
struct Member {
    client: Client,
    events: Receiver<Event>,
    session: Session,
    ephemerals: Vec<String>,
}

impl Member {
    fn new(servers: &str) -> Result<Self> {
        let (client, events) = Client::connect(Options::new(servers, PATIENCE)?)?;
        let session = client.session();
        Ok(Self { client, events, session, ephemerals: vec![] })
    }

    /// Waits for the next event of a node.
    fn wait_event(&self, kind: EventType, path: &str) -> Result<()> {
        loop {
            match self.events.recv_timeout(PATIENCE)? {
                Event::Watch { kind: found, path: at, .. } if found == kind && at == path => {
                    return Ok(());
                }
                Event::State(_) => (),
                other => return Err(Failure::new(format!("expected {kind:?} {path}: {other:?}"))),
            }
        }
    }

    /// The session lives on, with its ephemerals.
    fn reconnected(&self) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        // A call that is made while the connection breaks fails with it.
        while let Err(e) = self.client.get_data("/", false).wait() {
            let lost = matches!(e, Error::Code(Code::ConnectionLoss));
            if !lost || Instant::now() > deadline || self.client.state() == KeeperState::Expired {
                return Err(Failure::new(format!("a session that should live on: {e}")));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        if self.client.session() != self.session {
            return Err(Failure::new("another session took the place of the first"));
        }
        for path in &self.ephemerals {
            let owner = self.client.exists(path, false).wait()?.ephemeral_owner;
            if owner != self.session.id.0 {
                return Err(Failure::new(format!("{path} is owned by {owner:x}")));
            }
        }
        Ok(())
    }
}

fn acl(perms: i32, scheme: &str, id: &str) -> Acl {
    Acl { perms, id: Id { scheme: Some(scheme.into()), id: Some(id.into()) } }
}

fn open() -> Vec<Acl> {
    vec![acl(31, "world", "anyone")]
}

/// Wants a request to be refused, for a refusal is a transaction, too.
fn refused<T>(found: std::result::Result<T, Error>, expected: Code) -> Result<()> {
    match found {
        Err(Error::Code(code)) if code == expected => Ok(()),
        Err(e) => Err(Failure::new(format!("expected {expected:?}, found {e}"))),
        Ok(_) => Err(Failure::new(format!("expected {expected:?}, found success"))),
    }
}

impl World {
    /// Two sessions at `servers`.
    pub(crate) fn new(cell: Cell, servers: &str) -> Result<Self> {
        let (plain, super_user) = (Member::new(servers)?, Member::new(servers)?);
        super_user.client.add_auth("digest", b"super:swap");
        Ok(Self { cell, servers: servers.to_owned(), plain, super_user, rounds: 0 })
    }

    /// Every node with every field.
    pub(crate) fn nodes(&self) -> Result<Vec<String>> {
        let nodes = nodes::read(&self.super_user.client)?;
        // Versions from 3.5 add a node that they write nowhere, and so a child of its parent.
        let added = |node: &String| {
            node.starts_with("/zookeeper/config:") || node.starts_with("/zookeeper:")
        };
        Ok(nodes.into_iter().filter(|node| self.cell.since(5) || !added(node)).collect())
    }

    /// Both sessions live on, and hear of what they watch.
    pub(crate) fn reconnected(&mut self) -> Result<()> {
        self.plain.reconnected()?;
        self.super_user.reconnected()
    }

    /// Ends the sessions; their ephemerals go with them.
    pub(crate) fn close(self) -> Result<()> {
        let ephemerals = self.plain.ephemerals;
        self.plain.client.close()?;
        for path in ephemerals {
            refused(self.super_user.client.exists(&path, false).wait(), Code::NoNode)?;
        }
        Ok(self.super_user.client.close()?)
    }

    /// One more tree of everything, and a change to what the rounds before have made.
    pub(crate) fn fill(&mut self) -> Result<()> {
        let root = format!("/round{}", self.rounds);
        if self.rounds > 0 {
            self.change(&format!("/round{}", self.rounds - 1))?;
        }
        self.make(&root, Some(b"top"), CreateMode::Persistent)?;
        self.data(&root)?;
        self.lists(&root)?;
        self.history(&root)?;
        self.quota(&root)?;
        self.ephemerals(&root)?;
        if self.cell.since(5) {
            self.newer(&root)?;
        }
        self.plain.client.get_data(&format!("{root}/versions"), true).wait()?;
        self.plain.client.get_children(&format!("{root}/many"), true).wait()?;
        self.rounds += 1;
        Ok(())
    }

    fn make(&self, path: &str, data: Option<&[u8]>, mode: CreateMode) -> Result<String> {
        Ok(self.plain.client.create(path, data, &open(), mode).wait()?)
    }

    /// Watches that were set before the server was replaced, numbers that go on, nodes that go.
    fn change(&mut self, root: &str) -> Result<()> {
        let versions = format!("{root}/versions");
        self.super_user.client.set_data(&versions, Some(b"changed"), 10).wait()?;
        self.plain.wait_event(EventType::NodeDataChanged, &versions)?;
        self.plain.client.delete(&format!("{root}/many/7"), 0).wait()?;
        self.plain.wait_event(EventType::NodeChildrenChanged, &format!("{root}/many"))?;
        let next = self.make(&format!("{root}/seq/n-"), None, CreateMode::PersistentSequential)?;
        if next != format!("{root}/seq/n-0000000005") {
            return Err(Failure::new(format!("the next number made {next}")));
        }
        let gone = self.plain.ephemerals.remove(0);
        Ok(self.plain.client.delete(&gone, -1).wait()?)
    }

    fn data(&self, root: &str) -> Result<()> {
        let all: Vec<u8> = (0..=255).collect();
        let big = vec![b'x'; 100_000];
        let values = [None, Some(&[][..]), Some(&all), Some(&big)];
        for (number, data) in values.into_iter().enumerate() {
            self.make(&format!("{root}/data{number}"), data, CreateMode::Persistent)?;
        }
        self.make(&format!("{root}/\u{e4}\u{4e2d} ..."), Some(b"name"), CreateMode::Persistent)?;
        self.make(&format!("{root}/many"), None, CreateMode::Persistent)?;
        let number = |n: usize| (format!("{root}/many/{n}"), n.to_string());
        let calls: Vec<_> = (0..150)
            .map(number)
            .map(|(path, data)| {
                let mode = CreateMode::Persistent;
                self.plain.client.create(&path, Some(data.as_bytes()), &open(), mode)
            })
            .collect();
        calls.into_iter().try_for_each(|call| call.wait().map(drop))?;
        Ok(())
    }

    fn lists(&self, root: &str) -> Result<()> {
        // 3.4.14 takes no range of addresses.
        let address = if self.cell.since(5) { "127.0.0.1/8" } else { "127.0.0.1" };
        let lists = [
            vec![acl(1, "world", "anyone")],
            vec![acl(3, "ip", address), acl(31, "digest", "x:y")],
            vec![acl(0, "world", "anyone")],
        ];
        let client = &self.plain.client;
        for (number, list) in lists.iter().enumerate() {
            let path = format!("{root}/acl{number}");
            client.create(&path, None, list, CreateMode::Persistent).wait()?;
            self.make(&format!("{path}-later"), None, CreateMode::Persistent)?;
            client.set_acl(&format!("{path}-later"), list, 0).wait()?;
        }
        refused(client.set_data(&format!("{root}/acl0"), None, -1).wait(), Code::NoAuth)
    }

    /// Versions, counters, multis, and what failures leave in the log.
    fn history(&self, root: &str) -> Result<()> {
        let client = &self.plain.client;
        let versions = format!("{root}/versions");
        self.make(&versions, None, CreateMode::Persistent)?;
        for version in 0..10 {
            client.set_data(&versions, Some(b"v"), version).wait()?;
        }
        refused(client.set_data(&versions, None, 99).wait(), Code::BadVersion)?;
        let seq = format!("{root}/seq");
        self.make(&seq, None, CreateMode::Persistent)?;
        for number in 0..5 {
            let made = self.make(&format!("{seq}/n-"), None, CreateMode::PersistentSequential)?;
            if number % 2 == 0 {
                client.delete(&made, 0).wait()?;
            }
        }
        let multi = format!("{root}/multi");
        let create = |path: String| Op::Create {
            path,
            data: Some(b"m".to_vec()),
            acl: open(),
            mode: CreateMode::Persistent,
        };
        let below = format!("{multi}/x");
        let set = Op::SetData { path: multi.clone(), data: None, version: 0 };
        let check = Op::Check { path: multi.clone(), version: 1 };
        let delete = Op::Delete { path: below.clone(), version: 0 };
        client.multi(&[create(multi.clone()), create(below.clone()), set, check, delete]).wait()?;
        // Refused as a whole: what stands before the fault is in the log, and must not be done.
        client.multi(&[create(below), create(multi)]).wait()?;
        Ok(())
    }

    /// As `setquota` writes it, with the text that all versions read.
    fn quota(&self, root: &str) -> Result<()> {
        let quota = format!("/zookeeper/quota{root}");
        let many = format!("{quota}/many");
        for path in [&quota, &many] {
            self.make(path, None, CreateMode::Persistent)?;
        }
        let limits = Some(&b"count=1000,bytes=100000"[..]);
        self.make(&format!("{many}/zookeeper_limits"), limits, CreateMode::Persistent)?;
        let stats = Some(&b"count=0,bytes=0"[..]);
        self.make(&format!("{many}/zookeeper_stats"), stats, CreateMode::Persistent)?;
        for number in 0..3 {
            let path = format!("{root}/many/counted{number}");
            self.make(&path, Some(b"123"), CreateMode::Persistent)?;
        }
        Ok(())
    }

    fn ephemerals(&mut self, root: &str) -> Result<()> {
        for member in [&mut self.plain, &mut self.super_user] {
            for mode in [CreateMode::EphemeralSequential, CreateMode::Ephemeral] {
                let name = format!("{root}/eph{}-", member.session.id.0);
                let made = member.client.create(&name, Some(b"e"), &open(), mode).wait()?;
                member.ephemerals.push(made);
            }
        }
        // A session that ends leaves nothing; since 3.6 the log lists what went with it. Before, what a
        // snapshot of that very moment has already lost leaves no trace at its parent, with Java either:
        // therefore one more node, whose coming does.
        let other = Member::new(&self.servers)?;
        let short = format!("{root}/short");
        self.make(&short, None, CreateMode::Persistent)?;
        let gone = format!("{short}/gone");
        other.client.create(&gone, None, &open(), CreateMode::Ephemeral).wait()?;
        other.client.close()?;
        self.make(&format!("{short}/stays"), None, CreateMode::Persistent)?;
        Ok(())
    }

    /// What came with 3.5: containers, nodes with a time to live, `create2`.
    fn newer(&self, root: &str) -> Result<()> {
        let hour = 3_600_000;
        self.make(&format!("{root}/container"), None, CreateMode::Container)?;
        self.make(&format!("{root}/container/x"), None, CreateMode::Persistent)?;
        self.make(&format!("{root}/ttl"), Some(b"t"), CreateMode::PersistentWithTtl(hour))?;
        let numbered = CreateMode::PersistentSequentialWithTtl(1 << 39);
        self.make(&format!("{root}/ttl-"), None, numbered)?;
        let two = format!("{root}/two");
        let mode = CreateMode::Persistent;
        self.plain.client.create2(&two, Some(b"2"), &open(), mode).wait()?;
        Ok(())
    }
}

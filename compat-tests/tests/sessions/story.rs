//! What clients and operators of an ensemble see, in lines that can be compared.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use compat_tests::Result;
use compat_tests::ensemble::recorder::{Op, Recorder};
use compat_tests::ensemble::{Ensemble, Plan};
use compat_tests::server::Kind;
use gamekeeper::ids::Zxid;

/// For how long a client pings, again and again, while others are asked.
const PINGS: Duration = Duration::from_millis(50);

/// What was seen, in lines.
pub(crate) struct Story {
    pub(crate) ensemble: Ensemble,
    pub(crate) lines: Vec<String>,
    /// The first epoch: how many it took to begin is chance.
    epoch: i64,
}

impl Story {
    /// An ensemble of three voters and maybe observers, led by member 2.
    pub(crate) fn start(plan: Plan) -> Result<Self> {
        // Only those leave a leader of whom it is told, however slow the machine is.
        let plan = plan.with("initLimit", "200").with("syncLimit", "200");
        // The last voter leads, for it starts with the first.
        let mut order = vec![2, 0, 1];
        order.extend(3..plan.kinds.len());
        let mut ensemble = Ensemble::start_in_order(plan, &order, 2)?;
        let leader = ensemble.wait_leader()?;
        assert_eq!(leader, 2, "the one with the highest number leads");
        let epoch = ensemble.epoch(leader).unwrap_or(0);
        Ok(Self { ensemble, lines: Vec::new(), epoch })
    }

    pub(crate) fn tell(&mut self, line: impl Into<String>) {
        self.lines.push(line.into());
    }

    pub(crate) fn client(&self, member: usize, timeout: Duration) -> Recorder {
        Recorder::new(member, &[self.ensemble.address(member)], timeout)
    }

    /// What the server says to the client.
    pub(crate) fn greet(&mut self, client: &mut Recorder, member: usize) {
        let said = client.greet(self.ensemble.address(member));
        self.tell(format!("member {member} says {said:?}"));
    }

    /// Errors, and how many transactions it took.
    pub(crate) fn ask(&mut self, client: &mut Recorder, ops: &[Op]) -> Result<()> {
        self.ensemble.settle()?;
        let leader = self.ensemble.wait_leader()?;
        let before = self.ensemble.zxid(leader);
        let errors: Vec<_> =
            client.run(ops).iter().map(|call| call.reply.as_ref().map(|r| r.err)).collect();
        self.ensemble.settle()?;
        let after = self.ensemble.zxid(leader);
        let txns = after.zip(before).map(|(after, before)| after - before);
        self.tell(format!("{errors:?}, {txns:?} transactions"));
        Ok(())
    }

    /// How many epochs after the first, and which transaction of its epoch.
    pub(crate) fn place(&self, zxid: Zxid) -> (i64, i64) {
        (zxid.epoch() - self.epoch, zxid.counter())
    }

    /// A figure of `mntr`.
    pub(crate) fn figure(&self, member: usize, name: &str) -> Option<String> {
        let answer = self.ensemble.word(member, "mntr")?;
        let line = answer.lines().find_map(|line| line.strip_prefix(&format!("zk_{name}\t")))?;
        Some(line.to_owned())
    }

    /// The sessions as all members count them.
    pub(crate) fn count(&mut self) {
        for member in self.ensemble.running() {
            let [global, local] =
                ["global_sessions", "local_sessions"].map(|name| self.figure(member, name));
            self.tell(format!("member {member} has {global:?} global and {local:?} local"));
        }
    }

    /// How often each member was asked whether a session lives.
    pub(crate) fn count_revalidations(&mut self) {
        for member in self.ensemble.running() {
            let count = self.figure(member, "revalidate_count");
            self.tell(format!("member {member} was asked {count:?} times"));
        }
    }

    /// As [`Story::count`] while `client` shows that it lives.
    pub(crate) fn count_beside(&mut self, client: &mut Recorder) {
        let counted = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                while !counted.load(Ordering::Relaxed) && client.is_connected() {
                    client.listen(PINGS);
                }
            });
            self.count();
            counted.store(true, Ordering::Relaxed);
        });
    }

    /// The titles of a member's lists of sessions, without the number of its sets: Java's are empty at
    /// times.
    pub(crate) fn dump(&mut self, member: usize) {
        let answer = self.ensemble.word(member, "dump").unwrap_or_default();
        for line in answer.lines().filter(|line| line.contains("Session") && line.ends_with("):")) {
            let (title, rest) = line.split_once('(').unwrap_or_default();
            let len = rest.split_once("/(").map_or(rest, |(_, len)| len);
            self.tell(format!("{title}({len}"));
        }
    }

    /// The last op of the member's only client with a session.
    pub(crate) fn last_op(&mut self, member: usize) {
        let answer = self.ensemble.word(member, "cons").unwrap_or_default();
        let op = answer.split_once(",lop=").and_then(|(_, rest)| rest.split(',').next());
        self.tell(format!("last op {op:?}"));
    }
}

pub(crate) fn create(path: &str, flags: i32) -> Op {
    Op::Create(path.to_owned(), b"x".to_vec(), flags)
}

pub(crate) fn exists(path: &str) -> Op {
    Op::Exists(path.to_owned(), false)
}

/// All these ensembles tell what Java's tells.
pub(crate) fn compare<const N: usize>(
    tell: impl Fn([Kind; N]) -> Result<Vec<String>>,
    ensembles: &[[Kind; N]],
) -> Result<()> {
    let expected = tell([Kind::Java; N])?;
    println!("{}", expected.join("\n"));
    for kinds in ensembles {
        let found = tell(*kinds)?;
        let first = expected.iter().zip(&found).position(|(expected, found)| expected != found);
        assert!(
            first.is_none() && expected.len() == found.len(),
            "{kinds:?} differs from Java in line {first:?}:\n{}\n--- Java:\n{}",
            found.join("\n"),
            expected.join("\n")
        );
    }
    Ok(())
}

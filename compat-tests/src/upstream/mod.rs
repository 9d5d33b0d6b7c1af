//! ZooKeeper's own tests and Curator's, as they are published, with our server in place of the one that
//! they start.
//!
//! The jars of tests come through Maven. Before them on the class path stands the shim of `upstream/` or
//! `curator/`: classes of the names through which tests start servers, which start a process instead. Each
//! class of tests runs in a JVM of its own ([`jvm`]), in a directory of its own, with a limit of time. What
//! counts is what passes with Java's server, in the same JVM and without the shim: `baseline-*` beside it.
//! What fails is run once more when all else is done, and the summary tells how many passed only then.
//! Every class of the jars stands in one of the [`lists`]: to be run, or left out with a reason.

mod jvm;
mod lists;
mod outcome;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::server::our_binary;
use crate::{Failure, Result, java};
use jvm::{Harness, Ran};
use lists::{Baseline, LeftOut, RunList};
use outcome::Verdict;

/// Whose tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Suite {
    /// The directory of its shim and lists.
    pub name: &'static str,
    /// The version whose tests are run if nothing else is said.
    pub version: &'static str,
    /// What Maven calls that version.
    property: &'static str,
    /// Where its shim's sources are, seen from that directory.
    sources: &'static [&'static str],
    /// What the names of all classes begin with, and the lists leave away.
    package: &'static str,
}

/// ZooKeeper's own tests.
pub const ZOOKEEPER: Suite = Suite {
    name: "upstream",
    version: "3.9.5",
    property: "zookeeper.version",
    sources: &["src"],
    package: "org.apache.zookeeper.",
};

/// The tests of Curator's client, framework and recipes.
pub const CURATOR: Suite = Suite {
    name: "curator",
    version: "5.9.0",
    property: "curator.version",
    sources: &["src", "../upstream/src"],
    package: "org.apache.curator.",
};

/// The name of a class or test of any suite as the lists have it.
fn short(name: &str) -> &str {
    let prefix = [ZOOKEEPER, CURATOR].iter().find_map(|suite| name.strip_prefix(suite.package));
    prefix.unwrap_or(name)
}

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Options {
    /// Whose tests.
    pub suite: Suite,
    /// Classes by simple name, or by full name with or without the common package; all if empty.
    /// `Class#method` runs one method.
    pub classes: Vec<String>,
    /// The version whose tests are run.
    pub version: String,
    /// Java's own server, without the shim, and what passes becomes the baseline.
    pub baseline: bool,
    /// Classes at a time.
    pub jobs: usize,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// Of those in the baseline, how many passed.
    pub passed: usize,
    /// How many of the baseline were to pass.
    pub baseline: usize,
    /// How many of those that passed did so in a second run only, alone.
    pub again: usize,
    /// Whether every class and method is accounted for by a list, too.
    pub accounted: bool,
}

impl Summary {
    /// Whether nothing is wrong.
    pub fn is_good(&self) -> bool {
        self.passed == self.baseline && self.accounted
    }
}

fn directory(suite: Suite) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(suite.name)
}

/// Runs classes that are all to pass, in the version that is judged by default.
///
/// # Errors
/// If they do not all pass, and as [`run`].
pub fn choice(suite: Suite, classes: &[&str]) -> Result<()> {
    let summary = run(&Options {
        suite,
        classes: classes.iter().copied().map(str::to_owned).collect(),
        version: suite.version.to_owned(),
        baseline: false,
        jobs: 2,
    })?;
    if summary.is_good() && summary.baseline > 0 {
        return Ok(());
    }
    Err(Failure::new(format!("{} of {} passed: see above", summary.passed, summary.baseline)))
}

/// Runs the tests and prints what came of each class.
///
/// # Errors
/// If Maven cannot fetch the tests, the lists cannot be read, or a class is asked for that is not in
/// the list of those to run.
pub fn run(options: &Options) -> Result<Summary> {
    let directory = directory(options.suite);
    let target = directory.join("target").join(&options.version);
    let version = format!("-D{}={}", options.suite.property, options.version);
    let built = java::build(&directory, options.suite.sources, &target, &[version])?;
    let server = if options.baseline { None } else { Some(our_binary()?) };
    let harness = Harness::new(options.suite, &built, server)?;
    let run_list = RunList::read(&directory.join("run.txt"))?;
    let left_out = LeftOut::read(&directory.join("left-out.txt"))?;
    let mut baseline =
        Baseline::read(&directory.join(format!("baseline-{}.txt", options.version)))?;
    let wanted = Wanted::new(&options.classes, &run_list)?;
    let mut accounted = true;
    if options.classes.is_empty() {
        let lists = (&run_list, &left_out, &baseline);
        accounted = report_unlisted(&harness.classes_with_tests()?, lists);
    }
    let lists = (&run_list, &left_out, &baseline);
    let mut verdicts = run_all(options, &harness, &wanted, lists);
    for verdict in verdicts.iter_mut().filter(|verdict| !verdict.missed.is_empty()) {
        run_again(verdict, &harness, lists);
    }
    if options.baseline {
        record(&mut baseline, &verdicts, &wanted)?;
    }
    Ok(sum_up(&verdicts, accounted))
}

/// Which classes, and of which only some methods.
struct Wanted(Vec<(String, BTreeSet<String>)>);

impl Wanted {
    fn new(asked: &[String], list: &RunList) -> Result<Self> {
        let mut classes: Vec<(String, BTreeSet<String>)> = Vec::new();
        for word in asked {
            let (name, method) = word.split_once('#').unwrap_or((word, ""));
            let class = list.find(name).ok_or_else(|| {
                Failure::new(format!("{name} is not in the list of classes to run, run.txt"))
            })?;
            let found = classes.iter().position(|(known, _)| known == class);
            let index = found.unwrap_or_else(|| {
                classes.push((class.to_owned(), BTreeSet::new()));
                classes.len() - 1
            });
            if !method.is_empty() {
                classes[index].1.insert(method.to_owned());
            }
        }
        if asked.is_empty() {
            classes = list.classes().map(|name| (name.to_owned(), BTreeSet::new())).collect();
        }
        Ok(Self(classes))
    }
}

/// Names the classes that are in no list, or in both, or in one and not in the jar, and what the baseline
/// has of a class that is not run.
fn report_unlisted(
    in_jar: &BTreeSet<String>,
    (run, left_out, baseline): (&RunList, &LeftOut, &Baseline),
) -> bool {
    let to_run: BTreeSet<String> = run.classes().map(str::to_owned).collect();
    let out: BTreeSet<String> = left_out.classes().map(str::to_owned).collect();
    let mut text = String::new();
    for class in in_jar.iter().filter(|class| !to_run.contains(*class) && !out.contains(*class)) {
        let _ = writeln!(text, "UNLISTED  {class} is neither in run.txt nor in left-out.txt");
    }
    for class in to_run.intersection(&out) {
        let _ = writeln!(text, "TWICE     {class} is in run.txt and in left-out.txt");
    }
    for class in to_run.union(&out).filter(|class| !in_jar.contains(*class)) {
        let _ = writeln!(text, "UNKNOWN   {class} is in a list and has no tests in the jar");
    }
    for test in baseline.outside(run) {
        let _ = writeln!(text, "STALE     {test} is in the baseline, and its class not in run.txt");
    }
    print!("{text}");
    text.is_empty()
}

fn run_all(
    options: &Options,
    harness: &Harness,
    wanted: &Wanted,
    (run_list, left_out, baseline): (&RunList, &LeftOut, &Baseline),
) -> Vec<Verdict> {
    let next = AtomicUsize::new(0);
    let verdicts = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..options.jobs.max(1) {
            scope.spawn(|| {
                while let Some((class, methods)) =
                    wanted.0.get(next.fetch_add(1, Ordering::Relaxed))
                {
                    let except = left_out.methods_of(class);
                    let ran = harness.run(class, methods, &except, &run_list.needs(class));
                    let ran = ran.unwrap_or_else(|e| Ran::failed(&e));
                    let due = baseline.of(class, methods);
                    let verdict = Verdict::new(class, ran, due, left_out, options.baseline);
                    print!("{verdict}");
                    if let Ok(mut verdicts) = verdicts.lock() {
                        verdicts.push(verdict);
                    }
                }
            });
        }
    });
    verdicts.into_inner().unwrap_or_default()
}

/// Runs what did not pass once more, and nothing else meanwhile: some of these tests count on threads that
/// keep pace with others, or on a wait of some milliseconds, and fail where the machine is busy. What is
/// wrong with a server fails twice.
fn run_again(
    verdict: &mut Verdict,
    harness: &Harness,
    (run_list, left_out, baseline): (&RunList, &LeftOut, &Baseline),
) {
    let class = verdict.class.clone();
    let methods = verdict.missed_methods();
    let ran = harness.run(&class, &methods, &left_out.methods_of(&class), &run_list.needs(&class));
    let ran = ran.unwrap_or_else(|e| Ran::failed(&e));
    let second = Verdict::new(&class, ran, baseline.of(&class, &methods), left_out, false);
    print!("once more, alone: {second}");
    verdict.heed(&second);
}

/// Makes what passed the baseline of the classes that ran as a whole.
fn record(baseline: &mut Baseline, verdicts: &[Verdict], wanted: &Wanted) -> Result<()> {
    for verdict in verdicts {
        let whole = wanted.0.iter().any(|(name, only)| *name == verdict.class && only.is_empty());
        if whole {
            baseline.replace(&verdict.class, &verdict.passed);
        }
    }
    baseline.write()
}

fn sum_up(verdicts: &[Verdict], accounted: bool) -> Summary {
    Summary {
        passed: verdicts.iter().map(|verdict| verdict.passed_due).sum(),
        baseline: verdicts.iter().map(|verdict| verdict.due).sum(),
        again: verdicts.iter().map(|verdict| verdict.again).sum(),
        accounted: accounted && verdicts.iter().all(|verdict| verdict.accounted),
    }
}

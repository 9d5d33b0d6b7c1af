//! The lists beside the shim: what is run, what is left out and why, what passes with Java's server.
//! Names in them leave the common package away.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::short;
use crate::{Failure, Result};

/// Lines with something in them, without comments.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#'))
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).map_err(|e| Failure::new(format!("{}: {e}", path.display())))
}

/// `run.txt`: a class a line; behind it what it needs beyond most.
pub(super) struct RunList(BTreeMap<String, Needs>);

/// What a class needs beyond most.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Needs {
    /// A limit in seconds of its own.
    pub(super) limit: Option<u64>,
    /// Properties of its JVM, as `-Dkey=value`, and so of its servers.
    pub(super) properties: Vec<String>,
}

impl RunList {
    pub(super) fn read(path: &Path) -> Result<Self> {
        Self::parse(&read(path)?)
    }

    fn parse(text: &str) -> Result<Self> {
        let mut list = BTreeMap::new();
        for line in lines(text) {
            let mut words = line.split_whitespace();
            let class = words.next().unwrap_or_default().to_owned();
            let mut needs = Needs::default();
            for word in words {
                if word.starts_with("-D") {
                    needs.properties.push(word.to_owned());
                } else {
                    needs.limit = Some(word.parse()?);
                }
            }
            list.insert(class, needs);
        }
        Ok(Self(list))
    }

    /// What a class needs beyond most.
    pub(super) fn needs(&self, class: &str) -> Needs {
        self.0.get(class).cloned().unwrap_or_default()
    }

    pub(super) fn classes(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The class of this name: simple, or full with or without the common package.
    pub(super) fn find(&self, name: &str) -> Option<&str> {
        let exact = self.classes().find(|class| *class == short(name));
        exact.or_else(|| self.classes().find(|class| class.rsplit('.').next() == Some(name)))
    }
}

/// `left-out.txt`: a reason at the margin, below it, indented, the classes and methods that it holds for.
pub(super) struct LeftOut {
    classes: BTreeSet<String>,
    methods: BTreeSet<String>,
}

impl LeftOut {
    pub(super) fn read(path: &Path) -> Result<Self> {
        Self::parse(&read(path)?).map_err(|e| Failure::new(format!("{}: {e}", path.display())))
    }

    fn parse(text: &str) -> Result<Self> {
        let (mut classes, mut methods) = (BTreeSet::new(), BTreeSet::new());
        let mut reason = None;
        for line in lines(text) {
            let name = line.trim().to_owned();
            if !line.starts_with(' ') {
                reason = Some(name);
                continue;
            }
            if reason.is_none() {
                return Err(Failure::new(format!("{name} stands there without a reason above it")));
            }
            let names = if name.contains('#') { &mut methods } else { &mut classes };
            if !names.insert(name.clone()) {
                return Err(Failure::new(format!("{name} stands there twice")));
            }
        }
        Ok(Self { classes, methods })
    }

    /// The list of nothing.
    #[cfg(test)]
    pub(super) fn none() -> Self {
        Self { classes: BTreeSet::new(), methods: BTreeSet::new() }
    }

    pub(super) fn classes(&self) -> impl Iterator<Item = &str> {
        self.classes.iter().map(String::as_str)
    }

    /// The methods of this class that are not to be run at all, without the class.
    pub(super) fn methods_of(&self, class: &str) -> BTreeSet<String> {
        let of_class =
            self.methods.iter().filter_map(|name| name.strip_prefix(class)?.strip_prefix('#'));
        of_class.filter(|method| !method.contains('[')).map(str::to_owned).collect()
    }

    /// Whether this test, or the method that it is one round of, is left out.
    pub(super) fn has(&self, test: &str) -> bool {
        let method = test.split_once('[').map_or(test, |(method, _)| method);
        self.methods.contains(test) || self.methods.contains(method)
    }
}

/// `baseline-VERSION.txt`: every test that passes with Java's server.
pub(super) struct Baseline {
    path: PathBuf,
    tests: BTreeSet<String>,
}

impl Baseline {
    /// Reads it; one that is not there is empty.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let text = if path.exists() { read(path)? } else { String::new() };
        Ok(Self { path: path.to_owned(), tests: lines(&text).map(str::to_owned).collect() })
    }

    /// The tests of a class, or those of its methods `only`.
    pub(super) fn of(&self, class: &str, only: &BTreeSet<String>) -> BTreeSet<String> {
        let wanted = |test: &&String| {
            let Some(method) = test.strip_prefix(class).and_then(|rest| rest.strip_prefix('#'))
            else {
                return false;
            };
            let method = method.split_once('[').map_or(method, |(method, _)| method);
            only.is_empty() || only.contains(method)
        };
        self.tests.iter().filter(wanted).cloned().collect()
    }

    /// The tests of classes that are not in the list of those to run.
    pub(super) fn outside(&self, list: &RunList) -> impl Iterator<Item = &str> {
        let class = |test: &str| test.split_once('#').map_or(test, |(class, _)| class).to_owned();
        let tests = self.tests.iter().map(String::as_str);
        tests.filter(move |test| !list.0.contains_key(&class(test)))
    }

    pub(super) fn replace(&mut self, class: &str, passed: &BTreeSet<String>) {
        for test in self.of(class, &BTreeSet::new()) {
            self.tests.remove(&test);
        }
        self.tests.extend(passed.iter().cloned());
    }

    pub(super) fn write(&self) -> Result<()> {
        let mut text = String::from("# What passes with Java's server: run --baseline\n");
        for test in &self.tests {
            text.push_str(test);
            text.push('\n');
        }
        Ok(fs::write(&self.path, text)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_is_found_by_any_of_its_names() {
        let list = RunList::parse("# comment\ntest.ACLTest\nserver.CRCTest 600 -Da=b\n").unwrap();
        for name in ["ACLTest", "test.ACLTest", "org.apache.zookeeper.test.ACLTest"] {
            assert_eq!(list.find(name), Some("test.ACLTest"));
        }
        assert_eq!(list.find("CL"), None);
        let needs = Needs { limit: Some(600), properties: vec!["-Da=b".to_owned()] };
        assert_eq!(list.needs("server.CRCTest"), needs);
        assert_eq!(list.needs("test.ACLTest"), Needs::default());
    }

    #[test]
    fn a_method_is_left_out_with_all_its_rounds() {
        let list = LeftOut::parse("A reason.\n  a.B\n  a.C#m\n  a.C#n[2]\n").unwrap();
        assert_eq!(list.classes().collect::<Vec<_>>(), ["a.B"]);
        assert!(list.has("a.C#m") && list.has("a.C#m[3]") && list.has("a.C#n[2]"));
        assert!(!list.has("a.C#n[1]") && !list.has("a.C#mm"));
        assert_eq!(list.methods_of("a.C"), BTreeSet::from(["m".to_owned()]));
    }

    #[test]
    fn what_is_not_run_has_no_place_in_the_baseline() {
        let list = RunList::parse("a.B\n").unwrap();
        let tests = ["a.B#m", "a.BC#m", "a.C#m[1]"].map(str::to_owned).into();
        let baseline = Baseline { path: PathBuf::new(), tests };
        assert_eq!(baseline.outside(&list).collect::<Vec<_>>(), ["a.BC#m", "a.C#m[1]"]);
    }

    #[test]
    fn nothing_is_left_out_without_a_reason() {
        assert!(LeftOut::parse("  a.B\n").is_err());
        assert!(LeftOut::parse("One.\n  a.B\nTwo.\n  a.B\n").is_err());
    }
}

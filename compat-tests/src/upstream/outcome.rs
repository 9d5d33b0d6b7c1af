//! What a JVM told of its tests, and what that means beside the lists.

use std::collections::BTreeSet;
use std::fmt::{self, Write as _};

use super::jvm::Ran;
use super::lists::LeftOut;
use super::short;

/// A line of what a JVM tells: words with tabs between them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// `start`, `pass`, `fail`, `skip`, `note`, `end`; `tests`, `none`, `unloadable` of a list.
    pub(super) kind: String,
    /// The test as `Class#method[round]`, the class, or the text of a note.
    pub(super) test: String,
    /// Why it failed or was skipped.
    pub(super) why: String,
    /// The ends of the logs of its servers.
    pub(super) servers: String,
}

/// All complete lines.
pub(super) fn parse(text: &str) -> Vec<Line> {
    let complete = text.rfind('\n').map_or("", |end| &text[..end]);
    complete.lines().map(parse_line).collect()
}

fn parse_line(line: &str) -> Line {
    let mut words = line.split('\t').map(unescape);
    let mut next = || words.next().unwrap_or_default();
    let (kind, test) = (next(), next());
    Line { kind, test: short(&test).to_owned(), why: next(), servers: next() }
}

fn unescape(word: &str) -> String {
    let mut text = String::with_capacity(word.len());
    let mut chars = word.chars();
    while let Some(c) = chars.next() {
        text.push(match c {
            '\\' => match chars.next() {
                Some('n') => '\n',
                Some('t') => '\t',
                other => other.unwrap_or('\\'),
            },
            other => other,
        });
    }
    text
}

/// What came of a class. Displayed, it is what a person reads.
pub(super) struct Verdict {
    /// The class, without the common package.
    pub(super) class: String,
    /// How many of its tests were to pass.
    pub(super) due: usize,
    /// How many of them did.
    pub(super) passed_due: usize,
    /// All that passed.
    pub(super) passed: BTreeSet<String>,
    /// Those that were to pass, and did not.
    pub(super) missed: BTreeSet<String>,
    /// How many of those that were missed passed in a second run.
    pub(super) again: usize,
    /// Whether every test that ran is in the baseline or is left out, and the JVM ended well.
    pub(super) accounted: bool,
    /// Whether a test ran that is neither in the baseline nor left out.
    strange: bool,
    text: String,
}

impl Verdict {
    /// Judges a class by its baseline `due`, or, to make one, by what passes.
    pub(super) fn new(
        class: &str,
        ran: Ran,
        mut due: BTreeSet<String>,
        left_out: &LeftOut,
        make_baseline: bool,
    ) -> Self {
        let counts = |line: &&Line| !left_out.has(&line.test);
        let of_kind = |kind: &str| -> BTreeSet<String> {
            let lines = ran.lines.iter().filter(|line| line.kind == kind).filter(counts);
            lines.map(|line| line.test.clone()).collect()
        };
        let failed = of_kind("fail");
        // A test that passed and whose clean-up failed is told of twice.
        let passed: BTreeSet<String> = of_kind("pass").difference(&failed).cloned().collect();
        if make_baseline {
            due = passed.clone();
        }
        let missed: BTreeSet<String> = due.difference(&passed).cloned().collect();
        let mut verdict = Self {
            class: class.to_owned(),
            due: due.len(),
            passed_due: due.len() - missed.len(),
            passed,
            missed,
            again: 0,
            accounted: true,
            strange: false,
            text: String::new(),
        };
        verdict.tell(&ran, &due, &failed, left_out);
        verdict
    }

    fn tell(
        &mut self,
        ran: &Ran,
        due: &BTreeSet<String>,
        failed: &BTreeSet<String>,
        left_out: &LeftOut,
    ) {
        let mut details = String::new();
        let known = |test: &String| due.contains(test);
        for line in ran.lines.iter().filter(|line| line.kind == "fail" && !left_out.has(&line.test))
        {
            let word = if known(&line.test) { "FAILED" } else { "FAILED, and is in no list:" };
            let _ = writeln!(details, "{word} {}\n{}{}", line.test, line.why, line.servers);
        }
        for line in ran.lines.iter().filter(|line| line.kind == "pass" && !line.servers.is_empty())
        {
            let _ = writeln!(details, "{}: a server ended badly\n{}", line.test, line.servers);
        }
        for line in ran.lines.iter().filter(|line| line.kind == "note") {
            let _ = writeln!(details, "{}", line.test);
        }
        for test in self.missed.difference(failed) {
            let _ = writeln!(details, "NOT RUN {test}");
        }
        let news: Vec<&str> =
            self.passed.iter().filter(|test| !known(test)).map(String::as_str).collect();
        if !news.is_empty() {
            let _ = writeln!(details, "pass, and are not in the baseline: {}", news.join(" "));
        }
        if let Some(trouble) = &ran.trouble {
            let started = ran.lines.iter().rev().find(|line| line.kind == "start");
            let at = started.map_or("", |line| line.test.as_str());
            let _ = writeln!(details, "{at} {trouble}");
        }
        self.strange = failed.iter().chain(&self.passed).any(|test| !known(test));
        self.accounted = !self.strange && ran.trouble.is_none();
        let word = if self.passed_due == self.due && self.accounted { "ok  " } else { "FAIL" };
        let (seconds, class) = (ran.took.as_secs_f64(), &self.class);
        let _ = writeln!(
            self.text,
            "{word} {:3} of {:3}  {class} ({seconds:.1} s)",
            self.passed_due, self.due
        );
        for line in details.lines() {
            let _ = writeln!(self.text, "       {line}");
        }
    }
}

impl Verdict {
    /// The methods that those belong to that were missed.
    pub(super) fn missed_methods(&self) -> BTreeSet<String> {
        let names = self.missed.iter().filter_map(|test| test.split_once('#'));
        names.map(|(_, name)| name.split('[').next().unwrap_or(name).to_owned()).collect()
    }

    /// Counts what passed in a second run, of the methods that were missed in this one.
    pub(super) fn heed(&mut self, second: &Self) {
        let before = self.missed.len();
        self.missed.retain(|test| !second.passed.contains(test));
        self.again += before - self.missed.len();
        self.passed_due += before - self.missed.len();
        self.strange |= second.strange;
        self.accounted = !self.strange && second.accounted;
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(kind: &str, test: &str) -> String {
        format!("{kind}\torg.apache.zookeeper.{test}\twhy\\n\t\n")
    }

    #[test]
    fn a_test_whose_clean_up_fails_does_not_pass() {
        let lines =
            parse(&(line("pass", "a.B#m") + &line("fail", "a.B#m") + &line("pass", "a.B#n")));
        assert_eq!(lines[0].why, "why\n");
        let ran = Ran { lines, took: std::time::Duration::ZERO, trouble: None };
        let due = BTreeSet::from(["a.B#m".to_owned(), "a.B#n".to_owned(), "a.B#o".to_owned()]);
        let left_out = LeftOut::none();
        let verdict = Verdict::new("a.B", ran, due, &left_out, false);
        assert_eq!((verdict.passed_due, verdict.due), (1, 3));
        assert!(verdict.to_string().contains("NOT RUN a.B#o"));
        assert!(verdict.to_string().contains("FAILED a.B#m"));
    }

    #[test]
    fn what_passes_in_a_second_run_counts_and_is_told_of() {
        let due = |tests: &[&str]| tests.iter().map(|test| format!("a.B#{test}")).collect();
        let judge = |text: &str, due: BTreeSet<String>| {
            let ran = Ran { lines: parse(text), took: std::time::Duration::ZERO, trouble: None };
            Verdict::new("a.B", ran, due, &LeftOut::none(), false)
        };
        let text = line("pass", "a.B#m[1]") + &line("fail", "a.B#m[2]") + &line("fail", "a.B#n");
        let mut first = judge(&text, due(&["m[1]", "m[2]", "n"]));
        assert_eq!((first.passed_due, first.missed.len()), (1, 2));
        assert_eq!(first.missed_methods(), BTreeSet::from(["m", "n"].map(str::to_owned)));
        let text = line("pass", "a.B#m[1]") + &line("pass", "a.B#m[2]") + &line("fail", "a.B#n");
        first.heed(&judge(&text, due(&["m[1]", "m[2]", "n"])));
        assert_eq!((first.passed_due, first.again, first.accounted), (2, 1, true));
        assert_eq!(first.missed, due(&["n"]));
        first.heed(&judge(&line("fail", "a.B#o"), due(&["n"])));
        assert_eq!((first.passed_due, first.accounted), (2, false));
    }

    #[test]
    fn half_a_line_is_none() {
        assert_eq!(parse("pass\ta").len(), 0);
        assert_eq!(parse("pass\ta\nfail").len(), 1);
    }
}

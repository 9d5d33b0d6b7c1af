//! What a check found, for people and for machines.

use std::fmt::Display;
use std::io::{self, Write};

use log::Level;
use serde_json::{Map, Value, json};

use super::overheard;

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    /// As it should be.
    Ok,
    /// A start would go on, but an operator should know.
    Warning,
    /// A start would fail, or the data is not what was written.
    Error,
}

impl Status {
    fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }

    /// The terminal's code for green, yellow or red.
    fn colour(self) -> u8 {
        match self {
            Self::Ok => 32,
            Self::Warning => 33,
            Self::Error => 31,
        }
    }
}

#[derive(Debug)]
struct Finding {
    section: &'static str,
    status: Status,
    message: String,
}

impl Finding {
    fn json(&self) -> Value {
        let Self { section, status, message } = self;
        json!({ "section": section, "status": status.name(), "message": message })
    }
}

/// The findings, in the order in which they were made.
#[derive(Debug, Default)]
pub(super) struct Report {
    findings: Vec<Finding>,
    facts: Map<String, Value>,
}

impl Report {
    pub(super) fn ok(&mut self, section: &'static str, message: impl Display) {
        self.add(section, Status::Ok, message);
    }

    pub(super) fn warning(&mut self, section: &'static str, message: impl Display) {
        self.add(section, Status::Warning, message);
    }

    pub(super) fn error(&mut self, section: &'static str, message: impl Display) {
        self.add(section, Status::Error, message);
    }

    fn add(&mut self, section: &'static str, status: Status, message: impl Display) {
        self.findings.push(Finding { section, status, message: message.to_string() });
    }

    /// A figure for machines.
    pub(super) fn fact(&mut self, name: &str, value: impl Into<Value>) {
        self.facts.insert(name.to_owned(), value.into());
    }

    /// Takes what a start would have said in its log since the last time.
    pub(super) fn overhear(&mut self, section: &'static str) {
        for (level, message) in overheard::take() {
            if level <= Level::Warn {
                self.warning(section, message);
            }
        }
    }

    fn count(&self, status: Status) -> usize {
        self.findings.iter().filter(|finding| finding.status == status).count()
    }

    /// Whether a start would succeed.
    pub(super) fn startable(&self) -> bool {
        self.count(Status::Error) == 0
    }

    pub(super) fn print(&self, colour: bool, out: &mut dyn Write) -> io::Result<()> {
        for Finding { section, status, message } in &self.findings {
            let status = painted(*status, &format!("{:<8}", status.name()), colour);
            writeln!(out, "{status}{section:<10}{message}")?;
        }
        let warnings = match self.count(Status::Warning) {
            0 => String::new(),
            1 => "; 1 warning".to_owned(),
            n => format!("; {n} warnings"),
        };
        let (status, verdict) = match self.count(Status::Error) {
            0 => (Status::Ok, "A start would succeed".to_owned()),
            1 => (Status::Error, "A start must not be tried: 1 error".to_owned()),
            n => (Status::Error, format!("A start must not be tried: {n} errors")),
        };
        writeln!(out, "{}{warnings}", painted(status, &verdict, colour))
    }

    pub(super) fn print_json(&self, out: &mut dyn Write) -> io::Result<()> {
        let findings: Vec<Value> = self.findings.iter().map(Finding::json).collect();
        let all = json!({
            "startable": self.startable(),
            "errors": self.count(Status::Error),
            "warnings": self.count(Status::Warning),
            "facts": self.facts,
            "findings": findings,
        });
        writeln!(out, "{all:#}")
    }
}

fn painted(status: Status, text: &str, colour: bool) -> String {
    if !colour {
        return text.to_owned();
    }
    format!("\x1b[{}m{text}\x1b[0m", status.colour())
}

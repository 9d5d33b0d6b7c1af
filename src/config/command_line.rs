//! The command line: `-Dkey=value` as the JVM takes it, our own flags, and what the Java server takes
//! (`ZooKeeperServerMain`, `QuorumPeerMain`).

use super::error::{ConfigError, USAGE};
use super::java;
use super::properties::Properties;

/// What a command line asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommandLine {
    /// Run the server.
    Serve(Launch),
    /// Run one of the tools beside the server.
    Tool(ToolCall),
    /// Print this text on standard output and finish.
    Print(String),
}

/// How to run the server.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Launch {
    /// The `-D` properties, the last of several of one name.
    pub properties: Properties,
    /// Where the configuration is.
    pub source: Source,
}

/// Where the configuration is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Source {
    /// A zoo.cfg.
    File(String),
    /// On the command line.
    Arguments {
        /// The client port.
        client_port: u16,
        /// For snapshots and logs.
        data_dir: String,
        /// In ms; None: the default.
        tick_time: Option<i32>,
        /// Connections from one address; None: no limit.
        max_client_cnxns: Option<i32>,
    },
    /// Nowhere: the embedded defaults hold.
    #[default]
    Embedded,
}

/// A tool beside the server, each with the name of its word on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tool {
    /// `txnlog-toolkit` (`TxnLogToolkit`).
    TxnLogToolkit,
    /// `snapshot-toolkit` (`SnapshotFormatter`).
    SnapshotToolkit,
    /// `snapshot-comparer` (`SnapshotComparer`).
    SnapshotComparer,
    /// `snapshot-recursive-summary` (`SnapshotRecursiveSummary`).
    RecursiveSummary,
    /// `purge` (`PurgeTxnLog`).
    Cleanup,
    /// `check`: whether a start on these files would succeed.
    Check,
}

/// The name of each, and what it is for.
const TOOLS: [(&str, Tool, &str); 6] = [
    ("check", Tool::Check, "tell whether a start would succeed; changes nothing"),
    ("purge", Tool::Cleanup, "delete old snapshots and logs (zkCleanup.sh)"),
    ("txnlog-toolkit", Tool::TxnLogToolkit, "print, repair or cut a log (zkTxnLogToolkit.sh)"),
    ("snapshot-toolkit", Tool::SnapshotToolkit, "print a snapshot (zkSnapShotToolkit.sh)"),
    (
        "snapshot-comparer",
        Tool::SnapshotComparer,
        "tell in what two snapshots differ (zkSnapshotComparer.sh)",
    ),
    (
        "snapshot-recursive-summary",
        Tool::RecursiveSummary,
        "count what is below a node (zkSnapshotRecursiveSummaryToolkit.sh)",
    ),
];

/// Which tool to run, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolCall {
    /// Which one.
    pub tool: Tool,
    /// The `-D` properties.
    pub properties: Properties,
    /// What stands behind its name. The tool's own to read: each has the rules of its Java class.
    pub arguments: Vec<String>,
}

impl CommandLine {
    /// Reads the arguments behind the program's name.
    pub fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Self, ConfigError> {
        let mut properties = Properties::default();
        let mut rest = Vec::new();
        for argument in arguments {
            match argument.strip_prefix("-D").filter(|_| rest.is_empty()) {
                Some(property) => set_property(&mut properties, property),
                None => rest.push(argument),
            }
        }
        let word = rest.first().map(String::as_str);
        if let Some((_, tool, _)) = TOOLS.iter().find(|(name, ..)| Some(*name) == word) {
            let arguments = rest.split_off(1);
            return Ok(Self::Tool(ToolCall { tool: *tool, properties, arguments }));
        }
        let options = options();
        let matches = options
            .parse(&rest)
            .map_err(|problem| ConfigError::arguments(format!("{problem}; {USAGE}")))?;
        if matches.opt_present("help") {
            return Ok(Self::Print(help(&options)));
        }
        if matches.opt_present("version") {
            return Ok(Self::Print(version()));
        }
        if matches.opt_present("list-keys") {
            return Ok(Self::Print(super::listing::list_keys()));
        }
        let source = Source::parse(&matches.free)?;
        Ok(Self::Serve(Launch { properties, source }))
    }
}

/// `name=value`, or `name` alone for the empty value.
fn set_property(properties: &mut Properties, text: &str) {
    let (name, value) = text.split_once('=').unwrap_or((text, ""));
    properties.set(name, value);
}

/// Names the version of Apache ZooKeeper in the words of its own `VersionInfoMain`.
fn version() -> String {
    let own = env!("CARGO_PKG_VERSION");
    format!("Gamekeeper {own}, in place of Apache ZooKeeper, version 3.9.5")
}

fn help(options: &getopts::Options) -> String {
    let tool = "       gamekeeper [-Dkey=value ...] TOOL argument ...";
    let mut text = options.usage(&format!("{USAGE}\n{tool}"));
    text.push_str("\nTools:\n");
    for (name, _, meaning) in TOOLS {
        text.push_str(&format!("    {name:27} {meaning}\n"));
    }
    text.trim_end().to_owned()
}

fn options() -> getopts::Options {
    let mut options = getopts::Options::new();
    options.parsing_style(getopts::ParsingStyle::StopAtFirstFree);
    options.optflag("h", "help", "print this text");
    options.optflag("V", "version", "print the version");
    options.optflag("", "list-keys", "print every key of zoo.cfg and every property");
    options
}

impl Source {
    fn parse(free: &[String]) -> Result<Self, ConfigError> {
        match free {
            [] => Ok(Self::Embedded),
            [path] => Ok(Self::File(path.clone())),
            [port, data_dir, numbers @ ..] if numbers.len() <= 2 => Ok(Self::Arguments {
                client_port: number(port)
                    .and_then(|n| u16::try_from(n).ok())
                    .ok_or_else(|| bad_number("port", port, "a number from 0 to 65535"))?,
                data_dir: data_dir.clone(),
                tick_time: optional(numbers.first(), "ticktime")?,
                max_client_cnxns: optional(numbers.get(1), "maxcnxns")?,
            }),
            _ => Err(ConfigError::arguments(format!(
                "Invalid number of arguments:[{}]; {USAGE}",
                free.join(", ")
            ))),
        }
    }
}

fn number(text: &str) -> Option<i32> {
    java::parse_int(text)
}

fn optional(text: Option<&String>, name: &str) -> Result<Option<i32>, ConfigError> {
    text.map(|text| number(text).ok_or_else(|| bad_number(name, text, "a whole number")))
        .transpose()
}

fn bad_number(name: &str, text: &str, expected: &str) -> ConfigError {
    ConfigError::arguments(format!("{name} {text:?}: expected {expected}; {USAGE}"))
}

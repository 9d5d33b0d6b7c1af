//! How a start ends that cannot go on: Java's exit codes, and what was wrong with what was written.

use std::fmt;

/// The exit codes of the process, as scripts and service managers know them (`ExitCode.java`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum ExitCode {
    /// The server was stopped.
    Finished = 0,
    /// Anything that has no code of its own.
    Unexpected = 1,
    /// Wrong arguments, or a configuration that cannot be used.
    InvalidInvocation = 2,
    /// The data or log directory is missing, or cannot be written.
    DataDir = 3,
    /// The HTTP admin server did not start.
    AdminServer = 4,
    /// A snapshot could not be taken.
    Snapshot = 10,
    /// A learner got a commit that does not match its proposals.
    UnmatchedCommit = 12,
    /// A learner could not write to its leader.
    QuorumPacket = 13,
    /// The election port could not be bound.
    QuorumPortBind = 14,
}

impl ExitCode {
    /// The code as the process reports it.
    pub fn value(self) -> i32 {
        self as i32
    }
}

/// Why the server cannot start as it was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConfigError {
    /// The command line makes no sense.
    Arguments {
        /// What was given and what was expected.
        message: String,
    },
    /// A file of the configuration makes no sense, or cannot be read.
    File {
        /// The file as it was named.
        path: String,
        /// The key or line, its value, and what was expected.
        message: String,
    },
}

/// What to say about the command line, on standard error too.
pub const USAGE: &str = "Usage: gamekeeper [-Dkey=value ...] \
    [configfile | port datadir [ticktime] [maxcnxns]]";

impl ConfigError {
    pub(super) fn arguments(message: impl Into<String>) -> Self {
        Self::Arguments { message: message.into() }
    }

    pub(super) fn file(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self::File { path: path.into(), message: message.into() }
    }

    /// The code to exit with: 2 for all that is wrong with an invocation or a configuration
    /// (`QuorumPeerMain.main`).
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Arguments { .. } | Self::File { .. } => ExitCode::InvalidInvocation,
        }
    }

    /// The text for standard error; details belong into the log (`QuorumPeerMain.main`).
    pub fn headline(&self) -> &str {
        match self {
            Self::Arguments { .. } => USAGE,
            Self::File { .. } => "Invalid config, exiting abnormally",
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Arguments { message } => {
                write!(f, "Invalid arguments, exiting abnormally: {message}")
            }
            Self::File { path, message } => write!(f, "Error processing {path}: {message}"),
        }
    }
}

impl std::error::Error for ConfigError {}

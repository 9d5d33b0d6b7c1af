//! How a command fails: what it says on standard error, and its exit code (Java: `CliException` and
//! its children, `CliWrapperException.getMessage`, `KeeperException.getMessage`).

use std::io;

use crate::client::Error;
use crate::op::Code;
use crate::tree::path::PathError;

/// The exit code of a verb that does not exist.
const COMMAND_NOT_FOUND: i32 = 127;

/// A command that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What to say on standard error; nothing where it is empty.
    pub message: String,
    /// The exit code of the process, if this was its last command.
    pub exit_code: i32,
}

impl Failure {
    /// A failure with the usual exit code, 1.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), exit_code: 1 }
    }

    /// The exit code is 2, as for every wrong invocation of a ZooKeeper process.
    pub(super) fn invocation(message: impl Into<String>) -> Self {
        Self { message: message.into(), exit_code: 2 }
    }

    pub(super) fn not_found(verb: &str) -> Self {
        let message = format!("Command not found: Command not found {verb}");
        Self { message, exit_code: COMMAND_NOT_FOUND }
    }

    /// `NumberFormatException`, where Java ends with it.
    pub(super) fn number(text: &str) -> Self {
        Self::new(format!("java.lang.NumberFormatException: For input string: \"{text}\""))
    }
}

/// Output that cannot be written. Who reads no further, as `head`, has what it wanted.
impl From<io::Error> for Failure {
    fn from(e: io::Error) -> Self {
        if e.kind() == io::ErrorKind::BrokenPipe {
            return Self { message: String::new(), exit_code: 0 };
        }
        Self::new(format!("cannot write the output: {e}"))
    }
}

/// Why a request to the server did not succeed.
#[derive(Debug)]
pub(super) enum Trouble {
    /// It was not sent, as no node can have this path.
    Path(PathError),
    /// The server or the connection says no; the path is the one that Java's exception would name.
    Keeper(Error, Option<String>),
}

impl Trouble {
    pub(super) fn is(&self, code: Code) -> bool {
        matches!(self, Self::Keeper(Error::Code(found), _) if *found == code)
    }

    /// As `KeeperException.getMessage` has it.
    pub(super) fn plain(&self) -> String {
        let (error, path) = match self {
            Self::Path(e) => return e.to_string(),
            Self::Keeper(error, path) => (error, path.as_deref().unwrap_or_default()),
        };
        let what = match error {
            Error::Code(code) => code_message(*code),
            other => other.to_string(),
        };
        if path.is_empty() {
            format!("KeeperErrorCode = {what}")
        } else {
            format!("KeeperErrorCode = {what} for {path}")
        }
    }
}

impl From<PathError> for Trouble {
    fn from(e: PathError) -> Self {
        Self::Path(e)
    }
}

impl From<Trouble> for Failure {
    fn from(trouble: Trouble) -> Self {
        let Trouble::Keeper(Error::Code(code), path) = &trouble else {
            return Self::new(trouble.plain());
        };
        let what = match code {
            Code::NoNode => "Node does not exist: ",
            Code::NoChildrenForEphemerals => "Ephemerals cannot have children: ",
            Code::NodeExists => "Node already exists: ",
            Code::NotEmpty => "Node not empty: ",
            Code::NotReadOnly => "Not a read-only call: ",
            Code::InvalidAcl => "Acl is not valid : ",
            Code::NoAuth => "Insufficient permission : ",
            Code::BadArguments => "Arguments are not valid : ",
            Code::BadVersion => "version No is not valid : ",
            Code::QuotaExceeded => "Quota has exceeded : ",
            Code::ReconfigInProgress => {
                return Self::new(
                    "Another reconfiguration is in progress -- concurrent reconfigs not \
                     supported (yet)",
                );
            }
            Code::NewConfigNoQuorum => {
                return Self::new(
                    "No quorum of new config is connected and up-to-date with the leader of last \
                     commmitted config - try invoking reconfiguration after new servers are \
                     connected and synced",
                );
            }
            _ => return Self::new(trouble.plain()),
        };
        Self::new(format!("{what}{}", path.as_deref().unwrap_or("null")))
    }
}

/// `KeeperException.getCodeMessage`: mostly the code's name, but not always.
fn code_message(code: Code) -> String {
    let text = match code {
        Code::Ok => "ok",
        Code::ApiError => "APIError",
        Code::InvalidAcl => "InvalidACL",
        Code::NotEmpty => "Directory not empty",
        Code::SessionExpired => "Session expired",
        Code::InvalidCallback => "Invalid callback",
        Code::SessionMoved => "Session moved",
        Code::NotReadOnly => "Not a read-only call",
        Code::EphemeralOnLocalSession => "Ephemeral node on local session",
        Code::NoWatcher => "No such watcher",
        Code::ReconfigDisabled => "Reconfig is disabled",
        Code::SessionClosedRequireSaslAuth => {
            "Session closed because client failed to authenticate"
        }
        Code::QuotaExceeded => "Quota has exceeded",
        Code::ThrottledOp => "Op throttled due to high load",
        Code::UnknownSession => "Unknown error UNKNOWNSESSION",
        Code::RequestTimeout => "Unknown error REQUESTTIMEOUT",
        _ => return format!("{code:?}"),
    };
    text.to_owned()
}

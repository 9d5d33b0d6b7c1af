//! The tools beside the server: what an operator runs on files, or against a server, by the script
//! names of Apache ZooKeeper.
//!
//! Each offline tool is one function from its arguments and a [`Console`] to an exit code; output and
//! exit codes are those of the Java class that its module names. Where Java ends with a stack trace,
//! these say in one line on standard error which file, which offset and what is wrong.
//!
//! Floor 6: may know every room, and is known by the binaries alone.

pub mod check;
pub mod cleanup;
pub mod cli;
mod console;
mod dates;
mod java_order;
mod options;
mod progress;
pub mod recursive_summary;
mod settings;
pub mod snapshot_comparer;
mod snapshot_file;
pub mod snapshot_toolkit;
pub mod txnlog_toolkit;
mod walk;
mod zone;

pub use console::{Console, Failure, Outcome, ShowProgress, run};
pub use settings::Settings;

//! `zkCli`: the command line client (Java: `ZooKeeperMain` and the commands of its package `cli`).
//!
//! A [`Shell`] runs command lines against one session and writes to a [`Console`]; the binary
//! `zkcli` gives it the arguments of one command, lines from a pipe, or what a person types, and
//! prints the watch events where they harm nothing. Verbs, options, output, error texts and exit
//! codes are Java's. Where Java's process ends with a stack trace, a line on standard error says the
//! same, and an interactive session lives on.
//!
//! Knows the client library and the texts that client and server share (paths, quotas, members).

mod arguments;
mod commands;
mod complete;
mod console;
mod events;
mod failure;
mod format;
mod invocation;
mod settings;
mod shell;
#[cfg(test)]
mod tests;
mod words;
mod zk;

pub use complete::candidates;
pub use console::Console;
pub use events::Notify;
pub use failure::Failure;
pub use invocation::Invocation;
pub use settings::Settings;
pub use shell::{Flow, Shell};

//! zkCli: the same command lines at Java's `ZooKeeperMain` and at ours, output and exit codes compared;
//! and our prompt at a real terminal.

mod golden;
mod prompt;

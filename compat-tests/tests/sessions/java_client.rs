//! Java's client, which does as it is told, one line at a time.

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use compat_tests::{Failure, Result, java};

/// The program `OnCommand`. Dropping it kills it.
pub(crate) struct JavaClient {
    child: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl JavaClient {
    /// A client of all these servers.
    pub(crate) fn start(servers: &[SocketAddr]) -> Result<Self> {
        let servers: Vec<String> = servers.iter().map(ToString::to_string).collect();
        let mut child = java::program_command("OnCommand", &[&servers.join(",")])?
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let no_pipe = || Failure::new("no pipe to the client");
        let orders = child.stdin.take().ok_or_else(no_pipe)?;
        let answers = BufReader::new(child.stdout.take().ok_or_else(no_pipe)?);
        Ok(Self { child, orders, answers })
    }

    /// What it says to an order.
    pub(crate) fn ask(&mut self, order: &str) -> Result<String> {
        writeln!(self.orders, "{order}")?;
        let mut answer = String::new();
        self.answers.read_line(&mut answer)?;
        match answer.trim_end() {
            "" => Err(Failure::new(format!("the client ended over {order:?}"))),
            answer => Ok(answer.to_owned()),
        }
    }
}

impl Drop for JavaClient {
    fn drop(&mut self) {
        // One that has ended already cannot be killed, and need not be.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

//! The clients that are not Java's, each with every call that it has: against Java's server and ours, the
//! same answers.

use std::fs::{self, File};
use std::path::Path;
use std::process::Command;

use compat_tests::program::Program;
use compat_tests::server::{Kind, Server, Setup};
use compat_tests::{Failure, Result, native};

#[test]
fn c_client_every_call() -> Result<()> {
    both(native::c_client)
}

#[test]
fn kazoo_every_call_and_recipe() -> Result<()> {
    both(|_| native::kazoo())
}

/// Runs the program against both servers and compares what it printed.
fn both(program: impl Fn(&Path) -> Result<Command>) -> Result<()> {
    let dir = tempfile::tempdir()?;
    let java = run(Kind::Java, program(dir.path())?)?;
    let ours = run(Kind::Ours, program(dir.path())?)?;
    for (number, (java, ours)) in java.lines().zip(ours.lines()).enumerate() {
        if java != ours {
            let line = number + 1;
            return Err(Failure::new(format!("line {line}\njava: {java}\nours: {ours}")));
        }
    }
    match java.lines().count() == ours.lines().count() {
        true => Ok(()),
        false => Err(Failure::new("one run is longer than the other")),
    }
}

/// One run, with a restart of the server where the program asks for it; what it printed.
fn run(kind: Kind, mut command: Command) -> Result<String> {
    let dir = tempfile::tempdir()?;
    let setup = Setup::new(kind, dir.path())?.with("extendedTypesEnabled", "true");
    let mut server = setup.start()?;
    let errors = dir.path().join("program.err");
    command.arg(server.connect_string()).stderr(File::create(&errors)?);
    let mut program = Program::start(command)?;
    let mut printed = String::new();
    loop {
        let line = program.next_line().map_err(|e| failure(&server, &printed, &errors, &e))?;
        let Some(line) = line else { break };
        printed += &format!("{line}\n");
        if line == "please: restart" {
            let Setup { port, .. } = server.kill()?;
            let mut again = Setup::new(kind, dir.path())?.with("extendedTypesEnabled", "true");
            again.port = port;
            server = again.start()?;
            program.say("done")?;
        }
    }
    if printed.ends_with("\ndone\n") && program.end()?.success() {
        return Ok(printed);
    }
    Err(failure(&server, &printed, &errors, &Failure::new("the program failed")))
}

/// What went wrong, and what was told until then.
fn failure(server: &Server, printed: &str, errors: &Path, what: &Failure) -> Failure {
    let errors = fs::read_to_string(errors).unwrap_or_default();
    let tail = |text: &str| {
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    };
    let (printed, errors) = (tail(printed), tail(&errors));
    server.failure(&format!("and {what}. It printed:\n{printed}\nIts errors:\n{errors}"))
}

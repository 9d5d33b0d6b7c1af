//! `zkcli`, behind `bin/zkCli.sh`: one command and the end, lines from a pipe, or a prompt.

mod prompt;

use std::io::{self, BufRead, BufWriter, IsTerminal, Write};
use std::process::exit;
use std::sync::Arc;
use std::time::Duration;

use gamekeeper::tools::cli::{Console, Failure, Flow, Invocation, Notify, Settings, Shell};

/// How long a prompt waits for the connection, so that it can show it. Once every server was tried in
/// vain no prompt waits.
const PROMPT_PATIENCE: Duration = Duration::from_millis(500);

fn main() {
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("warn")).init();
    let arguments = std::env::args_os().skip(1);
    let invocation =
        Invocation::parse(arguments.map(|argument| argument.to_string_lossy().into_owned()));
    let code = run(invocation).unwrap_or_else(|failure| {
        eprintln!("{}", failure.message);
        failure.exit_code
    });
    exit(code);
}

/// Runs to the end; the result is the exit code.
fn run(invocation: Invocation) -> Result<i32, Failure> {
    let settings = Settings::load(&invocation)?;
    for complaint in invocation.complaints.iter().chain(&settings.warnings) {
        eprintln!("{complaint}");
    }
    if !invocation.command.is_empty() {
        return run_one(invocation, settings);
    }
    println!("Connecting to {}", invocation.server);
    println!("Welcome to ZooKeeper!");
    if io::stdin().is_terminal() && io::stdout().is_terminal() {
        return prompt::run(invocation, settings);
    }
    run_lines(invocation, settings)
}

fn console() -> Console {
    Console::new(Box::new(BufWriter::new(io::stdout())), Box::new(io::stderr()))
}

/// Standard output is for the result alone.
fn run_one(invocation: Invocation, settings: Settings) -> Result<i32, Failure> {
    eprintln!("Connecting to {}", invocation.server);
    let notify: Notify = Arc::new(|text| {
        // Who closed standard error does not want to know.
        let _ = io::stderr().write_all(text.as_bytes());
    });
    let mut shell = Shell::start(invocation, settings, console(), notify)?;
    if shell.has_several_servers() {
        shell.wait_a_round(Duration::MAX);
    }
    shell.run_once();
    Ok(shell.exit_code())
}

/// Commands from a pipe or a file: the same output as at a terminal, without what is typed.
fn run_lines(invocation: Invocation, settings: Settings) -> Result<i32, Failure> {
    let notify: Notify = Arc::new(|text| {
        // What cannot be told here fails the next command, too.
        let _ = io::stdout().write_all(text.as_bytes());
    });
    let mut shell = Shell::start(invocation, settings, console(), notify)?;
    let mut input = io::stdin().lock();
    let mut line = Vec::new();
    loop {
        shell.wait_a_round(PROMPT_PATIENCE);
        print!("{}", shell.prompt());
        io::stdout().flush()?;
        line.clear();
        if input.read_until(b'\n', &mut line)? == 0 {
            println!();
            return Ok(shell.exit_code());
        }
        let text = String::from_utf8_lossy(&line);
        if shell.run_line(text.trim_end_matches(['\n', '\r'])) == Flow::Quit {
            return Ok(shell.exit_code());
        }
    }
}

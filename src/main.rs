//! `gamekeeper`: from the command line to a running server.

use std::process::exit;
use std::sync::Arc;

use gamekeeper::config::{CommandLine, Config, ExitCode, Launch, Tool, ToolCall};
use gamekeeper::runtime::{Server, allow_open_files, stop_on_signals};
use gamekeeper::tools::{self, Settings};
use log::error;

#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let command = CommandLine::parse(std::env::args().skip(1));
    // What a tool has to say stands in its output.
    if !matches!(command, Ok(CommandLine::Tool(_))) {
        env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("info"))
            .format_timestamp_millis()
            .init();
    }
    let code = match command {
        Ok(CommandLine::Serve(launch)) => serve(&launch),
        Ok(CommandLine::Tool(call)) => run_tool(&call),
        Ok(CommandLine::Print(text)) => {
            println!("{text}");
            ExitCode::Finished
        }
        Err(e) => {
            error!("{e}");
            eprintln!("{}", e.headline());
            e.exit_code()
        }
    };
    exit(code.value());
}

fn serve(launch: &Launch) -> ExitCode {
    let config = match Config::load(launch) {
        Ok(config) => config,
        Err(e) => {
            error!("{e}");
            eprintln!("{}", e.headline());
            return e.exit_code();
        }
    };
    config.log();
    allow_open_files();
    let server = match Server::start(&config) {
        Ok(server) => server,
        Err(e) => {
            error!("Unable to start the server: {e}");
            return e.exit_code();
        }
    };
    if let Err(e) = stop_on_signals(&Arc::clone(server.fatal())) {
        error!("cannot handle signals: {e}");
    }
    server.wait()
}

fn run_tool(call: &ToolCall) -> ExitCode {
    let settings = Settings::new(&call.properties);
    let tool = match call.tool {
        Tool::TxnLogToolkit => tools::txnlog_toolkit::run,
        Tool::SnapshotToolkit => tools::snapshot_toolkit::run,
        Tool::SnapshotComparer => tools::snapshot_comparer::run,
        Tool::RecursiveSummary => tools::recursive_summary::run,
        Tool::Check => return tools::run(|c| tools::check::run(call, c)),
        Tool::Cleanup => return tools::run(|c| tools::cleanup::run(&call.arguments, c)),
    };
    tools::run(|console| tool(&call.arguments, settings, console))
}

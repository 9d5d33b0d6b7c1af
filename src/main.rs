//! `gamekeeper`: from the command line to a running server.

use std::path::Path;
use std::process::exit;
use std::sync::Arc;

use gamekeeper::config::{CommandLine, Config, ExitCode, Launch, Purge};
use gamekeeper::runtime::{Server, stop_on_signals};
use gamekeeper::storage::{DataDirs, RealDisk, purge};
use log::error;

fn main() {
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("info"))
        .format_timestamp_millis()
        .init();
    let code = match CommandLine::parse(std::env::args().skip(1)) {
        Ok(CommandLine::Serve(launch)) => serve(&launch),
        Ok(CommandLine::Purge(purge)) => clean_up(&purge),
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

fn clean_up(order: &Purge) -> ExitCode {
    let (snap_dir, log_dir) = (Path::new(&order.snap_dir), Path::new(&order.data_log_dir));
    let retain = usize::try_from(order.retain).unwrap_or(usize::MAX);
    let purged = DataDirs::open(Arc::new(RealDisk), snap_dir, log_dir, false)
        .and_then(|dirs| purge(&dirs, retain));
    match purged {
        Ok(_) => ExitCode::Finished,
        Err(e) => {
            eprintln!("{e}");
            ExitCode::Unexpected
        }
    }
}

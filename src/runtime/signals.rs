//! SIGTERM and SIGINT end the server in order.

use std::sync::Arc;
use std::{io, thread};

use log::info;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::fatal::Fatal;
use crate::config::ExitCode;

/// From here on a signal ends the server; a second one ends the process at once.
///
/// # Errors
/// If the handlers cannot be installed.
pub fn stop_on_signals(fatal: &Arc<Fatal>) -> io::Result<()> {
    let mut signals = Signals::new([SIGTERM, SIGINT])?;
    let fatal = Arc::clone(fatal);
    thread::Builder::new().name("signals".to_owned()).spawn(move || {
        for signal in signals.forever() {
            info!("received signal {signal}, shutting down");
            if fatal.is_stopping() {
                std::process::exit(128 + signal);
            }
            fatal.stop(ExitCode::Finished);
        }
    })?;
    Ok(())
}

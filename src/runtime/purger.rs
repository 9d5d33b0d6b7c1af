//! Old snapshots and logs are removed by the hour (`DatadirCleanupManager`).

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;
use std::{io, thread};

use log::{error, info, warn};

use crate::storage::{DataDirs, purge};

/// The thread that purges. Dropping it ends it.
pub(super) struct Purger {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Purger {
    /// Purges now and every `hours`, keeping `retain` snapshots.
    pub(super) fn start(dirs: DataDirs, retain: usize, hours: u64) -> io::Result<Self> {
        let (stop, stopped) = channel();
        let every = Duration::from_secs(hours.saturating_mul(3600));
        let thread = thread::Builder::new().name("PurgeTask".to_owned()).spawn(move || {
            loop {
                run(&dirs, retain);
                if stopped.recv_timeout(every) != Err(RecvTimeoutError::Timeout) {
                    return;
                }
            }
        })?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Purger {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            error!("the purge task died of a panic");
        }
    }
}

fn run(dirs: &DataDirs, retain: usize) {
    info!("Purge task started.");
    match purge(dirs, retain) {
        Ok(_) => info!("Purge task completed."),
        Err(e) => warn!("Error occurred while purging: {e}"),
    }
}

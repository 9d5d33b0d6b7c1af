//! The thread that takes snapshots while the server goes on serving.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use std::{io, thread};

use log::{error, warn};

use super::fatal::Fatal;
use super::inbox::Inbox;
use crate::config::ExitCode;
use crate::ids::SessionId;
use crate::net::Clock;
use crate::server::front::Front;
use crate::storage::DataDirs;
use crate::storage::snapshot::{self, SnapshotOptions};

/// Before the tree is taken for another slice there is a pause, twice as long as what came of the last
/// slice took: tree, processor and disk belong to those who serve for most of the time, whichever of them
/// is slow. A thread that has just slept is also hardly ever interrupted while it holds the tree, which
/// would keep everybody waiting for as long as others may run.
const PAUSES_TO_WORK: u32 = 2;
/// The shortest pause.
const MIN_PAUSE: Duration = Duration::from_micros(200);
/// The longest pause: a disk that hangs for a second is not spared for two.
const MAX_PAUSE: Duration = Duration::from_millis(20);

/// What taking a snapshot needs.
pub(super) struct Parts {
    pub(super) front: Arc<Front>,
    pub(super) dirs: DataDirs,
    pub(super) options: SnapshotOptions,
    pub(super) inbox: Arc<Inbox>,
    pub(super) clock: Clock,
    pub(super) fatal: Arc<Fatal>,
}

/// The way to the thread. Dropping it ends the thread when its snapshot is done.
pub(super) struct Snapshotter {
    busy: Arc<AtomicBool>,
    orders: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Snapshotter {
    pub(super) fn start(parts: Parts) -> io::Result<Self> {
        let busy = Arc::new(AtomicBool::new(false));
        let theirs = Arc::clone(&busy);
        let (orders, received) = channel();
        let thread = thread::Builder::new()
            .name("Snapshot Thread".to_owned())
            .spawn(move || run(&parts, &theirs, &received))?;
        Ok(Self { busy, orders: Some(orders), thread: Some(thread) })
    }

    /// Orders a snapshot. One at a time: an order that comes too soon is for nothing, as in Java.
    pub(super) fn order(&self) {
        if self.busy.swap(true, Ordering::AcqRel) {
            warn!("Too busy to snap, skipping");
        } else if let Some(orders) = &self.orders
            && orders.send(()).is_err()
        {
            error!("the snapshot thread is gone");
        }
    }
}

impl Drop for Snapshotter {
    fn drop(&mut self) {
        self.orders = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            error!("the snapshot thread died of a panic");
        }
    }
}

fn run(parts: &Parts, busy: &AtomicBool, orders: &Receiver<()>) {
    while orders.recv().is_ok() {
        take(parts);
        busy.store(false, Ordering::Release);
    }
}

/// A snapshot that fails ends the server, as in Java: a full disk must not go unnoticed until the
/// logs cannot be written either.
fn take(parts: &Parts) {
    let start = parts.clock.now();
    let mut resumed = Instant::now();
    let taken = snapshot::take(
        &parts.dirs,
        parts.options,
        || committed_sessions(&parts.inbox),
        |look| {
            thread::sleep((resumed.elapsed() * PAUSES_TO_WORK).clamp(MIN_PAUSE, MAX_PAUSE));
            resumed = Instant::now();
            look(&parts.front.db.read_tree());
        },
    );
    match taken {
        Ok(_) => parts.front.metrics.snapshottime.add(parts.clock.now() - start),
        Err(e) => {
            parts.front.metrics.snapshot_error_count.add(1);
            error!("Severe unrecoverable error, exiting: cannot take a snapshot: {e}");
            parts.fatal.stop(ExitCode::Snapshot);
        }
    }
}

/// What only the pipeline knows; empty where it has ended, and then the snapshot is not needed.
fn committed_sessions(inbox: &Inbox) -> Vec<(SessionId, i32)> {
    let (answer, asked) = channel();
    inbox.query(Box::new(move |server| {
        let _ = answer.send(server.committed_sessions());
    }));
    asked.recv().unwrap_or_default()
}

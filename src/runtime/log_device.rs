//! The log's own thread. While it syncs one batch the pipeline prepares the next; whatever has
//! gathered meanwhile is appended together and covered by one sync.
//!
//! A batch that comes when the disk is idle and the pipeline has nothing else to do is written on the
//! pipeline's own thread: two hand-offs fewer, which at one request at a time is most of a write's cost.
//! And one that nobody waits for, because the quorum is made without it, is written there, but synced
//! together with what comes in the next few milliseconds.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use std::{io, thread};

use log::error;

use crate::ids::Zxid;
use crate::peer::LogBatch;
use crate::server::metrics::ServerMetrics;
use crate::storage;
use crate::storage::txnlog::TxnLog;

/// Told of the log's progress, from either thread.
pub(super) trait LogListener: Send + Sync {
    /// Everything up to `zxid` is on disk.
    fn durable(&self, zxid: Zxid);
    /// A write or sync failed, for good: what is on the disk is unknown, and the server must stop.
    fn failed(&self, error: &storage::Error);
}

enum Order {
    Write(LogBatch),
    /// Something was written that is to be synced within [`LATER`].
    SyncLater,
    /// Answer when all before is durable.
    Settle(Sender<()>),
    Stop,
}

/// How long a sync may be put off to gather more (`SyncRequestProcessor`).
#[derive(Debug, Clone, Copy)]
pub(super) struct Gathering {
    /// `flushDelay`: time between two syncs, if there is not enough for one before. Zero: none.
    pub(super) delay: Duration,
    /// `maxWriteQueuePollTime`: how long to wait for the next batch within that.
    pub(super) poll: Duration,
}

impl Gathering {
    /// How much longer to wait for another batch, `since` the last sync.
    fn patience(&self, since: Duration) -> Duration {
        self.poll.min(self.delay.saturating_sub(since))
    }
}

/// How long what nobody waits for is left unsynced. The leader waits for its ack much longer.
const LATER: Duration = Duration::from_millis(5);

/// How long syncs take of late, in microseconds: one that was held up once is soon forgotten, however
/// long it took.
fn of_late(before: u64, took: u64) -> u64 {
    before / 4 * 3 + took.min(2 * before.max(SYNC_MIN)) / 4
}

/// No disk is so much faster that it would matter, in microseconds.
const SYNC_MIN: u64 = 400;

struct Shared {
    log: Mutex<TxnLog>,
    /// Batches that were handed to the thread and are not durable yet.
    queued: AtomicUsize,
    /// The thread knows that there is something to be synced later.
    sync_ordered: AtomicBool,
    /// How long a sync has taken of late, in microseconds.
    sync_micros: AtomicU64,
    metrics: Arc<ServerMetrics>,
}

impl Shared {
    fn log(&self) -> MutexGuard<'_, TxnLog> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn append(&self, log: &mut TxnLog, batches: &[LogBatch]) -> storage::Result<()> {
        let mut appended = 0;
        for batch in batches {
            for (zxid, payload) in batch.iter() {
                log.append(zxid, payload)?;
                appended += 1;
            }
            if batch.roll {
                log.roll()?;
            }
        }
        if appended > 0 {
            self.metrics.sync_processor_request_queued.add(appended);
            self.metrics.sync_processor_batch_size.add(appended);
        }
        Ok(())
    }

    /// Appends and syncs; the last zxid of what is durable now.
    fn write(&self, batches: &[LogBatch]) -> storage::Result<Option<Zxid>> {
        let begun = Instant::now();
        let mut log = self.log();
        self.append(&mut log, batches)?;
        let synced = log.sync()?;
        if let Some(took) = synced.took {
            self.metrics.fsynctime.add(took);
            self.metrics.sync_processor_queue_flush_time_ms.add(took);
        }
        let took = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
        let before = self.sync_micros.load(Ordering::Relaxed);
        self.sync_micros.store(of_late(before, took), Ordering::Relaxed);
        let last = batches.last().and_then(LogBatch::last_zxid);
        Ok(last.or_else(|| log.last_zxid()))
    }

    /// Appends, and leaves the sync to others.
    fn write_unsynced(&self, batch: &LogBatch) -> storage::Result<()> {
        let mut log = self.log();
        self.append(&mut log, std::slice::from_ref(batch))?;
        log.flush()
    }
}

/// The way to the log.
pub(super) struct LogDevice {
    shared: Arc<Shared>,
    gathers: bool,
    orders: Sender<Order>,
    thread: Option<JoinHandle<()>>,
}

impl LogDevice {
    /// Starts the thread behind `log`.
    pub(super) fn start(
        log: TxnLog,
        gathering: Gathering,
        metrics: Arc<ServerMetrics>,
        listener: Arc<dyn LogListener>,
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            log: Mutex::new(log),
            queued: AtomicUsize::new(0),
            sync_ordered: AtomicBool::new(false),
            sync_micros: AtomicU64::new(0),
            metrics,
        });
        let (orders, received) = channel();
        let theirs = Arc::clone(&shared);
        let thread = thread::Builder::new()
            .name("SyncThread".to_owned())
            .spawn(move || run(&theirs, gathering, &received, &*listener))?;
        Ok(Self { shared, gathers: !gathering.delay.is_zero(), orders, thread: Some(thread) })
    }

    /// Whether the thread has nothing to do, so that a batch may be written right here.
    pub(super) fn is_idle(&self) -> bool {
        !self.gathers && self.shared.queued.load(Ordering::Acquire) == 0
    }

    /// Whether a write has taken less than so many microseconds of late, so that a thread which others
    /// depend on may wait for it.
    pub(super) fn is_quick(&self, micros: u64) -> bool {
        self.shared.sync_micros.load(Ordering::Relaxed) < micros
    }

    /// Writes a batch on the calling thread. Only while [`LogDevice::is_idle`], or batches change
    /// places.
    ///
    /// # Errors
    /// If the disk fails, which is final.
    pub(super) fn write_here(&self, batch: LogBatch) -> storage::Result<Option<Zxid>> {
        self.shared.write(&[batch])
    }

    /// Writes a batch on the calling thread that is durable a few milliseconds later. Only while
    /// [`LogDevice::is_idle`].
    ///
    /// # Errors
    /// If the disk fails, which is final.
    pub(super) fn write_unsynced(&self, batch: &LogBatch) -> storage::Result<()> {
        self.shared.write_unsynced(batch)?;
        if !self.shared.sync_ordered.swap(true, Ordering::AcqRel) {
            self.give(Order::SyncLater);
        }
        Ok(())
    }

    /// Waits until everything that was handed over is durable, then works on the log itself.
    pub(super) fn settled<T>(&self, work: impl FnOnce(&mut TxnLog) -> T) -> T {
        let (answer, settled) = channel();
        if self.orders.send(Order::Settle(answer)).is_ok() {
            // No answer: the thread has told of its failure, which ends the server.
            let _ = settled.recv();
        }
        work(&mut self.shared.log())
    }

    /// Hands a batch to the thread.
    pub(super) fn write_there(&self, batch: LogBatch) {
        self.shared.queued.fetch_add(1, Ordering::AcqRel);
        self.give(Order::Write(batch));
    }

    fn give(&self, order: Order) {
        if self.orders.send(order).is_err() {
            error!("the log's thread is gone");
        }
    }
}

/// Writes out what was handed over before, then ends the thread.
impl Drop for LogDevice {
    fn drop(&mut self) {
        let _ = self.orders.send(Order::Stop);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            error!("the log's thread died of a panic");
        }
    }
}

/// Batches that one sync covers at the most, so that an answer never waits for a flood.
const BATCHES_MAX: usize = 64;

fn run(
    shared: &Shared,
    gathering: Gathering,
    orders: &Receiver<Order>,
    listener: &dyn LogListener,
) {
    let (mut last_sync, mut sync_at) = (Instant::now(), None);
    loop {
        let (batches, then) = gather(gathering, orders, last_sync, sync_at);
        let ends = matches!(then, Some(Order::Settle(_) | Order::Stop));
        let is_due = sync_at.is_some_and(|at| ends || at <= Instant::now());
        if !batches.is_empty() || is_due {
            // What is written from now on is left to another order.
            shared.sync_ordered.store(false, Ordering::Release);
            sync_at = None;
            let result = shared.write(&batches);
            last_sync = Instant::now();
            match result {
                Ok(Some(zxid)) => listener.durable(zxid),
                Ok(None) => {}
                Err(e) => return listener.failed(&e),
            }
            // Only when that is told: what is written elsewhere from now on is told later.
            shared.queued.fetch_sub(batches.len(), Ordering::AcqRel);
        }
        match then {
            Some(Order::SyncLater) => sync_at = Some(Instant::now() + LATER),
            Some(Order::Settle(answer)) => {
                let _ = answer.send(());
            }
            Some(Order::Stop) => return,
            Some(Order::Write(_)) | None => {}
        }
    }
}

/// What one sync is to cover, and the order that ended the gathering if it is not a batch. Comes back
/// with nothing when it is time to sync what is written already.
fn gather(
    gathering: Gathering,
    orders: &Receiver<Order>,
    last_sync: Instant,
    sync_at: Option<Instant>,
) -> (Vec<LogBatch>, Option<Order>) {
    let first = match sync_at {
        None => orders.recv().map_err(|_| RecvTimeoutError::Disconnected),
        Some(at) => orders.recv_timeout(at.saturating_duration_since(Instant::now())),
    };
    let mut batches = match first {
        Ok(Order::Write(first)) => vec![first],
        Ok(other) => return (Vec::new(), Some(other)),
        Err(RecvTimeoutError::Timeout) => return (Vec::new(), None),
        Err(RecvTimeoutError::Disconnected) => return (Vec::new(), Some(Order::Stop)),
    };
    while batches.len() < BATCHES_MAX {
        match orders.recv_timeout(gathering.patience(last_sync.elapsed())) {
            Ok(Order::Write(batch)) => batches.push(batch),
            Ok(other) => return (batches, Some(other)),
            Err(_) => break,
        }
    }
    (batches, None)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::SyncSender;

    use super::*;
    use crate::storage::txnlog::TxnLogOptions;
    use crate::storage::{DataDirs, MemDisk};

    /// Tells of what it hears, and holds the log's thread until it may go on.
    struct Slow {
        heard: SyncSender<Zxid>,
        go_on: Mutex<Receiver<()>>,
    }

    impl LogListener for Slow {
        fn durable(&self, zxid: Zxid) {
            self.heard.send(zxid).unwrap();
            self.go_on.lock().unwrap().recv().unwrap();
        }

        fn failed(&self, error: &storage::Error) {
            panic!("{error}");
        }
    }

    #[test]
    fn a_disk_is_slow_when_it_is_slow_more_than_now_and_then() {
        let after = |syncs: &[u64]| syncs.iter().fold(200, |before, took| of_late(before, *took));
        assert!(after(&[5_000_000, 200, 200, 200, 5_000_000]) < 500);
        assert!(after(&[700; 12]) >= 500);
        assert!(after(&[5_000_000, 5_000_000, 5_000_000]) >= 500);
        assert!(after(&[5_000_000; 24]) >= 10_000);
    }

    /// A device, what its thread tells, and the leave to go on that it waits for then.
    fn device() -> (LogDevice, Receiver<Zxid>, Sender<()>) {
        let dir = std::path::Path::new("/data");
        let dirs = DataDirs::open(Arc::new(MemDisk::default()), dir, dir, true).unwrap();
        let log = TxnLog::new(&dirs, TxnLogOptions::default(), Box::new(|| 0));
        let (heard, told) = std::sync::mpsc::sync_channel(1);
        let (go_on, may_go_on) = channel();
        let listener = Arc::new(Slow { heard, go_on: Mutex::new(may_go_on) });
        let gathering = Gathering { delay: Duration::ZERO, poll: Duration::ZERO };
        let metrics = Arc::new(ServerMetrics::default());
        (LogDevice::start(log, gathering, metrics, listener).unwrap(), told, go_on)
    }

    fn batch(zxid: i64) -> LogBatch {
        let mut batch = LogBatch::default();
        batch.push_encoded(Zxid(zxid), b"a transaction");
        batch
    }

    #[test]
    fn what_may_wait_is_durable_soon_together_with_what_came_since() {
        let (device, told, go_on) = device();
        (1..=3).for_each(|zxid| device.write_unsynced(&batch(zxid)).unwrap());
        go_on.send(()).unwrap();
        let mut durable = told.recv().unwrap();
        while durable < Zxid(3) {
            // The thread was faster than this one.
            go_on.send(()).unwrap();
            durable = told.recv().unwrap();
        }
        device.write_unsynced(&batch(4)).unwrap();
        assert_eq!(device.write_here(batch(5)).unwrap(), Some(Zxid(5)));
        go_on.send(()).unwrap();
        assert!(told.recv().unwrap() >= Zxid(4), "whichever of the two was sooner");
    }

    #[test]
    fn whoever_waits_for_the_log_waits_for_what_may_wait_too() {
        let (device, told, go_on) = device();
        device.write_unsynced(&batch(1)).unwrap();
        go_on.send(()).unwrap();
        device.settled(|_| ());
        assert_eq!(told.try_recv(), Ok(Zxid(1)));
        go_on.send(()).unwrap();
        device.write_unsynced(&batch(2)).unwrap();
        drop(device);
        assert_eq!(told.try_recv(), Ok(Zxid(2)));
    }

    #[test]
    fn the_thread_is_idle_only_when_it_has_told_what_is_durable() {
        let (device, told, go_on) = device();
        device.write_there(batch(1));
        assert_eq!(told.recv(), Ok(Zxid(1)));
        assert!(!device.is_idle(), "nobody may write past what is not known to be durable");
        go_on.send(()).unwrap();
        device.settled(|_| ());
        assert!(device.is_idle());
    }
}

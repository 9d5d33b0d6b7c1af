//! The worker pool (`WorkerService`, "NIOWorker"): gives turns to connections that selectors hand over,
//! and hands them back. Off by default, for a hand-over costs more than most turns; it pays where many
//! cores serve few selectors.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use super::conn::{Conn, Scratch};
use super::inbox::{Inbox, Returned};
use super::{Env, spawn};

struct Job {
    conn: Box<Conn>,
    from: Arc<Inbox>,
}

#[derive(Default)]
struct Jobs {
    queue: VecDeque<Job>,
    closed: bool,
}

/// The queue in front of the workers.
#[derive(Default)]
pub(super) struct Pool {
    jobs: Mutex<Jobs>,
    more: Condvar,
}

impl Pool {
    /// Starts `workers` threads.
    pub(super) fn open(
        workers: usize,
        env: &Arc<Env>,
    ) -> io::Result<(Arc<Self>, Vec<JoinHandle<()>>)> {
        let pool = Arc::new(Self::default());
        let start = |i: usize| {
            let (pool, env) = (Arc::clone(&pool), Arc::clone(env));
            spawn(&format!("NIOWorkerThread-{}", i + 1), move || pool.work(&env))
        };
        let threads = (0..workers).map(start).collect::<io::Result<_>>()?;
        Ok((pool, threads))
    }

    fn lock(&self) -> MutexGuard<'_, Jobs> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands a connection over; it comes back to the inbox.
    pub(super) fn give(&self, conn: Box<Conn>, from: &Arc<Inbox>) {
        self.lock().queue.push_back(Job { conn, from: Arc::clone(from) });
        self.more.notify_one();
    }

    /// Ends the workers once the queue is empty.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.more.notify_all();
    }

    fn next(&self) -> Option<Job> {
        let mut jobs = self.lock();
        loop {
            if let Some(job) = jobs.queue.pop_front() {
                return Some(job);
            }
            if jobs.closed {
                return None;
            }
            jobs = self.more.wait(jobs).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn work(&self, env: &Env) {
        let mut scratch = Scratch::new();
        while let Some(Job { mut conn, from }) = self.next() {
            let outcome = conn.safe_turn(env, &mut scratch, env.clock.now());
            env.submit(&mut scratch.batch, false);
            from.returned(Returned { conn, outcome });
        }
    }
}

//! Many clients at work: every kind of write and read, ephemerals, watches, while servers change.
//!
//! Each client is a thread with a [`Recorder`]; what it does follows from its number, not from the
//! clock. All work under `/load`; `/load/shared` is one node that all of them set and watch.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::recorder::{EPHEMERAL, Op, Recorder, SEQUENTIAL, wall_ms};
use crate::history::{Body, Request};
use crate::{Failure, Result};

/// The session timeout that clients ask for. Longer than any pause that a test makes, so that a lost
/// session is a fault, and than the time until the members were stopped and are judged.
pub const SESSION: Duration = Duration::from_secs(180);
/// How many requests are in flight at the most.
const DEPTH_MAX: u64 = 5;
/// The pause between two batches: the machine has other things to do.
const PAUSE: Duration = Duration::from_millis(3);
/// The number of client 0 of the load; others of a test have lower ones.
const FIRST_CLIENT: usize = 100;

/// Numbers that look random and come from a seed (xorshift).
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % n
    }
}

/// The clients.
pub struct Load {
    stop: Arc<AtomicBool>,
    written: Arc<AtomicU64>,
    threads: Vec<JoinHandle<Result<Recorder>>>,
    marks: Mutex<Vec<(String, i64)>>,
}

/// What the clients saw, and when the ensemble changed below them.
pub struct Run {
    /// The clients.
    pub recorders: Vec<Recorder>,
    /// What was done, and when (wall clock, ms).
    pub marks: Vec<(String, i64)>,
}

impl Load {
    /// Makes the common nodes and starts `clients` clients, each on another server first.
    ///
    /// # Errors
    /// If no server takes them.
    pub fn start(addresses: &[SocketAddr], clients: usize) -> Result<Self> {
        let mut first = Recorder::new(FIRST_CLIENT + clients, addresses, SESSION);
        first.connect()?;
        for path in ["/load", "/load/shared", "/load/seq"] {
            let made = first.ask(&Op::Create(path.into(), b"0".to_vec(), 0));
            made.ok_or_else(|| Failure::new(format!("cannot create {path}")))?;
        }
        // It would be silent from now on.
        first.ask(&Op::Close);
        let (stop, written) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let mut threads = vec![thread::spawn(move || Ok(first))];
        for client in 0..clients {
            let mut servers = addresses.to_vec();
            servers.rotate_left(client % addresses.len());
            let (stop, written) = (Arc::clone(&stop), Arc::clone(&written));
            threads.push(thread::spawn(move || {
                let recorder = Recorder::new(FIRST_CLIENT + client, &servers, SESSION);
                let dice = Dice(0x9E37_79B9_7F4A_7C15 ^ (client as u64 + 1));
                let mut worker = Worker { recorder, dice, written, made: vec![], serial: 0 };
                worker.work(&stop)?;
                Ok(worker.recorder)
            }));
        }
        Ok(Self { stop, written, threads, marks: Mutex::default() })
    }

    /// Writes that were answered with success so far.
    pub fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// Waits until so many more writes were answered.
    ///
    /// # Errors
    /// If they are not in time.
    pub fn wait_written(&self, more: u64) -> Result<()> {
        let (goal, deadline) = (self.written() + more, Instant::now() + super::PATIENCE);
        while self.written() < goal {
            if Instant::now() > deadline {
                let left = goal - self.written();
                return Err(Failure::new(format!("{left} of {more} writes were not answered")));
            }
            thread::sleep(PAUSE);
        }
        Ok(())
    }

    /// Notes that something is about to be done to the ensemble.
    pub fn mark(&self, what: &str) {
        let mut marks = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
        marks.push((what.to_owned(), wall_ms()));
    }

    /// Ends the clients; half of them close their sessions, the others just go.
    ///
    /// # Errors
    /// If one found no server.
    pub fn stop(self) -> Result<Run> {
        self.mark("the end");
        self.stop.store(true, Ordering::Relaxed);
        let ended = self.threads.into_iter().map(|thread| {
            thread.join().map_err(|_| Failure::new("a client panicked")).and_then(|r| r)
        });
        let recorders = ended.collect::<Result<Vec<_>>>()?;
        let marks = self.marks.into_inner().unwrap_or_else(PoisonError::into_inner);
        Ok(Run { recorders, marks })
    }
}

impl Run {
    /// For each mark the longest time in ms, up to the next one, without the answer to a successful
    /// write of any of the clients.
    pub fn silences(&self) -> Vec<(&str, i64)> {
        let pairs = self.marks.windows(2);
        pairs.map(|w| (w[0].0.as_str(), longest_silence(&self.recorders, w[0].1, w[1].1))).collect()
    }
}

fn longest_silence(recorders: &[Recorder], from: i64, until: i64) -> i64 {
    let calls = recorders.iter().flat_map(|r| &r.calls).filter(|c| c.request.is_write());
    let replies = calls.filter_map(|c| c.reply.as_ref()).filter(|r| r.err == 0);
    let mut times: Vec<i64> =
        replies.map(|r| r.end_ms).filter(|t| *t > from && *t < until).collect();
    times.extend([from, until]);
    times.sort_unstable();
    times.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or(0)
}

/// A node that a client made, and its version.
struct Made {
    path: String,
    version: i32,
}

struct Worker {
    recorder: Recorder,
    dice: Dice,
    written: Arc<AtomicU64>,
    made: Vec<Made>,
    serial: u64,
}

impl Worker {
    fn work(&mut self, stop: &AtomicBool) -> Result<()> {
        while !stop.load(Ordering::Relaxed) {
            self.recorder.connect()?;
            let depth = 1 + self.dice.below(DEPTH_MAX);
            let ops: Vec<Op> = (0..depth).map(|_| self.draw()).collect();
            let first = self.recorder.calls.len();
            self.recorder.run(&ops);
            self.learn(first);
            thread::sleep(PAUSE);
        }
        if self.dice.0.is_multiple_of(2) && self.recorder.is_connected() {
            self.recorder.ask(&Op::Close);
        }
        Ok(())
    }

    fn data(&mut self) -> Vec<u8> {
        self.serial += 1;
        let session = self.recorder.session();
        format!("{session}-{}-{}", self.serial, wall_ms()).into_bytes()
    }

    fn draw(&mut self) -> Op {
        let data = self.data();
        let id = self.recorder.session();
        let own = format!("/load/n{id}-{}", self.serial);
        match self.dice.below(20) {
            0..=2 => Op::Create(own, data, 0),
            3 => Op::Create(own, data, EPHEMERAL),
            4 => Op::Create("/load/seq/s-".into(), data, SEQUENTIAL),
            5 => Op::Create("/load/seq/e-".into(), data, EPHEMERAL | SEQUENTIAL),
            6..=7 => Op::Set("/load/shared".into(), data, -1),
            8..=9 => self.with_made(|made| Op::Set(made.path.clone(), data, made.version)),
            10 => self.draw_delete(),
            11 => Op::Multi(vec![
                Op::Create(format!("{own}-m"), data.clone(), 0),
                Op::Set(format!("{own}-m"), data, 0),
                Op::Check("/load".into(), -1),
            ]),
            12 => Op::Multi(vec![
                Op::Set("/load/shared".into(), data, -1),
                Op::Delete("/load/never".into(), -1),
            ]),
            13..=14 => Op::Get("/load/shared".into(), true),
            15 => Op::Children("/load/seq".into(), self.serial.is_multiple_of(4)),
            16 => Op::Exists(format!("{own}-never"), true),
            17 => self.with_made(|made| Op::Exists(made.path.clone(), true)),
            18 => self.with_made(|made| Op::Get(made.path.clone(), false)),
            _ => Op::Sync("/load".into()),
        }
    }

    fn with_made(&mut self, op: impl FnOnce(&Made) -> Op) -> Op {
        let n = self.made.len() as u64;
        if n == 0 {
            return Op::Get("/load".into(), false);
        }
        let at = usize::try_from(self.dice.below(n)).unwrap_or(0);
        op(&self.made[at])
    }

    fn draw_delete(&mut self) -> Op {
        match self.made.pop() {
            Some(made) => Op::Delete(made.path, -1),
            None => Op::Delete("/load/never".into(), -1),
        }
    }

    /// What the answers say about the nodes of this client.
    fn learn(&mut self, first: usize) {
        for call in &self.recorder.calls[first..] {
            let Some(reply) = call.reply.as_ref().filter(|reply| reply.err == 0) else { continue };
            if call.request.is_write() {
                self.written.fetch_add(1, Ordering::Relaxed);
            }
            match (&call.request, &reply.body) {
                (Request::Create { .. }, Body::Created(path)) => {
                    self.made.push(Made { path: path.clone(), version: 0 });
                }
                (Request::Set { path, .. }, Body::Stat(stat)) => {
                    let made = self.made.iter_mut().find(|made| made.path == *path);
                    if let Some(made) = made {
                        made.version = stat.version;
                    }
                }
                _ => {}
            }
        }
    }
}

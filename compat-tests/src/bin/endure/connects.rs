//! Connections that come and go, so many in a second: each gets a session, closes it, and hangs up.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use compat_tests::bench::histogram::Histogram;
use compat_tests::bench::report::mib;
use compat_tests::bench::target::Target;
use compat_tests::server::Kind;
use compat_tests::{Result, usage};
use gamekeeper::op::op;
use mio::{Events, Poll, Token};

use crate::Settings;
use crate::outcome::{Outcome, told};
use crate::peer::{Heard, Pass, Peer, bare_request};

/// Connections under way at the most: who cannot keep up is not pressed further.
const UNDER_WAY_MAX: usize = 5000;
/// Of the connections that are due, this part must have been served.
const SERVED_MIN: f64 = 0.99;
/// How long the last of them may take.
const PATIENCE: Duration = Duration::from_secs(60);
const TURN: Duration = Duration::from_millis(1);
/// Room for what one read takes.
const INPUT_BYTES: usize = 1024;

/// Connections from first to last.
struct Stream {
    server: SocketAddr,
    poll: Poll,
    peers: Vec<Option<Peer>>,
    free: Vec<usize>,
    begun: usize,
    closed: usize,
    failed: usize,
    /// Why the first one failed that was refused at once.
    refusal: Option<io::Error>,
    /// From the first packet to the session, and to the answer to its end.
    granted: Histogram,
    all: Histogram,
}

impl Stream {
    fn new(server: SocketAddr) -> Result<Self> {
        Ok(Self {
            server,
            poll: Poll::new()?,
            peers: Vec::new(),
            free: Vec::new(),
            begun: 0,
            closed: 0,
            failed: 0,
            refusal: None,
            granted: Histogram::new(),
            all: Histogram::new(),
        })
    }

    fn under_way(&self) -> usize {
        self.begun - self.closed - self.failed
    }

    fn begin(&mut self) {
        let at = self.free.pop().unwrap_or(self.peers.len());
        if at == self.peers.len() {
            self.peers.push(None);
        }
        let (new, registry) = (Pass::default(), self.poll.registry());
        match Peer::begin(self.begun, self.server, new, registry, Token(at)) {
            Ok(peer) => self.peers[at] = Some(peer),
            Err(e) => {
                self.refusal.get_or_insert(e);
                self.failed += 1;
                self.free.push(at);
            }
        }
        self.begun += 1;
    }

    fn turn(&mut self, events: &mut Events) -> Result<()> {
        self.poll.poll(events, Some(TURN))?;
        let mut buffer = [0; INPUT_BYTES];
        for event in events.iter() {
            let at = event.token().0;
            let Some(mut peer) = self.peers[at].take() else { continue };
            let mut heard = None;
            let over = peer.go_on(event, &mut buffer, |word| heard = Some(word)).is_err();
            if self.goes_on(&mut peer, heard, over) {
                self.peers[at] = Some(peer);
            } else {
                self.free.push(at);
            }
        }
        Ok(())
    }

    /// Counts what was heard; whether the connection stays.
    fn goes_on(&mut self, peer: &mut Peer, heard: Option<Heard>, over: bool) -> bool {
        match heard {
            Some(Heard::Reply(0)) => {
                self.all.record(peer.begun.elapsed(), 1);
                self.closed += 1;
                return false;
            }
            Some(Heard::Welcome(_)) if !over => {
                self.granted.record(peer.begun.elapsed(), 1);
                if peer.send(&bare_request(1, op::CLOSE_SESSION)).is_ok() {
                    return true;
                }
            }
            None if !over => return true,
            _ => {}
        }
        self.failed += 1;
        false
    }

    /// Begins so many in a second, for so long; then waits for those that are under way. Returns how
    /// long it took until the last of them was over.
    fn run(&mut self, rate: usize, time: Duration, under_way_max: usize) -> Result<Duration> {
        let mut events = Events::with_capacity(4096);
        let start = Instant::now();
        let mut now = Duration::ZERO;
        while now < time {
            now = start.elapsed().min(time);
            let due = (now.as_secs_f64() * rate as f64).round() as usize;
            while self.begun < due && self.under_way() < under_way_max {
                self.begin();
            }
            self.turn(&mut events)?;
        }
        while self.under_way() > 0 && start.elapsed() < time + PATIENCE {
            self.turn(&mut events)?;
        }
        Ok(start.elapsed())
    }
}

/// As many connections in a second as were asked for, or as the server bears.
pub(crate) fn connects(settings: &Settings, kind: Kind) -> Result<Outcome> {
    let target = Target::start(&settings.launch, kind)?;
    run(settings, &target).map_err(|e| target.server.failure(&format!("fails: {e}")))
}

fn run(settings: &Settings, target: &Target) -> Result<Outcome> {
    let (server, own) = (target.server.pid(), std::process::id());
    let before = (usage::cpu(server)?, usage::cpu(own)?, usage::idle()?);
    let mut stream = Stream::new(target.address())?;
    let time = settings.connecting;
    let ran = stream.run(settings.connects, time, UNDER_WAY_MAX.min(settings.room()))?;
    let idle = (usage::idle()? - before.2).as_secs_f64() / ran.as_secs_f64();
    let cpu = (usage::cpu(server)? - before.0, usage::cpu(own)? - before.1);
    let sessions = told(target, "zk_global_sessions")?;
    let mut outcome = Outcome::default();
    let due = settings.connects as f64 * time.as_secs_f64();
    let rate = stream.closed as f64 / ran.as_secs_f64();
    outcome.figure(format!("served in a second, of {}", settings.connects), rate);
    outcome.figure("refused or broken", stream.failed as f64);
    outcome.ms("from the first packet to the session, p50, ms", stream.granted.quantile(0.5));
    outcome.ms("the same, p99, ms", stream.granted.quantile(0.99));
    outcome.ms("the same, at most, ms", stream.granted.max());
    outcome.ms("to the answer to closeSession, p99, ms", stream.all.quantile(0.99));
    outcome.figure("server CPU, s", cpu.0.as_secs_f64());
    outcome.figure("server CPU for each, us", cpu.0.as_secs_f64() * 1e6 / stream.closed as f64);
    outcome.figure(
        "CPU of the load's maker for each, us",
        cpu.1.as_secs_f64() * 1e6 / stream.closed as f64,
    );
    outcome.figure("CPU that nobody used meanwhile, % of a core", idle * 100.0);
    outcome.figure("resident at most, MiB", mib(usage::memory(server)?.1));
    let (closed, failed, rest) = (stream.closed, stream.failed, stream.under_way());
    outcome.require(closed as f64 >= due * SERVED_MIN, format!("{closed} of {due} were served"));
    let why = stream.refusal.map_or(String::new(), |e| format!(", the first of them so: {e}"));
    outcome.require(failed == 0, format!("{failed} connections were refused or broken{why}"));
    outcome.require(rest == 0, format!("{rest} connections were not answered"));
    outcome.require(sessions == 0, format!("{sessions} sessions are left"));
    Ok(outcome)
}

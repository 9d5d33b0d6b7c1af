//! What a member of an ensemble has beside a server alone: links to the others, the election, the
//! epochs on disk; and how the effects are carried out that only a member has.
//!
//! Barriers are carried out on the server's own thread: while it waits for the disk there, nobody is
//! served anyway.

use std::collections::BTreeMap;
use std::sync::Arc;

use log::{error, warn};

use super::election::Election;
use super::inbox::Inbox;
use super::log_device::LogDevice;
use super::ports;
use super::quorum_sink::Backlog;
use super::send_snapshot;
use crate::config::{ExitCode, HostPort};
use crate::ids::{Millis, SessionId, Sid, Zxid};
use crate::net::Clock;
use crate::net::links::{Connect, Links, Order, Port};
use crate::peer::ensemble::Loaded;
use crate::peer::{Effect, Event};
use crate::server::front::Front;
use crate::storage::snapshot::{self, SnapshotOptions};
use crate::storage::{self, DataDirs, Epochs, RestoreOptions, restore};
use crate::zab::LinkId;
use crate::zab::sync::Entry;

/// Why a member cannot go on.
#[derive(Debug)]
pub(super) struct Failure {
    /// The code to exit with.
    pub(super) code: ExitCode,
    /// What was tried, and what was found.
    pub(super) what: String,
}

impl From<storage::Error> for Failure {
    fn from(e: storage::Error) -> Self {
        Self { code: ExitCode::Unexpected, what: e.to_string() }
    }
}

impl From<storage::DiskError> for Failure {
    fn from(e: storage::DiskError) -> Self {
        Self { code: ExitCode::Snapshot, what: format!("cannot take a snapshot: {e}") }
    }
}

/// The shell around a member.
pub(super) struct Member {
    pub(super) front: Arc<Front>,
    pub(super) inbox: Arc<Inbox>,
    pub(super) clock: Clock,
    pub(super) dirs: DataDirs,
    pub(super) epochs: Epochs,
    pub(super) restore: RestoreOptions,
    pub(super) snapshot: SnapshotOptions,
    pub(super) links: Links,
    pub(super) backlog: Arc<Backlog>,
    pub(super) election: Election,
    /// The quorum addresses of the members.
    pub(super) addresses: BTreeMap<Sid, Vec<(String, u16)>>,
    /// Where this server takes learners.
    pub(super) listen: Vec<HostPort>,
    /// How long a call to the leader may take, in ms.
    pub(super) connect_timeout: Millis,
    /// How long a learner may take nothing of a snapshot, in ms.
    pub(super) patience: Millis,
    /// `snapshotSizeFactor`.
    pub(super) snapshot_size_factor: f64,
}

impl Member {
    /// Carries out an effect; the event that answers it, if it is done at once.
    ///
    /// # Errors
    /// If the disk fails or the protocol says that the process must end.
    pub(super) fn carry_out(
        &mut self,
        effect: Effect,
        log: &LogDevice,
        sessions: impl Fn() -> Vec<(SessionId, i32)>,
    ) -> Result<Option<Event>, Failure> {
        match effect {
            Effect::SyncLog => log.settled(|_| ()),
            Effect::WriteAcceptedEpoch(epoch) => self.epochs.set_accepted(epoch)?,
            Effect::WriteCurrentEpoch(epoch) => self.epochs.set_current(epoch)?,
            Effect::SaveSnapshot => self.save_snapshot(log, &sessions())?,
            Effect::Truncate(zxid) => return self.truncate(log, zxid).map(Some),
            Effect::Reload => return self.reload(log).map(Some),
            other => return self.tell_others(other, sessions),
        }
        Ok(Some(Event::Done))
    }

    /// This thread has taken so many bytes: links that waited for that may go on.
    pub(super) fn taken(&self, len: usize) {
        self.backlog.taken(len, &self.links);
    }

    fn tell_others(
        &mut self,
        effect: Effect,
        sessions: impl Fn() -> Vec<(SessionId, i32)>,
    ) -> Result<Option<Event>, Failure> {
        match effect {
            Effect::Look { zxid, peer_epoch } => self.election.look(zxid, peer_epoch),
            Effect::EpochEstablished(epoch) => self.election.established(epoch),
            Effect::ConnectLeader(sid) => return Ok(self.connect_leader(sid)),
            Effect::Listen(true) => return Ok(self.listen_for_learners()),
            Effect::Listen(false) => self.links.unbind(Port::Quorum),
            Effect::Send(link, bytes) => self.links.write_now(link, bytes),
            Effect::SendSnapshot(link, head) => self.send_snapshot(link, head, sessions()),
            Effect::ReadTxnLog(link, from) => self.read_txn_log(link, from),
            Effect::Know(link) => self.links.send([Order::Know(link)]),
            Effect::Close(link) => {
                self.backlog.ended(link, "this server is done with it");
                self.links.send([Order::Close(link)]);
            }
            Effect::Exit(code) => {
                let code = match code {
                    12 => ExitCode::UnmatchedCommit,
                    13 => ExitCode::QuorumPacket,
                    _ => ExitCode::Unexpected,
                };
                return Err(Failure { code, what: "the leader contradicts this server".into() });
            }
            other => error!("nothing is done about {other:?}"),
        }
        Ok(None)
    }

    fn connect_leader(&self, sid: Sid) -> Option<Event> {
        let Some(addresses) = self.addresses.get(&sid) else {
            error!("the elected leader {sid} is not among the members");
            return Some(Event::LeaderUnreachable);
        };
        self.links.send([Order::Connect(Connect {
            port: Port::Quorum,
            sid,
            addresses: addresses.clone(),
            timeout: self.connect_timeout,
            told: false,
        })]);
        None
    }

    fn listen_for_learners(&self) -> Option<Event> {
        self.links.unbind(Port::Quorum);
        let bound = ports::bind_for_learners(&self.links, &self.listen);
        bound.is_err().then_some(Event::CannotListen)
    }

    fn save_snapshot(&self, log: &LogDevice, sessions: &[(SessionId, i32)]) -> Result<(), Failure> {
        let began = self.clock.now();
        log.settled(|log| log.roll())?;
        let saved = snapshot::take(
            &self.dirs,
            self.snapshot,
            || sessions.to_vec(),
            |look| look(&self.front.db.read_tree()),
        )?;
        self.front.metrics.snapshottime.add(self.clock.now() - began);
        if let Some(saved) = saved {
            let _cut = self.dirs.cut_history();
            log.settled(|log| log.forget_after(saved.zxid))?;
        }
        Ok(())
    }

    fn truncate(&self, log: &LogDevice, zxid: Zxid) -> Result<Event, Failure> {
        warn!("Truncating log to get in sync with the leader {zxid}");
        let _cut = self.dirs.cut_history();
        log.settled(|log| log.truncate(zxid))?;
        let event = self.load()?;
        match &event {
            Event::Reloaded(loaded) if loaded.tree.last_processed_zxid() == zxid => Ok(event),
            _ => Err(Failure {
                code: ExitCode::QuorumPacket,
                what: format!("Not able to truncate the log {zxid}"),
            }),
        }
    }

    fn reload(&self, log: &LogDevice) -> Result<Event, Failure> {
        log.settled(|log| log.roll())?;
        self.load()
    }

    fn load(&self) -> Result<Event, Failure> {
        let restored = restore(&self.dirs, self.restore, || self.clock.now())?;
        Ok(Event::Reloaded(Box::new(Loaded {
            tree: restored.tree,
            sessions: restored.sessions,
            committed: entries(restored.committed),
        })))
    }

    /// The snapshot goes out from a thread of its own, as fast as the learner takes it.
    fn send_snapshot(&self, link: LinkId, head: Vec<u8>, sessions: Vec<(SessionId, i32)>) {
        let writer = self.links.writer(link, send_snapshot::PENDING_MAX, self.patience);
        let (front, inbox) = (Arc::clone(&self.front), Arc::clone(&self.inbox));
        let (links, backlog) = (self.links.clone(), Arc::clone(&self.backlog));
        let sending =
            std::thread::Builder::new().name("SnapshotSender".to_owned()).spawn(move || {
                match send_snapshot::send(writer, &head, &front, &sessions) {
                    Ok(()) => inbox.tell(Event::SnapshotSent(link)),
                    Err(e) => {
                        backlog.ended(link, &format!("it did not take a snapshot: {e}"));
                        links.send([Order::CloseNow(link)]);
                        inbox.tell(Event::Closed(link));
                    }
                }
            });
        if let Err(e) = sending {
            error!("cannot start a thread to send a snapshot: {e}");
            self.links.send([Order::CloseNow(link)]);
            self.inbox.tell(Event::Closed(link));
        }
    }

    /// What the log cannot give, or not as cheaply as a snapshot, a snapshot gives.
    fn read_txn_log(&self, link: LinkId, from: Zxid) {
        let (dirs, limits) = (self.dirs.clone(), self.restore.limits);
        let inbox = Arc::clone(&self.inbox);
        let bytes_max = storage::bytes_worth_reading(&dirs, self.snapshot_size_factor);
        let reading =
            std::thread::Builder::new().name("TxnLogReader".to_owned()).spawn(move || {
                let found =
                    storage::read_since(&dirs, from, limits, bytes_max).unwrap_or_else(|e| {
                        warn!("cannot read the transaction log for a learner: {e}");
                        Vec::new()
                    });
                inbox.tell(Event::TxnLogRead(link, entries(found)));
            });
        if let Err(e) = reading {
            error!("cannot start a thread to read the transaction log: {e}");
            self.inbox.tell(Event::TxnLogRead(link, Vec::new()));
        }
    }
}

/// The end of a history as a member takes it.
pub(super) fn entries(committed: impl IntoIterator<Item = (Zxid, Arc<[u8]>)>) -> Vec<Entry> {
    committed.into_iter().map(|(zxid, record)| Entry { zxid, record }).collect()
}

//! A member of an ensemble of three with its disk in memory: all that it wants done is done at once.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, OnceLock};

use gamekeeper::ids::{Millis, Sid, Zxid};
use gamekeeper::op::op;
use gamekeeper::peer::ensemble::{Effect, Event};
use gamekeeper::peer::{LogBatch, Now};
use gamekeeper::storage::{self, read_since, restore};
use gamekeeper::txn::{Txn, TxnRecord};
use gamekeeper::zab::election::vote::{Candidate, Vote};
use gamekeeper::zab::packet::{Packet, PacketReader};
use gamekeeper::zab::sync::Entry;
use gamekeeper::zab::{LearnerType, LinkId, ServerState};
use jute::txn::{CreateTxn, TxnHeader};
use jute::{Limits, Write};

use crate::sim::disk::CrashDisk;
use crate::sim::node::{Life, Node, Shared, restore_options};
use crate::sim::plan::Plan;
use crate::sim::random::Random;

const WALL: Millis = 1_700_000_000_000;
/// Events after which a member must have come to rest.
const TURNS_MAX: usize = 100_000;

/// The member, and what it has said.
pub(super) struct Member {
    life: Life,
    pub(super) now: Millis,
    turns: usize,
    /// What it has sent and nobody has read.
    pub(super) sent: Vec<(LinkId, Packet)>,
    /// The connections that it has closed.
    pub(super) closed: BTreeSet<LinkId>,
    /// It has no leader any more, or leads no more.
    pub(super) looks: bool,
    /// Its process has ended by its own will.
    pub(super) ended: bool,
}

fn shared() -> &'static (Plan, Shared) {
    static SHARED: OnceLock<(Plan, Shared)> = OnceLock::new();
    SHARED.get_or_init(|| {
        let drawn = Plan::draw(&mut Random::new(1)).calm();
        let plan = Plan {
            voters: 3,
            observers: 1,
            tick_ms: 2_000,
            init_limit: 10,
            sync_limit: 5,
            snap_count: 100_000,
            committed_limit: 500,
            prealloc: 0,
            txn_log_sync: true,
            force_snapshot: false,
            leader_serves: true,
            ..drawn
        };
        let shared = Shared::new(&plan);
        (plan, shared)
    })
}

impl Member {
    /// A member with `history` transactions of epoch 1 in its log.
    pub(super) fn new(sid: Sid, kind: LearnerType, history: i64) -> Self {
        let (_, shared) = shared();
        let node = Node {
            sid,
            kind,
            disk: CrashDisk::new(Random::new(0)),
            incarnation: 1,
            life: None,
            paused_until: 0,
            deferred: Vec::new(),
            slow_disk_until: 0,
            skew: 0,
            offset: 0,
            rate: 1_000_000,
            looks: 0,
        };
        let mut life = shared.boot(&node, 0, &mut Random::new(2)).expect("an empty disk");
        if history > 0 {
            write_history(&mut life, history).expect("there is room");
            life = shared.boot(&node, 0, &mut Random::new(2)).expect("a sound disk");
        }
        let effects = std::mem::take(&mut life.effects);
        let mut member = Self {
            life,
            now: 1_000,
            turns: 0,
            sent: Vec::new(),
            closed: BTreeSet::new(),
            looks: false,
            ended: false,
        };
        member.carry_out(effects);
        member.looks = false;
        member
    }

    /// Has a leader elected: this one or another.
    pub(super) fn elected(&mut self, leader: Sid, state: ServerState) {
        let candidate = Candidate { leader, zxid: Zxid(0), peer_epoch: 0 };
        self.step(Event::Elected(Vote::looking(candidate, 1), state));
    }

    /// Something happens to it.
    pub(super) fn step(&mut self, event: Event) {
        if self.ended {
            return;
        }
        let mut effects = Vec::new();
        let now = Now { mono: self.now, wall: WALL + self.now };
        self.life.ensemble.step(now, [event], &mut effects);
        self.carry_out(effects.into());
    }

    /// Time goes by.
    pub(super) fn wait(&mut self, time: Millis) {
        let (plan, _) = shared();
        for _ in 0..=time / (plan.tick_ms / 2) {
            self.now += plan.tick_ms / 2;
            self.step(Event::Tick { heard_until: self.now });
        }
    }

    /// What it is, as `srvr` says.
    pub(super) fn state(&self) -> &'static str {
        self.life.ensemble.status().state
    }

    /// The last transaction in its tree.
    #[cfg(test)]
    pub(super) fn last_zxid(&self) -> Zxid {
        self.life.front.db.read_tree().last_processed_zxid()
    }

    fn carry_out(&mut self, mut effects: VecDeque<Effect>) {
        while let Some(effect) = effects.pop_front() {
            self.turns += 1;
            assert!(self.turns < TURNS_MAX, "it never comes to rest");
            match self.carry_out_one(effect) {
                Ok(Some(event)) => {
                    let mut more = Vec::new();
                    let now = Now { mono: self.now, wall: WALL + self.now };
                    self.life.ensemble.step(now, [event], &mut more);
                    effects.extend(more);
                }
                Ok(None) => {}
                // What cannot be cut or read back ends the process, which harms nobody else.
                Err(_) => self.ended = true,
            }
            if self.ended {
                return;
            }
        }
    }

    fn carry_out_one(&mut self, effect: Effect) -> storage::Result<Option<Event>> {
        let (plan, _) = shared();
        Ok(match effect {
            Effect::Log(batch) => {
                let last = batch.last_zxid().unwrap_or_default();
                self.life.write_log(&[batch])?;
                Some(Event::Durable(last))
            }
            Effect::Look { .. } => {
                self.looks = true;
                None
            }
            Effect::ConnectLeader(_) => Some(Event::LeaderConnected(LinkId(1))),
            Effect::Send(link, bytes) => {
                self.on_sent(link, &bytes);
                None
            }
            Effect::SendSnapshot(link, head) => {
                self.on_sent(link, &head);
                Some(Event::SnapshotSent(link))
            }
            Effect::ReadTxnLog(link, from) => {
                let found = read_since(&self.life.dirs, from, Limits::default(), f64::MAX)?;
                let entries = found.into_iter().map(|(zxid, record)| Entry { zxid, record });
                Some(Event::TxnLogRead(link, entries.collect()))
            }
            Effect::Close(link) => {
                self.closed.insert(link);
                None
            }
            Effect::Exit(_) => {
                self.ended = true;
                None
            }
            Effect::Snapshot
            | Effect::EpochEstablished(_)
            | Effect::Listen(_)
            | Effect::Know(_) => None,
            barrier => Some(self.life.carry_out_barrier(&barrier, plan)?),
        })
    }

    /// What it says must be packets.
    fn on_sent(&mut self, link: LinkId, bytes: &[u8]) {
        let mut reader = PacketReader::new(Limits::default());
        reader.feed(bytes);
        while let Some(packet) = reader.next_packet().expect("our own packets") {
            self.sent.push((link, packet));
        }
        assert!(reader.unread().is_empty(), "half a packet");
    }

    /// After the end of its process, by its own will or not, it must start again on what it has left.
    pub(super) fn check_restart(self) {
        let (plan, _) = shared();
        let before = self.life.ensemble.status().state;
        let restored = restore(&self.life.dirs, restore_options(plan), || 0);
        restored.unwrap_or_else(|e| panic!("was {before}, and does not start again: {e}"));
    }
}

fn write_history(life: &mut Life, history: i64) -> storage::Result<()> {
    let mut batch = LogBatch::default();
    for counter in 1..=history {
        batch.push(&create_record(Zxid::new(1, counter)));
    }
    life.write_log(&[batch])?;
    life.epochs.set_accepted(1)?;
    life.epochs.set_current(1)
}

/// A transaction that makes a node of its own.
pub(super) fn create_record(zxid: Zxid) -> TxnRecord {
    let cxid = zxid.counter() as i32;
    let header = TxnHeader { client_id: 0x100, cxid, zxid: zxid.0, time: WALL, kind: op::CREATE };
    let txn = Txn::Create(CreateTxn {
        path: Some(format!("/n{cxid}")),
        data: Some(b"data".to_vec()),
        acl: Some(Arc::clone(jute::data::open_acl())),
        ephemeral: false,
        parent_cversion: cxid,
    });
    TxnRecord { header, txn, digest: None }
}

/// Packets as they come over the wire.
pub(super) fn encoded(packets: &[Packet]) -> Vec<u8> {
    let mut out = Vec::new();
    packets.iter().for_each(|packet| packet.encode(&mut out));
    out
}

/// A request for a node, as a learner forwards it.
pub(super) fn create_body(path: &str) -> Vec<u8> {
    let mut body = Vec::new();
    body.put_str(Some(path));
    body.put_buffer(Some(b"x"));
    jute::Record::write(&Some(jute::data::open_acl().to_vec()), &mut body);
    body.put_int(0);
    body
}

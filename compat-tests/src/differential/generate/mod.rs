//! What the clients do, drawn from a seed. A small world of paths, so that what one client makes
//! another one finds; right arguments more often than wrong ones.

mod args;
mod body;
mod damage;

use gamekeeper::op::op;
use gamekeeper::server::prep::is_without_zxid;
use jute::Limits;

use super::rng::Rng;
use super::setup::Variant;
use super::step::{Connect, Password, Request, Slot, Step, Who};

/// Clients at once.
pub(super) const SLOTS: usize = 4;
/// Most requests of a burst.
const BURST: usize = 12;
/// Ops that close the connection, or answer past the pipeline: what is behind one in a burst is
/// answered or not as the clock wants.
const LONERS: [i32; 3] = [op::AUTH, op::SASL, op::CLOSE_SESSION];
/// Ops that change the tree.
const WRITES: [i32; 9] = [
    op::CREATE,
    op::CREATE2,
    op::CREATE_TTL,
    op::CREATE_CONTAINER,
    op::DELETE,
    op::DELETE_CONTAINER,
    op::SET_DATA,
    op::SET_ACL,
    op::MULTI,
];
/// A body longer than this may be refused as a frame, which closes the connection.
const LARGE: usize = 1_000_000;
/// Numbers that stand for no op a client may send.
const STRANGE_OPS: [i32; 15] =
    [-1, 0, 10, 13, 23, 99, 108, 1000, -2, -10, -12, -100, i32::MAX, i32::MIN, 127];

/// What the generator knows of the servers.
#[derive(Debug, Default)]
pub(super) struct World {
    /// How many servers there are to connect to.
    pub(super) members: usize,
    /// Clients whose session has moved on to another connection.
    pub(super) left_behind: [bool; SLOTS],
    /// The session of each client that is connected.
    pub(super) slots: [Option<usize>; SLOTS],
    /// How many sessions there were.
    pub(super) sessions: usize,
    /// The newest zxid that was seen.
    pub(super) last_zxid: i64,
}

/// Draws steps.
#[derive(Debug)]
pub(super) struct Generator {
    rng: Rng,
    xid: i32,
    /// A burst has one write at most.
    one_write: bool,
    /// Java's ensemble commits nothing any more once it was asked for a write that cannot be decoded.
    in_ensemble: bool,
}

impl Generator {
    /// Quotas that are enforced look at what is applied, not at what is prepared: which of the writes
    /// in front of a write that is, follows from the clock.
    pub(super) fn new(seed: u64, variant: Variant, in_ensemble: bool) -> Self {
        Self { rng: Rng::new(seed), xid: 0, one_write: variant.enforce_quota, in_ensemble }
    }

    /// The next step.
    pub(super) fn step(&mut self, world: &World) -> Step {
        let slot = self.rng.below(SLOTS);
        if world.slots[slot].is_none() {
            return self.start(slot, world);
        }
        match self.rng.below(1000) {
            0..6 => Step::HangUp(slot),
            6..14 => Step::Connect(slot, self.connect(world)),
            14..18 => Step::Raw(slot, damage::bad_frame(&mut self.rng)),
            18..20 => Step::Cut(slot, damage::half_frame(&mut self.rng)),
            20..200 if !world.left_behind[slot] => self.burst(slot),
            _ => Step::Requests(slot, vec![self.request(false)]),
        }
    }

    fn start(&mut self, slot: Slot, world: &World) -> Step {
        if self.rng.chance(4) {
            return Step::Raw(slot, damage::bad_frame(&mut self.rng));
        }
        Step::Connect(slot, self.connect(world))
    }

    fn burst(&mut self, slot: Slot) -> Step {
        let n = 2 + self.rng.below(BURST - 1);
        let mut requests: Vec<Request> = (0..n).map(|_| self.request(true)).collect();
        if self.one_write {
            let mut seen = false;
            requests.retain(|r| !WRITES.contains(&r.kind) || !std::mem::replace(&mut seen, true));
        }
        Step::Requests(slot, requests)
    }

    fn request(&mut self, in_burst: bool) -> Request {
        let (kind, body, damage) = loop {
            let kind = self.kind();
            let mut body = body::of(&mut self.rng, kind);
            let alone = LONERS.contains(&kind) || STRANGE_OPS.contains(&kind) || body.len() > LARGE;
            if in_burst && alone {
                continue;
            }
            let damage = self.rng.chance(4).then(|| damage::damage(&mut self.rng, &mut body));
            if !(self.in_ensemble && is_without_zxid(kind, &body, Limits::default())) {
                break (kind, body, damage);
            }
        };
        Request { xid: self.xid(kind), kind, body, damage }
    }

    /// Mostly the next number, as clients count; the special ones where they belong, and elsewhere.
    fn xid(&mut self, kind: i32) -> i32 {
        self.xid += 1;
        match kind {
            _ if self.rng.chance(1) => *self.rng.pick(&[0, -1, -2, -4, -8, i32::MIN, i32::MAX]),
            op::PING => -2,
            op::AUTH => -4,
            op::SET_WATCHES | op::SET_WATCHES2 => -8,
            _ => self.xid,
        }
    }

    fn kind(&mut self) -> i32 {
        if self.rng.below(250) == 0 {
            return *self.rng.pick(&STRANGE_OPS);
        }
        let weights = WEIGHTS.iter().map(|(_, weight)| *weight);
        WEIGHTS[self.rng.weighted(weights)].0
    }

    fn connect(&mut self, world: &World) -> Connect {
        let rng = &mut self.rng;
        let who = match rng.below(100) {
            0..50 if world.sessions > 0 => Who::Known(rng.below(world.sessions)),
            50..53 => Who::Stranger(*rng.pick(&[1, -1, i64::MIN, 0x0100_0000_0000_0007])),
            _ => Who::New,
        };
        let password = match rng.below(100) {
            0..85 => Password::Right,
            85..88 => Password::Null,
            88..91 => Password::Bytes(vec![]),
            91..94 => Password::Bytes(vec![1; 17]),
            94..97 => Password::Bytes(vec![0; 16]),
            _ => Password::Bytes(vec![9; 8]),
        };
        let behind = world.last_zxid;
        let member = if world.members > 1 { rng.below(world.members) } else { 0 };
        Connect {
            member,
            protocol: if rng.chance(95) { 0 } else { *rng.pick(&[1, -1, i32::MAX]) },
            last_zxid_seen: match rng.below(100) {
                0..60 => 0,
                60..92 => behind,
                92..96 => behind + 1 + rng.below(3) as i64,
                96..98 => -1,
                _ => *rng.pick(&[i64::MAX, i64::MIN]),
            },
            timeout: *rng.pick(&[4_000_000, 3_500_000, 10, 0, -5, 3_000_000, i32::MAX, i32::MIN]),
            who,
            password,
            read_only: match rng.below(100) {
                0..70 => Some(false),
                70..85 => Some(true),
                _ => None,
            },
            behind: if rng.chance(3) { 1 + rng.below(8) } else { 0 },
            cut: if rng.chance(3) { 1 + rng.below(30) } else { 0 },
        }
    }
}

/// The ops and how often each comes.
const WEIGHTS: [(i32, usize); 30] = [
    (op::CREATE, 110),
    (op::CREATE2, 60),
    (op::CREATE_TTL, 20),
    (op::CREATE_CONTAINER, 20),
    (op::DELETE, 70),
    (op::SET_DATA, 70),
    (op::GET_DATA, 60),
    (op::EXISTS, 60),
    (op::GET_ACL, 20),
    (op::SET_ACL, 25),
    (op::GET_CHILDREN, 40),
    (op::GET_CHILDREN2, 40),
    (op::SYNC, 10),
    (op::MULTI, 90),
    (op::MULTI_READ, 25),
    (op::CHECK, 2),
    (op::RECONFIG, 6),
    (op::SET_WATCHES, 20),
    (op::SET_WATCHES2, 25),
    (op::ADD_WATCH, 30),
    (op::CHECK_WATCHES, 25),
    (op::REMOVE_WATCHES, 25),
    (op::GET_EPHEMERALS, 15),
    (op::GET_ALL_CHILDREN_NUMBER, 15),
    (op::WHO_AM_I, 8),
    (op::AUTH, 20),
    (op::SASL, 3),
    (op::PING, 10),
    (op::CLOSE_SESSION, 6),
    (op::DELETE_CONTAINER, 15),
];

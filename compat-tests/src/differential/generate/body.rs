//! The body of a request by its op.

use gamekeeper::op::op;
use jute::Write as _;

use super::super::rng::Rng;
use super::args::{
    flags, proof, put_acl, put_data, put_path, put_paths, put_some_path, ttl, version,
};

/// Parts of a multi.
const PARTS: [i32; 7] = [
    op::CREATE,
    op::CREATE2,
    op::CREATE_CONTAINER,
    op::CREATE_TTL,
    op::DELETE,
    op::SET_DATA,
    op::CHECK,
];
/// What is no part of a multi, or not of this one.
const NO_PARTS: [i32; 8] = [op::GET_DATA, op::GET_CHILDREN, op::SET_ACL, -1, 0, 14, 20, 99];

/// A body for the op `kind`.
pub(super) fn of(rng: &mut Rng, kind: i32) -> Vec<u8> {
    let mut out = Vec::new();
    match kind {
        op::MULTI => multi(rng, &PARTS, &mut out),
        op::MULTI_READ => multi(rng, &[op::GET_DATA, op::GET_CHILDREN], &mut out),
        _ => part(rng, kind, &mut out),
    }
    out
}

fn part(rng: &mut Rng, kind: i32, out: &mut Vec<u8>) {
    match kind {
        op::PING | op::CLOSE_SESSION | op::WHO_AM_I => {}
        op::SASL => out.put_buffer(rng.chance(80).then_some(b"token".as_slice())),
        op::AUTH => auth(rng, out),
        op::SET_WATCHES => watches(rng, 3, out),
        op::SET_WATCHES2 => watches(rng, 5, out),
        op::RECONFIG => reconfig(rng, out),
        op::CREATE_SESSION => out.put_int(3_000_000),
        _ => on_path(rng, kind, out),
    }
}

fn on_path(rng: &mut Rng, kind: i32, out: &mut Vec<u8>) {
    match kind {
        // Nobody can be told of null.
        op::ADD_WATCH => put_some_path(rng, out),
        _ => put_path(rng, out),
    }
    match kind {
        op::CREATE | op::CREATE2 | op::CREATE_CONTAINER | op::CREATE_TTL => {
            put_data_of_node(rng, out);
            put_acl(rng, out);
            let flags = create_flags(rng, kind);
            out.put_int(flags);
            if kind == op::CREATE_TTL {
                // Java stops when it applies a negative one that the mode let pass.
                let ttl = ttl(rng);
                out.put_long(if matches!(flags, 5 | 6) { ttl } else { ttl & i64::MAX });
            }
        }
        op::DELETE | op::CHECK => out.put_int(version(rng)),
        op::SET_DATA => {
            put_data_of_node(rng, out);
            out.put_int(version(rng));
        }
        op::SET_ACL => {
            put_acl(rng, out);
            out.put_int(version(rng));
        }
        op::EXISTS | op::GET_DATA | op::GET_CHILDREN | op::GET_CHILDREN2 => {
            out.put_bool(rng.chance(50));
        }
        op::ADD_WATCH => out.put_int(strange_or(rng, &[0, 1], &[-1, 2, i32::MAX])),
        op::CHECK_WATCHES | op::REMOVE_WATCHES => {
            out.put_int(strange_or(rng, &[1, 2, 3, 4, 5], &[0, -1, 6, i32::MAX]));
        }
        _ => {}
    }
}

/// Data for the node whose path was put last. Java stops when it cannot read the usage of a quota.
fn put_data_of_node(rng: &mut Rng, out: &mut Vec<u8>) {
    if out.ends_with(b"zookeeper_stats") {
        out.put_buffer(Some(b"count=1,bytes=2"));
    } else {
        put_data(rng, out);
    }
}

fn create_flags(rng: &mut Rng, kind: i32) -> i32 {
    match kind {
        op::CREATE_CONTAINER if rng.chance(85) => 4,
        op::CREATE_TTL if rng.chance(85) => 5 + rng.below(2) as i32,
        _ => flags(rng),
    }
}

fn strange_or(rng: &mut Rng, good: &[i32], strange: &[i32]) -> i32 {
    if rng.chance(95) { *rng.pick(good) } else { *rng.pick(strange) }
}

fn multi(rng: &mut Rng, parts: &[i32], out: &mut Vec<u8>) {
    for _ in 0..rng.below(6) {
        let kind = if rng.chance(98) { *rng.pick(parts) } else { *rng.pick(&NO_PARTS) };
        put_header(kind, false, -1, out);
        part(rng, kind, out);
    }
    if rng.chance(99) {
        put_header(-1, true, -1, out);
    }
}

fn put_header(kind: i32, done: bool, err: i32, out: &mut Vec<u8>) {
    out.put_int(kind);
    out.put_bool(done);
    out.put_int(err);
}

fn auth(rng: &mut Rng, out: &mut Vec<u8>) {
    let (scheme, proof) = proof(rng);
    out.put_int(if rng.chance(95) { 0 } else { 5 });
    out.put_str(scheme);
    out.put_buffer(proof);
}

fn watches(rng: &mut Rng, lists: usize, out: &mut Vec<u8>) {
    out.put_long(*rng.pick(&[0, 0, 10, 40, 100, 1000, -1, i64::MAX]));
    for list in 0..lists {
        put_paths(rng, if list < 3 { put_path } else { put_some_path }, out);
    }
}

fn reconfig(rng: &mut Rng, out: &mut Vec<u8>) {
    let servers = [None, Some(""), Some("server.1=127.0.0.1:1:2;3"), Some("2,3"), Some("nonsense")];
    for _ in 0..3 {
        let list: Option<&str> = *rng.pick(&servers);
        out.put_str(list);
    }
    out.put_long(*rng.pick(&[-1, 0, 7]));
}

//! Bytes that are not what they should be.

use byteorder::{BigEndian, ByteOrder};
use jute::Write as _;

use super::super::rng::Rng;
use super::super::step::framed;

/// Damages a body and says how.
pub(super) fn damage(rng: &mut Rng, body: &mut Vec<u8>) -> String {
    if body.is_empty() {
        body.push(7);
        return "a byte behind".to_owned();
    }
    let at = rng.below(body.len());
    match rng.below(5) {
        0 => {
            body.truncate(at);
            format!("cut at {at}")
        }
        1 => {
            let more = 1 + rng.below(20);
            body.resize(body.len() + more, 3);
            format!("{more} bytes behind")
        }
        2 => {
            let bit = 1 << rng.below(8);
            body[at] ^= bit;
            format!("byte {at} xor {bit:#x}")
        }
        3 => set_int(rng, body, 0),
        _ => {
            let at = at.min(body.len().saturating_sub(4));
            set_int(rng, body, at)
        }
    }
}

/// Puts a strange length where one may stand.
fn set_int(rng: &mut Rng, body: &mut [u8], at: usize) -> String {
    if body.len() < at + 4 {
        return "nothing done".to_owned();
    }
    let strange = [-1, -2, 0, 1, 1000, 0xff_ffff, i32::MAX, i32::MIN, 2_097_151, 2_097_150];
    let value = *rng.pick(&strange);
    BigEndian::write_i32(&mut body[at..], value);
    format!("{value} at {at}")
}

/// A whole frame, or a length, after which a server must close the connection.
pub(super) fn bad_frame(rng: &mut Rng) -> Vec<u8> {
    let mut out = Vec::new();
    match rng.below(6) {
        0 => out.put_int(-1),
        1 => out.put_int(*rng.pick(&[i32::MIN, -2, -1000])),
        2 => out.put_int(*rng.pick(&[1_048_576, 0x00ff_ffff, i32::MAX])),
        3 => out.put_int(0),
        n => {
            let len = if n == 4 { 1 + rng.below(7) } else { rng.below(4) };
            out = framed(&vec![1; len]);
        }
    }
    out
}

/// The start of a frame.
pub(super) fn half_frame(rng: &mut Rng) -> Vec<u8> {
    let mut out = framed(&[0; 40]);
    out.truncate(1 + rng.below(43));
    out
}

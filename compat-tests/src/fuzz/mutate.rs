//! Inputs out of inputs, for where libFuzzer is not: bits, bytes, numbers, pieces, and parts of others.

use crate::sim::random::Random;

/// The longest input.
const LEN_MAX: usize = 64 << 10;

/// Numbers at which lengths and counters break.
const NUMBERS: [i64; 12] = [
    0,
    1,
    -1,
    16,
    0x7f,
    0xff,
    0xffff,
    i32::MAX as i64,
    i32::MIN as i64,
    0x000f_ffff,
    i64::MAX,
    i64::MIN,
];

/// A few changes to one of the corpus, perhaps with a part of another.
pub fn mutate(corpus: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let any = |random: &mut Random| &corpus[random.below(corpus.len() as u64) as usize];
    let mut input = any(random).clone();
    for _ in 0..random.between(1, 8) {
        let other = any(random);
        change(&mut input, other, random);
    }
    input.truncate(LEN_MAX);
    input
}

fn change(input: &mut Vec<u8>, other: &[u8], random: &mut Random) {
    let at = random.below(input.len() as u64) as usize;
    let len = random.between(1, 40) as usize;
    match random.below(9) {
        0 => with(input, at, |byte| *byte ^= 1 << random.below(8)),
        1 => with(input, at, |byte| *byte = random.draw() as u8),
        2 => overwrite(input, at, &(random.pick(&NUMBERS) as i32).to_be_bytes()),
        3 => overwrite(input, at, &random.pick(&NUMBERS).to_be_bytes()),
        4 => input.truncate(at),
        5 => drop(input.drain(at..(at + len).min(input.len()))),
        6 => {
            let part = input[at..(at + len).min(input.len())].to_vec();
            input.splice(at..at, part);
        }
        7 => {
            let from = random.below(other.len() as u64) as usize;
            let part = other[from..(from + 4 * len).min(other.len())].to_vec();
            input.splice(at..at, part);
        }
        // The two bytes that say how an input is played.
        _ => with(input, random.below(2) as usize, |byte| *byte = random.below(9) as u8),
    }
}

fn with(input: &mut [u8], at: usize, change: impl FnOnce(&mut u8)) {
    if let Some(byte) = input.get_mut(at) {
        change(byte);
    }
}

fn overwrite(input: &mut [u8], at: usize, bytes: &[u8]) {
    for (to, byte) in input.iter_mut().skip(at).zip(bytes) {
        *to = *byte;
    }
}

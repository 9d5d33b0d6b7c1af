//! The password of a session: not a secret but a function of its id, the same on every server, so
//! that a client can move between them. Java: `new Random(id ^ superSecret).nextBytes(byte[16])`.

use subtle::ConstantTimeEq;

use crate::ids::SessionId;

/// `ZooKeeperServer.superSecret`.
const SUPER_SECRET: i64 = 0xb341_5c00;

/// The password of the session `id`.
pub fn password(id: SessionId) -> [u8; 16] {
    let mut random = JavaRandom::new(id.0 ^ SUPER_SECRET);
    let mut out = [0; 16];
    for chunk in out.chunks_exact_mut(4) {
        chunk.copy_from_slice(&random.next_int().to_le_bytes());
    }
    out
}

/// Whether `passwd` is the password of the session `id`. Session 0 has none.
pub fn check_password(id: SessionId, passwd: &[u8]) -> bool {
    id != SessionId::NONE && bool::from(password(id).as_slice().ct_eq(passwd))
}

/// `java.util.Random`: a linear congruential generator of 48 bits.
struct JavaRandom {
    seed: u64,
}

impl JavaRandom {
    const MULTIPLIER: u64 = 0x5_deec_e66d;
    const INCREMENT: u64 = 0xb;
    const MASK: u64 = (1 << 48) - 1;

    fn new(seed: i64) -> Self {
        Self { seed: (seed as u64 ^ Self::MULTIPLIER) & Self::MASK }
    }

    fn next_int(&mut self) -> u32 {
        let next = self.seed.wrapping_mul(Self::MULTIPLIER).wrapping_add(Self::INCREMENT);
        self.seed = next & Self::MASK;
        (self.seed >> 16) as u32
    }
}

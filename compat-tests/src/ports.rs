//! Ports for servers that nobody else takes: not while a member is down, nor between the moment when a
//! port is chosen and the moment when its server listens.
//!
//! They lie below those that the system gives to callers, where another process's connection could sit
//! on one just when its member comes back. Each process that asks takes a block of them for as long as
//! it lives, by the lock of a file, and gives every port of the block out before the first one again.

use std::collections::hash_map::RandomState;
use std::fs::File;
use std::hash::{BuildHasher, Hasher};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Mutex, PoisonError};

use crate::{Failure, Result};

/// Where the blocks are. All ports have five digits.
const FROM: u16 = 10_000;
const TO: u16 = 32_000;
/// Ports of a block: more than the servers of one process have at the same time.
const BLOCK: u16 = 500;

/// The ports of this process.
struct Block {
    first: u16,
    /// How many were given out since the first.
    given: u16,
    /// Locked as long as the process lives.
    _lock: File,
}

static OWN: Mutex<Option<Block>> = Mutex::new(None);

/// `n` ports in a row at which nobody listens.
///
/// # Errors
/// If there are none: other processes have all blocks, or listen everywhere in that of this process.
pub fn free_ports(n: usize) -> Result<Vec<u16>> {
    let mut own = OWN.lock().unwrap_or_else(PoisonError::into_inner);
    let block = match &mut *own {
        Some(block) => block,
        none => none.insert(Block::take()?),
    };
    block.free(n)
}

impl Block {
    /// Takes one that no other process has.
    fn take() -> Result<Self> {
        let blocks = (TO - FROM) / BLOCK;
        let random = RandomState::new().build_hasher().finish() % u64::from(blocks);
        let start = u16::try_from(random)?;
        for at in (start..blocks).chain(0..start) {
            let first = FROM + at * BLOCK;
            let path = std::env::temp_dir().join(format!("compat-tests-ports-{first}"));
            // Another user's file is another's block.
            let Ok(lock) = File::options().create(true).append(true).open(path) else { continue };
            if lock.try_lock().is_ok() {
                return Ok(Self { first, given: 0, _lock: lock });
            }
        }
        Err(Failure::new(format!("all ports from {FROM} to {TO} are other processes'")))
    }

    /// The next `n` at which nobody listens.
    fn free(&mut self, n: usize) -> Result<Vec<u16>> {
        let n = u16::try_from(n).ok().filter(|n| *n <= BLOCK);
        let n = n.ok_or_else(|| Failure::new(format!("a process has {BLOCK} ports")))?;
        for _ in 0..BLOCK {
            let ports = self.next(n);
            let bound = ports.iter().map(|port| TcpListener::bind((Ipv4Addr::UNSPECIFIED, *port)));
            if bound.collect::<std::io::Result<Vec<_>>>().is_ok() {
                return Ok(ports);
            }
        }
        Err(Failure::new(format!("found no {n} free ports from {} on", self.first)))
    }

    /// The next `n`; the first ones again behind the last.
    fn next(&mut self, n: u16) -> Vec<u16> {
        if self.given + n > BLOCK {
            self.given = 0;
        }
        let first = self.first + self.given;
        self.given += n;
        (first..first + n).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_port_is_given_twice_until_all_were() -> Result<()> {
        let mut block = Block::take()?;
        let mut seen = BTreeSet::new();
        for _ in 0..BLOCK / 20 {
            for port in block.free(9)? {
                assert!(seen.insert(port), "{port}");
            }
        }
        Ok(())
    }

    #[test]
    fn behind_the_last_come_the_first_again() -> Result<()> {
        let mut block = Block::take()?;
        let turns: Vec<u16> = (0..3).map(|_| block.next(BLOCK / 2)[0] - block.first).collect();
        assert_eq!(turns, [0, BLOCK / 2, 0]);
        assert!(block.free(usize::from(BLOCK) + 1).is_err());
        Ok(())
    }

    #[test]
    fn where_somebody_listens_nobody_is_sent() -> Result<()> {
        let mut block = Block::take()?;
        let taken = block.first + 1;
        let _listener = TcpListener::bind((Ipv4Addr::LOCALHOST, taken))?;
        assert!(!block.free(3)?.contains(&taken));
        Ok(())
    }

    #[test]
    fn who_asks_at_the_same_time_has_another_block() -> Result<()> {
        let (one, other) = (Block::take()?, Block::take()?);
        assert_ne!(one.first, other.first);
        Ok(())
    }
}

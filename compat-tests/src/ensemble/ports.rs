//! Ports that stay free while a member is down: below those that the system gives to callers, where
//! another process's connection could sit on one just when its member comes back.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::net::{Ipv4Addr, TcpListener};

use crate::{Failure, Result};

/// Where to look.
const FROM: u16 = 10_000;
const TO: u16 = 32_000;
/// How often.
const TRIES: usize = 200;

/// `n` ports in a row that were free a moment ago.
///
/// # Errors
/// If none were found.
pub fn free_ports(n: usize) -> Result<Vec<u16>> {
    let n = u16::try_from(n)?;
    for _ in 0..TRIES {
        let random = RandomState::new().build_hasher().finish() % u64::from(TO - FROM - n);
        let first = FROM + u16::try_from(random)?;
        let ports: Vec<u16> = (first..first + n).collect();
        let bound = ports.iter().map(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)));
        if bound.collect::<std::io::Result<Vec<_>>>().is_ok() {
            return Ok(ports);
        }
    }
    Err(Failure::new(format!("found no {n} free ports between {FROM} and {TO}")))
}

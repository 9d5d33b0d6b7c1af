//! A node with very many children: made, listed, added to, deleted.

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use compat_tests::bench::bulk::{bulk, push_create, push_delete};
use compat_tests::bench::load::{Script, ask, open_session, read_reply};
use compat_tests::bench::report::mib;
use compat_tests::bench::target::Target;
use compat_tests::server::Kind;
use compat_tests::{Failure, Result, usage};
use gamekeeper::op::op;
use jute::Reader;
use jute::proto::{GetChildrenRequest, GetDataRequest};

use crate::Settings;
use crate::outcome::Outcome;

/// The node that has the children.
const PARENT: &str = "/parent";
/// How often they are listed; the median counts.
const LISTINGS: usize = 5;
/// One child more for each so many is made when all are there.
const MORE: usize = 50;

fn path(i: usize) -> String {
    format!("{PARENT}/n{i:07}")
}

/// Makes the children, lists them, adds some, deletes all.
pub(crate) fn children(settings: &Settings, kind: Kind) -> Result<Outcome> {
    let target = Target::start(&settings.launch, kind)?;
    run(&target, settings.children).map_err(|e| target.server.failure(&format!("fails: {e}")))
}

fn run(target: &Target, count: usize) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    let (servers, pid) = ([target.address()], target.server.pid());
    bulk(&servers, 1, |script, _| push_create(script, PARENT, b"", 0))?;
    let made =
        rate(count, || bulk(&servers, count, |script, i| push_create(script, &path(i), b"", 0)))?;
    outcome.figure("children", count as f64);
    outcome.figure("created in a second", made);
    outcome.figure("resident with all of them, MiB", mib(usage::memory(pid)?.0));
    let listing = listing(target.address())?;
    let listed = listing.names;
    outcome.figure("getChildren: bytes of the reply", listing.bytes as f64);
    outcome.ms("getChildren, ms", listing.time);
    outcome.ms("a read of another session meanwhile, ms", listing.other);
    outcome.require(listed == count, format!("lists {listed} of {count} children"));
    let more = count.div_ceil(MORE);
    let made = rate(more, || {
        bulk(&servers, more, |script, i| push_create(script, &path(count + i), b"", 0))
    })?;
    outcome.figure("created in a second when all are there", made);
    let all = count + more;
    let deleted = rate(all, || bulk(&servers, all, |script, i| push_delete(script, &path(i))))?;
    outcome.figure("deleted in a second", deleted);
    let left = list(&open_session(target.address())?)?.0;
    outcome.figure("server CPU, s", usage::cpu(pid)?.as_secs_f64());
    outcome.figure("resident at most, MiB", mib(usage::memory(pid)?.1));
    outcome.require(left == 0, format!("{left} children are left"));
    Ok(outcome)
}

/// How many of `count` things a second are done by `work`.
fn rate(count: usize, work: impl FnOnce() -> Result<()>) -> Result<f64> {
    let begun = Instant::now();
    work()?;
    Ok(count as f64 / begun.elapsed().as_secs_f64())
}

/// What a list of all children was like: the median of some.
struct Listing {
    names: usize,
    bytes: usize,
    time: Duration,
    /// How long another session waited for a read that was sent right behind the request.
    other: Duration,
}

fn listing(server: SocketAddr) -> Result<Listing> {
    let (stream, other) = (open_session(server)?, open_session(server)?);
    let mut listings = Vec::new();
    for _ in 0..LISTINGS {
        listings.push(list_beside(&stream, &other)?);
    }
    listings.sort_by_key(|listing| listing.time);
    Ok(listings.swap_remove(LISTINGS / 2))
}

fn list_beside(stream: &TcpStream, other: &TcpStream) -> Result<Listing> {
    let waiter = other.try_clone()?;
    let begun = Instant::now();
    send_list(stream)?;
    let waiter = std::thread::spawn(move || -> Result<Duration> {
        let begun = Instant::now();
        ask(&waiter, op::GET_DATA, &GetDataRequest { path: Some("/".into()), watch: false })?;
        Ok(begun.elapsed())
    });
    let record = read_reply(stream)?;
    let time = begun.elapsed();
    let other = waiter.join().map_err(|_| Failure::new("the other reader panicked"))??;
    Ok(Listing { names: names(&record)?, bytes: record.len(), time, other })
}

/// How many children there are, and the bytes of the reply.
fn list(stream: &TcpStream) -> Result<(usize, usize)> {
    send_list(stream)?;
    let record = read_reply(stream)?;
    Ok((names(&record)?, record.len()))
}

fn send_list(mut stream: &TcpStream) -> Result<()> {
    let mut script = Script::default();
    let request = GetChildrenRequest { path: Some(PARENT.into()), watch: false };
    script.push(op::GET_CHILDREN, &request);
    Ok(stream.write_all(script.bytes())?)
}

/// Reads all the names.
fn names(record: &[u8]) -> Result<usize> {
    let mut reader = Reader::new(record);
    let count = reader.count()?.unwrap_or(0);
    for _ in 0..count {
        reader.str()?;
    }
    Ok(count)
}

//! Ensembles of real processes that are not three equal voters with room on the disk: hierarchical
//! quorums, an epoch that runs out of zxids, votes of a peer of before 3.5, a full disk, requests that
//! cannot be decoded. It takes some minutes:
//! `cargo test -p compat-tests --test ensemble_quorums -- --ignored --test-threads 1 --nocapture`

use std::fs;
use std::io::{Read, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use compat_tests::ensemble::load::Load;
use compat_tests::ensemble::scenes::{WRITES, judged, kill_and_back, led_by_last};
use compat_tests::ensemble::{Ensemble, Plan};
use compat_tests::server::Kind::{self, Java, Ours, Release};
use compat_tests::{Failure, Result};
use gamekeeper::op::{Code, op};
use jute::proto::{ConnectRequest, ReplyHeader};
use jute::{Reader, Record, Write as _, to_bytes};

/// Kills some and waits until the others have no leader, or until writes go on.
fn without(ensemble: &mut Ensemble, load: &Load, dead: &[usize], has_quorum: bool) -> Result<()> {
    dead.iter().try_for_each(|member| ensemble.kill(*member))?;
    if has_quorum {
        load.wait_written(WRITES)?;
    } else {
        ensemble.wait_for("has a leader without a quorum", |ensemble| {
            let serve = (0..ensemble.size()).any(|member| ensemble.mode(member).is_some());
            Ok((!serve).then_some(()))
        })?;
        // None comes later either.
        sleep(Duration::from_secs(5));
        if let Some(leader) = ensemble.leader() {
            let what = format!("is led by {} without a quorum", leader + 1);
            return Err(ensemble.failure(&what));
        }
    }
    dead.iter().try_for_each(|member| ensemble.spawn(*member, ensemble.kind(*member)))?;
    ensemble.wait_all()?;
    load.wait_written(WRITES)
}

/// Of three groups two need a majority: two servers may be a quorum, and three may be none.
fn groups(kinds: &[Kind; 5]) -> Result<()> {
    let plan = Plan::new(kinds).with("group.1", "1:2:3").with("group.2", "4").with("group.3", "5");
    let plan = (1..=5).fold(plan, |plan, sid| plan.with(&format!("weight.{sid}"), "1"));
    judged(Ensemble::start(plan)?, |ensemble, load| {
        without(ensemble, load, &[0, 1, 2], true)?;
        without(ensemble, load, &[3, 4], false)?;
        without(ensemble, load, &[0, 3], true)
    })
}

#[test]
#[ignore = "takes long"]
fn groups_of_members_of_both_kinds() -> Result<()> {
    groups(&[Java, Ours, Java, Java, Ours])?;
    groups(&[Ours, Java, Ours, Ours, Java])
}

/// A member without weight follows and does not count.
#[test]
#[ignore = "takes long"]
fn a_member_without_weight_does_not_count() -> Result<()> {
    for kinds in [[Ours, Java, Ours, Java], [Java, Ours, Java, Ours]] {
        let plan = Plan::new(&kinds).with("group.1", "1:2:3:4").with("weight.4", "0");
        let plan = (1..=3).fold(plan, |plan, sid| plan.with(&format!("weight.{sid}"), "1"));
        judged(Ensemble::start(plan)?, |ensemble, load| {
            without(ensemble, load, &[0, 3], true)?;
            without(ensemble, load, &[0, 1], false)
        })?;
    }
    Ok(())
}

/// The last of these leads, and its epoch has some hundred zxids left; so has the next, again and again,
/// whoever leads it.
fn an_epoch_runs_out(kinds: [Kind; 3]) -> Result<()> {
    let property = ("zookeeper.testingonly.initialZxid", "4294966700");
    let plan = Plan::new(&kinds).with_property(property.0, property.1);
    judged(Ensemble::start_led_by_last(plan)?, |ensemble, load| {
        load.wait_written(10 * WRITES)?;
        if ensemble.log(2).contains("zxid lower 32 bits have rolled over") {
            return Ok(());
        }
        Err(ensemble.failure("does not roll over"))
    })
}

#[test]
#[ignore = "takes long"]
fn an_epoch_of_javas_runs_out() -> Result<()> {
    [[Ours, Ours, Java], [Ours, Java, Java]].into_iter().try_for_each(an_epoch_runs_out)
}

#[test]
#[ignore = "takes long"]
fn an_epoch_of_ours_runs_out() -> Result<()> {
    let kinds = [[Ours, Ours, Ours], [Java, Java, Ours], [Java, Ours, Ours]];
    kinds.into_iter().try_for_each(an_epoch_runs_out)
}

/// 3.4 sends notifications without a configuration and calls with its bare number.
#[test]
#[ignore = "takes long"]
fn a_peer_of_3_4_votes() -> Result<()> {
    let old = Release("3.4.14");
    led_by_last(&[old, Ours, Ours])?;
    led_by_last(&[Ours, Ours, old]).map(drop)
}

/// A directory with little room, as long as it lives.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(at: &Path) -> Result<Self> {
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=2m", "tmpfs"])
            .arg(at)
            .status()?;
        let why = "cannot mount a small disk: this test needs root";
        if mounted.success() { Ok(Self(at.to_owned())) } else { Err(Failure::new(why)) }
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // What stays mounted is seen by whoever looks at the system.
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

/// The disk of one member gets full: it stops and says so, the others go on; with room it comes back.
fn full(kinds: &[Kind; 3], full: usize) -> Result<()> {
    let plan = Plan::new(kinds).with("preAllocSize", "64").with("snapCount", "100000");
    let mut ensemble = Ensemble::prepare(plan)?;
    let data = ensemble.data_dir(full);
    let disk = SmallDisk::mount(&data)?;
    fs::write(data.join("myid"), format!("{}\n", full + 1))?;
    (0..3).try_for_each(|member| ensemble.spawn(member, kinds[member]))?;
    ensemble.wait_all()?;
    let result = judged_full(ensemble, full, &data);
    drop(disk);
    // The ensemble is gone, and could not take its directory with it while that disk was in it.
    if let Some(root) = data.ancestors().nth(2) {
        let _ = fs::remove_dir_all(root);
    }
    result
}

fn judged_full(ensemble: Ensemble, full: usize, data: &Path) -> Result<()> {
    judged(ensemble, |ensemble, load| {
        load.mark("disk full");
        let filler = data.join("filler");
        // It ends where there is no more room.
        let _ = fs::write(&filler, vec![0; 2 << 20]);
        ensemble.wait_for("has a member that does not stop on a full disk", |ensemble| {
            Ok(ensemble.has_ended(full)?.then_some(()))
        })?;
        load.wait_written(WRITES)?;
        fs::remove_file(&filler)?;
        kill_and_back(ensemble, load, full)
    })
}

#[test]
#[ignore = "takes long, and needs root"]
fn the_disk_of_a_follower_gets_full() -> Result<()> {
    full(&[Ours, Java, Java], 0)?;
    full(&[Ours, Ours, Ours], 0)
}

#[test]
#[ignore = "takes long, and needs root"]
fn the_disk_of_a_leader_gets_full() -> Result<()> {
    full(&[Ours, Ours, Ours], 2)?;
    full(&[Java, Java, Ours], 2)
}

/// What a server answers to a create that ends too early: the error.
fn cut_create(address: SocketAddr) -> Result<i32> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    let connect = ConnectRequest {
        protocol_version: 0,
        last_zxid_seen: 0,
        timeout: 30_000,
        session_id: 0,
        passwd: Some(vec![0; 16]),
        read_only: false,
    };
    exchange(&mut stream, &to_bytes(&connect))?;
    let mut request = Vec::new();
    request.put_int(1);
    request.put_int(op::CREATE);
    request.extend_from_slice(&[0, 0]);
    let reply = exchange(&mut stream, &request)?;
    Ok(ReplyHeader::read(&mut Reader::new(&reply))?.err)
}

/// Sends a frame and takes one.
fn exchange(stream: &mut TcpStream, request: &[u8]) -> Result<Vec<u8>> {
    let mut frame = Vec::new();
    frame.put_buffer(Some(request));
    stream.write_all(&frame)?;
    let mut len = [0; 4];
    stream.read_exact(&mut len)?;
    let mut reply = vec![0; u32::from_be_bytes(len) as usize];
    stream.read_exact(&mut reply)?;
    Ok(reply)
}

/// A Java leader would commit nothing any more.
#[test]
#[ignore = "takes long"]
fn ours_leads_on_behind_a_request_that_cannot_be_decoded() -> Result<()> {
    judged(led_by_last(&[Java, Ours, Ours])?, |ensemble, load| {
        for address in ensemble.addresses() {
            let err = cut_create(address)?;
            if err != Code::MarshallingError.number() {
                return Err(ensemble.failure(&format!("answers {err} to what cannot be decoded")));
            }
            load.wait_written(WRITES)?;
        }
        Ok(())
    })
}

//! What a process has used, from `/proc`.

use std::fs;
use std::time::Duration;

use crate::{Failure, Result};

/// User and system time of some processes so far, together.
///
/// # Errors
/// If there is no such process.
pub fn cpu_of(pids: &[u32]) -> Result<Duration> {
    pids.iter().map(|pid| cpu(*pid)).sum()
}

/// Resident memory of some processes, in bytes, together: now, and the sum of what each was at its
/// highest.
///
/// # Errors
/// If there is no such process.
pub fn memory_of(pids: &[u32]) -> Result<(u64, u64)> {
    let mut sum = (0, 0);
    for pid in pids {
        let (now, peak) = memory(*pid)?;
        sum = (sum.0 + now, sum.1 + peak);
    }
    Ok(sum)
}

/// User and system time of a process so far. Steps of a clock tick, which is 10 ms.
///
/// # Errors
/// If there is no such process.
pub fn cpu(pid: u32) -> Result<Duration> {
    let path = format!("/proc/{pid}/stat");
    let stat = fs::read_to_string(&path)?;
    // The second field is the name in parentheses, which may have spaces; utime and stime are the
    // 14th and 15th.
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    sum_of_ticks(fields.split_whitespace().skip(11).take(2))
        .map_err(|e| Failure::new(format!("{path}: {e}")))
}

/// The time that is meant by fields of clock ticks.
fn sum_of_ticks<'a>(fields: impl Iterator<Item = &'a str>) -> Result<Duration> {
    let ticks: u64 = fields.map(str::parse::<u64>).sum::<std::result::Result<_, _>>()?;
    let per_second = rustix::param::clock_ticks_per_second();
    Ok(Duration::from_secs_f64(ticks as f64 / per_second as f64))
}

/// Time for which the cores of the machine had nothing to do so far, together. What another machine on
/// the same host took from them does not count.
///
/// # Errors
/// If the system does not tell.
pub fn idle() -> Result<Duration> {
    let stat = fs::read_to_string("/proc/stat")?;
    // User, nice, system, idle, waiting for a disk.
    sum_of_ticks(stat.lines().next().unwrap_or_default().split_whitespace().skip(4).take(2))
}

/// Resident memory of a process, in bytes: now, and at its highest.
///
/// # Errors
/// If there is no such process.
pub fn memory(pid: u32) -> Result<(u64, u64)> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let kib = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let number = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        number.ok_or_else(|| Failure::new(format!("no {name} of process {pid}")))
    };
    Ok((kib("VmRSS:")? * 1024, kib("VmHWM:")? * 1024))
}

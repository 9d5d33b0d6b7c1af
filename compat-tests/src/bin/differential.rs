//! Runs the differential test by seed, over a range of seeds, or for a time.
//!
//! `differential [--seed N | --seeds A..B | --seconds S] [--steps N] [--java-twice | --ensemble MIX]
//! [--verbose]`, where a mix is a letter for each member, `j` for Java and `o` for ours, the last one
//! leading (`ooo`, `joo`, `ojo`, `oj`...), or `all` for one after the other of [`MIXES`].

use std::process::exit;
use std::time::{Duration, Instant};

use compat_tests::differential::Run;
use compat_tests::server::Kind;
use compat_tests::{Failure, Result};

const USAGE: &str = "usage: differential [--seed N | --seeds A..B | --seconds S] [--steps N] \
                     [--java-twice | --ensemble all|ooo|joo|...] [--verbose]";
/// Ensembles of three: ours alone, ours leading Java's, Java leading ours.
const MIXES: [&str; 5] = ["ooo", "joo", "ooj", "jjo", "ojj"];
/// Steps of a seed where nothing else is asked for.
const STEPS: usize = 500;

struct Order {
    seeds: std::ops::Range<u64>,
    until: Option<Instant>,
    steps: usize,
    kinds: Vec<[Vec<Kind>; 2]>,
    verbose: bool,
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T> {
    text.parse().map_err(|_| Failure::new(format!("not a number: {text}\n{USAGE}")))
}

/// Java's ensemble, and that of a mix.
fn ensembles(mix: &str) -> Result<[Vec<Kind>; 2]> {
    let kind = |letter| match letter {
        'j' => Ok(Kind::Java),
        'o' => Ok(Kind::Ours),
        _ => Err(Failure::new(USAGE)),
    };
    let kinds = mix.chars().map(kind).collect::<Result<Vec<_>>>()?;
    Ok([vec![Kind::Java; kinds.len()], kinds])
}

fn order() -> Result<Order> {
    let mut order = Order {
        seeds: 0..1,
        until: None,
        steps: STEPS,
        kinds: vec![[vec![Kind::Java], vec![Kind::Ours]]],
        verbose: false,
    };
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or_else(|| Failure::new(USAGE));
        match arg.as_str() {
            "--seed" => {
                let seed = number(&value()?)?;
                order.seeds = seed..seed + 1;
            }
            "--seeds" => {
                let range = value()?;
                let ends = range.split_once("..").ok_or_else(|| Failure::new(USAGE))?;
                order.seeds = number(ends.0)?..number(ends.1)?;
            }
            "--seconds" => {
                let start = std::time::SystemTime::UNIX_EPOCH.elapsed()?.as_secs();
                order.seeds = start..u64::MAX;
                order.until = Some(Instant::now() + Duration::from_secs(number(&value()?)?));
            }
            "--steps" => order.steps = number(&value()?)?,
            "--java-twice" => order.kinds = vec![[vec![Kind::Java], vec![Kind::Java]]],
            "--ensemble" => {
                let mix = value()?;
                let mixes = if mix == "all" { MIXES.to_vec() } else { vec![mix.as_str()] };
                order.kinds = mixes.into_iter().map(ensembles).collect::<Result<_>>()?;
            }
            "--verbose" => order.verbose = true,
            _ => return Err(Failure::new(USAGE)),
        }
    }
    Ok(order)
}

fn main() {
    let order = order().unwrap_or_else(|e| {
        eprintln!("{e}");
        exit(2)
    });
    let (mut seeds, mut requests, mut failed) = (0, 0, Vec::new());
    for (seed, kinds) in order.seeds.clone().zip(order.kinds.iter().cycle()) {
        if order.until.is_some_and(|until| Instant::now() > until) {
            break;
        }
        let (steps, kinds) = (order.steps, kinds.clone());
        let run = Run { seed, steps, kinds, verbose: order.verbose };
        seeds += 1;
        match run.run() {
            Ok(done) => requests += done,
            Err(e) => {
                println!("{e}\n");
                failed.push(seed);
            }
        }
    }
    println!("differential: {seeds} seeds, {requests} requests the same, failed: {failed:?}");
    exit(i32::from(!failed.is_empty()));
}

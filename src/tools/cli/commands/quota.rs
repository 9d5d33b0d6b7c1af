//! Quotas: `setquota`, `listquota`, `delquota`. They are nodes below `/zookeeper/quota`, which any
//! client may write.

use jute::data::open_acl;

use super::Outcome;
use crate::client::CreateMode;
use crate::op::Code;
use crate::tools::cli::arguments::Arguments;
use crate::tools::cli::console::Console;
use crate::tools::cli::failure::{Failure, Trouble};
use crate::tools::cli::zk::Zk;
use crate::tree::quota::{Figure, LIMITS_NODE, QUOTA_ROOT, StatsTrack, limits_path, stats_path};

/// The option of each figure.
const FIGURES: [(&str, Figure); 4] = [
    ("n", Figure::Count),
    ("b", Figure::Bytes),
    ("N", Figure::CountHardLimit),
    ("B", Figure::ByteHardLimit),
];

fn track(zk: &Zk, path: &str) -> Result<StatsTrack, Trouble> {
    Ok(StatsTrack::parse(&zk.get_data(path, false)?.0.unwrap_or_default()))
}

pub(super) fn list(zk: &Zk, arguments: &Arguments, console: &mut Console) -> Outcome {
    let path = arguments.word(1);
    console.note(format_args!("absolute path is {}", limits_path(path)));
    let both = track(zk, &limits_path(path))
        .and_then(|limits| track(zk, &stats_path(path)).map(|usage| (limits, usage)));
    match both {
        Ok((limits, usage)) => {
            console.line(format_args!("Output quota for {path} {limits}"))?;
            console.line(format_args!("Output stat for {path} {usage}"))
        }
        Err(e) if e.is(Code::NoNode) => {
            console.note(format_args!("quota for {path} does not exist."));
            Ok(())
        }
        Err(e) => Err(e.into()),
    }
}

pub(super) fn delete(zk: &Zk, arguments: &Arguments, console: &mut Console) -> Outcome {
    let path = arguments.word(1);
    let limits = limits_path(path);
    if zk.exists(&limits, false)?.is_none() {
        return console.line(format_args!("Quota does not exist for {path}"));
    }
    let done = match FIGURES.iter().find(|(name, _)| arguments.has(name)) {
        Some((_, figure)) => clear(zk, &limits, *figure),
        None => remove(zk, format!("{QUOTA_ROOT}{path}")),
    };
    match done {
        Err(e) if e.is(Code::NoNode) => {
            console.note(format_args!("quota for {path} does not exist."));
            Ok(())
        }
        done => Ok(done?),
    }
}

fn clear(zk: &Zk, limits: &str, figure: Figure) -> Result<(), Trouble> {
    let mut track = track(zk, limits)?;
    track.set(figure, -1);
    zk.set_data(limits, track.to_string().as_bytes(), -1).map(drop)
}

/// Removes the quota's own nodes, then those above it that are of no use any more.
fn remove(zk: &Zk, quota: String) -> Result<(), Trouble> {
    for child in zk.get_children(&quota, false)?.0 {
        zk.delete(&format!("{quota}/{child}"), -1)?;
    }
    let mut path = quota.as_str();
    while path != QUOTA_ROOT && zk.get_children(path, false)?.0.is_empty() {
        zk.delete(path, -1)?;
        path = path.rsplit_once('/').map_or(QUOTA_ROOT, |(parent, _)| parent);
    }
    Ok(())
}

pub(super) fn set(zk: &Zk, arguments: &Arguments, console: &mut Console) -> Outcome {
    let path = arguments.word(1);
    if path.starts_with(QUOTA_ROOT) {
        console.note(format_args!("cannot set a quota under the path: {QUOTA_ROOT}"));
        return Ok(());
    }
    let mut limits = StatsTrack::default();
    for (name, figure) in FIGURES {
        let Some(text) = arguments.value(name) else {
            limits.set(figure, -1);
            continue;
        };
        match limit(figure, text) {
            Ok(value) => limits.set(figure, value),
            Err(complaint) => {
                console.note(complaint);
                return Ok(());
            }
        }
    }
    create(zk, path, &limits, console)
}

fn limit(figure: Figure, text: &str) -> Result<i64, &'static str> {
    const NO_NUMBER: &str = "NumberFormatException happens when parsing the option value";
    let value = match figure {
        Figure::Count | Figure::CountHardLimit => text.parse::<i32>().map(i64::from),
        Figure::Bytes | Figure::ByteHardLimit => text.parse::<i64>(),
    };
    match (figure, value.map_err(|_| NO_NUMBER)?) {
        (Figure::Count | Figure::CountHardLimit, ..=0) => {
            Err("the num quota must be greater than zero")
        }
        (_, ..=-1) => Err("the bytes quota must be greater than or equal to zero"),
        (_, value) => Ok(value),
    }
}

fn create(zk: &Zk, path: &str, limits: &StatsTrack, console: &mut Console) -> Outcome {
    if zk.exists(path, false)?.is_none() {
        return Err(Failure::new(format!("{path} does not exist.")));
    }
    check_below(zk, path)?;
    check_above(zk, path)?;
    create_parents(zk, path)?;
    let (limits_path, stats_path) = (limits_path(path), stats_path(path));
    if zk.exists(&limits_path, false)?.is_none() {
        create_node(zk, &limits_path, Some(limits))?;
        let mut usage = StatsTrack::default();
        usage.set(Figure::Count, 0);
        usage.set(Figure::Bytes, 0);
        create_node(zk, &stats_path, Some(&usage))?;
        return warn(limits, &track(zk, &stats_path)?, console);
    }
    let mut changed = track(zk, &limits_path)?;
    for (_, figure) in FIGURES {
        if limits.get(figure) > -1 {
            changed.set(figure, limits.get(figure));
        }
    }
    warn(&changed, &track(zk, &stats_path)?, console)?;
    zk.set_data(&limits_path, changed.to_string().as_bytes(), -1)?;
    Ok(())
}

fn create_node(zk: &Zk, path: &str, track: Option<&StatsTrack>) -> Result<(), Trouble> {
    let data = track.map(StatsTrack::to_string);
    let data = data.as_deref().map(str::as_bytes);
    zk.create(path, data, open_acl(), CreateMode::Persistent).map(drop)
}

/// Creates the nodes above the limits, as far as they are not there.
fn create_parents(zk: &Zk, path: &str) -> Result<(), Trouble> {
    let names = path.split('/').filter(|name| !name.is_empty());
    let roots = ["/zookeeper".to_owned(), QUOTA_ROOT.to_owned()];
    let below = names.scan(QUOTA_ROOT.to_owned(), |parent, name| {
        *parent = format!("{parent}/{name}");
        Some(parent.clone())
    });
    for path in roots.into_iter().chain(below) {
        if zk.exists(&path, false)?.is_none() {
            match create_node(zk, &path, None) {
                Err(e) if !e.is(Code::NodeExists) => return Err(e),
                _ => {}
            }
        }
    }
    Ok(())
}

/// Usage that is beyond a limit already is no fault, but worth a word.
fn warn(limits: &StatsTrack, usage: &StatsTrack, console: &mut Console) -> Outcome {
    let exceeded =
        |limit: Figure, used: Figure| limits.get(limit) > -1 && limits.get(limit) < usage.get(used);
    for (soft, hard, name) in [
        (Figure::Count, Figure::CountHardLimit, "count"),
        (Figure::Bytes, Figure::ByteHardLimit, "bytes"),
    ] {
        if exceeded(soft, soft) || exceeded(hard, soft) {
            console.line(format_args!(
                "[Warning]: the {name} quota you create is less than the existing {name}:{}",
                usage.get(soft)
            ))?;
        }
    }
    Ok(())
}

/// No node below one with a quota may have one.
fn check_below(zk: &Zk, path: &str) -> Outcome {
    let own = format!("{QUOTA_ROOT}{path}");
    let mut open = vec![own.clone()];
    while let Some(parent) = open.pop() {
        let children = match zk.get_children(&parent, false) {
            Ok((children, _)) => children,
            Err(e) if e.is(Code::NoNode) => continue,
            Err(e) => return Err(e.into()),
        };
        if parent != own && children.iter().any(|child| child == LIMITS_NODE) {
            let child = &parent[QUOTA_ROOT.len()..];
            return Err(Failure::new(format!("{path} has a child {child} which has a quota")));
        }
        open.extend(children.iter().rev().map(|child| format!("{parent}/{child}")));
    }
    Ok(())
}

/// Nor may one above.
fn check_above(zk: &Zk, path: &str) -> Outcome {
    let slashes = path.match_indices('/').skip(1);
    for above in slashes.map(|(slash, _)| &path[..slash]) {
        let children = match zk.get_children(&format!("{QUOTA_ROOT}{above}"), false) {
            Ok((children, _)) => children,
            Err(e) if e.is(Code::NoNode) => return Ok(()),
            Err(e) => return Err(e.into()),
        };
        if children.iter().any(|child| child == LIMITS_NODE) {
            return Err(Failure::new(format!("{path} has a parent {above} which has a quota")));
        }
    }
    Ok(())
}

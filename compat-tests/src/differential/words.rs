//! The answers to four-letter words, by their shape: numbers that follow from the clock or the process
//! are taken out, those that follow from what was done stay.

use super::allow;
use super::side::Side;
use crate::{Failure, Result};

/// The words asked at the end of a run.
const WORDS: [&str; 14] = [
    "ruok", "isro", "wchs", "wchp", "wchc", "dump", "conf", "stat", "srvr", "mntr", "dirs", "cons",
    "hash", "envi",
];
/// Keys of `mntr` whose values follow from what was done.
const COUNTED: [&str; 9] = [
    "zk_znode_count",
    "zk_watch_count",
    "zk_ephemerals_count",
    "zk_approximate_data_size",
    "zk_server_state",
    "zk_global_sessions",
    "zk_local_sessions",
    "zk_digest_mismatches_count",
    "zk_outstanding_requests",
];

/// Lines of an answer that are shown.
const SHOWN: usize = 8;

/// What differs between the answers of Java's member and ours.
pub(super) fn compare(java: &Side, ours: &Side, member: usize) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for word in WORDS {
        let lines = [shape(word, java, member)?, shape(word, ours, member)?];
        if allow::answer(word, &lines[0]).is_some() {
            continue;
        }
        let [only_java, only_ours] = [(0, 1), (1, 0)].map(|(a, b): (usize, usize)| {
            lines[a]
                .iter()
                .filter(|line| !lines[b].contains(line) && allow::line(word, line).is_none())
                .take(SHOWN)
                .map(|line| format!("    {line}\n"))
                .collect::<String>()
        });
        if !(only_java.is_empty() && only_ours.is_empty()) {
            found.push(format!("{word}\n  only java:\n{only_java}  only gamekeeper:\n{only_ours}"));
        }
    }
    Ok(found)
}

fn shape(word: &str, side: &Side, member: usize) -> Result<Vec<String>> {
    let answer = side.ensemble.word(member, word);
    let answer = answer
        .ok_or_else(|| Failure::new(format!("member {} does not answer {word}", member + 1)))?;
    let dir = side.ensemble.dir().display().to_string();
    let shape = |line: &str| shape_of_line(word, &line.replace(&dir, "DIR"), side);
    let mut lines: Vec<String> = answer.lines().map(shape).collect();
    lines.sort();
    Ok(lines)
}

fn shape_of_line(word: &str, line: &str, side: &Side) -> String {
    let line = side.sessions.in_text(line);
    match word {
        "wchs" | "wchp" | "wchc" | "ruok" | "isro" => line,
        "mntr" => {
            let (key, value) = line.split_once('\t').unwrap_or((&line, ""));
            if COUNTED.contains(&key) { line } else { format!("{key} {}", kind_of(value)) }
        }
        "srvr" | "stat" if counted_line(&line) => line,
        _ => without_numbers(&line),
    }
}

fn counted_line(line: &str) -> bool {
    ["Zxid:", "Mode:", "Node count:"].iter().any(|start| line.starts_with(start))
}

fn kind_of(value: &str) -> &'static str {
    if value.parse::<f64>().is_ok() { "number" } else { "text" }
}

/// Every run of digits, hex ones behind `0x` included, as one `N`.
fn without_numbers(line: &str) -> String {
    let mut out = String::new();
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        if !c.is_ascii_digit() {
            out.push(c);
            continue;
        }
        let hex = c == '0' && chars.peek() == Some(&'x');
        if hex {
            chars.next();
        }
        while chars.next_if(|c| c.is_ascii_digit() || hex && c.is_ascii_hexdigit()).is_some() {}
        out.push('N');
    }
    out
}

//! What was written and has no effect: every such key is named, with the reason and, where there is
//! one, the spelling that works.

use super::java;
use super::keys::{self, Key, Kind, MISNAMED, Support};
use super::values::Warning;
use super::written::Written;

/// Warnings about all keys of zoo.cfg and of the command line that are not honoured.
pub(super) fn warnings(written: &Written) -> Vec<Warning> {
    let of_file = written.entries.iter().filter_map(|(key, value)| {
        let key = java::trim(key);
        warning(key, in_file(key, java::trim(value)))
    });
    let of_properties =
        written.properties.iter().filter_map(|(key, value)| warning(key, property(key, value)));
    of_file.chain(of_properties).collect()
}

fn warning(key: &str, text: Option<String>) -> Option<Warning> {
    text.map(|text| Warning { key: key.to_owned(), text })
}

/// What is to be said about an entry of zoo.cfg.
fn in_file(key: &str, value: &str) -> Option<String> {
    if let Some(row) = keys::in_file(key).or_else(|| keys::prefixed(key)) {
        return unsupported(row, value);
    }
    if let Some(name) = key.strip_prefix("zookeeper.") {
        return Some(format!(
            "zoo.cfg takes keys without the prefix, nothing reads zookeeper.{key}; write {name}"
        ));
    }
    if keys::bare(key).is_some() {
        return Some(format!(
            "zoo.cfg makes it the property zookeeper.{key}, which nothing reads; give it as -D{key}={value}"
        ));
    }
    Some(unknown(key).unwrap_or_else(|| {
        format!("not a key of ZooKeeper; kept as the property zookeeper.{key}, which nothing reads")
    }))
}

/// What is to be said about a property of the command line. Those that are nobody's business here
/// (names without the prefix that no row has) pass.
fn property(key: &str, value: &str) -> Option<String> {
    if let Some(row) = keys::bare(key) {
        return unsupported(row, value);
    }
    let Some(name) = key.strip_prefix("zookeeper.") else {
        let row = keys::prefixed(key)?;
        return Some(format!(
            "nothing reads it without its prefix; give it as -Dzookeeper.{}",
            row.name
        ));
    };
    if let Some(row) = keys::prefixed(name) {
        return unsupported(row, value);
    }
    if keys::in_file(name).is_some() {
        return Some(format!("nothing reads it as a property; {name} belongs into zoo.cfg"));
    }
    if keys::bare(name).is_some() {
        return Some(format!("nothing reads it with the prefix; give it as -D{name}={value}"));
    }
    Some(
        unknown(name).unwrap_or_else(|| "not a property of ZooKeeper, nothing reads it".to_owned()),
    )
}

/// Names that people take for keys, and slips of the shift key.
fn unknown(name: &str) -> Option<String> {
    let misnamed = MISNAMED.iter().find(|(wrong, _)| *wrong == name).map(|(_, right)| *right);
    let right = misnamed.or_else(|| {
        keys::all().find(|row| row.name.eq_ignore_ascii_case(name)).map(|row| row.name)
    })?;
    Some(format!("nothing reads it by this name; write {right}"))
}

/// Why a key of the table does nothing, unless it is honoured or asks for what is so anyway.
fn unsupported(row: &Key, value: &str) -> Option<String> {
    if is_harmless(row, value) {
        return None;
    }
    match row.support {
        Support::Honoured => None,
        Support::JvmOnly(why) => Some(format!("ignored: {why}")),
        Support::NotYet(why) => Some(format!("has no effect yet: {why}")),
        Support::NotForServers(why) => Some(format!("ignored: {why}")),
    }
}

/// Is the default asked for, or a feature switched off that is not there?
fn is_harmless(row: &Key, value: &str) -> bool {
    let is_default = match row.kind {
        Kind::Bool => value.eq_ignore_ascii_case(row.default),
        _ => !row.default.is_empty() && value == row.default,
    };
    is_default || (row.kind == Kind::Unless("false") && value == "false")
}

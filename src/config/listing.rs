//! The table of keys as a text for people: `gamekeeper --list-keys`.

use std::fmt::Write;

use super::keys::{Key, SECTIONS, Scope, Support};
use super::values;

/// Every key by section: how it is written, its default, what it must look like, what it does, and
/// how far this version goes with it.
pub fn list_keys() -> String {
    let mut text = String::from(
        "Keys of zoo.cfg stand there by their name. Properties may stand in zoo.cfg without their\n\
         prefix 'zookeeper.', or on the command line as -Dname=value; zoo.cfg overrides -D.\n",
    );
    for section in SECTIONS {
        let _ = write!(text, "\n{}\n", section.title);
        for key in section.keys {
            text.push_str(&entry(key));
        }
    }
    text
}

fn entry(key: &Key) -> String {
    let mut text = format!("  {}", written_as(key));
    if !key.default.is_empty() {
        let _ = write!(text, " = {}", key.default);
    }
    if !key.unit.is_empty() {
        let _ = write!(text, " {}", key.unit);
    }
    let _ = writeln!(text, "   [{}]", values::expected(key));
    if !key.meaning.is_empty() {
        let _ = writeln!(text, "      {} ({})", key.meaning, key.class);
    }
    match key.support {
        Support::Honoured => {}
        Support::JvmOnly(why) | Support::NotForServers(why) => {
            let _ = writeln!(text, "      Ignored: {why}.");
        }
        Support::NotYet(why) => {
            let _ = writeln!(text, "      No effect yet: {why}.");
        }
    }
    text
}

fn written_as(key: &Key) -> String {
    match key.scope {
        Scope::File => key.name.to_owned(),
        Scope::Property => format!("{} or -Dzookeeper.{}", key.name, key.name),
        Scope::Bare => format!("-D{}", key.name),
        Scope::PropertyOrBare => format!("{0} or -Dzookeeper.{0} or -D{0}", key.name),
        Scope::FileOrProperty => format!("{0} (zoo.cfg first) or -Dzookeeper.{0}", key.name),
        Scope::Environment => format!("${}", key.name),
    }
}

//! Values by key: looked up where the table says, read by Java's rules for that place, replaced by
//! the table's default where nothing was written.

use std::fmt;

use super::error::ConfigError;
use super::java;
use super::keys::{self, Key, Kind, Range, Scope};
use super::properties::Properties;
use super::written::Written;

/// Something that was written and is not heeded as its writer may think.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// The key as it was written.
    pub key: String,
    /// Why it is not heeded, or what is used instead.
    pub text: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key, self.text)
    }
}

/// The keys of one configuration.
pub(super) struct Values<'a> {
    written: &'a Written,
    file: Properties,
    properties: Properties,
    /// What was found along the way.
    pub(super) warnings: Vec<Warning>,
    /// Every name asked for, so that a test can hold the table to what is read.
    #[cfg(test)]
    pub(super) asked: std::collections::BTreeSet<&'static str>,
}

impl<'a> Values<'a> {
    /// Applies the prefix rule: what zoo.cfg does not keep to itself becomes a property
    /// `zookeeper.<key>`, over one of the command line (`QuorumPeerConfig.parseProperties`).
    pub(super) fn new(written: &'a Written) -> Self {
        let mut file = Properties::default();
        let mut properties = written.properties.clone();
        for (key, value) in written.entries.iter() {
            let (key, value) = (java::trim(key), java::trim(value));
            if keys::in_file(key).is_none() {
                properties.set(format!("zookeeper.{key}"), value);
            }
            file.set(key, value);
        }
        Self {
            written,
            file,
            properties,
            warnings: Vec::new(),
            #[cfg(test)]
            asked: std::collections::BTreeSet::new(),
        }
    }

    /// All system properties, as they stand after zoo.cfg was read.
    pub(super) fn properties(&self) -> &Properties {
        &self.properties
    }

    pub(super) fn warn(&mut self, key: &str, text: impl Into<String>) {
        self.warnings.push(Warning { key: key.to_owned(), text: text.into() });
    }

    pub(super) fn error(&self, message: impl Into<String>) -> ConfigError {
        self.written.error(message)
    }

    /// All properties and entries that a row with a stem stands for: the name as it is known there,
    /// and the value.
    pub(super) fn texts_of(&mut self, name: &'static str) -> Vec<(String, String)> {
        let key = self.row(name);
        let stem = format!("zookeeper.{}", key.name.trim_end_matches('*'));
        let found = self.properties.iter().filter(|(name, _)| name.starts_with(&stem));
        found.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    fn row(&mut self, name: &'static str) -> &'static Key {
        #[cfg(test)]
        self.asked.insert(name);
        let row = keys::all().find(|key| key.name == name);
        row.unwrap_or_else(|| unreachable!("{name} is asked for and not in the table"))
    }

    fn raw(&self, key: &Key) -> Option<String> {
        let file = || self.file.get(key.name);
        let bare = || self.properties.get(key.name);
        let prefixed = || self.properties.get(&format!("zookeeper.{}", key.name));
        let found = match key.scope {
            Scope::File => file(),
            Scope::Property => prefixed(),
            Scope::Bare => bare(),
            Scope::PropertyOrBare => prefixed().or_else(bare),
            Scope::FileOrProperty => file().or_else(prefixed),
            Scope::Environment => None,
        };
        found.map(str::to_owned)
    }

    fn bad(&self, key: &Key, value: &str) -> ConfigError {
        self.error(format!("{}={value}: expected {}", key.name, expected(key)))
    }

    /// A text as it was written; None where it was not.
    pub(super) fn text_if_set(&mut self, name: &'static str) -> Option<String> {
        let key = self.row(name);
        self.raw(key)
    }

    /// A text, or its default.
    pub(super) fn text(&mut self, name: &'static str) -> String {
        let key = self.row(name);
        self.raw(key).unwrap_or_else(|| key.default.to_owned())
    }

    /// A whole number as it was written; None where it was not, or where Java would pass over it.
    pub(super) fn long_if_set(&mut self, name: &'static str) -> Result<Option<i64>, ConfigError> {
        let key = self.row(name);
        let Some(text) = self.raw(key) else { return Ok(None) };
        let number = if key.decimal { java::parse_long(&text) } else { java::decode_long(&text) };
        let (Kind::Long(range) | Kind::Int(range)) = key.kind else {
            unreachable!("{name} is asked for as a number")
        };
        match number.filter(|&n| matches!(key.kind, Kind::Long(_)) || i32::try_from(n).is_ok()) {
            Some(n) if (range.min..=range.max).contains(&n) => Ok(Some(n)),
            Some(_) => {
                let Some(instead) = range.instead else { return Err(self.bad(key, &text)) };
                let expected = expected(key);
                self.warn(name, format!("{text} is not {expected}, {instead} is used"));
                Ok(Some(instead))
            }
            None if key.in_file() => Err(self.bad(key, &text)),
            None => {
                self.warn_of_default(key, &text);
                Ok(None)
            }
        }
    }

    /// A whole number, or its default.
    pub(super) fn long(&mut self, name: &'static str) -> Result<i64, ConfigError> {
        let default = self.row(name).default;
        let number = self.long_if_set(name)?.or_else(|| java::parse_long(default));
        Ok(number.unwrap_or_else(|| unreachable!("{name} has no number for its default")))
    }

    /// A number of 32 bits as it was written.
    pub(super) fn int_if_set(&mut self, name: &'static str) -> Result<Option<i32>, ConfigError> {
        Ok(self.long_if_set(name)?.map(|n| n as i32))
    }

    /// A number of 32 bits, or its default.
    pub(super) fn int(&mut self, name: &'static str) -> Result<i32, ConfigError> {
        Ok(self.long(name)? as i32)
    }

    /// A fraction, or its default.
    pub(super) fn real(&mut self, name: &'static str) -> Result<f64, ConfigError> {
        let key = self.row(name);
        let default = java::parse_double(key.default);
        let default = default.unwrap_or_else(|| unreachable!("{name} has no default"));
        let Some(text) = self.raw(key) else { return Ok(default) };
        match java::parse_double(&text) {
            Some(value) => Ok(value),
            None if key.kind == Kind::StrictReal => Err(self.bad(key, &text)),
            None => {
                self.warn_of_default(key, &text);
                Ok(default)
            }
        }
    }

    /// A switch as it was written.
    pub(super) fn flag_if_set(&mut self, name: &'static str) -> Result<Option<bool>, ConfigError> {
        let key = self.row(name);
        let Some(text) = self.raw(key) else { return Ok(None) };
        let (value, plain) = read_flag(key, &text);
        if !plain && self.file.get(name).is_some() && key.in_file() {
            return Err(self.bad(key, &text));
        }
        if !plain {
            let state = if value { "on" } else { "off" };
            let expected = expected(key);
            self.warn(name, format!("{text:?} leaves it {state}, expected is {expected}"));
        }
        Ok(Some(value))
    }

    /// A switch, or its default.
    pub(super) fn flag(&mut self, name: &'static str) -> Result<bool, ConfigError> {
        let key = self.row(name);
        Ok(self.flag_if_set(name)?.unwrap_or_else(|| read_flag(key, key.default).0))
    }

    /// One of the words of the table, in lower case, or its default. None: another word.
    pub(super) fn word(&mut self, name: &'static str) -> Result<String, ConfigError> {
        let key = self.row(name);
        let Kind::Word(words) = key.kind else { unreachable!("{name} is asked for as a word") };
        let Some(text) = self.raw(key) else { return Ok(key.default.to_owned()) };
        let word = text.to_ascii_lowercase();
        if words.contains(&word.as_str()) {
            return Ok(word);
        }
        if key.in_file() {
            return Err(self.bad(key, &text));
        }
        self.warn_of_default(key, &text);
        Ok(key.default.to_owned())
    }

    fn warn_of_default(&mut self, key: &'static Key, text: &str) {
        let expected = expected(key);
        self.warn(key.name, format!("{text:?} is not {expected}, {:?} is used", key.default));
    }
}

/// The state that a text means, and whether it is one of the two plain words for it.
fn read_flag(key: &Key, text: &str) -> (bool, bool) {
    match key.kind {
        Kind::Unless(word) => (text != word, text == word || text == key.default),
        Kind::Only(word) => (text == word, text == word || text == key.default),
        _ => {
            let value = text.eq_ignore_ascii_case("true");
            (value, value || text.eq_ignore_ascii_case("false"))
        }
    }
}

/// What a value must look like, in words.
pub(super) fn expected(key: &Key) -> String {
    match key.kind {
        Kind::Int(range) => number_expected(range, ""),
        Kind::Long(range) => number_expected(range, " of up to 64 bits"),
        Kind::Real | Kind::StrictReal => "a fraction like 0.5".to_owned(),
        Kind::Bool => "'true' or 'false'".to_owned(),
        Kind::Unless(word) | Kind::Only(word) => format!("'{word}' or '{}'", key.default),
        Kind::Word(words) => {
            let quoted: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
            quoted.join(" or ")
        }
        Kind::Text => "a text".to_owned(),
        Kind::Path => "a path".to_owned(),
        Kind::Host => "a host".to_owned(),
        Kind::Class => "a class".to_owned(),
        Kind::ServerSpec => "host:port:port[:role][;[host:]port]".to_owned(),
    }
}

fn number_expected(range: Range, width: &str) -> String {
    match (range.min, range.max) {
        (i64::MIN, _) => format!("a whole number{width}"),
        (min, i64::MAX) => format!("a whole number{width} of at least {min}"),
        (min, max) => format!("a whole number from {min} to {max}"),
    }
}

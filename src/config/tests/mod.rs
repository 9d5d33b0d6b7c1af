//! What holds for whole configurations: the table against what is read, meanings, members, and the
//! command line.

mod command_line;
mod files;
mod meaning;
mod members;
mod table;

use std::io;
use std::net::{IpAddr, Ipv4Addr};

use super::{Config, ConfigError, Properties, Written};

/// A resolver without a network: literal addresses, `localhost`, and hosts named after their number.
fn resolve(host: &str) -> io::Result<IpAddr> {
    match host {
        "localhost" => Ok(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        "" => Err(io::ErrorKind::InvalidInput.into()),
        _ => host.parse().map_err(|_| io::Error::other("unknown host")),
    }
}

const MINIMAL: &str = "dataDir=/data\nclientPort=2181\n";

fn written(file: &str, properties: &[(&str, &str)]) -> Written {
    let mut written = Written::of_file("/conf/zoo.cfg", file.as_bytes().to_vec()).expect("syntax");
    written.properties = Properties::default();
    for (key, value) in properties {
        written.properties.set(*key, *value);
    }
    written
}

fn read(file: &str, properties: &[(&str, &str)]) -> Result<Config, ConfigError> {
    Config::interpret(&written(file, properties), &resolve)
}

/// The meaning of lines added to a minimal zoo.cfg.
fn with(lines: &str) -> Config {
    read(&format!("{MINIMAL}{lines}\n"), &[]).unwrap_or_else(|e| panic!("{lines:?}: {e}"))
}

/// What is wrong with lines added to a minimal zoo.cfg.
fn refusal(lines: &str) -> String {
    match read(&format!("{MINIMAL}{lines}\n"), &[]) {
        Ok(_) => panic!("{lines:?} is taken"),
        Err(ConfigError::File { path, message }) => {
            assert_eq!(path, "/conf/zoo.cfg");
            message
        }
        Err(other) => panic!("{lines:?}: {other:?}"),
    }
}

/// What is said of one key.
fn said_of(config: &Config, key: &str) -> Vec<String> {
    let about = config.warnings.iter().filter(|warning| warning.key == key);
    about.map(|warning| warning.text.clone()).collect()
}

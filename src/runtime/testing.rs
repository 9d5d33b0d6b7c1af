//! What tests of this room share.

use std::net::{IpAddr, Ipv4Addr};

use crate::config::{Config, Written};

/// A configuration that has these lines, too; each host is known.
pub(super) fn config(lines: &str) -> Config {
    let text = format!("dataDir=/data\nclientPort=2181\n{lines}");
    let any = |_: &str| Ok(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    let written = Written::of_file("zoo.cfg", text.into_bytes()).expect("lines");
    Config::interpret(&written, &any).expect("a configuration")
}

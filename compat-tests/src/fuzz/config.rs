//! A `zoo.cfg` with anything in it.

use std::net::{IpAddr, Ipv4Addr};

use gamekeeper::config::{Config, ConfigOptions, DynamicFile, Written};
use gamekeeper::zab::quorum::QuorumVerifier;

/// What separates the parts of an input: `zoo.cfg`, its dynamic file, `myid`.
const SEPARATOR: u8 = 0;

/// Any bytes as `zoo.cfg`, its dynamic file and `myid`, with a zero byte between them. No name is
/// looked up.
pub(super) fn zoo_cfg(data: &[u8]) {
    let mut parts = data.splitn(3, |byte| *byte == SEPARATOR);
    let text = parts.next().unwrap_or_default();
    let dynamic = parts.next();
    let Ok(mut written) = Written::of_file("/conf/zoo.cfg", text.to_vec()) else { return };
    written.dynamic = dynamic.map(|text| DynamicFile {
        path: "/conf/zoo.cfg.dynamic.100000000".to_owned(),
        text: text.to_vec(),
    });
    written.my_id = parts.next().map(<[u8]>::to_vec);
    if let Ok(config) = Config::interpret(&written, &|_| Ok(IpAddr::V4(Ipv4Addr::LOCALHOST))) {
        config.log();
        assert!(config.sessions.min_timeout_ms <= config.sessions.max_timeout_ms);
    }
    // The same text comes from leaders and from votes.
    let text = String::from_utf8_lossy(text);
    if let Ok(verifier) = QuorumVerifier::parse(&text, ConfigOptions::default()) {
        let again = QuorumVerifier::parse(&verifier.to_string(), ConfigOptions::default());
        let again = again.expect("our own text").to_string();
        assert_eq!(again, verifier.to_string(), "the text of a configuration is not its own");
    }
}

//! The version that clients and monitoring see.

/// What this server does is what this version of ZooKeeper does; tools parse the three numbers.
const ZOOKEEPER: &str = "3.9.5";

/// When and from what it was built, where the builder says so.
const BUILT_ON: &str = match option_env!("GAMEKEEPER_BUILT_ON") {
    Some(date) => date,
    None => "an unrecorded date",
};

/// The version as `srvr`, `mntr` and `envi` print it (`Version.getFullVersion`): where Java has the
/// hash of its source, this has the name and version of this server.
pub fn full_version() -> String {
    format!("{ZOOKEEPER}-gamekeeper-{}, built on {BUILT_ON}", env!("CARGO_PKG_VERSION"))
}

//! Configurations on disk.

use std::fs;
use std::path::Path;

use crate::config::{Config, ConfigError, EMBEDDED_DATA_DIR, Launch, Source};
use crate::ids::Sid;

fn load(path: &Path) -> Result<Config, ConfigError> {
    let source = Source::File(path.display().to_string());
    Config::load(&Launch { source, ..Launch::default() })
}

#[test]
fn a_file_brings_myid_and_the_dynamic_file_along() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = |name: &str| dir.path().join(name);
    let show = |name: &str| path(name).display().to_string();
    fs::create_dir(path("data")).expect("made");
    fs::write(path("data/myid"), "3\n").expect("written");
    let text = format!(
        "dataDir={}\ninitLimit=1\nsyncLimit=1\ndynamicConfigFile={}\n",
        show("data"),
        show("zoo.cfg.dynamic.a")
    );
    fs::write(path("zoo.cfg"), &text).expect("written");
    let missing = load(&path("zoo.cfg")).expect_err("no dynamic file").to_string();
    assert!(missing.contains("cannot read"), "{missing}");
    let members = "server.3=a:1:2;127.0.0.1:0\nserver.4=b:1:2\nserver.5=c:1:2\n";
    fs::write(path("zoo.cfg.dynamic.a"), members).expect("written");
    fs::write(path("zoo.cfg.dynamic.next"), format!("{members}version=b\n")).expect("written");
    let config = load(&path("zoo.cfg")).expect("taken");
    assert_eq!(config.quorum.my_id, Some(Sid(3)));
    assert_eq!(config.quorum.members.version, 10);
    assert_eq!(config.quorum.last_seen.map(|next| next.version), Some(11));
    assert_eq!(config.initial_text, text);
    assert_eq!(config.file.as_deref(), Some(path("zoo.cfg").as_path()));
}

#[test]
fn a_dynamic_file_without_a_name_is_refused() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("zoo.cfg");
    fs::write(&path, "dataDir=/d\ndynamicConfigFile=\n").expect("written");
    let error = load(&path).expect_err("no name").to_string();
    assert!(error.ends_with("dynamicConfigFile=: expected a path"), "{error}");
}

#[test]
fn a_missing_file_is_an_invalid_config() {
    let error = load(Path::new("/nowhere/zoo.cfg")).expect_err("missing");
    assert_eq!(
        error.to_string(),
        "Error processing /nowhere/zoo.cfg: /nowhere/zoo.cfg file is missing"
    );
    assert_eq!(error.exit_code().value(), 2);
    let directory = load(Path::new("/")).expect_err("a directory").to_string();
    assert!(directory.starts_with("Error processing /: cannot read /"), "{directory}");
}

#[test]
fn a_malformed_escape_names_the_place() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("zoo.cfg");
    fs::write(&path, "dataDir=C:\\users\n").expect("written");
    let error = load(&path).expect_err("malformed").to_string();
    assert!(error.contains("Malformed \\uxxxx encoding in \"C:\\\\users\""), "{error}");
}

#[test]
fn without_a_file_the_arguments_or_the_defaults_hold() {
    let source = Source::Arguments {
        client_port: 2182,
        data_dir: "/d\u{e4}ta dir".to_owned(),
        tick_time: Some(500),
        max_client_cnxns: None,
    };
    let config = Config::load(&Launch { source, ..Launch::default() }).expect("taken");
    assert_eq!(config.storage.data_dir, Path::new("/d\u{e4}ta dir"));
    assert_eq!(config.net.client.as_ref().map(|address| address.port), Some(2182));
    assert_eq!(config.net.max_client_cnxns, 0, "no limit, as Java has it");
    assert_eq!(config.sessions.max_timeout_ms, 10_000);
    let config = Config::load(&Launch::default()).expect("the defaults");
    assert_eq!(config.storage.data_dir, Path::new(EMBEDDED_DATA_DIR));
    assert_eq!(config.net.client.as_ref().map(|address| address.port), Some(2181));
    assert_eq!(config.net.max_client_cnxns, 60);
    assert_eq!((config.file, config.warnings), (None, vec![]));
}

//! The command line.

use super::*;
use crate::config::{CommandLine, Launch, Source, Tool};

fn parse(words: &str) -> Result<CommandLine, ConfigError> {
    CommandLine::parse(words.split_whitespace().map(str::to_owned))
}

fn launch(words: &str) -> Launch {
    match parse(words) {
        Ok(CommandLine::Serve(launch)) => launch,
        other => panic!("{words:?}: {other:?}"),
    }
}

#[test]
fn java_style_properties_and_a_file() {
    let launch = launch("-Da=1 -Dzookeeper.snapCount=5 -Da=x=y -Db /etc/zoo.cfg");
    assert_eq!(launch.source, Source::File("/etc/zoo.cfg".to_owned()));
    assert_eq!(launch.properties.get("a"), Some("x=y"));
    assert_eq!(launch.properties.get("b"), Some(""));
    assert_eq!(launch.properties.get("zookeeper.snapCount"), Some("5"));
}

#[test]
fn a_port_and_a_directory() {
    let source = |words: &str| launch(words).source;
    let arguments = |tick_time, max_client_cnxns| Source::Arguments {
        client_port: 2181,
        data_dir: "/data".to_owned(),
        tick_time,
        max_client_cnxns,
    };
    assert_eq!(source("2181 /data"), arguments(None, None));
    assert_eq!(source("2181 /data 500"), arguments(Some(500), None));
    assert_eq!(source("2181 /data 500 -1"), arguments(Some(500), Some(-1)));
    assert_eq!(source(""), Source::Embedded);
}

#[test]
fn what_makes_no_sense_is_refused() {
    for words in
        ["1 2 3 4 5", "port /data", "70000 /data", "2181 /data soon", "2181 /data 1 many", "--what"]
    {
        let error = parse(words).expect_err(words);
        assert_eq!(error.exit_code().value(), 2, "{words}");
        assert!(error.headline().starts_with("Usage: gamekeeper"), "{words}");
        assert!(error.to_string().starts_with("Invalid arguments"), "{words}: {error}");
    }
}

#[test]
fn texts_are_printed() {
    for (words, part) in [
        ("--help", "Usage: gamekeeper"),
        ("-h", "--list-keys"),
        ("-h", "    check  "),
        ("-h", "    purge  "),
        ("--version", "Apache ZooKeeper, version 3.9.5"),
        ("--list-keys", "clientPort"),
    ] {
        let Ok(CommandLine::Print(text)) = parse(words) else { panic!("{words}") };
        assert!(text.contains(part), "{words}: {text}");
    }
}

#[test]
fn a_tool_gets_what_stands_behind_its_name() {
    let Ok(CommandLine::Tool(call)) = parse("-Dx=y txnlog-toolkit -r --yes log.1 -Dz=1") else {
        panic!("no tool");
    };
    assert_eq!((call.tool, call.properties.get("x")), (Tool::TxnLogToolkit, Some("y")));
    assert_eq!(call.arguments, ["-r", "--yes", "log.1", "-Dz=1"]);
}

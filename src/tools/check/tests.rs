//! Whole checks of directories of this test's making.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use jute::data::StatPersisted;

use super::*;
use crate::config::{Properties, Tool};
use crate::ids::Zxid;
use crate::storage::snapshot::body::{put_acls, put_end, put_node, put_sessions};
use crate::storage::snapshot::{SnapshotWriter, Trailer};
use crate::tools::ShowProgress;
use crate::tree::WalkedNode;

/// A data directory with Java's files of one version.
struct Scene {
    dir: tempfile::TempDir,
}

impl Scene {
    fn of(version: &str) -> Self {
        let scene = Self { dir: tempfile::tempdir().unwrap() };
        fs::create_dir(scene.at("")).unwrap();
        let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("compat-tests/golden/files");
        for file in fs::read_dir(golden.join(version)).unwrap() {
            let file = file.unwrap();
            fs::copy(file.path(), scene.at(file.file_name().to_str().unwrap())).unwrap();
        }
        scene
    }

    fn at(&self, name: &str) -> PathBuf {
        self.dir.path().join("version-2").join(name)
    }

    fn all_bytes(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let files = fs::read_dir(self.at("")).unwrap().map(|file| file.unwrap().path());
        let mut all: Vec<_> = files.map(|path| (path.clone(), fs::read(path).unwrap())).collect();
        all.sort();
        all
    }

    /// Checks the directory, or a configuration of these lines beside it.
    fn check(&self, lines: Option<&str>, option: &str) -> (Outcome, String) {
        let mut target = self.dir.path().to_path_buf();
        if let Some(lines) = lines {
            let text = format!("dataDir={}\n{lines}\n", target.display());
            target.push("zoo.cfg");
            fs::write(&target, text).unwrap();
        }
        let arguments = [option, target.to_str().unwrap()];
        let arguments = arguments.into_iter().filter(|a| !a.is_empty()).map(str::to_owned);
        let properties = Properties::default();
        let call = ToolCall { tool: Tool::Check, properties, arguments: arguments.collect() };
        let (mut input, mut out, mut err) = (&b""[..], Vec::new(), Vec::new());
        let mut console = Console {
            input: &mut input,
            out: &mut out,
            err: &mut err,
            progress: ShowProgress::Never,
            colour: false,
        };
        let before = self.all_bytes();
        let outcome = run(&call, &mut console);
        assert!(before == self.all_bytes(), "a check changes nothing");
        (outcome, String::from_utf8(out).unwrap())
    }
}

#[test]
fn good_files_can_be_taken_over() {
    let (outcome, text) = Scene::of("3.4.14").check(None, "");
    assert_eq!(outcome, Ok(ExitCode::Finished), "{text}");
    assert!(text.contains("8 transactions behind it, last zxid 0x16"), "{text}");
    assert!(text.ends_with("A start would succeed\n"), "{text}");
}

#[test]
fn damage_is_an_error_with_its_place() {
    let scene = Scene::of("3.4.14");
    let mut log = fs::read(scene.at("log.10")).unwrap();
    log[60] ^= 1;
    fs::write(scene.at("log.10"), log).unwrap();
    let (outcome, text) = scene.check(None, "--json");
    assert_eq!(outcome, Ok(ExitCode::Unexpected), "{text}");
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(json["startable"], false);
    let findings = json["findings"].as_array().unwrap();
    let error = findings.iter().find(|finding| finding["status"] == "error").unwrap();
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("log.10 is damaged at offset 16"), "{message}");
}

#[test]
fn what_a_start_would_change_is_named() {
    let scene = Scene::of("3.4.14");
    let log = fs::read(scene.at("log.10")).unwrap();
    let end = log.iter().rposition(|b| *b != 0).unwrap();
    fs::write(scene.at("log.10"), &log[..end - 10]).unwrap();
    let (outcome, text) = scene.check(None, "");
    assert_eq!(outcome, Ok(ExitCode::Finished), "{text}");
    assert!(text.contains("a start would cut "), "{text}");
}

#[test]
fn epochs_that_contradict_are_an_error_where_they_count() {
    let scene = Scene::of("3.4.14");
    fs::write(scene.at("currentEpoch"), "5").unwrap();
    fs::write(scene.at("acceptedEpoch"), "4").unwrap();
    let (outcome, text) = scene.check(None, "");
    assert_eq!(outcome, Ok(ExitCode::Unexpected), "{text}");
    assert!(text.contains("error   epochs"), "{text}");
}

#[test]
fn nodes_with_a_time_to_live_need_their_key() {
    let (_, text) = Scene::of("3.9.5").check(None, "");
    assert!(text.contains("zookeeper.extendedTypesEnabled=true is missing"), "{text}");
}

#[test]
fn ports_and_keys_are_looked_at_where_there_is_a_configuration() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let lines = format!("clientPort={port}\nclientPortAddress=127.0.0.1\nnonsense=1");
    let (outcome, text) = Scene::of("3.4.14").check(Some(&lines), "");
    assert_eq!(outcome, Ok(ExitCode::Unexpected), "{text}");
    assert!(text.contains("warning config    nonsense: "), "{text}");
    assert!(text.contains(&format!("error   ports     client port 127.0.0.1:{port} ")), "{text}");
}

#[test]
fn nothing_is_said_twice() {
    let scene = Scene::of("3.9.5");
    let members = "tickTime=2000\ninitLimit=5\nsyncLimit=2\nclientPort=0\n\
                   server.1=127.0.0.1:1:2\nserver.2=127.0.0.1:3:4\noraclePath=/x";
    fs::write(scene.dir.path().join("myid"), "1").unwrap();
    let (_, text) = scene.check(Some(members), "");
    assert_eq!(text.matches("oraclePath is not supported").count(), 1, "{text}");
    assert_eq!(text.matches(" MiB free").count(), 1, "one directory has one disk: {text}");
}

#[test]
fn what_is_said_of_a_snapshot_while_it_is_loaded_is_a_warning() {
    let scene = Scene::of("3.4.14");
    let disk = Arc::new(RealDisk);
    let create = SnapshotWriter::create(disk, &scene.at(""), Zxid(0x16), Compression::None);
    let (mut snapshot, mut body) = (create.unwrap(), Vec::new());
    put_sessions(&[], &mut body);
    put_acls(0, [], &mut body);
    let stat = StatPersisted::default();
    put_node(WalkedNode { path: "", data: None, acl: 7, stat: &stat }, &mut body);
    put_end(&mut body);
    snapshot.put(&body).unwrap();
    snapshot.finish(Trailer::default()).unwrap();
    let (_, text) = scene.check(None, "");
    assert!(text.contains("warning data      the snapshot's ACL map lacks the ACL 7"), "{text}");
}

#[test]
fn what_is_no_data_directory_is_refused() {
    let scene = Scene::of("3.4.14");
    fs::rename(scene.at(""), scene.dir.path().join("other")).unwrap();
    let call = |arguments: &[&str]| {
        let arguments = arguments.iter().map(|a| (*a).to_owned()).collect::<Vec<_>>();
        parse(&arguments).map(|(json, path)| (json, path.to_path_buf()))
    };
    assert!(call(&[]).is_err() && call(&["a", "b"]).is_err() && call(&["-x", "a"]).is_err());
    let mut report = Report::default();
    let call = ToolCall { tool: Tool::Check, properties: Properties::default(), arguments: vec![] };
    assert!(configuration(&call, scene.dir.path(), &mut report).is_none());
    assert!(!report.startable());
}

//! The tool on logs of this test's making: what is damaged, and how the tool goes on.

use std::fs;
use std::path::PathBuf;

use jute::txn::{DeleteTxn, TxnHeader};
use proptest::prelude::*;

use super::*;
use crate::config::Properties;
use crate::op::op;
use crate::tools::ShowProgress;
use crate::txn::{Txn, TxnRecord};

/// Bytes of a log's header.
const HEADER_LEN: usize = 16;

/// A directory with a log of transactions 1 to 4 and some padding.
struct Scene {
    _dir: tempfile::TempDir,
    log: PathBuf,
    bytes: Vec<u8>,
    /// Where each record starts, and where the last one ends.
    offsets: Vec<usize>,
}

/// What a run printed, and how it ended.
struct Ran {
    outcome: Outcome,
    out: String,
    err: String,
}

fn record(zxid: i64) -> Vec<u8> {
    let header = TxnHeader { client_id: 1, cxid: 1, zxid, time: 0, kind: op::DELETE };
    let txn = Txn::Delete(DeleteTxn { path: Some(format!("/{zxid}")) });
    let mut payload = Vec::new();
    TxnRecord { header, txn, digest: None }.encode(&mut payload);
    let sum = adler32::RollingAdler32::from_buffer(&payload).hash();
    let mut record = u64::from(sum).to_be_bytes().to_vec();
    record.extend((payload.len() as u32).to_be_bytes());
    record.extend(payload);
    record.push(END);
    record
}

impl Scene {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut bytes = MAGIC.to_be_bytes().to_vec();
        bytes.extend([0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0]);
        let mut offsets = vec![bytes.len()];
        for zxid in 1..=4 {
            bytes.extend(record(zxid));
            offsets.push(bytes.len());
        }
        bytes.resize(bytes.len() + 100, 0);
        let scene = Self { log: dir.path().join("log.1"), _dir: dir, bytes, offsets };
        scene.write();
        scene
    }

    fn write(&self) {
        fs::write(&self.log, &self.bytes).unwrap();
    }

    /// Makes the second record's checksum wrong.
    fn damage_sum(&mut self) {
        self.bytes[self.offsets[1] + 7] ^= 1;
        self.write();
    }

    fn beside(&self, extension: &str) -> Vec<u8> {
        fs::read(format!("{}{extension}", self.log.display())).unwrap()
    }

    fn run(&self, options: &str, input: &str) -> Ran {
        let mut words: Vec<String> = options.split_whitespace().map(str::to_owned).collect();
        words.push(self.log.display().to_string());
        let (mut input, mut out, mut err) = (input.as_bytes(), Vec::new(), Vec::new());
        let mut console = Console {
            input: &mut input,
            out: &mut out,
            err: &mut err,
            progress: ShowProgress::Never,
            colour: false,
        };
        let settings = Settings::new(&Properties::default());
        let outcome = run(&words, settings, &mut console);
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Ran { outcome, out: text(out), err: text(err) }
    }
}

#[test]
fn a_whole_log_is_printed() {
    let ran = Scene::new().run("", "");
    assert_eq!(ran.outcome, Ok(ExitCode::Finished));
    assert_eq!(ran.out.lines().count(), 6, "{}", ran.out);
    assert!(ran.out.contains(" zxid 0x4 delete '/4\nEOF reached after 4 txns.\n"), "{}", ran.out);
    assert_eq!(ran.err, "");
}

#[test]
fn a_wrong_checksum_is_named_and_passed_over() {
    let mut scene = Scene::new();
    scene.damage_sum();
    let ran = scene.run("-d", "");
    assert_eq!(ran.out.matches("CRC ERROR - ").count(), 1);
    assert_eq!(ran.out.matches("'/2").count(), 2, "once with the complaint, once as ever");
    assert!(ran.err.contains(&format!("log.1: offset {}: CRC", scene.offsets[1])), "{}", ran.err);
}

#[test]
fn recovery_asks_and_does_as_it_is_told() {
    let mut scene = Scene::new();
    let good = scene.bytes[..scene.offsets[4]].to_vec();
    scene.damage_sum();
    let ran = scene.run("-r", "maybe\nyes\n");
    assert_eq!(ran.out.matches("(Yes/No/Abort) ? ").count(), 2);
    assert!(ran.out.ends_with("log.1.fixed has been written with 1 fixed CRC error(s)\n"));
    let fixed = scene.beside(".fixed");
    assert_eq!(fixed.len(), 64 * 1024 * 1024 + HEADER_LEN);
    assert!(fixed.starts_with(&good) && fixed[good.len()..].iter().all(|b| *b == 0));
    let again = scene.run("-r", "").outcome.unwrap_err();
    assert!(again.message.contains("already exists"), "{}", again.message);
}

#[test]
fn recovery_leaves_alone_or_stops_where_it_is_told() {
    for (answer, end) in [("n", Ok(ExitCode::Finished)), ("a", Err(ExitCode::Finished))] {
        let mut scene = Scene::new();
        scene.damage_sum();
        let ran = scene.run("-r", answer);
        assert_eq!(ran.outcome.map_err(|failure| failure.code), end);
        let copied = scene.offsets[if answer == "n" { 4 } else { 1 }];
        assert!(scene.beside(".fixed").starts_with(&scene.bytes[..copied]));
    }
}

#[test]
fn recovery_without_questions_prints_what_it_repaired() {
    let mut scene = Scene::new();
    scene.damage_sum();
    let quiet = scene.run("-ry", "");
    assert_eq!(quiet.out.matches("CRC FIXED - ").count(), 1);
    assert_eq!(quiet.out.lines().count(), 4, "{}", quiet.out);
    fs::remove_file(format!("{}.fixed", scene.log.display())).unwrap();
    assert_eq!(scene.run("-ryv", "").out.lines().count(), 8);
}

#[test]
fn chopping_keeps_what_is_up_to_the_zxid() {
    let scene = Scene::new();
    let ran = scene.run("-c -z 0x2", "");
    assert!(ran.out.ends_with("Chopping at 2 new log has 2 records\n"), "{}", ran.out);
    assert_eq!(scene.beside(".chopped2"), scene.bytes[..scene.offsets[2]]);
    let ran = scene.run("-c -z 4", "");
    assert!(ran.out.ends_with("EOF reached after 4 txns.\nGot exception: Failed to chop log.1\n"));
    assert_eq!(ran.outcome, Ok(ExitCode::Finished));
}

#[test]
fn what_is_no_log_is_refused() {
    let mut scene = Scene::new();
    scene.bytes[0] = 0;
    scene.write();
    let failure = scene.run("", "").outcome.unwrap_err();
    assert_eq!(failure.code, ExitCode::InvalidInvocation);
    assert_eq!(failure.message, "Invalid magic number for log.1");
    scene.bytes.truncate(10);
    scene.write();
    assert!(scene.run("", "").outcome.is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn damaged_logs_do_no_harm(at in 0..300_usize, byte: u8, len in 0..300_usize) {
        let mut scene = Scene::new();
        if let Some(b) = scene.bytes.get_mut(at) {
            *b = byte;
        }
        scene.bytes.truncate(len);
        scene.write();
        for options in ["", "-c -z 3"] {
            let ran = scene.run(options, "");
            if let Err(failure) = ran.outcome {
                prop_assert!(!failure.message.is_empty());
            }
        }
    }
}

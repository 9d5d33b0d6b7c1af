//! `zkTxnLogToolkit.sh`.

use compat_tests::Result;

use super::both::{Both, Ran, Tool};

const TOOL: Tool = Tool {
    script: "zkTxnLogToolkit.sh",
    class: "org.apache.zookeeper.server.persistence.TxnLogToolkit",
};
const LOG: &str = "3.9.5/log.1";
/// Bytes of a log's header.
const HEADER: usize = 16;
/// A byte of the first record's checksum, the last one.
const SUM: usize = HEADER + 7;
/// The first record's length.
const LENGTH: std::ops::Range<usize> = HEADER + 8..HEADER + 12;

/// Where a record ends, the first being 1.
fn end_of_record(log: &[u8], number: usize) -> usize {
    (0..number).fold(HEADER, |at, _| {
        let len = [log[at + 8], log[at + 9], log[at + 10], log[at + 11]];
        at + 13 + u32::from_be_bytes(len) as usize
    })
}

/// Runs both on a damaged log.
fn damaged(line: &str, input: &str, damage: impl FnOnce(&mut Vec<u8>)) -> Result<(Both, Ran)> {
    let both = Both::new()?;
    both.copy(LOG, "log.1", damage)?;
    let ran = both.run(TOOL, line, input)?;
    ran.assert_same();
    Ok((both, ran))
}

#[test]
fn logs_of_all_versions_are_dumped_alike() -> Result<()> {
    let both = Both::new()?;
    for file in ["3.4.14/log.1", "3.4.14/log.10", "3.5.10/log.1", LOG] {
        both.copy(file, "log.1", |_| {})?;
        both.run(TOOL, "-d log.1", "")?.assert_same();
    }
    for zone in ["America/New_York", "Europe/Berlin", "Asia/Kolkata"] {
        both.run_in(zone, TOOL, "log.1", "")?.assert_same();
    }
    Ok(())
}

#[test]
fn misuse_is_answered_alike() -> Result<()> {
    let both = Both::new()?;
    both.copy(LOG, "log.1", |_| {})?;
    for line in [
        "",
        "-h",
        "--help log.1",
        "-x log.1",
        "log.1 -z",
        "--zxid=1 --v",
        "missing",
        "-c -z x log.1",
    ] {
        both.run(TOOL, line, "")?.assert_same();
    }
    Ok(())
}

#[test]
fn damaged_logs_are_dumped_alike() -> Result<()> {
    let (_, ran) = damaged("log.1", "", |log| log[SUM] ^= 1)?;
    assert!(ran.complaint().contains("log.1: offset 16: CRC"), "{}", ran.complaint());
    let (_, ran) = damaged("log.1", "", |log| log.truncate(end_of_record(log, 3) + 20))?;
    assert!(ran.complaint().contains("log.1: offset "), "{}", ran.complaint());
    damaged("log.1", "", |log| log.truncate(end_of_record(log, 3) + 5))?;
    damaged("log.1", "", |log| log.truncate(end_of_record(log, 3)))?;
    damaged("log.1", "", |log| log.truncate(end_of_record(log, 3) - 1))?;
    damaged("log.1", "", |log| log.truncate(10))?;
    damaged("log.1", "", |log| log.truncate(0))?;
    damaged("log.1", "", |log| log[0] = b'X')?;
    damaged("log.1", "", |log| {
        let end = end_of_record(log, 2);
        log[end - 1] = b'C';
    })?;
    damaged("log.1", "", |log| log[LENGTH].copy_from_slice(&[0x7f; 4]))?;
    damaged("log.1", "", |log| log[LENGTH].copy_from_slice(&[0xff; 4]))?;
    damaged("log.1", "", |log| log[LENGTH].copy_from_slice(&[0; 4]))?;
    Ok(())
}

#[test]
fn checksums_are_repaired_alike() -> Result<()> {
    for (line, input) in [
        ("-r log.1", "maybe yes\n"),
        ("-r log.1", "N\n"),
        ("-rv log.1", "y"),
        ("--recover --yes log.1", ""),
        ("-ryv log.1", ""),
        ("-r log.1", "a\n"),
        ("-r log.1", ""),
    ] {
        let (both, _) = damaged(line, input, |log| log[SUM] ^= 1)?;
        both.assert_same_file("log.1.fixed")?;
        both.assert_same_file("log.1")?;
    }
    let (both, _) = damaged("-r log.1", "", |_| {})?;
    both.run(TOOL, "-r log.1", "")?.assert_same();
    Ok(())
}

#[test]
fn logs_are_chopped_alike() -> Result<()> {
    for (zxid, name) in [("0x5", "5"), ("022", "18"), ("0", "0"), ("22", "22"), ("99", "99")] {
        let (both, _) = damaged(&format!("-c -z {zxid} log.1"), "", |_| {})?;
        both.assert_same_file(&format!("log.1.chopped{name}"))?;
    }
    damaged("--chop --zxid 5 log.1", "", |log| {
        let (from, to) = (end_of_record(log, 2), end_of_record(log, 5));
        log.drain(from..to);
    })?;
    let (_, ran) = damaged("-c -z 5 log.1", "", |log| log[SUM] ^= 1)?;
    assert!(ran.complaint().contains("log.1: offset 16: CRC"), "{}", ran.complaint());
    damaged("-c -z 5 log.1", "", |log| log[0] = b'X')?;
    Ok(())
}

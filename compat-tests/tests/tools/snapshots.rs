//! `zkSnapShotToolkit.sh`, `zkSnapshotComparer.sh` and `zkSnapshotRecursiveSummaryToolkit.sh`.

use compat_tests::Result;

use super::both::{Both, Tool};

const FORMATTER: Tool =
    Tool { script: "zkSnapShotToolkit.sh", class: "org.apache.zookeeper.server.SnapshotFormatter" };
const COMPARER: Tool =
    Tool { script: "zkSnapshotComparer.sh", class: "org.apache.zookeeper.server.SnapshotComparer" };
const SUMMARY: Tool = Tool {
    script: "zkSnapshotRecursiveSummaryToolkit.sh",
    class: "org.apache.zookeeper.server.SnapshotRecursiveSummary",
};
const SNAPSHOT: &str = "3.9.5/snapshot.1a";
const OLD: &str = "3.4.14/snapshot.e";

/// A snapshot with so many names that the order of a hash table shows, and with odd ones.
fn crowded() -> Vec<u8> {
    let string = |bytes: &mut Vec<u8>, text: &str| {
        bytes.extend((text.len() as u32).to_be_bytes());
        bytes.extend(text.as_bytes());
    };
    let mut bytes = b"ZKSN\0\0\0\x02\xff\xff\xff\xff\xff\xff\xff\xff".to_vec();
    bytes.extend(40_u32.to_be_bytes());
    for session in 0..40_u64 {
        bytes.extend((0x0100_0000_1234_0000 + session * 7919).to_be_bytes());
        bytes.extend(30_000_u32.to_be_bytes());
    }
    bytes.extend(0_u32.to_be_bytes());
    let odd = ["/q\"uote", "/back\\slash", "/tab\t\u{1}", "/\u{e9}\u{4e2d}", "/\u{ffee}"];
    let many = (0..500).map(|n| format!("/node-{n:05}"));
    let below = (0..20).map(|n| format!("/node-00007/{n}"));
    let all = [String::new()].into_iter().chain(odd.map(str::to_owned)).chain(many).chain(below);
    for (n, path) in all.enumerate() {
        string(&mut bytes, &path);
        string(&mut bytes, &"x".repeat(n % 7));
        bytes.extend(u64::MAX.to_be_bytes());
        for field in [n as u64, 2 * n as u64, 1_700_000_000_000 + n as u64, 1_800_000_000_000] {
            bytes.extend(field.to_be_bytes());
        }
        bytes.extend([0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3]);
        bytes.extend(0_u64.to_be_bytes());
        bytes.extend((n as u64).to_be_bytes());
    }
    string(&mut bytes, "/");
    bytes
}

/// A line without how long something took, or when it was.
fn steady(line: &str) -> String {
    if let Some((what, _)) = line.rsplit_once(" in ").filter(|_| line.ends_with(" seconds\n")) {
        return what.to_owned();
    }
    let Some((before, rest)) = line.split_once("\"timestamp\":") else { return line.to_owned() };
    format!("{before}{}", rest.trim_start_matches(|c: char| c.is_ascii_digit()))
}

#[test]
fn snapshots_of_all_versions_are_printed_alike() -> Result<()> {
    let both = Both::new()?;
    for file in
        [SNAPSHOT, OLD, "3.5.10/snapshot.1a", "3.6.4/snapshot.1a", "3.9.5-nodigest/snapshot.1a"]
    {
        both.copy(file, "snapshot.1a", |_| {})?;
        both.run(FORMATTER, "-d snapshot.1a", "")?.assert_same();
    }
    both.copy("3.9.5-gz/snapshot.1a.gz", "snapshot.1a.gz", |_| {})?;
    both.copy("3.9.5-snappy/snapshot.1a.snappy", "snapshot.1a.snappy", |_| {})?;
    both.run(FORMATTER, "snapshot.1a.gz", "")?.assert_same();
    both.run(FORMATTER, "-json snapshot.1a.snappy", "")?.assert_same_but(steady);
    Ok(())
}

#[test]
fn names_come_in_the_order_of_java() -> Result<()> {
    let both = Both::new()?;
    both.write("snapshot.5", &crowded())?;
    both.run(FORMATTER, "snapshot.5", "")?.assert_same();
    both.run(FORMATTER, "-json snapshot.5", "")?.assert_same_but(steady);
    both.run(SUMMARY, "snapshot.5 / 0", "")?.assert_same();
    Ok(())
}

#[test]
fn damaged_snapshots_are_printed_alike() -> Result<()> {
    let both = Both::new()?;
    both.copy(SNAPSHOT, "snapshot.1a", |bytes| bytes.truncate(bytes.len() - 5))?;
    let ran = both.run(FORMATTER, "snapshot.1a", "")?;
    ran.assert_same();
    assert!(ran.complaint().contains("snapshot.1a"), "{}", ran.complaint());
    let damages: [fn(&mut Vec<u8>); 5] = [
        |bytes| bytes.truncate(700),
        |bytes| bytes[0] = b'X',
        |bytes| bytes.truncate(0),
        |bytes| bytes.truncate(18),
        |bytes| bytes[16] = 0x10,
    ];
    for damage in damages {
        both.copy(SNAPSHOT, "snapshot.1a", damage)?;
        both.run(FORMATTER, "snapshot.1a", "")?.assert_same();
    }
    both.copy("3.9.5-gz/snapshot.1a.gz", "snapshot.1a.gz", |bytes| bytes[40] ^= 0xff)?;
    both.run(FORMATTER, "snapshot.1a.gz", "")?.assert_same();
    Ok(())
}

#[test]
fn misuse_is_answered_alike() -> Result<()> {
    let both = Both::new()?;
    both.copy(SNAPSHOT, "snapshot.1a", |_| {})?;
    for line in ["", "-d", "-x snapshot.1a", "snapshot.1a -d", "-d -json snapshot.1a"] {
        both.run(FORMATTER, line, "")?.assert_same();
    }
    for line in ["", "snapshot.1a /", "snapshot.1a / x", "missing / 0", "snapshot.1a /none 0"] {
        both.run(SUMMARY, line, "")?.assert_same();
    }
    for line in [
        "",
        "-l a -r b -b 1",
        "-l a -r b -b 1 -n",
        "-l missing -r b -b 1 -n 2",
        "-l snapshot.1a -r snapshot.1a -b x -n 1",
    ] {
        both.run(COMPARER, line, "")?.assert_same();
    }
    Ok(())
}

#[test]
fn summaries_are_alike() -> Result<()> {
    let both = Both::new()?;
    both.copy(SNAPSHOT, "snapshot.1a", |_| {})?;
    for line in ["/ 0", "/ 1", "/a 0", "/a/null 0", "/zookeeper -1"] {
        both.run(SUMMARY, &format!("snapshot.1a {line}"), "")?.assert_same();
    }
    Ok(())
}

#[test]
fn comparisons_are_alike() -> Result<()> {
    let both = Both::new()?;
    both.copy(SNAPSHOT, "snapshot.1a", |_| {})?;
    both.copy(OLD, "snapshot.e", |_| {})?;
    both.write("snapshot.5", &crowded())?;
    for (line, input) in [
        ("-l snapshot.e -r snapshot.1a -b 0 -n 0", ""),
        ("--left=snapshot.1a --right snapshot.e -b2 -n 1 --debug", ""),
        ("-l snapshot.5 -r snapshot.1a -b 0 -n 0 -d", ""),
        ("-l snapshot.e -r snapshot.1a -b 1 -n 1 -i", "\n/zookeeper\n/none\n7\nx\n1\n\n3\n\n\n\n"),
        ("-l snapshot.e -r snapshot.1a -b 1 -n 1 -i", "\n"),
    ] {
        both.run(COMPARER, line, input)?.assert_same_but(steady);
    }
    Ok(())
}

//! The four-letter words of both servers side by side: the same client does the same things, and what
//! is answered may differ in numbers only.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use compat_tests::Result;
use compat_tests::ensemble::recorder::{EPHEMERAL, Op, Recorder};
use compat_tests::server::{Kind, Server, Setup};

/// A server with a client that has an ephemeral node and watches.
struct Scene {
    server: Server,
    _client: Recorder,
    _dir: tempfile::TempDir,
}

impl Scene {
    fn set(kind: Kind) -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let setup = Setup::new(kind, dir.path())?.with("maxSessionTimeout", "3600000");
        let server = setup.start()?;
        // It sends no pings: one would be told as the last op.
        let mut client = Recorder::new(0, &[server.setup.address()], Duration::from_secs(3600));
        client.connect()?;
        let create = |path: &str, flags| Op::Create(path.to_owned(), b"x".to_vec(), flags);
        let calls = client.run(&[
            create("/e", EPHEMERAL),
            create("/p", 0),
            Op::Get("/".to_owned(), true),
            Op::Children("/".to_owned(), true),
            Op::Exists("/missing".to_owned(), true),
        ]);
        assert!(calls.iter().all(|call| call.reply.is_some()), "{calls:?}");
        Ok(Self { server, _client: client, _dir: dir })
    }

    fn ask(&self, word: &str) -> Result<String> {
        Ok(self.server.four_letter_word(word)?)
    }
}

/// The lines in order of the alphabet, with every number as `#`, so that neither counts nor the order
/// of a hash map matter, nor into how many stretches of time sessions and connections are put.
fn shape(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = text.lines().map(shape_of_line).collect();
    lines.sort();
    lines.dedup_by(|a, b| a == b && a.contains(" expire at "));
    lines
}

fn shape_of_line(line: &str) -> String {
    if let Some((count, _date)) = line.split_once(" expire at ") {
        return format!("{} expire at #:", shape_of_line(count));
    }
    if let Some(version) = line.strip_prefix("Zookeeper version: 3.9.5-") {
        return format!("version, built on: {}", version.contains(", built on "));
    }
    let mut shape = String::new();
    let mut rest = line;
    while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
        shape.push_str(&rest[..at]);
        shape.push('#');
        let number = rest[at..].strip_prefix("0x").unwrap_or(&rest[at..]);
        let hex = number.len() < rest[at..].len();
        let is_part = |c: char| if hex { c.is_ascii_hexdigit() } else { c.is_ascii_digit() };
        rest = number.trim_start_matches(is_part);
    }
    shape + rest
}

#[test]
fn words_differ_in_numbers_only() -> Result<()> {
    let (java, ours) = (Scene::set(Kind::Java)?, Scene::set(Kind::Ours)?);
    for word in [
        "ruok", "isro", "gtmk", "srvr", "stat", "cons", "dump", "dirs", "wchs", "wchc", "wchp",
        "hash", "srst", "crst",
    ] {
        let (expected, found) = (java.ask(word)?, ours.ask(word)?);
        assert_eq!(shape(&expected), shape(&found), "{word}:\n{expected}\n{found}");
        assert_eq!(expected.ends_with('\n'), found.ends_with('\n'), "the end of {word}");
    }
    Ok(())
}

#[test]
fn lists_of_keys_are_those_of_java() -> Result<()> {
    let (java, ours) = (Scene::set(Kind::Java)?, Scene::set(Kind::Ours)?);
    for (word, separator) in [("conf", '='), ("envi", '='), ("mntr", '\t')] {
        let (expected, found) = (java.ask(word)?, ours.ask(word)?);
        let keys = |text: &str| -> BTreeSet<String> {
            text.lines().filter_map(|l| Some(l.split_once(separator)?.0.to_owned())).collect()
        };
        let missing: Vec<String> = keys(&expected).difference(&keys(&found)).cloned().collect();
        assert!(missing.is_empty(), "{word} lacks {missing:?}");
    }
    Ok(())
}

#[test]
fn odd_askers_get_the_same() -> Result<()> {
    let (java, ours) = (Scene::set(Kind::Java)?, Scene::set(Kind::Ours)?);
    let answer = |scene: &Scene, bytes: &[u8], half_close: bool| -> Result<String> {
        let mut stream = TcpStream::connect(scene.server.setup.address())?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        stream.write_all(bytes)?;
        if half_close {
            stream.shutdown(Shutdown::Write)?;
        }
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        Ok(text)
    };
    for (bytes, half_close) in [
        (&b"ruok"[..], true),
        (b"ruok\n", true),
        (b"stmk\0\0\0\0\0\0\0\x05", false),
        (b"gtmk", true),
        (b"\xff\xf4\xff\xfd", false),
    ] {
        assert_eq!(answer(&java, bytes, half_close)?, answer(&ours, bytes, half_close)?);
    }
    Ok(())
}

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use jute::Limits;
use jute::data::{SharedAcl, StatPersisted};
use proptest::prelude::*;

use super::ahead::Chunks;
use super::body::{BodyWalk, Item, put_acls, put_end, put_node, put_sessions};
use super::read::read_chunks;
use super::*;
use crate::ids::SessionId;
use crate::runtime::start_thread;
use crate::storage::names::{SNAPSHOT, ZxidFile, files};
use crate::storage::testing::*;
use crate::storage::{DataDirs, Error, Result};
use crate::tree::{DataTree, TreeOptions, WalkedNode};

/// The content of a snapshot, as it came.
#[derive(Debug, Default, PartialEq)]
struct Content {
    sessions: Vec<(SessionId, i32)>,
    acls: Vec<(i64, SharedAcl)>,
    nodes: Vec<(String, Option<Vec<u8>>, i64, StatPersisted)>,
    trailer: Trailer,
}

fn content(dirs: &DataDirs, file: &ZxidFile) -> Result<Content> {
    let mut c = Content::default();
    c.trailer = read(&**dirs.disk(), file, Limits::default(), None, |item| {
        match item {
            Item::Session(id, timeout) => c.sessions.push((id, timeout)),
            Item::Acl(index, acl) => c.acls.push((index, acl)),
            Item::Node { path, data, acl, stat } => {
                c.nodes.push((path.into_owned(), data.map(<[u8]>::to_vec), acl, stat));
            }
            Item::End => {}
        }
        Ok(())
    })?;
    Ok(c)
}

fn body(c: &Content) -> Vec<u8> {
    let mut out = Vec::new();
    put_sessions(&c.sessions, &mut out);
    put_acls(c.acls.len(), c.acls.iter().map(|(i, a)| (*i, &a[..])), &mut out);
    for (path, data, acl, stat) in &c.nodes {
        put_node(WalkedNode { path, data: data.as_deref(), acl: *acl, stat }, &mut out);
    }
    put_end(&mut out);
    out
}

fn write(dirs: &DataDirs, zxid: Zxid, compression: Compression, c: &Content) {
    let disk = Arc::clone(dirs.disk());
    let mut writer = SnapshotWriter::create(disk, dirs.snap(), zxid, compression).unwrap();
    for piece in body(c).chunks(1000) {
        writer.put(piece).unwrap();
    }
    writer.finish(c.trailer).unwrap();
}

fn only(dirs: &DataDirs) -> ZxidFile {
    files(&**dirs.disk(), dirs.snap(), SNAPSHOT).unwrap().remove(0)
}

fn golden_snapshots() -> Vec<(String, String, Vec<u8>)> {
    golden().into_iter().filter(|g| g.1.starts_with("snapshot.")).collect()
}

#[test]
fn every_java_snapshot_is_read_and_comes_out_as_it_went_in() {
    for (version, name, bytes) in golden_snapshots() {
        let dirs = dirs_with(&[(name.clone(), bytes.clone())]);
        let file = only(&dirs);
        assert!(valid(&**dirs.disk(), &file).unwrap(), "{version} {name}");
        let read = content(&dirs, &file).unwrap();
        assert!(read.nodes.len() > 10 && !read.sessions.is_empty() && !read.acls.is_empty());
        assert_eq!(read.nodes[0].0, "");

        let again = dirs_with(&[]);
        write(&again, file.zxid, compression_of(&name), &read);
        assert_eq!(content(&again, &only(&again)).unwrap(), read, "{version} {name}");
        match compression_of(&name) {
            Compression::None => assert_eq!(get(&again, &name), bytes, "{version} {name}"),
            // Deflate and snappy leave their packing to the implementation.
            Compression::Gzip => assert_eq!(get(&again, &name)[..2], bytes[..2]),
            Compression::Snappy => assert_eq!(get(&again, &name)[..16], bytes[..16]),
        }
    }
}

#[test]
fn a_plain_snapshot_is_read_from_any_stream() {
    let (_, bytes) = golden_of("3.9.5", "snapshot.").remove(0);
    let mut nodes = 0;
    let count = |item: Item<'_>| {
        nodes += usize::from(matches!(item, Item::Node { .. }));
        Ok(())
    };
    let trailer = read_stream(&bytes[..], Limits::default(), count).unwrap();
    assert_eq!((nodes, trailer.last_zxid), (20, Some(Zxid(0x1a))));
    let refused = read_stream(&bytes[..], Limits::default(), |_| Err("no".to_owned()));
    assert_eq!(refused, Err("no, at offset 16 of its content".to_owned()));
}

/// The bytes of a plain snapshot.
fn plain() -> io::Cursor<Vec<u8>> {
    io::Cursor::new(golden_of("3.9.5", "snapshot.").remove(0).1)
}

/// The chunks of a stream, read when they are asked for or ahead of that.
fn chunks(stream: impl io::Read + Send + 'static, len: usize, ahead: bool) -> Chunks<'static> {
    if ahead { Chunks::ahead(stream, len, start_thread).unwrap() } else { Chunks::of(stream, len) }
}

/// What a plain snapshot ends with, and how many nodes it has.
fn counted(chunks: Chunks<'_>) -> std::result::Result<(Trailer, usize), String> {
    let mut nodes = 0;
    let count = |item: Item<'_>| {
        nodes += usize::from(matches!(item, Item::Node { .. }));
        Ok(())
    };
    read_chunks(chunks, Limits::default(), count).map(|trailer| (trailer, nodes))
}

/// As [`counted`], in chunks of this length, read in either way.
fn in_chunks(bytes: &[u8], len: usize) -> std::result::Result<(Trailer, usize), String> {
    let now = counted(chunks(io::Cursor::new(bytes.to_vec()), len, false));
    let ahead = counted(chunks(io::Cursor::new(bytes.to_vec()), len, true));
    assert_eq!(now, ahead, "chunks of {len}");
    now
}

#[test]
fn a_chunk_may_end_anywhere() {
    let bytes = plain().into_inner();
    let whole = in_chunks(&bytes, bytes.len() + 1).unwrap();
    let lens = (1..60).chain(bytes.len() - 100..=bytes.len());
    for len in lens {
        assert_eq!(in_chunks(&bytes, len).as_ref(), Ok(&whole), "chunks of {len}");
        let mut changed = bytes.clone();
        changed[len * 7 % bytes.len()] ^= 1;
        assert!(in_chunks(&changed, len).is_err(), "chunks of {len}");
        assert!(in_chunks(&bytes[..bytes.len() - 1], len).is_err(), "chunks of {len}");
    }
}

/// Gives bytes until one cannot be read.
struct Faulty(io::Take<io::Cursor<Vec<u8>>>);

impl io::Read for Faulty {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buf) {
            Ok(0) => Err(io::Error::other("the device reports an error")),
            read => read,
        }
    }
}

#[test]
fn an_error_of_the_stream_comes_out_behind_what_was_read() {
    for ahead in [false, true] {
        let faulty = Faulty(io::Read::take(plain(), 1000));
        let mut seen = 0;
        let read = read_chunks(chunks(faulty, 10, ahead), Limits::default(), |_| {
            seen += 1;
            Ok(())
        });
        let what = "the device reports an error, at offset ";
        assert!(read.as_ref().is_err_and(|e| e.starts_with(what)), "{read:?}");
        assert!(seen > 3, "{seen}");
    }
}

/// Nodes without end, and how many of their bytes were read.
struct Endless(Arc<AtomicUsize>);

impl io::Read for Endless {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        buf.fill(0);
        self.0.fetch_add(buf.len(), Ordering::Relaxed);
        Ok(buf.len())
    }
}

#[test]
fn a_reader_that_is_given_up_reads_no_more() {
    for ahead in [false, true] {
        let (count, mut nodes) = (Arc::new(AtomicUsize::new(0)), 0);
        let stream = io::Read::chain(io::Read::take(plain(), 16), Endless(Arc::clone(&count)));
        let read = read_chunks(chunks(stream, 1000, ahead), Limits::default(), |_| {
            nodes += 1;
            if nodes < 100 { Ok(()) } else { Err("enough".to_owned()) }
        });
        let node = 76;
        assert_eq!(read, Err(format!("enough, at offset {} of its content", 16 + 8 + 99 * node)));
        let start = Instant::now();
        while Arc::strong_count(&count) > 1 {
            assert!(start.elapsed() < Duration::from_secs(60), "the stream is still being read");
            std::thread::yield_now();
        }
        let needless = count.load(Ordering::Relaxed) - (8 + 100 * node);
        assert!(needless < if ahead { 8 } else { 1 } * 1000, "{needless} bytes were read ahead");
    }
}

/// A stream whose code is wrong.
struct Broken;

impl io::Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        panic!("this is a bug");
    }
}

#[test]
#[should_panic(expected = "who reads ahead says where the end is")]
fn a_panic_is_no_end_of_the_stream() {
    let _ = counted(chunks(Broken, 1000, true));
}

#[test]
fn the_trailer_is_recognized_without_settings() {
    let has = |version: &str| {
        let dirs = dirs_with(&golden_of(version, "snapshot."));
        let trailer = content(&dirs, &only(&dirs)).unwrap().trailer;
        (trailer.digest.is_some(), trailer.last_zxid.is_some())
    };
    assert_eq!(has("3.9.5"), (true, true));
    assert_eq!(has("3.9.5-gz"), (true, true));
    assert_eq!(has("3.9.5-snappy"), (true, false));
    assert_eq!(has("3.9.5-nodigest"), (false, true));
    assert_eq!(has("3.6.4"), (true, false));
    assert_eq!(has("3.5.10"), (false, false));
    assert_eq!(has("3.4.14"), (false, false));
}

#[test]
fn a_snapshot_without_its_end_is_not_valid() {
    let (name, bytes) = golden_of("3.9.5", "snapshot.").remove(0);
    for end in [0, 9, 16, 1000, bytes.len() - 1] {
        let dirs = dirs_with(&[(name.clone(), bytes[..end].to_vec())]);
        assert!(!valid(&**dirs.disk(), &only(&dirs)).unwrap(), "{end}");
        assert!(newest_valid(&**dirs.disk(), dirs.snap(), 9).unwrap().is_empty());
        assert!(content(&dirs, &only(&dirs)).is_err());
    }
}

#[test]
fn every_cut_of_a_compressed_snapshot_is_found() {
    for version in ["3.9.5-gz", "3.9.5-snappy"] {
        let (name, bytes) = golden_of(version, "snapshot.").remove(0);
        for end in 0..bytes.len() {
            let dirs = dirs_with(&[(name.clone(), bytes[..end].to_vec())]);
            let read = content(&dirs, &only(&dirs));
            assert!(matches!(read, Err(Error::Snapshot { .. })), "{version} {end}");
        }
    }
}

#[test]
fn an_unfinished_snapshot_leaves_nothing() {
    let dirs = dirs_with(&[]);
    let disk = Arc::clone(dirs.disk());
    let writer = SnapshotWriter::create(disk, dirs.snap(), Zxid(5), Compression::None).unwrap();
    assert_eq!(list(&dirs, dirs.snap()), ["tmp.snapshot.5"]);
    assert!(files(&**dirs.disk(), dirs.snap(), SNAPSHOT).unwrap().is_empty());
    drop(writer);
    assert!(list(&dirs, dirs.snap()).is_empty());
    dirs.disk().create(&dirs.snap().join("tmp.snapshot.6.gz")).unwrap();
    remove_leftovers(&**dirs.disk(), dirs.snap()).unwrap();
    assert!(list(&dirs, dirs.snap()).is_empty());
}

#[test]
fn long_items_are_read_across_chunks() {
    let node = |i: usize| {
        let path = if i == 0 { String::new() } else { format!("/n{i}") };
        (path, Some(vec![i as u8; i * 100_000]), -1, StatPersisted::default())
    };
    let c = Content { nodes: (0..11).map(node).collect(), ..Content::default() };
    for compression in [Compression::None, Compression::Gzip, Compression::Snappy] {
        let dirs = dirs_with(&[]);
        write(&dirs, Zxid(1), compression, &c);
        assert!(content(&dirs, &only(&dirs)).unwrap() == c, "{compression:?}");
    }
}

#[test]
fn a_count_that_the_bytes_do_not_bear_out_takes_no_memory() {
    let mut bytes = body(&Content::default());
    bytes[..4].copy_from_slice(&i32::MAX.to_be_bytes());
    let mut parser = body::BodyParser::new(Limits::default());
    let claims_many = [&bytes[..4], &[0; 12]].concat();
    let (item, len) = parser.next(&claims_many).unwrap().unwrap();
    assert_eq!((item, len), (Item::Session(SessionId(0), 0), 16));
    assert_eq!(parser.next(&bytes[..3]).unwrap(), None);
}

#[test]
fn a_walk_is_what_the_tree_holds() {
    let tree = DataTree::new(TreeOptions::default());
    let sessions = [(SessionId(7), 4000)];
    let mut out = Vec::new();
    let mut walk = BodyWalk::start(&tree, &sessions, &mut out);
    while walk.next(&tree, 1, usize::MAX, &mut out) {}
    let mut parser = body::BodyParser::new(Limits::default());
    let (mut at, mut paths) = (0, Vec::new());
    loop {
        let (item, len) = parser.next(&out[at..]).unwrap().unwrap();
        at += len;
        match item {
            Item::Session(id, timeout) => assert_eq!((id, timeout), sessions[0]),
            Item::Node { path, .. } => paths.push(path.into_owned()),
            Item::Acl(..) => {}
            Item::End => break,
        }
    }
    assert_eq!(at, out.len());
    paths.sort();
    assert_eq!(paths, ["", "/zookeeper", "/zookeeper/config", "/zookeeper/quota"]);
}

#[test]
fn a_snapshot_of_two_trees_is_given_up() {
    let dirs = dirs_with(&[]);
    let trees = [DataTree::new(TreeOptions::default()), DataTree::new(TreeOptions::default())];
    let options = SnapshotOptions { compression: Compression::None, digest: true, last_zxid: true };
    for looks in 1..4 {
        let mut look = 0;
        let taken = take(&dirs, options, Vec::new, |f| {
            f(&trees[usize::from(look >= looks)]);
            look += 1;
        });
        assert_eq!(taken.unwrap(), None, "replaced after {looks} looks");
    }
    assert_eq!(files(&**dirs.disk(), dirs.snap(), SNAPSHOT).unwrap(), []);
}

#[test]
fn a_snapshot_does_not_appear_behind_a_cut_of_the_history() {
    let dirs = dirs_with(&[]);
    let tree = DataTree::new(TreeOptions::default());
    let options = SnapshotOptions { compression: Compression::None, digest: true, last_zxid: true };
    for cut_at in 0..3 {
        let mut look = 0;
        let taken = take(&dirs, options, Vec::new, |f| {
            f(&tree);
            if look == cut_at && cut_at < 2 {
                drop(dirs.cut_history());
            }
            look += 1;
        });
        assert_eq!(taken.unwrap().is_none(), cut_at < 2, "cut after look {cut_at}");
    }
    assert_eq!(files(&**dirs.disk(), dirs.snap(), SNAPSHOT).unwrap().len(), 1);
}

#[test]
fn a_snapshot_is_named_after_the_zxid_at_its_start() {
    let dirs = dirs_with(&[]);
    let mut tree = DataTree::new(TreeOptions::default());
    tree.set_last_processed_zxid(Zxid(0x1f));
    let options = SnapshotOptions { compression: Compression::Gzip, digest: true, last_zxid: true };
    let taken = take(&dirs, options, Vec::new, |f| {
        f(&tree);
        tree.set_last_processed_zxid(Zxid(0x20));
    })
    .unwrap()
    .expect("it is the same tree all the time");
    assert_eq!(taken.path, Path::new("/d/version-2/snapshot.1f.gz"));
    assert_eq!(taken.len, only(&dirs).len);
    assert_eq!(content(&dirs, &only(&dirs)).unwrap().trailer.last_zxid, Some(Zxid(0x20)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    /// Whatever is done to a snapshot's bytes, it is refused or read as it was.
    #[test]
    fn a_changed_snapshot_is_never_taken_for_whole(
        which in 0usize..7,
        at in 0usize..5100,
        edit in 0u8..4,
        value in any::<i32>(),
    ) {
        let snapshots = golden_snapshots();
        let (_, name, original) = &snapshots[which % snapshots.len()];
        let mut bytes = original.clone();
        let at = at % (bytes.len() - 4);
        match edit {
            0 => bytes[at] ^= value as u8,
            1 => bytes.truncate(at),
            2 => bytes.insert(at, value as u8),
            _ => bytes[at..at + 4].copy_from_slice(&value.to_be_bytes()),
        }
        let good = dirs_with(&[(name.clone(), original.clone())]);
        let changed = dirs_with(&[(name.clone(), bytes)]);
        if let Ok(c) = content(&changed, &only(&changed)) {
            // Cut right behind a seal it is what an older version would have written.
            let trailer = c.trailer;
            let whole = content(&good, &only(&good)).unwrap();
            prop_assert!(trailer.digest.is_none() || trailer.digest == whole.trailer.digest);
            prop_assert!(trailer.last_zxid.is_none() || trailer.last_zxid == whole.trailer.last_zxid);
            let expected = Content { trailer, ..whole };
            prop_assert!(c == expected);
        }
    }
}

//! Arguments, right and wrong: paths, data, ACLs, versions, flags.

use jute::Write as _;

use super::super::rng::Rng;

/// Paths that may be there, or may be made.
const PATHS: [&str; 34] = [
    "/a",
    "/b",
    "/a/b",
    "/a/c",
    "/a/b/d",
    "/a/b/d/e",
    "/c",
    "/c/x",
    "/t",
    "/t/x",
    "/e",
    "/e/x",
    "/q",
    "/q/x",
    "/q/x/y",
    "/q/z",
    "/a/s-",
    "/a/s-0000000000",
    "/a/s-0000000001",
    "/a/s-0000000002",
    "/a/0000000001",
    "/b/s-",
    "/b/s-0000000000",
    "/s-",
    "/w\u{fc}rde/\u{4e2d}",
    "/w\u{fc}rde",
    "/a b",
    "/A",
    "/aa",
    "/a/bb",
    "/a/b\u{301}",
    "/a/...",
    "/q/zookeeper_limits",
    "/zoo",
];

/// The server's own, and those that mean something to it. Not `/zookeeper/quota/zookeeper_limits`: Java
/// stops when it is made.
const SYSTEM: [&str; 12] = [
    "/",
    "/zookeeper",
    "/zookeeper/quota",
    "/zookeeper/config",
    "/zookeeper/x",
    "/zookeeper/quota/q",
    "/zookeeper/quota/q/zookeeper_limits",
    "/zookeeper/quota/q/zookeeper_stats",
    "/zookeeper/quota/a",
    "/zookeeper/quota/a/zookeeper_limits",
    "/zookeeper/quota/a/zookeeper_stats",
    "/zookeeper/quota/q/x",
];

/// What is no path.
const BAD: [&[u8]; 26] = [
    b"",
    b"a",
    b"a/b",
    b"//",
    b"//a",
    b"/a/",
    b"/a//b",
    b"/.",
    b"/..",
    b"/./a",
    b"/a/./b",
    b"/a/../b",
    b"/a/..",
    b"/a/.",
    b"/a\0b",
    b"\0",
    b"/\x01",
    b"/\x1f",
    b"/\x7f",
    b"/\xc2\x80",
    b"/\xee\x80\x80",
    b"/\xef\xbf\xb0",
    b"/\xf0\x9f\x98\x80",
    b"/a/\xff\xfe",
    b"/\xed\xa0\x80",
    b" ",
];

/// A path, `None` for null.
pub(super) fn path(rng: &mut Rng) -> Option<Vec<u8>> {
    match rng.below(100) {
        0..80 => Some(rng.pick(&PATHS[..]).as_bytes().to_vec()),
        80..91 => Some(rng.pick(&SYSTEM).as_bytes().to_vec()),
        91..98 => Some(rng.pick(&BAD).to_vec()),
        98 => Some([b"/".as_slice(), &[b'l'; 3000]].concat()),
        _ => None,
    }
}

/// Appends a path.
pub(super) fn put_path(rng: &mut Rng, out: &mut Vec<u8>) {
    let path = path(rng);
    out.put_buffer(path.as_deref());
}

/// Appends a path that is not null.
pub(super) fn put_some_path(rng: &mut Rng, out: &mut Vec<u8>) {
    let path = path(rng).unwrap_or_else(|| b"/".to_vec());
    out.put_buffer(Some(&path));
}

/// Appends a list of paths, or null, or a strange length.
pub(super) fn put_paths(rng: &mut Rng, put_path: fn(&mut Rng, &mut Vec<u8>), out: &mut Vec<u8>) {
    let n = match rng.below(20) {
        0 => return out.put_count(None),
        1 => return out.put_int(-5),
        n => n % 4,
    };
    out.put_count(Some(n));
    for _ in 0..n {
        put_path(rng, out);
    }
}

/// Data, some of which means a quota where it stands in the right node.
const DATA: [&[u8]; 16] = [
    b"",
    b"x",
    b"hello",
    b"count=2,bytes=-1",
    b"count=-1,bytes=10",
    b"count=1000,bytes=100000",
    b"count=-1,bytes=-1=;byteHardLimit=20;countHardLimit=3",
    b"count=-1,bytes=-1=;byteHardLimit=-1;countHardLimit=2",
    b"count=5,bytes=20=;byteHardLimit=10",
    b"count=0,bytes=0",
    b"byteHardLimit=0",
    b"count=,bytes=",
    b"count=x,bytes=y",
    b"count=99999999999999999999,bytes=1",
    b"=;,",
    b"\0\xff\xfe",
];

/// Appends data.
pub(super) fn put_data(rng: &mut Rng, out: &mut Vec<u8>) {
    match rng.below(500) {
        0..375 => out.put_buffer(Some(*rng.pick(&DATA))),
        375..425 => out.put_buffer(None),
        425..497 => out.put_buffer(Some(&vec![b'd'; rng.below(64)])),
        497..499 => out.put_buffer(Some(&vec![b'D'; 70_000])),
        _ => out.put_buffer(Some(&vec![b'L'; 1_048_000])),
    }
}

/// Scheme and id; null where `None`.
type Name = (Option<&'static str>, Option<&'static str>);

const IDS: [Name; 24] = [
    (Some("world"), Some("anyone")),
    (Some("world"), Some("anyone")),
    (Some("world"), Some("anyone")),
    (Some("auth"), Some("")),
    (Some("auth"), None),
    (Some("auth"), Some("bob")),
    (Some("digest"), Some("bob:fyVmFCwVbTJYrznoSu1koqYEYF0=")),
    (Some("digest"), Some("alice:ymPhuWeFSCMY9u3N/YVcxIuy3LU=")),
    (Some("digest"), Some("nobody:x:y")),
    (Some("digest"), Some("nocolon")),
    (Some("ip"), Some("127.0.0.1")),
    (Some("ip"), Some("127.0.0.0/8")),
    (Some("ip"), Some("10.0.0.1")),
    (Some("ip"), Some("10.0.0.1/99")),
    (Some("ip"), Some("300.0.0.1")),
    (Some("ip"), Some("::1")),
    (Some("ip"), Some("localhost")),
    (Some("world"), Some("nobody")),
    (Some("super"), Some("")),
    (Some("x509"), Some("CN=x")),
    (Some("sasl"), Some("bob")),
    (None, Some("anyone")),
    (Some("world"), None),
    (Some(""), Some("")),
];

/// Appends an ACL: the open one, or any.
pub(super) fn put_acl(rng: &mut Rng, out: &mut Vec<u8>) {
    let n = match rng.below(100) {
        0..60 => return put_entries(&[(31, IDS[0])], out),
        60..62 => return out.put_count(None),
        62..64 => 0,
        64 => return out.put_int(-2),
        65..90 => 1,
        _ => 2 + rng.below(3),
    };
    let mut entries = Vec::new();
    for _ in 0..n {
        let perms = *rng.pick(&[31, 31, 31, 1, 3, 15, 16, 30, 0, 63, -1]);
        let id = if rng.chance(90) { IDS[rng.below(13)] } else { *rng.pick(&IDS) };
        entries.push((perms, id));
    }
    put_entries(&entries, out);
}

fn put_entries(entries: &[(i32, Name)], out: &mut Vec<u8>) {
    out.put_count(Some(entries.len()));
    for (perms, (scheme, id)) in entries {
        out.put_int(*perms);
        out.put_str(*scheme);
        out.put_str(*id);
    }
}

/// A version: none asked for, or a likely one, or nonsense.
pub(super) fn version(rng: &mut Rng) -> i32 {
    match rng.below(100) {
        0..60 => -1,
        60..95 => rng.below(4) as i32,
        _ => *rng.pick(&[-2, i32::MAX, i32::MIN, 1000]),
    }
}

/// Flags of a create.
pub(super) fn flags(rng: &mut Rng) -> i32 {
    match rng.below(100) {
        0..55 => 0,
        55..75 => 1,
        75..83 => 2,
        83..91 => 3,
        91..98 => 4 + rng.below(3) as i32,
        _ => *rng.pick(&[7, -1, i32::MAX, i32::MIN]),
    }
}

/// A time to live that no run outlasts, or a wrong one.
pub(super) fn ttl(rng: &mut Rng) -> i64 {
    match rng.below(100) {
        0..80 => 3_600_000 + rng.below(5) as i64,
        _ => *rng.pick(&[0, -1, 0xff_ffff_ffff, 0x100_0000_0000, i64::MAX, i64::MIN]),
    }
}

/// Scheme and proof of an `auth` packet.
pub(super) fn proof(rng: &mut Rng) -> (Option<&'static str>, Option<&'static [u8]>) {
    const GOOD: [&[u8]; 4] = [b"bob:secret", b"alice:x", b"super:test", b"carol:a:b"];
    const STRANGE: [Option<&[u8]>; 6] =
        [None, Some(b""), Some(b"nocolon"), Some(b":"), Some(b"\xff:\xfe"), Some(b"super:wrong")];
    const SCHEMES: [Option<&str>; 8] = [
        None,
        Some(""),
        Some("ip"),
        Some("world"),
        Some("auth"),
        Some("sasl"),
        Some("x509"),
        Some("unknown"),
    ];
    match rng.below(100) {
        0..80 => (Some("digest"), Some(*rng.pick(&GOOD))),
        80..90 => (Some("digest"), *rng.pick(&STRANGE)),
        _ => (*rng.pick(&SCHEMES), Some(b"x:y")),
    }
}

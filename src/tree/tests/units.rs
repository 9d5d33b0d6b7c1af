//! Paths, owners, digests, ACL indexes.

use super::*;
use crate::ids::Zxid;
use crate::tree::acl_cache::{AclCache, OPEN};
use crate::tree::ephemeral::{CONTAINER_OWNER, Encodings, MAX_TTL, ttl_to_owner};
use crate::tree::path::{PathError, Reason};
use crate::txn::TxnRecord;
use jute::txn::{ErrorTxn, TxnDigest};

#[test]
fn paths_that_are_fine() {
    for path in
        ["/", "/a", "/a.b/..c/d..", "/.../...a", "/a b/\u{a0}", "/\u{d7ff}\u{f900}", "/\u{ffef}"]
    {
        assert_eq!(path::validate(path), Ok(()), "{path}");
    }
}

#[test]
fn paths_that_are_not() {
    use Reason::{EmptyName, InvalidCharacter, NullCharacter, Relative};
    let faults = [
        ("/a\0", NullCharacter, 2),
        ("/a//b", EmptyName, 3),
        ("//a", EmptyName, 1),
        ("/./a", Relative, 1),
        ("/a/..", Relative, 4),
        ("/../a", Relative, 2),
        ("/a/.", Relative, 3),
        ("/\u{1}", InvalidCharacter, 1),
        ("/\u{7f}", InvalidCharacter, 1),
        ("/\u{9f}", InvalidCharacter, 1),
        ("/a\u{e000}", InvalidCharacter, 2),
        ("/\u{fff0}", InvalidCharacter, 1),
        ("/\u{1f600}", InvalidCharacter, 1),
        ("/\u{e9}\u{e9}\u{8}", InvalidCharacter, 3),
    ];
    for (bad, reason, at) in faults {
        let error = PathError::Invalid { path: bad.to_owned(), reason, at };
        assert_eq!(path::validate(bad), Err(error), "{bad:?}");
    }
    assert_eq!(path::validate(""), Err(PathError::Empty));
    assert_eq!(path::validate("a"), Err(PathError::NoLeadingSlash));
    assert_eq!(path::validate("/a/"), Err(PathError::TrailingSlash));
    assert_eq!(
        path::validate("/a/../b").unwrap_err().to_string(),
        "Invalid path string \"/a/../b\" caused by relative paths not allowed @4"
    );
}

#[test]
fn parents_and_namespaces() {
    assert_eq!(path::split("/a/b"), Some(("/a", "b")));
    assert_eq!(path::split("/a"), Some(("", "a")));
    assert_eq!(path::split("a"), None);
    assert_eq!(path::parent("/a/b"), Some("/a"));
    assert_eq!(path::parent("/a"), Some("/"));
    assert_eq!(path::parent("/"), None);
    assert_eq!(path::top_namespace("/a/b"), Some("a"));
    assert_eq!(path::top_namespace("/"), None);
    assert_eq!(path::top_namespace(""), None);
}

#[test]
fn owners_mean_what_the_settings_say() {
    use EphemeralType::{Container, Normal, Ttl, Void};
    let plain = Encodings::default();
    let extended = Encodings { extended_types: true, emulate_353_ttl: false };
    let emulating = Encodings { extended_types: true, emulate_353_ttl: true };
    let only_emulating = Encodings { extended_types: false, emulate_353_ttl: true };
    let ttl = ttl_to_owner(10).unwrap();
    let old_ttl = i64::MIN | 10;
    for (owner, kinds) in [
        (0, [Void, Void, Void, Void]),
        (5, [Normal, Normal, Normal, Normal]),
        (CONTAINER_OWNER, [Container, Container, Container, Container]),
        (ttl, [Normal, Ttl, Ttl, Normal]),
        (old_ttl, [Normal, Normal, Ttl, Normal]),
    ] {
        let found = [plain, extended, emulating, only_emulating]
            .map(|e| EphemeralType::of(owner, e).unwrap());
        assert_eq!(found, kinds, "{owner:x}");
    }
    assert_eq!(ephemeral::owner_to_ttl(ttl), 10);
    assert_eq!(ephemeral::owner_to_ttl(old_ttl), 10);
}

#[test]
fn times_to_live_have_bounds() {
    assert_eq!(ttl_to_owner(1).unwrap() as u64, 0xff00_0000_0000_0001);
    assert_eq!(ttl_to_owner(MAX_TTL).unwrap() as u64, 0xff00_00ff_ffff_ffff);
    for ttl in [0, -1, i64::MIN, MAX_TTL + 1] {
        assert!(ttl_to_owner(ttl).is_err());
    }
}

/// Numbers of a Java server.
#[test]
fn the_digest_is_javas() {
    let stat = StatPersisted {
        czxid: 1,
        mzxid: 2,
        ctime: 3,
        mtime: 4,
        version: 5,
        cversion: 6,
        aversion: 7,
        ephemeral_owner: 8,
        pzxid: 9,
    };
    assert_eq!(node_digest("/x\u{e9}", Some(&[1, 2, 3]), &stat), 1_050_579_057);
    assert_eq!(node_digest("/zookeeper/x", None, &stat), 0);
    assert_eq!(node_digest("/", None, &stat), node_digest("", Some(b""), &stat));
    let mut tree = DataTree::new(TreeOptions::default());
    assert_eq!(tree.digest(), 1_371_985_504);
    let mut apply = |zxid, time, kind, txn: &Txn| {
        let header = TxnHeader { client_id: 7, cxid: 1, zxid, time, kind };
        tree.apply(&header, txn, &mut NoEvents);
        tree.digest()
    };
    let create = CreateTxn { ephemeral: true, parent_cversion: 1, ..create_txn("/a", "data") };
    assert_eq!(apply(0x80, 1000, op::CREATE, &Txn::Create(create)), 3_942_756_784);
    assert_eq!(apply(0x81, 1001, op::SET_DATA, &set_data_txn("/a", None, 1)), 5_559_731_476);
    assert_eq!(apply(0x82, 1002, op::SET_DATA, &set_data_txn("/", Some("root"), 3)), 6_886_355_993);
    assert_eq!((tree.cached_approximate_data_size(), tree.approximate_data_size()), (50, 54));
    let log: Vec<ZxidDigest> = tree.digest_log().collect();
    assert_eq!(log, [ZxidDigest { zxid: Zxid(0x80), version: 2, digest: 3_942_756_784 }]);
}

#[test]
fn a_node_knows_its_part_of_the_digest() {
    let mut run = Run::new();
    run.create("/a", "x");
    let part = |path| run.tree.node(path).unwrap().digest();
    assert_eq!(part("/") + part("/a") + part("/zookeeper"), run.tree.digest());
    assert_eq!(part(CONFIG_NODE), 0);
}

#[test]
fn without_digests_there_are_none() {
    let mut run = Run::with(TreeOptions { digest: false, ..TreeOptions::default() });
    run.create("/a", "x");
    assert_eq!((run.tree.digest(), run.tree.node("/a").unwrap().digest()), (0, 0));
}

fn record(zxid: i64, tree_digest: i64, version: i32) -> TxnRecord {
    let header = TxnHeader { zxid, kind: op::ERROR, ..TxnHeader::default() };
    let digest = Some(TxnDigest { version, tree_digest });
    TxnRecord { header, txn: Txn::Error(ErrorTxn { err: -1 }), digest }
}

#[test]
fn a_predicted_digest_is_compared() {
    let mut tree = DataTree::new(TreeOptions::default());
    let good = tree.digest();
    for (digest, version, mismatches) in [(good, 2, 0), (5, 2, 1), (5, 3, 1), (6, 2, 2)] {
        tree.apply_record(&record(1, digest, version), &mut NoEvents);
        assert_eq!(tree.digest_mismatches(), mismatches);
    }
}

#[test]
fn no_digest_counts_until_that_of_the_snapshot_was_met() {
    let mut tree = DataTree::new(TreeOptions::default());
    let expected = ZxidDigest { zxid: Zxid(5), version: 2, digest: tree.digest() };
    tree.expect_digest(expected, Zxid(6));
    assert_eq!(tree.digest_from_loaded_snapshot(), None, "it is older than the snapshot");
    tree.expect_digest(ZxidDigest::EMPTY, Zxid(0));
    assert_eq!(tree.digest_from_loaded_snapshot(), None, "there is none");
    tree.expect_digest(expected, Zxid(3));
    tree.apply_record(&record(4, 9, 2), &mut NoEvents);
    assert_eq!((tree.digest_mismatches(), tree.snapshot_digest()), (0, expected));
    tree.apply_record(&record(5, 9, 2), &mut NoEvents);
    assert_eq!(tree.digest_from_loaded_snapshot(), None);
    assert_eq!(tree.digest_mismatches(), 1, "only the transaction's is wrong");
    tree.expect_digest(ZxidDigest { digest: 1, ..expected }, Zxid(5));
    tree.apply(&record(5, 0, 2).header, &record(5, 0, 2).txn, &mut NoEvents);
    assert_eq!(tree.digest_mismatches(), 2, "the snapshot's is wrong");
    tree.set_fuzzy(true);
    tree.apply_record(&record(6, 9, 2), &mut NoEvents);
    assert_eq!(tree.digest_mismatches(), 2, "it is ahead of its zxid");
    assert_eq!(tree.snapshot_digest().zxid, Zxid(5));
    tree.set_fuzzy(false);
    let met = ZxidDigest { zxid: Zxid(6), version: 2, digest: tree.digest() };
    assert_eq!(tree.snapshot_digest(), met);
    tree.apply_record(&record(7, 9, 2), &mut NoEvents);
    assert_eq!(tree.digest_mismatches(), 3);
}

/// A snapshot that is begun before the digest was met and ended behind it is fuzzy up to there.
#[test]
fn the_digest_of_a_snapshot_is_recorded_where_it_was_met() {
    let mut tree = DataTree::new(TreeOptions::default());
    let expected = ZxidDigest { zxid: Zxid(5), version: 2, digest: tree.digest() };
    tree.expect_digest(expected, Zxid(3));
    for zxid in 4..=5 {
        tree.apply_record(&record(zxid, expected.digest, 2), &mut NoEvents);
        assert_eq!(tree.snapshot_digest(), expected);
    }
    assert_eq!((tree.digest_from_loaded_snapshot(), tree.digest_mismatches()), (None, 0));
}

#[test]
fn the_history_of_digests_is_bounded() {
    let mut tree = DataTree::new(TreeOptions::default());
    for zxid in 1..=128 * 1030 {
        let TxnRecord { header, txn, .. } = record(zxid, 0, 2);
        tree.apply(&header, &txn, &mut NoEvents);
    }
    let log: Vec<i64> = tree.digest_log().map(|d| d.zxid.0).collect();
    assert_eq!((log.len(), log[0], log[1023]), (1024, 128 * 7, 128 * 1030));
}

#[test]
fn an_acl_that_its_last_node_lets_go_gets_a_new_index() {
    let mut cache = AclCache::new();
    let (a, b) = (acl_of("a"), acl_of("b"));
    assert_eq!(cache.convert(None), OPEN);
    let slot = cache.convert(Some(&a));
    assert_eq!((cache.index(slot), cache.convert(Some(&a))), (1, slot));
    let other = cache.convert(Some(&b));
    assert_eq!(cache.index(other), 2);
    cache.remove_usage(slot);
    assert_eq!(cache.len(), 2);
    cache.remove_usage(slot);
    assert_eq!(cache.len(), 1);
    let slot = cache.convert(Some(&a));
    assert_eq!(cache.index(slot), 3);
}

/// The order of a Java server's map, after some of sixty were let go.
#[test]
fn the_acl_map_has_javas_order() {
    let mut cache = AclCache::new();
    let slots: Vec<_> = (0..60).map(|i| cache.convert(Some(&acl_of(&i.to_string())))).collect();
    for i in (0..60).filter(|i| i % 7 != 3 && i % 5 != 1) {
        cache.remove_usage(slots[i]);
    }
    let order: Vec<i64> = cache.entries().map(|(index, _)| index).collect();
    let java = [32, 2, 4, 37, 7, 39, 42, 11, 12, 46, 47, 17, 18, 52, 53, 22, 25, 57, 27, 60];
    assert_eq!(order, java);
}

/// What a million nodes weigh is decided here.
#[test]
fn a_record_has_112_bytes() {
    assert_eq!(size_of::<NodeRecord>(), 112);
}

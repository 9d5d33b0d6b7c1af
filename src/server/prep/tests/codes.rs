//! The checks of each op, in their order: a request that breaks several rules gets the first one's
//! code.

use super::*;
use crate::server::auth::perms;

const BAD_PATHS: [&str; 6] = ["/a//b", "/a/", "/a/.", "/a/../b", "/a/\u{1}", "/a/\u{e000}"];

#[test]
fn a_create_checks_flags_then_ttl_then_session() {
    let mut server = Server::new();
    for flags in [-1, 7, i32::MAX] {
        assert_eq!(server.run(&create("nopath", flags)), Some(Code::BadArguments));
    }
    let unknown = |req| Request { session: SessionId(99), ..req };
    assert_eq!(server.run(&unknown(create("/a", 5))), Some(Code::Unimplemented));
    assert_eq!(server.run(&unknown(create("nopath", 0))), Some(Code::UnknownSession));
    // Only a global session can own an ephemeral, and there is none of that id.
    assert_eq!(server.run(&unknown(create("nopath", 1))), Some(Code::SessionExpired));
    assert_eq!(server.run(&create("/a", 0)), None);
}

#[test]
fn a_create_checks_path_acl_parent_permission_name_and_existence() {
    let mut server = Server::new();
    let mut run = |req: &Request| server.run(req);
    assert_eq!(run(&create_acl("nopath", &[])), Some(Code::BadArguments));
    assert_eq!(run(&create_acl("/a\0b", &[])), Some(Code::BadArguments));
    assert_eq!(run(&create_acl("/none/a", &[])), Some(Code::InvalidAcl));
    assert_eq!(run(&create("/none/a", 0)), Some(Code::NoNode));
    assert_eq!(run(&create_acl("/a", &for_others(perms::ALL & !perms::CREATE))), None);
    assert_eq!(run(&create("/a/.", 0)), Some(Code::NoAuth));
    assert_eq!(run(&create_acl("/b", &for_others(perms::CREATE))), None);
    assert_eq!(run(&create("/b/c", 0)), None);
    assert_eq!(run(&create("/b/c", 0)), Some(Code::NodeExists));
    assert_eq!(run(&create("/", 0)), Some(Code::NodeExists));
    for bad in ["/b/", "/b/.", "/b/..", "/b/\u{1}", "/b/\u{e000}"] {
        assert_eq!(run(&create(bad, 0)), Some(Code::BadArguments), "{bad}");
    }
    for under_none in ["/b//b", "/b/../b"] {
        assert_eq!(run(&create(under_none, 0)), Some(Code::NoNode), "{under_none}");
    }
}

#[test]
fn no_child_under_an_ephemeral_but_under_containers_and_ttl_nodes() {
    let mut server = Server::with_ttl();
    assert_eq!(server.run(&create("/e", 1)), None);
    assert_eq!(server.run(&create("/e/c", 0)), Some(Code::NoChildrenForEphemerals));
    assert_eq!(server.run(&create_with(op::CREATE_CONTAINER, "/c", 4)), None);
    assert_eq!(server.run(&create("/c/c", 0)), None);
    assert_eq!(server.run(&create_ttl("/t", 5, 1000)), None);
    assert_eq!(server.run(&create("/t/c", 0)), None);
}

#[test]
fn sequential_names_count_the_creates_of_the_parent() {
    let mut server = Server::new();
    server.make("/p");
    for expected in ["/p/a-0000000000", "/p/0000000001"] {
        let asked = if expected.contains('a') { "/p/a-" } else { "/p/" };
        let prepared = server.prepare(&create(asked, 2));
        let Some(Txn::Create(txn)) = prepared.record.map(|r| r.txn) else { panic!("no create") };
        assert_eq!(txn.path.as_deref(), Some(expected));
    }
    server.commit();
    assert_eq!(server.run(&delete("/p/0000000001", -1)), None);
    assert_eq!(server.run(&create("/p/x", 3)), None);
    assert!(server.has("/p/x0000000002"));
}

#[test]
fn the_op_code_and_not_the_flags_decide_what_a_create_makes() {
    let mut server = Server::with_ttl();
    assert_eq!(server.run(&create("/plain", 4)), None);
    assert_eq!(server.tree.node("/plain").unwrap().stat_persisted().ephemeral_owner, 0);
    assert_eq!(server.run(&create_with(op::CREATE_CONTAINER, "/container", 1)), None);
    let owner = server.tree.node("/container").unwrap().stat_persisted().ephemeral_owner;
    assert_eq!(owner, i64::MIN);
    assert_eq!(server.run(&create("/ttl", 5)), Some(Code::BadArguments));
    assert_eq!(server.run(&create_ttl("/ttl", 5, 9)), None);
    let owner = server.tree.node("/ttl").unwrap().stat_persisted().ephemeral_owner;
    assert_eq!(owner, 0xff00_0000_0000_0009_u64 as i64);
}

#[test]
fn a_time_to_live_has_its_range() {
    let mut server = Server::with_ttl();
    for ttl in [0, -1, i64::MIN, 0x100_0000_0000] {
        assert_eq!(server.run(&create_ttl("/t", 5, ttl)), Some(Code::BadArguments));
    }
    // A mode without one takes none, not even a negative one, over which Java stops.
    for (flags, ttl) in [(0, 1), (1, 0), (0, -1), (4, -5)] {
        assert_eq!(server.run(&create_ttl("/t", flags, ttl)), Some(Code::BadArguments));
    }
    assert_eq!(server.run(&create_ttl("/no/t", 0, -1)), Some(Code::NoNode));
    assert_eq!(server.run(&create_ttl("/t", 6, 0xff_ffff_ffff)), None);
    assert!(server.has("/t0000000000"));
    let mut plain = Server::new();
    assert_eq!(plain.run(&create_ttl("/t", 5, 1000)), Some(Code::Unimplemented));
}

#[test]
fn a_delete_checks_session_path_parent_permission_node_version_children() {
    let mut server = Server::new();
    let unknown = Request { session: SessionId(99), ..delete("/", -1) };
    assert_eq!(server.run(&unknown), Some(Code::UnknownSession));
    for special in ["/", "/zookeeper", "/zookeeper/quota", "/zookeeper/config", "x", "/a\0"] {
        assert_eq!(server.run(&delete(special, -1)), Some(Code::BadArguments), "{special}");
    }
    assert_eq!(server.run(&delete("/a/b", -1)), Some(Code::NoNode));
    assert_eq!(server.run(&create_acl("/a", &for_others(1 | 2 | 4 | 16))), None);
    assert_eq!(server.run(&delete("/a/none", -1)), Some(Code::NoAuth));
    assert_eq!(server.run(&delete("/none", -1)), Some(Code::NoNode));
    server.make("/a/b");
    assert_eq!(server.run(&delete("/a", 1)), Some(Code::BadVersion));
    assert_eq!(server.run(&delete("/a", 0)), Some(Code::NotEmpty));
    server.make("/c");
    assert_eq!(server.run(&delete("/c", 0)), None);
    assert!(!server.has("/c"));
}

#[test]
fn the_deletion_of_a_container_asks_for_neither_session_nor_permission() {
    let mut server = Server::new();
    assert_eq!(server.run(&delete_container("/zookeeper")), Some(Code::BadArguments));
    assert_eq!(server.run(&delete_container("/none")), Some(Code::NoNode));
    assert_eq!(server.run(&create_with(op::CREATE_CONTAINER, "/c", 4)), None);
    server.make("/c/d");
    assert_eq!(server.run(&delete_container("/c")), Some(Code::NotEmpty));
    assert_eq!(server.run(&delete_container("/c/d")), None);
    assert_eq!(server.run(&create("/e", 1)), None);
    assert_eq!(server.run(&delete_container("/e")), Some(Code::BadVersion));
    assert_eq!(server.run(&delete_container("/c")), None);
    assert!(!server.has("/c"));
}

#[test]
fn set_data_checks_session_path_node_permission_version() {
    let mut server = Server::new();
    let unknown = Request { session: SessionId(99), ..set_data("x", b"", -1) };
    assert_eq!(server.run(&unknown), Some(Code::UnknownSession));
    for bad in BAD_PATHS {
        assert_eq!(server.run(&set_data(bad, b"", -1)), Some(Code::BadArguments), "{bad}");
    }
    assert_eq!(server.run(&set_data("/none", b"", -1)), Some(Code::NoNode));
    assert_eq!(server.run(&create_acl("/a", &for_others(1))), None);
    assert_eq!(server.run(&set_data("/a", b"", 9)), Some(Code::NoAuth));
    server.make("/b");
    assert_eq!(server.run(&set_data("/b", b"", 1)), Some(Code::BadVersion));
    assert_eq!(server.run(&set_data("/b", b"new", 0)), None);
    assert_eq!(server.run(&set_data("/b", b"newer", -1)), None);
    let node = server.tree.node("/b").unwrap();
    assert_eq!((node.data(), node.stat().version), (Some(&b"newer"[..]), 2));
    assert_eq!(server.run(&set_data("/", b"root", -1)), None);
    assert_eq!(server.run(&create("/after", 0)), None);
}

#[test]
fn set_acl_checks_session_path_acl_node_permission_version() {
    let mut server = Server::new();
    let unknown = Request { session: SessionId(99), ..set_acl("x", &[], -1) };
    assert_eq!(server.run(&unknown), Some(Code::UnknownSession));
    assert_eq!(server.run(&set_acl("x", &[], -1)), Some(Code::BadArguments));
    assert_eq!(server.run(&set_acl("/none", &[], -1)), Some(Code::InvalidAcl));
    assert_eq!(server.run(&set_acl("/none", open_acl(), -1)), Some(Code::NoNode));
    assert_eq!(server.run(&create_acl("/a", &for_others(1 | 2 | 4 | 8))), None);
    assert_eq!(server.run(&set_acl("/a", open_acl(), 9)), Some(Code::NoAuth));
    server.make("/b");
    assert_eq!(server.run(&set_acl("/b", &[world(1)], 1)), Some(Code::BadVersion));
    assert_eq!(server.run(&set_acl("/b", &[world(17), world(17)], 0)), None);
    let node = server.tree.node("/b").unwrap();
    assert_eq!((&**node.acl(), node.stat().aversion), (&[world(17)][..], 1));
}

/// Unlike in Java, where a request checks the ACL of what is applied.
#[test]
fn a_prepared_acl_counts_for_what_is_prepared_behind_it() {
    let mut server = Server::new();
    server.make("/a");
    assert_eq!(server.prepare(&set_acl("/a", &[world(1)], -1)).error, None);
    assert_eq!(server.prepare(&set_data("/a", b"", -1)).error, Some(Code::NoAuth));
    server.commit();
}

#[test]
fn a_write_that_fails_is_a_transaction() {
    let mut server = Server::new();
    let prepared = server.prepare(&set_data("/none", b"", -1));
    let record = prepared.record.unwrap();
    assert_eq!(record.header.kind, op::ERROR);
    assert_eq!((record.header.client_id, record.header.cxid), (SESSION, 7));
    assert_eq!(record.txn, Txn::Error(ErrorTxn { err: Code::NoNode.number() }));
    assert_eq!(record.digest, None);
    server.commit();
    assert_eq!(server.tree.last_processed_zxid(), Zxid(1));
}

#[test]
fn a_quota_refuses_only_where_it_is_hard_and_enforced() {
    let limits = |server: &mut Server, text: &str| {
        server.make("/q");
        server.make("/zookeeper/quota/q");
        assert_eq!(server.run(&create("/zookeeper/quota/q/zookeeper_stats", 0)), None);
        let usage = set_data("/zookeeper/quota/q/zookeeper_stats", b"count=1,bytes=4", -1);
        assert_eq!(server.run(&usage), None);
        let body = CreateRequest {
            path: self::text("/zookeeper/quota/q/zookeeper_limits"),
            data: Some(text.as_bytes().to_vec()),
            acl: Some(open_acl().to_vec()),
            flags: 0,
        };
        assert_eq!(server.run(&request(op::CREATE, to_bytes(&body))), None);
    };
    let enforcing = || {
        let options = PrepOptions { enforce_quota: true, ..PrepOptions::default() };
        Server::with(options, TreeOptions::default())
    };
    let mut hard = enforcing();
    limits(&mut hard, "count=1,bytes=1=;byteHardLimit=10;countHardLimit=2");
    assert_eq!(hard.run(&set_data("/q", b"0123456789A", 77)), Some(Code::QuotaExceeded));
    assert_eq!(hard.run(&set_data("/q", b"01234", 77)), Some(Code::BadVersion));
    assert_eq!(hard.run(&create("/q/a", 0)), None);
    assert_eq!(hard.run(&create("/q/b", 0)), Some(Code::QuotaExceeded));
    assert_eq!(hard.prep.take_quota_exceeded().as_deref(), Some("q"));
    assert_eq!(hard.prep.take_quota_exceeded(), None);
    let mut unreadable = enforcing();
    limits(&mut unreadable, "count=x");
    assert_eq!(unreadable.run(&create("/q/a", 0)), Some(Code::MarshallingError));
    let mut soft = enforcing();
    limits(&mut soft, "count=1,bytes=1");
    assert_eq!(soft.run(&create("/q/a", 0)), None);
    let mut off = Server::new();
    limits(&mut off, "count=1,bytes=1=;byteHardLimit=1;countHardLimit=1");
    assert_eq!(off.run(&create("/q/a", 0)), None);
}

#[test]
fn reconfig_is_not_for_a_standalone_server() {
    let body = to_bytes(&jute::proto::ReconfigRequest::default());
    let mut server = Server::new();
    assert_eq!(server.run(&request(op::RECONFIG, body.clone())), Some(Code::ReconfigDisabled));
    let options = PrepOptions { reconfig: true, ..PrepOptions::default() };
    let mut server = Server::with(options, TreeOptions::default());
    let unknown = Request { session: SessionId(99), ..request(op::RECONFIG, body.clone()) };
    assert_eq!(server.run(&unknown), Some(Code::UnknownSession));
    assert_eq!(server.run(&request(op::RECONFIG, body)), Some(Code::Unimplemented));
}

//! The records of transactions, their oddities, and replay.

use super::*;
use jute::txn::{
    CheckVersionTxn, CreateContainerTxn, CreateSessionTxn, CreateTTLTxn, CreateTxnV0, ErrorTxn,
};

#[test]
fn the_transaction_says_what_the_parents_cversion_becomes() {
    let mut run = Run::new();
    let txn = CreateTxn { parent_cversion: 9, ..create_txn("/a", "") };
    run.apply(op::CREATE, &Txn::Create(txn));
    assert_eq!(run.stat("/").cversion, 9);
    let txn = CreateTxn { parent_cversion: 4, ..create_txn("/b", "") };
    run.apply(op::CREATE, &Txn::Create(txn));
    assert_eq!((run.stat("/").cversion, run.stat("/").pzxid), (9, 1), "it never goes back");
}

#[test]
fn an_old_record_counts_the_cversion_up() {
    let mut run = Run::new();
    let txn = CreateTxnV0 { path: Some("/a".into()), data: None, acl: None, ephemeral: true };
    run.apply(op::CREATE, &Txn::CreateV0(txn));
    assert_eq!((run.stat("/").cversion, run.stat("/a").ephemeral_owner), (1, 7));
}

#[test]
fn a_create_that_meets_its_node_gives_it_the_acl_and_repairs_the_parent() {
    let mut run = Run::new();
    run.create("/a", "old");
    run.events();
    let txn = CreateTxn { acl: Some(acl_of("u")), parent_cversion: 8, ..create_txn("/a", "new") };
    assert_eq!(run.apply(op::CREATE, &Txn::Create(txn.clone())).err, NODE_EXISTS);
    assert_eq!((run.stat("/").cversion, run.stat("/").pzxid), (8, 2));
    assert_eq!((user(run.tree.node("/a").unwrap().acl()), run.data("/a")), ("u", Some("old")));
    let txn = CreateTxn { parent_cversion: 12, ..txn };
    assert_eq!(run.apply(op::CREATE2, &Txn::Create(txn)).err, NODE_EXISTS);
    assert_eq!(run.stat("/").cversion, 8, "only a plain create repairs");
    assert!(run.events().is_empty());
}

#[test]
fn an_error_changes_nothing_but_the_zxid() {
    let mut run = Run::new();
    let applied = run.apply(op::ERROR, &Txn::Error(ErrorTxn { err: -103 }));
    assert_eq!((applied.kind, applied.err), (op::ERROR, -103));
    assert_eq!(run.tree.last_processed_zxid(), Zxid(1));
    let session = Txn::CreateSession(CreateSessionTxn { timeout: 1 });
    assert_eq!(run.apply(op::CREATE_SESSION, &session).err, 0);
    run.apply_at(7, 1, op::ERROR, &Txn::Error(ErrorTxn { err: -103 }));
    assert_eq!(run.tree.last_processed_zxid(), Zxid(2), "the zxid never goes back");
}

#[test]
fn a_multi_applies_its_parts_in_order() {
    let mut run = Run::new();
    let txn = multi(vec![
        part(op::CREATE2, &Txn::Create(create_txn("/a", "1"))),
        part(op::CHECK, &Txn::Check(CheckVersionTxn { path: Some("/a".into()), version: 1 })),
        part(op::SET_DATA, &set_data_txn("/a", Some("22"), 1)),
        part(op::CREATE, &Txn::Create(create_txn("/a/b", ""))),
        part(op::DELETE, &delete_txn("/a/b")),
    ]);
    let applied = run.apply(op::MULTI, &txn);
    assert_eq!((applied.kind, applied.err), (op::MULTI, 0));
    let kinds: Vec<i32> = applied.multi.iter().map(|p| p.kind).collect();
    assert_eq!(kinds, [op::CREATE2, op::CHECK, op::SET_DATA, op::CREATE, op::DELETE]);
    assert_eq!(applied.multi[0].path.as_deref(), Some("/a"));
    assert_eq!(applied.multi[2].stat.as_ref().unwrap().data_length, 2);
    assert_eq!((run.stat("/a").version, run.stat("/a").czxid), (1, 1));
    assert_eq!(run.events().len(), 7);
}

#[test]
fn a_multi_with_an_error_applies_nothing() {
    let mut run = Run::new();
    let txn = multi(vec![
        part(op::CREATE, &Txn::Create(create_txn("/a", ""))),
        part(op::ERROR, &Txn::Error(ErrorTxn { err: -101 })),
        part(op::CREATE, &Txn::Create(create_txn("/b", ""))),
    ]);
    let applied = run.apply(op::MULTI, &txn);
    let errors: Vec<(i32, i32)> = applied.multi.iter().map(|p| (p.kind, p.err)).collect();
    assert_eq!(errors, [(-1, 0), (-1, -101), (-1, -2)]);
    assert_eq!(applied.err, -101);
    assert_eq!((run.tree.node_count(), run.events().len()), (5, 0));
}

#[test]
fn a_multi_ends_at_a_part_that_is_none() {
    let mut run = Run::new();
    let create = Txn::Create(create_txn("/a", ""));
    for bad in [
        jute::txn::Txn { kind: op::SET_ACL, data: Some(vec![]) },
        jute::txn::Txn { kind: op::MULTI, data: None },
        jute::txn::Txn { kind: op::CREATE, data: Some(vec![0, 0, 0, 9, 1]) },
        jute::txn::Txn { kind: op::DELETE, data: None },
    ] {
        let txn = multi(vec![part(op::CREATE, &create), bad, part(op::DELETE, &delete_txn("/a"))]);
        assert_eq!(run.apply(op::MULTI, &txn).multi.len(), 1);
        assert!(run.tree.node("/a").is_some());
    }
}

#[test]
fn transactions_that_no_leader_writes_are_refused() {
    let mut run = Run::new();
    for path in [None, Some(String::new()), Some("a".to_owned()), Some("//a".to_owned())] {
        let create = Txn::Create(CreateTxn { path: path.clone(), ..create_txn("", "") });
        assert_ne!(run.apply(op::CREATE, &create).err, 0);
        assert_ne!(run.apply(op::DELETE, &Txn::Delete(DeleteTxn { path: path.clone() })).err, 0);
    }
    let ttl = CreateTTLTxn { path: Some("/t".into()), ttl: -1, ..CreateTTLTxn::default() };
    assert_ne!(run.apply(op::CREATE_TTL, &Txn::CreateTtl(ttl)).err, 0);
    assert_eq!(run.tree.node_count(), 5);
}

#[test]
fn a_deletion_takes_children_that_a_fuzzy_snapshot_had_too_early() {
    let mut run = Run::new();
    for path in ["/a", "/a/b", "/a/b/c", "/d"] {
        run.create(path, "");
    }
    run.create_ephemeral(3, "/a/e");
    run.delete("/a");
    assert_eq!((run.tree.node_count(), run.tree.ephemerals_count()), (6, 0));
    assert!(run.tree.node("/a/b/c").is_none());
    run.create("/a", "");
    run.create("/a/b", "");
    assert_eq!(run.tree.node("/a").unwrap().num_children(), 1);
    assert_eq!(run.tree.digest(), recomputed_digest(&run.tree));
}

fn container(path: &str) -> Txn {
    let path = Some(path.to_owned());
    Txn::CreateContainer(CreateContainerTxn { path, parent_cversion: -1, ..Default::default() })
}

fn ttl(path: &str, ttl: i64) -> Txn {
    let path = Some(path.to_owned());
    Txn::CreateTtl(CreateTTLTxn { path, ttl, parent_cversion: -1, ..Default::default() })
}

#[test]
fn containers_and_ttls_are_known_and_owned_by_nobody() {
    let mut run = Run::with(TreeOptions { extended_types: true, ..TreeOptions::default() });
    let stat = run.apply(op::CREATE_CONTAINER, &container("/c")).stat.unwrap();
    assert_eq!(stat.ephemeral_owner, 0);
    assert_eq!(run.apply(op::CREATE_TTL, &ttl("/t", 5000)).stat.unwrap().ephemeral_owner, 0);
    let ttls: Vec<(String, i64)> = run
        .tree
        .ttls()
        .map(|(path, n)| (path, ephemeral::owner_to_ttl(n.stat_persisted().ephemeral_owner)))
        .collect();
    assert_eq!(ttls, [("/t".to_owned(), 5000)]);
    assert_eq!(run.tree.containers().map(|(path, _)| path).collect::<Vec<_>>(), ["/c"]);
    run.apply(op::DELETE_CONTAINER, &delete_txn("/c"));
    run.delete("/t");
    assert_eq!(run.tree.containers().count() + run.tree.ttls().count(), 0);
}

#[test]
fn without_extended_types_a_ttl_is_an_ephemeral_of_a_strange_session() {
    let mut run = Run::new();
    let stat = run.apply(op::CREATE_TTL, &ttl("/t", 1)).stat.unwrap();
    assert_eq!(stat.ephemeral_owner as u64, 0xff00_0000_0000_0001);
    assert_eq!((run.tree.ttls().count(), run.tree.ephemerals_count()), (0, 1));
    assert_eq!(run.ephemerals(stat.ephemeral_owner), ["/t"]);
}

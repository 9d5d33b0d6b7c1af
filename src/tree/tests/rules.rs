//! Stats, events and errors of single changes.

use super::*;

#[test]
fn a_new_tree_has_four_nodes_and_counts_five() {
    let tree = DataTree::new(TreeOptions::default());
    assert_eq!(tree.node_count(), 5);
    assert_eq!(tree.all_children_number("/"), 3);
    assert!(tree.node("").is_some() && tree.node(quota::QUOTA_ROOT).is_some());
    let config = tree.node(CONFIG_NODE).unwrap();
    assert_eq!((config.acl()[0].perms, config.stat().aversion), (1, -1));
    assert_eq!((tree.approximate_data_size(), tree.cached_approximate_data_size()), (44, 44));
}

#[test]
fn a_create_sets_the_node_and_its_parent() {
    let mut run = Run::new();
    let applied = run.create("/a", "xyz");
    let stat = applied.stat.unwrap();
    assert_eq!((applied.err, stat.czxid, stat.mzxid, stat.pzxid), (0, 1, 1, 1));
    assert_eq!((stat.ctime, stat.mtime, stat.data_length), (time_of(1), time_of(1), 3));
    assert_eq!((stat.version, stat.cversion, stat.aversion), (0, 0, 0));
    assert_eq!((run.stat("/").cversion, run.stat("/").pzxid), (1, 1));
    assert_eq!(run.events(), ["created /a anyone", "children / anyone"]);
    assert_eq!(run.tree.last_processed_zxid(), Zxid(1));
}

#[test]
fn a_plain_create_shows_no_stat() {
    let mut run = Run::new();
    assert_eq!(run.apply(op::CREATE, &Txn::Create(create_txn("/a", ""))).stat, None);
}

#[test]
fn clients_see_a_cversion_that_counts_deletions() {
    let mut run = Run::new();
    for path in ["/p", "/p/a", "/p/b", "/p/c"] {
        run.create(path, "");
    }
    run.delete("/p/b");
    let node = run.tree.node("/p").unwrap();
    assert_eq!(node.stat_persisted().cversion, 3);
    assert_eq!((node.stat().cversion, node.stat().num_children), (4, 2));
    assert_eq!(node.stat().pzxid, 5);
}

#[test]
fn a_deletion_tells_the_node_with_its_last_acl_and_then_the_parent() {
    let mut run = Run::new();
    run.create("/p", "");
    run.apply(op::SET_ACL, &set_acl_txn("/p", &acl_of("parent"), 1));
    run.create("/p/a", "");
    run.apply(op::SET_ACL, &set_acl_txn("/p/a", &acl_of("child"), 1));
    run.events();
    assert_eq!(run.delete("/p/a"), 0);
    assert_eq!(run.events(), ["deleted /p/a child", "children /p parent"]);
    assert!(run.tree.node("/p/a").is_none());
}

#[test]
fn deleting_what_is_gone_raises_the_parents_pzxid_all_the_same() {
    let mut run = Run::new();
    run.create("/p", "");
    assert_eq!(run.delete("/p/gone"), NO_NODE);
    assert_eq!((run.stat("/p").pzxid, run.stat("/p").cversion), (2, 0));
    assert_eq!(run.delete("/gone/too"), NO_NODE);
    run.events();
    assert_eq!(run.apply_at(7, 1, op::DELETE, &delete_txn("/p/gone")).err, NO_NODE);
    assert_eq!((run.stat("/p").pzxid, run.events().len()), (2, 0));
}

#[test]
fn the_root_is_never_deleted_and_never_created() {
    let mut run = Run::new();
    assert_eq!(run.delete("/"), NO_NODE);
    assert_eq!(run.create("/", "").err, NODE_EXISTS);
    assert_eq!(run.tree.node_count(), 5);
}

#[test]
fn set_data_takes_the_version_of_the_transaction() {
    let mut run = Run::new();
    run.create("/a", "one");
    run.events();
    let applied = run.apply(op::SET_DATA, &set_data_txn("/a", Some("other"), 9));
    let stat = applied.stat.unwrap();
    assert_eq!((stat.version, stat.mzxid, stat.mtime, stat.czxid), (9, 2, time_of(2), 1));
    assert_eq!((run.data("/a"), stat.data_length), (Some("other"), 5));
    assert_eq!(run.events(), ["changed /a anyone"]);
    assert_eq!(run.set("/b", "").err, NO_NODE);
}

#[test]
fn null_and_empty_data_are_different() {
    let mut run = Run::new();
    run.create("/a", "");
    assert_eq!(run.data("/a"), Some(""));
    run.apply(op::SET_DATA, &set_data_txn("/a", None, 1));
    assert_eq!(run.data("/a"), None);
    run.set("/a", "");
    assert_eq!(run.data("/a"), Some(""));
}

#[test]
fn set_acl_tells_nobody_and_counts_aversion() {
    let mut run = Run::new();
    run.create("/a", "");
    run.events();
    let stat = run.apply(op::SET_ACL, &set_acl_txn("/a", &acl_of("u"), 4)).stat.unwrap();
    assert_eq!((stat.aversion, stat.mzxid), (4, 1));
    assert_eq!(user(run.tree.node("/a").unwrap().acl()), "u");
    assert!(run.events().is_empty());
}

#[test]
fn reads_take_paths_as_they_come() {
    let mut run = Run::new();
    run.create("/a", "");
    run.create("/a/b", "");
    for path in ["a", "/a/", "//a", "/a//b", "/b", "a/b", "/a/b/", "/b/a", "\0"] {
        assert!(run.tree.node(path).is_none(), "{path}");
    }
    assert!(run.tree.node("/a/b").is_some());
}

#[test]
fn children_come_and_go() {
    let mut run = Run::new();
    for i in 0..100 {
        run.create(&format!("/n{i}"), "");
    }
    for i in (0..100).filter(|i| i % 3 != 0) {
        assert_eq!(run.delete(&format!("/n{i}")), 0);
    }
    let mut names: Vec<&str> = run.tree.node("/").unwrap().children().collect();
    names.sort_unstable();
    let mut expected: Vec<String> = (0..100).step_by(3).map(|i| format!("n{i}")).collect();
    expected.push("zookeeper".to_owned());
    expected.sort_unstable();
    assert_eq!(names, expected);
    assert_eq!(run.tree.all_children_number("/"), 34 + 3);
    assert_eq!(run.tree.all_children_number("/zookeeper"), 2);
    assert_eq!(run.tree.all_children_number("/none"), 0);
}

#[test]
fn sizes_count_utf16_units_and_the_root_twice() {
    let mut run = Run::new();
    run.create("/\u{e9}", "123");
    assert_eq!(run.tree.cached_approximate_data_size(), 44 + 2 + 3);
    run.set("/", "root");
    assert_eq!(run.tree.cached_approximate_data_size(), 44 + 5 + 4);
    assert_eq!(run.tree.approximate_data_size(), 44 + 5 + 8);
    run.delete("/\u{e9}");
    assert_eq!(run.tree.approximate_data_size(), 44 + 8);
}

#[test]
fn the_configuration_is_shown_with_its_version_in_mzxid() {
    let mut run = Run::new();
    run.tree.set_config(b"server.1=a\nversion=5", 5, 99, &mut run.events);
    let stat = run.stat(CONFIG_NODE);
    assert_eq!((stat.version, stat.mzxid, stat.mtime, stat.czxid), (-1, 5, 99, 0));
    assert_eq!(run.events(), ["changed /zookeeper/config anyone"]);
}

#[test]
fn a_missing_configuration_node_is_made_anew() {
    let mut run = Run::new();
    run.delete(CONFIG_NODE);
    run.tree.ensure_config_node();
    let node = run.tree.node(CONFIG_NODE).unwrap();
    assert_eq!((node.acl()[0].perms, node.stat().aversion), (1, -1));
}

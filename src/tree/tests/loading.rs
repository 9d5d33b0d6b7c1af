//! Snapshots in, snapshots out.

use super::*;
use crate::tree::ephemeral::InvalidOwner;

fn node(path: &str, acl: i64) -> Loaded {
    Loaded { path: path.to_owned(), data: None, acl, stat: StatPersisted::default() }
}

fn load_plain(nodes: &[Loaded]) -> Result<DataTree, LoadError> {
    load(TreeOptions::default(), &[], nodes)
}

#[test]
fn what_is_walked_loads_as_the_same_tree() {
    let mut run = Run::with(TreeOptions { extended_types: true, ..TreeOptions::default() });
    for path in ["/a", "/a/b", "/a/b/c", "/a/d", "/e"] {
        run.create(path, path);
    }
    run.create_ephemeral(3, "/a/x");
    run.apply(op::SET_ACL, &set_acl_txn("/a/b", &acl_of("u"), 1));
    let tree = load(run.tree.options(), &acls(&run.tree), &nodes(&run.tree)).unwrap();
    let sorted = |tree: &DataTree| {
        let mut nodes = nodes(tree);
        nodes.sort_by(|a, b| a.path.cmp(&b.path));
        nodes
    };
    assert_eq!(sorted(&tree), sorted(&run.tree));
    assert_eq!((tree.digest(), tree.node_count()), (run.tree.digest(), run.tree.node_count()));
    assert_eq!(tree.approximate_data_size(), run.tree.approximate_data_size());
    assert_eq!((tree.ephemerals_count(), acls(&tree)), (1, acls(&run.tree)));
    assert_eq!(user(tree.node("/a/b").unwrap().acl()), "u");
}

#[test]
fn a_node_needs_a_parent_and_a_tree_a_root() {
    let root = node("", -1);
    let orphan = |path: &str| LoadError::NoParent { path: path.to_owned() };
    let error = load_plain(&[root.clone(), node("/a/b", -1)]).unwrap_err();
    assert_eq!(error, orphan("/a/b"));
    assert_eq!(error.to_string(), "Invalid Datatree, unable to find parent /a of path /a/b");
    assert_eq!(load_plain(&[node("/a", -1)]).unwrap_err(), orphan("/a"));
    assert_eq!(load_plain(&[root.clone(), node("a", -1)]).unwrap_err(), orphan("a"));
    assert_eq!(load_plain(&[root, node("//a", -1)]).unwrap_err(), orphan("//a"));
    assert_eq!(load_plain(&[]).unwrap_err(), LoadError::NoRoot);
}

#[test]
fn parents_are_found_in_whatever_order_nodes_come() {
    let paths = ["", "/b", "/a", "/b/x", "/a/x", "/a/x/y", "/ab", "/ab/x", "/a/z", "/b/x/y"];
    let nodes: Vec<Loaded> = paths.iter().map(|p| node(p, -1)).collect();
    let tree = load_plain(&nodes).unwrap();
    assert!(paths.iter().all(|p| tree.node(p).is_some()));
    assert_eq!(tree.node("/a").unwrap().children().collect::<Vec<_>>(), ["x", "z"]);
    assert_eq!(tree.node("/ab").unwrap().num_children(), 1);
}

#[test]
fn a_path_that_comes_twice_has_what_came_last() {
    let owned = |owner| {
        let stat = StatPersisted { ephemeral_owner: owner, ..StatPersisted::default() };
        Loaded { data: Some(vec![owner as u8]), stat, ..node("/e", -1) }
    };
    let tree = load_plain(&[node("", -1), owned(3), owned(4)]).unwrap();
    assert_eq!((tree.node_count(), tree.ephemerals_count()), (3, 1));
    assert_eq!(tree.node("/e").unwrap().data(), Some(&[4][..]));
    assert_eq!(tree.digest(), recomputed_digest(&tree));
}

/// A thousand leaves beneath each of some nodes, so that the index is made in one go.
fn broad() -> Vec<Loaded> {
    let mut nodes = vec![node("", -1)];
    for top in ["/a", "/b", "/b/c"] {
        nodes.push(node(top, -1));
        nodes.extend((0..1000).map(|i| node(&format!("{top}/{i}"), -1)));
    }
    nodes
}

#[test]
fn many_nodes_are_all_found() {
    let nodes = broad();
    let mut tree = load_plain(&nodes).unwrap();
    assert_eq!(tree.node_count(), nodes.len() + 1);
    for n in &nodes {
        assert_eq!(tree.path_of(tree.find(&n.path).unwrap()), n.path);
    }
    assert!(tree.node("/b/c/1000").is_none() && tree.node("/a/c").is_none());
    assert!(tree.plant_empty("/b/c/7").is_none() && tree.plant_empty("/b/c/7/x").is_some());
}

#[test]
fn a_path_that_comes_twice_among_many_keeps_the_children_of_both() {
    let mut nodes = broad();
    let stat = StatPersisted { version: 5, ..StatPersisted::default() };
    let again = |path| Loaded { stat: stat.clone(), data: Some(b"x".to_vec()), ..node(path, 3) };
    nodes.extend([again("/b/c"), node("/b/c/7", -1), node("/b/c/new", -1), again("/a/9")]);
    let map = [(3, acl_of("u"))];
    let tree = load(TreeOptions::default(), &map, &nodes).unwrap();
    assert_eq!(tree.node_count(), broad().len() + 2);
    for path in ["/b/c", "/a/9"] {
        let found = tree.node(path).unwrap();
        assert_eq!((found.data(), found.stat().version), (Some(&b"x"[..]), 5));
        assert_eq!(user(found.acl()), "u");
    }
    assert_eq!(tree.node("/b/c").unwrap().num_children(), 1001);
    assert_eq!(tree.digest(), recomputed_digest(&tree));
    let once = load(tree.options(), &acls(&tree), &self::nodes(&tree)).unwrap();
    assert_eq!(tree.approximate_data_size(), once.approximate_data_size());
}

#[test]
fn an_owner_that_means_nothing_is_refused() {
    let owner = 0xff00_0100_0000_0001_u64 as i64;
    let stat = StatPersisted { ephemeral_owner: owner, ..StatPersisted::default() };
    let nodes = [node("", -1), Loaded { stat, ..node("/t", -1) }];
    assert!(load_plain(&nodes).is_ok());
    let extended = TreeOptions { extended_types: true, ..TreeOptions::default() };
    let error = load(extended, &[], &nodes).unwrap_err();
    assert_eq!(error, LoadError::Owner { path: "/t".to_owned(), owner: InvalidOwner(owner) });
    assert_eq!(error.to_string(), "Invalid ephemeralOwner. [ff00010000000001] of path /t");
}

#[test]
fn acls_that_nobody_has_are_dropped() {
    let map = [(3, acl_of("used")), (9, acl_of("unused"))];
    let nodes = [node("", -1), node("/a", 3)];
    let tree = load(TreeOptions::default(), &map, &nodes).unwrap();
    assert_eq!(acls(&tree), [(3, acl_of("used"))]);
    assert_eq!(tree.acl_cache_size(), 1);
}

#[test]
fn a_node_whose_acl_is_missing_lets_nobody_in_until_the_log_says_who() {
    let mut run = Run::new();
    run.tree = load_plain(&[node("", -1), node("/a", 6)]).unwrap();
    assert_eq!(run.tree.node("/a").unwrap().acl()[0].perms, 0);
    assert_eq!(nodes(&run.tree)[1].acl, 6, "it keeps its number");
    assert!(acls(&run.tree).is_empty());
    let txn = CreateTxn { acl: Some(acl_of("u")), ..create_txn("/b", "") };
    run.apply(op::CREATE, &Txn::Create(txn.clone()));
    assert_eq!(acls(&run.tree), [(7, acl_of("u"))], "which no other gets");
    let txn = CreateTxn { path: Some("/a".to_owned()), ..txn };
    assert_eq!(run.apply(op::CREATE, &Txn::Create(txn)).err, NODE_EXISTS);
    assert_eq!(user(run.tree.node("/a").unwrap().acl()), "u");
}

#[test]
fn a_walk_goes_on_while_the_tree_changes() {
    let mut run = Run::new();
    for path in ["/a", "/a/b", "/a/b/c", "/d", "/d/e"] {
        run.create(path, "");
    }
    let mut walk = run.tree.walk();
    let mut seen = Vec::new();
    assert!(walk.next_slice(&run.tree, 2, |n| seen.push(n.path.to_owned())));
    assert_eq!(seen, ["", "/d"], "the youngest sibling comes first");
    for path in ["/d/e", "/d", "/a/b/c", "/a/b"] {
        assert_eq!(run.delete(path), 0);
    }
    for path in ["/d", "/d/e", "/f", "/a/b", "/a/g"] {
        run.create(path, "");
    }
    while walk.next_slice(&run.tree, 1, |n| seen.push(n.path.to_owned())) {}
    seen.retain(|path| !path.starts_with("/zookeeper"));
    assert_eq!(seen, ["", "/d", "/a", "/a/g", "/a/b"]);
    assert!(!walk.next_slice(&run.tree, 1, |_| panic!("the walk is over")));
}

#[test]
fn ids_are_used_again_once_no_walk_holds_them() {
    let mut run = Run::new();
    run.create("/a", "");
    let walk = run.tree.walk();
    run.delete("/a");
    run.create("/b", "");
    let held = run.tree.arena.len();
    drop(walk);
    for _ in 0..3 {
        run.delete("/b");
        run.create("/b", "");
    }
    assert_eq!(run.tree.arena.len(), held);
    assert!(run.tree.find("/b").unwrap() <= held as u32);
}

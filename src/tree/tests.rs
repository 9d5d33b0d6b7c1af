//! Rules of the tree, one test each.

use super::*;

#[test]
fn a_new_tree_has_four_nodes_and_counts_five() {
    let tree = DataTree::new(TreeOptions::default());
    assert_eq!(tree.node_count(), 5);
    assert_eq!(tree.all_children_number("/"), 3);
    assert!(tree.node("").is_some() && tree.node("/zookeeper/quota").is_some());
    assert_eq!(tree.node(CONFIG_NODE).map(|n| n.acl()[0].perms), Some(1));
}

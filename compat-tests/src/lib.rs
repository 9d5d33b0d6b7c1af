//! Proof that Gamekeeper does what Apache ZooKeeper does: the same bytes, the same replies.

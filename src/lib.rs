//! Gamekeeper: the Apache ZooKeeper server, in Rust.

pub mod client;
pub mod config;
pub mod ids;
pub mod op;
pub mod peer;
pub mod server;
pub mod tree;
pub mod txn;
pub mod zab;

//! Gamekeeper: the Apache ZooKeeper server, in Rust.

pub mod admin;
pub mod client;
pub mod config;
pub mod ids;
pub mod net;
pub mod op;
pub mod peer;
pub mod runtime;
pub mod server;
pub mod storage;
pub mod tools;
pub mod tree;
pub mod txn;
pub mod zab;

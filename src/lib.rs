//! Gamekeeper: the Apache ZooKeeper server, in Rust. It takes the place of a Java node on the same data
//! directory, alone or inside a running ensemble, with every client connecting unchanged.
//!
//! # The floors
//!
//! Each room imports only from its own floor and those below; `tests/tidy.rs` holds that.
//!
//! | floor | rooms | what lives there |
//! |---|---|---|
//! | 0 | crate `jute`, [`ids`], [`op`], [`txn`] | the encoding, the numbers, a transaction as a value |
//! | 1 | [`config`], [`tree`] | what was configured; the replicated state |
//! | 2 | [`storage`], [`zab`] | logs and snapshots; the protocol between servers |
//! | 3 | [`server`] | what happens to a request |
//! | 4 | [`peer`] | one server's life |
//! | 5 | [`net`], [`admin`], [`runtime`], [`client`], [`tools`] | sockets, words, threads; clients |
//!
//! `tree`, `zab`, `server` and `peer` are pure: they look at no clock, socket, thread or file. Events
//! go in, effects come out ([`peer::Event`], [`peer::Effect`]); so a whole ensemble runs in one thread
//! of a test, from one seed.
//!
//! # The way of a read
//!
//! A selector thread ([`net`]) reads bytes, finds packets in them ([`server::front`]), and, unless a
//! write of the same connection is still in flight, answers reads on the spot: one read lock of the
//! tree for all that are ready, replies encoded straight into the connection's output, one write to
//! the socket. No queue, no other thread.
//!
//! # The way of a write
//!
//! The selector hands the request to the server's thread ([`runtime`]). There [`server::prep`] turns it
//! into a transaction, checked against the tree and all that is prepared before it, and encoded once.
//! Alone, the log is all of the quorum ([`peer::standalone`]); a leader proposes it to its followers
//! at the same time ([`peer::ensemble`]), to no more of them than a quorum needs: the others get it with
//! its commit. While the log's thread syncs one batch the next is prepared.
//! What a quorum has on disk is applied under one write lock a batch ([`peer::pipeline`]), and events
//! and replies enter the connections' outputs while that lock is held: so an event comes before every
//! reply that shows its cause, and the zxid of a reply is that of the state it tells of.
//!
//! Alone and idle, a server lends itself to a selector that has a few writes and nobody to keep waiting
//! (`runtime::pipeline::Seat`): the same steps on one thread, without the hand-overs. And a selector
//! that sleeps lends its connections to whoever has made a lone reply (`net::turns`).
//!
//! # What is promised
//!
//! Nothing is acknowledged that is not on disk at a quorum. A disk that fails once is not trusted again:
//! the server stops. Nothing is deleted to get going. Every length that comes from outside is bounded
//! before it is believed. The invariants of the protocol (zxids without gaps, epochs that only rise,
//! committed never beyond logged) are assertions that stay on: a server that finds one broken stops
//! rather than lose something silently.

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

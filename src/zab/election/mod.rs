//! Who leads: fast leader election and the connections that it talks over.
//!
//! - [`vote`]: a vote, when two agree, and which of two is better.
//! - [`notification`]: a vote on the wire.
//! - [`fle`]: the algorithm (`FastLeaderElection`).
//! - [`initial`]: the first message of a connection.
//! - [`cnx`]: one connection for each pair of servers (`QuorumCnxManager`).
//!
//! [`fle`] and [`cnx`] do not know each other: the shell hands the `Send` and `ConnectAll` of one to
//! the other, and what that one delivers back.

pub mod cnx;
pub mod fle;
pub mod initial;
pub mod notification;
pub mod vote;

#[cfg(test)]
mod tests;

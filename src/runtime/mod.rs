//! The running server: threads that feed the pure rooms with what happens and carry their effects out.
//!
//! Threads of a server alone: accept and selectors ([`crate::net`]), the pipeline, the log's thread,
//! the snapshot thread, the purge task. The main thread waits for the end.

pub mod election;
mod fatal;
mod inbox;
mod info;
mod log_device;
mod member;
mod open_files;
mod pipeline;
mod ports;
pub mod preflight;
mod purger;
mod quorum_sink;
mod send_snapshot;
mod signals;
mod snapshotter;
mod start;
mod start_member;
#[cfg(test)]
mod testing;

pub use fatal::Fatal;
pub use open_files::allow_open_files;
pub use signals::stop_on_signals;
pub use start::{Server, StartError, restore_options, start_thread};

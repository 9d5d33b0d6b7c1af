//! The face that the network sees: bytes of a client in, replies into its output or requests for the
//! pipeline out.

mod frame;

pub use frame::{Command, Next, Progress};

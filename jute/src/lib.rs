//! Jute, ZooKeeper's record encoding, and every record of its IDL.
//!
//! The codec is [`Reader`] and [`Write`]; the records stand in one file per IDL module, under the
//! module's own name: [`data`], [`proto`], [`quorum`], [`persistence`], [`txn`]. This crate knows
//! bytes and nothing else: no files, no sockets, no server.
//!
//! Null and empty are different things on this wire (a length of -1 against 0), so a `ustring` is an
//! `Option<String>`, a `buffer` an `Option<Vec<u8>>` and a `vector` an `Option<Vec<T>>`.
//!
//! Source of the rules: `org.apache.jute.BinaryInputArchive` and `BinaryOutputArchive`.

pub mod data;
pub mod persistence;
pub mod proto;
pub mod quorum;
mod reader;
mod record;
mod string;
pub mod txn;
mod writer;

pub use reader::{DEFAULT_MAX_BUFFER, DecodeError, Limits, Reader};
pub use record::{Record, to_bytes};
pub use string::{decode_java_utf8, encoded_len};
pub use writer::Write;

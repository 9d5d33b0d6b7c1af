//! What the measurements `bench` and `endure` have in common: the servers that they put under load, a
//! light client that makes it, what it counts, and how that is printed.

pub mod bulk;
pub mod histogram;
pub mod load;
pub mod report;
pub mod sockets;
pub mod target;

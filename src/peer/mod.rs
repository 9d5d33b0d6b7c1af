//! One server's life: joins protocol, server and storage into events and effects.

pub mod snapshots;

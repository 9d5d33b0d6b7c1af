//! Sessions of servers that keep them to themselves: local ones, and those of a server without a
//! leader. The same steps on an ensemble of Java's servers and on one of ours, told in lines that must
//! be the same. The mixed ensembles take longer:
//! `cargo test -p compat-tests --test sessions -- --ignored --test-threads 1`

mod java_client;
mod local;
mod read_only;
mod story;

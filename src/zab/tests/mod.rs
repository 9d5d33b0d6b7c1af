//! Leader and learners together: scripts with expected text, and random schedules from a seed.
//!
//! A line of a script that begins with `> ` is a command, what follows is what it does to the
//! world; `REWRITE=1 cargo test zab::tests` writes it anew, to be reviewed as a diff.
//!
//! ```text
//! node ID [observer] accepted=E current=E [log=E.C,E.C...] [snapshot=E.C]
//! limits EPOCH-WAIT-MS SNAPS DIFFS
//! lead ID | follow ID LEADER | deliver | deliver FROM TO [N] | put N | slow ID | sync ID
//! drop ID | tick MS | run MS | mute ID | hear ID | request ID | request-sync ID | ack ID E.C
//! looks ID | state
//! ```

mod hostile;
mod order;
mod random;
mod scripts;
mod world;

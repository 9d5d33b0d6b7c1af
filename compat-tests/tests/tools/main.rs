//! The offline tools of both side by side: the same command line on the same files, through the
//! scripts of `bin/` on our side.
//!
//! Standard output, exit code and written files must be the same. On standard error ours may say
//! more; where Java ends with a stack trace, ours must say something.

mod both;
mod cleanup;
mod flags;
mod snapshots;
mod txnlog;

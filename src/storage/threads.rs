//! Threads for those parts of loading a snapshot that can go on beside it. This room starts none: who may
//! hands in how, and where nobody does, the same parts take turns on the calling thread.

use std::io;

/// What a thread does.
pub type Job = Box<dyn FnOnce() + Send>;

/// Starts a job on a thread of its own, of this name. The job ends by itself, soon after whoever asked for
/// it has what was wanted, or has given up.
pub type StartThread = fn(&str, Job) -> io::Result<()>;

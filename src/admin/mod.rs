//! What operators ask: the four-letter words (`server.command.*`). The texts are the Java server's to the
//! letter, because scripts and monitoring match them; each is written by a function of plain data, so
//! that it can be compared with what a Java server says.
//!
//! Knows the rooms below by reading their figures; what only the runtime knows comes through
//! [`ServerInfo`].

mod environment;
mod process;
mod version;
mod words;

pub mod report;

#[cfg(test)]
mod tests;

pub(crate) use process::user_name;
pub use version::full_version;
pub use words::FourLetterWords;

/// What the words ask of the runtime. Called on the command thread, never while a lock is held, so an
/// implementation may wait for the pipeline to answer.
pub trait ServerInfo: Send + Sync {
    /// The server's part, as `srvr` names it: `standalone`, `leader`, `follower`, `observer`,
    /// `read-only`.
    fn state(&self) -> &'static str;

    /// What `peer_state` says in an ensemble: `leading - broadcast`; none for a server alone.
    fn peer_state(&self) -> Option<String> {
        None
    }

    /// Sizes in bytes of the directories of snapshots and of logs, in this order.
    fn dir_sizes(&self) -> (u64, u64);

    /// The sessions by the time at which they expire: `SessionTracker::dump`.
    fn dump_sessions(&self) -> String;

    /// How many sessions there are: those of the whole ensemble, and those of this server only.
    fn session_counts(&self) -> (usize, usize);

    /// Last, least and greatest size of a leader's proposals; none if it does not lead.
    fn proposal_sizes(&self) -> Option<[i32; 3]> {
        None
    }

    /// `srst` on a leader.
    fn reset_proposal_sizes(&self) {}

    /// Figures that only this part of a server has (`quorum_size`, `synced_followers`...), by name.
    fn list_metrics(&self, _sink: &mut dyn FnMut(String, crate::server::histogram::Value)) {}
}

//! The election's thread: feeds the two machines of [`crate::zab::election`] with what happens on the
//! election port and on the clock, and carries their effects out.

mod driver;
mod inbox;
mod remotes;
#[cfg(test)]
mod tests;

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;

use crate::ids::{Millis, Sid, Zxid};
use crate::net::Clock;
use crate::net::links::{Links, Port};
use crate::zab::ServerState;
use crate::zab::election::vote::Vote;
use crate::zab::election::{cnx, fle};
use crate::zab::quorum::{QuorumVerifier, Quorums};

use driver::Driver;
use inbox::{Arrival, Inbox};

/// What the election reports, on its own thread: nothing here may wait for the election.
pub trait ElectionSink: Send + Sync {
    /// The round is over, and this is what the server is to do. The election goes on answering others;
    /// it looks again when it is told to.
    fn decided(&self, vote: Vote, state: ServerState);
    /// A voter is looking though this server has a leader (`Leader.reportLookingSid`); `epoch` is that of
    /// the history that it votes for.
    fn voter_looking(&self, sid: Sid, epoch: i64);
    /// Others have a newer configuration. The election goes by it already; it is to be stored.
    fn adopt_config(&self, config: Arc<QuorumVerifier>);
}

/// What does not change while the server runs.
#[derive(Debug, Clone)]
pub struct ElectionSettings {
    /// Those of the algorithm.
    pub fle: fle::Settings,
    /// Those of the connections.
    pub cnx: cnx::Settings,
    /// How long a peer is called, its name's lookup included, in ms (`cnxTimeout`).
    pub connect_timeout: Millis,
}

/// One server's part in the elections of its ensemble, while the process runs.
pub struct Election {
    inbox: Arc<Inbox>,
    links: Links,
    thread: Option<JoinHandle<()>>,
}

impl Election {
    /// Starts the thread, which uses the election port of `links`; that it listens is the caller's
    /// business (`electionPortBindRetry`). `zxid` and `peer_epoch` are the last in the log and
    /// `currentEpoch`: what the server says if it is asked before its first round.
    ///
    /// # Errors
    /// If the thread cannot be made.
    pub fn start(
        settings: ElectionSettings,
        quorums: Quorums,
        (zxid, peer_epoch): (Zxid, i64),
        links: Links,
        clock: Clock,
        sink: Arc<dyn ElectionSink>,
    ) -> io::Result<Self> {
        let inbox = Arc::new(Inbox::default());
        links.serve(Port::Election, Arc::<Inbox>::clone(&inbox));
        let fle = fle::FastLeaderElection::new(settings.fle, quorums.clone(), zxid, peer_epoch);
        let cnx = cnx::QuorumCnxManager::new(settings.cnx, quorums.clone());
        let driver = Driver::new(fle, cnx, quorums, settings.connect_timeout, links.clone(), sink);
        let mailbox = Arc::clone(&inbox);
        let thread = std::thread::Builder::new()
            .name("Election".to_owned())
            .spawn(move || driver.run(&mailbox, clock))?;
        Ok(Self { inbox, links, thread: Some(thread) })
    }

    /// The server has no leader: a round begins, and ends with [`ElectionSink::decided`]. `zxid` is
    /// the last in its log (-1 keeps it out of the vote), `peer_epoch` its `currentEpoch`.
    pub fn look(&self, zxid: Zxid, peer_epoch: i64) {
        self.inbox.bring(Arrival::Look { zxid, peer_epoch });
    }

    /// The ensemble agreed on a new epoch (`updateElectionVote`).
    pub fn established(&self, epoch: i64) {
        self.inbox.bring(Arrival::Established(epoch));
    }

    /// The configurations have changed.
    pub fn set_quorums(&self, quorums: Quorums) {
        self.inbox.bring(Arrival::Quorums(quorums));
    }

    /// Listens no more for votes, closes all connections, ends the thread.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        if let Some(thread) = self.thread.take() {
            self.links.unbind(Port::Election);
            self.inbox.bring(Arrival::Stop);
            if thread.join().is_err() {
                log::error!("the election's thread died of a panic");
            }
        }
    }
}

impl Drop for Election {
    fn drop(&mut self) {
        self.end();
    }
}

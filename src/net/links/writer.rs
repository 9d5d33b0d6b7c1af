//! A link as a stream, for a thread that may wait: a snapshot goes to a learner as fast as the
//! learner takes it, and is never in memory as a whole.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use super::Order;
use super::mail::{Mail, Room};
use crate::ids::Millis;
use crate::zab::LinkId;

/// Writes to a link, waits while too much is on its way. Each write becomes a chunk of its own: wrap
/// it in a `BufWriter`. Whoever else writes to the link meanwhile writes into the middle.
pub struct LinkWriter {
    mail: Arc<Mail>,
    link: LinkId,
    max_pending: usize,
    patience: Duration,
}

impl LinkWriter {
    pub(super) fn new(mail: Arc<Mail>, link: LinkId, max_pending: usize, patience: Millis) -> Self {
        let patience = Duration::from_millis(patience.max(0).unsigned_abs());
        Self { mail, link, max_pending, patience }
    }

    fn wait_until_below(&self, below: usize) -> io::Result<usize> {
        match self.mail.wait_for_room(self.link, below, self.patience) {
            Room::Pending(n) if n < below => Ok(n),
            Room::Pending(n) => {
                let waited = self.patience.as_millis();
                let why = format!("the peer took nothing for {waited} ms, {n} bytes wait");
                Err(io::Error::new(io::ErrorKind::TimedOut, why))
            }
            Room::Gone => Err(io::Error::new(io::ErrorKind::BrokenPipe, "the link is closed")),
        }
    }
}

impl Write for LinkWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let max = self.max_pending.max(1);
        let pending = self.wait_until_below(max)?;
        let n = bytes.len().min(max - pending);
        self.mail.send([Order::Write { link: self.link, bytes: bytes[..n].to_vec().into() }]);
        Ok(n)
    }

    /// Waits until the kernel has everything.
    fn flush(&mut self) -> io::Result<()> {
        self.wait_until_below(1).map(|_| ())
    }
}

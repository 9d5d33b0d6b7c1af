//! Frames and four-letter words: what the first bytes of a client's packet mean
//! (`NIOServerCnxn.readLength`, `FourLetterCommands`).

use crate::server::reason::DisconnectReason;

/// A four-letter word, as it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Command {
    /// Its name: four letters, or `telnet close`.
    pub name: &'static str,
    /// The eight bytes behind `stmk`, where they have arrived: the new trace mask.
    pub mask: Option<i64>,
}

/// What the owner of a connection is to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Read more from the socket.
    More,
    /// There is more to do with what has been read already, but others come first: write the output,
    /// then call again without reading.
    Again,
    /// Read nothing and do not call until the mailbox was marked for this connection.
    Paused,
    /// Write what is in the output, then close: the socket is not read any more.
    Close(DisconnectReason),
    /// Answer this word and close.
    Command(Command),
}

/// How far `Client::on_bytes` got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// How many bytes of the input are done with.
    pub consumed: usize,
    /// Of the input behind those: how many bytes the next packet takes, with its length; 0 where that
    /// is not known yet. At most `jute.maxbuffer` + 4.
    pub wanted: usize,
    /// What to do.
    pub next: Next,
}

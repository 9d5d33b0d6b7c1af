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

/// How far [`Client::on_bytes`](super::Client::on_bytes) got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// How many bytes of the input are done with.
    pub consumed: usize,
    /// What to do.
    pub next: Next,
}

/// What stands at the start of some bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packet<'a> {
    /// Not a whole packet yet. It has that many bytes without its length, where that is there.
    Part(Option<usize>),
    /// A whole one, without its length.
    Whole(&'a [u8]),
    /// A length that no packet may have.
    BadLength(i32),
}

/// Bytes of a length.
pub(super) const LEN: usize = 4;

/// Looks at the packet at the start of `input`, which may be `max` bytes long.
#[inline]
pub(super) fn next_packet(input: &[u8], max: usize) -> Packet<'_> {
    let Some((len, rest)) = input.split_first_chunk::<LEN>() else { return Packet::Part(None) };
    let field = i32::from_be_bytes(*len);
    match usize::try_from(field) {
        Ok(len) if len <= max => match rest.get(..len) {
            Some(body) => Packet::Whole(body),
            None => Packet::Part(Some(len)),
        },
        _ => Packet::BadLength(field),
    }
}

const WORDS: [&str; 18] = [
    "conf", "cons", "crst", "dirs", "dump", "envi", "gtmk", "ruok", "stmk", "srst", "srvr", "stat",
    "wchc", "wchp", "wchs", "mntr", "isro", "hash",
];

/// What telnet sends when it closes; named so that the log does not speak of a bad length.
const TELNET_CLOSE: [u8; 4] = [0xff, 0xf4, 0xff, 0xfd];

/// The word at the start of `input`, and how many bytes it takes.
pub(super) fn command(input: &[u8]) -> Option<(Command, usize)> {
    let (word, rest) = input.split_first_chunk::<LEN>()?;
    if *word == TELNET_CLOSE {
        return Some((Command { name: "telnet close", mask: None }, LEN));
    }
    let name = WORDS.into_iter().find(|name| name.as_bytes() == word)?;
    match rest.first_chunk() {
        Some(mask) if name == "stmk" => {
            let mask = Some(i64::from_be_bytes(*mask));
            Some((Command { name, mask }, LEN + 8))
        }
        _ => Some((Command { name, mask: None }, LEN)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths() {
        assert_eq!(next_packet(&[0, 0, 0], 9), Packet::Part(None));
        assert_eq!(next_packet(&[0, 0, 0, 2, 7], 9), Packet::Part(Some(2)));
        assert_eq!(next_packet(&[0, 0, 0, 2, 7, 8, 9], 9), Packet::Whole(&[7, 8]));
        assert_eq!(next_packet(&[0, 0, 0, 0], 9), Packet::Whole(&[]));
        assert_eq!(next_packet(&[0, 0, 0, 10], 9), Packet::BadLength(10));
        assert_eq!(next_packet(&[255, 255, 255, 255], 9), Packet::BadLength(-1));
    }

    #[test]
    fn words() {
        let word = |name| Some((Command { name, mask: None }, 4));
        assert_eq!(command(b"ruok"), word("ruok"));
        assert_eq!(command(b"ruok\n"), word("ruok"));
        assert_eq!(command(b"stmk"), word("stmk"));
        assert_eq!(command(&TELNET_CLOSE), word("telnet close"));
        assert_eq!(command(b"ruo"), None);
        assert_eq!(command(b"what"), None);
        let stmk = command(b"stmk\0\0\0\0\0\0\x01\x32");
        assert_eq!(stmk, Some((Command { name: "stmk", mask: Some(306) }, 12)));
    }
}

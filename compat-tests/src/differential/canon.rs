//! Frames with what must differ between two servers taken out: times become 0 or 1, session ids their
//! number in order, passwords whether they are right; what Java gives in no order is sorted. All else
//! is left byte for byte.

use byteorder::{BigEndian, ByteOrder};
use gamekeeper::ids::SessionId;
use gamekeeper::op::op;
use gamekeeper::server::sessions::password;
use jute::{DecodeError, Reader};

use super::wire::CONNECT;

/// The sessions that a server gave, in order; and where its members find each other.
#[derive(Debug, Clone, Default)]
pub(super) struct Sessions {
    given: Vec<i64>,
    members: Vec<String>,
}

impl Sessions {
    pub(super) fn of(members: Vec<String>) -> Self {
        Self { given: vec![], members }
    }

    pub(super) fn id(&self, nth: usize) -> i64 {
        self.given[nth]
    }

    pub(super) fn len(&self) -> usize {
        self.given.len()
    }

    /// A frame without the addresses in the configuration. All ports have five digits.
    fn without_addresses(&self, bytes: &mut [u8]) {
        for (at, address) in self.members.iter().enumerate() {
            while let Some(from) =
                bytes.windows(address.len()).position(|w| w == address.as_bytes())
            {
                bytes[from..from + address.len()].fill(b'A' + at as u8);
            }
        }
    }

    /// What stands for `id` in both servers: its number from 1 on, itself if none was given so.
    pub(super) fn canon(&self, id: i64) -> i64 {
        self.given.iter().position(|given| *given == id).map_or(id, |nth| nth as i64 + 1)
    }

    /// `text` with the sessions' ids in hex as `session N`.
    pub(super) fn in_text(&self, text: &str) -> String {
        let numbered = self.given.iter().enumerate();
        numbered.fold(text.to_owned(), |text, (nth, id)| {
            text.replace(&format!("0x{id:x}"), &format!("session {}", nth + 1))
        })
    }

    fn note(&mut self, id: i64) {
        if id != 0 && !self.given.contains(&id) {
            self.given.push(id);
        }
    }
}

/// Bytes of a `Stat`.
const STAT: usize = 68;
/// Bytes of a `ReplyHeader`.
pub(super) const HEADER: usize = 16;

/// The canonical form of the reply to an op. What does not parse stays as it is.
pub(super) fn frame(kind: i32, bytes: &[u8], sessions: &mut Sessions) -> Vec<u8> {
    if kind == CONNECT {
        return connect(bytes, sessions);
    }
    let mut out = bytes.to_vec();
    if bytes.len() > HEADER {
        let mut canon = Canon { bytes, at: HEADER, out: &mut out, sessions };
        // A body that ends early differs where it ends.
        let _ = canon.body(kind);
    }
    sessions.without_addresses(&mut out);
    out
}

/// A `ConnectResponse`: protocol, timeout, id, password, read-only.
fn connect(bytes: &[u8], sessions: &mut Sessions) -> Vec<u8> {
    let mut out = bytes.to_vec();
    if bytes.len() < 36 {
        return out;
    }
    let id = BigEndian::read_i64(&bytes[8..]);
    sessions.note(id);
    BigEndian::write_i64(&mut out[8..], sessions.canon(id));
    if bytes[20..36] == password(SessionId(id)) {
        out[20..36].copy_from_slice(b"THE RIGHT SECRET");
    }
    out
}

struct Canon<'a> {
    bytes: &'a [u8],
    at: usize,
    out: &'a mut Vec<u8>,
    sessions: &'a Sessions,
}

type Parsed<T = ()> = Result<T, DecodeError>;

impl<'a> Canon<'a> {
    fn read<T>(&mut self, f: impl FnOnce(&mut Reader<'a>) -> Parsed<T>) -> Parsed<T> {
        let mut reader = Reader::new(&self.bytes[self.at..]);
        let value = f(&mut reader)?;
        self.at += reader.position();
        Ok(value)
    }

    fn body(&mut self, kind: i32) -> Parsed {
        match kind {
            op::EXISTS | op::SET_DATA | op::SET_ACL => self.stat(),
            op::GET_DATA | op::RECONFIG | op::CREATE2 | op::CREATE_CONTAINER | op::CREATE_TTL => {
                self.read(Reader::buffer)?;
                self.stat()
            }
            op::GET_ACL => {
                self.acl()?;
                self.stat()
            }
            op::GET_CHILDREN | op::GET_EPHEMERALS => self.names(),
            op::GET_CHILDREN2 => {
                self.names()?;
                self.stat()
            }
            op::MULTI | op::MULTI_READ => self.multi(),
            _ => Ok(()),
        }
    }

    fn multi(&mut self) -> Parsed {
        loop {
            let kind = self.read(Reader::int)?;
            let done = self.read(Reader::bool)?;
            self.read(Reader::int)?;
            if done {
                return Ok(());
            }
            match kind {
                op::ERROR => self.read(Reader::int).map(drop)?,
                op::CREATE => self.read(Reader::buffer).map(drop)?,
                other => self.body(other)?,
            }
        }
    }

    fn acl(&mut self) -> Parsed {
        let count = self.read(Reader::count)?.unwrap_or(0);
        for _ in 0..count {
            self.read(Reader::int)?;
            self.read(Reader::buffer)?;
            self.read(Reader::buffer)?;
        }
        Ok(())
    }

    /// A list of names, in order of their bytes.
    fn names(&mut self) -> Parsed {
        let count = self.read(Reader::count)?.unwrap_or(0);
        let start = self.at;
        let mut names = Vec::new();
        for _ in 0..count {
            let from = self.at;
            self.read(Reader::buffer)?;
            names.push(&self.bytes[from..self.at]);
        }
        names.sort_unstable();
        self.out[start..self.at].copy_from_slice(&names.concat());
        Ok(())
    }

    fn stat(&mut self) -> Parsed {
        self.read(|r| r.take(STAT).map(drop))?;
        let stat = &mut self.out[self.at - STAT..self.at];
        for time in [16, 24] {
            let known = BigEndian::read_i64(&stat[time..]) != 0;
            BigEndian::write_i64(&mut stat[time..], known.into());
        }
        let owner = self.sessions.canon(BigEndian::read_i64(&stat[44..]));
        BigEndian::write_i64(&mut stat[44..], owner);
        Ok(())
    }
}

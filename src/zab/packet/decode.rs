//! Bytes to packets.

use jute::data::Id;
use jute::{DecodeError, Limits, Reader, Record};

use super::{ForwardedRequest, LearnerInfo, Packet, PacketError, kind};
use crate::ids::{SessionId, Sid, Zxid};
use crate::zab::LearnerType;

/// No client has more ids than this.
const MAX_IDS: usize = 1024;

/// Cuts a stream into packets. Memory grows with what has arrived, never with what is claimed.
#[derive(Debug)]
pub struct PacketReader {
    limits: Limits,
    input: Vec<u8>,
    /// Bytes of `input` that are consumed.
    start: usize,
    /// Without so many bytes there is no point in trying again.
    need: usize,
}

impl PacketReader {
    /// A reader of a fresh connection; `limits` are those of `jute.maxbuffer`.
    pub fn new(limits: Limits) -> Self {
        Self { limits, input: Vec::new(), start: 0, need: 0 }
    }

    /// From the next packet on other limits hold.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// Takes bytes as they arrive; a vector of them is kept, if nothing is left of those before.
    pub fn feed(&mut self, bytes: impl Into<Vec<u8>> + AsRef<[u8]>) {
        if self.start == self.input.len() {
            self.input = bytes.into();
        } else {
            self.input.drain(..self.start);
            self.input.extend_from_slice(bytes.as_ref());
        }
        self.start = 0;
    }

    /// The next packet; `None` while it is incomplete.
    ///
    /// # Errors
    /// As soon as what has arrived cannot become a packet; the reader is of no use then.
    pub fn next_packet(&mut self) -> Result<Option<Packet>, PacketError> {
        let bytes = &self.input[self.start..];
        if bytes.len() < self.need {
            return Ok(None);
        }
        let mut r = Reader::with_limits(bytes, self.limits);
        match Packet::read(&mut r) {
            Ok(packet) => {
                self.start += r.position();
                self.need = 0;
                Ok(Some(packet))
            }
            Err(PacketError::Record(DecodeError::Eof { missing, .. })) => {
                self.need = bytes.len() + missing;
                Ok(None)
            }
            Err(e) => Err(e),
        }
    }

    /// What has arrived behind the last packet: after SNAP it belongs to the snapshot.
    pub fn unread(&self) -> &[u8] {
        &self.input[self.start..]
    }

    /// Passes over `n` bytes of [`Self::unread`], which somebody else has read.
    pub fn skip(&mut self, n: usize) {
        self.start = (self.start + n).min(self.input.len());
        self.need = 0;
    }
}

impl Packet {
    /// Reads one packet.
    fn read(r: &mut Reader<'_>) -> Result<Self, PacketError> {
        let kind = r.int()?;
        let zxid = Zxid(r.long()?);
        let data = r.buffer()?;
        let auth = read_ids(r)?;
        let short = || PacketError::Data { kind, len: data.map_or(0, <[u8]>::len) };
        let mut d = Reader::new(data.unwrap_or_default());
        Self::from_parts(kind, zxid, data, auth, &mut d).map_err(|_: DecodeError| short())
    }

    fn from_parts(
        kind: i32,
        zxid: Zxid,
        data: Option<&[u8]>,
        auth: Vec<Id>,
        d: &mut Reader<'_>,
    ) -> Result<Self, DecodeError> {
        Ok(match kind {
            kind::REQUEST => Self::Request(read_request(d, auth)?),
            kind::PROPOSAL => Self::Proposal { zxid, record: d.remaining().into() },
            kind::INFORM => Self::Inform { zxid, record: d.remaining().into() },
            kind::ACK => Self::Ack { zxid },
            kind::COMMIT => Self::Commit { zxid },
            kind::PING => Self::Ping { zxid, touched: data.map(|_| read_touched(d)).transpose()? },
            kind::REVALIDATE => read_revalidate(d)?,
            kind::SYNC => Self::Sync,
            kind::COMMITANDACTIVATE => {
                Self::CommitAndActivate { zxid, designated_leader: Sid(d.long()?) }
            }
            kind::INFORMANDACTIVATE => {
                let designated_leader = Sid(d.long()?);
                Self::InformAndActivate { zxid, designated_leader, record: d.remaining().into() }
            }
            kind::NEWLEADER => Self::NewLeader { zxid, config: data.map(<[u8]>::to_vec) },
            kind::FOLLOWERINFO => {
                Self::LearnerInfo(read_info(LearnerType::Participant, zxid, data))
            }
            kind::OBSERVERINFO => Self::LearnerInfo(read_info(LearnerType::Observer, zxid, data)),
            kind::UPTODATE => Self::UpToDate,
            kind::DIFF => Self::Diff { zxid },
            kind::TRUNC => Self::Trunc { zxid },
            kind::SNAP => Self::Snap { zxid },
            kind::LEADERINFO => Self::LeaderInfo { zxid, protocol_version: d.int()? },
            kind::ACKEPOCH => Self::AckEpoch { zxid, current_epoch: d.int()? },
            kind => Self::Unknown { kind, zxid },
        })
    }
}

fn read_ids(r: &mut Reader<'_>) -> Result<Vec<Id>, PacketError> {
    let count = r.count()?.unwrap_or(0);
    if count > MAX_IDS {
        return Err(PacketError::TooManyIds(count));
    }
    (0..count).map(|_| Ok(Id::read(r)?)).collect()
}

fn read_request(d: &mut Reader<'_>, auth: Vec<Id>) -> Result<ForwardedRequest, DecodeError> {
    Ok(ForwardedRequest {
        session: SessionId(d.long()?),
        cxid: d.int()?,
        op: d.int()?,
        body: d.remaining().to_vec(),
        auth,
    })
}

fn read_touched(d: &mut Reader<'_>) -> Result<Vec<(SessionId, i32)>, DecodeError> {
    let mut touched = Vec::with_capacity(d.remaining().len() / 12);
    while !d.is_empty() {
        touched.push((SessionId(d.long()?), d.int()?));
    }
    Ok(touched)
}

/// The direction shows in the length: an int is four bytes, a bool one.
fn read_revalidate(d: &mut Reader<'_>) -> Result<Packet, DecodeError> {
    let session = SessionId(d.long()?);
    if d.remaining().len() < 4 {
        return Ok(Packet::Revalidated { session, valid: d.bool()? });
    }
    Ok(Packet::Revalidate { session, timeout: d.int()? })
}

/// Each field is there if the data is long enough for it.
fn read_info(kind: LearnerType, zxid: Zxid, data: Option<&[u8]>) -> LearnerInfo {
    let mut d = Reader::new(data.unwrap_or_default());
    LearnerInfo {
        kind,
        zxid,
        sid: d.long().ok().map(Sid),
        protocol_version: d.int().unwrap_or(1),
        config_version: d.long().unwrap_or(0),
    }
}

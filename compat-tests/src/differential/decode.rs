//! Requests and replies as text, for whoever reads a failure.

use std::fmt::{Debug, Write as _};

use gamekeeper::op::{Code, op};
use jute::data::Stat;
use jute::proto::{
    AddWatchRequest, AuthPacket, CheckVersionRequest, CheckWatchesRequest, ConnectResponse,
    Create2Response, CreateRequest, CreateResponse, CreateTTLRequest, DeleteRequest, ExistsRequest,
    GetACLRequest, GetACLResponse, GetAllChildrenNumberResponse, GetChildren2Response,
    GetChildrenResponse, GetDataResponse, GetEphemeralsResponse, MultiHeader, ReconfigRequest,
    ReplyHeader, SetACLRequest, SetDataRequest, SetSASLResponse, SetWatches, SetWatches2,
    WatcherEvent, WhoAmIResponse,
};
use jute::{DecodeError, Reader, Record};

use super::wire::{CONNECT, EVENT, UNASKED};

/// The most bytes that are shown of anything.
const SHOWN: usize = 200;

/// Bytes as a Rust byte string, shortened.
pub(super) fn bytes(bytes: &[u8]) -> String {
    let (shown, rest) = bytes.split_at(bytes.len().min(SHOWN));
    let mut text = format!("b\"{}\"", shown.escape_ascii());
    if !rest.is_empty() {
        let _ = write!(text, " and {} bytes more", rest.len());
    }
    text
}

fn shown<T: Record + Debug>(r: &mut Reader<'_>) -> Result<String, DecodeError> {
    let text = format!("{:?}", T::read(r)?);
    Ok(if text.len() > 4 * SHOWN {
        format!(
            "{}... ({} bytes of text)",
            text.chars().take(SHOWN).collect::<String>(),
            text.len()
        )
    } else {
        text
    })
}

/// Reads with `f`; shows the bytes where that fails and what it leaves.
fn parsed(body: &[u8], f: impl FnOnce(&mut Reader<'_>) -> Result<String, DecodeError>) -> String {
    let mut reader = Reader::new(body);
    match f(&mut reader) {
        Ok(text) if reader.is_empty() => text,
        Ok(text) => format!("{text} then {}", bytes(reader.remaining())),
        Err(e) => format!("{} ({e})", bytes(body)),
    }
}

/// The body of a request.
pub(super) fn request(kind: i32, body: &[u8]) -> String {
    parsed(body, |r| match kind {
        op::MULTI | op::MULTI_READ => multi(r, request_part),
        _ => request_part(kind, r),
    })
}

fn request_part(kind: i32, r: &mut Reader<'_>) -> Result<String, DecodeError> {
    Ok(match kind {
        op::CREATE | op::CREATE2 | op::CREATE_CONTAINER => shown::<CreateRequest>(r)?,
        op::CREATE_TTL => shown::<CreateTTLRequest>(r)?,
        op::DELETE => shown::<DeleteRequest>(r)?,
        op::SET_DATA => shown::<SetDataRequest>(r)?,
        op::SET_ACL => shown::<SetACLRequest>(r)?,
        op::CHECK => shown::<CheckVersionRequest>(r)?,
        op::EXISTS | op::GET_DATA | op::GET_CHILDREN | op::GET_CHILDREN2 => {
            format!("[{kind}] {}", shown::<ExistsRequest>(r)?)
        }
        op::GET_ACL | op::SYNC | op::GET_EPHEMERALS | op::GET_ALL_CHILDREN_NUMBER => {
            format!("[{kind}] {}", shown::<GetACLRequest>(r)?)
        }
        op::RECONFIG => shown::<ReconfigRequest>(r)?,
        op::CHECK_WATCHES | op::REMOVE_WATCHES => shown::<CheckWatchesRequest>(r)?,
        op::ADD_WATCH => shown::<AddWatchRequest>(r)?,
        op::SET_WATCHES => shown::<SetWatches>(r)?,
        op::SET_WATCHES2 => shown::<SetWatches2>(r)?,
        op::AUTH => shown::<AuthPacket>(r)?,
        _ => String::new(),
    })
}

type Part = fn(i32, &mut Reader<'_>) -> Result<String, DecodeError>;

fn multi(r: &mut Reader<'_>, part: Part) -> Result<String, DecodeError> {
    let mut text = String::from("multi");
    loop {
        let header = MultiHeader::read(r)?;
        let _ = write!(text, "\n      {header:?}");
        if header.done {
            return Ok(text);
        }
        let _ = write!(text, " {}", part(header.kind, r)?);
    }
}

/// A frame from the server that answers an op.
pub(super) fn reply(kind: i32, frame: &[u8]) -> String {
    match kind {
        CONNECT => parsed(frame, shown::<ConnectResponse>),
        UNASKED => format!("unasked {}", bytes(frame)),
        _ => parsed(frame, |r| {
            let header = ReplyHeader::read(r)?;
            let code = Code::from_number(header.err);
            let head = format!("xid {} zxid {:#x} {code:?}", header.xid, header.zxid);
            if r.is_empty() {
                return Ok(head);
            }
            let body = match kind {
                op::MULTI | op::MULTI_READ => multi(r, reply_part)?,
                _ => reply_part(kind, r)?,
            };
            Ok(format!("{head} {body}"))
        }),
    }
}

fn reply_part(kind: i32, r: &mut Reader<'_>) -> Result<String, DecodeError> {
    Ok(match kind {
        EVENT => shown::<WatcherEvent>(r)?,
        op::CREATE => shown::<CreateResponse>(r)?,
        op::CREATE2 | op::CREATE_CONTAINER | op::CREATE_TTL => shown::<Create2Response>(r)?,
        op::EXISTS | op::SET_DATA | op::SET_ACL => shown::<Stat>(r)?,
        op::GET_DATA | op::RECONFIG => shown::<GetDataResponse>(r)?,
        op::GET_ACL => shown::<GetACLResponse>(r)?,
        op::GET_CHILDREN => shown::<GetChildrenResponse>(r)?,
        op::GET_CHILDREN2 => shown::<GetChildren2Response>(r)?,
        op::GET_EPHEMERALS => shown::<GetEphemeralsResponse>(r)?,
        op::GET_ALL_CHILDREN_NUMBER => shown::<GetAllChildrenNumberResponse>(r)?,
        op::WHO_AM_I => shown::<WhoAmIResponse>(r)?,
        op::SYNC => shown::<CreateResponse>(r)?,
        op::SASL => shown::<SetSASLResponse>(r)?,
        op::ERROR | op::ADD_WATCH => r.int()?.to_string(),
        _ => String::new(),
    })
}

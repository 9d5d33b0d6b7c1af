//! Packets to bytes.

use jute::{Record, Write};

use super::{ForwardedRequest, LearnerInfo, Packet, kind};
use crate::ids::{Sid, Zxid};
use crate::zab::LearnerType;

impl Packet {
    /// Appends the packet's bytes.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Request(request) => return encode_request(request, out),
            Self::Proposal { zxid, record } => head(out, kind::PROPOSAL, *zxid, Some(record)),
            Self::Inform { zxid, record } => head(out, kind::INFORM, *zxid, Some(record)),
            Self::Ack { zxid } => head(out, kind::ACK, *zxid, None),
            Self::Commit { zxid } => head(out, kind::COMMIT, *zxid, None),
            Self::Diff { zxid } => head(out, kind::DIFF, *zxid, None),
            Self::Trunc { zxid } => head(out, kind::TRUNC, *zxid, None),
            Self::Snap { zxid } => head(out, kind::SNAP, *zxid, None),
            Self::UpToDate => head(out, kind::UPTODATE, NO_ZXID, None),
            Self::Sync => head(out, kind::SYNC, Zxid::ZERO, None),
            Self::NewLeader { zxid, config } => {
                head(out, kind::NEWLEADER, *zxid, config.as_deref());
            }
            Self::LeaderInfo { zxid, protocol_version } => {
                head(out, kind::LEADERINFO, *zxid, Some(&protocol_version.to_be_bytes()));
            }
            Self::AckEpoch { zxid, current_epoch } => {
                head(out, kind::ACKEPOCH, *zxid, Some(&current_epoch.to_be_bytes()));
            }
            Self::LearnerInfo(info) => encode_info(info, out),
            Self::Unknown { kind, zxid } => head(out, *kind, *zxid, None),
            Self::Ping { .. } | Self::Revalidate { .. } | Self::Revalidated { .. } => {
                self.encode_session_packet(out);
            }
            Self::CommitAndActivate { zxid, designated_leader } => {
                let data = activation(*designated_leader, &[]);
                head(out, kind::COMMITANDACTIVATE, *zxid, Some(&data));
            }
            Self::InformAndActivate { zxid, designated_leader, record } => {
                let data = activation(*designated_leader, record);
                head(out, kind::INFORMANDACTIVATE, *zxid, Some(&data));
            }
        }
        out.put_count(None);
    }

    fn encode_session_packet(&self, out: &mut Vec<u8>) {
        let mut data = Vec::new();
        match self {
            Self::Ping { zxid, touched } => {
                for (session, timeout) in touched.iter().flatten() {
                    data.put_long(session.0);
                    data.put_int(*timeout);
                }
                head(out, kind::PING, *zxid, touched.is_some().then_some(&data[..]));
            }
            Self::Revalidate { session, timeout } => {
                data.put_long(session.0);
                data.put_int(*timeout);
                head(out, kind::REVALIDATE, NO_ZXID, Some(&data));
            }
            Self::Revalidated { session, valid } => {
                data.put_long(session.0);
                data.put_bool(*valid);
                head(out, kind::REVALIDATE, NO_ZXID, Some(&data));
            }
            _ => {}
        }
    }
}

/// The zxid of packets that are about none.
const NO_ZXID: Zxid = Zxid(-1);

/// Bytes of a packet around its data, with a few ids.
const AROUND_DATA: usize = 64;

/// All of a packet but its ids.
fn head(out: &mut Vec<u8>, kind: i32, zxid: Zxid, data: Option<&[u8]>) {
    out.reserve(AROUND_DATA + data.map_or(0, <[u8]>::len));
    out.put_int(kind);
    out.put_long(zxid.0);
    out.put_buffer(data);
}

fn encode_request(request: &ForwardedRequest, out: &mut Vec<u8>) {
    let mut data = Vec::with_capacity(16 + request.body.len());
    data.put_long(request.session.0);
    data.put_int(request.cxid);
    data.put_int(request.op);
    data.extend_from_slice(&request.body);
    head(out, kind::REQUEST, NO_ZXID, Some(&data));
    out.put_count(Some(request.auth.len()));
    for id in &request.auth {
        id.write(out);
    }
}

fn encode_info(info: &LearnerInfo, out: &mut Vec<u8>) {
    let kind = match info.kind {
        LearnerType::Participant => kind::FOLLOWERINFO,
        LearnerType::Observer => kind::OBSERVERINFO,
    };
    let data = info.sid.map(|sid| {
        let mut data = Vec::with_capacity(20);
        data.put_long(sid.0);
        data.put_int(info.protocol_version);
        data.put_long(info.config_version);
        data
    });
    head(out, kind, info.zxid, data.as_deref());
}

fn activation(designated_leader: Sid, record: &[u8]) -> Vec<u8> {
    [&designated_leader.0.to_be_bytes()[..], record].concat()
}

use jute::{Limits, Record};
use proptest::prelude::*;

use super::*;

fn all() -> Vec<Packet> {
    let zxid = Zxid(0x3_0000_0007);
    let record: RecordBytes = b"record".as_slice().into();
    let id = Id { scheme: Some("ip".into()), id: Some("::1".into()) };
    let request = ForwardedRequest {
        session: SessionId(9),
        cxid: 4,
        op: 5,
        body: b"body".to_vec(),
        auth: vec![id],
    };
    let info = |kind| LearnerInfo {
        kind,
        zxid,
        sid: Some(Sid(2)),
        protocol_version: PROTOCOL_VERSION,
        config_version: 3,
    };
    let designated_leader = Sid(3);
    vec![
        Packet::Request(request),
        Packet::Proposal { zxid, record: record.clone() },
        Packet::Ack { zxid },
        Packet::Commit { zxid },
        Packet::Ping { zxid, touched: Some(vec![(SessionId(1), 10), (SessionId(2), 20)]) },
        Packet::Ping { zxid, touched: None },
        Packet::Revalidate { session: SessionId(7), timeout: 4000 },
        Packet::Revalidated { session: SessionId(7), valid: true },
        Packet::Sync,
        Packet::Inform { zxid, record: record.clone() },
        Packet::CommitAndActivate { zxid, designated_leader },
        Packet::NewLeader { zxid, config: Some(b"version=0".to_vec()) },
        Packet::NewLeader { zxid, config: None },
        Packet::LearnerInfo(info(LearnerType::Participant)),
        Packet::UpToDate,
        Packet::Diff { zxid },
        Packet::Trunc { zxid },
        Packet::Snap { zxid },
        Packet::LearnerInfo(info(LearnerType::Observer)),
        Packet::LeaderInfo { zxid, protocol_version: PROTOCOL_VERSION },
        Packet::AckEpoch { zxid, current_epoch: -1 },
        Packet::InformAndActivate { zxid, designated_leader, record },
        Packet::Unknown { kind: 77, zxid },
    ]
}

fn stream() -> Vec<u8> {
    let mut out = Vec::new();
    all().iter().for_each(|p| p.encode(&mut out));
    out
}

fn read_in_pieces(stream: &[u8], cuts: &[usize]) -> Result<Vec<Packet>, PacketError> {
    let mut reader = PacketReader::new(Limits::default());
    let mut packets = Vec::new();
    let mut rest = stream;
    for cut in cuts.iter().cycle() {
        let (head, tail) = rest.split_at((*cut).min(rest.len()));
        reader.feed(head);
        while let Some(packet) = reader.next_packet()? {
            packets.push(packet);
        }
        rest = tail;
        if rest.is_empty() {
            break;
        }
    }
    Ok(packets)
}

#[test]
fn a_packet_is_javas_record() {
    let mut bytes = Vec::new();
    Packet::Ack { zxid: Zxid(5) }.encode(&mut bytes);
    let record = jute::quorum::QuorumPacket { kind: 3, zxid: 5, data: None, auth_info: None };
    assert_eq!(bytes, jute::to_bytes(&record));
    let mut ping = Vec::new();
    Packet::Ping { zxid: Zxid(5), touched: Some(vec![(SessionId(1), 2)]) }.encode(&mut ping);
    let record = jute::quorum::QuorumPacket::read(&mut jute::Reader::new(&ping)).unwrap();
    assert_eq!(record.data.unwrap(), [0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2]);
    let mut info = Vec::new();
    all()[13].encode(&mut info);
    let record = jute::quorum::QuorumPacket::read(&mut jute::Reader::new(&info)).unwrap();
    let expected =
        jute::quorum::LearnerInfo { server_id: 2, protocol_version: 0x10000, config_version: 3 };
    assert_eq!(record.data.unwrap(), jute::to_bytes(&expected));
}

#[test]
fn infos_of_older_learners_have_less() {
    let info = |data: Option<&[u8]>| {
        let record = jute::quorum::QuorumPacket {
            kind: 11,
            zxid: 0,
            data: data.map(<[u8]>::to_vec),
            auth_info: None,
        };
        match &read_in_pieces(&jute::to_bytes(&record), &[100]).unwrap()[..] {
            [Packet::LearnerInfo(info)] => (info.sid, info.protocol_version, info.config_version),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(info(None), (None, 1, 0));
    assert_eq!(info(Some(&[0, 0, 0, 0, 0, 0, 0, 2])), (Some(Sid(2)), 1, 0));
    assert_eq!(info(Some(&[0, 0, 0, 0, 0, 0, 0, 2, 0, 1, 0, 0])), (Some(Sid(2)), 0x10000, 0));
}

#[test]
fn a_snapshot_may_stand_between_packets() {
    let mut bytes = Vec::new();
    Packet::Snap { zxid: Zxid(1) }.encode(&mut bytes);
    bytes.extend(b"snapshot");
    Packet::UpToDate.encode(&mut bytes);
    let mut reader = PacketReader::new(Limits::default());
    reader.feed(bytes);
    assert_eq!(reader.next_packet(), Ok(Some(Packet::Snap { zxid: Zxid(1) })));
    assert!(reader.unread().starts_with(b"snapshot"));
    reader.skip(8);
    assert_eq!(reader.next_packet(), Ok(Some(Packet::UpToDate)));
    assert_eq!(reader.next_packet(), Ok(None));
}

#[test]
fn short_data_and_impossible_lengths_are_refused() {
    for kind in [1, 6, 9, 17, 18, 19] {
        let record =
            jute::quorum::QuorumPacket { kind, zxid: 0, data: Some(vec![0; 3]), auth_info: None };
        assert_eq!(
            read_in_pieces(&jute::to_bytes(&record), &[100]),
            Err(PacketError::Data { kind, len: 3 })
        );
    }
    let mut reader = PacketReader::new(Limits::default());
    reader.feed([&[0; 12][..], &i32::MAX.to_be_bytes()].concat());
    assert!(matches!(reader.next_packet(), Err(PacketError::Record(_))));
    let mut reader = PacketReader::new(Limits::default());
    reader.feed([&[0; 12][..], &[0xff; 4], &i32::MAX.to_be_bytes()].concat());
    assert_eq!(reader.next_packet(), Err(PacketError::TooManyIds(i32::MAX as usize)));
}

proptest! {
    #[test]
    fn pieces_of_any_size_give_the_same_packets(
        cuts in proptest::collection::vec(1usize..40, 1..30),
    ) {
        prop_assert_eq!(read_in_pieces(&stream(), &cuts).unwrap(), all());
    }

    #[test]
    fn mutations_do_no_harm(
        changes in proptest::collection::vec((any::<usize>(), any::<u8>()), 1..6),
        cuts in proptest::collection::vec(1usize..200, 1..5),
    ) {
        let mut bytes = stream();
        for (at, to) in changes {
            let at = at % bytes.len();
            bytes[at] = to;
        }
        let _ = read_in_pieces(&bytes, &cuts);
    }
}

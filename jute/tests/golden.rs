//! The bytes that Java's own Jute writes, read and written again by ours.
//!
//! `golden.txt` was printed by `compat-tests/java/golden/GoldenRecords.java`: every record of the IDL in
//! variants: all null and negative, empty, one element, two elements with characters of one to three bytes,
//! and characters outside the basic plane.

use jute::{Reader, Record, data, persistence, proto, quorum, to_bytes, txn};

fn unhex(hex: &str) -> Vec<u8> {
    (0..hex.len() / 2)
        .map(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).expect("hex"))
        .collect()
}

fn reencode<T: Record>(bytes: &[u8]) -> Vec<u8> {
    let mut r = Reader::new(bytes);
    let record = T::read(&mut r).expect("Java's bytes are a record");
    assert!(r.is_empty(), "bytes left over");
    to_bytes(&record)
}

fn reencode_named(name: &str, bytes: &[u8]) -> Vec<u8> {
    match name {
        "Id" => reencode::<data::Id>(bytes),
        "ACL" => reencode::<data::Acl>(bytes),
        "Stat" => reencode::<data::Stat>(bytes),
        "StatPersisted" => reencode::<data::StatPersisted>(bytes),
        "ClientInfo" => reencode::<data::ClientInfo>(bytes),
        "ConnectRequest" => reencode::<proto::ConnectRequest>(bytes),
        "ConnectResponse" => reencode::<proto::ConnectResponse>(bytes),
        "SetWatches" => reencode::<proto::SetWatches>(bytes),
        "SetWatches2" => reencode::<proto::SetWatches2>(bytes),
        "RequestHeader" => reencode::<proto::RequestHeader>(bytes),
        "MultiHeader" => reencode::<proto::MultiHeader>(bytes),
        "AuthPacket" => reencode::<proto::AuthPacket>(bytes),
        "ReplyHeader" => reencode::<proto::ReplyHeader>(bytes),
        "GetDataRequest" => reencode::<proto::GetDataRequest>(bytes),
        "SetDataRequest" => reencode::<proto::SetDataRequest>(bytes),
        "ReconfigRequest" => reencode::<proto::ReconfigRequest>(bytes),
        "SetDataResponse" => reencode::<proto::SetDataResponse>(bytes),
        "GetSASLRequest" => reencode::<proto::GetSASLRequest>(bytes),
        "SetSASLRequest" => reencode::<proto::SetSASLRequest>(bytes),
        "SetSASLResponse" => reencode::<proto::SetSASLResponse>(bytes),
        "CreateRequest" => reencode::<proto::CreateRequest>(bytes),
        "CreateTTLRequest" => reencode::<proto::CreateTTLRequest>(bytes),
        "DeleteRequest" => reencode::<proto::DeleteRequest>(bytes),
        "GetChildrenRequest" => reencode::<proto::GetChildrenRequest>(bytes),
        "GetAllChildrenNumberRequest" => reencode::<proto::GetAllChildrenNumberRequest>(bytes),
        "GetChildren2Request" => reencode::<proto::GetChildren2Request>(bytes),
        "CheckVersionRequest" => reencode::<proto::CheckVersionRequest>(bytes),
        "GetMaxChildrenRequest" => reencode::<proto::GetMaxChildrenRequest>(bytes),
        "GetMaxChildrenResponse" => reencode::<proto::GetMaxChildrenResponse>(bytes),
        "SetMaxChildrenRequest" => reencode::<proto::SetMaxChildrenRequest>(bytes),
        "SyncRequest" => reencode::<proto::SyncRequest>(bytes),
        "SyncResponse" => reencode::<proto::SyncResponse>(bytes),
        "GetACLRequest" => reencode::<proto::GetACLRequest>(bytes),
        "SetACLRequest" => reencode::<proto::SetACLRequest>(bytes),
        "SetACLResponse" => reencode::<proto::SetACLResponse>(bytes),
        "AddWatchRequest" => reencode::<proto::AddWatchRequest>(bytes),
        "WatcherEvent" => reencode::<proto::WatcherEvent>(bytes),
        "ErrorResponse" => reencode::<proto::ErrorResponse>(bytes),
        "CreateResponse" => reencode::<proto::CreateResponse>(bytes),
        "Create2Response" => reencode::<proto::Create2Response>(bytes),
        "ExistsRequest" => reencode::<proto::ExistsRequest>(bytes),
        "ExistsResponse" => reencode::<proto::ExistsResponse>(bytes),
        "GetDataResponse" => reencode::<proto::GetDataResponse>(bytes),
        "GetChildrenResponse" => reencode::<proto::GetChildrenResponse>(bytes),
        "GetAllChildrenNumberResponse" => reencode::<proto::GetAllChildrenNumberResponse>(bytes),
        "GetChildren2Response" => reencode::<proto::GetChildren2Response>(bytes),
        "GetACLResponse" => reencode::<proto::GetACLResponse>(bytes),
        "CheckWatchesRequest" => reencode::<proto::CheckWatchesRequest>(bytes),
        "RemoveWatchesRequest" => reencode::<proto::RemoveWatchesRequest>(bytes),
        "GetEphemeralsRequest" => reencode::<proto::GetEphemeralsRequest>(bytes),
        "GetEphemeralsResponse" => reencode::<proto::GetEphemeralsResponse>(bytes),
        "WhoAmIResponse" => reencode::<proto::WhoAmIResponse>(bytes),
        "LearnerInfo" => reencode::<quorum::LearnerInfo>(bytes),
        "QuorumPacket" => reencode::<quorum::QuorumPacket>(bytes),
        "QuorumAuthPacket" => reencode::<quorum::QuorumAuthPacket>(bytes),
        "FileHeader" => reencode::<persistence::FileHeader>(bytes),
        "TxnDigest" => reencode::<txn::TxnDigest>(bytes),
        "TxnHeader" => reencode::<txn::TxnHeader>(bytes),
        "CreateTxnV0" => reencode::<txn::CreateTxnV0>(bytes),
        "CreateTxn" => reencode::<txn::CreateTxn>(bytes),
        "CreateTTLTxn" => reencode::<txn::CreateTTLTxn>(bytes),
        "CreateContainerTxn" => reencode::<txn::CreateContainerTxn>(bytes),
        "DeleteTxn" => reencode::<txn::DeleteTxn>(bytes),
        "SetDataTxn" => reencode::<txn::SetDataTxn>(bytes),
        "CheckVersionTxn" => reencode::<txn::CheckVersionTxn>(bytes),
        "SetACLTxn" => reencode::<txn::SetACLTxn>(bytes),
        "SetMaxChildrenTxn" => reencode::<txn::SetMaxChildrenTxn>(bytes),
        "CreateSessionTxn" => reencode::<txn::CreateSessionTxn>(bytes),
        "CloseSessionTxn" => reencode::<txn::CloseSessionTxn>(bytes),
        "ErrorTxn" => reencode::<txn::ErrorTxn>(bytes),
        "Txn" => reencode::<txn::Txn>(bytes),
        "MultiTxn" => reencode::<txn::MultiTxn>(bytes),
        other => panic!("{other} is not a record of the IDL"),
    }
}

/// The variant with characters outside the basic plane. Java does not read back what it wrote there
/// (encoded surrogates become U+FFFD), and neither do we.
const OUTSIDE_BASIC_PLANE: &str = "4";

#[test]
fn every_record_of_the_idl_has_javas_bytes() {
    let mut names = std::collections::BTreeSet::new();
    for line in include_str!("golden.txt").lines() {
        let mut words = line.split(' ');
        let (Some(name), Some(variant)) = (words.next(), words.next()) else { panic!("{line}") };
        let bytes = unhex(words.next().unwrap_or_default());
        let again = reencode_named(name, &bytes);
        if variant != OUTSIDE_BASIC_PLANE {
            assert_eq!(again, bytes, "{name}, variant {variant}");
        }
        names.insert(name.to_owned());
    }
    assert_eq!(names.len(), 72, "records of the IDL");
}

#[test]
fn a_string_outside_the_basic_plane_is_written_as_java_writes_it() {
    let line = include_str!("golden.txt").lines().find(|l| l.starts_with("Id 4 ")).expect("Id");
    let ours = data::Id { scheme: Some("\u{1f600}1".into()), id: Some("\u{1f600}2".into()) };
    assert_eq!(to_bytes(&ours), unhex(&line["Id 4 ".len()..]));
}

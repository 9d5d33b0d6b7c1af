use proptest::prelude::*;

use crate::ids::{Sid, Zxid};
use crate::zab::ServerState;
use crate::zab::election::initial::{ElectionAddr, InitialError, InitialMessage};
use crate::zab::election::notification::{Notification, NotificationError, encode};
use crate::zab::election::vote::{Candidate, Vote};

fn vote() -> Vote {
    let candidate = Candidate { leader: Sid(3), zxid: Zxid(0x2_0000_0005), peer_epoch: 7 };
    Vote { candidate, election_epoch: 9, state: ServerState::Leading, version: 0 }
}

#[test]
fn all_layouts_of_a_notification_are_read() {
    let bytes = encode(&vote(), b"version=0");
    assert_eq!(bytes.len(), 53);
    let n = Notification::parse(&bytes).unwrap();
    assert_eq!((n.state, n.candidate), (Some(ServerState::Leading), vote().candidate));
    assert_eq!((n.election_epoch, n.version), (9, 2));
    assert_eq!(n.config, Some(&b"version=0"[..]));

    let oldest = Notification::parse(&bytes[..28]).unwrap();
    assert_eq!((oldest.candidate.peer_epoch, oldest.version), (2, 0));
    let no_version = Notification::parse(&bytes[..40]).unwrap();
    assert_eq!((no_version.candidate.peer_epoch, no_version.version), (7, 0));
    let mut version_1 = bytes[..44].to_vec();
    version_1[39] = 1;
    let n = Notification::parse(&version_1).unwrap();
    assert_eq!((n.version, n.config), (1, None));
}

#[test]
fn what_is_cut_is_refused() {
    let bytes = encode(&vote(), b"version=0");
    assert_eq!(Notification::parse(&bytes[..27]).unwrap_err(), NotificationError::Short(27));
    for len in [29, 36, 39, 41, 43, 44, 52] {
        assert!(Notification::parse(&bytes[..len]).is_err(), "{len}");
    }
    let mut negative = bytes;
    negative[40] = 0x80;
    assert!(matches!(
        Notification::parse(&negative).unwrap_err(),
        NotificationError::ConfigLength(_)
    ));
}

#[test]
fn initial_messages_of_all_versions() {
    let addr = |host: &str, port| ElectionAddr { host: host.to_owned(), port };
    let message =
        InitialMessage { sid: Sid(2), addresses: vec![addr("zk2", 3888), addr("::1", 3889)] };
    let v2 = message.encode(true);
    assert_eq!(InitialMessage::parse(&v2).unwrap(), Some((message.clone(), v2.len())));
    let v1 = message.encode(false);
    assert_eq!(&v1[20..], b"zk2:3888");
    let (read, _) = InitialMessage::parse(&v1).unwrap().unwrap();
    assert_eq!(read.addresses, [addr("zk2", 3888)]);
    let legacy = InitialMessage::parse(&5i64.to_be_bytes()).unwrap().unwrap();
    assert_eq!(legacy, (InitialMessage { sid: Sid(5), addresses: Vec::new() }, 8));
    let wildcard = InitialMessage { sid: Sid(2), addresses: vec![addr("0.0.0.0", 3888)] };
    let (read, _) = InitialMessage::parse(&wildcard.encode(false)).unwrap().unwrap();
    assert_eq!(read.addresses, []);
}

#[test]
fn impossible_initial_messages_are_refused_early() {
    let refused = |bytes: &[u8]| InitialMessage::parse(bytes).unwrap_err();
    assert_eq!(refused(&(-1i64).to_be_bytes()), InitialError::Version(-1));
    let mut bytes = (-65536i64).to_be_bytes().to_vec();
    bytes.extend(1i64.to_be_bytes());
    for len in [0, -1, 2049, i32::MAX] {
        let with_len = [&bytes[..], &i32::to_be_bytes(len)].concat();
        assert_eq!(refused(&with_len), InitialError::Length(len));
    }
    for text in ["host", "host:", "a:b:c", "host:port", "host:70000", "[::1", "a:1|"] {
        let len = i32::try_from(text.len()).unwrap().to_be_bytes();
        let with_text = [&bytes[..], &len, text.as_bytes()].concat();
        assert!(matches!(refused(&with_text), InitialError::Address(_)), "{text}");
    }
}

proptest! {
    #[test]
    fn mutated_notifications_do_no_harm(at in 0usize..53, to: u8, cut in 0usize..=53) {
        let mut bytes = encode(&vote(), b"version=0");
        bytes[at] = to;
        let _ = Notification::parse(&bytes[..cut]);
    }

    #[test]
    fn any_bytes_are_an_initial_message_or_not(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
        let _ = InitialMessage::parse(&bytes);
        let v1 = [&(-65536i64).to_be_bytes()[..], &bytes].concat();
        if let Ok(Some((_, len))) = InitialMessage::parse(&v1) {
            prop_assert!(len <= v1.len());
        }
    }
}

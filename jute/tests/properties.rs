//! What holds for every record and every byte string.

use jute::proto::{CreateRequest, SetWatches2};
use jute::quorum::QuorumPacket;
use jute::txn::{CreateTxn, MultiTxn, Txn};
use jute::{Limits, Reader, Record, data, decode_java_utf8, encoded_len, to_bytes};
use proptest::prelude::*;

/// Strings without characters outside the basic plane, which Java cannot read back.
fn basic_plane() -> impl Strategy<Value = Option<String>> {
    proptest::option::of(proptest::collection::vec(
        any::<char>().prop_filter("basic plane", |c| (*c as u32) < 0x1_0000),
        0..12,
    ))
    .prop_map(|chars| chars.map(|c| c.into_iter().collect()))
}

fn buffer() -> impl Strategy<Value = Option<Vec<u8>>> {
    proptest::option::of(proptest::collection::vec(any::<u8>(), 0..40))
}

fn acl() -> impl Strategy<Value = data::Acl> {
    (any::<i32>(), basic_plane(), basic_plane())
        .prop_map(|(perms, scheme, id)| data::Acl { perms, id: data::Id { scheme, id } })
}

fn create_txn() -> impl Strategy<Value = CreateTxn> {
    let acls = proptest::option::of(proptest::collection::vec(acl(), 0..4));
    (basic_plane(), buffer(), acls, any::<bool>(), any::<i32>()).prop_map(
        |(path, data, acl, ephemeral, parent_cversion)| CreateTxn {
            path,
            data,
            acl: acl.map(Into::into),
            ephemeral,
            parent_cversion,
        },
    )
}

fn round_trips<T: Record + PartialEq + std::fmt::Debug>(record: &T) {
    let bytes = to_bytes(record);
    let mut r = Reader::new(&bytes);
    assert_eq!(&T::read(&mut r).expect("own bytes"), record);
    assert!(r.is_empty());
    for cut in 0..bytes.len() {
        assert!(T::read(&mut Reader::new(&bytes[..cut])).is_err(), "cut at {cut} goes unnoticed");
    }
}

proptest! {
    #[test]
    fn records_come_back_as_they_were_and_no_cut_goes_unnoticed(
        create in create_txn(),
        zxid in any::<i64>(),
        lists in proptest::collection::vec(
            proptest::option::of(proptest::collection::vec(basic_plane(), 0..4)), 5),
        bodies in proptest::collection::vec((any::<i32>(), buffer()), 0..4),
    ) {
        round_trips(&create);
        let mut lists = lists.into_iter();
        let mut next = || lists.next().flatten();
        round_trips(&SetWatches2 {
            relative_zxid: zxid,
            data_watches: next(),
            exist_watches: next(),
            child_watches: next(),
            persistent_watches: next(),
            persistent_recursive_watches: next(),
        });
        let txns = bodies.into_iter().map(|(kind, data)| Txn { kind, data }).collect();
        round_trips(&MultiTxn { txns: Some(txns) });
    }

    #[test]
    fn no_bytes_make_the_reader_panic_or_allocate_what_is_not_there(
        bytes in proptest::collection::vec(prop_oneof![Just(0u8), Just(0xff), Just(0x7f), any::<u8>()], 0..200),
    ) {
        let mut r = Reader::with_limits(&bytes, Limits::new(64, 64));
        let _ = CreateRequest::read(&mut r);
        let _ = QuorumPacket::read(&mut Reader::new(&bytes));
        let _ = MultiTxn::read(&mut Reader::new(&bytes));
        let text = decode_java_utf8(&bytes);
        prop_assert!(encoded_len(&text) <= 3 * bytes.len());
    }
}

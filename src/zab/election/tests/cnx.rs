use proptest::prelude::*;

use super::quorums;
use crate::ids::{Millis, Sid};
use crate::zab::LinkId;
use crate::zab::election::cnx::{CloseReason, Effect, Event, QuorumCnxManager, Settings};
use crate::zab::election::initial::{ElectionAddr, InitialMessage};

fn manager(id: i64) -> QuorumCnxManager {
    reserved(id, 256)
}

/// One that bears so many strangers.
fn reserved(id: i64, max_strangers: usize) -> QuorumCnxManager {
    let settings = Settings {
        my_id: Sid(id),
        addresses: vec![addr(id)],
        multi_address: false,
        greeting_timeout: 1000,
        max_strangers,
        fault_ebcdic: false,
    };
    QuorumCnxManager::new(settings, quorums(3, 0))
}

fn addr(id: i64) -> ElectionAddr {
    ElectionAddr { host: format!("h{id}"), port: 3888 }
}

fn hello(sid: i64) -> Vec<u8> {
    InitialMessage { sid: Sid(sid), addresses: vec![addr(sid)] }.encode(false)
}

fn step(m: &mut QuorumCnxManager, now: Millis, event: Event<'_>) -> Vec<Effect> {
    let mut out = Vec::new();
    m.step(now, event, &mut out);
    out
}

fn send(m: &mut QuorumCnxManager, to: i64, text: &str) -> Vec<Effect> {
    step(m, 0, Event::Send { to: Sid(to), bytes: text.as_bytes().into() })
}

fn bytes(m: &mut QuorumCnxManager, link: u64, bytes: &[u8]) -> Vec<Effect> {
    step(m, 0, Event::Bytes { link: LinkId(link), bytes })
}

fn write(link: u64, text: &str) -> Effect {
    let bytes = [&(text.len() as u32).to_be_bytes()[..], text.as_bytes()].concat();
    Effect::Write { link: LinkId(link), bytes }
}

fn connect(sid: i64) -> Effect {
    Effect::Connect { sid: Sid(sid), addresses: vec![addr(sid)], told: false }
}

/// As `connect`, where it is the peer itself that said so.
fn told_of(sid: i64) -> Effect {
    Effect::Connect { sid: Sid(sid), addresses: vec![addr(sid)], told: true }
}

fn close(link: u64, why: CloseReason) -> Effect {
    Effect::Close { link: LinkId(link), why }
}

#[test]
fn a_message_to_oneself_comes_back() {
    let delivered = Effect::Deliver { from: Sid(2), bytes: b"x".to_vec() };
    assert_eq!(send(&mut manager(2), 2, "x"), [delivered]);
}

#[test]
fn the_larger_sid_keeps_what_it_began() {
    let mut m = manager(2);
    assert_eq!(send(&mut m, 1, "a"), [connect(1)]);
    assert_eq!(send(&mut m, 1, "b"), []);
    let connected = step(&mut m, 0, Event::Connected { sid: Sid(1), link: LinkId(7) });
    let greeting = Effect::Write { link: LinkId(7), bytes: hello(2) };
    assert_eq!(connected, [greeting, write(7, "b")]);
    assert!(m.is_connected(Sid(1)) && m.have_delivered());
}

#[test]
fn the_smaller_sid_hangs_up_and_is_called_back() {
    let mut m = manager(2);
    assert_eq!(send(&mut m, 3, "a"), [connect(3)]);
    let connected = step(&mut m, 0, Event::Connected { sid: Sid(3), link: LinkId(7) });
    let greeting = Effect::Write { link: LinkId(7), bytes: hello(2) };
    assert_eq!(connected, [greeting, close(7, CloseReason::PeerCallsBack(Sid(3)))]);
    step(&mut m, 0, Event::Accepted { link: LinkId(8) });
    assert_eq!(bytes(&mut m, 8, &hello(3)), [write(8, "a")]);
}

#[test]
fn a_caller_with_the_smaller_sid_is_called_back() {
    let mut m = manager(2);
    step(&mut m, 0, Event::Accepted { link: LinkId(8) });
    assert_eq!(
        bytes(&mut m, 8, &hello(1)),
        [close(8, CloseReason::CallingBack(Sid(1))), told_of(1)]
    );
    step(&mut m, 0, Event::Connected { sid: Sid(1), link: LinkId(9) });
    // It calls again, so what we have is dead.
    step(&mut m, 0, Event::Accepted { link: LinkId(10) });
    assert_eq!(
        bytes(&mut m, 10, &hello(1)),
        [
            close(9, CloseReason::Replaced(Sid(1))),
            close(10, CloseReason::CallingBack(Sid(1))),
            told_of(1)
        ]
    );
}

#[test]
fn only_the_latest_message_waits_and_the_last_one_is_repeated() {
    let mut m = manager(1);
    step(&mut m, 0, Event::Accepted { link: LinkId(1) });
    assert_eq!(bytes(&mut m, 1, &hello(3)), []);
    assert_eq!(send(&mut m, 3, "a"), [write(1, "a")]);
    assert_eq!(send(&mut m, 3, "b"), []);
    assert_eq!(send(&mut m, 3, "c"), []);
    let flushed = Event::Flushed { link: LinkId(1) };
    assert_eq!(step(&mut m, 0, flushed.clone()), [write(1, "c")]);
    assert_eq!(step(&mut m, 0, flushed), []);
    step(&mut m, 0, Event::Closed { link: LinkId(1) });
    assert!(!m.is_connected(Sid(3)));
    step(&mut m, 0, Event::Accepted { link: LinkId(2) });
    assert_eq!(bytes(&mut m, 2, &hello(3)), [write(2, "c")]);
    step(&mut m, 0, Event::Accepted { link: LinkId(3) });
    assert_eq!(
        bytes(&mut m, 3, &hello(3)),
        [close(2, CloseReason::Replaced(Sid(3))), write(3, "c")]
    );
}

#[test]
fn a_failed_connection_is_tried_again_on_demand() {
    let mut m = manager(2);
    send(&mut m, 1, "a");
    assert!(!m.have_delivered());
    step(&mut m, 0, Event::ConnectFailed { sid: Sid(1) });
    assert_eq!(step(&mut m, 0, Event::ConnectAll), [connect(1)]);
    assert_eq!(step(&mut m, 0, Event::ConnectAll), []);
}

#[test]
fn a_peer_whose_address_is_silent_is_called_at_once() {
    let mut m = manager(2);
    send(&mut m, 1, "a");
    step(&mut m, 0, Event::Connected { sid: Sid(1), link: LinkId(7) });
    assert_eq!(step(&mut m, 0, Event::Lost { link: LinkId(7) }), [connect(1)]);
    assert_eq!(step(&mut m, 0, Event::Lost { link: LinkId(7) }), []);
    let connected = step(&mut m, 0, Event::Connected { sid: Sid(1), link: LinkId(8) });
    let greeting = Effect::Write { link: LinkId(8), bytes: hello(2) };
    assert_eq!(connected, [greeting, write(8, "a")], "the last message is sent again");
    step(&mut m, 0, Event::Accepted { link: LinkId(9) });
    assert_eq!(step(&mut m, 0, Event::Lost { link: LinkId(9) }), [], "nobody knows who it was");
}

#[test]
fn observers_of_old_get_ids_and_strangers_are_forgotten() {
    let mut m = manager(1);
    for (link, id) in [(1, -1), (2, -2)] {
        step(&mut m, 0, Event::Accepted { link: LinkId(link) });
        bytes(&mut m, link, &i64::MAX.to_be_bytes());
        assert_eq!(send(&mut m, id, "a"), [write(link, "a")]);
    }
    step(&mut m, 0, Event::Closed { link: LinkId(1) });
    assert_eq!(send(&mut m, -1, "a"), [Effect::UnknownSid(Sid(-1))]);
}

#[test]
fn who_does_not_say_who_it_is_is_dropped() {
    let mut m = manager(2);
    step(&mut m, 5, Event::Accepted { link: LinkId(1) });
    bytes(&mut m, 1, &hello(1)[..19]);
    assert_eq!(m.deadline(), Some(1005));
    assert_eq!(step(&mut m, 1004, Event::Timer), []);
    assert_eq!(step(&mut m, 1005, Event::Timer), [close(1, CloseReason::Silent)]);
    let closed = (2..1002)
        .flat_map(|l| step(&mut m, 0, Event::Accepted { link: LinkId(l) }))
        .filter(|e| matches!(e, Effect::Close { why: CloseReason::Silent, .. }));
    assert_eq!(closed.count(), 1000 - 256);
}

#[test]
fn impossible_callers_and_messages_end_their_connection_only() {
    let mut m = manager(2);
    step(&mut m, 0, Event::Accepted { link: LinkId(1) });
    assert_eq!(bytes(&mut m, 1, &hello(2)), [close(1, CloseReason::OwnSid)]);
    step(&mut m, 0, Event::Accepted { link: LinkId(2) });
    let sid = i64::from_be_bytes(*b"GET / HT");
    assert_eq!(bytes(&mut m, 2, b"GET / HTTP"), [stranger(2, sid)], "an id of before 3.5");
    step(&mut m, 0, Event::Accepted { link: LinkId(3) });
    bytes(&mut m, 3, &hello(3));
    let good = [&[0, 0, 0, 1, b'x'][..], &[0, 8, 0, 1]].concat();
    let delivered = Effect::Deliver { from: Sid(3), bytes: b"x".to_vec() };
    let found = 512 * 1024 + 1;
    let bad = close(3, CloseReason::MessageLength { from: Sid(3), found });
    assert_eq!(bytes(&mut m, 3, &good), [delivered, bad]);
    assert_eq!(bytes(&mut m, 3, b"more"), []);
}

/// A caller comes over `link` and says that it is `sid`.
fn call(m: &mut QuorumCnxManager, link: u64, hello: &[u8]) -> Vec<Effect> {
    step(m, 0, Event::Accepted { link: LinkId(link) });
    bytes(m, link, hello)
}

fn stranger(link: u64, sid: i64) -> Effect {
    Effect::Stranger { link: LinkId(link), sid: Sid(sid) }
}

#[test]
fn of_many_strangers_the_oldest_go_and_members_stay() {
    let mut m = reserved(2, 2);
    assert_eq!(call(&mut m, 1, &hello(3)), []);
    assert_eq!(call(&mut m, 2, &hello(50)), [stranger(2, 50)]);
    assert_eq!(call(&mut m, 3, &i64::MAX.to_be_bytes()), [stranger(3, -1)], "an observer of old");
    let too_many = |link| close(link, CloseReason::TooManyStrangers);
    assert_eq!(call(&mut m, 4, &hello(51)), [stranger(4, 51), too_many(2)]);
    assert_eq!(call(&mut m, 5, &hello(52)), [stranger(5, 52), too_many(3)]);
    // Who calls again takes the place that it had.
    let again = [close(4, CloseReason::Replaced(Sid(51))), stranger(6, 51)];
    assert_eq!(call(&mut m, 6, &hello(51)), again);
    step(&mut m, 0, Event::Closed { link: LinkId(5) });
    assert_eq!(call(&mut m, 7, &hello(53)), [stranger(7, 53)]);
    assert_eq!(send(&mut m, 3, "a"), [write(1, "a")]);
}

#[test]
fn few_strangers_are_called_back_and_none_in_the_way_of_members() {
    let mut m = manager(2);
    let told = ElectionAddr { host: "10.0.0.1".to_owned(), port: 1 };
    let greet = |sid: i64, n: usize| {
        let addresses = vec![told.clone(); n];
        InitialMessage { sid: Sid(sid), addresses }.encode(true)
    };
    for n in 0i64..16 {
        let sid = -100 - n;
        let called = call(&mut m, 10 + n.unsigned_abs(), &greet(sid, 50));
        let addresses = vec![told.clone(); 8];
        assert_eq!(called[1..], [Effect::Connect { sid: Sid(sid), addresses, told: true }]);
    }
    let not_called = |link, sid| [close(link, CloseReason::NotCallingBack(Sid(sid)))];
    assert_eq!(call(&mut m, 30, &greet(-200, 1)), not_called(30, -200));
    assert_eq!(call(&mut m, 31, &hello(1))[1..], [told_of(1)], "a member is");
    step(&mut m, 0, Event::ConnectFailed { sid: Sid(-100) });
    assert_eq!(call(&mut m, 32, &greet(-200, 1)).len(), 2);
    let nowhere = InitialMessage { sid: Sid(-300), addresses: vec![] };
    let wildcard = ElectionAddr { host: "0.0.0.0".to_owned(), port: 1 };
    let nowhere = InitialMessage { addresses: vec![wildcard], ..nowhere }.encode(false);
    step(&mut m, 0, Event::ConnectFailed { sid: Sid(-101) });
    assert_eq!(call(&mut m, 33, &nowhere), not_called(33, -300));
}

#[test]
fn strangers_are_not_remembered() {
    let mut m = manager(2);
    let empty = m.size();
    for sid in 0i64..1000 {
        let wildcard = ElectionAddr { host: "0.0.0.0".to_owned(), port: 1 };
        let from =
            |sid, addr| InitialMessage { sid: Sid(sid), addresses: vec![addr] }.encode(false);
        let link = sid.unsigned_abs() * 3;
        call(&mut m, link, &from(-1 - sid, wildcard));
        call(&mut m, link + 1, &from(-2000 - sid, addr(9)));
        step(&mut m, 0, Event::ConnectFailed { sid: Sid(-2000 - sid) });
        call(&mut m, link + 2, &hello(1000 + sid));
        step(&mut m, 0, Event::Closed { link: LinkId(link + 2) });
    }
    assert_eq!(m.size(), empty);
}

#[test]
fn strangers_have_less_to_say() {
    let mut m = manager(2);
    call(&mut m, 1, &hello(3));
    call(&mut m, 2, &hello(50));
    let (small, large) = (64 * 1024, 64 * 1024 + 1);
    assert_eq!(bytes(&mut m, 2, &i32::to_be_bytes(small)), []);
    assert_eq!(bytes(&mut m, 2, &vec![0; small as usize]).len(), 1);
    assert_eq!(bytes(&mut m, 1, &i32::to_be_bytes(large)), [], "a member");
    let bad = CloseReason::MessageLength { from: Sid(50), found: large };
    assert_eq!(bytes(&mut m, 2, &i32::to_be_bytes(large)), [close(2, bad)]);
}

proptest! {
    #[test]
    fn cuts_and_mutations_do_no_harm(
        at in 0usize..60,
        to: u8,
        cuts in proptest::collection::vec(1usize..9, 1..20),
    ) {
        let mut stream = hello(3);
        for text in ["one", "two", "three"] {
            stream.extend((text.len() as u32).to_be_bytes());
            stream.extend(text.as_bytes());
        }
        let at = at % stream.len();
        stream[at] = to;
        let mut m = manager(2);
        step(&mut m, 0, Event::Accepted { link: LinkId(1) });
        let mut rest = &stream[..];
        for cut in cuts.iter().cycle() {
            if rest.is_empty() { break; }
            let (head, tail) = rest.split_at((*cut).min(rest.len()));
            bytes(&mut m, 1, head);
            rest = tail;
        }
    }
}

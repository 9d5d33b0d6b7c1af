//! Callers that mean no good, or nothing at all.

use super::*;
use crate::net::links::{PortSettings, Strangers};

fn guarded(max: usize, timeout: i64) -> LinkSettings {
    let strangers = Some(Strangers { max, timeout });
    let quorum = PortSettings { strangers, ..PortSettings::default() };
    LinkSettings { quorum, ..LinkSettings::default() }
}

#[test]
fn of_a_thousand_silent_callers_the_oldest_are_closed_and_a_known_one_stays() {
    let a = End::new(guarded(100, 60_000));
    let (mut friend, known) = a.caller();
    a.links.send([Order::Know(known)]);
    let mut sockets = Vec::new();
    let (mut accepted, mut closed) = (Vec::new(), Vec::new());
    for _ in 0..1000 {
        sockets.push(TcpStream::connect(a.address).unwrap());
    }
    while accepted.len() < 1000 || closed.len() < 900 {
        match a.hear() {
            Heard::Accepted(link) => accepted.push(link),
            Heard::Closed(link, why) => {
                assert!(why.contains("too many"), "{why}");
                closed.push(link);
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(closed, accepted[..900]);
    friend.write_all(b"I am still here").unwrap();
    assert_eq!(a.hear_bytes(known, 15), b"I am still here");
}

#[test]
fn who_does_not_become_known_is_closed_in_time_whatever_it_sends() {
    let a = End::new(guarded(10, 4_000));
    let (mut friend, known) = a.caller();
    a.links.send([Order::Know(known)]);
    let (mut babbler, link) = a.caller();
    babbler.write_all(&pattern(1000)).unwrap();
    a.hear_bytes(link, 1000);
    match a.hear() {
        Heard::Closed(l, why) => assert!(l == link && why.contains("in time"), "{why}"),
        other => panic!("{other:?}"),
    }
    let mut rest = [0; 1];
    assert_eq!(babbler.read(&mut rest).unwrap_or(0), 0);
    friend.write_all(b"x").unwrap();
    assert_eq!(a.hear_bytes(known, 1), b"x");
}

#[test]
fn names_that_callers_tell_are_not_looked_up_in_front_of_members() {
    let b = End::new(LinkSettings::default());
    let (release, wait) = channel::<()>();
    let wait = Mutex::new(wait);
    let lookup = move |host: &str| {
        if host.starts_with("slow") {
            let _ = wait.lock().unwrap().recv();
        }
        Ok(vec!["127.0.0.1:0".parse().unwrap()])
    };
    let links = Links::start_with(LinkSettings::default(), Clock::start(), Arc::new(lookup));
    let a = End::over(links.unwrap());
    for sid in 0..100 {
        a.dial_told(sid, &format!("slow{sid}"), 1, 60_000);
    }
    a.dial(100, &[("member", b.address.port())], 60_000);
    assert!(matches!(a.hear(), Heard::Connected(Sid(100), _)));
    drop(release);
}

#[test]
fn a_reset_ends_one_link_only() {
    let a = End::new(LinkSettings::default());
    let (socket, link) = a.caller();
    let (mut other, unharmed) = a.caller();
    let socket = socket2::Socket::from(socket);
    socket.set_linger(Some(Duration::ZERO)).unwrap();
    drop(socket);
    assert!(matches!(a.hear(), Heard::Closed(l, _) if l == link));
    other.write_all(b"x").unwrap();
    assert_eq!(a.hear_bytes(unharmed, 1), b"x");
}

#[test]
fn callers_have_nobody_called_beyond_the_bound_nor_in_front_of_members() {
    let (a, b) = (End::new(LinkSettings::default()), End::new(LinkSettings::default()));
    let silent = Silent::new();
    for sid in 0..300 {
        a.dial_told(sid, "127.0.0.1", silent.port, 8_000);
    }
    a.dial(300, &[("127.0.0.1", b.address.port())], 8_000);
    let (mut refused, mut timed_out, mut connected) = (0, 0, false);
    while refused + timed_out < 300 || !connected {
        match a.hear() {
            Heard::Connected(Sid(300), _) => connected = timed_out == 0,
            Heard::Failed(_, why) if why.contains("timed out") => timed_out += 1,
            Heard::Failed(_, why) if why.contains("already") => refused += 1,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((refused, timed_out), (44, 256));
}

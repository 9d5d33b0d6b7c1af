//! How links come and go.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use super::*;
use crate::net::links::PortSettings;
use crate::net::links::ports::Ports;

fn connect(from: &End, to: &End) -> (LinkId, LinkId) {
    from.dial(7, &[("127.0.0.1", to.address.port())], 5_000);
    let Heard::Connected(Sid(7), ours) = from.hear() else { panic!("not connected") };
    let Heard::Accepted(theirs) = to.hear() else { panic!("not accepted") };
    (ours, theirs)
}

#[test]
fn what_one_end_writes_the_other_hears() {
    let (a, b) = (End::new(LinkSettings::default()), End::new(LinkSettings::default()));
    let (ours, theirs) = connect(&a, &b);
    a.links.write(ours, b"ping".to_vec());
    assert_eq!(b.hear_bytes(theirs, 4), b"ping");
    assert_eq!(a.hear(), Heard::Flushed(ours));
    b.links.write(theirs, Arc::<[u8]>::from(*b"pong"));
    assert_eq!(a.hear_bytes(ours, 4), b"pong");
}

#[test]
fn a_batch_keeps_its_order_and_close_waits_for_what_was_written() {
    let (a, b) = (End::new(LinkSettings::default()), End::new(LinkSettings::default()));
    let (ours, theirs) = connect(&a, &b);
    let data = pattern(3 << 20);
    let chunks = data.chunks(1000).map(|c| Order::Write { link: ours, bytes: c.to_vec().into() });
    let late = Order::Write { link: ours, bytes: b"too late".to_vec().into() };
    a.links.send(chunks.chain([Order::Close(ours), late]));
    assert!(b.hear_bytes(theirs, data.len()) == data);
    assert!(matches!(b.hear(), Heard::Closed(l, why) if l == theirs && why.contains("peer")));
    assert_eq!(a.links.pending_bytes(ours), None);
    assert!(a.heard.try_recv().is_err(), "who closed hears nothing");
}

#[test]
fn bytes_that_nobody_reads_do_not_destroy_the_last_ones_written() {
    let a = End::new(LinkSettings::default());
    let (mut socket, link) = a.caller();
    *a.ear.flow.lock().unwrap() = Flow::Pause;
    socket.write_all(b"x").unwrap();
    a.hear_bytes(link, 1);
    socket.write_all(&pattern(10_000)).unwrap();
    a.links.write(link, b"goodbye".to_vec());
    a.links.send([Order::Close(link)]);
    let mut last = Vec::new();
    socket.read_to_end(&mut last).unwrap();
    assert_eq!(last, b"goodbye");
}

#[test]
fn a_peer_that_hangs_up_is_noticed() {
    let a = End::new(LinkSettings::default());
    let (socket, link) = a.caller();
    drop(socket);
    assert!(matches!(a.hear(), Heard::Closed(l, _) if l == link));
    a.links.write(link, b"nobody is there".to_vec());
    assert_eq!(a.links.pending_bytes(link), None);
}

#[test]
fn half_closed_with_bytes_before_the_end() {
    let a = End::new(LinkSettings::default());
    let (mut socket, link) = a.caller();
    socket.write_all(b"last words").unwrap();
    socket.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(a.hear_bytes(link, 10), b"last words");
    assert!(matches!(a.hear(), Heard::Closed(l, _) if l == link));
}

#[test]
fn refusal_names_the_address() {
    let a = End::new(LinkSettings::default());
    let (_held, port) = loopback::refusing();
    a.dial(3, &[("127.0.0.1", port)], 5_000);
    match a.hear() {
        Heard::Failed(Sid(3), why) => assert!(why.contains(&format!("127.0.0.1:{port}")), "{why}"),
        other => panic!("{other:?}"),
    }
    a.dial(4, &[], 5_000);
    assert!(matches!(a.hear(), Heard::Failed(Sid(4), _)));
}

#[test]
fn one_silent_peer_delays_nobody_and_times_out() {
    let (a, b) = (End::new(LinkSettings::default()), End::new(LinkSettings::default()));
    let silent = Silent::new();
    let begun = Instant::now();
    a.dial(1, &[("127.0.0.1", silent.port)], 6_000);
    connect(&a, &b);
    assert!(matches!(a.hear(), Heard::Failed(Sid(1), why) if why.contains("timed out")));
    assert!(begun.elapsed() >= Duration::from_secs(6));
}

#[test]
fn of_several_addresses_the_first_that_answers_wins() {
    let (a, b) = (End::new(LinkSettings::default()), End::new(LinkSettings::default()));
    let silent = Silent::new();
    let (_held, refused) = loopback::refusing();
    let there = ("localhost", b.address.port());
    a.dial(5, &[("127.0.0.1", silent.port), ("127.0.0.1", refused), there], 10_000);
    assert!(matches!(a.hear(), Heard::Connected(Sid(5), _)));
    assert!(matches!(b.hear(), Heard::Accepted(_)));
}

#[test]
fn a_name_that_takes_forever_delays_nobody() {
    let b = End::new(LinkSettings::default());
    let (release, wait) = channel::<()>();
    let wait = Mutex::new(wait);
    let lookups = Arc::new(Mutex::new(HashMap::<String, usize>::new()));
    let counted = Arc::clone(&lookups);
    let links = Links::start_with(
        LinkSettings::default(),
        Clock::start(),
        Arc::new(move |host: &str| {
            *counted.lock().unwrap().entry(host.to_owned()).or_default() += 1;
            if host == "slow" {
                let _ = wait.lock().unwrap().recv();
            }
            Ok(vec!["127.0.0.1:0".parse().unwrap()])
        }),
    );
    let a = End::over(links.unwrap());
    a.dial(1, &[("slow", b.address.port())], 60_000);
    a.dial(2, &[("slow", b.address.port())], 60_000);
    a.dial(3, &[("quick", b.address.port())], 60_000);
    assert!(matches!(a.hear(), Heard::Connected(Sid(3), _)));
    a.dial(4, &[("slow", b.address.port())], 100);
    assert!(matches!(a.hear(), Heard::Failed(Sid(4), why) if why.contains("not looked up")));
    drop(release);
    let mut sids = [a.hear(), a.hear()].map(|heard| match heard {
        Heard::Connected(sid, _) => sid,
        other => panic!("{other:?}"),
    });
    sids.sort();
    assert_eq!(sids, [Sid(1), Sid(2)]);
    assert_eq!(lookups.lock().unwrap()["slow"], 1, "those that wait share one lookup");
}

/// A peer moves, and then the name servers are gone; a name that somebody told is not kept.
#[test]
fn names_are_looked_up_anew_and_are_what_they_were_where_nobody_knows() {
    let (a, b) = (loopback::own(), loopback::own());
    let answers = Mutex::new(vec![None, None, Some(b), Some(a)]);
    let lookup = move |_: &str| match answers.lock().unwrap().pop().flatten() {
        Some(address) => Ok(vec![address]),
        None => Err(std::io::Error::other("no name server answers")),
    };
    let links = Links::start_with(LinkSettings::default(), Clock::start(), Arc::new(lookup));
    let (caller, first) = (End::over(links.unwrap()), TcpListener::bind(a).unwrap());
    let port = first.local_addr().unwrap().port();
    let second = TcpListener::bind((b.ip(), port)).unwrap();
    let called = [&first, &second, &second].map(|listener| {
        caller.dial(1, &[("peer", port)], 5_000);
        assert!(matches!(caller.hear(), Heard::Connected(Sid(1), _)));
        listener.accept().unwrap()
    });
    caller.dial_told(2, "peer", port, 5_000);
    assert!(matches!(caller.hear(), Heard::Failed(Sid(2), why) if why.contains("no name server")));
    drop(called);
}

#[test]
fn sockets_are_set_up_as_their_port_wants() {
    let election = PortSettings {
        accepted_nodelay: true,
        connected_nodelay: false,
        keep_alive: true,
        unreachable_after: Some(1_000),
        ..PortSettings::default()
    };
    let settings = LinkSettings { election, ..LinkSettings::default() };
    let poll = mio::Poll::new().unwrap();
    let ports = Ports::new(settings, poll.registry().try_clone().unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let found = |port, was_called| {
        let socket = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let socket = mio::net::TcpStream::from_std(socket);
        ports.prepare(port, was_called, &socket).unwrap();
        let options = socket2::SockRef::from(&socket);
        let patience = options.tcp_user_timeout().unwrap();
        (socket.nodelay().unwrap(), options.keepalive().unwrap(), patience)
    };
    let patience = Some(Duration::from_secs(1));
    assert_eq!(found(Port::Election, true), (true, true, patience));
    assert_eq!(found(Port::Election, false), (false, true, patience));
    assert_eq!(found(Port::Quorum, true), (true, false, None));
}

#[test]
fn a_port_can_be_unbound_and_bound_again() {
    let a = End::alone();
    let (mut socket, link) = a.caller();
    let taken = a.links.listen(Port::Quorum, a.address).unwrap_err();
    assert_eq!(taken.kind(), std::io::ErrorKind::AddrInUse);
    a.links.unbind(Port::Quorum);
    assert!(TcpStream::connect(a.address).is_err());
    socket.write_all(b"still here").unwrap();
    assert_eq!(a.hear_bytes(link, 10), b"still here");
    assert_eq!(a.links.listen(Port::Quorum, a.address).unwrap(), a.address);
    a.caller();
}

#[test]
fn a_wildcard_serves_both_families() {
    let a = End::new(LinkSettings::default());
    let port = a.links.listen(Port::Quorum, "0.0.0.0:0".parse().unwrap()).unwrap().port();
    let _v4 = TcpStream::connect(("127.0.0.1", port)).unwrap();
    assert!(matches!(a.hear(), Heard::Accepted(_)));
    if let Ok(_v6) = TcpStream::connect(("::1", port)) {
        assert!(matches!(a.hear(), Heard::Accepted(_)));
        a.dial(1, &[("::1", port)], 5_000);
        let heard = [a.hear(), a.hear()];
        assert!(heard.iter().any(|h| matches!(h, Heard::Connected(Sid(1), _))), "{heard:?}");
    }
}

#[test]
fn after_the_end_all_links_are_closed_and_the_port_is_free() {
    let a = End::alone();
    let (mut socket, link) = a.caller();
    a.links.write(link, b"bye".to_vec());
    a.links.shutdown();
    let mut last = Vec::new();
    socket.read_to_end(&mut last).unwrap();
    assert_eq!(last, b"bye");
    TcpListener::bind(a.address).unwrap();
    a.dial(1, &[(&a.address.ip().to_string(), a.address.port())], 1_000);
    a.links.shutdown();
}

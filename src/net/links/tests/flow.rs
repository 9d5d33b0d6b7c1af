//! Peers that read slowly, users that take slowly.

use super::*;
use crate::net::links::PortSettings;

fn bounded(max_pending: usize) -> LinkSettings {
    let quorum = PortSettings { max_pending, ..PortSettings::default() };
    LinkSettings { quorum, ..LinkSettings::default() }
}

#[test]
fn a_peer_that_does_not_read_is_given_up_at_the_bound() {
    let a = End::new(bounded(1 << 20));
    let (_socket, link) = a.caller();
    let (_other, unharmed) = a.caller();
    let chunk: Arc<[u8]> = pattern(1 << 20).into();
    while a.links.pending_bytes(link).is_some() {
        a.links.write(link, Arc::clone(&chunk));
    }
    loop {
        match a.hear() {
            Heard::Flushed(l) => assert_eq!(l, link),
            Heard::Closed(l, why) => {
                assert_eq!(l, link);
                assert!(why.contains("does not read"), "{why}");
                break;
            }
            other => panic!("{other:?}"),
        }
    }
    a.links.write(unharmed, b"x".to_vec());
    assert_eq!(a.hear(), Heard::Flushed(unharmed));
}

#[test]
fn a_slow_reader_gets_all_in_order() {
    let a = End::new(LinkSettings::default());
    let (mut socket, link) = a.caller();
    let data = pattern(8 << 20);
    a.links.send(data.chunks(70_001).map(|c| Order::Write { link, bytes: c.to_vec().into() }));
    let mut got = vec![0; data.len()];
    for piece in got.chunks_mut(10_007) {
        socket.read_exact(piece).unwrap();
    }
    assert!(got == data);
    assert_eq!(a.hear(), Heard::Flushed(link));
    assert_eq!(a.links.pending_bytes(link), Some(0));
}

#[test]
fn a_stream_goes_out_with_bounded_memory() {
    let a = End::new(LinkSettings::default());
    let (mut socket, link) = a.caller();
    let data = pattern(16 << 20);
    let mut writer = a.links.writer(link, 256 << 10, 10_000);
    let copy = data.clone();
    let feeder = std::thread::spawn(move || {
        for piece in copy.chunks(60_000) {
            writer.write_all(piece).unwrap();
        }
        writer.flush().unwrap();
    });
    let mut got = vec![0; data.len()];
    for piece in got.chunks_mut(100_000) {
        socket.read_exact(piece).unwrap();
        let pending = a.links.pending_bytes(link).unwrap();
        assert!(pending <= 256 << 10, "{pending}");
    }
    feeder.join().unwrap();
    assert!(got == data);
}

#[test]
fn a_stream_fails_when_the_peer_stalls_or_goes() {
    let a = End::new(LinkSettings::default());
    let (socket, link) = a.caller();
    let mut writer = a.links.writer(link, 64 << 10, 100);
    let data = pattern(64 << 20);
    let stalled = writer.write_all(&data).unwrap_err();
    assert_eq!(stalled.kind(), std::io::ErrorKind::TimedOut);
    let mut writer = a.links.writer(link, 64 << 10, 60_000);
    let feeder = std::thread::spawn(move || writer.write_all(&data).unwrap_err().kind());
    drop(socket);
    assert_eq!(feeder.join().unwrap(), std::io::ErrorKind::BrokenPipe);
}

#[test]
fn a_paused_link_is_not_read_until_it_is_resumed() {
    let a = End::new(LinkSettings::default());
    let (mut socket, link) = a.caller();
    let (mut other, unharmed) = a.caller();
    *a.ear.flow.lock().unwrap() = Flow::Pause;
    socket.write_all(b"1").unwrap();
    assert_eq!(a.hear(), Heard::Bytes(link, b"1".to_vec()));
    *a.ear.flow.lock().unwrap() = Flow::Go;
    socket.write_all(b"2").unwrap();
    drop(socket);
    other.write_all(b"3").unwrap();
    assert_eq!(a.hear(), Heard::Bytes(unharmed, b"3".to_vec()));
    a.links.send([Order::Resume(link)]);
    assert_eq!(a.hear(), Heard::Bytes(link, b"2".to_vec()));
    assert!(matches!(a.hear(), Heard::Closed(l, _) if l == link));
}

#[test]
fn what_is_written_from_here_and_from_there_keeps_its_order() {
    let end = End::new(bounded(usize::MAX));
    let (mut socket, link) = end.caller();
    let all = pattern(16 << 20);
    let reader = std::thread::spawn(move || {
        let mut read = vec![0; 16 << 20];
        socket.read_exact(&mut read).map(|()| read)
    });
    for (i, chunk) in all.chunks(10_007).enumerate() {
        if i % 3 == 0 {
            end.links.write(link, chunk.to_vec());
        } else {
            end.links.write_now(link, chunk.to_vec());
        }
    }
    assert!(reader.join().unwrap().unwrap() == all);
}

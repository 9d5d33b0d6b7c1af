//! Requests in, replies out.

use super::*;

fn pipelined(selectors: usize, workers: usize) {
    let server = Server::start(|s| {
        s.selectors = selectors;
        s.workers = workers;
    });
    let mut clients: Vec<Client> = (0..5).map(|_| Client::connect(&server)).collect();
    let requests: Vec<u8> =
        (0..2000).flat_map(|cxid: i32| write(cxid, &cxid.to_be_bytes())).collect();
    for client in &mut clients {
        client.send(&requests);
    }
    for client in &mut clients {
        for cxid in 0..2000_i32 {
            assert_eq!(client.reply(cxid), cxid.to_be_bytes());
        }
    }
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    pipelined(1, 0);
}

#[test]
fn so_they_are_by_several_selectors() {
    pipelined(3, 0);
}

#[test]
fn so_they_are_by_workers() {
    pipelined(2, 3);
}

#[test]
fn frames_may_come_byte_by_byte() {
    let server = Server::start(|_| {});
    let mut client = Client::dial(&server);
    for byte in connect_request() {
        client.send(&[byte]);
    }
    assert_eq!(client.receive().unwrap().len(), 37);
    let requests = [write(1, b"one"), write(2, b""), write(3, b"three")].concat();
    for byte in requests {
        client.send(&[byte]);
    }
    assert_eq!(
        (client.reply(1), client.reply(2), client.reply(3)),
        (b"one".into(), vec![], b"three".into())
    );
}

#[test]
fn large_frames_pass() {
    for workers in [0, 2] {
        let server = Server::start(|s| s.workers = workers);
        let mut client = Client::connect(&server);
        for len in [60_000, 70_000, 200_000, MAX_BUFFER - 8] {
            let body: Vec<u8> = (0..len).map(|i| i as u8).collect();
            client.echo(len as i32, &body);
            client.echo(1, b"small again");
        }
    }
}

#[test]
fn what_follows_a_connect_request_waits_for_the_session() {
    let server = Server::start(|_| {});
    server.echo.hold();
    let mut client = Client::dial(&server);
    client.send(&[connect_request(), write(1, b"early")].concat());
    until("the connect request has come", || server.echo.held.lock().unwrap().len() == 1);
    assert_eq!(server.echo.seen.load(Ordering::SeqCst), 0);
    server.echo.release();
    assert_eq!(client.receive().unwrap().len(), 37);
    assert_eq!(client.reply(1), b"early");
}

/// When the selector sleeps is not to be seen from outside: it is given more and more time for that.
#[test]
fn a_lone_reply_is_written_by_whoever_made_it_while_the_selector_sleeps() {
    let server = Server::start(|s| s.in_flight_of_one = 1);
    let mut client = Client::connect(&server);
    let own = Some(std::thread::current().id());
    let mut pause = Duration::from_micros(50);
    until("the connection had its turn on this thread", || {
        server.echo.hold();
        client.send(&write(1, b"held"));
        until("the request has come", || server.echo.held.lock().unwrap().len() == 1);
        // It is not read before the other is answered, and then by whoever answers that.
        client.send(&write(2, b"behind it"));
        std::thread::sleep(pause);
        pause *= 2;
        server.echo.release();
        assert_eq!((client.reply(1), client.reply(2)), (b"held".into(), b"behind it".into()));
        *server.echo.submitter.lock().unwrap() == own
    });
}

#[test]
fn with_workers_a_lone_reply_is_left_to_them() {
    let server = Server::start(|s| s.workers = 2);
    let mut client = Client::connect(&server);
    let own = Some(std::thread::current().id());
    for cxid in 0..100 {
        server.echo.hold();
        client.send(&write(cxid, b"held"));
        until("the request has come", || server.echo.held.lock().unwrap().len() == 1);
        server.echo.release();
        assert_eq!(client.reply(cxid), b"held");
        assert_ne!(*server.echo.submitter.lock().unwrap(), own);
    }
}

#[test]
fn a_slow_reader_is_not_read_from() {
    let server = Server::start(|s| s.in_flight_of_one = usize::MAX);
    let mut client = Client::connect(&server);
    client.0.set_nonblocking(true).unwrap();
    let request = write(1, &[5; 32 << 10]);
    let (mut sent, mut quiet) = (0, 0);
    // The kernel's buffers on both sides fill first, and then the server no longer reads.
    let mut stall = Instant::now();
    while sent < 4000 * request.len() && stall.elapsed() < Duration::from_millis(500) {
        match client.0.write(&request[sent % request.len()..]) {
            Ok(n) => {
                sent += n;
                stall = Instant::now();
            }
            Err(_) => quiet += 1,
        }
        std::thread::yield_now();
    }
    assert!(quiet > 0 && sent < 4000 * request.len(), "the server took everything: {sent}");
    let conn = server.front.db.conns.all().pop().unwrap();
    let waiting = conn.lock_output().len();
    assert!(waiting < 1 << 20, "{waiting} bytes wait in memory");
    client.0.set_nonblocking(false).unwrap();
    let whole = sent / request.len();
    for _ in 0..whole {
        assert_eq!(client.reply(1).len(), 32 << 10);
    }
    client.send(&request[sent % request.len()..]);
    assert_eq!(client.reply(1).len(), 32 << 10);
}

#[test]
fn what_is_in_flight_is_bounded() {
    let server = Server::start(|s| s.in_flight_of_one = 256 << 10);
    let mut client = Client::connect(&server);
    let mut other = Client::connect(&server);
    server.echo.hold();
    let mut sender = client.0.try_clone().unwrap();
    let request = write(1, &[5; 16 << 10]);
    let writer =
        std::thread::spawn(move || (0..200).for_each(|_| sender.write_all(&request).unwrap()));
    until("the bound is reached", || server.echo.seen.load(Ordering::SeqCst) >= 256 << 10);
    other.send(&write(9, b"others go on"));
    until("another's request is seen", || {
        let held = server.echo.held.lock().unwrap();
        held.iter().any(|input| matches!(input, Input::Request(r) if r.cxid == 9))
    });
    let seen = server.echo.seen.load(Ordering::SeqCst);
    assert!(seen <= (256 + 64 + 16) << 10, "{seen} bytes in flight");
    server.echo.release();
    for _ in 0..200 {
        client.reply(1);
    }
    other.reply(9);
    writer.join().unwrap();
}

#[test]
fn a_thousand_idle_sessions() {
    let mut server = Server::start(|s| s.selectors = 2);
    let mut clients: Vec<Client> = (0..1000).map(|_| Client::connect(&server)).collect();
    assert_eq!(server.connections(), 1000);
    let heard = server.reactor.as_ref().unwrap().heard_until();
    let now = server.clock.now();
    until("everyone has been heard", || heard.get() >= now);
    clients[500].echo(1, b"still there");
    server.stop();
    assert_eq!(server.connections(), 0);
    assert!(clients.iter_mut().all(Client::is_closed));
}

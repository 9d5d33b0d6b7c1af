//! How connections and servers end.

use std::net::Shutdown;

use super::*;
use crate::server::reason::DisconnectReason;

#[test]
fn words_are_answered_and_then_the_stream_ends() {
    for workers in [0, 2] {
        let server = Server::start(|s| s.workers = workers);
        for question in [&b"ruok"[..], b"ruok\n", b"ruok\r\n", b"ruok and so on and on"] {
            let mut client = Client::dial(&server);
            client.send(question);
            assert_eq!(client.rest(), b"imok");
        }
        let mut half_closed = Client::dial(&server);
        half_closed.send(b"ruok\n");
        half_closed.0.shutdown(Shutdown::Write).unwrap();
        assert_eq!(half_closed.rest(), b"imok");
        let mut in_pieces = Client::dial(&server);
        in_pieces.send(b"ru");
        in_pieces.send(b"ok");
        assert_eq!(in_pieces.rest(), b"imok");
        until("all are gone", || server.connections() == 0);
    }
}

#[test]
fn a_long_answer_survives_trailing_bytes() {
    for workers in [0, 2] {
        let server = Server::start(|s| s.workers = workers);
        let mut client = Client::dial(&server);
        client.send(b"mntr\r\n");
        client.send(&[b'\n'; 1000]);
        assert_eq!(client.rest().len(), LONG);
    }
}

#[test]
fn a_word_without_an_answer_ends_the_stream() {
    let server = Server::start(|_| {});
    let mut client = Client::dial(&server);
    client.send(&[0xff, 0xf4, 0xff, 0xfd]);
    assert_eq!(client.rest(), b"");
}

#[test]
fn a_reply_is_written_before_the_pipeline_closes() {
    let server = Server::start(|_| {});
    let mut client = Client::connect(&server);
    let conn = server.front.db.conns.all().pop().unwrap();
    conn.lock_output().extend_from_slice(b"the last word");
    conn.close_after_output(DisconnectReason::ClientClosedSession);
    conn.notify();
    assert_eq!(client.rest(), b"the last word");
    until("it is gone", || server.echo.gone.load(Ordering::SeqCst) == 1);
    assert_eq!(server.connections(), 0);
}

#[test]
fn an_expired_session_is_cut_off() {
    for workers in [0, 2] {
        let server = Server::start(|s| s.workers = workers);
        let mut client = Client::connect(&server);
        let conn = server.front.db.conns.all().pop().unwrap();
        let session = conn.session_id();
        assert!(server.front.db.conns.close_session(session, DisconnectReason::ConnectionExpired));
        assert!(client.is_closed());
        until("it is gone", || server.echo.gone.load(Ordering::SeqCst) == 1);
    }
}

#[test]
fn the_pipeline_hears_of_every_end_once() {
    for workers in [0, 2] {
        let server = Server::start(|s| s.workers = workers);
        let clients: Vec<Client> = (0..20).map(|_| Client::connect(&server)).collect();
        for (i, client) in clients.into_iter().enumerate() {
            if i % 2 == 0 {
                // Unread bytes turn the close into a reset.
                let linger = socket2::SockRef::from(&client.0);
                linger.set_linger(Some(Duration::ZERO)).unwrap();
            }
        }
        until("all are gone", || server.echo.gone.load(Ordering::SeqCst) == 20);
        assert_eq!(server.connections(), 0);
    }
}

#[test]
fn what_was_sent_before_the_end_is_still_taken() {
    let server = Server::start(|_| {});
    let mut client = Client::connect(&server);
    let requests: Vec<u8> = (0..100).flat_map(|cxid| write(cxid, &[1; 100])).collect();
    client.send(&requests);
    client.0.shutdown(Shutdown::Write).unwrap();
    until("all have come", || server.echo.seen.load(Ordering::SeqCst) == 10_000);
    until("it is gone", || server.connections() == 0);
}

#[test]
fn a_stopped_server_frees_its_port_and_ends_all_streams() {
    for workers in [0, 2] {
        let mut server = Server::start(|s| s.workers = workers);
        let mut clients: Vec<Client> = (0..10).map(|_| Client::connect(&server)).collect();
        server.echo.hold();
        clients[0].send(&write(1, b"never answered"));
        server.stop();
        assert!(clients.iter_mut().all(Client::is_closed));
        assert!(TcpStream::connect(server.address).is_err());
        assert_eq!(server.connections(), 0);
        std::net::TcpListener::bind(server.address).unwrap();
    }
}

#[test]
fn a_closed_port_leaves_connections_alone() {
    let mut server = Server::start(|_| {});
    let mut client = Client::connect(&server);
    server.reactor.as_mut().unwrap().stop_accepting();
    assert!(TcpStream::connect(server.address).is_err());
    client.echo(1, b"still here");
}

//! Who is refused, and who is shut out.

use super::*;

#[test]
fn connections_from_one_address_are_limited() {
    let server = Server::start(|s| s.max_client_cnxns = 3);
    let mut clients: Vec<Client> = (0..3).map(|_| Client::connect(&server)).collect();
    assert!(Client::dial(&server).is_closed());
    assert_eq!(server.front.metrics.connection_rejected.get(), 1);
    clients.pop();
    until("there is a place again", || Client::dial(&server).try_connect());
    clients[0].echo(1, b"unharmed");
}

#[test]
fn connections_in_all_are_limited() {
    let server = Server::start(|s| s.max_cnxns = 2);
    let _clients = [Client::connect(&server), Client::connect(&server)];
    assert!(Client::dial(&server).is_closed());
}

#[test]
fn a_bad_length_ends_its_connection_only() {
    for workers in [0, 2] {
        let server = Server::start(|s| s.workers = workers);
        let mut good = Client::connect(&server);
        let too_long = (MAX_BUFFER as i32 + 1).to_be_bytes();
        for bad in [[0xff; 4], too_long, [0x7f; 4], *b"GET "] {
            let mut fresh = Client::dial(&server);
            fresh.send(&bad);
            assert!(fresh.is_closed(), "{bad:?} as a first packet");
            let mut known = Client::connect(&server);
            known.send(&bad);
            assert!(known.is_closed(), "{bad:?} in a session");
        }
        good.echo(1, b"unharmed");
        until("only the good one is left", || server.connections() == 1);
    }
}

#[test]
fn a_flood_of_garbage_does_not_keep_a_connection() {
    let server = Server::start(|_| {});
    let mut flood = Client::connect(&server);
    let garbage = vec![0xee; 4 << 20];
    let failed = flood.0.write_all(&garbage).and_then(|()| flood.0.write_all(&garbage));
    assert!(failed.is_err() || flood.is_closed());
    until("it is gone", || server.connections() == 0);
}

#[test]
fn a_connection_without_a_session_is_closed_in_time() {
    // The session must have come by then, however slow the machine is.
    let server = Server::start(|s| s.sessionless_timeout = 2_000);
    let mut session = Client::connect(&server);
    let mut silent = Client::dial(&server);
    let mut slow = Client::dial(&server);
    slow.send(&connect_request()[..10]);
    assert!(silent.is_closed());
    assert!(slow.is_closed());
    until("they are gone", || server.connections() == 1);
    assert_eq!(server.front.metrics.sessionless_connections_expired.get(), 2);
    session.echo(1, b"unharmed");
}

#[test]
fn who_never_reads_is_dropped_before_memory_runs_out() {
    for workers in [0, 1] {
        let server = Server::start(|s| {
            s.workers = workers;
            s.output_limit = 12 << 20;
        });
        let _deaf = Client::connect(&server);
        let conn = server.front.db.conns.all().pop().unwrap();
        until("it is gone", || {
            let mut out = conn.lock_output();
            // What is too much by far need not grow while the server is not scheduled.
            if out.len() < 64 << 20 {
                let more = out.len() + (64 << 10);
                out.resize(more, 7);
            }
            drop(out);
            conn.notify();
            server.connections() == 0
        });
        assert!(conn.is_stale());
    }
}

use std::collections::BTreeSet;
use std::io::{Read, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::Receiver;
use std::thread;
use std::time::Duration;

use jute::proto::{
    ConnectRequest, ConnectResponse, ReplyHeader, RequestHeader, SetWatches, WatcherEvent,
};
use jute::{Reader, Record, Write, to_bytes};

use super::*;

/// A server that does what the test's script says, frame by frame.
struct Fake {
    listener: TcpListener,
}

struct Link(TcpStream);

impl Fake {
    fn new() -> (Self, Options) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let servers = format!("{}/app", listener.local_addr().unwrap());
        (Self { listener }, Options::new(&servers, Duration::from_secs(30)).unwrap())
    }

    /// Takes a connection and grants (or refuses, by a timeout of 0) the session.
    fn accept(&self, timeout: i32) -> (Link, ConnectRequest) {
        let mut link = Link(self.listener.accept().unwrap().0);
        let request = ConnectRequest::read(&mut Reader::new(&link.frame())).unwrap();
        link.send(&to_bytes(&ConnectResponse {
            timeout,
            session_id: if timeout > 0 { 7 } else { 0 },
            passwd: Some(vec![9; 16]),
            ..ConnectResponse::default()
        }));
        (link, request)
    }
}

impl Link {
    fn frame(&mut self) -> Vec<u8> {
        let mut len = [0; 4];
        self.0.read_exact(&mut len).unwrap();
        let mut frame = vec![0; u32::from_be_bytes(len) as usize];
        self.0.read_exact(&mut frame).unwrap();
        frame
    }

    fn request(&mut self) -> (RequestHeader, Vec<u8>) {
        let frame = self.frame();
        let mut r = Reader::new(&frame);
        let header = RequestHeader::read(&mut r).unwrap();
        (header, r.remaining().to_vec())
    }

    fn send(&mut self, bytes: &[u8]) {
        let mut frame = Vec::new();
        frame.put_buffer(Some(bytes));
        self.0.write_all(&frame).unwrap();
    }

    fn reply(&mut self, xid: i32, zxid: i64, err: i32, body: &impl Record) {
        let mut bytes = to_bytes(&ReplyHeader { xid, zxid, err });
        if err == 0 {
            body.write(&mut bytes);
        }
        self.send(&bytes);
    }
}

fn states(events: &Receiver<Event>, count: usize) -> Vec<Event> {
    (0..count).map(|_| events.recv_timeout(Duration::from_secs(60)).unwrap()).collect()
}

#[test]
fn connect_strings() {
    let parsed: ConnectString = "a:1, b,[::1]:7,[::2]/x/y".parse().unwrap();
    let hosts: Vec<_> = parsed.hosts.iter().map(|h| (h.name.as_str(), h.port)).collect();
    assert_eq!(hosts, [("a", 1), ("b", 2181), ("::1", 7), ("::2", 2181)]);
    assert_eq!(parsed.chroot, "/x/y");
    assert_eq!(parsed.to_server("/"), "/x/y");
    assert_eq!(parsed.to_server("/z"), "/x/y/z");
    assert_eq!(parsed.to_client("/x/y".into()), "/");
    assert_eq!(parsed.to_client("/x/y/z".into()), "/z");
    assert_eq!(parsed.to_client("/x/yz".into()), "/x/yz");
    for bad in ["", "/x", "a:b", ":1", "a/x/", "a/x//y"] {
        assert!(bad.parse::<ConnectString>().is_err(), "{bad:?}");
    }
}

#[test]
fn codes_have_their_numbers() {
    assert_eq!(Code::from_number(-101), Some(Code::NoNode));
    assert_eq!(Code::from_number(0), Some(Code::Ok));
    assert_eq!(Code::from_number(-9), None);
}

#[test]
fn replies_find_their_calls_within_the_chroot() {
    let (fake, options) = Fake::new();
    let server = thread::spawn(move || {
        let (mut link, connect) = fake.accept(12_000);
        assert_eq!((connect.session_id, connect.timeout), (0, 30_000));
        let (first, body) = link.request();
        assert_eq!(Reader::new(&body).str().unwrap().unwrap(), "/app/a");
        let (second, _) = link.request();
        link.reply(first.xid, 5, 0, &Some("/app/a".to_owned()));
        link.reply(second.xid, 6, Code::NoNode.number(), &false);
    });
    let (client, events) = Client::connect(options).unwrap();
    assert_eq!(states(&events, 1), [Event::State(KeeperState::SyncConnected)]);
    assert_eq!(client.timeout(), Duration::from_secs(12));
    let created = client.create("/a", None, &[], CreateMode::Persistent);
    let missing = client.get_data("/b", false);
    assert_eq!(created.wait().unwrap(), "/a");
    assert_eq!(missing.wait().unwrap_err(), Error::Code(Code::NoNode));
    assert_eq!(client.last_zxid(), Zxid(6));
    server.join().unwrap();
}

#[test]
fn a_lost_connection_fails_its_calls_and_the_next_one_carries_session_and_watches() {
    let (fake, options) = Fake::new();
    let server = thread::spawn(move || {
        let (mut link, _) = fake.accept(12_000);
        for (xid, err) in [(1, 0), (2, Code::NoNode.number()), (3, 0)] {
            let (header, _) = link.request();
            assert_eq!(header.xid, xid);
            link.reply(xid, 40, err, &jute::data::Stat::default());
        }
        let gone = WatcherEvent { kind: 2, state: 3, path: Some("/app/gone".to_owned()) };
        link.reply(-1, 41, 0, &gone);
        link.request();
        drop(link);
        let (mut link, connect) = fake.accept(12_000);
        assert_eq!((connect.session_id, connect.last_zxid_seen), (7, 40));
        assert_eq!(connect.passwd, Some(vec![9; 16]));
        let (header, body) = link.request();
        assert_eq!((header.xid, header.kind), (-8, op::SET_WATCHES));
        SetWatches::read(&mut Reader::new(&body)).unwrap()
    });
    let (client, events) = Client::connect(options).unwrap();
    let calls = ["/here", "/later", "/gone"].map(|path| client.exists(path, true));
    for call in calls {
        let _ = call.wait();
    }
    let lost = client.sync("/");
    assert_eq!(lost.wait().unwrap_err(), Error::Code(Code::ConnectionLoss));
    let set = server.join().unwrap();
    let paths = |list: Option<Vec<Option<String>>>| -> BTreeSet<String> {
        list.unwrap().into_iter().flatten().collect()
    };
    assert_eq!(set.relative_zxid, 40);
    assert_eq!(paths(set.data_watches), BTreeSet::from(["/app/here".to_owned()]));
    assert_eq!(paths(set.exist_watches), BTreeSet::from(["/app/later".to_owned()]));
    assert_eq!(
        states(&events, 4),
        [
            Event::State(KeeperState::SyncConnected),
            Event::Watch { kind: EventType::NodeDeleted, path: "/gone".into(), zxid: Zxid(41) },
            Event::State(KeeperState::Disconnected),
            Event::State(KeeperState::SyncConnected),
        ]
    );
}

#[test]
fn an_expired_session_is_final() {
    let (fake, mut options) = Fake::new();
    options.session = Some(Session { id: SessionId(3), password: vec![1; 16] });
    let server = thread::spawn(move || fake.accept(0).1.session_id);
    let (client, events) = Client::start(options);
    assert_eq!(states(&events, 1), [Event::State(KeeperState::Expired)]);
    let call = client.sync("/");
    assert_eq!(call.wait().unwrap_err(), Error::Code(Code::SessionExpired));
    assert_eq!(server.join().unwrap(), 3);
}

#[test]
fn a_reply_out_of_order_ends_the_connection() {
    let (fake, options) = Fake::new();
    let server = thread::spawn(move || {
        let (mut link, _) = fake.accept(12_000);
        let (header, _) = link.request();
        link.reply(header.xid + 1, 1, 0, &false);
        drop(fake);
        link
    });
    let (client, _events) = Client::connect(options).unwrap();
    assert_eq!(client.sync("/").wait().unwrap_err(), Error::Code(Code::ConnectionLoss));
    drop(server.join().unwrap());
}

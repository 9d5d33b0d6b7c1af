//! Our own client library, proved against Java's server; and our server by it.

use std::sync::mpsc::Receiver;
use std::time::Duration;

use compat_tests::Result;
use compat_tests::server::{Kind, Setup};
use gamekeeper::client::{
    AddWatchMode, Client, CreateMode, Error, Event, KeeperState, Op, OpResult, Options,
    RemovedWatch, WatcherType,
};
use gamekeeper::op::Code;
use gamekeeper::tree::EventType;
use jute::data::{Acl, Id};

fn open() -> Vec<Acl> {
    let id = Id { scheme: Some("world".into()), id: Some("anyone".into()) };
    vec![Acl { perms: 31, id }]
}

fn next(events: &Receiver<Event>) -> Event {
    events.recv_timeout(Duration::from_secs(60)).expect("an event within a minute")
}

fn watch(events: &Receiver<Event>) -> (EventType, String) {
    match next(events) {
        Event::Watch { kind, path, .. } => (kind, path),
        other => panic!("expected a watch event, got {other:?}"),
    }
}

fn code<T: std::fmt::Debug>(result: std::result::Result<T, Error>) -> Code {
    match result {
        Err(Error::Code(code)) => code,
        other => panic!("expected an error code, got {other:?}"),
    }
}

#[test]
fn every_operation_against_java() -> Result<()> {
    every_operation(Kind::Java)
}

#[test]
fn every_operation_against_ours() -> Result<()> {
    every_operation(Kind::Ours)
}

#[test]
fn session_and_watches_survive_a_restart_of_ours() -> Result<()> {
    survives_a_restart(Kind::Ours)
}

#[test]
fn session_and_watches_survive_a_restart_of_java() -> Result<()> {
    survives_a_restart(Kind::Java)
}

fn every_operation(kind: Kind) -> Result<()> {
    let dir = tempfile::tempdir()?;
    let server = Setup::new(kind, dir.path())?.with("extendedTypesEnabled", "true").start()?;
    let address = server.connect_string();
    let timeout = Duration::from_secs(20);
    let (root, _events) = Client::connect(Options::new(&address, timeout)?)?;
    root.create("/app", None, &open(), CreateMode::Persistent).wait()?;
    let (client, events) = Client::connect(Options::new(&format!("{address}/app"), timeout)?)?;
    assert_eq!(next(&events), Event::State(KeeperState::SyncConnected));
    nodes(&client)?;
    watches(&client, &events)?;
    multis(&client)?;
    permissions(&client)?;
    assert_eq!(root.get_all_children_number("/app").wait()?, 5);
    client.close()?;
    assert_eq!(root.get_all_children_number("/app").wait()?, 4, "the ephemeral is gone");
    root.close()?;
    Ok(())
}

fn nodes(client: &Client) -> Result<()> {
    let (path, stat) = client.create2("/a", Some(b"1"), &open(), CreateMode::Persistent).wait()?;
    assert_eq!((path.as_str(), stat.data_length), ("/a", 1));
    assert_eq!(client.set_data("/a", Some(b"22"), 0).wait()?.version, 1);
    assert_eq!(code(client.set_data("/a", None, 0).wait()), Code::BadVersion);
    assert_eq!(client.get_data("/a", false).wait()?.0.as_deref(), Some(&b"22"[..]));
    let names: Vec<_> = (0..3)
        .map(|_| client.create("/a/s-", None, &open(), CreateMode::PersistentSequential))
        .collect();
    for (i, call) in names.into_iter().enumerate() {
        assert_eq!(call.wait()?, format!("/a/s-{i:010}"));
    }
    let (mut children, stat) = client.get_children("/a", false).wait()?;
    children.sort();
    assert_eq!(children, ["s-0000000000", "s-0000000001", "s-0000000002"]);
    assert_eq!((stat.num_children, stat.cversion), (3, 3));
    client.create("/e", None, &open(), CreateMode::Ephemeral).wait()?;
    assert_eq!(client.get_ephemerals("/").wait()?, ["/app/e"]);
    client.create("/c", None, &open(), CreateMode::Container).wait()?;
    client.create("/t", None, &open(), CreateMode::PersistentWithTtl(60_000)).wait()?;
    for path in ["/c", "/t", "/a/s-0000000000", "/a/s-0000000001", "/a/s-0000000002"] {
        client.delete(path, -1).wait()?;
    }
    client.sync("/a").wait()?;
    assert_eq!(code(client.exists("/c", false).wait()), Code::NoNode);
    assert!(client.get_config(false).wait()?.0.is_some());
    let refused = client.reconfig(None, None, Some("server.1=x:1:2;3"), -1).wait();
    assert_eq!(code(refused), Code::ReconfigDisabled);
    Ok(())
}

fn watches(client: &Client, events: &Receiver<Event>) -> Result<()> {
    assert_eq!(code(client.exists("/w", true).wait()), Code::NoNode);
    client.create("/w", None, &open(), CreateMode::Persistent).wait()?;
    assert_eq!(watch(events), (EventType::NodeCreated, "/w".into()));
    client.get_data("/w", true).wait()?;
    client.get_children("/w", true).wait()?;
    client.set_data("/w", None, -1).wait()?;
    assert_eq!(watch(events), (EventType::NodeDataChanged, "/w".into()));
    client.create("/w/x", None, &open(), CreateMode::Persistent).wait()?;
    assert_eq!(watch(events), (EventType::NodeChildrenChanged, "/w".into()));
    client.add_watch("/w", AddWatchMode::PersistentRecursive).wait()?;
    for _ in 0..2 {
        client.set_data("/w/x", None, -1).wait()?;
        assert_eq!(watch(events), (EventType::NodeDataChanged, "/w/x".into()));
    }
    client.check_watches("/w", WatcherType::PersistentRecursive).wait()?;
    client.remove_watches("/w", WatcherType::PersistentRecursive, false).wait()?;
    let removed = Event::WatchRemoved { what: RemovedWatch::Persistent, path: "/w".into() };
    assert_eq!(next(events), removed);
    assert_eq!(code(client.check_watches("/w", WatcherType::Any).wait()), Code::NoWatcher);
    client.delete("/w/x", -1).wait()?;
    assert!(events.try_recv().is_err());
    Ok(())
}

fn multis(client: &Client) -> Result<()> {
    let create = |path: &str| Op::Create {
        path: path.into(),
        data: Some(b"m".to_vec()),
        acl: open(),
        mode: CreateMode::Persistent,
    };
    let set = Op::SetData { path: "/m".into(), data: None, version: 0 };
    let results = client.multi(&[create("/m"), set, create("/m/x")]).wait()?;
    assert!(
        matches!(&results[..], [OpResult::Create(m), OpResult::SetData(_), OpResult::Create(x)]
            if m == "/m" && x == "/m/x"),
        "{results:?}"
    );
    let delete = Op::Delete { path: "/m/x".into(), version: -1 };
    let check = Op::Check { path: "/m".into(), version: 9 };
    assert_eq!(
        client.multi(&[delete.clone(), check, delete]).wait()?,
        [OpResult::Error(0), OpResult::Error(-103), OpResult::Error(-2)]
    );
    let reads = [
        Op::GetChildren { path: "/m".into() },
        Op::GetData { path: "/none".into() },
        Op::GetData { path: "/m/x".into() },
    ];
    let results = client.multi_read(&reads).wait()?;
    assert_eq!(results[0], OpResult::GetChildren(vec!["x".into()]));
    assert_eq!(results[1], OpResult::Error(-101));
    assert!(matches!(&results[2], OpResult::GetData(Some(data), _) if data == b"m"));
    Ok(())
}

fn permissions(client: &Client) -> Result<()> {
    client.add_auth("digest", b"bob:secret");
    let who = client.who_am_i().wait()?;
    let bob = who.iter().find(|info| info.auth_scheme.as_deref() == Some("digest"));
    assert_eq!(bob.and_then(|info| info.user.as_deref()), Some("bob"));
    let id = Id { scheme: Some("auth".into()), id: Some(String::new()) };
    client.set_acl("/w", &[Acl { perms: 31, id }], 0).wait()?;
    let (acl, stat) = client.get_acl("/w").wait()?;
    assert_eq!(stat.aversion, 1);
    assert_eq!(acl[0].id.scheme.as_deref(), Some("digest"));
    Ok(())
}

fn survives_a_restart(kind: Kind) -> Result<()> {
    let dir = tempfile::tempdir()?;
    let server = Setup::new(kind, dir.path())?.start()?;
    let options = Options::new(&server.patient_connect_string(), Duration::from_secs(40))?;
    let (client, events) = Client::connect(options)?;
    client.create("/e", None, &open(), CreateMode::Ephemeral).wait()?;
    client.get_data("/e", true).wait()?;
    client.add_watch("/p", AddWatchMode::Persistent).wait()?;
    let session = client.session();
    let (_, setup) = server.stop()?;
    let server = setup.start()?;
    client.wait_connected(Duration::from_secs(60))?;
    assert_eq!(client.session(), session);
    for state in [KeeperState::SyncConnected, KeeperState::Disconnected, KeeperState::SyncConnected]
    {
        assert_eq!(next(&events), Event::State(state));
    }
    client.set_data("/e", Some(b"x"), -1).wait()?;
    assert_eq!(watch(&events), (EventType::NodeDataChanged, "/e".into()));
    client.create("/p", None, &open(), CreateMode::Persistent).wait()?;
    assert_eq!(watch(&events), (EventType::NodeCreated, "/p".into()));
    let mut again = Options::new(&server.connect_string(), Duration::from_secs(40))?;
    again.session = Some(client.session());
    drop(client);
    let (client, _events) = Client::connect(again)?;
    assert_eq!(client.session(), session);
    client.close()?;
    Ok(())
}

/// A server may work a lone write off where it was read, and hands bursts over; nobody can tell which.
#[test]
fn lone_writes_and_bursts_keep_their_order() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let server = Setup::new(Kind::Ours, dir.path())?.start()?;
    let address = server.connect_string();
    let writers: Vec<_> = (0..4)
        .map(|i| {
            let options = Options::new(&address, Duration::from_secs(20))?;
            Ok(std::thread::spawn(move || write_steadily(options, &format!("/w{i}"), 40 * i)))
        })
        .collect::<Result<_>>()?;
    for writer in writers {
        writer.join().expect("a writer")?;
    }
    Ok(())
}

/// Each write expects the version that the one before it made.
fn write_steadily(options: Options, path: &str, burst: i32) -> Result<()> {
    let (client, _events) = Client::connect(options)?;
    client.create(path, None, &open(), CreateMode::Persistent).wait()?;
    let (mut version, mut zxid) = (0, 0);
    for _ in 0..15 {
        // Alone, often enough to be trusted with it, then many at once.
        for count in std::iter::repeat_n(1, 20).chain([burst]) {
            let calls = (0..count).map(|i| client.set_data(path, Some(b"x"), version + i));
            for call in calls.collect::<Vec<_>>() {
                let stat = call.wait()?;
                version += 1;
                assert_eq!(stat.version, version);
                assert!(stat.mzxid > zxid, "{} after {zxid}", stat.mzxid);
                zxid = stat.mzxid;
            }
        }
    }
    client.close()?;
    Ok(())
}

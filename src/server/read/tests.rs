use jute::data::ClientInfo;
use jute::proto::{
    AddWatchRequest, CheckWatchesRequest, ErrorResponse, GetACLRequest, GetACLResponse,
    GetAllChildrenNumberRequest, GetAllChildrenNumberResponse, GetChildren2Response,
    GetChildrenResponse, GetDataRequest, GetDataResponse, GetEphemeralsRequest,
    GetEphemeralsResponse, RemoveWatchesRequest, SetWatches, SetWatches2, SyncRequest,
    SyncResponse, WatcherEvent, WhoAmIResponse,
};
use jute::txn::CreateTxn;
use jute::{Reader, Record, Write};

use crate::op::{Code, op};
use crate::server::harness::{
    Peer, Reply, World, acl, create_txn, delete_txn, path_and_flag, read_request, request, set_txn,
};
use crate::server::reply::put_multi_error;
use crate::tree::watch::WatcherType;
use crate::txn::Txn;

const MARSHALLING: i32 = -5;
const NO_NODE: i32 = -101;
const NO_AUTH: i32 = -102;
const NO_WATCHER: i32 = -121;

fn path_read(world: &World, peer: &mut Peer, kind: i32, path: &str, watch: bool) -> Reply {
    let mut replies = world.ask(peer, 9, kind, &path_and_flag(path, watch));
    assert_eq!(replies.len(), 1);
    replies.remove(0)
}

fn some(path: &str) -> Option<String> {
    Some(path.to_owned())
}

fn watches(world: &World, peer: &Peer, path: &str, kind: WatcherType) -> bool {
    world.front.db.lock_watches().contains(peer.conn().id, path, kind)
}

fn event(reply: &Reply) -> (i32, i64, String) {
    assert_eq!((reply.xid, reply.err), (-1, 0));
    let event: WatcherEvent = reply.record();
    assert_eq!(event.state, 3);
    (event.kind, reply.zxid, event.path.unwrap())
}

/// Read, and its kind, with a record of path and flag.
const NODE_READS: [i32; 4] = [op::GET_DATA, op::EXISTS, op::GET_CHILDREN, op::GET_CHILDREN2];

#[test]
fn data_and_stat_of_a_node() {
    let mut world = World::new();
    world.create("/a", b"one");
    world.change(op::SET_DATA, set_txn("/a", b"three", 1));
    let mut peer = world.connect();
    let reply = path_read(&world, &mut peer, op::GET_DATA, "/a", false);
    assert_eq!(reply.head(), (9, world.zxid(), 0));
    let response: GetDataResponse = reply.record();
    assert_eq!(response.data.unwrap(), b"three");
    let stat = response.stat;
    assert_eq!((stat.czxid, stat.mzxid, stat.version, stat.data_length), (1, 2, 1, 5));
}

#[test]
fn null_data_stays_null() {
    let mut world = World::new();
    let Txn::Create(txn) = create_txn("/a", b"") else { unreachable!() };
    world.change(op::CREATE, Txn::Create(CreateTxn { data: None, ..txn }));
    let mut peer = world.connect();
    let response: GetDataResponse =
        path_read(&world, &mut peer, op::GET_DATA, "/a", false).record();
    assert_eq!(response.data, None);
}

#[test]
fn children() {
    let mut world = World::new();
    for path in ["/a", "/a/x", "/a/y"] {
        world.create(path, b"");
    }
    let mut peer = world.connect();
    let reply = path_read(&world, &mut peer, op::GET_CHILDREN, "/a", false);
    let mut names = reply.record::<GetChildrenResponse>().children.unwrap();
    names.sort();
    assert_eq!(names, [some("x"), some("y")]);
    let reply = path_read(&world, &mut peer, op::GET_CHILDREN2, "/a", false);
    let response: GetChildren2Response = reply.record();
    assert_eq!((response.children.unwrap().len(), response.stat.num_children), (2, 2));
    let reply = path_read(&world, &mut peer, op::GET_CHILDREN, "/a/x", false);
    assert_eq!(reply.record::<GetChildrenResponse>().children, Some(Vec::new()));
    let path = some("/");
    let reply =
        world.read(&mut peer, op::GET_ALL_CHILDREN_NUMBER, &GetAllChildrenNumberRequest { path });
    assert_eq!(reply.record::<GetAllChildrenNumberResponse>().total_number, 6);
}

#[test]
fn a_missing_node() {
    let mut world = World::new();
    let mut peer = world.connect();
    for kind in NODE_READS.into_iter().chain([op::GET_ACL, op::GET_ALL_CHILDREN_NUMBER]) {
        let reply = path_read(&world, &mut peer, kind, "/no", true);
        assert_eq!((reply.err, reply.body.len()), (NO_NODE, 0), "op {kind}");
    }
    assert!(watches(&world, &peer, "/no", WatcherType::Data), "only exists watches what is not");
    assert!(!watches(&world, &peer, "/no", WatcherType::Children));
    for bad in ["no-slash", "/a/", "//", "/a\0b"] {
        let reply = path_read(&world, &mut peer, op::GET_DATA, bad, true);
        assert_eq!(reply.err, NO_NODE, "{bad:?}");
    }
    let reply = path_read(&world, &mut peer, op::EXISTS, "/a\0b", true);
    assert_eq!(reply.err, Code::BadArguments.number());
    assert!(!watches(&world, &peer, "/a\0b", WatcherType::Data));
}

#[test]
fn a_node_that_one_may_not_read() {
    let mut world = World::new();
    world.create_with_acl("/a", vec![acl(2 | 4 | 8, "world", "anyone")]);
    let mut peer = world.connect();
    for kind in NODE_READS.into_iter().chain([op::GET_ACL, op::GET_ALL_CHILDREN_NUMBER]) {
        let reply = path_read(&world, &mut peer, kind, "/a", true);
        assert_eq!(reply.err, NO_AUTH, "op {kind}");
    }
    assert!(!watches(&world, &peer, "/a", WatcherType::Any));
}

#[test]
fn who_may_read_changes_with_auth() {
    let mut world = World::new();
    let digest = "u:tpUq/4Pn5A64fVZyQ0gOJ8ZWqkY=";
    world.create_with_acl("/own", vec![acl(31, "digest", digest)]);
    world.create("/all", b"");
    let mut peer = world.connect();
    assert_eq!(path_read(&world, &mut peer, op::GET_DATA, "/all", false).err, 0);
    assert_eq!(path_read(&world, &mut peer, op::GET_DATA, "/own", false).err, NO_AUTH);
    let ids =
        world.front.auth.authenticate(Some("digest"), Some(b"u:p"), peer.conn().remote.ip(), None);
    let real = ids.unwrap().remove(0).id.unwrap();
    world.create_with_acl("/real", vec![acl(31, "digest", &real)]);
    assert_eq!(path_read(&world, &mut peer, op::GET_DATA, "/real", false).err, NO_AUTH);
    let mut body = Vec::new();
    body.put_int(0);
    body.put_str(Some("digest"));
    body.put_buffer(Some(b"u:p"));
    world.ask(&mut peer, -4, op::AUTH, &body);
    assert_eq!(path_read(&world, &mut peer, op::GET_DATA, "/real", false).err, 0);
    assert_eq!(path_read(&world, &mut peer, op::GET_DATA, "/all", false).err, 0);
    assert_eq!(path_read(&world, &mut peer, op::GET_DATA, "/own", false).err, NO_AUTH);
}

#[test]
fn an_acl_shows_no_digests_to_readers() {
    let mut world = World::new();
    let list = vec![acl(1, "world", "anyone"), acl(31, "digest", "bob:secret")];
    world.create_with_acl("/a", list);
    world.create_with_acl("/b", vec![acl(16, "world", "anyone"), acl(1, "digest", "bob:secret")]);
    let mut peer = world.connect();
    let mut ids = |path: &str| {
        let reply = world.read(&mut peer, op::GET_ACL, &GetACLRequest { path: some(path) });
        let response: GetACLResponse = reply.record();
        response.acl.unwrap().remove(1).id.id.unwrap()
    };
    assert_eq!(ids("/a"), "bob:x");
    assert_eq!(ids("/b"), "bob:secret");
}

#[test]
fn malformed_records() {
    let mut world = World::new();
    world.create("/a", b"");
    let mut peer = world.connect();
    let null_path = [0xff, 0xff, 0xff, 0xff, 1];
    let no_flag = &path_and_flag("/a", true)[..6];
    let long_path = [0x7f, 0xff, 0xff, 0xff, 1];
    for kind in NODE_READS {
        for body in [&null_path[..], no_flag, &long_path, &[]] {
            let replies = world.ask(&mut peer, 9, kind, body);
            assert_eq!(replies[0].head(), (9, world.zxid(), MARSHALLING), "op {kind} {body:?}");
        }
    }
    for kind in [op::GET_ACL, op::CHECK_WATCHES, op::SET_WATCHES, op::SET_WATCHES2, op::MULTI_READ]
    {
        let replies = world.ask(&mut peer, 9, kind, &[0, 0]);
        assert_eq!(replies[0].head(), (9, world.zxid(), MARSHALLING), "op {kind}");
    }
    assert_eq!(path_read(&world, &mut peer, op::GET_DATA, "/a", false).err, 0);
}

#[test]
fn bytes_behind_a_record_are_ignored() {
    let mut world = World::new();
    world.create("/a", b"");
    let mut peer = world.connect();
    let mut body = path_and_flag("/a", false);
    body.extend([1, 2, 3]);
    assert_eq!(world.ask(&mut peer, 9, op::GET_DATA, &body)[0].err, 0);
}

#[test]
fn watches_are_set_where_the_read_succeeds() {
    let mut world = World::new();
    world.create("/a", b"");
    let mut peer = world.connect();
    path_read(&world, &mut peer, op::GET_DATA, "/a", true);
    assert!(watches(&world, &peer, "/a", WatcherType::Data));
    path_read(&world, &mut peer, op::GET_CHILDREN, "/a", true);
    assert!(watches(&world, &peer, "/a", WatcherType::Children));
    assert_eq!(world.front.db.lock_watches().watch_count(), 2);
    peer.client.disconnected(&world.front, &mut Vec::new());
    assert_eq!(world.front.db.lock_watches().watch_count(), 0);
    path_read_after_the_end(&world, &mut peer);
}

/// What the pipeline still answers for a connection that is gone sets no watch that stays.
fn path_read_after_the_end(world: &World, peer: &mut Peer) {
    world.feed(peer, &read_request(3, op::GET_DATA, "/a", true));
    assert_eq!(world.front.db.lock_watches().watch_count(), 0);
}

#[test]
fn watches_are_looked_for_and_removed() {
    let mut world = World::new();
    world.create("/a", b"");
    let mut peer = world.connect();
    path_read(&world, &mut peer, op::GET_DATA, "/a", true);
    let check = |kind| CheckWatchesRequest { path: some("/a"), kind };
    let remove = |kind| RemoveWatchesRequest { path: some("/a"), kind };
    assert_eq!(world.read(&mut peer, op::CHECK_WATCHES, &check(2)).err, 0);
    assert_eq!(world.read(&mut peer, op::CHECK_WATCHES, &check(1)).err, NO_WATCHER);
    assert_eq!(world.read(&mut peer, op::CHECK_WATCHES, &check(3)).err, 0);
    for bad in [0, 6, -1] {
        assert_eq!(world.read(&mut peer, op::CHECK_WATCHES, &check(bad)).err, MARSHALLING);
        assert_eq!(world.read(&mut peer, op::REMOVE_WATCHES, &remove(bad)).err, MARSHALLING);
    }
    assert_eq!(world.read(&mut peer, op::REMOVE_WATCHES, &remove(2)).err, 0);
    assert_eq!(world.read(&mut peer, op::REMOVE_WATCHES, &remove(2)).err, NO_WATCHER);
}

#[test]
fn watches_without_a_node() {
    let mut world = World::new();
    let mut peer = world.connect();
    let add = |mode| AddWatchRequest { path: some("/x"), mode };
    assert_eq!(world.read(&mut peer, op::ADD_WATCH, &add(2)).err, MARSHALLING);
    for (mode, kind) in [(0, WatcherType::Persistent), (1, WatcherType::PersistentRecursive)] {
        let reply = world.read(&mut peer, op::ADD_WATCH, &add(mode));
        assert_eq!((reply.err, reply.record::<ErrorResponse>().err), (0, 0));
        assert!(watches(&world, &peer, "/x", kind));
    }
    let null = AddWatchRequest { path: None, mode: 0 };
    assert_eq!(world.read(&mut peer, op::ADD_WATCH, &null).err, 0);
    let null = CheckWatchesRequest { path: None, kind: 4 };
    assert_eq!(world.read(&mut peer, op::CHECK_WATCHES, &null).err, NO_WATCHER);
    assert_eq!(world.read(&mut peer, op::REMOVE_WATCHES, &null).err, NO_WATCHER);
}

/// Since zxid 3: `/old` is as it was, `/new` was made and `/gone` deleted, `/set` was set, `/kids` got
/// a child.
fn changed_world() -> (World, Peer) {
    let mut world = World::new();
    for path in ["/old", "/gone", "/set"] {
        world.create(path, b"");
    }
    world.create("/kids", b"");
    world.create("/kids/1", b"");
    world.create("/new", b"");
    world.change(op::DELETE, delete_txn("/gone"));
    world.change(op::SET_DATA, set_txn("/set", b"1", 1));
    let peer = world.connect();
    (world, peer)
}

fn list(paths: &[&str]) -> Option<Vec<Option<String>>> {
    Some(paths.iter().map(|p| some(p)).collect())
}

#[test]
fn watches_set_anew_tell_what_was_missed() {
    let (world, mut peer) = changed_world();
    let request = SetWatches {
        relative_zxid: 4,
        data_watches: list(&["/old", "/set", "/gone"]),
        exist_watches: list(&["/new", "/none"]),
        child_watches: list(&["/kids", "/old", "/gone"]),
    };
    let mut replies = world.ask(&mut peer, -8, op::SET_WATCHES, &jute::to_bytes(&request));
    assert_eq!(replies.pop().unwrap().head(), (-8, world.zxid(), 0));
    let events: Vec<_> = replies.iter().map(event).collect();
    let told = |kind, path: &str| (kind, -1, path.to_owned());
    assert_eq!(
        events,
        [told(3, "/set"), told(2, "/gone"), told(1, "/new"), told(4, "/kids"), told(2, "/gone")]
    );
    for (path, kind) in
        [("/old", WatcherType::Data), ("/none", WatcherType::Data), ("/old", WatcherType::Children)]
    {
        assert!(watches(&world, &peer, path, kind), "{path}");
    }
    assert_eq!(world.front.db.lock_watches().watch_count(), 3);
    assert_eq!(peer.conn().stats.figures().packets_sent, 1 + 6);
    assert!(world.front.metrics.watch_bytes.get() > 0);
}

#[test]
fn watches_are_set_anew_up_to_a_null() {
    let (world, mut peer) = changed_world();
    let request = SetWatches2 {
        relative_zxid: 4,
        data_watches: Some(vec![some("/set"), None, some("/gone")]),
        ..SetWatches2::default()
    };
    let replies = world.ask(&mut peer, -8, op::SET_WATCHES2, &jute::to_bytes(&request));
    assert_eq!(event(&replies[0]), (3, -1, "/set".to_owned()));
    assert_eq!((replies.len(), replies[1].err), (2, MARSHALLING));
    let request = SetWatches2 {
        data_watches: list(&["/old"]),
        exist_watches: list(&["/none"]),
        child_watches: list(&[]),
        relative_zxid: 4,
        persistent_recursive_watches: list(&["/p"]),
        ..SetWatches2::default()
    };
    let replies = world.ask(&mut peer, -8, op::SET_WATCHES2, &jute::to_bytes(&request));
    assert_eq!((replies.len(), replies[0].err), (1, MARSHALLING));
    assert!(watches(&world, &peer, "/none", WatcherType::Data));
    assert!(!watches(&world, &peer, "/p", WatcherType::Any), "a null list stands before it");
}

#[test]
fn persistent_watches_set_anew() {
    let (world, mut peer) = changed_world();
    let request = SetWatches2 {
        relative_zxid: 4,
        data_watches: list(&[]),
        exist_watches: list(&[]),
        child_watches: list(&[]),
        persistent_watches: list(&["/set"]),
        persistent_recursive_watches: list(&["/gone"]),
    };
    assert_eq!(world.read(&mut peer, op::SET_WATCHES2, &request).err, 0);
    assert!(watches(&world, &peer, "/set", WatcherType::Persistent));
    assert!(watches(&world, &peer, "/gone", WatcherType::PersistentRecursive));
    let without = SetWatches2 { persistent_watches: None, ..request };
    assert_eq!(world.read(&mut peer, op::SET_WATCHES2, &without).err, MARSHALLING);
    let null = SetWatches {
        relative_zxid: 0,
        data_watches: Some(vec![None]),
        exist_watches: list(&[]),
        child_watches: list(&[]),
    };
    assert_eq!(world.read(&mut peer, op::SET_WATCHES, &null).err, MARSHALLING);
}

#[test]
fn ephemerals_of_the_session() {
    let mut world = World::new();
    let mut peer = world.connect();
    for path in ["/e1", "/e2", "/f"] {
        let Txn::Create(txn) = create_txn(path, b"") else { unreachable!() };
        let txn = Txn::Create(CreateTxn { ephemeral: true, ..txn });
        world.commit(op::CREATE, peer.session(), txn, None);
    }
    let mut other = world.connect();
    let ask = |peer: &mut Peer, prefix: Option<&str>| {
        let request = GetEphemeralsRequest { prefix_path: prefix.map(str::to_owned) };
        let reply = world.read(peer, op::GET_EPHEMERALS, &request);
        let mut paths = reply.record::<GetEphemeralsResponse>().ephemerals.unwrap();
        paths.sort();
        paths.into_iter().flatten().collect::<Vec<_>>().join(" ")
    };
    for all in [None, Some(""), Some(" \t"), Some("/"), Some(" / ")] {
        assert_eq!(ask(&mut peer, all), "/e1 /e2 /f");
    }
    assert_eq!(ask(&mut peer, Some("/e")), "/e1 /e2");
    assert_eq!(ask(&mut peer, Some("/g")), "");
    assert_eq!(ask(&mut other, None), "");
}

#[test]
fn who_one_is() {
    let mut world = World::new();
    let mut peer = world.connect();
    let replies = world.ask(&mut peer, 4, op::WHO_AM_I, &[]);
    let infos = replies[0].record::<WhoAmIResponse>().client_info.unwrap();
    let user = some("10.0.0.9");
    assert_eq!(infos, [ClientInfo { auth_scheme: some("ip"), user }]);
}

#[test]
fn a_sync_echoes_its_path() {
    let mut world = World::new();
    let mut peer = world.connect();
    for path in [some("/a"), None] {
        let body = jute::to_bytes(&SyncRequest { path: path.clone() });
        assert!(world.ask(&mut peer, 5, op::SYNC, &body).is_empty());
        world.pump(&mut peer);
        let reply = peer.reply();
        assert_eq!(reply.head(), (5, world.zxid(), 0));
        assert_eq!(reply.record::<SyncResponse>().path, path);
    }
    world.ask(&mut peer, 6, op::SYNC, &[1]);
    world.pump(&mut peer);
    assert_eq!(peer.reply().head(), (6, world.zxid(), MARSHALLING));
}

fn multi_part(out: &mut Vec<u8>, kind: i32, path: &str) {
    out.put_int(kind);
    out.put_bool(false);
    out.put_int(-1);
    GetDataRequest { path: some(path), watch: true }.write(out);
}

fn multi_end(out: &mut Vec<u8>) {
    out.put_int(-1);
    out.put_bool(true);
    out.put_int(-1);
}

#[test]
fn several_reads_in_one() {
    let mut world = World::new();
    world.create("/a", b"data");
    world.create("/a/b", b"");
    world.create_with_acl("/closed", vec![acl(2, "world", "anyone")]);
    let mut peer = world.connect();
    let mut body = Vec::new();
    multi_part(&mut body, op::GET_DATA, "/a");
    multi_part(&mut body, op::GET_DATA, "/none");
    multi_part(&mut body, op::GET_CHILDREN, "/closed");
    multi_part(&mut body, op::GET_CHILDREN, "/a");
    multi_end(&mut body);
    let replies = world.ask(&mut peer, 3, op::MULTI_READ, &body);
    assert_eq!(replies[0].head(), (3, world.zxid(), 0));
    let mut r = Reader::new(&replies[0].body);
    let header = |r: &mut Reader<'_>| (r.int().unwrap(), r.bool().unwrap(), r.int().unwrap());
    assert_eq!(header(&mut r), (4, false, 0));
    assert_eq!(GetDataResponse::read(&mut r).unwrap().data.unwrap(), b"data");
    for err in [NO_NODE, NO_AUTH] {
        assert_eq!(header(&mut r), (-1, false, err));
        assert_eq!(r.int(), Ok(err));
    }
    assert_eq!(header(&mut r), (8, false, 0));
    assert_eq!(GetChildrenResponse::read(&mut r).unwrap().children, Some(vec![some("b")]));
    assert_eq!(header(&mut r), (-1, true, -1));
    assert!(r.is_empty());
    assert_eq!(world.front.db.lock_watches().watch_count(), 0);
}

#[test]
fn one_bad_part_spoils_several_reads() {
    let mut world = World::new();
    world.create("/a", b"data");
    let mut peer = world.connect();
    for bad in [op::EXISTS, op::CREATE, op::CHECK, 77] {
        let mut body = Vec::new();
        multi_part(&mut body, op::GET_DATA, "/a");
        multi_part(&mut body, bad, "/a");
        multi_end(&mut body);
        let replies = world.ask(&mut peer, 3, op::MULTI_READ, &body);
        assert_eq!((replies[0].err, replies[0].body.len()), (MARSHALLING, 0));
    }
    let mut null = Vec::new();
    multi_part(&mut null, op::GET_DATA, "/no");
    null.put_int(op::GET_DATA);
    null.put_bool(false);
    null.put_int(-1);
    null.put_str(None);
    null.put_bool(false);
    multi_end(&mut null);
    let replies = world.ask(&mut peer, 3, op::MULTI_READ, &null);
    let mut answered = Vec::new();
    put_multi_error(&mut answered, NO_NODE);
    multi_end(&mut answered);
    assert_eq!((replies[0].err, &replies[0].body), (MARSHALLING, &answered));
    let mut empty = Vec::new();
    multi_end(&mut empty);
    let mut writes = Vec::new();
    writes.put_int(op::DELETE);
    writes.put_bool(false);
    writes.put_int(-1);
    writes.put_str(Some("/a"));
    writes.put_int(-1);
    multi_end(&mut writes);
    let replies = world.ask(&mut peer, 3, op::MULTI_READ, &writes);
    assert_eq!((replies[0].err, &replies[0].body), (MARSHALLING, &empty));
    let replies = world.ask(&mut peer, 3, op::MULTI_READ, &empty);
    assert_eq!((replies[0].err, &replies[0].body), (0, &empty));
}

#[test]
fn reads_weigh_on_their_namespace() {
    let mut world = World::new();
    world.create("/app", b"12345");
    let mut peer = world.connect();
    let mut bytes = read_request(1, op::GET_DATA, "/app", false);
    bytes.extend(read_request(2, op::EXISTS, "/app", false));
    bytes.extend(request(3, op::WHO_AM_I, &[]));
    world.feed(&mut peer, &bytes);
    let set = world.front.metrics.read_per_namespace.of("app").unwrap();
    assert_eq!((set.count(), set.sum()), (2, 2 * (4 + 68) + 5));
}

use jute::data::Acl;
use jute::proto::{CreateRequest, SetDataRequest};
use jute::{Write, to_bytes};

use super::{FrontSettings, Next};
use crate::config::AuthConfig;
use crate::op::op;
use crate::server::auth::perms;
use crate::server::harness::{Peer, Reply, World, acl, auth_config, request, settings};
use crate::server::reason::DisconnectReason as Why;

fn auth_body(scheme: &str, proof: &str) -> Vec<u8> {
    let mut body = Vec::new();
    body.put_int(0);
    body.put_str(Some(scheme));
    body.put_buffer(Some(proof.as_bytes()));
    body
}

fn create_body(path: &str, acl: &[Acl]) -> Vec<u8> {
    let (path, acl) = (Some(path.to_owned()), Some(acl.to_vec()));
    to_bytes(&CreateRequest { path, data: None, acl, flags: 0 })
}

fn set_body(path: &str) -> Vec<u8> {
    to_bytes(&SetDataRequest { path: Some(path.to_owned()), data: None, version: -1 })
}

fn heads(replies: &[Reply]) -> Vec<(i32, i64, i32)> {
    replies.iter().map(Reply::head).collect()
}

#[test]
fn the_scheme_ensemble_sends_away_who_meant_another() {
    let names = vec!["foo".to_owned(), "bar".to_owned()];
    let config = AuthConfig { ensemble_auth_names: Some(names), ..auth_config() };
    let mut world = World::with(settings(), &config);
    let mut peer = world.connect();
    for name in ["bar", "foo", ""] {
        let replies = world.ask(&mut peer, -4, op::AUTH, &auth_body("ensemble", name));
        assert_eq!(heads(&replies), [(-4, 0, 0)]);
    }
    assert_eq!(peer.conn().auth().len(), 1);
    let progress = world.feed(&mut peer, &request(-4, op::AUTH, &auth_body("ensemble", "goo")));
    assert_eq!(progress.next, Next::Close(Why::FailedHandshake));
    assert!(peer.replies().is_empty());
    let metrics = &world.front.metrics;
    let counted = [
        metrics.ensemble_auth_success.get(),
        metrics.ensemble_auth_skip.get(),
        metrics.ensemble_auth_fail.get(),
    ];
    assert_eq!(counted, [2, 1, 1]);
}

#[test]
fn the_scheme_ensemble_must_be_configured() {
    let mut world = World::new();
    let mut peer = world.connect();
    world.feed(&mut peer, &request(-4, op::AUTH, &auth_body("ensemble", "foo")));
    assert_eq!(heads(&peer.replies()), [(-4, 0, -115)]);
}

#[test]
fn the_scheme_key_wants_a_multiple_of_the_key() {
    let config = AuthConfig { key_scheme: true, ..auth_config() };
    let mut world = World::with(settings(), &config);
    let try_it = |world: &mut World, proof: &str| {
        let mut peer = world.connect();
        world.feed(&mut peer, &request(-4, op::AUTH, &auth_body("key", proof)));
        (peer.replies()[0].head().2, peer.conn().auth().len())
    };
    assert_eq!(try_it(&mut world, "anything"), (0, 2));
    world.create("/key", b"5");
    assert_eq!(try_it(&mut world, "125"), (0, 2));
    for wrong in ["7", "five", ""] {
        assert_eq!(try_it(&mut world, wrong), (-115, 1), "{wrong}");
    }
}

/// A world that looks early, with a node that only somebody else may change.
fn eager() -> (World, Peer) {
    let s = FrontSettings { eager_acl_check: true, ..settings() };
    let mut world = World::with(s, &auth_config());
    world.create_with_acl("/theirs", vec![acl(perms::ALL, "digest", "x:y")]);
    let peer = world.connect();
    (world, peer)
}

#[test]
fn what_a_client_may_not_do_takes_no_place_in_the_log() {
    let (world, mut peer) = eager();
    let open = [acl(perms::ALL, "world", "anyone")];
    let refused = [
        (op::SET_DATA, set_body("/theirs"), -102),
        (op::CREATE, create_body("/theirs/a", &open), -102),
        (op::CREATE, create_body("/a", &[]), -114),
        (op::CREATE2, create_body("/a", &[acl(perms::ALL, "auth", "")]), -114),
    ];
    for (kind, body, code) in refused {
        assert_eq!(heads(&world.ask(&mut peer, 1, kind, &body)), [(1, 0, code)]);
    }
    assert!(peer.submitted.is_empty());
    let left_to_others = [
        (op::CREATE, create_body("/a", &open)),
        (op::SET_DATA, set_body("/nowhere")),
        (op::CREATE_CONTAINER, create_body("/theirs/c", &open)),
    ];
    for (kind, body) in left_to_others {
        let (mut world, mut peer) = eager();
        assert!(world.ask(&mut peer, 1, kind, &body).is_empty());
        assert_eq!(peer.submitted.len(), 1);
        world.pump(&mut peer);
    }
}

#[test]
fn an_early_refusal_overtakes_nothing() {
    let (world, mut peer) = eager();
    let mut bytes = request(1, op::SYNC, &create_body("/", &[])[..5]);
    bytes.extend(request(2, op::SET_DATA, &set_body("/theirs")));
    world.feed(&mut peer, &bytes);
    assert!(peer.replies().is_empty());
    assert_eq!(peer.submitted.len(), 2);
}

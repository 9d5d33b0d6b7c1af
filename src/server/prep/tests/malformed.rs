//! Requests that make no sense: a code, never a panic; and whether they take a zxid.

use proptest::prelude::*;

use super::*;

fn null_path_create(acl: Option<Vec<Acl>>) -> Request {
    request(op::CREATE, to_bytes(&CreateRequest { path: None, data: None, acl, flags: 0 }))
}

#[test]
fn a_request_that_is_cut_takes_no_zxid_but_a_multi_does() {
    let mut server = Server::new();
    for kind in [
        op::CREATE,
        op::CREATE2,
        op::CREATE_TTL,
        op::CREATE_CONTAINER,
        op::DELETE,
        op::DELETE_CONTAINER,
        op::SET_DATA,
        op::SET_ACL,
        op::RECONFIG,
    ] {
        let prepared = server.prepare(&request(kind, vec![0, 0]));
        assert_eq!(prepared, Prepared { record: None, error: Some(Code::MarshallingError) });
    }
    let prepared = server.prepare(&request(op::MULTI, vec![0, 0]));
    assert_eq!(prepared.error, Some(Code::MarshallingError));
    assert_eq!(prepared.record.unwrap().header.kind, op::ERROR);
}

/// Its learner waits for the transaction that answers it.
#[test]
fn in_an_ensemble_whatever_is_cut_takes_a_zxid() {
    let options = PrepOptions { in_ensemble: true, ..PrepOptions::default() };
    let mut server = Server::with(options, TreeOptions::default());
    for kind in [op::CREATE, op::DELETE, op::SET_DATA, op::SET_ACL, op::RECONFIG, op::MULTI] {
        let prepared = server.prepare(&request(kind, vec![0, 0]));
        assert_eq!(prepared.error, Some(Code::MarshallingError));
        assert_eq!(prepared.record.unwrap().header.kind, op::ERROR);
    }
}

#[test]
fn a_null_path_is_found_out_where_it_is_looked_at() {
    let mut server = Server::new();
    let open = Some(open_acl().to_vec());
    let null_delete = request(op::DELETE, to_bytes(&DeleteRequest { path: None, version: -1 }));
    let null_set = SetDataRequest { path: None, data: None, version: -1 };
    let null_set = request(op::SET_DATA, to_bytes(&null_set));
    for (req, code) in [
        (null_path_create(open), Code::MarshallingError),
        (null_delete.clone(), Code::MarshallingError),
        (Request { session: SessionId(99), ..null_delete.clone() }, Code::UnknownSession),
        (null_set, Code::BadArguments),
        (multi(&[create("/a", 0), null_delete]), Code::MarshallingError),
    ] {
        let prepared = server.prepare(&req);
        assert_eq!(prepared.error, Some(code));
        assert_eq!(prepared.record.unwrap().header.kind, op::ERROR);
    }
    server.commit();
    assert!(!server.has("/a"));
}

#[test]
fn a_null_acl_is_invalid_and_in_a_multi_malformed() {
    let mut server = Server::new();
    let no_acl = request(op::CREATE, create_body("/a", 0, None));
    assert_eq!(server.prepare(&no_acl).error, Some(Code::InvalidAcl));
    let prepared = server.prepare(&multi(&[no_acl]));
    assert_eq!(prepared, Prepared { record: None, error: Some(Code::MarshallingError) });
}

#[test]
fn an_id_that_java_trips_over_spoils_the_whole_multi() {
    let mut server = Server::new();
    let null_id = [Acl { perms: 1, id: Id { scheme: text("ip"), id: None } }];
    let prepared = server.prepare(&multi(&[create("/a", 0), create_acl("/b", &null_id)]));
    assert_eq!(prepared.error, Some(Code::MarshallingError));
    assert_eq!(prepared.record.unwrap().header.kind, op::ERROR);
    assert_eq!(server.prepare(&create("/a", 0)).error, None);
    server.commit();
}

#[test]
fn a_multi_takes_writes_only_and_modes_that_exist() {
    let mut server = Server::new();
    let get = request(op::GET_DATA, to_bytes(&jute::proto::GetDataRequest::default()));
    let set_acl = set_acl("/", open_acl(), -1);
    for part in [get, set_acl, delete_container("/a"), create("/a", 9), create("/a", 5)] {
        let prepared = server.prepare(&multi(&[create("/b", 0), part]));
        assert_eq!(prepared.error, Some(Code::MarshallingError));
        assert_eq!(prepared.record.unwrap().header.kind, op::ERROR);
    }
    server.commit();
    assert!(!server.has("/b"));
}

fn any_request() -> impl Strategy<Value = Request> {
    let samples = vec![
        create("/a/b", 2),
        create_with(op::CREATE_CONTAINER, "/c", 4),
        create_ttl("/t", 5, 100),
        delete("/a", -1),
        delete_container("/c"),
        set_data("/a", b"data", -1),
        set_acl("/a", &for_others(31), -1),
        multi(&[create("/m", 0), set_data("/m", b"x", -1), check("/m", 1), delete("/m", -1)]),
        request(op::RECONFIG, to_bytes(&jute::proto::ReconfigRequest::default())),
        request(op::CREATE_SESSION, vec![0, 0, 1, 0]),
        close_session(SESSION),
    ];
    prop::sample::select(samples)
}

proptest! {
    #[test]
    fn mutated_requests_get_a_code(
        requests in prop::collection::vec(
            (any_request(), prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
             any::<prop::sample::Index>(), any::<bool>()),
            1..20,
        ),
    ) {
        let mut server = Server::with_ttl();
        for (mut req, flips, cut, do_cut) in requests {
            let mut body = req.body.to_vec();
            for (at, value) in flips {
                if !body.is_empty() {
                    let at = at.index(body.len());
                    body[at] = value;
                }
            }
            if do_cut {
                body.truncate(cut.index(body.len() + 1));
            }
            req.body = body.into();
            server.prepare(&req);
        }
        server.commit();
    }
}
